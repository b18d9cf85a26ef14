package detect

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

func TestSplitNumber(t *testing.T) {
	for _, user := range []string{
		"", "1", "1234567", "*97", "#31#", "alice", "+4420718375x", "00442071838750a", "12345678 ext. 9x",
		"١٢٣٤٥٦٧٨", "-------", "12-34-56-7", ";phone-context=12345678", "a\x0012345\x00678",
	} {
		if _, _, ok := splitNumber([]byte(user)); ok {
			t.Errorf("%q is taken for a number", user)
		}
	}
	number, plain, ok := splitNumber([]byte("442071838750"))
	if !ok {
		t.Fatal("442071838750 is no number")
	}
	for _, same := range []string{
		"44 20-7183.8750", "(44)2071838750", "442071838750;phone-context=example.org", "442071838750,npdi", "44-20-71-83-87-50--",
	} {
		if n, p, ok := splitNumber([]byte(same)); !ok || n != number || p != plain {
			t.Errorf("%q is another number or prefix than 442071838750", same)
		}
	}
	seen := map[uint16]string{plain: "none"}
	for _, prefix := range []string{"0", "00", "000", "011", "9", "900", "9011", "+", "++", "0+", "810", "1450", "*67", "**", "a", "%"} {
		n, p, ok := splitNumber([]byte(prefix + "442071838750"))
		if !ok || n != number {
			t.Errorf("behind %q it is another number", prefix)
		}
		if old, twice := seen[p]; twice {
			t.Errorf("%q and %q are one prefix", prefix, old)
		}
		seen[p] = prefix
	}
	if p1, p2 := prefixOf("0-0"), prefixOf("00"); p1 != p2 {
		t.Error("0-0 and 00 are two prefixes")
	}
}

func prefixOf(prefix string) uint16 {
	_, p, _ := splitNumber([]byte(prefix + "442071838750"))
	return p
}

// call is one INVITE and how it ends; a confirmed one is acknowledged with the
// To-tag of the reply, which settles it a second time.
type call struct {
	number    string
	result    event.Result
	status    int
	confirmed event.Grade
}

func (b *bench) call(c call) (found []Finding) {
	b.wait(time.Second)
	found = append(found, b.request(event.SIP{Method: event.INVITE, Target: []byte(c.number)})...)
	o := event.Outcome{Result: c.result, Account: c.number, Method: event.INVITE, Status: c.status}
	found = append(found, b.ends(o)...)
	if c.confirmed > event.None {
		o.Proof = c.confirmed
		found = append(found, b.ends(o)...)
	}
	return found
}

// refusedBehind tries prefixes in front of one number.
func refusedBehind(confirmed event.Grade, prefixes ...string) []call {
	var calls []call
	for _, p := range prefixes {
		calls = append(calls, call{p + "442071838750", event.Refused, 403, confirmed})
	}
	return calls
}

// decided says at which call the engine first found something of this class,
// and what it found last at that call.
func decided(b *bench, calls []call, class Class) (at int, last Finding) {
	for i, c := range calls {
		for _, f := range b.call(c) {
			if f.Class == class {
				at, last = i+1, f // the ACK may prove what the reply did not
			}
		}
		if at > 0 {
			break
		}
	}
	return at, last
}

