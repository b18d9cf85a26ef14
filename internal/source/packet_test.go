package source

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/packet"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	phone  = netip.MustParseAddrPort("203.0.113.7:5071")
	server = netip.MustParseAddrPort("192.0.2.10:5060")
)

// sides of a machine that is the server.
func sides(any bool) *Sides {
	return &Sides{Local: func(a netip.Addr) bool { return a == server.Addr() }, Ports: map[uint16]bool{5060: true}, AnyPort: any}
}

// message ends lines as SIP does.
func message(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n") }

func register(user string) []byte {
	return message("REGISTER sip:example.org SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7:5071;branch=z9hG4bKa1;rport",
		"From: <sip:"+user+"@example.org>;tag=t1", "To: <sip:"+user+"@example.org>", "Call-ID: c1@x", "CSeq: 7 REGISTER",
		"Contact: <sip:"+user+"@203.0.113.7>", "User-Agent: Yealink", "Expires: 600", "Content-Length: 0")
}

// read gives what one datagram is, or nil.
func read(t *testing.T, s *Sides, from, to netip.AddrPort, payload []byte) (*event.Event, PacketStats) {
	t.Helper()
	frame := packet.BuildUDP(from, to, payload)
	if frame == nil {
		t.Fatal("no such packet can exist")
	}
	p := NewPackets(s)
	e := p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: frame, Number: 7})
	return e, p.Stats()
}

