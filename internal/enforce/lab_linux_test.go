package enforce

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/nft"
	"github.com/sipward/sipward/internal/testnet"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// lab is a layer in a network namespace of its own, and the table it follows.
type lab struct {
	*NFT
	host    *testnet.Host
	options nft.Options
	entries []ban.Ban
	now     time.Time
}

func newLab(t *testing.T, shared bool) *lab {
	t.Helper()
	l := &lab{host: testnet.New(t).Router(), now: noon, options: nft.Options{UDP: []uint16{5060}, Shared: shared}}
	l.open(t)
	return l
}

// open begins as a daemon does that starts: with its table, not knowing what
// the kernel holds.
func (l *lab) open(t *testing.T) {
	t.Helper()
	l.host.Run(func() {
		table, err := nft.Open(l.options)
		must(t, err)
		l.NFT = NewNFT(table)
	})
	t.Cleanup(func() { l.NFT.table.Close() }) // a second close is harmless
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prefix reads an address or a prefix.
func prefix(text string) netip.Prefix {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p
	}
	a := netip.MustParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen())
}

// entry is an entry of the table for ever, or for so long.
func (l *lab) entry(action ban.Action, text string, length time.Duration) ban.Ban {
	b := ban.Ban{Prefix: prefix(text), Action: action, By: "alice", Since: l.now}
	if length > 0 {
		b.Until = l.now.Add(length)
	}
	return b
}

// put enters entries into table and kernel.
func (l *lab) put(t *testing.T, entries ...ban.Ban) {
	t.Helper()
	for _, b := range entries {
		l.forget(b)
		l.entries = append(l.entries, b)
	}
	must(t, l.Apply(entries, nil, l.now))
}

// lift ends an entry in table and kernel.
func (l *lab) lift(t *testing.T, b ban.Ban) {
	t.Helper()
	l.forget(b)
	b.Ended = l.now
	must(t, l.Apply(nil, []ban.Ban{b}, l.now))
}

func (l *lab) forget(b ban.Ban) {
	l.entries = slices.DeleteFunc(l.entries, func(old ban.Ban) bool { return old.Key() == b.Key() })
}

func (l *lab) live() iter.Seq[ban.Ban] { return slices.Values(l.entries) }

// sync does what the hall does, and says how much differed.
func (l *lab) sync(t *testing.T) int {
	t.Helper()
	missing, repaired, err := l.Sync(l.live(), l.now)
	must(t, err)
	must(t, l.Apply(missing, nil, l.now))
	return repaired + len(missing)
}

// content is what the kernel holds, in order, with time-outs in whole minutes.
func (l *lab) content(t *testing.T) []nft.Element {
	t.Helper()
	var all []nft.Element
	for set := nft.NeverBan; set <= nft.LimitSlow; set++ {
		states, err := l.table.Elements(set)
		must(t, err)
		for _, s := range states {
			s.Timeout = s.Expires.Round(time.Minute)
			all = append(all, s.Element)
		}
	}
	slices.SortFunc(all, func(a, b nft.Element) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), a.Prefix.Addr().Compare(b.Prefix.Addr()), a.Prefix.Bits()-b.Prefix.Bits(), int(a.Port)-int(b.Port))
	})
	return all
}

// sets are the sets that hold an address, in the kernel's order.
func (l *lab) sets(t *testing.T, address string) []nft.Set {
	t.Helper()
	var found []nft.Set
	for _, e := range l.content(t) {
		if e.Prefix.Contains(netip.MustParseAddr(address)) {
			found = append(found, e.Set)
		}
	}
	return found
}

// held checks which sets hold an address.
func (l *lab) held(t *testing.T, address string, want ...nft.Set) {
	t.Helper()
	if got := l.sets(t, address); !slices.Equal(got, want) {
		t.Errorf("%s is in %v, want %v", address, got, want)
	}
}

// calm checks that nothing differs any more.
func (l *lab) calm(t *testing.T) {
	t.Helper()
	if n := l.sync(t); n != 0 {
		t.Errorf("%d elements differ, want none", n)
	}
}
