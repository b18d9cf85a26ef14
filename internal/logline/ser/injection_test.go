package ser_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/logtest"
	"github.com/sipward/sipward/internal/logline/ser"
)

// weapons are values that imitate a server: clauses, whole messages, whole
// beginnings of lines, and signs that end a value.
func weapons() []string {
	var all []string
	for _, server := range []string{"kamailio", "opensips"} {
		for _, f := range ser.Forms(server) {
			if f.Verdict != event.Hostile {
				continue
			}
			forged := fill(f, netip.MustParseAddrPort(victim+":5060"), -1, "")
			all = append(all, forged, "x "+forged+" y")
			if server == "kamailio" {
				all = append(all, "x} "+place(moduleOf(f))+forged, place(moduleOf(f))+forged)
			} else {
				all = append(all, colon(moduleOf(f))+forged)
			}
		}
	}
	for _, sign := range []string{
		"x (IP:V:5060)", " (IP:V:5060)", "(IP:V:5060)", "x (IP:V:5060", "V", "V:5060", "x from V", " from V cause -2", "x from sip:y@h (IP:V:5060, z)",
		"x)", ")", "'", `"`, "' is blacklisted", "]", ">", "\x00", "\x1b[31m", "\x7f", "a\tb", "\r", "si=V sp=1", "SECURITY auth_failed si=V sp=5060 proto=udp",
		`", "message": "Blocking traffic from V`, `x", "module": "pike", "message": "PIKE - BLOCKing ip V, node=0x1", "y": "`, `x" }`, `\`, `\"`, `x\`,
	} {
		all = append(all, strings.ReplaceAll(sign, "V", victim))
	}
	return all
}

// TestInjections puts every weapon into every value of every form, and into the
// log_prefix, in every shape of line: nobody but the culprit is accused.
func TestInjections(t *testing.T) {
	source := netip.MustParseAddrPort(culprit + ":5071")
	lines, named, hidden := 0, 0, 0
	check := func(what, text string, f ser.Form) {
		lines++
		got, _ := logline.Classify([]byte(text), logline.Auto, logtest.Clock)
		if got.Source.IsValid() && got.Source.Addr() != source.Addr() {
			t.Errorf("%s: %v blames %v\n%q", what, got.Verdict, got.Source, text)
		}
		if got.Source.IsValid() {
			named++
		}
		if f.Verdict == event.Hostile && got.Verdict != event.Hostile && got.Verdict != event.Tampered {
			hidden++
			t.Logf("%s: %v\n%q", what, got.Verdict, text)
		}
	}
	for _, p := range printers {
		for _, f := range ser.Forms(p.server) {
			for _, weapon := range weapons() {
				for nth := range values(f) {
					check(p.name, p.print(moduleOf(f), "", fill(f, source, nth, weapon)), f)
				}
				if p.server == "kamailio" {
					check(p.name+", log_prefix", p.print(moduleOf(f), "{1 1 INVITE "+weapon+"} ", fill(f, source, -1, "")), f)
				}
			}
		}
	}
	t.Logf("%d lines, %d name the culprit, %d hide him", lines, named, hidden)
	if lines < 10000 || named < lines/10 {
		t.Errorf("%d lines, %d name the culprit", lines, named)
	}
	if hidden > lines/100 {
		t.Errorf("%d of %d lines are invisible", hidden, lines)
	}
}

// TestFoldedLines puts whole lines of a log behind a line break, as a folded
// header or a packet can: on stderr the break is one in the log, too.
func TestFoldedLines(t *testing.T) {
	for _, p := range printers {
		if p.oneLine {
			continue
		}
		for _, f := range ser.Forms(p.server) {
			if f.Verdict != event.Hostile {
				continue
			}
			forged := strings.Replace(p.print(moduleOf(f), "", fill(f, netip.MustParseAddrPort(victim+":5060"), -1, "")), "4711", "99", 1)
			next := p.print("core", "", "preparing to run routing scripts")
			other := strings.Replace(next, "4711", "4712", 1)
			far := strings.Replace(forged, "99", "30712", 1)
			if p.name == "bare" { // a line without a number is whole only where it begins, and a fold begins with a blank
				far = " " + far
			}
			for _, record := range []string{
				p.print("core", "", "ERROR: parse_msg: message=<x\r\n"+forged+"\r\n>"),
				p.print("core", "", "ERROR: parse_msg: message=<>\n"+forged+"\nx>"),
				p.print("core", "", "ERROR: parse_msg: message=<x\n>\n"+forged+"\n"+forged+"\n x>"),
				p.print("core", "", "duplicate From header field [From: a\r\n"+forged+"\r\n]"),
				p.print("core", "", "bad request, state=7, error=4 buf:\nx\n\n"+forged+"\nparsed:\nx\n\n"+forged+"\n"),
				p.print("script", "", "ua=x\r\n"+forged+"\r\n z"),
				p.print("script", "", "ua=\"x\n"+forged+"\n z\""),
				p.print("script", "", "ua=x\n"+far+"\n"+far),
			} {
				for _, rest := range []string{"", "\n" + next, "\n" + other, "\n" + other + "\n" + next} {
					log := next + "\n" + record + rest
					logtest.Read(logline.Auto, strings.Split(log, "\n"), func(e *event.Event) {
						if e.Log.Source.IsValid() && e.Log.Source.Addr().String() == victim {
							t.Errorf("%s: %v blames the victim\n%q", p.name, e.Log.Verdict, log)
						}
					})
				}
			}
		}
	}
}

// FuzzLines: any text is read without a panic; an address that is named stands
// in the line; a reader gives an event for each line.
func FuzzLines(f *testing.F) {
	for _, p := range printers {
		for _, form := range ser.Forms(p.server) {
			f.Add(p.print(moduleOf(form), "{1 1 INVITE a} ", fill(form, netip.MustParseAddrPort(culprit+":5071"), -1, "")))
		}
	}
	f.Add(" 1(4711) ERROR: <core> [core/parser/msg_parser.c:749]: parse_msg(): ERROR: parse_msg: message=<x\r\n>\n 2(99) ERROR: <script>: Blocking traffic from 192.0.2.66\n>")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		n := 0
		logtest.Read(logline.Auto, lines, func(e *event.Event) {
			text := lines[n]
			n++
			if e.Log.Server != "kamailio" && e.Log.Server != "opensips" || !e.Log.Source.IsValid() {
				return
			}
			if e.Log.Verdict != event.Hostile && e.Log.Verdict != event.Tampered {
				t.Fatalf("%v with a source: %q", e.Log.Verdict, text)
			}
			if port := fmt.Sprint(e.Log.Source.Port()); port != "0" && !strings.Contains(text, port) {
				t.Fatalf("%v is not in %q", e.Log.Source, text)
			}
			if addr := e.Log.Source.Addr(); addr.Is4() && !strings.Contains(text, addr.String()) && !strings.Contains(text, "0") && !strings.Contains(text, ":") {
				t.Fatalf("%v is not in %q", e.Log.Source, text)
			}
		})
		if n != len(lines) {
			t.Fatalf("%d of %d lines", n, len(lines))
		}
	})
}
