package detect

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	caller = netip.MustParseAddrPort("203.0.113.7:5060")
	server = netip.MustParseAddrPort("192.0.2.10:5060")
)

// bench lays outcomes of one source before an engine.
type bench struct {
	*Engine
	from netip.AddrPort
	now  time.Time
	seen uint32
}

func newBench(detectors ...Detector) *bench {
	if detectors == nil {
		detectors = All()
	}
	return &bench{Engine: NewEngine(Options{Seed: bounded.Seed{K0: 1, K1: 2}}, detectors), from: caller, now: noon}
}

// outcome is how one REGISTER ended; it gives what the engine found.
func (b *bench) outcome(result event.Result, account string, proof event.Grade) []Finding {
	return b.ends(event.Outcome{Result: result, Account: account, Proof: proof, Method: event.REGISTER})
}

func (b *bench) ends(o event.Outcome) []Finding {
	b.seen++
	o.Remote, o.Port, o.Time, o.Requests = b.from.Addr(), b.from.Port(), b.now, b.seen
	o.AccountID = event.AccountID([]byte(o.Account))
	e := event.Event{Kind: event.Response, Time: b.now, Remote: b.from, Local: server, Outcomes: []event.Outcome{o}}
	return b.See(&e)
}

// request is a request as it arrives.
func (b *bench) request(s event.SIP) []Finding {
	b.seen++
	if s.Method == event.Other {
		s.Method = event.REGISTER
	}
	return b.See(&event.Event{Kind: event.Request, Time: b.now, Remote: b.from, Local: server, Inbound: true,
		SIP: s, Requests: b.seen, Account: event.AccountID(s.Target), Echoes: s.Auth.Present})
}

func (b *bench) wait(d time.Duration) { b.now = b.now.Add(d) }

// classes are what findings speak of, without what speaks for a source and
// without what only slows its port.
func classes(found []Finding) []Class {
	var list []Class
	for _, f := range found {
		if f.Class.Attack() && !f.Spent {
			list = append(list, f.Class)
		}
	}
	return list
}

// until counts how often step must happen before the engine finds something.
func until(most int, step func(i int) []Finding) (int, Finding) {
	for i := range most {
		for _, f := range step(i) {
			if f.Class.Attack() && !f.Spent {
				return i + 1, f
			}
		}
	}
	return 0, Finding{}
}

func account(i int) string { return fmt.Sprint("user", i) }

// guessed makes the engine find a guesser.
func guessed(t *testing.T, b *bench) {
	t.Helper()
	if n, _ := until(20, func(int) []Finding {
		b.wait(200 * time.Millisecond)
		return b.outcome(event.Failed, "100", event.GradeA)
	}); n == 0 {
		t.Fatal("a guesser is not found")
	}
}

func TestNothingIsFoundInNothing(t *testing.T) {
	b := newBench()
	for _, e := range []event.Event{
		{}, {Kind: event.Tick}, {Kind: event.Junk, Remote: caller, Inbound: true}, {Kind: event.Pardon},
		{Kind: event.Request, Remote: caller}, // ours, to the outside
		{Kind: event.Request, Inbound: true}, {Kind: event.Response, Inbound: true, Remote: caller},
		{Kind: event.Line, Log: event.Log{Verdict: event.Tampered}}, // by nobody
		{Kind: event.Line, Remote: caller, Log: event.Log{Verdict: event.Hostile}},
		{Kind: event.Tick, Outcomes: []event.Outcome{{}, {Result: event.Unanswered, Remote: caller.Addr()}}},
	} {
		e.Time = noon
		if found := b.See(&e); len(found) > 0 {
			t.Errorf("%+v: found %+v", e, found)
		}
	}
}

func TestPardonForgetsWhatSpeaksAgainst(t *testing.T) {
	b := newBench()
	other := netip.MustParseAddrPort("203.0.113.8:5060")
	for _, from := range []netip.AddrPort{other, caller} {
		b.from = from
		b.outcome(event.Accepted, "good", event.GradeA)
		guessed(t, b)
	}
	b.See(&event.Event{Kind: event.Pardon, Time: b.now, Remote: netip.AddrPortFrom(caller.Addr(), 0)})
	if found := b.outcome(event.Failed, "100", event.GradeA); len(found) > 0 {
		t.Errorf("the first packet after a pardon: %+v", found)
	}
	c := b.cases.Get(b.seed.Addr(caller.Addr()))
	good := Sight{engine: b.Engine, home: b.seed.Addr(caller.Addr()), account: event.AccountID([]byte("good")), now: b.now.UnixNano()}
	if !good.knows() || c.goodAt == 0 {
		t.Error("what speaks for the source is forgotten too")
	}
	if n := len(b.dossiers.Items(b.seed.Addr(caller.Addr()))); n > 2 {
		t.Errorf("%d pieces of evidence remain", n)
	}
	// Nothing is forgotten of anybody else.
	if n := len(b.dossiers.Items(b.seed.Addr(other.Addr()))); n < 6 {
		t.Errorf("%d pieces of evidence about another source, want them all", n)
	}
	guesses := 0
	b.guesses.Clear(func(*guessing) bool { guesses++; return false })
	if guesses != 2 { // the other's, and the one after the pardon
		t.Errorf("%d guessings remain, want 2", guesses)
	}
}

