package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var invite = []byte("INVITE sip:1000@192.0.2.4 SIP/2.0\r\n")

// join puts a frame together from numbers and byte slices.
func join(parts ...any) (frame []byte) {
	for _, part := range parts {
		switch part := part.(type) {
		case []byte:
			frame = append(frame, part...)
		case string:
			frame = append(frame, part...)
		case uint16:
			frame = binary.BigEndian.AppendUint16(frame, part)
		case int:
			frame = append(frame, byte(part))
		}
	}
	return frame
}

// with returns a copy of the frame with other bytes at an offset.
func with(frame []byte, at int, other ...byte) []byte {
	frame = slices.Clone(frame)
	copy(frame[at:], other)
	return frame
}

// sll is the header of the "any" device up to the EtherType; kind is the packet type.
func sll(kind int) []byte { return join(0, kind, 0, 1, 0, 6, make([]byte, 8)) }

// sll2 is the newer form, whole.
func sll2(kind int, proto uint16) []byte {
	return join(proto, 0, 0, 0, 0, 0, 3, 0, 1, kind, 6, make([]byte, 8))
}

func TestLinkLayers(t *testing.T) {
	v4, v6 := BuildUDP(phone4, server4, invite), BuildUDP(phone6, server6, invite)
	macs := make([]byte, 12)
	long := len(v4) + 4
	tests := []struct {
		name  string
		link  LinkType
		frame []byte
		want  Verdict
	}{
		{"unknown link", 147, v4, NotIP},
		{"ethernet, empty", Ethernet, nil, Truncated},
		{"ethernet, cut in the addresses", Ethernet, macs[:11], Truncated},
		{"ethernet, cut in the type", Ethernet, join(macs, 8), Truncated},
		{"ethernet, arp", Ethernet, join(macs, uint16(0x0806), make([]byte, 28)), NotIP},
		{"ethernet, 802.3 length", Ethernet, join(macs, uint16(38), v4), NotIP},
		{"ethernet, type of the other version", Ethernet, join(macs, uint16(0x86dd), v4), Malformed},
		{"vlan, cut in the tag", Ethernet, join(macs, uint16(0x8100), 0), Truncated},
		{"vlan, nothing but tags", Ethernet, join(macs, bytes.Repeat([]byte{0x81, 0, 0, 0}, 1000)), Truncated},
		{"raw, empty", RawIP, nil, Truncated},
		{"raw, version 5", RawIP, with(v4, 0, 0x55), NotIP},
		{"ipv4 link, ipv6 packet", IPv4, v6, Malformed},
		{"null, cut", Null, []byte{2, 0, 0}, Truncated},
		{"null, appletalk", Null, join(16, 0, 0, 0, v4), NotIP},
		{"sll, cut", LinuxSLL, sll(0), Truncated},
		{"sll2, cut", LinuxSLL2, sll2(0, 0x0800)[:19], Truncated},
		{"sll2, arp", LinuxSLL2, join(sll2(0, 0x0806), v4), NotIP},
		{"nflog, cut header", NFLOG, []byte{2, 0, 0, 0, 4}, Truncated},
		{"nflog, attribute of no length", NFLOG, join(2, 0, 0, 0, 0, 0, 9, 0, v4), NotIP},
		{"nflog, no packet in it", NFLOG, join(2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0), NotIP},
		{"nflog, cut in an attribute", NFLOG, join(2, 0, 0, 0, 8, 0, 1, 0, 8, 0), Truncated},
		{"nflog, cut between attributes", NFLOG, join(2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0, 8), Truncated},

		{"ethernet", Ethernet, join(macs, uint16(0x0800), v4), Datagram},
		{"ethernet, ipv6", Ethernet, join(macs, uint16(0x86dd), v6), Datagram},
		{"ethernet, padded", Ethernet, join(macs, uint16(0x0800), v4, make([]byte, 18)), Datagram},
		{"ethernet, ipv6, padded", Ethernet, join(macs, uint16(0x86dd), v6, make([]byte, 18)), Datagram},
		{"vlan", Ethernet, join(macs, uint16(0x8100), uint16(7), uint16(0x0800), v4), Datagram},
		{"qinq", Ethernet, join(macs, uint16(0x88a8), uint16(7), uint16(0x8100), uint16(8), uint16(0x86dd), v6), Datagram},
		{"qinq of old, three tags", Ethernet, join(macs, uint16(0x9100), uint16(7), uint16(0x9100), uint16(8), uint16(0x8100), uint16(9), uint16(0x0800), v4), Datagram},
		{"raw", RawIP, v4, Datagram},
		{"raw, ipv6", RawIP, v6, Datagram},
		{"raw as BSD/OS numbers it", 12, v4, Datagram},
		{"raw as OpenBSD numbers it", 14, v6, Datagram},
		{"ipv4", IPv4, v4, Datagram},
		{"ipv6", IPv6, v6, Datagram},
		{"null, little-endian", Null, join(2, 0, 0, 0, v4), Datagram},
		{"null, big-endian", Null, join(0, 0, 0, 2, v4), Datagram},
		{"null, macOS ipv6", Null, join(30, 0, 0, 0, v6), Datagram},
		{"null, FreeBSD ipv6", Null, join(0, 0, 0, 28, v6), Datagram},
		{"loop", Loop, join(0, 0, 0, 2, v4), Datagram},
		{"loop, OpenBSD ipv6", Loop, join(0, 0, 0, 24, v6), Datagram},
		{"sll", LinuxSLL, join(sll(0), uint16(0x0800), v4), Datagram},
		{"sll, vlan", LinuxSLL, join(sll(0), uint16(0x8100), uint16(7), uint16(0x86dd), v6), Datagram},
		{"sll2", LinuxSLL2, join(sll2(0, 0x86dd), v6), Datagram},
		{"sll2, vlan", LinuxSLL2, join(sll2(0, 0x8100), uint16(7), uint16(0x0800), v4), Datagram},
		{"nflog, little-endian", NFLOG, join(2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0, 5, 0, 10, 0, 0, 0, 0, 0, long, 0, 9, 0, v4), Datagram},
		{"nflog, big-endian", NFLOG, join(2, 0, 0, 0, 0, 8, 0, 1, 8, 0, 1, 0, 0, long, 0, 9, v4), Datagram},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p Packet
			if v := NewDecoder(0).Decode(start, tt.link, tt.frame, &p); v != tt.want {
				t.Fatalf("verdict %v, want %v", v, tt.want)
			}
			if tt.want == Datagram && (!bytes.Equal(p.Payload, invite) || p.Src.Port() != 5071 || p.Outgoing) {
				t.Errorf("packet %+v, want the INVITE from port 5071, incoming", p)
			}
			if tt.want == NotIP && tt.link.Supported() != (tt.link != 147) {
				t.Errorf("Supported() = %v", tt.link.Supported())
			}
		})
	}
}