func TestRequest(t *testing.T) {
	e, stats := read(t, sides(false), phone, server, register("bob"))
	if e == nil || e.Kind != event.Request || !e.Inbound || e.Remote != phone || e.Local != server || e.Transport != event.UDP {
		t.Fatalf("event %+v", e)
	}
	if !e.Time.Equal(noon) || e.Place.Packet != 7 || stats != (PacketStats{Frames: 1, Messages: 1}) {
		t.Errorf("at %s, place %+v, stats %+v", e.Time, e.Place, stats)
	}
	s := &e.SIP
	got := fmt.Sprintf("%s %s %d %s %s %d from %s %s %s to %s [%s] target %s via %s ua %s expires %d auth %v",
		s.Method, s.MethodName, s.Status, s.CallID, s.Branch, s.CSeq, s.FromUser, s.FromTag, s.FromHost, s.ToUser, s.ToTag, s.Target, s.SentBy, s.UserAgent, s.Expires, s.Auth.Present)
	want := "REGISTER REGISTER 0 c1@x z9hG4bKa1 7 from bob t1 example.org to bob [] target example.org via 203.0.113.7 ua Yealink expires 600 auth false"
	if got != want {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
}

func TestResponse(t *testing.T) {
	for _, test := range []struct {
		name   string
		header string
		auth   event.Auth
	}{
		{"none", "Server: Asterisk PBX 20.9.1", event.Auth{}},
		{"a challenge", `WWW-Authenticate: Digest realm="r", nonce="n1", stale=TRUE, algorithm=MD5`, event.Auth{Present: true, Stale: true}},
		{"a proxy's", `Proxy-Authenticate: Digest realm="r",nonce="n1"`, event.Auth{Present: true}},
	} {
		e, _ := read(t, sides(false), server, phone, message("SIP/2.0 401 Unauthorized", "Via: SIP/2.0/UDP 203.0.113.7:5071;branch=z9hG4bKa1;rport=5071",
			"From: <sip:bob@example.org>;tag=t1", "To: <sip:bob@example.org>;tag=as9", "Call-ID: c1@x", "CSeq: 7 REGISTER", test.header, "Content-Length: 0"))
		if e == nil || e.Kind != event.Response || e.Inbound || e.Remote != phone || e.Local != server {
			t.Fatalf("%s: event %+v", test.name, e)
		}
		s := &e.SIP
		if s.Status != 401 || s.Method != event.REGISTER || string(s.ToTag) != "as9" || s.CSeq != 7 || s.Expires != -1 {
			t.Errorf("%s: read %+v", test.name, s)
		}
		if s.Auth.Present != test.auth.Present || s.Auth.Stale != test.auth.Stale || s.Auth.Present && string(s.Auth.Nonce) != "n1" {
			t.Errorf("%s: challenge %+v", test.name, s.Auth)
		}
		if test.name == "none" && string(s.UserAgent) != "Asterisk PBX 20.9.1" {
			t.Errorf("server %q", s.UserAgent)
		}
	}
}

func TestCredentials(t *testing.T) {
	for _, header := range []string{"Authorization", "Proxy-Authorization"} {
		payload := strings.Replace(string(register("bob")), "Expires: 600", header+`: Digest username="bob", realm="r", nonce="n1", uri="sip:x", response="abc"`, 1)
		e, _ := read(t, sides(false), phone, server, []byte(payload))
		a := e.SIP.Auth
		if !a.Present || string(a.User) != "bob" || string(a.Realm) != "r" || string(a.Nonce) != "n1" || string(a.Response) != "abc" {
			t.Errorf("%s: %+v", header, a)
		}
		if e.SIP.Expires != -1 {
			t.Errorf("%s: expires %d without such a header", header, e.SIP.Expires)
		}
	}
}

// TestDirection says whose side is whose, by address first and by port where
// that does not tell.
func TestDirection(t *testing.T) {
	second := netip.MustParseAddrPort("192.0.2.10:5080")
	for _, test := range []struct {
		name     string
		from, to string
		response bool
		inbound  bool
	}{
		{"to us", "203.0.113.7:5071", "192.0.2.10:5060", false, true},
		{"from us", "192.0.2.10:5060", "203.0.113.7:5071", false, false},
		{"an answer to us", "203.0.113.7:5060", "192.0.2.10:5060", true, true},
		{"our answer", "192.0.2.10:5060", "203.0.113.7:5060", true, false},
		{"both ours: the port that serves", "192.0.2.10:40000", "192.0.2.10:5060", false, true},
		{"both ours, answered", "192.0.2.10:5060", "192.0.2.10:40000", true, false},
		{"both ours, both serve: who asks", "192.0.2.10:5060", "192.0.2.10:5060", false, true},
		{"both ours, both serve: who answers", "192.0.2.10:5060", "192.0.2.10:5060", true, false},
		{"neither ours: the port that serves", "203.0.113.7:5071", "198.51.100.1:5060", false, true},
		{"neither ours, answered", "198.51.100.1:5060", "203.0.113.7:5071", true, false},
		{"neither ours, both serve: who asks", "203.0.113.7:5060", "198.51.100.1:5060", false, true},
		{"neither ours, no port serves: who answers", "203.0.113.7:5071", second.String(), true, true}, // ours by address
		{"nothing tells: who answers", "203.0.113.7:5071", "198.51.100.1:5080", true, false},
		{"IPv6", "[2001:db8::7]:5060", "[2001:db8::1]:5060", false, true},
	} {
		payload := register("bob")
		if test.response {
			payload = message("SIP/2.0 200 OK", "Via: SIP/2.0/UDP x;branch=z9hG4bKa", "From: <sip:a@b>;tag=1", "To: <sip:a@b>;tag=2", "Call-ID: c", "CSeq: 1 REGISTER")
		}
		from, to := netip.MustParseAddrPort(test.from), netip.MustParseAddrPort(test.to)
		e, _ := read(t, sides(true), from, to, payload)
		if e == nil || e.Inbound != test.inbound {
			t.Errorf("%s: %+v", test.name, e)
			continue
		}
		if test.inbound && (e.Remote != from || e.Local != to) || !test.inbound && (e.Remote != to || e.Local != from) {
			t.Errorf("%s: remote %s, local %s", test.name, e.Remote, e.Local)
		}
	}
}

// TestOurNameFromOutside: nobody else may answer in our name. What our own side
// says never comes in from a network, unless both ends are ours.
func TestOurNameFromOutside(t *testing.T) {
	answer := message("SIP/2.0 401 Unauthorized", "Via: SIP/2.0/UDP x;branch=z9hG4bKa", "From: <sip:a@b>;tag=1", "To: <sip:a@b>;tag=2", "Call-ID: c", "CSeq: 1 REGISTER")
	for _, test := range []struct {
		name     string
		from, to netip.AddrPort
		arrived  bool
		want     bool
	}{
		{"bad: in our name, from a network", server, phone, true, false},
		{"ours", server, phone, false, true},
		{"theirs", phone, server, true, true},
		{"both ours", server, server, true, true},
		{"neither ours", phone, netip.MustParseAddrPort("198.51.100.1:5060"), true, true},
	} {
		p := NewPackets(sides(false))
		e := p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: packet.BuildUDP(test.from, test.to, answer), Arrived: test.arrived})
		if (e != nil) != test.want || (p.Stats().Strays == 1) == test.want {
			t.Errorf("%s: %+v, %+v", test.name, e, p.Stats())
		}
	}
}

