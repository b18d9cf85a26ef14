package feeds

import (
	"context"
	"time"
)

const (
	// firstPause is after the first failure; it doubles up to longestPause.
	firstPause   = time.Second
	longestPause = time.Minute
	// jitter is the part by which a pause varies, so that many machines do not
	// come back to one server at the same moment.
	jitter = 0.2
)

// Retry is the time and the chance that trying again needs.
type Retry struct {
	// After is time.After, Now is time.Now, Random is rand.Float64.
	After  func(time.Duration) <-chan time.Time
	Now    func() time.Time
	Random func() float64
}

// Run calls once again and again until ctx ends, with pauses that grow. once
// calls works when it has what it follows, and gives the reason of its end. What
// held for longer than the longest pause begins with the shortest again;
// otherwise a server that lets us in and throws us out would be asked for ever.
func (r Retry) Run(ctx context.Context, report func(error), once func(ctx context.Context, works func()) error) {
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longestPause) {
		var since time.Time
		err := once(ctx, func() {
			since = r.Now()
			report(nil)
		})
		if ctx.Err() != nil {
			return
		}
		report(err)
		if !since.IsZero() && r.Now().Sub(since) > longestPause {
			pause = firstPause
		}
		varied := pause + time.Duration((2*r.Random()-1)*jitter*float64(pause))
		select {
		case <-ctx.Done():
		case <-r.After(varied):
		}
	}
}
