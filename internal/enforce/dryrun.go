package enforce

import (
	"iter"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// DryRun is the layer that does nothing: monitor mode and replays decide as
// always, and no packet is touched.
type DryRun struct{}

// Apply implements Backend.
func (DryRun) Apply(_, _ []ban.Ban, _ time.Time) error { return nil }

// Fence implements Backend.
func (DryRun) Fence([]netip.Prefix) error { return nil }

// Sync implements Backend.
func (DryRun) Sync(iter.Seq[ban.Ban], time.Time) ([]ban.Ban, int, error) { return nil, 0, nil }

// Dropped implements Backend.
func (DryRun) Dropped(entries []ban.Ban) []uint64 { return make([]uint64, len(entries)) }

// Close implements Backend.
func (DryRun) Close(bool) error { return nil }