func TestOutgoing(t *testing.T) {
	v4 := BuildUDP(phone4, server4, invite)
	for link, frame := range map[LinkType][]byte{
		LinuxSLL:  join(sll(4), uint16(0x0800), v4),
		LinuxSLL2: join(sll2(4, 0x0800), v4),
	} {
		var p Packet
		if v := NewDecoder(0).Decode(start, link, frame, &p); v != Datagram || !p.Outgoing {
			t.Errorf("link %d: %v, outgoing %v; want a datagram, outgoing", link, v, p.Outgoing)
		}
	}
}

// chain puts extension headers between an IPv6 header and its UDP datagram.
func chain(first byte, extensions ...any) []byte {
	whole := BuildUDP(phone6, server6, invite)
	extra := join(extensions...)
	frame := join(whole[:40], extra, whole[40:])
	frame[6] = first
	binary.BigEndian.PutUint16(frame[4:], uint16(len(frame)-40))
	return frame
}

func TestIP(t *testing.T) {
	v4, v6 := BuildUDP(phone4, server4, invite), BuildUDP(phone6, server6, invite)
	options := with(join(v4[:20], make([]byte, 40), v4[20:]), 0, 0x4f, 0, 0, byte(len(v4)+40))
	none := make([]byte, 6)
	long := join(17, 3, make([]byte, 30))
	tests := []struct {
		name    string
		frame   []byte
		want    Verdict
		payload string
	}{
		{"ipv4, cut in the header", v4[:19], Truncated, ""},
		{"ipv4, header of four words", with(v4, 0, 0x44), Malformed, ""},
		{"ipv4, total length shorter than the header", with(v4, 2, 0, 19), Malformed, ""},
		{"ipv4, options beyond the total length", with(v4, 0, 0x4f, 0, 0, 30), Malformed, ""},
		{"ipv4, cut in the options", options[:50], Truncated, ""},
		{"ipv4, cut behind the header", v4[:20], Truncated, ""},
		{"ipv4, cut in the UDP header", v4[:27], Truncated, ""},
		{"ipv4, total length ends in the UDP header", with(v4, 2, 0, 27), Malformed, ""},
		{"ipv4, cut in the payload", v4[:34], Truncated, "INVITE"},
		{"ipv4, icmp, cut", with(v4, 9, 1)[:21], Truncated, "\x13"},
		{"ipv6, cut in the header", v6[:39], Truncated, ""},
		{"ipv6, cut behind the header", v6[:40], Truncated, ""},
		{"ipv6, cut in the payload", v6[:54], Truncated, "INVITE"},
		{"ipv6, payload length ends in the UDP header", with(v6, 4, 0, 7), Malformed, ""},
		{"ipv6, extension longer than the packet", chain(60, 17, 200, none), Malformed, ""},
		{"ipv6, extension cut", chain(60, 17, 0, none)[:47], Truncated, ""},
		{"ipv6, extension cut in the middle", chain(43, long)[:60], Truncated, ""},
		{"ipv6, packet ends in an extension", with(chain(60, 17, 0, none), 4, 0, 7), Malformed, ""},
		{"ipv6, packet ends in a fragment header", with(chain(44, 17, 0, none), 4, 0, 7), Malformed, ""},
		{"ipv6, fragment of a fragment", chain(44, 44, 0, none, 17, 0, none), Malformed, ""},
		{"ipv6, middle fragment of odd length", with(chain(44, 17, 0, 0, 1, 0, 0, 0, 0)[:55], 4, 0, 15), Malformed, ""},

		{"ipv4, total length 0", with(v4, 2, 0, 0), Datagram, string(invite)},
		{"ipv4, options", options, Datagram, string(invite)},
		{"ipv4, cut behind the datagram", with(v4, 2, 0xff, 0xff), Datagram, string(invite)},
		{"ipv4, icmp", with(v4, 9, 1), Other, string(v4[20:])},
		{"ipv4, fragment of icmp", with(v4, 6, 0x20, 0, 64, 1), Other, ""},
		{"ipv6, payload length 0", with(v6, 4, 0, 0), Datagram, string(invite)},
		{"ipv6, no next header", with(v6, 6, 59), Other, string(v6[40:])},
		{"ipv6, hop-by-hop", chain(0, 17, 0, none), Datagram, string(invite)},
		{"ipv6, every extension", chain(0, 60, 0, none, 43, 0, none, 44, 0, none, 51, 0, none, 60, 4, make([]byte, 22), long), Datagram, string(invite)},
		{"ipv6, a thousand extensions", chain(60, bytes.Repeat([]byte{60, 0, 0, 0, 0, 0, 0, 0}, 999), 17, 0, none), Datagram, string(invite)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p Packet
			v := NewDecoder(0).Decode(start, RawIP, tt.frame, &p)
			if v != tt.want || string(p.Payload) != tt.payload {
				t.Errorf("%v with payload %q, want %v with %q", v, p.Payload, tt.want, tt.payload)
			}
			if p.Reassembled {
				t.Error("called reassembled")
			}
		})
	}
}

