package detect

import (
	"math"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// novelIdentity is the e-process over novel identities: it finds who
// tries many accounts (enumeration, spraying), at any speed.
//
// Each (source, account) counts once. A benign source fails on a new account
// with probability at most theta0 = 0.10 (0.03 for an account that does not
// exist at all), an attacker with theta1 = 0.95:
//
//	failed        ln(0.95/0.10) = +2.25
//	unknown user  ln(0.95/0.03) = +3.45
//	accepted      ln(0.05/0.90) = -2.89, once per account
//	served        the same: a call that is let through without a password
//
// So a carrier whose calls reach somebody may bring some to numbers that do not
// exist, while who only dials such numbers is found.
//
// Nothing counts on an account the source has authenticated as, and a broken
// phone that repeats itself adds nothing: over seven simulated days no good,
// mistyped, misconfigured or shared office source was ever flagged, while
// enumeration and spraying were found at the sixth attempt. Many passwords
// for one account are invisible here; guessRate looks for those.
type novelIdentity struct{}

const (
	novelFailed   = 2.251
	novelUnknown  = 3.455
	novelAccepted = -2.890
	novelHalfLife = 7 * 24 * time.Hour
)

// Weigh implements Detector.
func (novelIdentity) Weigh(s *Sight) {
	o := s.Outcome
	if o == nil {
		return
	}
	switch o.Result {
	case event.Accepted, event.Served:
		for i := range s.Case.novel {
			if t := &s.Case.novel[i]; t.novel(s.account) {
				t.add(novelAccepted, s.now, novelHalfLife)
			}
		}
	case event.Failed, event.UnknownUser:
		// An unproven failure may be forged: unprovenScan takes it.
		// A good client that tries the last nonce it had may dial a wrong number.
		misdialled := o.Show && o.Result == event.UnknownUser && o.Method != event.REGISTER && s.good()
		if o.Proof > event.None && !s.knows() && !misdialled {
			s.countNovel(&s.Case.novel[proven(o)])
		}
	}
}

// countNovel adds what is new about an account. The packet may show first that
// the password was wrong, and the server's log then that there is no such account.
func (s *Sight) countNovel(t *tally) {
	step := 0.0
	if t.novel(s.account) {
		step = novelFailed
		s.fresh = true
		if proven(s.Outcome) == 1 {
			s.Case.from.Add(s.Outcome.Port, s.now)
		}
		s.Case.accounts = min(s.Case.accounts, math.MaxUint16-1) + 1
	}
	if s.Outcome.Result == event.UnknownUser && t.novel(^s.account) {
		step += novelUnknown - novelFailed
	}
	if step > 0 {
		t.add(step, s.now, novelHalfLife)
		s.note(s.Outcome.Result.String(), step)
	}
}