// TestPardonOfEverybody: an event without a source is for all of them.
func TestPardonOfEverybody(t *testing.T) {
	b := newBench()
	sources := []netip.AddrPort{netip.MustParseAddrPort("203.0.113.8:5060"), netip.MustParseAddrPort("[2001:db8::8]:5060"), caller}
	for _, b.from = range sources {
		b.outcome(event.Accepted, "good", event.GradeA)
		guessed(t, b)
	}
	b.See(&event.Event{Kind: event.Pardon, Time: b.now})
	for _, b.from = range sources {
		if found := b.outcome(event.Failed, "100", event.GradeA); len(found) > 0 {
			t.Errorf("the first packet of %s after a pardon: %+v", b.from, found)
		}
		key := b.seed.Addr(b.from.Addr())
		if good := (&Sight{engine: b.Engine, home: b.home(b.from.Addr(), key), account: event.AccountID([]byte("good")), now: b.now.UnixNano()}); !good.knows() {
			t.Errorf("what speaks for %s is forgotten too", b.from)
		}
		if n := len(b.dossiers.Items(key)); n > 2 {
			t.Errorf("%d pieces of evidence about %s remain", n, b.from)
		}
	}
}

func TestPardonOfAStranger(t *testing.T) {
	b := newBench()
	b.See(&event.Event{Kind: event.Pardon, Time: noon, Remote: caller})
	guessed(t, b)
}

func TestFindingsThatSpeakForASource(t *testing.T) {
	b := newBench()
	if found := b.outcome(event.Accepted, "100", event.None); len(found) > 0 {
		t.Errorf("bad: a success without proof: %+v", found)
	}
	for i, step := range []struct {
		wait    time.Duration
		account string
		want    bool
	}{
		{0, "100", true},
		{time.Minute, "100", false}, // no news
		{time.Minute, "101", true},  // another account
		{59 * time.Minute, "101", false},
		{time.Hour, "101", true}, // good for another while
	} {
		b.wait(step.wait)
		found := b.outcome(event.Accepted, step.account, event.GradeA)
		if got := len(found) == 1 && found[0].Class == ClassGood && found[0].AccountID == event.AccountID([]byte(step.account)); got != step.want {
			t.Errorf("step %d: found %+v, want %v", i, found, step.want)
		}
	}
}

func TestGoodnessRunsOut(t *testing.T) {
	scanned := func(b *bench) int {
		n, _ := until(40, func(i int) []Finding {
			b.wait(time.Second)
			return b.outcome(event.Disregarded, account(i), event.None)
		})
		return n
	}
	for _, test := range []struct {
		since time.Duration
		found bool
	}{
		{time.Hour, false}, {29 * 24 * time.Hour, false}, {31 * 24 * time.Hour, true},
	} {
		b := newBench()
		b.outcome(event.Accepted, "100", event.GradeA)
		b.wait(test.since)
		if got := scanned(b) > 0; got != test.found {
			t.Errorf("a scan %s after a success: found %v, want %v", test.since, got, test.found)
		}
	}
}

func TestAnAnsweredChallengeLiftsALimit(t *testing.T) {
	b := newBench()
	if found := b.outcome(event.Followed, "100", event.GradeA); len(found) > 0 {
		t.Errorf("bad: nothing to lift: %+v", found)
	}
	b = newBench()
	for i := range 9 {
		b.outcome(event.Disregarded, account(i), event.None)
	}
	found := b.outcome(event.Followed, "100", event.GradeA)
	if len(found) != 1 || found[0].Class != ClassProven || found[0].Source != caller.Addr() {
		t.Fatalf("found %+v, want one that it is proven", found)
	}
	if found := b.outcome(event.Followed, "100", event.GradeA); len(found) > 0 {
		t.Errorf("lifted twice: %+v", found)
	}
}

// TestFindingsAreRepeatedWhileItGoesOn: what lasts a minute is said again
// within it, and not with every packet.
func TestFindingsAreRepeatedWhileItGoesOn(t *testing.T) {
	for name, step := range map[string]func(b *bench, i int) []Finding{
		"a limit": func(b *bench, i int) []Finding { return b.outcome(event.Disregarded, account(i), event.None) },
		"a drop":  func(b *bench, _ int) []Finding { return b.outcome(event.Failed, "100", event.GradeA) },
		"a shaped line": func(b *bench, _ int) []Finding {
			return b.See(&event.Event{Kind: event.Line, Time: b.now, Remote: caller, Log: event.Log{Verdict: event.Tampered, Source: caller}})
		},
		"a hint": func(b *bench, i int) []Finding { return b.outcome(event.UnknownUser, account(i), event.GradeC) },
	} {
		b := newBench()
		var at []time.Duration
		for i := range 1200 {
			for range step(b, i) {
				at = append(at, b.now.Sub(noon))
			}
			b.wait(100 * time.Millisecond)
		}
		if len(at) < 4 || len(at) > 6 {
			t.Errorf("%s: told at %v, want every half minute for two minutes", name, at)
		}
	}
}

