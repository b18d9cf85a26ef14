package enforce

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/nft"
)

// NFT is the layer of nftables: one table of our own, whose sets hold the
// entries with kernel time-outs.
type NFT struct {
	table *nft.Table

	// mu keeps never, the last fence, in step with the kernel.
	mu    sync.Mutex
	never []nft.Element
	// known says that the table knows our prefixes, and not only the pieces that
	// nested ones are in the kernel: so it is not after adoption or an error.
	known atomic.Bool
	// fresh says that the table was not there before and nobody has filled it yet.
	fresh atomic.Bool
	// applied counts the orders, so that a repair knows whether any came meanwhile.
	applied atomic.Uint64
}

// NewNFT takes over an open table.
func NewNFT(table *nft.Table) *NFT {
	n := &NFT{table: table}
	n.fresh.Store(!table.Adopted())
	return n
}

// Adopted says that an earlier process left the table with its elements.
func (n *NFT) Adopted() bool { return n.table.Adopted() }

// Apply implements Backend.
func (n *NFT) Apply(put, lift []ban.Ban, now time.Time) error {
	add, remove := elements(put, now), elements(lift, now)
	if len(add)+len(remove) == 0 {
		return nil
	}
	n.applied.Add(1)
	if err := n.table.Apply(add, append(remove, n.stale(put)...)); err != nil {
		n.known.Store(false)
		return fmt.Errorf("apply bans: %w", err)
	}
	return nil
}

// stale lists the elements that an entry may have in another set, from the
// time before it became stronger, weaker or of another scope.
func (n *NFT) stale(put []ban.Ban) []nft.Element {
	var old []nft.Element
	for i := range put {
		b := &put[i]
		if !b.Action.Blocks() {
			continue
		}
		sets := blocking
		if b.Port != 0 {
			sets = blockingPort
		}
		for _, set := range sets {
			if e := (nft.Element{Set: set, Prefix: b.Prefix, Port: b.Port}); set != setOf(b) && fits(e) {
				old = append(old, e)
			}
		}
	}
	return old
}

// blocking are the sets an entry for all source ports can be in, blockingPort
// those of an entry for one.
var (
	blocking     = []nft.Set{nft.DropAll, nft.DropSIP, nft.Hold, nft.Limit, nft.LimitSlow}
	blockingPort = []nft.Set{nft.HoldPort, nft.LimitPort}
)

// fits says that the set takes such a prefix.
func fits(e nft.Element) bool {
	subnet := e.Prefix.Addr().Is6() && e.Prefix.Bits() == 64
	return e.Set == nft.DropAll || e.Set == nft.DropSIP || subnet || e.Prefix.IsSingleIP()
}

// setOf says which set holds an entry; 0 for what the kernel is not told here
// (a human's allow is part of the fence).
func setOf(b *ban.Ban) nft.Set {
	switch {
	case b.Action == ban.Pass && b.Port != 0:
		return nft.GoodPort
	case b.Action == ban.Pass:
		return nft.KnownGood
	case b.Action == ban.Drop && b.Scope == ban.ScopeAll:
		return nft.DropAll
	case b.Action == ban.Drop:
		return nft.DropSIP
	case b.Action == ban.Hold && b.Port != 0:
		return nft.HoldPort
	case b.Action == ban.Hold:
		return nft.Hold
	case b.Action.Blocks() && b.Port != 0:
		return nft.LimitPort
	case b.Action == ban.Slow:
		return nft.LimitSlow
	case b.Action == ban.Limit:
		return nft.Limit
	}
	return 0
}

// elements translates entries; those that are over by now are left out.
func elements(entries []ban.Ban, now time.Time) []nft.Element {
	var list []nft.Element
	for i := range entries {
		if e, ok := element(&entries[i], now); ok {
			list = append(list, e)
		}
	}
	return list
}

