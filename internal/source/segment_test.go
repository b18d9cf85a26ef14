package source

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/scenario"
)

// over plays messages over a wire and says what events come of them.
func over(t *testing.T, p *Packets, w *scenario.Wire, messages ...scenario.Message) (list []string) {
	t.Helper()
	from := len(w.Frames())
	for i := range messages {
		if err := w.Carry(&messages[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range w.Frames()[from:] {
		list = append(list, events(p, &Frame{Time: f.Time, Link: packet.RawIP, Data: f.Data, Number: uint64(from + i + 1)})...)
	}
	return list
}

// events reads a frame to its end.
func events(p *Packets, f *Frame) (list []string) {
	for e := p.Read(f); e != nil; e = p.Next() {
		kind := map[event.Kind]string{event.Request: "request", event.Response: "response", event.Junk: "junk"}[e.Kind]
		way := "to"
		if e.Inbound {
			way = "from"
		}
		text := fmt.Sprintf("%s %s %s %s %s", kind, way, e.Remote, e.Transport, e.SIP.MethodName)
		if e.Unproven {
			text += " unproven"
		}
		list = append(list, strings.TrimSpace(text))
	}
	return list
}

// streamSides are the sides of a server for both transports.
func streamSides() *Sides {
	s := sides(false)
	s.Streams = map[uint16]bool{5060: true}
	return s
}

func challenge() []byte {
	return message("SIP/2.0 401 Unauthorized", "Via: SIP/2.0/TCP 203.0.113.7:5071;branch=z9hG4bKa1", "From: <sip:bob@example.org>;tag=t1",
		"To: <sip:bob@example.org>;tag=as9", "Call-ID: c1@x", "CSeq: 7 REGISTER", "Content-Length: 0")
}

// TestStreams: a message over TCP or WebSocket is told as over UDP.
func TestStreams(t *testing.T) {
	two := slices.Concat(register("bob"), []byte("\r\n\r\n"), register("eve"))
	for _, test := range []struct {
		name, transport string
		payload         []byte
		want            []string
	}{
		{"TCP", "tcp", register("bob"), []string{"request from 203.0.113.7:5071 tcp REGISTER"}},
		{"WebSocket", "ws", register("bob"), []string{"request from 203.0.113.7:5071 ws REGISTER"}},
		{"UDP", "udp", register("bob"), []string{"request from 203.0.113.7:5071 udp REGISTER"}},
		{"two in a segment", "tcp", two, []string{"request from 203.0.113.7:5071 tcp REGISTER", "request from 203.0.113.7:5071 tcp REGISTER"}},
		{"keep-alives", "tcp", []byte("\r\n\r\n"), nil},
		{"another protocol over WebSocket", "ws", []byte(`{"hello":1}`), nil},
		{"a web request", "tcp", []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), nil},
		{"a TLS hello", "tcp", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), nil},
		{"a STUN request", "tcp", []byte("\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl"), []string{"junk from 203.0.113.7:5071 tcp"}},
		{"prose", "tcp", []byte("hello\r\n"), []string{"junk from 203.0.113.7:5071 tcp"}},
	} {
		p := NewPackets(streamSides())
		var w scenario.Wire
		got := over(t, p, &w, scenario.Message{Time: noon, From: phone, To: server, Transport: test.transport, Payload: test.payload})
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		got = over(t, p, &w, scenario.Message{Time: noon, From: server, To: phone, Transport: test.transport, Payload: challenge()})
		if want := "response to 203.0.113.7:5071 " + test.transport + " REGISTER"; len(got) != 1 || got[0] != want {
			t.Errorf("%s: our answer is %q, want %q", test.name, got, want)
		}
	}
}

// TestOtherPorts: what is on no port of ours is nobody's business, unless the
// capture is of an unknown machine.
func TestOtherPorts(t *testing.T) {
	for _, test := range []struct {
		any  bool
		to   string
		text string
		want int
	}{
		{false, "192.0.2.10:5080", string(register("bob")), 0},
		{false, "192.0.2.10:5080", "hello\r\n", 0},
		{true, "192.0.2.10:5080", string(register("bob")), 1},
		{true, "192.0.2.10:5080", "hello\r\n", 0},
		{true, "192.0.2.10:5060", "hello\r\n", 1},
	} {
		s := streamSides()
		s.AnyPort = test.any
		p := NewPackets(s)
		got := over(t, p, &scenario.Wire{}, scenario.Message{Time: noon, From: phone, To: netip.MustParseAddrPort(test.to), Transport: "tcp", Payload: []byte(test.text)})
		if len(got) != test.want || p.Segment() != (test.any || test.to == server.String()) {
			t.Errorf("%q to %s: %q", test.text, test.to, got)
		}
	}
}

// TestForgedSegments: without the handshake, or with our side's part of it
// forged, an address is not proven.
func TestForgedSegments(t *testing.T) {
	whole := scenario.Wire{}
	if err := whole.Carry(&scenario.Message{Time: noon, From: phone, To: server, Transport: "tcp", Payload: register("bob")}); err != nil {
		t.Fatal(err)
	}
	frames := whole.Frames() // SYN, SYN-ACK, ACK, data, ACK
	proven, unproven := "request from 203.0.113.7:5071 tcp REGISTER", "request from 203.0.113.7:5071 tcp REGISTER unproven"
	for _, test := range []struct {
		name    string
		play    []int
		arrived []int // although it bears our address
		want    string
	}{
		{"data alone", []int{3}, nil, unproven},
		{"no answer of ours", []int{0, 2, 3}, nil, unproven},
		{"our answer forged", []int{0, 1, 2, 3}, []int{1}, unproven},
		{"whole", []int{0, 1, 2, 3, 4}, nil, proven},
		{"acknowledged with the data", []int{1, 3}, nil, proven},
	} {
		p := NewPackets(streamSides())
		var got []string
		for _, i := range test.play {
			f := Frame{Time: noon, Link: packet.RawIP, Data: frames[i].Data, Arrived: i == 0 || i == 2 || i == 3 || slices.Contains(test.arrived, i)}
			got = append(got, events(p, &f)...)
		}
		if len(got) != 1 || got[0] != test.want || int(p.Stats().Strays) != len(test.arrived) {
			t.Errorf("%s: %q, want %q; %+v", test.name, got, test.want, p.Stats())
		}
	}
}

// TestSender: both directions of a connection give the same sides.
func TestSender(t *testing.T) {
	for _, test := range []struct {
		name, theirs, ours string
	}{
		{"by address", "203.0.113.7:5060", "192.0.2.10:5060"},
		{"by port", "203.0.113.7:40000", "198.51.100.1:5060"},
		{"both ours", "192.0.2.10:40000", "192.0.2.10:5060"},
		{"by the lower port", "203.0.113.7:40000", "198.51.100.1:5080"},
		{"by the lower address", "203.0.113.7:5080", "198.51.100.1:5080"},
	} {
		s := streamSides()
		a, b := netip.MustParseAddrPort(test.theirs), netip.MustParseAddrPort(test.ours)
		if s.sender(&packet.Packet{Src: a, Dst: b, Proto: packet.TCP}) || !s.sender(&packet.Packet{Src: b, Dst: a, Proto: packet.TCP}) {
			t.Errorf("%s: the sides are mixed up", test.name)
		}
	}
}

// TestNothingIsAllocated: a lane under attack makes no garbage.
func TestNothingIsAllocated(t *testing.T) {
	for _, transport := range []string{"tcp", "ws"} {
		w := scenario.Wire{Shape: func(b []byte) []scenario.Piece {
			return []scenario.Piece{{Data: b[:40]}, {Offset: 60, Data: b[60:]}, {Offset: 40, Data: b[40:60]}}
		}}
		p := NewPackets(streamSides())
		over(t, p, &w, scenario.Message{Time: noon, From: phone, To: server, Transport: transport, Payload: register("bob")})
		from := len(w.Frames())
		over(t, p, &w, scenario.Message{Time: noon.Add(time.Second), From: phone, To: server, Transport: transport, Payload: register("eve")})
		var p2 packet.Packet
		frames := w.Frames()[from:]
		decoder := packet.NewDecoder(0)
		segments := make([][]byte, len(frames))
		size := uint32(0)
		for i, f := range frames {
			decoder.Decode(f.Time, packet.RawIP, f.Data, &p2)
			segments[i] = f.Data
			if p2.Dst == server {
				size += uint32(len(p2.Payload))
			}
		}
		n := 0
		allocs := testing.AllocsPerRun(100, func() {
			for _, b := range segments { // the same bytes, further on in the connection
				decoder.Decode(noon, packet.RawIP, b, &p2)
				step := size
				if p2.Dst == server {
					put32(b[24:], p2.Seq+step)
				} else {
					put32(b[28:], p2.Ack+step)
				}
				for e := p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: b}); e != nil; e = p.Next() {
					n++
				}
			}
		})
		if allocs != 0 || n != 101 {
			t.Errorf("%s: %v allocations, %d events", transport, allocs, n)
		}
	}
}

func put32(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
}