func TestUDP(t *testing.T) {
	v4, v6 := BuildUDP(phone4, server4, invite), BuildUDP(phone6, server6, invite)
	tests := []struct {
		name    string
		frame   []byte
		want    Verdict
		payload string
	}{
		{"length 0, IPv4", with(v4, 24, 0, 0), Malformed, ""},
		{"length 7", with(v4, 24, 0, 7), Malformed, ""},
		{"longer than IP", with(v4, 24, 0, byte(len(invite)+9)), Malformed, ""},
		{"longer than IP, IPv6", with(v6, 44, 0xff, 0xff), Malformed, ""},
		{"jumbo, cut", with(v6, 44, 0, 0)[:54], Truncated, "INVITE"},
		{"length 8", with(v4, 24, 0, 8), Datagram, ""},
		{"shorter than IP", with(v4, 24, 0, 14), Datagram, "INVITE"},
		{"jumbo", with(v6, 44, 0, 0), Datagram, string(invite)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p Packet
			v := NewDecoder(0).Decode(start, RawIP, tt.frame, &p)
			if v != tt.want || string(p.Payload) != tt.payload {
				t.Errorf("%v with payload %q, want %v with %q", v, p.Payload, tt.want, tt.payload)
			}
		})
	}
}

func TestTCP(t *testing.T) {
	whole, err := Append(nil, &Packet{Src: phone4, Dst: server4, Proto: TCP, Seq: 7, Ack: 9, Flags: PSH | ACK, Payload: invite})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		frame   []byte
		want    Verdict
		payload string
	}{
		{"cut in the header", whole[:39], Truncated, ""},
		{"IP ends in the header", with(whole, 2, 0, 39), Malformed, ""},
		{"header of four words", with(whole, 32, 0x40), Malformed, ""},
		{"options beyond the segment", with(whole, 2, 0, 44)[:44:44], Segment, "INVI"},
		{"options longer than the segment", with(with(whole, 2, 0, 44), 32, 0xf0), Malformed, ""},
		{"options cut", with(whole, 32, 0xf0)[:45], Truncated, ""},
		{"payload cut", whole[:46], Truncated, "INVITE"},
		{"whole", whole, Segment, string(invite)},
		{"options", with(whole, 32, 0x60), Segment, string(invite[4:])},
		{"offloaded", with(whole, 2, 0, 0), Segment, string(invite)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p Packet
			v := NewDecoder(0).Decode(start, RawIP, tt.frame, &p)
			if v != tt.want || string(p.Payload) != tt.payload {
				t.Errorf("%v with payload %q, want %v with %q", v, p.Payload, tt.want, tt.payload)
			}
			if v == Segment && (p.Seq != 7 || p.Ack != 9 || p.Flags != PSH|ACK || p.Src != phone4 || p.Dst != server4) {
				t.Errorf("header %+v", p)
			}
		})
	}
}