func TestThirdPrefixDecides(t *testing.T) {
	lying := func(proof event.Grade, prefixes ...string) (calls []call) {
		for _, p := range prefixes {
			calls = append(calls, call{p + "442071838750", event.Disregarded, 0, proof})
		}
		return calls
	}
	for _, test := range []struct {
		name  string
		calls []call
		at    int
		proof event.Grade
		drop  bool
	}{
		{"nothing is proven", refusedBehind(event.None, "00", "011", "9"), 3, event.None, false},
		{"a tag that can be computed", refusedBehind(event.GradeC, "00", "011", "9"), 3, event.GradeC, true},
		{"two of three are proven", append(refusedBehind(event.GradeB, "00", "011"), refusedBehind(event.None, "+")...), 3, event.None, false},
		{"with proof", refusedBehind(event.GradeB, "00", "011", "9"), 3, event.GradeB, true},
		{"no prefix is one, too", refusedBehind(event.GradeA, "", "+", "810"), 3, event.GradeA, true},
		{"challenges left lying", lying(event.GradeB, "00", "011", "9"), 3, event.GradeB, true},
		{"challenges and refusals", append(lying(event.GradeB, "00", "011"), refusedBehind(event.GradeB, "9")...), 3, event.GradeB, true},
		{"a third challenge has arrived", append(lying(event.GradeB, "00", "011"),
			call{"9442071838750", event.Challenged, 401, event.GradeB}), 3, event.GradeB, true},
		{"unknown to the server", []call{
			{"00442071838750", event.UnknownUser, 404, event.GradeB}, {"+442071838750", event.UnknownUser, 404, event.GradeB},
			{"+442071838750", event.UnknownUser, 404, event.GradeB}, {"9442071838750", event.UnknownUser, 404, event.GradeB},
		}, 4, event.GradeB, true},
		{"among other numbers", []call{
			{"00442071838750", event.Refused, 403, event.GradeB}, {"00442071838751", event.Refused, 403, event.GradeB},
			{"9442071838750", event.Refused, 403, event.GradeB}, {"9442071838751", event.Refused, 403, event.GradeB},
			{"0442071838750", event.Refused, 603, event.GradeB},
		}, 5, event.GradeB, true},
	} {
		b := newBench(goodness{}, dialPlan{})
		at, f := decided(b, test.calls, ClassDialPlan)
		if at != test.at || f.Proof != test.proof || test.drop && f.Evidence < DropBound {
			t.Errorf("%s: found at call %d (%v, evidence %.2f), want %d (%v)", test.name, at, f.Proof, f.Evidence, test.at, test.proof)
		}
		if at > 0 && (f.Rule != "dialplan" || !strings.Contains(f.Why, "prefixes") || len(f.Items) < 2) {
			t.Errorf("%s: the finding says %+v", test.name, f)
		}
	}
}

// TestWhoDialsIsLeftAlone: the calls of people, and of their carriers.
func TestWhoDialsIsLeftAlone(t *testing.T) {
	tried := refusedBehind(event.GradeB, "00", "+", "011")
	served := func(calls ...call) []call {
		for i := range 4 {
			calls = append(calls, call{fmt.Sprint("4930123400", i), event.Served, 200, event.None})
		}
		return calls
	}
	var redials, extensions, others []call
	for i := range 40 {
		redials = append(redials, refusedBehind(event.GradeB, "00", "+")[i%2])
		extensions = append(extensions, call{fmt.Sprint(2000 + i), event.UnknownUser, 404, event.GradeB})
		others = append(others, call{fmt.Sprintf("00441%d1838750", i%10), event.Refused, 403, event.GradeB})
	}
	for _, test := range []struct {
		name  string
		calls []call
	}{
		{"mistyped once", tried[:2]},
		{"mistyped for hours", redials},
		{"numbers inside the house", extensions},
		{"other numbers with one ending of seven", others},
		{"busy, away, not now", []call{
			{"00442071838750", 0, 486, event.GradeB}, {"+442071838750", 0, 480, event.GradeB}, {"442071838750", event.Refused, 408, event.GradeB},
			{"011442071838750", event.Refused, 488, event.GradeB},
		}},
		{"challenges answered", []call{
			{"00442071838750", event.Disregarded, 0, event.GradeB}, {"00442071838750", event.Followed, 0, event.GradeA},
			{"+442071838750", event.Disregarded, 0, event.GradeB}, {"+442071838750", event.Followed, 0, event.GradeA},
			{"011442071838750", event.Disregarded, 0, event.GradeB}, {"011442071838750", event.Followed, 0, event.GradeA},
		}},
		{"challenged only", []call{
			{"00442071838750", event.Challenged, 401, event.GradeB}, {"+442071838750", event.Challenged, 401, event.GradeB},
			{"011442071838750", event.Challenged, 401, event.GradeB},
		}},
		{"a carrier whose calls get through", append(served(), tried...)},
	} {
		b := newBench(goodness{}, dialPlan{})
		for i, c := range test.calls {
			if found := classes(b.call(c)); len(found) > 0 {
				t.Errorf("%s: call %d is %v", test.name, i+1, found)
			}
		}
	}
	// A phone that registered, and one that did a day before.
	b := newBench()
	b.outcome(event.Accepted, "100", event.GradeA)
	for range 2 {
		for i, c := range refusedBehind(event.GradeB, "00", "+", "011", "9", "0", "810") {
			if found := classes(b.call(c)); len(found) > 0 {
				t.Errorf("a good phone: call %d is %v", i+1, found)
			}
		}
		b.wait(24 * time.Hour)
	}
}

