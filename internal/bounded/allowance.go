package bounded

import "time"

// Allowance bounds how often something may happen. It is divided into shares,
// each a token bucket, so that who uses up theirs leaves the others their own.
// It reads no clock, and is for one goroutine.
type Allowance struct {
	shares     []share
	most, rate float64 // of one share
}

type share struct {
	left float64
	at   int64 // of the latest look, in the caller's nanoseconds
}

// NewAllowance lets most things happen at once and rate a second from then on,
// in all shares together.
func NewAllowance(shares int, most, rate float64) *Allowance {
	a := &Allowance{shares: make([]share, shares), most: most / float64(shares), rate: rate / float64(shares)}
	for i := range a.shares {
		a.shares[i].left = a.most
	}
	return a
}

// Take says whether one more may happen, of the share that the key falls in.
func (a *Allowance) Take(key uint64, now int64) bool {
	s := &a.shares[key%uint64(len(a.shares))]
	if now > s.at {
		s.left = min(a.most, s.left+time.Duration(now-s.at).Seconds()*a.rate)
		s.at = now
	}
	if s.left < 1 {
		return false
	}
	s.left--
	return true
}
