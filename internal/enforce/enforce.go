// Package enforce keeps the kernel equal to the ban table. Whatever the
// kernel's layer is, the hall speaks to it through Backend alone; the orders
// are typed and carry no text the layer would have to read.
package enforce

import (
	"iter"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// Backend is one layer that acts on packets: nft, or dryrun for monitor mode,
// tests and replays. Implementations are safe for concurrent use.
type Backend interface {
	// Apply puts entries in force and lifts others, in one transaction. What is
	// already in force gets the new end, earlier or later. now is the present
	// by the clock that Until was set by. It keeps neither slice.
	Apply(put, lift []ban.Ban, now time.Time) error
	// Fence replaces the never-ban prefixes, which win over everything else.
	Fence(never []netip.Prefix) error
	// Sync compares the layer with the live entries. What the layer has too much
	// it removes, what it lost as a whole it makes anew, and what single entries
	// it lacks or holds with a wrong end it returns for an Apply.
	Sync(live iter.Seq[ban.Ban], now time.Time) (missing []ban.Ban, repaired int, err error)
	// Dropped is how many packets each of the entries has kept out, 0 for those
	// that the layer does not hold.
	Dropped(entries []ban.Ban) []uint64
	// Close lets go of the layer. What is in force stays so, with its own
	// time-outs, unless clear is set.
	Close(clear bool) error
}