func TestMappedAddressesAreUnmapped(t *testing.T) {
	frame := BuildUDP(phone6, server6, invite)
	copy(frame[8:], "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x07")
	var p Packet
	NewDecoder(0).Decode(start, RawIP, frame, &p)
	if want := netip.MustParseAddr("192.0.2.7"); p.Src.Addr() != want {
		t.Errorf("source %v, want %v", p.Src.Addr(), want)
	}
}

// TestPacketIsOverwritten shows that nothing of the last frame shines through.
func TestPacketIsOverwritten(t *testing.T) {
	d, p := NewDecoder(0), Packet{}
	d.Decode(start, RawIP, BuildUDP(phone4, server4, invite), &p)
	if v := d.Decode(start, RawIP, nil, &p); v != Truncated || p.Src.IsValid() || p.Payload != nil || p.Proto != 0 {
		t.Errorf("empty frame: %v, %+v", v, p)
	}
}

func TestStatsCountVerdicts(t *testing.T) {
	d, p := NewDecoder(0), Packet{}
	for range 3 {
		d.Decode(start, RawIP, BuildUDP(phone4, server4, invite), &p)
	}
	d.Decode(start, RawIP, nil, &p)
	if got := d.Stats().Verdicts; got[Datagram] != 3 || got[Truncated] != 1 {
		t.Errorf("counted %v, want 3 datagrams and 1 truncated", got)
	}
}

