package detect

import (
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// rain is how many wrong passwords for one account, so far apart, decide; 0 if
// a thousand do not.
func rain(pause time.Duration, marked event.SIP) (int, Finding) {
	b := newBench()
	b.request(marked)
	return until(1000, func(int) []Finding {
		b.wait(pause)
		return b.outcome(event.Failed, "100", event.GradeA)
	})
}

// TestGuessesThatDecide states how fast one may be wrong. The slow ones must
// pass: phones with an old password retry so.
func TestGuessesThatDecide(t *testing.T) {
	phone, named := event.SIP{}, event.SIP{UserAgent: []byte("friendly-scanner")}
	tagged := event.SIP{FromTag: tagOf("1001\x0112345678")}
	for _, test := range []struct {
		name  string
		pause time.Duration
		marks event.SIP
		want  int
	}{
		{"bad: a phone that retries every minute", time.Minute, phone, 0},
		{"bad: every half minute", 30 * time.Second, phone, 0},
		{"bad: every five seconds", 5 * time.Second, phone, 0},
		{"bad: every 4.7 seconds", 4700 * time.Millisecond, phone, 0},
		{"bad: a tool every five seconds", 5 * time.Second, tagged, 0},
		{"as fast as it is answered", 0, phone, 5},
		{"ten a second", 100 * time.Millisecond, phone, 5},
		{"five a second", 200 * time.Millisecond, phone, 6},
		{"two a second", 500 * time.Millisecond, phone, 7},
		{"one a second", time.Second, phone, 8},
		{"one in one and a half seconds", 1500 * time.Millisecond, phone, 9},
		{"a tool that says its name, five a second", 200 * time.Millisecond, named, 5},
		{"a tool by its tag, five a second", 200 * time.Millisecond, tagged, 3},
		{"a tool by its tag, one in three seconds", 3 * time.Second, tagged, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			n, f := rain(test.pause, test.marks)
			if n != test.want {
				t.Errorf("decided at guess %d, want %d", n, test.want)
			}
			if n > 0 && (f.Rule != "guess" || f.Class != ClassGuess || f.Proof != event.GradeA || f.Evidence < DropBound) {
				t.Errorf("found %+v", f)
			}
		})
	}
}

// TestOldPasswordForADay: a phone that repeats one wrong password, at the paces
// of real phones, is never an attacker.
func TestOldPasswordForADay(t *testing.T) {
	for _, pause := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute} {
		b := newBench()
		for b.now.Before(noon.Add(24 * time.Hour)) {
			b.wait(pause)
			if found := classes(b.outcome(event.Failed, "100", event.GradeA)); len(found) > 0 {
				t.Fatalf("every %s: %+v", pause, found)
			}
		}
	}
}

func TestASuccessEndsTheGuessing(t *testing.T) {
	b := newBench()
	for round := range 50 {
		for range 4 {
			b.wait(200 * time.Millisecond)
			if found := classes(b.outcome(event.Failed, "100", event.GradeA)); len(found) > 0 {
				t.Fatalf("round %d: %v", round, found)
			}
		}
		b.outcome(event.Accepted, "100", event.GradeA)
	}
	guessed(t, b) // and yet it goes on being watched
}

// TestASuccessElsewhereEndsNothing: somebody with an account of their own
// guesses at another one.
func TestASuccessElsewhereEndsNothing(t *testing.T) {
	b := newBench()
	n, _ := until(40, func(int) []Finding {
		b.wait(200 * time.Millisecond)
		b.outcome(event.Accepted, "mine", event.GradeA)
		return b.outcome(event.Failed, "100", event.GradeA)
	})
	if n != 6 {
		t.Errorf("decided at guess %d, want 6", n)
	}
}

func TestWhatIsNoGuess(t *testing.T) {
	for name, o := range map[string]event.Outcome{
		"credentials for a nonce that we never sent": {Result: event.Failed, Account: "100", Proof: event.None},
		"a challenge":           {Result: event.Challenged, Account: "100", Proof: event.GradeA},
		"an answer to it":       {Result: event.Followed, Account: "100", Proof: event.GradeA},
		"a refused call":        {Result: event.Refused, Account: "100", Proof: event.GradeA},
		"a call let through":    {Result: event.Served, Account: "100", Proof: event.GradeA},
		"a request in the void": {Result: event.Unanswered, Account: "100", Proof: event.GradeA},
	} {
		b := newBench(guessRate{})
		for range 100 {
			b.wait(100 * time.Millisecond)
			b.ends(o)
		}
		if n := b.guesses.Len(); n > 0 {
			t.Errorf("%s: %d guessings", name, n)
		}
	}
}

// TestGuessesAtManyAccounts: each account has its own sum, so that a crowd of
// mistyping users behind one address is no guesser by rate.
func TestGuessesAtManyAccounts(t *testing.T) {
	b := newBench(guessRate{})
	for i := range 60 {
		b.wait(200 * time.Millisecond)
		if found := b.outcome(event.Failed, account(i%20), event.GradeA); len(found) > 0 {
			t.Fatalf("attempt %d: %+v", i, found)
		}
	}
	if n := b.guesses.Len(); n != 20 {
		t.Errorf("%d guessings, want 20", n)
	}
}

// TestGuessesOfTwoSources are not added up.
func TestGuessesOfTwoSources(t *testing.T) {
	b := newBench()
	for i := range 8 {
		b.from = caller
		if i%2 == 0 {
			b.from = server
		}
		if found := b.outcome(event.Failed, "100", event.GradeA); len(found) > 0 {
			t.Fatalf("attempt %d: %+v", i, found)
		}
	}
}
