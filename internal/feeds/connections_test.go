package feeds

import (
	"maps"
	"net/netip"
	"testing"
	"time"
)

// TestConnections: a flood of strangers does not make us look each time, and a
// newcomer is known soon.
func TestConnections(t *testing.T) {
	known, stranger := netip.MustParseAddrPort("203.0.113.7:40001"), netip.MustParseAddrPort("203.0.113.8:40001")
	looks := 0
	ends := map[netip.AddrPort]bool{}
	c := &connections{look: func() (map[netip.AddrPort]bool, error) {
		looks++
		return maps.Clone(ends), errAway
	}}
	now := time.Unix(1e9, 0)
	for _, step := range []struct {
		after time.Duration
		end   netip.AddrPort
		comes bool
		want  bool
		looks int
	}{
		{0, stranger, false, false, 1},
		{time.Millisecond, stranger, false, false, 1},
		{time.Millisecond, known, false, false, 1},
		{connectionsFor, known, true, true, 2},
		{0, stranger, false, false, 2},
		{time.Hour, known, false, true, 3},
		{0, stranger, false, false, 3},
	} {
		now = now.Add(step.after)
		if step.comes {
			ends[step.end] = true
		}
		if got := c.has(step.end, now); got != step.want || looks != step.looks {
			t.Errorf("%v later, %s: %t after %d looks, want %t after %d", step.after, step.end, got, looks, step.want, step.looks)
		}
	}
}
