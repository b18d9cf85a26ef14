package logline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/logtest"
)

const failure = "NOTICE[60]: manager.c:1 x: 203.0.113.7 failed to authenticate as 'a'"

// entry prints a line of the journal; fields are name and raw value in turns.
func entry(message string, fields ...string) string {
	var b strings.Builder
	b.WriteString(`{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1795341600000001","PRIORITY":"5"`)
	for i := 0; i+1 < len(fields); i += 2 {
		fmt.Fprintf(&b, `,"%s":%s`, fields[i], fields[i+1])
	}
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	return b.String() + `,"MESSAGE":` + string(text) + `}`
}

// TestJournalWriter: only journald's own word counts about who wrote an entry.
func TestJournalWriter(t *testing.T) {
	tests := []struct {
		name   string
		format logline.Format
		fields []string
		want   string
	}{
		{"bad: a claim of the writer", logline.Auto, []string{"SYSLOG_IDENTIFIER", `"asterisk"`, "_COMM", `"logger"`}, "tampered"},
		{"bad: only a claim", logline.Auto, []string{"SYSLOG_IDENTIFIER", `"asterisk"`}, "tampered"},
		{"bad: another program in the asterisk log", logline.Asterisk, []string{"_COMM", `"logger"`, "_SYSTEMD_UNIT", `"cron.service"`}, "tampered"},
		{"bad: a user's own program of that name", logline.Auto, []string{"_COMM", `"asterisk"`, "_SYSTEMD_UNIT", `"session-3.scope"`}, "tampered"},
		{"bad: a user's own unit", logline.Auto, []string{"_COMM", `"asterisk"`, "_SYSTEMD_UNIT", `"user@1000.service"`}, "tampered"},
		{"bad: another server", logline.Auto, []string{"_COMM", `"freeswitch"`}, "unknown"},
		{"bad: a field twice", logline.Auto, []string{"_COMM", `"asterisk"`, "_COMM", `"logger"`}, "unknown"},
		{"bad: a field with two values", logline.Auto, []string{"_COMM", `["asterisk","logger"]`}, "tampered"},
		{"bad: docker, and nobody says whose", logline.Auto, []string{"_COMM", `"dockerd"`, "CONTAINER_NAME", `"asterisk"`}, "tampered"},
		{"OK: the program", logline.Auto, []string{"_COMM", `"asterisk"`}, "hostile 203.0.113.7"},
		{"OK: the unit", logline.Auto, []string{"_COMM", `"bash"`, "_SYSTEMD_UNIT", `"asterisk.service"`}, "hostile 203.0.113.7"},
		{"OK: FreePBX", logline.Auto, []string{"_COMM", `"node"`, "_SYSTEMD_UNIT", `"freepbx.service"`}, "hostile 203.0.113.7"},
		{"OK: nothing but the message, in a log known to be the server's", logline.Asterisk, nil, "hostile 203.0.113.7"},
		{"OK: a container, in a log known to be the server's", logline.Asterisk, []string{"_COMM", `"dockerd"`}, "hostile 203.0.113.7"},
	}
	for _, tt := range tests {
		got := ""
		logtest.Read(tt.format, []string{entry(failure, tt.fields...)}, func(e *event.Event) {
			got = e.Log.Verdict.String()
			if logtest.Accuses(e) {
				got += " " + e.Log.Source.Addr().String()
			}
		})
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestJournalText: what an entry's message holds is read as lines of a log are,
// over entries too, and at the time of journald.
func TestJournalText(t *testing.T) {
	asterisk := func(message string) string { return entry(message, "_COMM", `"asterisk"`) }
	security := `SECURITY[61]: res_security_log.c:1 x: SecurityEvent="InvalidAccountID",EventTV="2026-11-22T10:00:00.000+0000",Severity="Error",Service="PJSIP",EventVersion="1",AccountID="`
	rest := `",SessionID="a",LocalAddress="IPV4/UDP/192.0.2.10/5060",RemoteAddress="IPV4/UDP/203.0.113.7/5060"`
	bytes := strings.ReplaceAll(fmt.Sprint([]byte(failure+"\n")), " ", ",")
	plain := asterisk("VERBOSE[62]: chan_sip.c:1 x: all is well")
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"bad: a record over two entries", []string{asterisk(security + "1"), asterisk("2" + rest), plain}, []string{"tampered", "tampered", "unknown"}},
		{"bad: another line between", []string{asterisk(security + "1"), asterisk(strings.Replace(failure, "203.0.113.7", "192.0.2.66", 1)), asterisk("2" + rest), plain},
			[]string{"tampered", "tampered", "tampered", "unknown"}},
		{"bad: a line break inside one", []string{asterisk(security + "1\n2" + rest), plain}, []string{"tampered 203.0.113.7", "unknown"}},
		{"bad: half an entry", []string{plain[:len(plain)-9], asterisk(failure)}, []string{"unknown", "hostile 203.0.113.7"}},
		{"bad: no text", []string{`{"__REALTIME_TIMESTAMP":"1","_COMM":"asterisk","MESSAGE":null}`}, []string{"unknown"}},
		{"bad: no time", []string{`{"__REALTIME_TIMESTAMP":"x","_COMM":"asterisk","MESSAGE":"` + failure + `"}`}, []string{"unknown"}},
		{"OK: bytes", []string{`{"__REALTIME_TIMESTAMP":"1795341600000001","_COMM":"asterisk","MESSAGE":` + bytes + `}`}, []string{"hostile 203.0.113.7"}},
		{"OK: blanks", []string{`{ "__REALTIME_TIMESTAMP" : "1795341600000001", "_COMM" : "asterisk", "MESSAGE" : "` + failure + `" }`}, []string{"hostile 203.0.113.7"}},
		{"OK: FreeSWITCH with its advice", []string{entry("[WARNING] sofia_reg.c:1 Can't find user [1@x] from 203.0.113.7\nYou must define a domain called 'x' in your directory\n", "_COMM", `"freeswitch"`)},
			[]string{"hostile 203.0.113.7"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, logtest.Verdicts(tt.lines...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	said, at := logline.Classify([]byte(asterisk(failure)), logline.Auto, logtest.Clock)
	if said.Verdict != event.Hostile || !said.HasTime || !at.Equal(time.UnixMicro(1795341600000001)) {
		t.Errorf("%v at %v", said.Verdict, at)
	}
}

// FuzzJournal: whatever stands in a line that looks like the journal's, nothing
// panics, and what nobody vouches for accuses nobody.
func FuzzJournal(f *testing.F) {
	f.Add(entry(failure, "_COMM", `"asterisk"`), "asterisk")
	f.Add(entry(failure, "_SYSTEMD_UNIT", `"a.service"`), "logger")
	f.Add(`{"__REALTIME_TIMESTAMP":"1","MESSAGE":[1,2]}`, "")
	f.Fuzz(func(t *testing.T, text, comm string) {
		logtest.Read(logline.Auto, strings.Split(text, "\n"), func(*event.Event) {})
		name, err := json.Marshal(comm)
		if err != nil || logline.Writer("", comm) != "" {
			return
		}
		logtest.Read(logline.Auto, []string{entry(text, "_COMM", string(name))}, func(e *event.Event) {
			if e.Log.Source.IsValid() {
				t.Fatalf("%v blames %v by %q", e.Log.Verdict, e.Log.Source, comm)
			}
		})
	})
}