func TestVerdictNames(t *testing.T) {
	for v := range verdicts {
		if v.String() == "" {
			t.Errorf("verdict %d has no name", uint8(v))
		}
	}
	if got := verdicts.String(); got != "verdict 9" {
		t.Errorf("unknown verdict is called %q", got)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	for name, frames := range map[string][][]byte{
		"ipv4":           {BuildUDP(phone4, server4, invite)},
		"ipv6":           {BuildUDP(phone6, server6, invite)},
		"ipv6 extension": {chain(0, 17, 0, make([]byte, 6))},
	} {
		d, p, at := NewDecoder(0), Packet{}, start
		got := testing.AllocsPerRun(100, func() {
			at = at.Add(time.Millisecond)
			for _, frame := range frames {
				d.Decode(at, RawIP, frame, &p)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations a datagram, want 0", name, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	v4, v6 := BuildUDP(phone4, server4, invite), BuildUDP(phone6, server6, invite)
	macs := make([]byte, 12)
	f.Add(uint32(Ethernet), join(macs, uint16(0x0800), v4), join(macs, uint16(0x8100), uint16(1), uint16(0x86dd), v6))
	f.Add(uint32(RawIP), piece(v4, 7, 0, 16), piece(v4, 7, 16, 43))
	f.Add(uint32(RawIP), piece(v6, 7, 16, 43), piece(v6, 7, 0, 16))
	f.Add(uint32(RawIP), chain(0, 44, 0, make([]byte, 6), 60, 0, 0, 1, 0, 0, 0, 0), v6)
	f.Add(uint32(Null), join(2, 0, 0, 0, v4), join(30, 0, 0, 0, v6))
	f.Add(uint32(LinuxSLL), join(make([]byte, 14), uint16(0x0800), v4), []byte{})
	f.Add(uint32(LinuxSLL2), join(uint16(0x86dd), make([]byte, 18), v6), []byte{})
	f.Add(uint32(NFLOG), join(2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0, len(v4)+4, 0, 9, 0, v4), []byte{})
	f.Add(uint32(RawIP), in(4, false, in(47, true, uint16(0xb000), uint16(0x0800), make([]byte, 12), v4)), in(41, true, v6))
	f.Fuzz(func(t *testing.T, link uint32, first, second []byte) {
		d, p := NewDecoder(0), Packet{}
		for _, frame := range [][]byte{first, second, first} {
			before := slices.Clone(frame)
			v := d.Decode(start, LinkType(link), frame, &p)
			checkPacket(t, v, &p, len(frame))
			if !bytes.Equal(frame, before) {
				t.Fatal("the frame was changed")
			}
		}
		if s := d.Stats(); s.Bytes < 0 || s.Waiting > 3 || s.Waiting == 0 && s.Bytes != 0 {
			t.Fatalf("books do not balance: %+v", s)
		}
	})
}

// checkPacket holds a packet to what its verdict promises.
func checkPacket(t *testing.T, v Verdict, p *Packet, frame int) {
	t.Helper()
	switch {
	case v == undecided || v >= verdicts:
		t.Fatalf("verdict %v", v)
	case v >= Datagram && v <= Overlap && !(p.Src.Addr().IsValid() && p.Dst.Addr().IsValid()):
		t.Fatalf("%v without addresses", v)
	case v == Datagram && p.Proto != UDP, v == Segment && p.Proto != TCP:
		t.Fatalf("%v with protocol %d", v, p.Proto)
	case !p.Reassembled && len(p.Payload) > frame:
		t.Fatalf("payload of %d bytes from a frame of %d", len(p.Payload), frame)
	case (v == Held || v == Overlap || v == Malformed || v == NotIP) && p.Payload != nil:
		t.Fatalf("%v with a payload", v)
	}
}
