package hep

import (
	"encoding/binary"
	"net/netip"
)

const (
	oldHead = 8  // version, length, family, carrier, two ports
	oldTime = 12 // seconds, microseconds, agent and two bytes that fill the struct up; HEP2 alone
)

// readOld reads HEP1 and HEP2, which old senders still speak: a C struct as it lies in memory, with ports and addresses
// in network order and the time in the order of the sender's machine, taken to be a little-endian one. The length covers
// the header, which some senders of HEP2 count with the time and some without (siptrace_hep.c; tport_logging.c).
// Neither version has a key, or a type: it is SIP.
func readOld(b []byte, p *Packet) error {
	if len(b) < oldHead || b[0] != 1 && b[0] != 2 {
		return ErrFormat
	}
	p.Version, p.Carrier, p.Type = b[0], b[3], SIP
	size := 16
	if b[2] == family4 {
		size = 4
	}
	length, claimed := oldHead+2*size, int(b[1])
	whole := length
	if p.Version == 2 {
		whole += oldTime
	}
	if claimed != length && claimed != whole {
		return ErrFormat
	}
	if len(b) <= whole {
		return ErrLength
	}
	src, dst := oldAddr(b[oldHead:oldHead+size]), oldAddr(b[oldHead+size:oldHead+2*size])
	p.Src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b[4:]))
	p.Dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[6:]))
	if p.Version == 2 {
		at := b[length:]
		micros := binary.LittleEndian.Uint32(at[4:])
		if micros >= 1e6 {
			return ErrValue
		}
		p.Time, p.Agent = stamp(binary.LittleEndian.Uint32(at), micros), uint32(binary.LittleEndian.Uint16(at[8:]))
	}
	p.Payload = b[whole:]
	return nil
}

// oldAddr takes 4 or 16 bytes.
func oldAddr(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b) // the length is right
	return a.Unmap()
}
