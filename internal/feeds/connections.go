package feeds

import (
	"net/netip"
	"time"
)

// connectionsFor is how long a look at this machine's connections serves. It
// costs milliseconds when there are thousands, and a flood asks each time.
const connectionsFor = 200 * time.Millisecond

// connections remembers who is connected here. It belongs to one goroutine.
type connections struct {
	// look lists the far ends.
	look func() (map[netip.AddrPort]bool, error)
	at   time.Time
	ends map[netip.AddrPort]bool
}

// has says that an address is connected here over TCP. When that cannot be
// told, it is not.
func (c *connections) has(end netip.AddrPort, now time.Time) bool {
	if c.at.IsZero() || now.Sub(c.at) >= connectionsFor {
		c.ends, _ = c.look()
		c.at = now
	}
	return c.ends[end]
}
