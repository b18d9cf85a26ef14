package detect

import (
	"time"

	"github.com/sipward/sipward/internal/event"
)

// goodness notes who knew a secret, and whom our own server reaches by itself:
// its registered phones and its carriers. It is the only detector that speaks
// for a source: the policy shields known-good addresses, for 30 days after a
// right password and for a day after an answer to our server.
type goodness struct{}

const (
	// goodAgain is how often a success is worth a new finding.
	goodAgain = int64(time.Hour)
	// goodFor is how long a success speaks for an address; the policy shields it
	// for as long. Then somebody else may have the address.
	goodFor = int64(30 * 24 * time.Hour)
)

// How hard a case holds on to its place in memory. Forged packets make new
// cases without end, and they must not push out what rests on proof.
const (
	holdProven = 1
	holdGood   = 2
)

// good says that the source knew a secret within goodFor.
func (s *Sight) good() bool { return s.Case.goodAt != 0 && s.now-s.Case.goodAt < goodFor }

// Weigh implements Detector.
func (goodness) Weigh(s *Sight) {
	o := s.Outcome
	if o == nil || o.Result != event.Accepted && o.Result != event.Known || o.Proof < event.GradeC {
		return
	}
	at, _ := s.engine.ports.Put(s.engine.seed.Mix(s.key, uint64(o.Port)), s.now)
	*at = s.now
	c := s.Case
	fresh := s.account != 0 && !c.knows(s.account)
	if fresh {
		c.good[c.goodNext] = s.account
		c.goodNext = (c.goodNext + 1) % uint8(len(c.good))
	}
	if fresh || s.now-c.goodAt >= goodAgain {
		s.report(ClassGood)
	}
	c.goodAt = s.now
	s.engine.cases.Protect(s.key, holdGood)
}
