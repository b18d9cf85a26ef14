package nft

import (
	"net/netip"
	"slices"
	"time"
)

// A span is a range of addresses, both ends included, and when it runs out
// (zero: never). The kernel's interval sets hold spans and refuse overlapping
// ones, while prefixes may well be nested: a /24 for an hour around a /25 for
// a day. So the prefixes are kept here and flattened for the kernel.
type span struct {
	from, to netip.Addr
	until    time.Time
}

// prefixes maps each wanted prefix to the time it runs out (zero: never).
type prefixes map[netip.Prefix]time.Time

// outlasts says whether a runs out after b; the zero time never does.
func outlasts(a, b time.Time) bool {
	if b.IsZero() {
		return false
	}
	return a.IsZero() || a.After(b)
}

// spans flattens nested prefixes: where several cover an address, the one
// that lasts longest counts. The result is sorted and does not overlap.
func (p prefixes) spans() []span {
	sorted := make([]netip.Prefix, 0, len(p))
	for prefix := range p {
		sorted = append(sorted, prefix)
	}
	// An outer prefix comes right before everything nested in it.
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var out, open []span // open: the outer spans around the current place
	closeTop := func() {
		top := open[len(open)-1]
		open = open[:len(open)-1]
		if top.from.IsValid() && !top.to.Less(top.from) {
			out = append(out, top)
		}
		if len(open) > 0 {
			open[len(open)-1].from = top.to.Next() // invalid after the last address
		}
	}
	for _, prefix := range sorted {
		s := span{prefix.Addr(), lastAddr(prefix), p[prefix]}
		for len(open) > 0 && open[len(open)-1].to.Less(s.from) {
			closeTop()
		}
		if len(open) > 0 {
			outer := &open[len(open)-1]
			if !outlasts(s.until, outer.until) {
				continue
			}
			if outer.from.Less(s.from) {
				out = append(out, span{outer.from, s.from.Prev(), outer.until})
			}
		}
		open = append(open, s)
	}
	for len(open) > 0 {
		closeTop()
	}
	return out
}

// forget drops the prefixes that have run out, as the kernel does by itself.
func (p prefixes) forget(now time.Time) {
	for prefix, until := range p {
		if !until.IsZero() && !until.After(now) {
			delete(p, prefix)
		}
	}
}

// split returns the fewest prefixes that cover the span exactly.
func (s span) split() []netip.Prefix {
	var out []netip.Prefix
	for from := s.from; from.IsValid() && !s.to.Less(from); {
		bits := from.BitLen()
		for bits > 0 {
			wider := netip.PrefixFrom(from, bits-1)
			if wider.Masked().Addr() != from || s.to.Less(lastAddr(wider)) {
				break
			}
			bits--
		}
		p := netip.PrefixFrom(from, bits)
		out = append(out, p)
		from = lastAddr(p).Next()
	}
	return out
}

// lastAddr returns the highest address of a masked prefix.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}