// TestWhatIsNoMessage: junk on a SIP port is an event, a phone's keep-alive and
// what is on other ports is none.
func TestWhatIsNoMessage(t *testing.T) {
	elsewhere := netip.AddrPortFrom(server.Addr(), 4000)
	for _, test := range []struct {
		name    string
		any     bool
		to      netip.AddrPort
		payload string
		kind    event.Kind // 0: no event
		stats   PacketStats
	}{
		{"nothing", false, server, "", 0, PacketStats{KeepAlives: 1}},
		{"an empty line", false, server, "\r\n", 0, PacketStats{KeepAlives: 1}},
		{"two", false, server, "\r\n\r\n", 0, PacketStats{KeepAlives: 1}},
		{"a null byte", false, server, "\x00\x00\x00\x00", 0, PacketStats{KeepAlives: 1}},
		{"junk", false, server, "hello", event.Junk, PacketStats{Junk: 1}},
		{"a STUN request", false, server, "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl", event.Junk, PacketStats{Junk: 1}},
		{"a web request", false, server, "GET / HTTP/1.1\r\n\r\n", event.Junk, PacketStats{Junk: 1}},
		{"junk elsewhere", false, elsewhere, "hello", 0, PacketStats{}},
		{"junk elsewhere, in an unknown capture", true, elsewhere, "hello", 0, PacketStats{}},
		{"SIP elsewhere", false, elsewhere, string(register("bob")), 0, PacketStats{}},
		{"SIP elsewhere, in an unknown capture", true, elsewhere, string(register("bob")), event.Request, PacketStats{Messages: 1}},
	} {
		e, stats := read(t, sides(test.any), phone, test.to, []byte(test.payload))
		test.stats.Frames = 1
		if stats != test.stats {
			t.Errorf("%s: counted %+v, want %+v", test.name, stats, test.stats)
		}
		if (e == nil) != (test.kind == 0) || e != nil && e.Kind != test.kind {
			t.Errorf("%s: %+v, want kind %d", test.name, e, test.kind)
		}
		if e != nil && (!e.Inbound || e.Remote != phone) {
			t.Errorf("%s: remote %s", test.name, e.Remote)
		}
	}
}

func TestUnreadableFrames(t *testing.T) {
	good := packet.BuildUDP(phone, server, register("bob"))
	tcp, err := packet.Append(nil, &packet.Packet{Src: phone, Dst: server, Proto: packet.TCP, Flags: packet.SYN})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		frame   []byte
		skipped uint64
	}{
		"nothing": {nil, 1}, "cut off": {good[:len(good)-100], 1}, "no IP": {[]byte{0xff, 1, 2, 3}, 1},
		"TCP": {tcp, 0},
	} {
		p := NewPackets(sides(false))
		if e := p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: test.frame}); e != nil {
			t.Errorf("%s: %+v", name, e)
		}
		if p.Stats().Skipped != test.skipped || p.Stats().Frames != 1 {
			t.Errorf("%s: %+v", name, p.Stats())
		}
	}
}

