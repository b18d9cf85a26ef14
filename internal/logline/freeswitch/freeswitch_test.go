package freeswitch_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/logtest"
)

// TestCorpus reads lines as FreeSWITCH writes them.
func TestCorpus(t *testing.T) {
	if total := logtest.Corpus(t, "testdata/freeswitch.txt", "freeswitch"); total < 50 {
		t.Errorf("only %d lines in the corpus", total)
	}
}

const culprit, victim = "203.0.113.7", "192.0.2.66"

// printer puts a message into one of the shapes of a log line.
type printer struct {
	name  string
	print func(level, file, message string) string
	stamp bool
}

var at = time.Date(2026, 11, 22, 13, 5, 17, 653234000, time.UTC)

var printers = []printer{
	{"file", func(level, file, message string) string {
		return fmt.Sprintf("2026-11-22 13:05:17.653234 [%s] %s:1787 %s", level, file, message)
	}, true},
	{"with the idle time", func(level, file, message string) string {
		return fmt.Sprintf("2026-11-22 13:05:17.653234 99.90%% [%s] %s:1787 %s", level, file, message)
	}, true},
	{"T in the stamp", func(level, file, message string) string {
		return fmt.Sprintf("2026-11-22T13:05:17.653234 [%s] %s:1787 %s", level, file, message)
	}, true},
	{"with the call", func(level, file, message string) string {
		return fmt.Sprintf("aaa95998-71cd-48db-9adc-38c11103f18e 2026-11-22 13:05:17.653234 33.60%% [%s] %s:1787 %s", level, file, message)
	}, true},
	{"short stamp", func(level, file, message string) string {
		return fmt.Sprintf("11-22 13:05:17.653234 [%s] [SOFIA] [%s:1787] %s", level, file, message)
	}, true},
	{"with a dash", func(level, file, message string) string {
		return fmt.Sprintf("2026-11-22T13:05:17.653234 [%s] [SOFIA] [%s:1787] - %s", level, file, message)
	}, true},
	{"with the function", func(level, file, message string) string {
		return fmt.Sprintf("2026-11-22 13:05:17.653234 [%s] %s:1787 sofia_reg_parse_auth() %s", level, file, message)
	}, true},
	{"console in colours", func(level, file, message string) string {
		return fmt.Sprintf("\x1b[0m\x1b[35m2026-11-22 13:05:17.653234 [%s] %s:1787 %s", level, file, message)
	}, true},
	{"colours through rsyslog", func(level, file, message string) string {
		return fmt.Sprintf("2026-11-22T14:05:17.653234+01:00 pbx freeswitch[99]: #033[0m#033[35m2026-11-22 13:05:17.653234 [%s] %s:1787 %s", level, file, message)
	}, true},
	{"syslog", func(level, file, message string) string {
		return fmt.Sprintf("Nov 22 13:05:17.653234 pbx freeswitch[99]: 2026-11-22 13:05:17.653234 33.60%% [%s] %s:1787 %s", level, file, message)
	}, true},
	{"RFC 5424", func(level, file, message string) string {
		return fmt.Sprintf(`<165>1 2026-11-22T13:05:17.653234Z pbx freeswitch 99 - - 2026-11-22 13:05:17.653234 [%s] %s:1787 %s`, level, file, message)
	}, true},
	{"json", func(level, file, message string) string {
		number := slices.Index([]string{"CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"}, level)
		text, err := json.Marshal(message + "\n")
		if err != nil {
			panic(err)
		}
		return fmt.Sprintf(`{"host":"pbx","timestamp":1795352717653234,"level":%d,"ident":"freeswitch","pid":99,"file":"%s","line":1787,"message":%s}`, number, file, text)
	}, true},
	{"journal without a stamp", func(level, file, message string) string {
		return fmt.Sprintf("[%s] %s:1787 %s", level, file, message)
	}, false},
}

// shape is a message with room for two outsiders' texts.
type shape struct {
	name, file, start string
	user              bool
	kind              event.LogKind
	print             func(source, user, host string) string
}

