package enforce

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// TestDryRun: monitor mode takes every order and does nothing.
func TestDryRun(t *testing.T) {
	var layer Backend = DryRun{}
	b := ban.Ban{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Action: ban.Drop}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if err := layer.Apply([]ban.Ban{b}, []ban.Ban{b}, at); err != nil {
		t.Error(err)
	}
	if err := layer.Fence([]netip.Prefix{b.Prefix}); err != nil {
		t.Error(err)
	}
	live := func(yield func(ban.Ban) bool) { yield(b) }
	if missing, repaired, err := layer.Sync(live, at); len(missing) > 0 || repaired > 0 || err != nil {
		t.Errorf("sync: %v, %d, %v", missing, repaired, err)
	}
	if got := layer.Dropped([]ban.Ban{b, b}); !slices.Equal(got, []uint64{0, 0}) {
		t.Errorf("dropped: %d", got)
	}
	if err := layer.Close(true); err != nil {
		t.Error(err)
	}
}