func element(b *ban.Ban, now time.Time) (nft.Element, bool) {
	e := nft.Element{Set: setOf(b), Prefix: b.Prefix, Port: b.Port}
	if !b.Until.IsZero() {
		e.Timeout = b.Until.Sub(now)
		if e.Timeout <= 0 && b.Ended.IsZero() {
			return e, false
		}
		e.Timeout = max(e.Timeout, time.Second)
	}
	return e, e.Set != 0
}

// Fence implements Backend.
func (n *NFT) Fence(never []netip.Prefix) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]nft.Element, len(never))
	for i, p := range never {
		list[i] = nft.Element{Set: nft.NeverBan, Prefix: p}
	}
	n.never = list // wanted even if it is refused now: a repair makes it so
	if err := n.table.Replace(nft.NeverBan, list); err != nil {
		n.known.Store(false)
		return fmt.Errorf("replace never-ban set: %w", err)
	}
	return nil
}

// alike says that a kernel time-out is near enough to the table's; 0 is never.
func alike(left, wanted time.Duration) bool {
	return (left == 0) == (wanted == 0) && (left-wanted).Abs() <= clockSlack
}

// clockSlack is how far a kernel time-out may be from the table's before it
// is set again. Reading a hundred thousand elements takes some seconds.
const clockSlack = 10 * time.Second

// ending says that what has so much time left is about to run out; 0 is never.
func ending(left time.Duration) bool { return left > 0 && left <= clockSlack }

// Sync implements Backend. A table that somebody broke or removed is made
// anew with everything in one transaction, and so is one whose ranges differ.
func (n *NFT) Sync(live iter.Seq[ban.Ban], now time.Time) ([]ban.Ban, int, error) {
	before := n.applied.Load()
	anew, repaired, err := n.renew(live, now)
	if err != nil || anew && n.applied.Load() == before {
		return nil, repaired, err
	}
	// What was decided while the table was made anew shows in the comparison.
	missing, extra, err := n.compare(live, now)
	return missing, repaired + extra, err
}

// renew makes the content of the table anew if need be, and says how many
// elements of a table that had been right had to be repaired.
func (n *NFT) renew(live iter.Seq[ban.Ban], now time.Time) (anew bool, repaired int, err error) {
	err = n.table.Verify()
	broken := errors.Is(err, nft.ErrGone) || errors.Is(err, nft.ErrChanged)
	if err != nil && !broken {
		return false, 0, fmt.Errorf("verify table: %w", err)
	}
	if n.fresh.Swap(false) && !broken {
		return true, 0, n.fill(live, now)
	}
	if !broken {
		if broken, err = n.rangesDiffer(live, now); err != nil || !broken && n.known.Load() {
			return false, 0, err
		}
	}
	size, err := n.rebuild(live, now)
	if !broken {
		size = 0
	}
	return true, size, err
}

// filling is how many elements of a fresh table go into one transaction.
const filling = 8192

// fill gives a fresh table its elements, of which the kernel takes some while
// the next ones are made ready: a start waits for it.
func (n *NFT) fill(live iter.Seq[ban.Ban], now time.Time) error {
	parts := make(chan []nft.Element, 1)
	go func() {
		defer close(parts)
		part := make([]nft.Element, 0, filling)
		for b := range live {
			if e, ok := element(&b, now); ok {
				part = append(part, e)
			}
			if len(part) == filling {
				parts <- part
				part = make([]nft.Element, 0, filling)
			}
		}
		parts <- part
	}()
	var err error
	for part := range parts {
		err = errors.Join(err, n.table.Fill(part))
	}
	n.known.Store(err == nil)
	if err != nil {
		return fmt.Errorf("fill table: %w", err)
	}
	return nil
}

func (n *NFT) rebuild(live iter.Seq[ban.Ban], now time.Time) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := len(n.never)
	for range live {
		count++ // to grow a long list costs more than to count it
	}
	all := append(make([]nft.Element, 0, count), n.never...)
	for b := range live {
		if e, ok := element(&b, now); ok {
			all = append(all, e)
		}
	}
	if err := n.table.Rebuild(all); err != nil {
		return 0, fmt.Errorf("rebuild table: %w", err)
	}
	n.known.Store(true)
	return len(all), nil
}