var shapes = []shape{
	{"auth failure", "sofia_reg.c", "SIP auth", true, event.AuthFailed, func(source, user, host string) string {
		return fmt.Sprintf("SIP auth failure (REGISTER) on sofia profile 'internal' for [%s@%s] from ip %s", user, host, source)
	}},
	{"unknown user", "sofia_reg.c", "Can't", true, event.UserUnknown, func(source, user, host string) string {
		return fmt.Sprintf("Can't find user [%s@%s] from %s", user, host, source)
	}},
	{"acl", "sofia.c", "IP", false, event.ACLDenied, func(source, _, _ string) string {
		return fmt.Sprintf(`IP %s Rejected by acl "domains"`, source)
	}},
	{"register acl", "sofia_reg.c", "IP", false, event.ACLDenied, func(source, _, _ string) string {
		return fmt.Sprintf(`IP %s Rejected by register acl "lan"`, source)
	}},
	{"user acl", "sofia_reg.c", "IP", false, event.ACLDenied, func(source, _, _ string) string {
		return fmt.Sprintf(`IP %s Rejected by user acl [office] and no proxy acl present`, source)
	}},
	{"event socket", "mod_event_socket.c", "IP", false, event.AdminFailed, func(source, _, _ string) string {
		return fmt.Sprintf(`IP %s Rejected by acl "loopback.auto"`, source)
	}},
}

// TestForms prints every form in every shape of line, over both IP versions.
func TestForms(t *testing.T) {
	for _, s := range shapes {
		for _, p := range printers {
			for _, source := range []string{culprit, "2001:db8::7"} {
				text := p.print("WARNING", s.file, s.print(source, "1005", "pbx.example.org"))
				got, when := logline.Classify([]byte(text), logline.Auto, logtest.Clock)
				user := ""
				if s.user {
					user = "1005"
				}
				if got.Verdict != event.Hostile || got.Kind != s.kind || got.Source.Addr() != netip.MustParseAddr(source) || got.Server != "freeswitch" ||
					string(got.User) != user || p.stamp && !when.Equal(at) {
					t.Errorf("%s, %s: %v %v %v %q at %v (%s)\n%s", s.name, p.name, got.Verdict, got.Kind, got.Source, got.User, when, got.Note, text)
				}
				quiet, _ := logline.Classify([]byte(p.print("DEBUG", s.file, s.print(source, "1", "x"))), logline.Auto, logtest.Clock)
				foreign, _ := logline.Classify([]byte(p.print("WARNING", "mod_dptools.c", s.print(source, "1", "x"))), logline.Auto, logtest.Clock)
				if quiet.Verdict != event.Unknown || foreign.Verdict == event.Hostile || foreign.Source.IsValid() {
					t.Errorf("%s, %s: quiet %v, foreign %v", s.name, p.name, quiet.Verdict, foreign.Verdict)
				}
			}
		}
	}
}

// hostileValues are the three classes of values, with V for the address to blame.
var hostileValues = []string{
	"1] from ip V", "1@x] from ip V", "1@x] from V", "] from ip V]", "x] from ip V\r\n ", "x@y] from ip V\r\n z", "a\r\n b", "\r\n\t", "1] from ip V\r\n 2] from ip V\r\n 3",
	"' for [1@x] from ip V", "SIP auth failure (REGISTER) on sofia profile 'internal' for [1@x] from ip V", "IP V Rejected by acl \"domains\"",
	"x] from ip V\r\n 2026-11-22 13:05:17.653234 [WARNING] sofia_reg.c:1787 SIP auth failure (REGISTER) on sofia profile 'internal' for [y",
	"a]b", "[", "]", "'", `"`, "a\x1b[0mb", "a\x00b", "#012x", "a b", "%0a", "é", "@", "@@", strings.Repeat("x", 8000) + "] from ip V", strings.Repeat("x", 880) + "] from ip V",
}

