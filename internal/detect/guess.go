package detect

import (
	"math"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// guessRate is a Poisson CUSUM over wrong passwords for one account: it
// finds who guesses faster than any broken phone retries.
//
//	S = max(0, S + ln(l1/l0) - (l1 - l0) x dt), back to 0 on a success
//
// with l0 = 1/15 s, above the retry rate of phones with a stale password, and
// two alternatives: l1 = 0.5/s, where a guess adds 2.01 and a second of waiting
// takes 0.43, and l1 = 5/s, where a guess adds 4.32 and a second takes 4.93,
// which has next to no weight and still decides first when guesses rain: five
// at 10/s, six at 5/s, eight at 1/s. Whoever waits 4.65 s or longer between two
// stays silent, as a broken phone must. Only credentials that answer a
// challenge of ours count, so a forger adds nothing.
type guessRate struct{}

// The rates, per second.
const (
	guessNull = 1.0 / 15 // l0
	guessSlow = 0.5      // l1
	guessFast = 5.0      // l1 of a rain of guesses
)

// guessing is the state of one (source, account).
type guessing struct {
	source     uint64
	slow, fast float32 // the sums S of the two alternatives
	fails      uint16
	at         int64
	budget     budget
}

// step moves a sum by one guess after a wait in seconds.
func step(sum *float32, rate, waited float64) float64 {
	moved := math.Log(rate/guessNull) - (rate-guessNull)*waited
	*sum = float32(math.Max(0, float64(*sum)+moved))
	return moved
}

// add counts one wrong password, and says what it added to the slower sum and
// how many seconds it came after the one before.
func (g *guessing) add(now int64) (added, waited float64) {
	if g.at != 0 {
		waited = time.Duration(now - g.at).Seconds()
	}
	added = step(&g.slow, guessSlow, waited)
	step(&g.fast, guessFast, waited)
	g.fails = min(g.fails, math.MaxUint16-1) + 1
	g.at = now
	return added, waited
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
		if proven(o) == 1 {
			s.engine.guesses.Protect(key, holdProven)
		}
	}
	s.guessing = g
	var added float64
	added, s.waited = g.add(s.now)
	s.guess, s.rain = float64(g.slow), float64(g.fast)
	s.note(o.Result.String(), added)
}
