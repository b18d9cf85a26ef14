package packet

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

var (
	phone4  = netip.MustParseAddrPort("192.0.2.7:5071")
	server4 = netip.MustParseAddrPort("198.51.100.10:5060")
	phone6  = netip.MustParseAddrPort("[2001:db8::7]:5071")
	server6 = netip.MustParseAddrPort("[2001:db8:1::10]:5060")
	start   = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

func TestAppendRefuses(t *testing.T) {
	tests := []struct {
		name string
		p    Packet
	}{
		{"no addresses", Packet{Proto: UDP}},
		{"two families", Packet{Src: phone4, Dst: server6, Proto: UDP}},
		{"two families the other way", Packet{Src: phone6, Dst: server4, Proto: TCP}},
		{"no transport", Packet{Src: phone4, Dst: server4}},
		{"one byte too long, IPv4", Packet{Src: phone4, Dst: server4, Proto: UDP, Payload: make([]byte, 65508)}},
		{"one byte too long, IPv6", Packet{Src: phone6, Dst: server6, Proto: UDP, Payload: make([]byte, 65528)}},
		{"one byte too long, TCP", Packet{Src: phone4, Dst: server4, Proto: TCP, Payload: make([]byte, 65496)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Append([]byte("kept"), &tt.p)
			if err != ErrBuild || string(got) != "kept" {
				t.Errorf("Append = %q, %v; want the buffer back and ErrBuild", got, err)
			}
		})
	}
	if got := BuildUDP(phone4, server6, nil); got != nil {
		t.Errorf("BuildUDP with two families = %d bytes, want nil", len(got))
	}
}

func TestAppendDecodes(t *testing.T) {
	tests := []struct {
		name string
		p    Packet
		want Verdict
	}{
		{"udp4", Packet{Src: phone4, Dst: server4, Proto: UDP, TTL: 57, Payload: []byte("REGISTER")}, Datagram},
		{"udp6", Packet{Src: phone6, Dst: server6, Proto: UDP, TTL: 57, Payload: []byte("odd")}, Datagram},
		{"udp4 empty", Packet{Src: phone4, Dst: server4, Proto: UDP, TTL: 1, Payload: []byte{}}, Datagram},
		{"udp4 largest", Packet{Src: phone4, Dst: server4, Proto: UDP, TTL: 1, Payload: make([]byte, 65507)}, Datagram},
		{"udp6 largest", Packet{Src: phone6, Dst: server6, Proto: UDP, TTL: 1, Payload: make([]byte, 65527)}, Datagram},
		{"tcp4", Packet{Src: phone4, Dst: server4, Proto: TCP, TTL: 64, Seq: 1 << 31, Ack: 7, Flags: PSH | ACK, Payload: []byte("INVITE")}, Segment},
		{"tcp6", Packet{Src: phone6, Dst: server6, Proto: TCP, TTL: 64, Seq: 9, Flags: SYN, Payload: []byte{}}, Segment},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frame, err := Append(nil, &tt.p)
			if err != nil {
				t.Fatal(err)
			}
			var got Packet
			if v := NewDecoder(0).Decode(start, RawIP, frame, &got); v != tt.want {
				t.Fatalf("verdict %v, want %v", v, tt.want)
			}
			same := got.Src == tt.p.Src && got.Dst == tt.p.Dst && got.Proto == tt.p.Proto && got.TTL == tt.p.TTL &&
				got.Seq == tt.p.Seq && got.Ack == tt.p.Ack && got.Flags == tt.p.Flags && bytes.Equal(got.Payload, tt.p.Payload)
			if !same {
				t.Errorf("decoded %+v, want %+v", got, tt.p)
			}
		})
	}
}
