package asterisk_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/asterisk"
	"github.com/sipward/sipward/internal/logline/line"
	"github.com/sipward/sipward/internal/logline/logtest"
)

// checkQuiet holds Quiet to what Read says, and tells whether it passed the line over.
func checkQuiet(t *testing.T, text string) bool {
	t.Helper()
	h := line.ReadHeader([]byte(text), &logtest.Clock)
	thread, quiet := asterisk.Quiet(h)
	if !quiet {
		return false
	}
	want := line.Reading{Whole: true, Thread: thread, Log: event.Log{Server: "asterisk"}}
	var got line.Reading
	asterisk.Read(h, &got)
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b event.Log) bool { return fmt.Sprint(a) == fmt.Sprint(b) })); diff != "" {
		t.Errorf("passed over, but it says something: %q\n(-want +got)\n%s", text, diff)
	}
	return true
}

// quietMessages are what lines of quiet levels can say.
var quietMessages = []string{
	"", "-- ", "-- x", "Executing [100@a:1] Dial(\"PJSIP/1\", \"\") in new stack", "    -- Called PJSIP/100", "  -- Got SIP response 403", "-- Registration for 'x' timed out",
	"<--- SIP read from UDP:203.0.113.7:5060 --->", "<--- Received SIP request (86 bytes) from UDP:203.0.113.7:5060 --->", "<--", "x: Call (UDP:203.0.113.7:5060) to extension '1",
	"-- x: Call (UDP:203.0.113.7:5060) to extension '1' rejected because extension not found in context 'a'.",
	"-- Call from 'x' (UDP:203.0.113.7:5060) to extension '1' rejected because extension not found in context 'a'.",
	"203.0.113.7 failed to authenticate as 'x'", "-- 203.0.113.7 failed to authenticate as 'x'", `SecurityEvent="InvalidAccountID"`,
	"s: Rejecting unknown SIP connection from 203.0.113.7", "\x1b[0m-- x", "#033[0m<--- SIP read from ", "\x00", "attack denied 203.0.113.7",
}

// TestQuiet prints them at every level, from every file that the forms know.
func TestQuiet(t *testing.T) {
	passed := 0
	for _, p := range printers {
		for _, level := range []string{"VERBOSE", "DEBUG", "DTMF", "TRACE", "NOTICE", "SECURITY", "WARNING", "ERROR", "VERB"} {
			for _, file := range []string{"pbx.c", "manager.c", "pjproject", "res_pjsip_session.c", "res/res_pjsip_session.c", "res_pjsip_outbound_registration.c",
				"res_pjsip_outbound_authenticator_digest.c", "res_security_log.c", "Ext. s", "chan_sip.c", ""} {
				for _, message := range quietMessages {
					if checkQuiet(t, p.print(level, file, message)) {
						passed++
					}
				}
			}
		}
	}
	if passed < 1000 {
		t.Errorf("only %d lines were passed over", passed)
	}
	for i, text := range mixedLog()[:10] {
		if got, want := asterisk.MayBeQuiet(text) && checkQuiet(t, string(text)), i < 4; got != want {
			t.Errorf("passed over: %v, want %v: %s", got, want, text)
		}
	}
}

// FuzzQuiet wants the same of any line, and of any log that a Reader reads: what
// is passed over changes nothing for the other lines.
func FuzzQuiet(f *testing.F) {
	corpus, err := os.ReadFile("testdata/asterisk.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(corpus), "\n\n") {
		f.Add(part)
	}
	for _, message := range quietMessages {
		f.Add(printers[0].print("VERBOSE", "pbx.c", message) + "\n" + printers[3].print("DEBUG", "manager.c", message))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, row := range strings.Split(text, "\n") {
			checkQuiet(t, row)
		}
	})
}
