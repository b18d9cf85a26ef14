package detect

import (
	"fmt"
	"math"
	"time"

	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
)

// guessBudget slows who goes on with wrong passwords for one account,
// too slowly for guessRate, which no outcome tells from a broken phone. So
// what follows is harmless for a phone: a hold of its source port after each
// wrong try, never a drop.
//
//	budget   20 wrong passwords in an hour, or 60 in a day, without a right one
//	then     one try in 30 s, if the source has registered the account before, or
//	         the source port another one; one in 24 minutes (60 a day) if not
//
// A hold for one line of a phone keeps out the others, which share its port.
//
// A phone that tries no faster than that is left alone, one that is corrected
// registers when the hold ends, and a list of ten thousand words lasts 166
// days. A bucket of packets in the kernel cannot keep such a rate: with what a
// client sends again a try is two packets or twenty, and the first of them would
// take what the credentials need. A hold lets nothing through while it lasts
// and then a whole try, whose failure begins the next. Only credentials that
// answer a challenge of ours count.
//
// Whoever changes the source port with every try is seen by their number; the
// policy then holds the address, around the ports that know a password.
type guessBudget struct{}

const (
	budgetHour = 20
	budgetDay  = 60
	// GuessPace is the time between two tries of who has spent the budget for an
	// account of their own.
	GuessPace = 30 * time.Second
	// ForeignPace is the same for an account they never registered: 60 a day.
	ForeignPace = 24 * time.Minute
	// crowd is how many source ports are too many to hold one by one.
	crowd = 8
	// dropShortest is how long a drop lasts at least.
	dropShortest = int64(10 * time.Minute)
	// learning is how long an engine must have seen its sources before it speaks
	// of their ports: a phone registers anew within an hour.
	learning = int64(time.Hour)
)

// budget is what guessBudget holds about one (source, account).
type budget struct {
	hourFrom, dayFrom int64
	hour, day         uint16
	from              bounded.Ports
	// spent: the budget is used up; hurried: and it goes on too fast; caught: it
	// has been a guesser by its rate. All until a success, or a day of silence.
	spent, hurried, caught bool
	// until is how long the hold lasts that was reported last, for port or, if
	// whole, for too many ports to hold one by one.
	until int64
	port  uint16
	whole bool
}

// add counts a wrong password that came so many seconds after the one before.
func (b *budget) add(port uint16, now int64, waited float64) {
	if waited >= (24 * time.Hour).Seconds() {
		*b = budget{}
	}
	if b.hourFrom == 0 || now-b.hourFrom >= int64(time.Hour) {
		b.hourFrom, b.hour = now, 0
	}
	if b.dayFrom == 0 || now-b.dayFrom >= int64(24*time.Hour) {
		b.dayFrom, b.day = now, 0
	}
	b.hour = min(b.hour, math.MaxUint16-1) + 1
	b.day = min(b.day, math.MaxUint16-1) + 1
	b.from.Add(port, now)
	b.spent = b.spent || b.hour > budgetHour || b.day > budgetDay
}

// Weigh implements Detector.
func (guessBudget) Weigh(s *Sight) {
	if s.guessing == nil || proven(s.Outcome) == 0 {
		return
	}
	b := &s.guessing.budget
	b.add(s.Outcome.Port, s.now, s.waited)
	pace := ForeignPace
	if s.knows() || !b.caught && s.goodHere() {
		pace = GuessPace
	}
	b.hurried = b.hurried || b.spent && s.waited < pace.Seconds()
	if !b.hurried || b.reported(s) {
		return
	}
	b.until, b.port, b.whole = s.now+int64(pace), s.Outcome.Port, b.from.Len() >= crowd
	if b.whole && !b.caught && s.good() {
		b.until = s.now + int64(GuessPace) // the address may be held no longer than that
	}
	ports, caught := s.ports("guess"), b.caught
	f := s.report(ClassGuess)
	f.Rule, f.Severity, f.Spent, f.Caught, f.Ports = "budget", Low, true, caught, ports
	f.Why = fmt.Sprintf("it tried %d wrong passwords for account %q, %d of them today; it may try one in %s",
		s.fails(), f.Account, b.day, pace)
}

// reported says that what follows from this try is in force: a hold, or a drop.
func (b *budget) reported(s *Sight) bool {
	held := s.now < b.until && (b.port == s.Outcome.Port || b.whole)
	return held || !s.good() && s.Case.dropped != 0 && s.now-s.Case.dropped < dropShortest
}

// ports is how many source ports the failures that a rule is about came from.
// When they are several and the address is good, its good ports are named first.
func (s *Sight) ports(rule string) int {
	if s.now-s.engine.began < learning {
		return 1
	}
	count := 1
	switch {
	case rule == "guess" && s.guessing != nil:
		count = s.guessing.budget.from.Len()
	case rule == "enum" && s.fresh:
		count = s.Case.from.Len()
	}
	if count > 1 && s.good() {
		s.namePorts()
	}
	return count
}

// caughtGuessing notes that a good source guessed at this account as no phone
// does: there is no budget any more. Any other source is dropped.
func (s *Sight) caughtGuessing() {
	if s.guessing != nil && s.good() && s.Outcome.Proof >= event.GradeB {
		b := &s.guessing.budget
		b.spent, b.hurried, b.caught = true, true, true
	}
}
