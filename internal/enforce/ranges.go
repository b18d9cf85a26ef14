package enforce

import (
	"fmt"
	"iter"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/nft"
)

// ranges is what one set of ranges holds or should hold: prefixes, and how long
// each lasts from now, 0 for ever. The kernel refuses nested ones, so it has
// them in pieces, each of which lasts as long as the longest around it.
type ranges map[netip.Prefix]time.Duration

// ranged are the sets that have ranges.
var ranged = []nft.Set{nft.NeverBan, nft.DropAll, nft.DropSIP}

// alone says that the kernel keeps a prefix by itself, outside the ranges: a
// single address, or the /64 that one IPv6 host owns.
func alone(p netip.Prefix) bool {
	return p.IsSingleIP() || p.Addr().Is6() && p.Bits() == 64
}

// add notes a prefix; of two ends the later counts.
func (r ranges) add(p netip.Prefix, lasts time.Duration) {
	if p.Addr().Is4In6() {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if before, here := r[p]; !here || longer(lasts, before) {
		r[p] = lasts
	}
}

func longer(a, b time.Duration) bool { return b != 0 && (a == 0 || a > b) }

// rangesDiffer says that the kernel's ranges are not what the fence and the
// live entries make. It also finds out whether the table knows our prefixes.
func (n *NFT) rangesDiffer(live iter.Seq[ban.Ban], now time.Time) (bool, error) {
	held := map[nft.Set]ranges{}
	for _, set := range ranged {
		held[set] = ranges{}
		states, err := n.table.Ranges(set)
		if err != nil {
			return false, fmt.Errorf("list %s: %w", set, err)
		}
		for _, s := range states {
			if set == nft.NeverBan || !alone(s.Prefix) {
				held[set].add(s.Prefix, s.Expires)
			}
		}
	}
	wanted := map[nft.Set]ranges{nft.NeverBan: {}, nft.DropAll: {}, nft.DropSIP: {}}
	n.mu.Lock()
	for _, e := range n.never {
		wanted[nft.NeverBan].add(e.Prefix, 0)
	}
	n.mu.Unlock()
	for b := range live {
		if e, ok := element(&b, now); ok && wanted[e.Set] != nil && !alone(e.Prefix) {
			wanted[e.Set].add(e.Prefix, e.Timeout)
		}
	}
	whole := true
	for _, set := range ranged {
		if !wanted[set].made(held[set]) {
			return true, nil
		}
		// The fence is always given as a whole, so its prefixes are known.
		whole = whole && (set == nft.NeverBan || wanted[set].within(held[set]))
	}
	if whole {
		n.known.Store(true)
	}
	return false, nil
}

// made says that the kernel's pieces are what these prefixes make: every prefix
// is covered, and every piece is part of one and lasts as long. What is about
// to run out may be in one of them only.
func (r ranges) made(pieces ranges) bool {
	for p, lasts := range r {
		if !ending(lasts) && !pieces.cover(p) {
			return false
		}
	}
	for piece, left := range pieces {
		lasts, found := time.Duration(0), false
		for p, l := range r {
			if p.Bits() <= piece.Bits() && p.Contains(piece.Addr()) && (!found || longer(l, lasts)) {
				lasts, found = l, true
			}
		}
		if found && !alike(left, lasts) || !found && !ending(left) {
			return false
		}
	}
	return true
}

// cover says that the pieces hold every address of a prefix.
func (r ranges) cover(p netip.Prefix) bool {
	touched := false
	for piece := range r {
		if piece.Bits() <= p.Bits() && piece.Contains(p.Addr()) {
			return true
		}
		touched = touched || piece.Overlaps(p)
	}
	if !touched {
		return false
	}
	low, high := halves(p)
	return r.cover(low) && r.cover(high)
}

// halves splits a prefix that is more than one address.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bytes, bit := p.Addr().AsSlice(), p.Bits()
	bytes[bit/8] |= 0x80 >> (bit % 8)
	upper, _ := netip.AddrFromSlice(bytes)
	return netip.PrefixFrom(p.Addr(), bit+1), netip.PrefixFrom(upper, bit+1)
}

// within says that each prefix, and nothing else, is a piece as it stands.
func (r ranges) within(pieces ranges) bool {
	if len(r) != len(pieces) {
		return false
	}
	for p := range r {
		if _, here := pieces[p]; !here {
			return false
		}
	}
	return true
}
