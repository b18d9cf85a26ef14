package testnet

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Spoof sends one UDP datagram from whatever source it is told, own or not.
func (h *Host) Spoof(from, to netip.AddrPort, payload []byte) {
	h.net.t.Helper()
	h.SendIP(UDP(from, to, payload))
}

// SendIP sends one hand-made IP packet of either version. The kernel routes it
// by its destination and fills in an IPv4 header's checksum.
func (h *Host) SendIP(packet []byte) {
	h.net.t.Helper()
	family, address := unix.AF_INET, unix.Sockaddr(nil)
	if packet[0]>>4 == 4 {
		address = &unix.SockaddrInet4{Addr: [4]byte(packet[16:20])}
	} else {
		family, address = unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte(packet[24:40])}
	}
	h.Run(func() {
		fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			h.net.t.Fatalf("open raw socket in %s: %v", h.name, err)
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, packet, 0, address); err != nil {
			h.net.t.Fatalf("send raw packet from %s: %v", h.name, err)
		}
	})
}

// UDP builds an IP packet of the addresses' version that carries one datagram,
// with all its checksums.
func UDP(from, to netip.AddrPort, payload []byte) []byte {
	length := 8 + len(payload)
	udp := binary.BigEndian.AppendUint16(nil, from.Port())
	udp = binary.BigEndian.AppendUint16(udp, to.Port())
	udp = binary.BigEndian.AppendUint16(udp, uint16(length))
	udp = append(udp, 0, 0)
	udp = append(udp, payload...)

	sum := checksum(append(pseudoHeader(from.Addr(), to.Addr(), unix.IPPROTO_UDP, length), udp...))
	if sum == 0 {
		sum = 0xffff // zero would mean "no checksum" (RFC 768)
	}
	binary.BigEndian.PutUint16(udp[6:], sum)
	return append(ipHeader(from.Addr(), to.Addr(), unix.IPPROTO_UDP, length), udp...)
}

// The flags of a Segment (RFC 9293 section 3.1).
const (
	SYN = 1 << 1
	PSH = 1 << 3
	ACK = 1 << 4
)

// Segment is a TCP segment without options.
type Segment struct {
	From, To netip.AddrPort
	Seq, Ack uint32
	Flags    byte
	Payload  []byte
}

// IP builds the IP packet that carries the segment, with all its checksums.
func (s *Segment) IP() []byte {
	length := 20 + len(s.Payload)
	tcp := binary.BigEndian.AppendUint16(nil, s.From.Port())
	tcp = binary.BigEndian.AppendUint16(tcp, s.To.Port())
	tcp = binary.BigEndian.AppendUint32(tcp, s.Seq)
	tcp = binary.BigEndian.AppendUint32(tcp, s.Ack)
	tcp = append(tcp, 5<<4, s.Flags, 0x40, 0, 0, 0, 0, 0) // five words of header, a window, no urgent data
	tcp = append(tcp, s.Payload...)
	sum := checksum(append(pseudoHeader(s.From.Addr(), s.To.Addr(), unix.IPPROTO_TCP, length), tcp...))
	binary.BigEndian.PutUint16(tcp[16:], sum)
	return append(ipHeader(s.From.Addr(), s.To.Addr(), unix.IPPROTO_TCP, length), tcp...)
}

// pseudoHeader is what checksums cover besides the datagram (RFC 9293 section
// 3.1, RFC 8200 section 8.1). Adding up 16-bit words, its fields' order and
// width make no difference.
func pseudoHeader(from, to netip.Addr, protocol byte, length int) []byte {
	pseudo := append(from.AsSlice(), to.AsSlice()...)
	return binary.BigEndian.AppendUint16(append(pseudo, 0, protocol), uint16(length))
}

// ipHeader is a plain header of either version for a payload of so many bytes.
func ipHeader(from, to netip.Addr, protocol byte, length int) []byte {
	if from.Is6() {
		header := []byte{6 << 4, 0, 0, 0}
		header = binary.BigEndian.AppendUint16(header, uint16(length))
		header = append(header, protocol, 64)
		header = append(header, from.AsSlice()...)
		return append(header, to.AsSlice()...)
	}
	header := []byte{4<<4 | 5, 0}
	header = binary.BigEndian.AppendUint16(header, uint16(20+length))
	header = append(header, 0, 0, 0, 0, 64, protocol, 0, 0)
	header = append(header, from.AsSlice()...)
	header = append(header, to.AsSlice()...)
	binary.BigEndian.PutUint16(header[10:], checksum(header))
	return header
}

// checksum is RFC 1071's sum over big-endian words.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// has tells whether the host already has an address of that version.
func (h *Host) has(is4 bool) bool {
	for _, a := range h.addresses {
		if a.Is4() == is4 {
			return true
		}
	}
	return false
}
