package source

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
	"github.com/sipward/sipward/internal/packet"
)

// told is what a server would tell of a message.
func told(from, to netip.AddrPort, payload []byte) hep.Packet {
	return hep.Packet{Src: from, Dst: to, Time: noon, Carrier: hep.TLS, Type: hep.SIP, Payload: payload}
}

func TestReportOfNothing(t *testing.T) {
	for name, change := range map[string]func(*hep.Packet){
		"a call's quality": func(p *hep.Packet) { p.Type = 5 },
		"a log line":       func(p *hep.Packet) { p.Type = 100 },
		"no type":          func(p *hep.Packet) { p.Type = 0 },
		"SCTP":             func(p *hep.Packet) { p.Carrier = hep.SCTP },
		"no carrier":       func(p *hep.Packet) { p.Carrier = 0 },
		"a text":           func(p *hep.Packet) { p.Payload = []byte("hello") },
		"an empty line":    func(p *hep.Packet) { p.Payload = []byte("\r\n\r\n") },
		"HEP inside of HEP": func(p *hep.Packet) {
			inner := told(phone, server, register("bob"))
			p.Payload = hep.Append(nil, &inner)
		},
	} {
		p := told(phone, server, register("bob"))
		change(&p)
		if e := NewPackets(sides(true)).Report(&p, noon, event.Place{}); e != nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestReport: a report is read as its message would have been, on whatever port.
func TestReport(t *testing.T) {
	tls := netip.MustParseAddrPort("192.0.2.10:5061")
	for carrier, transport := range map[uint8]event.Transport{hep.UDP: event.UDP, hep.TCP: event.TCP, hep.TLS: event.TLS} {
		p := told(phone, tls, register("%62ob"))
		p.Carrier = carrier
		e := NewPackets(sides(false)).Report(&p, noon.Add(time.Second), event.Place{Packet: 9})
		if e == nil || e.Kind != event.Request || !e.Reported || !e.Inbound || e.Transport != transport || e.Remote != phone || e.Local != tls {
			t.Fatalf("%v: event %+v", transport, e)
		}
		if string(e.SIP.FromUser) != "bob" || e.SIP.Method != event.REGISTER || !e.Time.Equal(noon.Add(time.Second)) || e.Place.Packet != 9 {
			t.Errorf("%v: read %+v", transport, e)
		}
	}
	reply := told(tls, phone, message("SIP/2.0 401 Unauthorized", "Via: SIP/2.0/TLS 203.0.113.7:5071;branch=z9hG4bKa1",
		"From: <sip:bob@example.org>;tag=t1", "To: <sip:bob@example.org>;tag=as9", "Call-ID: c1@x", "CSeq: 7 REGISTER",
		`WWW-Authenticate: Digest realm="r", nonce="n1"`))
	e := NewPackets(sides(false)).Report(&reply, noon, event.Place{})
	if e == nil || e.Kind != event.Response || e.Inbound || e.Remote != phone || !e.SIP.Auth.Present || e.SIP.Status != 401 {
		t.Errorf("reply %+v", e)
	}
}

// TestReportsInFrames: a capture may hold them; live they come by a socket, and
// what looks like one on a SIP port is junk.
func TestReportsInFrames(t *testing.T) {
	inner := told(phone, server, register("bob"))
	report := hep.Append(nil, &inner)
	sender, homer := netip.MustParseAddrPort("192.0.2.10:33000"), netip.MustParseAddrPort("192.0.2.99:9060")
	file := recording(t, packet.BuildUDP(sender, homer, report), packet.BuildUDP(sender, homer, report[:len(report)-1]),
		packet.BuildUDP(phone, server, register("carol")))
	for _, any := range []bool{true, false} {
		c, err := NewCapture(bytes.NewReader(file), sides(any))
		if err != nil {
			t.Fatal(err)
		}
		e, err := c.Next()
		if err != nil || !e.Reported || e.Remote != phone || e.Transport != event.TLS || e.Place.Packet != 1 || !e.Time.Equal(noon) {
			t.Fatalf("%v: event %+v", err, e)
		}
		if e, err = c.Next(); err != nil || e.Reported || string(e.SIP.FromUser) != "carol" {
			t.Errorf("%v: event %+v", err, e)
		}
		if stats := c.Packets(); stats != (PacketStats{Frames: 3, Messages: 2, Skipped: 1}) {
			t.Errorf("stats %+v", stats)
		}
	}
	if e, _ := read(t, sides(false), sender, homer, report); e != nil {
		t.Errorf("live, elsewhere: %+v", e)
	}
	if e, _ := read(t, sides(false), phone, server, report); e == nil || e.Kind != event.Junk || e.Reported {
		t.Errorf("live, on a SIP port: %+v", e)
	}
}

func TestDump(t *testing.T) {
	first, timeless, media := told(phone, server, register("bob")), told(phone, server, register("carol")), told(phone, server, []byte("{}"))
	timeless.Time = time.Time{}
	media.Type = 5
	a, b, c := hep.Append(nil, &first), hep.Append(nil, &timeless), hep.Append(nil, &media)
	d := NewDump(bytes.NewReader(bytes.Join([][]byte{a, []byte("rubbish"), c, b, a[:40]}, nil)), sides(false))
	e, err := d.Next()
	if err != nil || string(e.SIP.FromUser) != "bob" || !e.Reported || e.Place.Packet != 1 {
		t.Fatalf("%v: event %+v", err, e)
	}
	// One that does not say when it was happened not before the one in front of it.
	if e, err = d.Next(); err != nil || string(e.SIP.FromUser) != "carol" || e.Place.Packet != 3 || !e.Time.Equal(noon) {
		t.Fatalf("%v: event %+v", err, e)
	}
	if _, err = d.Next(); !errors.Is(err, io.EOF) || !errors.Is(d.Cut(), hep.ErrCut) {
		t.Errorf("end %v, cut %v", err, d.Cut())
	}
	if stats := d.Packets(); stats != (PacketStats{Frames: 3, Messages: 2, Skipped: 1}) {
		t.Errorf("stats %+v", stats)
	}
	broken := errors.New("broken")
	if _, err := NewDump(iotest.ErrReader(broken), sides(false)).Next(); !errors.Is(err, broken) {
		t.Errorf("a broken file: %v", err)
	}
	if d := NewDump(bytes.NewReader(a), sides(false)); d.Cut() != nil {
		t.Errorf("cut %v", d.Cut())
	}
}
