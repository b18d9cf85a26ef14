package packet

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Next-header values of IPv6 that do not end the chain (RFC 8200 section 4, RFC 4302).
const (
	nextHopByHop    = 0
	nextRouting     = 43
	nextFragment    = 44
	nextAH          = 51
	nextDestOptions = 60
)

// ipv4 reads an IPv4 header (RFC 791). The total length trims what Ethernet padded; a length of 0 is what a capture on the
// sending machine shows when the network card does the segmentation, and means "all that is there".
func (d *Decoder) ipv4(at time.Time, b []byte, p *Packet) Verdict {
	const fixed, moreFragments, offsetMask = 20, 0x2000, 0x1fff
	if len(b) < fixed {
		return Truncated
	}
	header := int(b[0]&0x0f) * 4
	if b[0]>>4 != 4 || header < fixed {
		return Malformed
	}
	p.TTL, p.Proto = b[8], b[9]
	p.Src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), 0)
	p.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), 0)

	total := int(binary.BigEndian.Uint16(b[2:]))
	if total != 0 && total < header {
		return Malformed
	}
	if len(b) < header {
		return Truncated
	}
	cut := total > len(b)
	if total != 0 && !cut {
		b = b[:total]
	}
	place := binary.BigEndian.Uint16(b[6:])
	id := uint32(binary.BigEndian.Uint16(b[4:]))
	b = b[header:]

	if place&(moreFragments|offsetMask) == 0 {
		return d.carried(at, b, cut, p)
	}
	if p.Proto != UDP && p.Proto != TCP && !tunnels(p.Proto) {
		return Other
	}
	if cut {
		return Truncated
	}
	f := fragment{
		key:    fragmentKey{p.Src.Addr(), p.Dst.Addr(), id, p.Proto},
		offset: int(place&offsetMask) * 8,
		header: header,
		last:   place&moreFragments == 0,
		data:   b,
	}
	if !f.last {
		f.data = b[:len(b)&^7] // as Linux does with a middle fragment of odd length
	}
	whole, _, v := d.fragments.add(at, &f)
	if v != undecided {
		return v
	}
	p.Reassembled = true
	return d.carried(at, whole, false, p)
}

// ipv6 reads an IPv6 header (RFC 8200). A payload length of 0 stands for "all that is there": jumbograms (RFC 2675) and
// captures made before segmentation have it.
func (d *Decoder) ipv6(at time.Time, b []byte, p *Packet) Verdict {
	const header = 40
	if len(b) < header {
		return Truncated
	}
	if b[0]>>4 != 6 {
		return Malformed
	}
	p.TTL = b[7]
	p.Src = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])).Unmap(), 0)
	p.Dst = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[24:40])).Unmap(), 0)

	length, next := int(binary.BigEndian.Uint16(b[4:])), b[6]
	b = b[header:]
	cut := length > len(b)
	if length != 0 && !cut {
		b = b[:length]
	}
	next, b, v := skipExtensions(next, b, cut)
	if v != undecided {
		return v
	}
	p.Proto = next
	if next != nextFragment {
		return d.carried(at, b, cut, p)
	}
	return d.fragment6(at, b, cut, p)
}

// fragment6 reads a fragment header and what follows it. A lone fragment that is also the last is a whole packet and has
// nothing to do with the others of its number (RFC 6946).
func (d *Decoder) fragment6(at time.Time, b []byte, cut bool, p *Packet) Verdict {
	const header, more, offsetMask = 8, 1, 0xfff8
	if len(b) < header {
		return short(cut)
	}
	next, place := b[0], binary.BigEndian.Uint16(b[2:])
	id := binary.BigEndian.Uint32(b[4:])
	b, p.Proto = b[header:], next

	if place&(offsetMask|more) != 0 {
		if cut {
			return Truncated
		}
		f := fragment{
			// The next header may differ between fragments; the first one's counts, so it is no part of the key.
			key:    fragmentKey{p.Src.Addr(), p.Dst.Addr(), id, nextFragment},
			next:   next,
			offset: int(place & offsetMask),
			last:   place&more == 0,
			data:   b,
		}
		if !f.last && len(b)%8 != 0 {
			return Malformed
		}
		var v Verdict
		if b, next, v = d.fragments.add(at, &f); v != undecided {
			return v
		}
		p.Reassembled = true
	}
	next, b, v := skipExtensions(next, b, cut)
	if v != undecided {
		return v
	}
	if p.Proto = next; next == nextFragment {
		return Malformed // no fragments of fragments
	}
	return d.carried(at, b, cut, p)
}

// skipExtensions walks the extension headers up to the transport or a fragment header. Each step takes at least eight
// bytes off, so a long chain costs its sender more than us.
func skipExtensions(next uint8, b []byte, cut bool) (uint8, []byte, Verdict) {
	for {
		unit, extra := 8, 1 // length in units, not counting the first
		switch next {
		case nextHopByHop, nextRouting, nextDestOptions:
		case nextAH:
			unit, extra = 4, 2
		default:
			return next, b, undecided
		}
		if len(b) < 8 {
			return next, nil, short(cut)
		}
		size := (int(b[1]) + extra) * unit
		if len(b) < size {
			return next, nil, short(cut)
		}
		next, b = b[0], b[size:]
	}
}

// short is the verdict on a header that does not fit: the capture's fault if the frame was cut, the sender's if not.
func short(cut bool) Verdict {
	if cut {
		return Truncated
	}
	return Malformed
}

// transport reads what IP carries; cut says that IP promised more than the frame has.
func (p *Packet) transport(b []byte, cut bool) Verdict {
	switch p.Proto {
	case UDP:
		return p.udp(b, cut)
	case TCP:
		return p.tcp(b, cut)
	}
	p.Payload = b
	if cut {
		return Truncated
	}
	return Other
}

// udp reads a UDP header (RFC 768). A datagram may be shorter than its IP packet, never longer. Length 0 is a jumbogram
// and exists in IPv6 only (RFC 2675 section 4).
func (p *Packet) udp(b []byte, cut bool) Verdict {
	const header = 8
	if len(b) < header {
		return short(cut)
	}
	p.setPorts(b)
	length := int(binary.BigEndian.Uint16(b[4:]))
	jumbo := length == 0 && p.Dst.Addr().Is6()
	switch {
	case jumbo && !cut:
		length = len(b)
	case jumbo || length > len(b) && cut:
		p.Payload = b[header:]
		return Truncated
	case length < header || length > len(b):
		return Malformed
	}
	p.Payload = b[header:length]
	return Datagram
}

// tcp reads a TCP header (RFC 9293 section 3.1); options are skipped.
func (p *Packet) tcp(b []byte, cut bool) Verdict {
	const fixed = 20
	if len(b) < fixed {
		return short(cut)
	}
	header := int(b[12]>>4) * 4
	if header < fixed {
		return Malformed
	}
	p.setPorts(b)
	p.Seq, p.Ack, p.Flags = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), b[13]
	if len(b) < header {
		return short(cut)
	}
	p.Payload = b[header:]
	if cut {
		return Truncated
	}
	return Segment
}

// setPorts reads the ports, which UDP and TCP keep in the same place.
func (p *Packet) setPorts(b []byte) {
	p.Src = netip.AddrPortFrom(p.Src.Addr(), binary.BigEndian.Uint16(b))
	p.Dst = netip.AddrPortFrom(p.Dst.Addr(), binary.BigEndian.Uint16(b[2:]))
}