func TestFindingTellsTheWholeStory(t *testing.T) {
	b := newBench()
	b.request(event.SIP{UserAgent: []byte("friendly-scanner")})
	n, f := until(9, func(int) []Finding { b.wait(time.Second); return b.outcome(event.Failed, "100", event.GradeA) })
	if n == 0 {
		t.Fatal("nothing found")
	}
	if f.Source != caller.Addr() || f.Port != 5060 || !f.Time.Equal(b.now) || f.Requests != b.seen {
		t.Errorf("who and when: %+v", f)
	}
	if f.Rule != "guess" || f.Class != ClassGuess || f.Severity != High || f.Proof != event.GradeA || f.Account != "100" || f.Text {
		t.Errorf("what: %+v", f)
	}
	if f.Evidence < DropBound || f.KnownAccount || f.GoodPort {
		t.Errorf("how sure: %+v", f)
	}
	want := fmt.Sprintf("it tried %d wrong passwords for account \"100\" within %ds; its requests carry the marks of an attack tool "+
		"(User-Agent of an attack tool); it received our challenges, so the address is real", n, n)
	if f.Why != want {
		t.Errorf("why: %s\nwant %s", f.Why, want)
	}
	if len(f.Items) != 1+n || f.Items[0].What != "tool mark: User-Agent of an attack tool" || f.Items[1].What != "failed" {
		t.Errorf("evidence: %+v", f.Items)
	}
}

func TestProofIsTheWeakestOfTheEvidence(t *testing.T) {
	for _, test := range []struct {
		grades []event.Grade
		want   event.Grade
	}{
		{[]event.Grade{event.GradeA}, event.GradeA},
		{[]event.Grade{event.GradeA, event.GradeB}, event.GradeB},
		{[]event.Grade{event.GradeB, event.GradeA}, event.GradeB},
		{[]event.Grade{event.GradeC}, event.GradeC},
	} {
		b := newBench()
		_, f := until(40, func(i int) []Finding {
			return b.outcome(event.Failed, "100", test.grades[min(i, len(test.grades)-1)])
		})
		if f.Proof != test.want || f.Text {
			t.Errorf("evidence of %v: proof %s, want %s", test.grades, f.Proof, test.want)
		}
	}
}

// TestHintsAndProofAreKeptApart: half the evidence from log lines and half from
// packets is not enough of either.
func TestHintsAndProofAreKeptApart(t *testing.T) {
	b := newBench()
	for i := range 3 {
		for _, grade := range []event.Grade{event.GradeA, event.GradeC} {
			for _, f := range b.outcome(event.UnknownUser, account(i*2+int(grade)), grade) {
				if f.Evidence >= DropBound {
					t.Errorf("six accounts, three by each: %+v", f)
				}
			}
		}
	}
}

func TestTamperedLine(t *testing.T) {
	b := newBench()
	found := b.See(&event.Event{Kind: event.Line, Time: noon, Remote: caller, Inbound: true, Place: event.Place{Line: 7}, Requests: 3,
		Log: event.Log{Verdict: event.Tampered, Source: caller, Note: "a control character"}})
	if len(found) != 1 {
		t.Fatalf("found %+v", found)
	}
	f := found[0]
	if f.Class != ClassTampered || f.Proof != event.None || f.Evidence >= DropBound || f.Place.Line != 7 || f.Requests != 3 || !f.Text {
		t.Errorf("found %+v", f)
	}
	if f.Why != "it shaped a line of the server's log: a control character" {
		t.Errorf("why: %s", f.Why)
	}
}

// TestDeterminism: the same events give the same findings to the last word.
func TestDeterminism(t *testing.T) {
	run := func() []Finding {
		b, random := newBench(), newRandom(1)
		var all []Finding
		for i := range 20_000 {
			b.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(random.IntN(64))}), uint16(5060+random.IntN(3)))
			b.wait(time.Duration(random.IntN(1000)) * time.Millisecond)
			result := event.Challenged + event.Result(random.IntN(int(event.Unanswered)))
			all = append(all, b.outcome(result, account(random.IntN(400)), event.Grade(random.IntN(4)))...)
			if i%7 == 0 {
				all = append(all, b.request(event.SIP{UserAgent: []byte([]string{"sipcli", "Yealink"}[random.IntN(2)])})...)
			}
			if i%500 == 0 {
				b.See(&event.Event{Kind: event.Pardon, Time: b.now, Remote: b.from})
			}
		}
		return all
	}
	first := run()
	if len(first) < 100 {
		t.Fatalf("only %d findings", len(first))
	}
	for range 2 {
		if !reflect.DeepEqual(first, run()) {
			t.Fatal("the same events gave other findings")
		}
	}
}
