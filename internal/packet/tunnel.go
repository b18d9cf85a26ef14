package packet

import (
	"encoding/binary"
	"time"
)

// Protocol numbers of tunnels (IANA "Assigned Internet Protocol Numbers"): what IP carries is a packet again.
const (
	protoIPv4 uint8 = 4  // IP in IP (RFC 2003)
	protoIPv6 uint8 = 41 // IPv6 in IPv4 or IPv6 (RFC 4213, RFC 2473)
	protoGRE  uint8 = 47 // RFC 2784, RFC 2890
)

// etherBridge is the EtherType of GRE that carries whole Ethernet frames.
const etherBridge uint16 = 0x6558

// deepest is how many tunnels inside each other are read. Two are in use (GRE inside IPsec's tunnel mode, say); a sender
// who nests more makes the last one Other.
const deepest = 4

// tunnels says that a protocol carries packets, so that its fragments are worth keeping.
func tunnels(proto uint8) bool { return proto == protoIPv4 || proto == protoIPv6 || proto == protoGRE }

// carried reads what IP carries: the transport, or a tunnel's packet, whose addresses then are the ones that count.
func (d *Decoder) carried(at time.Time, b []byte, cut bool, p *Packet) Verdict {
	if !tunnels(p.Proto) || d.depth == deepest {
		return p.transport(b, cut)
	}
	kind, rest, whole := etherIPv4, b, true
	switch p.Proto {
	case protoIPv6:
		kind = etherIPv6
	case protoGRE:
		kind, rest, whole = stripGRE(b)
	}
	if !whole {
		return short(cut)
	}
	d.depth++
	switch kind {
	case etherIPv4:
		return d.ipv4(at, rest, p)
	case etherIPv6:
		return d.ipv6(at, rest, p)
	}
	return p.transport(b, cut)
}

// stripGRE takes a GRE header off, with its checksum, key and number if they are there. It returns what stripLink does.
// The old form with source routes (RFC 1701) and PPTP's (RFC 2637) carry no IP that could be read here.
func stripGRE(b []byte) (kind uint16, rest []byte, whole bool) {
	const checksum, routing, key, number, version = 0x8000, 0x4000, 0x2000, 0x1000, 7
	if len(b) < 4 {
		return 0, nil, false
	}
	flags, header := binary.BigEndian.Uint16(b), 4
	if flags&(routing|version) != 0 {
		return 0, nil, true
	}
	for _, field := range []uint16{checksum, key, number} {
		if flags&field != 0 {
			header += 4
		}
	}
	if len(b) < header {
		return 0, nil, false
	}
	kind = binary.BigEndian.Uint16(b[2:])
	if kind == etherBridge {
		return stripTags(b[header:], 12)
	}
	return kind, b[header:], true
}