// TestDialedRequestsOfOthers: only what opens a call dials.
func TestDialedRequestsOfOthers(t *testing.T) {
	for _, s := range []event.SIP{
		{Method: event.OPTIONS}, {Method: event.MESSAGE}, {Method: event.ACK},
		{Method: event.INVITE, ToTag: []byte("t")}, // inside a call
		{Method: event.INVITE, Auth: event.Auth{Present: true, User: []byte("100")}},
	} {
		b := newBench(dialPlan{})
		for _, p := range []string{"00", "+", "011", "9"} {
			s.Target = []byte(p + "442071838750")
			b.request(s)
			if found := b.ends(event.Outcome{Result: event.Refused, Account: string(s.Target), Method: s.Method, Status: 403, Proof: event.GradeB}); len(found) > 0 {
				t.Errorf("%v %+v dials: %+v", s.Method, s, found)
			}
		}
	}
}

func TestDiallingIsForgotten(t *testing.T) {
	b := newBench(dialPlan{})
	calls := refusedBehind(event.GradeB, "00", "011", "9", "+")
	for _, c := range calls[:2] {
		b.call(c)
	}
	b.wait(25 * time.Hour)
	for _, c := range calls[2:] {
		if found := b.call(c); len(found) > 0 {
			t.Errorf("after a day: %+v", found)
		}
	}
	// A human's pardon forgets it, too.
	b.See(&event.Event{Kind: event.Pardon, Time: b.now, Remote: b.from})
	if found := b.call(calls[0]); len(found) > 0 {
		t.Errorf("after a pardon: %+v", found)
	}
}

// TestEveryFormIsKept: more forms than there is room for change nothing.
func TestEveryFormIsKept(t *testing.T) {
	b := newBench(dialPlan{})
	last := 0.0
	for i := range 40 {
		for _, f := range b.call(refusedBehind(event.GradeB, fmt.Sprint(i))[0]) {
			if f.Proof == event.None {
				continue // a limit is weighed by its own table
			}
			if f.Evidence < last {
				t.Errorf("prefix %d: the evidence sinks from %v to %v", i, last, f.Evidence)
			}
			last = f.Evidence
		}
		b.wait(time.Minute)
	}
	if last < 4*dialThird {
		t.Errorf("forty prefixes weigh %v", last)
	}
}

// TestDialPlanOfTheLog: lines of a server's log say the same, with less proof.
func TestDialPlanOfTheLog(t *testing.T) {
	for _, test := range []struct {
		kind   event.LogKind
		proof  event.Grade
		number string
		want   int
	}{
		{event.CallRefused, event.GradeC, "2000", 0},
		{event.RequestRefused, event.GradeC, "442071838750", 0},
		{event.CallRefused, event.GradeC, "442071838750", 3},
		{event.CallRefused, event.GradeB, "442071838750", 3},
	} {
		b := newBench(dialPlan{})
		n, f := until(5, func(i int) []Finding {
			b.wait(time.Minute)
			number := []byte(strings.Repeat("0", i) + test.number)
			return b.See(&event.Event{
				Kind: event.Line, Time: b.now, Remote: b.from, Log: event.Log{Verdict: event.Hostile, Kind: test.kind, Number: number},
				Outcomes: []event.Outcome{{Result: event.Refused, Remote: b.from.Addr(), Time: b.now, Proof: test.proof, Text: true}},
			})
		})
		if n != test.want || n > 0 && (f.Class != ClassDialPlan || f.Proof != test.proof || !f.Text || !strings.Contains(f.Why, "00442071838750")) {
			t.Errorf("%v %v %s: found at line %d: %+v", test.kind, test.proof, test.number, n, f)
		}
	}
}