// compared are the sets whose elements are entries of the table.
var compared = []nft.Set{
	nft.KnownGood, nft.DropAll, nft.DropSIP, nft.HoldPort, nft.LimitPort, nft.GoodPort, nft.Hold, nft.Limit, nft.LimitSlow,
}

// compare looks at everything but the ranges. It reads the sets first and the
// entries after them: an entry reaches the table before its element reaches the
// kernel, so an element without an entry is surely too much. What is about to
// run out may be in one of them only: in a flood, limits end all the time.
func (n *NFT) compare(live iter.Seq[ban.Ban], now time.Time) (missing []ban.Ban, repaired int, err error) {
	held := map[nft.Element]time.Duration{}
	for _, set := range compared {
		states, err := n.table.Elements(set)
		if err != nil {
			return nil, 0, fmt.Errorf("list %s: %w", set, err)
		}
		for _, s := range states {
			if alone(s.Prefix) {
				held[bare(s.Element)] = s.Expires
			}
		}
	}
	for b := range live {
		e, ok := element(&b, now)
		if !ok || !alone(e.Prefix) {
			continue
		}
		if left, here := held[bare(e)]; here && !alike(left, e.Timeout) || !here && !ending(e.Timeout) {
			missing = append(missing, b)
		}
		delete(held, bare(e))
	}
	maps.DeleteFunc(held, func(_ nft.Element, left time.Duration) bool { return ending(left) })
	if len(held) > 0 {
		for b := range live { // what came back since the first look is not too much
			if e, ok := element(&b, now); ok {
				delete(held, bare(e))
			}
		}
		extra := slices.Collect(maps.Keys(held))
		if err := n.table.Apply(nil, extra); err != nil {
			return missing, 0, fmt.Errorf("remove what is too much: %w", err)
		}
	}
	return missing, len(held), nil
}

// bare is an element without its time-out, to compare by.
func bare(e nft.Element) nft.Element {
	e.Timeout = 0
	return e
}

// few is up to how many entries are looked up one by one. To list a set takes
// as long as some thousand look-ups, but a list of prefixes takes one for each.
const few = 256

// Dropped implements Backend.
func (n *NFT) Dropped(entries []ban.Ban) []uint64 {
	packets := make([]uint64, len(entries))
	if len(entries) <= few {
		for i := range entries {
			packets[i] = n.dropped(&entries[i])
		}
		return packets
	}
	counted := map[nft.Element]uint64{}
	for _, set := range slices.Concat(blocking, blockingPort) {
		states, err := n.table.Elements(set)
		if err != nil {
			continue // unknown, as when the table is gone
		}
		for _, s := range states {
			counted[bare(s.Element)] = s.Packets
		}
	}
	for i := range entries {
		b := &entries[i]
		e := nft.Element{Set: setOf(b), Prefix: b.Prefix, Port: b.Port}
		if known, here := counted[e]; here {
			packets[i] = known
		} else if !alone(b.Prefix) {
			packets[i] = n.dropped(b) // the kernel may have it in pieces
		}
	}
	return packets
}

func (n *NFT) dropped(b *ban.Ban) uint64 {
	e := nft.Element{Set: setOf(b), Prefix: b.Prefix, Port: b.Port}
	if e.Set == 0 {
		return 0
	}
	state, held, err := n.table.Get(e)
	if !held || err != nil {
		return 0
	}
	return state.Packets
}

// SetPorts replaces the protected ports.
func (n *NFT) SetPorts(udp, tcp []uint16) error {
	if err := n.table.SetPorts(udp, tcp); err != nil {
		return fmt.Errorf("replace protected ports: %w", err)
	}
	return nil
}

// Watch tells when somebody else changed our table, for a Sync at once.
func (n *NFT) Watch(ctx context.Context) (<-chan nft.Change, error) { return n.table.Watch(ctx) }

// Close implements Backend.
func (n *NFT) Close(clear bool) error {
	if clear {
		if err := n.table.Clear(); err != nil {
			return fmt.Errorf("clear table: %w", err)
		}
	}
	return n.table.Close()
}
