package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// in wraps what a tunnel carries into an IP packet between two routers.
func in(proto int, six bool, payload ...any) []byte {
	b := join(payload...)
	if six {
		router := netip.MustParseAddr("2001:db8::fe").As16()
		return join(0x60, 0, 0, 0, uint16(len(b)), proto, 64, router[:], router[:], b)
	}
	head := join(0x45, 0, uint16(20+len(b)), 0, 0, 0, 0, 64, proto, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2)
	binary.BigEndian.PutUint16(head[10:], checksum(head, 0))
	return append(head, b...)
}

func TestTunnels(t *testing.T) {
	v4, v6 := BuildUDP(phone4, server4, invite), BuildUDP(phone6, server6, invite)
	macs := make([]byte, 12)
	const ip4, ip6 = uint16(0x0800), uint16(0x86dd)
	deep := v4
	for range deepest {
		deep = in(4, false, deep)
	}
	for _, test := range []struct {
		name  string
		frame []byte
		want  Verdict
		proto uint8
	}{
		{"IP in IP, nothing in it", in(4, false), Truncated, protoIPv4},
		{"IP in IP, another version in it", in(4, false, v6), Malformed, protoIPv4},
		{"IPv6 in IP, another version in it", in(41, false, v4), Malformed, protoIPv6},
		{"IP in IP, cut off", in(4, false, v4)[:50], Truncated, UDP},
		{"GRE, cut in the header", in(47, false, 0, 0, 8), Malformed, protoGRE},
		{"GRE, cut in the options", in(47, false, uint16(0xb000), ip4, make([]byte, 11)), Malformed, protoGRE},
		{"GRE with routes", in(47, false, uint16(0x4000), ip4, make([]byte, 8), v4), Other, protoGRE},
		{"PPTP", in(47, false, uint16(0x3001), uint16(0x880b), make([]byte, 8), v4), Other, protoGRE},
		{"GRE with ARP", in(47, false, uint16(0), uint16(0x0806), make([]byte, 28)), Other, protoGRE},
		{"GRE with half an Ethernet frame", in(47, false, uint16(0), etherBridge, macs[:11]), Malformed, protoGRE},
		{"too many", in(4, false, deep), Other, protoIPv4},
		{"as many as are read", deep, Datagram, UDP},
		{"IP in IP", in(4, false, v4), Datagram, UDP},
		{"IPv6 in IP", in(41, false, v6), Datagram, UDP},
		{"IP in IPv6", in(4, true, v4), Datagram, UDP},
		{"IPv6 in IPv6", in(41, true, v6), Datagram, UDP},
		{"GRE", in(47, false, uint16(0), ip4, v4), Datagram, UDP},
		{"GRE over IPv6", in(47, true, uint16(0), ip4, v4), Datagram, UDP},
		{"GRE with IPv6", in(47, false, uint16(0), ip6, v6), Datagram, UDP},
		{"GRE with checksum, key and number", in(47, false, uint16(0xb000), ip4, make([]byte, 12), v4), Datagram, UDP},
		{"GRE with a key", in(47, false, uint16(0x2000), ip4, make([]byte, 4), v4), Datagram, UDP},
		{"GRE with Ethernet", in(47, false, uint16(0), etherBridge, macs, ip4, v4), Datagram, UDP},
		{"GRE with Ethernet and tags", in(47, false, uint16(0), etherBridge, macs, etherQinQ, uint16(7), etherVLAN, uint16(8), ip6, v6), Datagram, UDP},
		{"GRE in IP in IPv6", in(4, true, in(47, false, uint16(0), ip4, v4)), Datagram, UDP},
		{"GRE behind tags", in(47, false, uint16(0), ip4, v4), Datagram, UDP},
	} {
		var p Packet
		d := NewDecoder(0)
		if v := d.Decode(time.Time{}, RawIP, test.frame, &p); v != test.want || p.Proto != test.proto {
			t.Errorf("%s: %v of protocol %d, want %v of %d", test.name, v, p.Proto, test.want, test.proto)
		}
		inner := p.Src == phone4 && p.Dst == server4 || p.Src == phone6 && p.Dst == server6
		if test.want == Datagram && (!inner || !bytes.Equal(p.Payload, invite)) {
			t.Errorf("%s: %v to %v %q", test.name, p.Src, p.Dst, p.Payload)
		}
	}
}

// TestFragmentsAndTunnels: inside, outside, and both.
func TestFragmentsAndTunnels(t *testing.T) {
	whole := BuildUDP(phone4, server4, bytes.Repeat(invite, 20))
	a, b := piece(whole, 7, 0, 400), piece(whole, 7, 400, len(whole)-20)
	tunnelled := in(47, false, uint16(0), uint16(0x0800), whole)
	for name, frames := range map[string][][]byte{
		"the inner packet is cut up": {in(4, false, a), in(4, false, b)},
		"the tunnel's is":            {piece(tunnelled, 9, 400, len(tunnelled)-20), piece(tunnelled, 9, 0, 400)},
		"both": {
			piece(in(4, false, a), 1, 0, 200), piece(in(4, false, a), 1, 200, 20+400),
			piece(in(4, false, b), 2, 0, 104), piece(in(4, false, b), 2, 104, len(b)),
		},
	} {
		var p Packet
		d := NewDecoder(0)
		last := undecided
		for _, frame := range frames {
			last = d.Decode(time.Time{}, RawIP, frame, &p)
		}
		if last != Datagram || p.Src != phone4 || len(p.Payload) != 20*len(invite) || !p.Reassembled {
			t.Errorf("%s: %v, %v with %d bytes", name, last, p.Src, len(p.Payload))
		}
	}
}
