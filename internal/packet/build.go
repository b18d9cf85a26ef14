package packet

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// ErrBuild is returned for a packet that cannot exist: addresses of two families, a payload that is too long, or a
// protocol that is neither UDP nor TCP.
var ErrBuild = errors.New("build packet: mixed address families, payload too long or unknown protocol")

// Append appends to buf the IP packet (link type RawIP) that Decode would read as p, with right lengths and checksums. It
// uses the addresses, ports, Payload, Proto, TTL (64 if 0) and, for TCP, Seq, Ack and Flags.
func Append(buf []byte, p *Packet) ([]byte, error) {
	src, dst := p.Src.Addr(), p.Dst.Addr()
	header := 8
	if p.Proto == TCP {
		header = 20
	}
	size, room := header+len(p.Payload), largest
	if src.Is4() {
		room -= 20
	}
	if !src.IsValid() || src.Is4() != dst.Is4() || size > room || p.Proto != UDP && p.Proto != TCP {
		return buf, ErrBuild
	}
	if src.Is4() {
		buf = appendIPv4(buf, p, size)
	} else {
		buf = appendIPv6(buf, p, size)
	}
	start := len(buf)
	buf = binary.BigEndian.AppendUint16(buf, p.Src.Port())
	buf = binary.BigEndian.AppendUint16(buf, p.Dst.Port())
	check := start + 6
	if p.Proto == UDP {
		buf = binary.BigEndian.AppendUint16(buf, uint16(size))
		buf = append(buf, 0, 0)
	} else {
		buf = binary.BigEndian.AppendUint32(buf, p.Seq)
		buf = binary.BigEndian.AppendUint32(buf, p.Ack)
		buf = append(buf, byte(header/4)<<4, p.Flags, 0xff, 0xff, 0, 0, 0, 0)
		check = start + 16
	}
	buf = append(buf, p.Payload...)
	sum := checksum(buf[start:], pseudoHeader(src, dst, p.Proto, size))
	if sum == 0 && p.Proto == UDP {
		sum = 0xffff // 0 would mean "none" (RFC 768)
	}
	binary.BigEndian.PutUint16(buf[check:], sum)
	return buf, nil
}

// BuildUDP returns an IP packet (link type RawIP) with one UDP datagram, or nil if it cannot exist; see Append.
func BuildUDP(src, dst netip.AddrPort, payload []byte) []byte {
	frame, err := Append(nil, &Packet{Src: src, Dst: dst, Proto: UDP, Payload: payload})
	if err != nil {
		return nil
	}
	return frame
}

func appendIPv4(buf []byte, p *Packet, size int) []byte {
	start := len(buf)
	buf = append(buf, 0x45, 0)
	buf = binary.BigEndian.AppendUint16(buf, uint16(20+size))
	buf = append(buf, 0, 0, 0x40, 0) // id 0 goes with "don't fragment" (RFC 6864)
	buf = append(buf, hops(p.TTL), p.Proto, 0, 0)
	src, dst := p.Src.Addr().As4(), p.Dst.Addr().As4()
	buf = append(append(buf, src[:]...), dst[:]...)
	binary.BigEndian.PutUint16(buf[start+10:], checksum(buf[start:], 0))
	return buf
}

func appendIPv6(buf []byte, p *Packet, size int) []byte {
	buf = append(buf, 0x60, 0, 0, 0)
	buf = binary.BigEndian.AppendUint16(buf, uint16(size))
	buf = append(buf, p.Proto, hops(p.TTL))
	src, dst := p.Src.Addr().As16(), p.Dst.Addr().As16()
	return append(append(buf, src[:]...), dst[:]...)
}

func hops(ttl uint8) uint8 {
	if ttl == 0 {
		return 64
	}
	return ttl
}

// pseudoHeader sums what UDP and TCP checksums cover of the IP header.
func pseudoHeader(src, dst netip.Addr, proto uint8, size int) uint32 {
	return addWords(addWords(uint32(proto)+uint32(size), src.AsSlice()), dst.AsSlice())
}

// checksum is the Internet checksum (RFC 1071) over b, on top of a sum.
func checksum(b []byte, sum uint32) uint16 {
	sum = addWords(sum, b)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// addWords adds 16-bit words; 64 KiB of them stay within 32 bits.
func addWords(sum uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}
