package bounded

import (
	"math/bits"
	"time"
)

// Ports counts the different ports of a day, about: a bit for each, by hash.
type Ports struct {
	bits uint64
	from int64 // when counting began
}

// Add counts a port, by the caller's clock in nanoseconds, and begins anew after
// a day.
func (p *Ports) Add(port uint16, now int64) {
	if p.from == 0 || now-p.from >= int64(24*time.Hour) {
		*p = Ports{from: now}
	}
	p.bits |= 1 << (uint64(port) * 0x9E3779B97F4A7C15 >> 58)
}

// Len is how many there are, or a few less.
func (p *Ports) Len() int { return bits.OnesCount64(p.bits) }
