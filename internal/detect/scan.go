package detect

import (
	"math"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// unprovenScan finds who asks about one account after another and
// never heeds an answer, as scanners and enumerators do and phones do not.
//
// A benign source leaves a challenge lying with probability at most theta0 =
// 0.3 (a lost packet, a user who gave up), a scanner with theta1 = 0.98; each
// new target counts once:
//
//	disregarded      ln(0.98/0.30) = +1.18
//	  and ACKed      ln(0.98/0.10) = +2.28: no lost packet can excuse it
//	unknown account  ln(0.95/0.10) = +2.25 for a REGISTER, +1.18 else
//	wrong, unproven  +1.18: credentials for a nonce we did not send it
//	followed         ln(0.02/0.70) = -3.56, and the limit is lifted
//	served           the same: the server let it call, once for each number
//
// None of this proves an address, so it only ever limits, with its own alpha
// of 1e-3. A monitor that sends OPTIONS to one target is never novel. A
// source that knew a secret within 30 days is not looked at here.
type unprovenScan struct{}

const (
	scanDisregarded = 1.184
	scanConfirmed   = 2.282
	scanUnknown     = 2.251
	scanHeeded      = -3.555
	scanHalfLife    = 24 * time.Hour // who asks once in half an hour is found as well
)

// Weigh implements Detector.
func (unprovenScan) Weigh(s *Sight) {
	o := s.Outcome
	if o == nil || s.good() {
		return
	}
	step, identity := 0.0, max(s.account, 1) // 0 counts every time
	switch {
	case o.Result == event.Served:
		// Once a number: one that answers must not hide all that do not.
		identity, step = ^s.account, scanHeeded
	case o.Result == event.Followed:
		step, identity = scanHeeded, 0
		if !s.marked() {
			s.Case.heeds(s)
		}
	case o.Result == event.Disregarded:
		step = scanDisregarded
		if o.Proof > event.None {
			step = scanConfirmed
		}
	case o.Result == event.UnknownUser && o.Proof < event.GradeB && (!o.Text || o.Proof == event.None):
		step = scanDisregarded
		if o.Method == event.REGISTER {
			step = scanUnknown
		}
	case o.Result == event.Failed && o.Proof == event.None:
		step, identity = scanDisregarded, 0
	default:
		return
	}
	s.scanHome(step, identity)
	if s.Case.scan.once(identity, step, s.now) && step > 0 {
		s.Case.accounts = min(s.Case.accounts, math.MaxUint16-1) + 1
		s.note(o.Result.String(), step)
	}
}

// once adds a step, and for an identity other than 0 only the first time.
func (t *tally) once(identity uint64, step float64, now int64) bool {
	if identity != 0 && !t.novel(identity) {
		return false
	}
	t.add(step, now, scanHalfLife)
	return true
}

// heeds notes that the source answered a challenge: its address is real, so a
// limit for unproven sources no longer fits it.
func (c *Case) heeds(s *Sight) {
	c.proven = s.now
	if c.limited != 0 {
		s.report(ClassProven)
		c.limited = 0
	}
}
