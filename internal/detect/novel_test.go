package detect

import (
	"math"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// steps lays outcomes before the novel-identity detector alone and gives the
// sum of both halves of the evidence, grade C first.
func steps(outcomes ...event.Outcome) (hints, proofs float64) {
	b := newBench(goodness{}, novelIdentity{})
	for _, o := range outcomes {
		b.ends(o)
	}
	c := b.cases.Get(b.seed.Addr(caller.Addr()))
	return c.novel[0].value(b.now.UnixNano(), novelHalfLife), c.novel[1].value(b.now.UnixNano(), novelHalfLife)
}

func TestNovelIdentitySteps(t *testing.T) {
	const a, b, c, none = event.GradeA, event.GradeB, event.GradeC, event.None
	failed := func(account string, proof event.Grade) event.Outcome {
		return event.Outcome{Result: event.Failed, Account: account, Proof: proof}
	}
	unknown := func(account string, proof event.Grade) event.Outcome {
		return event.Outcome{Result: event.UnknownUser, Account: account, Proof: proof}
	}
	accepted := func(account string) event.Outcome {
		return event.Outcome{Result: event.Accepted, Account: account, Proof: event.GradeA}
	}
	for _, test := range []struct {
		name     string
		outcomes []event.Outcome
		hints    float64
		proofs   float64
	}{
		{"bad: unproven failures count nothing", []event.Outcome{failed("1", none), unknown("2", none)}, 0, 0},
		{"bad: one account again and again counts once", []event.Outcome{failed("1", a), failed("1", a), failed("1", a)}, 0, 2.251},
		{"bad: an unknown account again counts once", []event.Outcome{unknown("1", a), unknown("1", a)}, 0, 3.455},
		{"bad: an account it knows counts nothing", []event.Outcome{accepted("1"), failed("1", a)}, 0, 0},
		{"bad: successes are not saved up", []event.Outcome{accepted("1"), accepted("2"), accepted("3"), failed("4", a)}, 0, 2.251},
		{"bad: a challenge is no failure", []event.Outcome{{Result: event.Challenged, Account: "1", Proof: a}}, 0, 0},
		{"bad: a refused call is no failure", []event.Outcome{{Result: event.Refused, Account: "1", Proof: a}}, 0, 0},
		{"a wrong password", []event.Outcome{failed("1", a)}, 0, 2.251},
		{"an unknown account", []event.Outcome{unknown("1", b)}, 0, 3.455},
		{"a wrong password, and then the log knows no such account", []event.Outcome{failed("1", a), unknown("1", a), unknown("1", a)}, 0, 3.455},
		{"two accounts", []event.Outcome{failed("1", a), failed("2", b)}, 0, 4.502},
		{"a log line is kept apart", []event.Outcome{failed("1", c), failed("1", a)}, 2.251, 2.251},
		{"a success takes back", []event.Outcome{failed("1", a), failed("2", a), accepted("3")}, 0, 4.502 - 2.890},
		{"the same success takes back once", []event.Outcome{failed("1", a), failed("2", a), accepted("3"), accepted("3")}, 0, 4.502 - 2.890},
		{"a call let through takes back, proven or not", []event.Outcome{failed("1", a), failed("2", a), failed("1", c), {Result: event.Served, Account: "3"}}, 0, 4.502 - 2.890},
		{"no name is one identity", []event.Outcome{failed("", a), failed("", a)}, 0, 2.251},
	} {
		hints, proofs := steps(test.outcomes...)
		if math.Abs(hints-test.hints) > 1e-5 || math.Abs(proofs-test.proofs) > 1e-5 {
			t.Errorf("%s: %v by hints and %v by proof, want %v and %v", test.name, hints, proofs, test.hints, test.proofs)
		}
	}
}

// TestNovelIdentityDecides states the attempts that DropBound takes.
func TestNovelIdentityDecides(t *testing.T) {
	for _, test := range []struct {
		name   string
		result event.Result
		pause  time.Duration
		want   int
		class  Class
	}{
		{"spraying at once", event.Failed, 100 * time.Millisecond, 6, ClassSpray},
		{"spraying every three minutes", event.Failed, 3 * time.Minute, 6, ClassSpray},
		{"spraying every half hour", event.Failed, 30 * time.Minute, 6, ClassSpray},
		{"enumeration at once", event.UnknownUser, 100 * time.Millisecond, 4, ClassEnum},
		{"enumeration every half hour", event.UnknownUser, 30 * time.Minute, 4, ClassEnum},
	} {
		b := newBench()
		n, f := until(40, func(i int) []Finding { b.wait(test.pause); return b.outcome(test.result, account(i), event.GradeA) })
		if n != test.want || f.Class != test.class || f.Rule != "enum" || f.Accounts != n {
			t.Errorf("%s: %d attempts, %s by %s with %d accounts; want %d, %s", test.name, n, f.Class, f.Rule, f.Accounts, test.want, test.class)
		}
	}
}

// TestACarrierIsNoEnumerator: of its calls, all to numbers not seen before,
// three in a hundred reach nobody.
func TestACarrierIsNoEnumerator(t *testing.T) {
	b, r := newBench(), newRandom(8)
	for i := range 50_000 {
		b.wait(10 * time.Second)
		o := event.Outcome{Result: event.Served, Account: account(i), Method: event.INVITE}
		if r.IntN(100) < 3 {
			o.Result, o.Proof = event.UnknownUser, event.GradeB
		}
		if found := classes(b.ends(o)); len(found) > 0 {
			t.Fatalf("call %d: %v", i, found)
		}
	}
}

// TestNoveltyMemory: sixteen identities are told from new ones, and the oldest
// of seventeen is new again.
func TestNoveltyMemory(t *testing.T) {
	var seen tally
	for i := range uint64(16) {
		if !seen.novel(i * 7919) {
			t.Errorf("identity %d is not new", i)
		}
	}
	for i := range uint64(16) {
		if seen.novel(i * 7919) {
			t.Errorf("identity %d is new again", i)
		}
	}
	if !seen.novel(1<<40) || !seen.novel(0) || seen.novel(1<<40) {
		t.Error("the oldest does not make room")
	}
}

// TestNoveltyOfLikeNames: names that differ in their last digit, as extensions
// do, are told apart.
func TestNoveltyOfLikeNames(t *testing.T) {
	seen, missed := tally{}, 0
	for i := range 10_000 {
		if !seen.novel(event.AccountID([]byte(account(i)))) {
			missed++
		}
	}
	// Sixteen of 2^15 values are taken at any moment: 1 in 2048.
	if missed > 20 {
		t.Errorf("%d of 10,000 new accounts are taken for old ones", missed)
	}
}

func TestTallyFades(t *testing.T) {
	var sum tally
	at := func(d time.Duration) int64 { return noon.Add(d).UnixNano() }
	if v := sum.value(at(0), time.Hour); v != 0 {
		t.Errorf("an empty sum is %v", v)
	}
	sum.add(-5, at(0), time.Hour)
	if v := sum.value(at(0), time.Hour); v != 0 {
		t.Errorf("below zero: %v", v)
	}
	sum.add(8, at(0), time.Hour)
	for after, want := range map[time.Duration]float64{0: 8, time.Hour: 4, 2 * time.Hour: 2, 1000 * time.Hour: 0} {
		if v := sum.value(at(after), time.Hour); math.Abs(v-want) > 1e-6 {
			t.Errorf("after %s: %v, want %v", after, v, want)
		}
	}
	sum.add(1, at(time.Hour), time.Hour)
	if v := sum.value(at(time.Hour), time.Hour); math.Abs(v-5) > 1e-6 {
		t.Errorf("what is old fades before it is added to: %v, want 5", v)
	}
}

// TestKnownAccounts: what a source has authenticated as is known for a month,
// however much it is, and none is no account.
func TestKnownAccounts(t *testing.T) {
	b := newBench(goodness{})
	for i := range 40 {
		b.outcome(event.Accepted, account(i), event.GradeA)
	}
	knows := func(name string) bool {
		s := Sight{engine: b.Engine, home: b.seed.Addr(caller.Addr()), account: event.AccountID([]byte(name)), now: b.now.UnixNano()}
		return s.knows()
	}
	if knows("") || knows("stranger") {
		t.Error("bad: no account, or one never seen, is known")
	}
	for i := range 40 {
		if !knows(account(i)) {
			t.Errorf("account %d of forty is forgotten", i)
		}
	}
	b.wait(31 * 24 * time.Hour)
	if knows(account(0)) {
		t.Error("bad: an account is known after a month")
	}
}
