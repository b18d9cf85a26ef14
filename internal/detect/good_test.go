package detect

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// TestHowLongSomethingSpeaks: a right password for a month, an answer to our
// server for a day, hearsay never.
func TestHowLongSomethingSpeaks(t *testing.T) {
	const day = 24 * time.Hour
	password := event.Outcome{Result: event.Accepted, Account: "100", Proof: event.GradeA}
	answer := event.Outcome{Result: event.Known, Proof: event.GradeB}
	hearsay := password
	hearsay.Proof, hearsay.Hearsay = event.GradeC, true
	for _, test := range []struct {
		name   string
		before []event.Outcome // a day apart
		good   time.Duration   // after the last of them it still is
		bad    time.Duration   // and then no more
	}{
		{"bad: hearsay", []event.Outcome{hearsay}, -1, 0},
		{"an answer", []event.Outcome{answer}, day - time.Second, day},
		{"a password", []event.Outcome{password}, 30*day - time.Second, 30 * day},
		{"a password, then an answer", []event.Outcome{password, answer}, 29*day - time.Second, 29 * day},
		{"an answer, then a password", []event.Outcome{answer, password}, 30*day - time.Second, 30 * day},
	} {
		for _, from := range []string{"203.0.113.7:5060", "[2001:db8:51::7]:5060"} {
			b := newBench()
			b.from = netip.MustParseAddrPort(from)
			for i := range test.before {
				b.wait(day)
				b.ends(test.before[i])
			}
			last := b.now
			good := func(since time.Duration) bool {
				b.now = last.Add(since)
				b.outcome(event.Challenged, "100", event.GradeA)
				return b.sight.good()
			}
			if test.good >= 0 && !good(test.good) {
				t.Errorf("%s: %s is not good after %s", test.name, from, test.good)
			}
			if good(test.bad) {
				t.Errorf("%s: %s is still good after %s", test.name, from, test.bad)
			}
			if n := b.subnets.Get(b.sight.home); n != nil && b.now.UnixNano() < n.goodUntil {
				t.Errorf("%s: the network of %s is still good", test.name, from)
			}
		}
	}
}

// TestRecall: what an earlier process knew counts as long as it would have there.
func TestRecall(t *testing.T) {
	for _, from := range []string{"203.0.113.7", "2001:db8:51::7"} {
		b := newBench()
		a := netip.MustParseAddr(from)
		b.from = netip.AddrPortFrom(a, 5071)
		known := event.AccountID([]byte("100"))
		b.Recall(netip.AddrPortFrom(a, 0), []uint64{event.AccountID([]byte("99")), known}, b.now, b.now.Add(10*24*time.Hour))
		b.Recall(b.from, nil, b.now, b.now.Add(time.Hour))
		b.outcome(event.Failed, "100", event.GradeA)
		if s := &b.sight; !s.good() || !s.knows() || !s.goodHere() {
			t.Errorf("%s: good %v, knows the account %v, good port %v", from, s.good(), s.knows(), s.goodHere())
		}
		b.outcome(event.Failed, "200", event.GradeA)
		if b.sight.knows() {
			t.Errorf("%s: it knows an account that it never registered", from)
		}
		b.wait(time.Hour)
		b.outcome(event.Failed, "100", event.GradeA)
		if b.sight.goodHere() || !b.sight.good() {
			t.Errorf("%s: the port is good for longer than it was, or the address is not", from)
		}
		b.wait(10 * 24 * time.Hour)
		b.outcome(event.Failed, "100", event.GradeA)
		if b.sight.good() || b.sight.knows() {
			t.Errorf("%s: good for longer than it was", from)
		}
	}
}
