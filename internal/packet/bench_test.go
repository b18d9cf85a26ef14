package packet

import (
	"testing"
	"time"
)

func BenchmarkDecode(b *testing.B) {
	message := make([]byte, 500)
	large4, large6 := BuildUDP(phone4, server4, make([]byte, 3000)), BuildUDP(phone6, server6, make([]byte, 3000))
	segment, err := Append(nil, &Packet{Src: phone4, Dst: server4, Proto: TCP, Payload: message})
	if err != nil {
		b.Fatal(err)
	}
	ethernet := func(kind uint16, ip []byte) []byte { return join(make([]byte, 12), kind, ip) }
	for _, bb := range []struct {
		name   string
		link   LinkType
		frames [][]byte
	}{
		{"udp4", Ethernet, [][]byte{ethernet(0x0800, BuildUDP(phone4, server4, message))}},
		{"udp6", Ethernet, [][]byte{ethernet(0x86dd, BuildUDP(phone6, server6, message))}},
		{"tcp4", Ethernet, [][]byte{ethernet(0x0800, segment)}},
		{"fragments4", RawIP, [][]byte{piece(large4, 7, 0, 1480), piece(large4, 7, 1480, 2960), piece(large4, 7, 2960, 3008)}},
		{"fragments6", RawIP, [][]byte{piece(large6, 7, 2896, 3008), piece(large6, 7, 1448, 2896), piece(large6, 7, 0, 1448)}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			d, p, at := NewDecoder(0), Packet{}, start
			b.ReportAllocs()
			for b.Loop() {
				at = at.Add(time.Microsecond)
				for _, frame := range bb.frames {
					d.Decode(at, bb.link, frame, &p)
				}
			}
			if p.Payload == nil {
				b.Fatal("nothing was decoded")
			}
		})
	}
}

// BenchmarkFragmentFlood is the worst that can come: tiny fragments, each of its own datagram, from ever new sources.
func BenchmarkFragmentFlood(b *testing.B) {
	frame := piece(BuildUDP(phone4, server4, make([]byte, 100)), 7, 0, 8)
	d, p, n := NewDecoder(0), Packet{}, uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		frame[13], frame[14], frame[15] = byte(n>>16), byte(n>>8), byte(n)
		d.Decode(start, RawIP, frame, &p)
	}
	if d.Stats().Bytes > DefaultLimit {
		b.Fatalf("%d bytes held", d.Stats().Bytes)
	}
}