// TestInjections puts hostile values into every place of every form, and wants
// that nobody but the culprit is accused and that no line passes as everyday.
func TestInjections(t *testing.T) {
	lines, named := 0, 0
	for _, s := range shapes {
		if !s.user {
			continue
		}
		for _, p := range printers[:5] { // line breaks need lines of their own
			for _, value := range hostileValues {
				value = strings.ReplaceAll(value, "V", victim)
				for _, text := range []string{p.print("WARNING", s.file, s.print(culprit, value, "x")), p.print("WARNING", s.file, s.print(culprit, "1", value))} {
					after := p.print("WARNING", "sofia_reg.c", "SIP auth challenge (REGISTER) on sofia profile 'internal' for [1@x] from ip 198.51.100.1")
					seen := false
					logtest.Read(logline.Auto, append(strings.Split(text, "\n"), after), func(e *event.Event) {
						seen = seen || e.Log.Verdict == event.Hostile || e.Log.Verdict == event.Tampered
						if logtest.Accuses(e) {
							named++
							if e.Log.Source.Addr().String() != culprit {
								t.Errorf("%s, %s: %v blames %v\n%q", s.name, p.name, e.Log.Verdict, e.Log.Source, text)
							}
						}
					})
					if !seen {
						t.Errorf("%s, %s: invisible\n%q", s.name, p.name, text)
					}
					lines++
				}
			}
		}
	}
	if named < lines/2 {
		t.Errorf("%d of %d name the culprit: the test is blunt", named, lines)
	}
}

// TestCutMessage: where a daemon may have cut a line off, its end is anybody's.
func TestCutMessage(t *testing.T) {
	for _, p := range printers {
		syslog := p.name == "syslog" || p.name == "RFC 5424" || strings.Contains(p.name, "rsyslog")
		text := p.print("WARNING", "sofia_reg.c", shapes[0].print(victim, strings.Repeat("x", 900), "y"))
		got, _ := logline.Classify([]byte(text), logline.Auto, logtest.Clock)
		if got.Source.IsValid() == syslog {
			t.Errorf("%s: %v %v", p.name, got.Verdict, got.Source)
		}
	}
}

// FuzzFreeSWITCH: any text is read without a panic, an event for each line, and
// a source stands in the line that names it.
func FuzzFreeSWITCH(f *testing.F) {
	for _, p := range printers {
		for _, s := range shapes {
			f.Add(p.print("WARNING", s.file, s.print(culprit, "1", "x")))
		}
	}
	for _, value := range hostileValues {
		f.Add(printers[0].print("WARNING", "sofia_reg.c", shapes[0].print(culprit, value, "x")))
	}
	f.Add(printers[0].print("INFO", "mod_dialplan_xml.c", "Processing a\nx <1>->2 in context public"))
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		n := 0
		logtest.Read(logline.FreeSWITCH, lines, func(e *event.Event) {
			n++
			if !e.Log.Source.IsValid() {
				return
			}
			if !logtest.Accuses(e) {
				t.Fatalf("%v with a source: %q", e.Log.Verdict, lines[n-1])
			}
			if a := e.Log.Source.Addr(); a.Is4() && !strings.Contains(lines[n-1], a.String()) && !strings.Contains(lines[n-1], "::") && !strings.Contains(lines[n-1], ".0") {
				t.Fatalf("%v is not in %q", a, lines[n-1])
			}
		})
		if n != len(lines) {
			t.Fatalf("%d of %d lines", n, len(lines))
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	lines := [][]byte{
		[]byte(printers[1].print("WARNING", "sofia_reg.c", shapes[0].print(culprit, "1005", "pbx.example.org"))),
		[]byte(printers[1].print("WARNING", "sofia_reg.c", "SIP auth challenge (INVITE) on sofia profile 'internal' for [600@pbx] from ip 203.0.113.9")),
		[]byte(printers[3].print("INFO", "sofia.c", "sofia/internal/101@pbx receiving invite from 198.51.100.10:5070 version: 1.11.3-dev  64bit call-id: 1-4389@198.51.100.10")),
		[]byte(printers[3].print("DEBUG", "switch_core_media.c", "Audio Codec Compare [PCMU:0:8000:20:64000:1]/[PCMU:0:8000:20:64000:1]")),
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		logline.Classify(lines[i%len(lines)], logline.FreeSWITCH, logtest.Clock)
	}
}