// TestEscapes: an account is the same however it is spelled.
func TestEscapes(t *testing.T) {
	for written, want := range map[string]string{
		"bob": "bob", "%62ob": "bob", "%62%6f%62": "bob", "b%6F%62": "bob", "%310%30": "100",
		"100%": "100%", "100%2": "100%2", "%zz1": "%zz1", "%%31": "%1", "%25%33": "%3", "%00": "\x00",
	} {
		payload := strings.Replace(string(register(written)), "sip:example.org SIP", "sip:"+written+"@example.org SIP", 1)
		e, _ := read(t, sides(false), phone, server, []byte(payload))
		if e == nil || e.Kind != event.Request {
			t.Errorf("%q: %+v", written, e)
			continue
		}
		// All three at once: they must not run into each other.
		for field, got := range map[string][]byte{"from": e.SIP.FromUser, "to": e.SIP.ToUser, "target": e.SIP.Target} {
			if string(got) != want {
				t.Errorf("%q in %s is read as %q, want %q", written, field, got, want)
			}
		}
	}
}

// TestUnescapeKeepsEarlierNames: the memory grows while names of the same
// message are in use.
func TestUnescapeKeepsEarlierNames(t *testing.T) {
	p := NewPackets(sides(false))
	first := p.unescape([]byte("%61" + strings.Repeat("x", 10)))
	for range 20 {
		p.unescape([]byte("%62" + strings.Repeat("y", 1000)))
	}
	if string(first) != "a"+strings.Repeat("x", 10) {
		t.Errorf("the first name became %q", first)
	}
}

// TestEventsAreClean: nothing of one message shows in the next.
func TestEventsAreClean(t *testing.T) {
	p := NewPackets(sides(false))
	see := func(payload []byte) event.Event {
		e := p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: packet.BuildUDP(phone, server, payload)})
		return *e
	}
	see([]byte(strings.Replace(string(register("b%6fb")), "Expires: 600", `Authorization: Digest username="bob", nonce="n", response="r"`, 1)))
	bare := see(message("OPTIONS sip:192.0.2.10 SIP/2.0"))
	if s := bare.SIP; s.Auth.Present || s.CallID != nil || s.FromUser != nil || s.ToUser != nil || s.UserAgent != nil || s.CSeq != 0 || s.Expires != -1 {
		t.Errorf("left over: %+v", s)
	}
	if junk := see([]byte("hello")); junk.SIP.MethodName != nil || junk.SIP.Method != event.Other {
		t.Errorf("left over in junk: %+v", junk.SIP)
	}
}

// TestFragmentsAreJoined: half a message is no message, and a contradiction
// between the halves is counted.
func TestFragmentsAreJoined(t *testing.T) {
	first, rest := fragments(t, packet.BuildUDP(phone, server, register(strings.Repeat("b", 200))))
	p := NewPackets(sides(false))
	if e := p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: first}); e != nil {
		t.Errorf("half a message: %+v", e)
	}
	if e := p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: rest}); e == nil || e.Kind != event.Request || !p.Packet().Reassembled {
		t.Errorf("both halves: %+v", e)
	}
	forged := append([]byte(nil), first...)
	forged[len(forged)-1] ^= 1
	p = NewPackets(sides(false))
	p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: first})
	p.Read(&Frame{Time: noon, Link: packet.RawIP, Data: forged})
	if p.Stats().Overlaps != 1 {
		t.Errorf("a contradiction: %+v", p.Stats())
	}
}

// fragments cuts an IPv4 packet in two.
func fragments(t *testing.T, whole []byte) (first, rest []byte) {
	t.Helper()
	const header, cut = 20, 160
	first = append([]byte(nil), whole[:header+cut]...)
	rest = append(append([]byte(nil), whole[:header]...), whole[header+cut:]...)
	for part, offset := range map[*[]byte]int{&first: 0, &rest: cut / 8} {
		b := *part
		b[2], b[3] = byte(len(b)>>8), byte(len(b))
		b[4], b[5] = 0, 9 // the same datagram
		b[6], b[7] = byte(offset>>8), byte(offset)
	}
	first[6] |= 0x20 // more to come
	return first, rest
}

// TestPlus: every counter is added up, also one that is new.
func TestPlus(t *testing.T) {
	var one PacketStats
	v := reflect.ValueOf(&one).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(uint64(i + 1))
	}
	two := reflect.ValueOf(one.Plus(one))
	for i := range two.NumField() {
		if got := two.Field(i).Uint(); got != 2*uint64(i+1) {
			t.Errorf("%s is %d, want %d", two.Type().Field(i).Name, got, 2*(i+1))
		}
	}
}
