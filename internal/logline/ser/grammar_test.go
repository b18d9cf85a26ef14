package ser_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/logtest"
	"github.com/sipward/sipward/internal/logline/ser"
)

// This file prints lines as the servers print them, from parts: every form in
// every shape of line, and with values that somebody shaped.

const culprit, victim = "203.0.113.7", "192.0.2.66"

var tenOClock = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// printer puts a message into one of the shapes of a log line. prefix is what
// log_prefix prints; only Kamailio's may hold an outsider's text.
type printer struct {
	name, server string
	print        func(module, prefix, message string) string
	time         time.Time
	// oneLine says that syslog or JSON escapes line breaks.
	oneLine bool
}

// place prints where Kamailio says that a line comes from.
func place(module string) string {
	switch module {
	case "script":
		return "<script>: "
	case "core":
		return "<core> [core/receive.c:376]: receive_msg(): "
	}
	return module + " [" + module + "_mod.c:12]: some_function(): "
}

// colon prints the same for OpenSIPS: pike and xlog() name no module.
func colon(module string) string {
	if module == "script" || module == "pike" {
		return ""
	}
	return module + ":some_function: "
}

// hash is how rsyslog escapes control characters.
func hash(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c < 0x20 || c == 0x7f {
			fmt.Fprintf(&b, "#%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// quote is how the servers escape a JSON string.
func quote(text string) string {
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text)
	for c := range 0x20 {
		text = strings.ReplaceAll(text, string(rune(c)), fmt.Sprintf(`\u%04x`, c))
	}
	return text
}

var printers = []printer{
	{"syslog", "kamailio", func(module, prefix, message string) string {
		return "Nov 22 10:00:00 sbc /usr/sbin/kamailio[4711]: ERROR: " + hash(prefix+place(module)+message)
	}, tenOClock, true},
	{"journalctl ISO", "kamailio", func(module, prefix, message string) string {
		return "2026-11-22T11:00:00+0100 sbc kamailio[4711]: WARNING: " + hash(prefix+place(module)+message)
	}, tenOClock, true},
	{"RFC 5424", "kamailio", func(module, prefix, message string) string {
		return "<132>1 2026-11-22T10:00:00Z sbc kamailio 4711 - - ALERT: " + hash(prefix+place(module)+message)
	}, tenOClock, true},
	{"stderr", "kamailio", func(module, prefix, message string) string {
		return " 1(4711) ERROR: " + prefix + place(module) + message
	}, time.Time{}, false},
	{"stderr, colours", "kamailio", func(module, prefix, message string) string {
		return "\x1b[0;39;49m\x1b[0;31;49m11(4711) ERROR: " + prefix + place(module) + message
	}, time.Time{}, false},
	{"stderr of a container", "kamailio", func(module, prefix, message string) string {
		return "2026-11-22T10:00:00.000000000Z 11(4711) ERROR: " + prefix + place(module) + message
	}, tenOClock, false},
	{"bare", "kamailio", func(module, prefix, message string) string { return "ERROR: " + prefix + place(module) + message }, time.Time{}, false},
	{"JSON", "kamailio", func(module, prefix, message string) string {
		module = strings.Replace(module, "script", "xlog", 1)
		return fmt.Sprintf(`{ "idx": 1, "pid": 4711, "level": "ERROR", "module": "%s", "file": "x.c", "line": 1, "function": "f", "logprefix": "%s", "message": "%s\n" }`,
			module, prefix, quote(message))
	}, time.Time{}, true},
	{"syslog", "opensips", func(module, _, message string) string {
		return "Nov 22 10:00:00 sbc /usr/sbin/opensips[4711]: ERROR:" + hash(colon(module)+message)
	}, tenOClock, true},
	{"stderr", "opensips", func(module, _, message string) string {
		return "Nov 22 10:00:00 [4711] ERROR:" + colon(module) + message
	}, tenOClock, false},
	{"stderr, log_prefix", "opensips", func(module, _, message string) string {
		return "Nov 22 10:00:00 [4711] sbc-1:ERROR:" + colon(module) + message
	}, tenOClock, false},
	{"JSON", "opensips", func(module, _, message string) string {
		if colon(module) == "" {
			return fmt.Sprintf(`{"time": "Nov 22 10:00:00", "pid": 4711, "message": "%s\n"}`, quote(message))
		}
		return fmt.Sprintf(`{"time": "Nov 22 10:00:00", "pid": 4711, "level": "ERROR", "module": "%s", "function": "f", "message": "%s\n"}`, module, quote(message))
	}, tenOClock, true},
	{"CEE", "opensips", func(module, _, message string) string {
		if colon(module) == "" {
			return fmt.Sprintf(`@cee: {"time": "Nov 22 10:00:00", "proc": {"id": "4711"}, "msg": "%s\n", "pname": "opensips", "hostname": "sbc"}`, quote(message))
		}
		return fmt.Sprintf(`@cee: {"time": "Nov 22 10:00:00", "proc": {"id": "4711"}, "pri": "ERROR", "subsys": "%s", "native": {"function": "f"}, "msg": "%s\n", "pname": "opensips", "hostname": "sbc"}`,
			module, quote(message))
	}, tenOClock, true},
}

// moduleOf is a module that may write a form.
func moduleOf(f ser.Form) string {
	switch {
	case f.Where != "":
		return f.Where
	case strings.HasPrefix(f.Text, "PIKE"):
		return "pike"
	}
	return "tls_openssl"
}

// places are the names of the values that an outsider may have written.
var places = [...]string{"word", "text", "uri", "user", "tail"}

// fill prints a form with its values; hostile takes the nth value of an outsider.
func fill(f ser.Form, source netip.AddrPort, nth int, hostile string) string {
	text := strings.NewReplacer("{src}", source.String(), "{ip}", source.Addr().String(), "{num}", fmt.Sprint(source.Port()),
		"{ptr}", "0x7fcd940bce50", "{proto}", "1").Replace(f.Text)
	n := 0
	for {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			return text
		}
		end := open + strings.IndexByte(text[open:], '}')
		value := map[string]string{"uri": "sip:100@pbx.example.org", "word": "INVITE"}[text[open+1:end]]
		if value == "" {
			value = "abc"
		}
		if n == nth {
			value = strings.NewReplacer("{", "(", "}", ")").Replace(hostile)
			if text[open+1:end] == "word" { // a method ends at the first blank
				value = strings.ReplaceAll(value, " ", "_")
			}
		}
		n++
		text = text[:open] + value + text[end+1:]
	}
}

// values counts the outsiders' values of a form.
func values(f ser.Form) int {
	n := 0
	for _, name := range places {
		n += strings.Count(f.Text, "{"+name+"}")
	}
	return n
}

// TestForms prints every form in every shape of line.
func TestForms(t *testing.T) {
	lines := 0
	for _, p := range printers {
		for _, f := range ser.Forms(p.server) {
			for _, prefix := range []string{"", "{1 1 REGISTER 7f@198.51.100.1} "} {
				source := netip.MustParseAddrPort(culprit + ":5071")
				text := p.print(moduleOf(f), prefix, fill(f, source, -1, ""))
				got, at := logline.Classify([]byte(text), logline.Auto, logtest.Clock)
				if got.Verdict != f.Verdict || got.Kind != f.Kind || got.Server != p.server || !at.Equal(p.time) {
					t.Errorf("%s: %v %v %s at %v (%s)\n%s", p.name, got.Verdict, got.Kind, got.Server, at, got.Note, text)
				}
				if hostile := f.Verdict == event.Hostile; hostile != got.Source.IsValid() || hostile && got.Source.Addr() != source.Addr() {
					t.Errorf("%s: source %v\n%s", p.name, got.Source, text)
				}
				lines++
			}
		}
	}
	if lines < 500 {
		t.Errorf("only %d lines", lines)
	}
}
