package packet

import "encoding/binary"

// Values that some systems write where RawIP is meant, because their own number for it differs.
const (
	rawBSD     LinkType = 12
	rawOpenBSD LinkType = 14
)

// EtherTypes (IEEE 802 numbers). stripLink speaks in them, whatever the link; 0 stands for "not IP".
const (
	etherIPv4 uint16 = 0x0800
	etherIPv6 uint16 = 0x86dd
	etherVLAN uint16 = 0x8100 // 802.1Q
	etherQinQ uint16 = 0x88a8 // 802.1ad
	etherOld  uint16 = 0x9100 // QinQ before it was a standard
)

// Address families as the BSDs, macOS and Linux number them in loopback headers and netfilter logs.
const (
	familyIPv4        = 2
	familyIPv6Linux   = 10
	familyIPv6OpenBSD = 24
	familyIPv6FreeBSD = 28
	familyIPv6Darwin  = 30
)

const sllOutgoing = 4 // packet type in both SLL headers: sent by this machine

// stripLink takes the link header off. It returns the EtherType of what follows (0 if it cannot be IP), what follows, and
// whether the link header was there in full.
func stripLink(link LinkType, frame []byte, p *Packet) (kind uint16, rest []byte, whole bool) {
	switch link {
	case Ethernet:
		return stripTags(frame, 12)
	case RawIP, rawBSD, rawOpenBSD:
		return byVersion(frame)
	case IPv4:
		return etherIPv4, frame, true
	case IPv6:
		return etherIPv6, frame, true
	case LinuxSLL:
		if len(frame) >= 2 {
			p.Outgoing = binary.BigEndian.Uint16(frame) == sllOutgoing
		}
		return stripTags(frame, 14)
	case LinuxSLL2:
		return stripSLL2(frame, p)
	case Null, Loop:
		return stripLoopback(frame)
	case NFLOG:
		return stripNFLOG(frame)
	}
	return 0, nil, true
}

// stripTags reads the EtherType at the offset and skips the VLAN tags there, however many are stacked.
func stripTags(frame []byte, at int) (kind uint16, rest []byte, whole bool) {
	for len(frame) >= at+2 {
		kind = binary.BigEndian.Uint16(frame[at:])
		switch kind {
		case etherVLAN, etherQinQ, etherOld:
			at += 4
		default:
			return kind, frame[at+2:], true
		}
	}
	return 0, nil, false
}

// stripSLL2 differs from the first form in that the EtherType comes first; a tag, if any, follows the 20-byte header.
func stripSLL2(frame []byte, p *Packet) (kind uint16, rest []byte, whole bool) {
	const header = 20
	if len(frame) < header {
		return 0, nil, false
	}
	p.Outgoing = frame[10] == sllOutgoing
	switch kind = binary.BigEndian.Uint16(frame); kind {
	case etherVLAN, etherQinQ, etherOld:
		return stripTags(frame, header+2)
	}
	return kind, frame[header:], true
}

// stripLoopback reads the family in either byte order: the file does not say which machine wrote it, and no family needs
// more than 16 bits, so only one order makes sense.
func stripLoopback(frame []byte) (kind uint16, rest []byte, whole bool) {
	if len(frame) < 4 {
		return 0, nil, false
	}
	family := binary.BigEndian.Uint32(frame)
	if family > 0xffff {
		family = binary.LittleEndian.Uint32(frame)
	}
	switch family {
	case familyIPv4:
		return etherIPv4, frame[4:], true
	case familyIPv6Linux, familyIPv6OpenBSD, familyIPv6FreeBSD, familyIPv6Darwin:
		return etherIPv6, frame[4:], true
	}
	return 0, nil, true
}

// byVersion tells IPv4 from IPv6 by the first four bits.
func byVersion(frame []byte) (kind uint16, rest []byte, whole bool) {
	if len(frame) == 0 {
		return 0, nil, false
	}
	switch frame[0] >> 4 {
	case 4:
		return etherIPv4, frame, true
	case 6:
		return etherIPv6, frame, true
	}
	return 0, nil, true
}

// stripNFLOG finds the packet among the attributes that follow the 4-byte header. Each attribute has a length (its own
// four bytes included), a type, a value, and padding to four bytes. Numbers are in the writer's byte order, which the
// file does not tell; types are small, so the first attribute gives it away.
func stripNFLOG(frame []byte) (kind uint16, rest []byte, whole bool) {
	const header, attribute, payload = 4, 4, 9
	if len(frame) < header+attribute {
		return 0, nil, false
	}
	rest = frame[header:]
	littleEndian := rest[3] == 0
	for len(rest) >= attribute {
		size, kind := binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
		if littleEndian {
			size, kind = binary.LittleEndian.Uint16(rest), binary.LittleEndian.Uint16(rest[2:])
		}
		if size < attribute {
			return 0, nil, true
		}
		if kind == payload {
			return byVersion(rest[attribute:min(int(size), len(rest))])
		}
		padded := (int(size) + 3) &^ 3
		if padded > len(rest) {
			return 0, nil, false
		}
		rest = rest[padded:]
	}
	return 0, nil, len(rest) == 0 // nothing but attributes about a packet that is not there
}
