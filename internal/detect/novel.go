package detect

import (
	"math"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// novelIdentity is D1, the e-process over novel identities: it finds who
// tries many accounts (enumeration, spraying), at any speed.
//
// Each (source, account) counts once. A benign source fails on a new account
// with probability at most theta0 = 0.10 (0.03 for an account that does not
// exist at all), an attacker with theta1 = 0.95:
//
//	failed        ln(0.95/0.10) = +2.25
//	unknown user  ln(0.95/0.03) = +3.45
//	accepted      ln(0.05/0.90) = -2.89, once per account
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
	if o == nil || o.Proof == event.None {
		return // an unproven failure may be forged: unprovenScan takes it
	}
	t := &s.Case.novel[proven(o)]
	switch o.Result {
	case event.Accepted:
		if t.novel(s.account) {
			t.add(novelAccepted, s.now, novelHalfLife)
		}
	case event.Failed, event.UnknownUser:
		if s.Case.knows(s.account) || !t.novel(s.account) {
			return
		}
		step := novelFailed
		if o.Result == event.UnknownUser {
			step = novelUnknown
		}
		t.add(step, s.now, novelHalfLife)
		s.Case.accounts = min(s.Case.accounts, math.MaxUint16-1) + 1
		s.note(o.Result.String(), step)
	}
}
