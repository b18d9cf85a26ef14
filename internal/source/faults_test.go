package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/sip"
)

// TestFaults: what is broken is told apart, what working devices do is none.
func TestFaults(t *testing.T) {
	head := []string{"OPTIONS sip:a@example.org SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK1", "Max-Forwards: 70",
		"From: <sip:a@example.org>;tag=1", "To: <sip:a@example.org>", "Call-ID: 1", "CSeq: 1 OPTIONS"}
	// with gives the message with one line replaced, and more lines behind it.
	with := func(place int, line string, more ...string) string {
		lines := append([]string(nil), head...)
		lines[place] = line
		return strings.Join(append(lines, more...), "\r\n") + "\r\n\r\n"
	}
	plain := with(0, head[0])
	cut := func(text string, end string) string { return text[:strings.Index(text, end)] }
	for _, test := range []struct {
		name, text string
		want       event.Faults
	}{
		{"no method token", with(0, "OPT@IONS sip:a@example.org SIP/2.0"), event.FaultStartLine | event.FaultMethod},
		{"another version", with(0, "OPTIONS sip:a@example.org SIP/3.0"), event.FaultStartLine},
		{"no Call-ID", strings.Replace(plain, "Call-ID: 1\r\n", "", 1), event.FaultMissing},
		{"no Via", strings.Replace(plain, head[1]+"\r\n", "", 1), event.FaultMissing},
		{"a CSeq that overflows", with(6, "CSeq: 99999999999999999999 OPTIONS"), event.FaultNumber},
		{"a CSeq below zero", with(6, "CSeq: -1 OPTIONS"), event.FaultNumber},
		{"another method", with(6, "CSeq: 1 INVITE"), event.FaultMethod},
		{"a length below zero", with(0, head[0], "Content-Length: -1"), event.FaultLength | event.FaultSloppy},
		{"a length beyond all", with(0, head[0], "Content-Length: 99999999999"), event.FaultLength | event.FaultSloppy},
		{"a length that is a bit too much", with(0, head[0], "Content-Length: 40"), event.FaultSloppy},
		{"two lengths", with(0, head[0], "Content-Length: 0", "Content-Length: 0"), event.FaultSloppy},
		{"NUL", with(0, head[0], "X: a\x00b"), event.FaultControl},
		{"65 headers", with(0, head[0], strings.TrimSuffix(strings.Repeat("X-A: a\r\n", 59), "\r\n")), event.FaultManyHeaders},
		{"200 headers", with(0, head[0], strings.TrimSuffix(strings.Repeat("X-A: a\r\n", 194), "\r\n")), event.FaultManyHeaders | event.FaultHeaderFlood},
		{"a header of 3000 bytes", with(0, head[0], "X: "+strings.Repeat("a", 3000)), event.FaultSloppy},
		{"a header of 9000 bytes", with(0, head[0], "X: "+strings.Repeat("a", 9000)), event.FaultSloppy | event.FaultHugeHeader},
		{"30 Vias", with(1, "Via: "+strings.Repeat("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1, ", 29)+"SIP/2.0/UDP 192.0.2.1"), event.FaultManyVias},
		{"80 Vias", with(1, "v: "+strings.Repeat("SIP/2.0/UDP 192.0.2.1, ", 79)+"SIP/2.0/UDP 192.0.2.1"), event.FaultManyVias | event.FaultViaFlood},
		{"two Call-IDs", with(0, head[0], "i: 2"), event.FaultSloppy | event.FaultTwice},
		{"two CSeqs", with(0, head[0], "CSeq: 2 OPTIONS"), event.FaultSloppy | event.FaultTwice},
		{"two senders", with(0, head[0], "f: <sip:b@example.org>;tag=1"), event.FaultSloppy | event.FaultTwice},
		{"two receivers", with(0, head[0], "To: <sip:b@example.org>"), event.FaultSloppy | event.FaultTwice},
		{"two subjects", with(0, head[0], "Subject: a", "s: b"), event.FaultSloppy},
		{"cut off before From", cut(plain, "From"), 0},
		{"cut off in the first line", cut(plain, " SIP/2.0"), 0},
		{"cut off in CSeq", cut(plain, " OPTIONS\r\n\r\n"), 0},
		{"bare LF", strings.ReplaceAll(plain, "\r\n", "\n"), 0},
		{"no last line end", strings.TrimSuffix(plain, "\r\n"), 0},
		{"empty lines first", "\r\n\r\n" + plain, 0},
		{"a fold", with(1, "Via: SIP/2.0/UDP\r\n 203.0.113.7;branch=z9hG4bK1"), 0},
		{"a blank and a # in the address", with(0, "OPTIONS sip:*97# a@example.org SIP/2.0"), 0},
		{"RFC 2543", strings.Replace(with(3, "From: sip:a@example.org"), "Max-Forwards: 70\r\n", "", 1), 0},
		{"ordinary", plain, 0},
	} {
		var m sip.Message
		m.Parse([]byte(test.text))
		if got := faults(&m); got != test.want {
			t.Errorf("%s: faults %b, want %b (%s)", test.name, got, test.want, m.Flaws())
		}
		if e, _ := read(t, sides(false), phone, server, []byte(test.text)); e == nil || e.SIP.Faults != test.want {
			t.Errorf("%s: the event does not tell", test.name)
		}
	}
}

// TestValidTorture: what RFC 4475 and RFC 5118 want accepted has no fault, but
// for one number of Vias that nobody has seen outside of that page.
func TestValidTorture(t *testing.T) {
	files, err := filepath.Glob("../sip/testdata/torture/*/*.dat")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var m sip.Message
		if m.Parse(text) != sip.Request || !m.Acceptable() {
			continue
		}
		want := event.Faults(0)
		if strings.Contains(name, "longreq") {
			want = event.FaultManyVias // 34 of them
		}
		if got := faults(&m); got != want {
			t.Errorf("%s: faults %b, want %b", name, got, want)
		}
	}
}

// TestResponseFaults: nothing is told of a response, and the display name is.
func TestResponseFaults(t *testing.T) {
	e, _ := read(t, sides(false), phone, server, []byte("SIP/2.0 200 OK\r\nFrom: \"Anna B\" <sip:a@b>\r\nCSeq: x\r\n\r\n"))
	if e == nil || e.SIP.Faults != 0 || string(e.SIP.FromDisplay) != "Anna B" {
		t.Errorf("%+v", e)
	}
}
