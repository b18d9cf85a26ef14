package detect

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

func TestScanSteps(t *testing.T) {
	of := func(result event.Result, account string, proof event.Grade) event.Outcome {
		return event.Outcome{Result: result, Account: account, Proof: proof, Method: event.REGISTER}
	}
	calls := func(o event.Outcome) event.Outcome { o.Method = event.INVITE; return o }
	texts := func(o event.Outcome) event.Outcome { o.Text = true; return o }
	const none = event.None
	for _, test := range []struct {
		name     string
		outcomes []event.Outcome
		want     float64
	}{
		{"bad: one account again and again counts once", []event.Outcome{of(event.Disregarded, "1", none), of(event.Disregarded, "1", none)}, 1.184},
		{"bad: a challenge is no reproach", []event.Outcome{of(event.Challenged, "1", none)}, 0},
		{"bad: silence is the server's", []event.Outcome{of(event.Unanswered, "1", none)}, 0},
		{"bad: a refused call says nothing", []event.Outcome{calls(of(event.Refused, "1", none))}, 0},
		{"bad: log lines are for others", []event.Outcome{texts(of(event.UnknownUser, "1", event.GradeC))}, 0},
		{"bad: proven guesses are for others", []event.Outcome{of(event.UnknownUser, "1", event.GradeA), of(event.Failed, "2", event.GradeA)}, 0},
		{"a challenge left lying", []event.Outcome{of(event.Disregarded, "1", none)}, 1.184},
		{"and its arrival confirmed", []event.Outcome{of(event.Disregarded, "1", event.GradeB)}, 2.282},
		{"an unknown account", []event.Outcome{of(event.UnknownUser, "1", none)}, 2.251},
		{"an unknown number", []event.Outcome{calls(of(event.UnknownUser, "1", none))}, 1.184},
		{"credentials for no challenge of ours", []event.Outcome{of(event.Failed, "1", none)}, 1.184},
		{"a challenge answered takes back", []event.Outcome{
			of(event.Disregarded, "1", none), of(event.Disregarded, "2", none), of(event.Disregarded, "3", none), of(event.Disregarded, "4", none),
			of(event.Followed, "1", event.GradeA)}, 4*1.184 - 3.555},
		{"a number called again takes back no more", []event.Outcome{of(event.Disregarded, "1", none), of(event.Served, "9", none),
			of(event.Disregarded, "2", none), of(event.Served, "9", none), of(event.Served, "9", none)}, 1.184},
		{"a call let through takes back", []event.Outcome{of(event.Disregarded, "1", none), of(event.Served, "1", none)}, 0},
	} {
		b := newBench(unprovenScan{})
		for _, o := range test.outcomes {
			b.ends(o)
		}
		c := b.cases.Get(b.seed.Addr(caller.Addr()))
		if got := c.scan.value(b.now.UnixNano(), scanHalfLife); math.Abs(got-test.want) > 1e-5 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestScansThatDecide(t *testing.T) {
	for _, test := range []struct {
		name   string
		result event.Result
		proof  event.Grade
		method event.Method
		want   int
		class  Class
	}{
		{"registrations", event.Disregarded, event.None, event.REGISTER, 7, ClassScanRegister},
		{"calls, confirmed", event.Disregarded, event.GradeB, event.INVITE, 4, ClassScanInvite},
		{"questions", event.Disregarded, event.None, event.OPTIONS, 7, ClassScanOptions},
		{"unknown accounts", event.UnknownUser, event.None, event.REGISTER, 4, ClassScanRegister},
	} {
		b := newBench()
		n, f := until(40, func(i int) []Finding {
			b.wait(50 * time.Millisecond)
			return b.ends(event.Outcome{Result: test.result, Account: account(i), Proof: test.proof, Method: test.method})
		})
		if n != test.want || f.Class != test.class || f.Rule != "scan" {
			t.Errorf("%s: %d targets, %s by %s; want %d, %s", test.name, n, f.Class, f.Rule, test.want, test.class)
		}
		// Nothing of this may ever cost more than a limit.
		if f.Proof != event.None || f.Severity != Medium || !strings.Contains(f.Why, "only limited") {
			t.Errorf("%s: %+v", test.name, f)
		}
	}
}

// TestWhoKnowsASecretIsNoScanner: an exchange that qualifies its numbers with
// OPTIONS, an office that starts anew.
func TestWhoKnowsASecretIsNoScanner(t *testing.T) {
	b := newBench()
	b.outcome(event.Accepted, "office", event.GradeA)
	if n, f := until(500, func(i int) []Finding { return b.outcome(event.Disregarded, account(i), event.None) }); n > 0 {
		t.Errorf("found %+v", f)
	}
	b.request(event.SIP{UserAgent: []byte("sipvicious")})
	if n, f := until(9, func(int) []Finding { return b.request(event.SIP{UserAgent: []byte("friendly-scanner")}) }); n > 0 {
		t.Errorf("found %+v", f)
	}
}

// TestAMonitorIsNoScanner: one target, however often and for however long.
func TestAMonitorIsNoScanner(t *testing.T) {
	b := newBench()
	for range 8640 { // a day
		b.wait(10 * time.Second)
		b.request(event.SIP{Method: event.OPTIONS})
		if found := b.ends(event.Outcome{Result: event.Disregarded, Account: "ping", Method: event.OPTIONS}); len(found) > 0 {
			t.Fatalf("after %s: %+v", b.now.Sub(noon), found)
		}
	}
}

// TestALossyLineIsNoScanner: a phone whose every third challenge gets lost.
func TestALossyLineIsNoScanner(t *testing.T) {
	b := newBench()
	for i := range 3000 {
		b.wait(time.Minute)
		result := event.Followed
		if i%3 == 0 {
			result = event.Disregarded
		}
		if found := classes(b.outcome(result, account(i%6), event.None)); len(found) > 0 {
			t.Fatalf("registration %d: %v", i, found)
		}
	}
}

func TestAScanIsForgottenInTime(t *testing.T) {
	b := newBench()
	for i := range 6 {
		b.outcome(event.Disregarded, account(i), event.None)
	}
	b.wait(24 * time.Hour)
	if found := b.outcome(event.Disregarded, "one more", event.None); len(found) > 0 {
		t.Errorf("a day later: %+v", found)
	}
}

// TestSlowScansDecide: one try in half an hour is found as soon as ten a second.
func TestSlowScansDecide(t *testing.T) {
	for _, test := range []struct {
		name   string
		result event.Result
		proof  event.Grade
		want   int
	}{
		{"challenges left lying", event.Disregarded, event.None, 7},
		{"and acknowledged", event.Disregarded, event.GradeB, 4},
		{"unknown accounts", event.UnknownUser, event.None, 4},
		{"unknown accounts, proven", event.UnknownUser, event.GradeA, 4},
		{"wrong passwords", event.Failed, event.GradeA, 6},
	} {
		b := newBench()
		n, _ := until(20, func(i int) []Finding {
			b.wait(30 * time.Minute)
			return b.outcome(test.result, account(i), test.proof)
		})
		if n != test.want {
			t.Errorf("%s, one in half an hour: found at %d, want %d", test.name, n, test.want)
		}
	}
}
