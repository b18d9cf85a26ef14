package detect

import (
	"math"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// guessRate is D2, a Poisson CUSUM over wrong passwords for one account: it
// finds who guesses faster than any broken phone retries.
//
//	S = max(0, S + ln(l1/l0) - (l1 - l0) x dt), back to 0 on a success
//
// with l0 = 1/15 s, above the retry rate of phones with a stale password, and
// l1 = 0.5/s. A guess adds 2.01 and a second of waiting takes 0.43: seven
// guesses at 5/s decide, eight at 1/s, and whoever waits 4.65 s or longer between
// two stays silent, as such a phone must. Only credentials that answer a
// challenge of ours count, so a forger adds nothing.
type guessRate struct{}

var (
	guessNull = 1.0 / 15 // l0, per second
	guessRise = math.Log(guessFast / guessNull)
	guessFall = guessFast - guessNull
)

const guessFast = 0.5 // l1, per second

// guessing is the state of one (source, account).
type guessing struct {
	source uint64
	sum    float32
	fails  uint16
	at     int64
}

// Weigh implements Detector.
func (guessRate) Weigh(s *Sight) {
	o := s.Outcome
	if o == nil || o.Proof == event.None || (o.Result != event.Failed && o.Result != event.Accepted) {
		return
	}
	key := s.engine.seed.Mix(s.key^uint64(proven(o)), s.account)
	if o.Result == event.Accepted {
		s.engine.guesses.Delete(key)
		return
	}
	g, fresh := s.engine.guesses.Put(key, s.now)
	if fresh {
		g.source = s.key
	}
	waited := time.Duration(s.now - g.at).Seconds()
	if fresh {
		waited = 0
	}
	step := guessRise - guessFall*waited
	g.sum = float32(math.Max(0, float64(g.sum)+step))
	g.fails++
	g.at = s.now
	s.guess = float64(g.sum)
	s.note(o.Result.String(), step)
}
