package detect

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// spent gives the findings that say that a budget is used up.
func spent(found []Finding) []Finding {
	var list []Finding
	for _, f := range found {
		if f.Spent {
			list = append(list, f)
		}
	}
	return list
}

// overspent is a bench whose source has just been told of for the account 100,
// one minute apart, a try that is not its own.
func overspent(t *testing.T) *bench {
	t.Helper()
	b := newBench()
	for try := range budgetHour + 1 {
		b.wait(time.Minute)
		if got := len(spent(b.outcome(event.Failed, "100", event.GradeA))); got != try/budgetHour {
			t.Fatalf("try %d: %d findings", try+1, got)
		}
	}
	return b
}

// TestBudget states at which wrong password the budget is used up; 0 if two
// hundred, or a success at every fifteenth, do not.
func TestBudget(t *testing.T) {
	for _, test := range []struct {
		name    string
		own     bool // the source has registered the account before
		pause   time.Duration
		proof   event.Grade
		success int // every so many tries; 0 is never
		want    int
	}{
		{"bad: a phone with an old password, every half minute", true, GuessPace, event.GradeA, 0, 0},
		{"bad: a stranger as slow as he may be", false, ForeignPace, event.GradeA, 0, 0},
		{"bad: a server's word alone", false, time.Minute, event.GradeC, 0, 0},
		{"bad: nobody's word", false, time.Minute, event.None, 0, 0},
		{"bad: every fifteenth is right", false, time.Minute, event.GradeA, 15, 0},
		{"a phone with an old password, every ten seconds", true, 10 * time.Second, event.GradeA, 0, budgetHour + 1},
		{"a stranger, every minute", false, time.Minute, event.GradeB, 0, budgetHour + 1},
		{"a stranger, every twenty minutes", false, 20 * time.Minute, event.GradeA, 0, budgetDay + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench()
			if test.own {
				b.outcome(event.Accepted, "100", event.GradeA)
			}
			got := 0
			for try := 1; try <= 200 && got == 0; try++ {
				b.wait(test.pause)
				if test.success > 0 && try%test.success == 0 {
					b.outcome(event.Accepted, "100", event.GradeA)
					continue
				}
				for _, f := range spent(b.outcome(event.Failed, "100", test.proof)) {
					got = try
					if f.Rule != "budget" || f.Class != ClassGuess || f.Account != "100" || f.KnownAccount != test.own || f.Caught {
						t.Errorf("found %+v", f)
					}
				}
			}
			if got != test.want {
				t.Errorf("used up at try %d, want %d", got, test.want)
			}
		})
	}
}

// TestHoldIsToldOnce: while a hold lasts nothing more is told of its port, and
// the first try behind it begins the next.
func TestHoldIsToldOnce(t *testing.T) {
	b := overspent(t)
	for _, step := range []struct {
		name string
		wait time.Duration
		port uint16
		want int
	}{
		{"a try during the hold", time.Minute, 5060, 0},
		{"from another port", time.Minute, 5062, 1},
		{"again from there", time.Minute, 5062, 0},
		{"the hold is over", ForeignPace, 5062, 1},
		{"a day of silence", 25 * time.Hour, 5062, 0},
		{"and it counts anew", time.Minute, 5062, 0},
	} {
		b.wait(step.wait)
		b.from = netip.AddrPortFrom(b.from.Addr(), step.port)
		if got := len(spent(b.outcome(event.Failed, "100", event.GradeA))); got != step.want {
			t.Errorf("%s: %d findings, want %d", step.name, got, step.want)
		}
	}
}

// TestManyPorts: who changes the port with every try is told of as a whole, but
// not in the first hour, in which good ports may not have shown themselves.
func TestManyPorts(t *testing.T) {
	for _, test := range []struct {
		name  string
		known time.Duration // how long the engine has been at work
		many  bool
	}{
		{"bad: in the first hour", 0, false},
		{"later", time.Hour, true},
	} {
		b := newBench()
		b.request(event.SIP{})
		b.wait(test.known)
		port := uint16(6000)
		try := func() []Finding {
			port++
			b.from = netip.AddrPortFrom(b.from.Addr(), port)
			b.wait(time.Minute)
			return spent(b.outcome(event.Failed, "100", event.GradeA))
		}
		var found []Finding
		for len(found) == 0 && port < 6100 {
			found = try()
		}
		if len(found) != 1 || found[0].Ports >= crowd != test.many || found[0].Port != port {
			t.Errorf("%s: found %+v at port %d", test.name, found, port)
		}
		if next := try(); len(next) != 0 {
			t.Errorf("%s: told again of a hold of the address: %+v", test.name, next)
		}
	}
}

// TestCaughtGuessing: a good address that guesses as no phone does has no budget
// any more, and the next slow try is told of.
func TestCaughtGuessing(t *testing.T) {
	b := newBench()
	b.outcome(event.Accepted, "200", event.GradeA)
	guessed(t, b)
	b.wait(10 * time.Minute)
	found := spent(b.outcome(event.Failed, "100", event.GradeA))
	if len(found) != 1 || !found[0].Caught || found[0].KnownAccount {
		t.Errorf("found %+v", found)
	}
}
