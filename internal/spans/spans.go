// Package spans flattens nested prefixes into ranges of addresses that do not
// overlap.
package spans

import (
	"net/netip"
	"slices"
	"time"
)

// A Span is a range of addresses, both ends included, and when it runs out
// (zero: never). The kernel's interval sets hold spans and refuse overlapping
// ones, while prefixes may well be nested: a /24 for an hour around a /25 for
// a day. So the prefixes are kept here and flattened for the kernel.
type Span struct {
	From, To netip.Addr
	Until    time.Time
}

// Prefixes maps each wanted prefix to the time it runs out (zero: never).
type Prefixes map[netip.Prefix]time.Time

// outlasts says whether a runs out after b; the zero time never does.
func outlasts(a, b time.Time) bool {
	if b.IsZero() {
		return false
	}
	return a.IsZero() || a.After(b)
}

// Spans flattens nested prefixes: where several cover an address, the one
// that lasts longest counts. The result is sorted and does not overlap.
func (p Prefixes) Spans() []Span {
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
	var out, open []Span // open: the outer spans around the current place
	closeTop := func() {
		top := open[len(open)-1]
		open = open[:len(open)-1]
		if top.From.IsValid() && !top.To.Less(top.From) {
			out = append(out, top)
		}
		if len(open) > 0 {
			open[len(open)-1].From = top.To.Next() // invalid after the last address
		}
	}
	for _, prefix := range sorted {
		s := Span{prefix.Addr(), Last(prefix), p[prefix]}
		for len(open) > 0 && open[len(open)-1].To.Less(s.From) {
			closeTop()
		}
		if len(open) > 0 {
			outer := &open[len(open)-1]
			if !outlasts(s.Until, outer.Until) {
				continue
			}
			if outer.From.Less(s.From) {
				out = append(out, Span{outer.From, s.From.Prev(), outer.Until})
			}
		}
		open = append(open, s)
	}
	for len(open) > 0 {
		closeTop()
	}
	return out
}

// Forget drops the prefixes that have run out, as the kernel does by itself.
func (p Prefixes) Forget(now time.Time) {
	for prefix, until := range p {
		if !until.IsZero() && !until.After(now) {
			delete(p, prefix)
		}
	}
}

// Split returns the fewest prefixes that cover the span exactly.
func (s Span) Split() []netip.Prefix {
	var out []netip.Prefix
	for from := s.From; from.IsValid() && !s.To.Less(from); {
		bits := from.BitLen()
		for bits > 0 {
			wider := netip.PrefixFrom(from, bits-1)
			if wider.Masked().Addr() != from || s.To.Less(Last(wider)) {
				break
			}
			bits--
		}
		p := netip.PrefixFrom(from, bits)
		out = append(out, p)
		from = Last(p).Next()
	}
	return out
}

// Last returns the highest address of a masked prefix.
func Last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}
