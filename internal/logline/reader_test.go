package logline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/logtest"
)

const (
	stamp   = "[2026-11-22 10:00:00] "
	dump    = stamp + "ERROR[50] pjproject: \t        sip_endpoint.c Error processing packet from 203.0.113.7:5062: Missing required header(s) (PJSIP_EMISSINGHDR) Call-ID [code 171050]:"
	endMark = "-- end of packet."
	plain   = stamp + "NOTICE[60] chan_sip.c: Peer '100' is now Reachable."
	// blame is a good line about somebody else.
	blame = stamp + "NOTICE[1] manager.c: 192.0.2.66 failed to authenticate as 'x'"
)

// ten is when the lines were written.
var ten = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func TestReader(t *testing.T) {
	request := func(source, id string) string {
		return stamp + "NOTICE[60] res_pjsip/pjsip_distributor.c: Request 'OPTIONS' from '<sip:m@x>' failed for '" + source + ":5060' (callid: " + id + ") - No matching endpoint found"
	}
	account := func(head, tail string) []string {
		return []string{
			stamp + `SECURITY[61] res_security_log.c: SecurityEvent="InvalidAccountID",EventTV="2026-11-22T10:00:00.000+0000",Severity="Error",Service="PJSIP",EventVersion="1",AccountID="` + head,
			tail + `",SessionID="a",LocalAddress="IPV4/UDP/192.0.2.10/5060",RemoteAddress="IPV4/UDP/203.0.113.7/5060"`,
		}
	}
	halves := account("1", "2")
	forgedEnd := account(`1",SessionID="a",LocalAddress="IPV4/UDP/192.0.2.10/5060",RemoteAddress="IPV4/UDP/192.0.2.66/5060"`, "2")
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"bad: a log inside a quoted packet", []string{dump, "OPTIONS sip:x SIP/2.0\r", "\r", blame, endMark, plain},
			[]string{"hostile 203.0.113.7", "benign", "benign", "tampered", "benign", "unknown"}},
		{"bad: an end mark of the packet's own", []string{dump, endMark, blame, request("192.0.2.66", "1"), endMark, plain},
			[]string{"hostile 203.0.113.7", "benign", "tampered", "tampered", "benign", "unknown"}},
		{"bad: two halves of a record", halves, []string{"tampered", "tampered"}},
		{"bad: a whole line between them", []string{halves[0], blame, halves[1], plain},
			[]string{"tampered", "tampered", "tampered", "unknown"}},
		{"bad: a first half that looks complete", append(forgedEnd, plain), []string{"tampered", "tampered", "unknown"}},
		{"bad: the same, and a blank line between", []string{forgedEnd[0], "", forgedEnd[1]}, []string{"tampered", "unknown", "tampered"}},
		{"bad: a call's number that writes a line", []string{
			stamp + "NOTICE[60] res_pjsip_session.c: Call from 'a' (UDP:203.0.113.7:5060) to extension '1",
			"NOTICE[1] a.c: Call from '' (192.0.2.66:1) to extension '2' rejected because extension not found in context 'public'.", plain},
			[]string{"tampered", "tampered", "unknown"}},
		{"OK: two packets", []string{dump, "a\r", endMark, strings.Replace(dump, "203.0.113.7", "203.0.113.8", 1), "b", endMark, plain},
			[]string{"hostile 203.0.113.7", "benign", "benign", "hostile 203.0.113.8", "benign", "benign", "unknown"}},
		{"OK: a packet whose end was lost", []string{dump, "a\r", strings.Replace(dump, "203.0.113.7", "203.0.113.8", 1), "b", endMark},
			[]string{"hostile 203.0.113.7", "benign", "hostile 203.0.113.8", "benign", "benign"}},
		{"OK: evidence after a packet", []string{dump, "a\r", endMark, request("203.0.113.8", "1"), plain},
			[]string{"hostile 203.0.113.7", "benign", "benign", "hostile 203.0.113.8", "unknown"}},
		{"OK: a packet of known size", []string{
			stamp + "VERBOSE[50] res_pjsip_logger.c: <--- Received SIP request (86 bytes) from UDP:203.0.113.7:5060 --->", "OPTIONS\r", blame, request("203.0.113.8", "1")},
			[]string{"unknown", "benign", "tampered", "hostile 203.0.113.8"}},
		{"OK: a packet as chan_sip quotes it", []string{
			stamp + "VERBOSE[50] chan_sip.c: <--- SIP read from UDP:203.0.113.7:5060 --->", blame, "<------------->", plain},
			[]string{"unknown", "tampered", "benign", "unknown"}},
		{"OK: talk of the console after evidence", []string{request("203.0.113.7", "1"), "    -- Executing [1@a:1] NoOp(\"a\", \"\") in new stack", plain},
			[]string{"hostile 203.0.113.7", "unknown", "unknown"}},
		{"OK: nothing after evidence", []string{request("203.0.113.7", "1")}, []string{"hostile 203.0.113.7"}},
		{"OK: evidence after a line that was cut off", []string{halves[0], request("203.0.113.7", "1"), plain},
			[]string{"tampered", "hostile 203.0.113.7", "unknown"}},
		{"OK: the same form after a line that was cut off", []string{halves[0], halves[0] + halves[1]},
			[]string{"tampered", "hostile 203.0.113.7"}},
	}
	for _, tt := range tests {
		got := logtest.Verdicts(tt.lines...)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestReaderForgedPacket forges the line that announces a packet, too: without
// the number of the thread it is only text.
func TestReaderForgedPacket(t *testing.T) {
	forged := strings.NewReplacer("203.0.113.7", "192.0.2.66", "ERROR[50]", "ERROR[1]").Replace(dump)
	got := logtest.Verdicts(dump, endMark, blame, forged, "x", endMark, plain)
	want := []string{"hostile 203.0.113.7", "benign", "tampered", "tampered", "benign", "benign", "unknown"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReaderOrder wants every line once, in order, with its number and a time,
// whatever is held back.
func TestReaderOrder(t *testing.T) {
	var lines []string
	for i := range 500 {
		lines = append(lines, []string{dump, "x\r", endMark, blame, plain, "", stamp + "NOTICE[9] res_pjsip_session.c: Call from 'a' (UDP:203.0.113.7:5060) to extension '1"}[i*i%7])
	}
	next := uint64(1)
	logtest.Read(logline.Auto, lines, func(e *event.Event) {
		if e.Place.Line != next || e.Kind != event.Line || e.Time.IsZero() {
			t.Fatalf("line %d came as %d, kind %d at %v", next, e.Place.Line, e.Kind, e.Time)
		}
		next++
	})
	if int(next) != len(lines)+1 {
		t.Errorf("%d of %d lines", next-1, len(lines))
	}
}

// TestReaderBounds wants that an open record and a packet without an end hold
// back a few lines, never a log.
func TestReaderBounds(t *testing.T) {
	heads := []string{dump, dump + "\x00", stamp + "NOTICE[9] res_pjsip_session.c: Call from 'a' (UDP:203.0.113.7:5060) to extension '1"}
	for _, head := range heads {
		r := logline.Reader{Format: logline.Asterisk, Clock: logtest.Clock}
		r.Put([]byte(head), time.Time{})
		r.Put([]byte(endMark), time.Time{})
		waiting := 2
		for i := range 5000 {
			r.Put([]byte(fmt.Sprintf("%sNOTICE[%d] chan_sip.c: Peer '100' is now Reachable.", stamp, 1000+i)), time.Time{})
			for waiting++; r.Next() != nil; waiting-- {
			}
			if waiting > logline.MaxHeldLines+1 {
				t.Fatalf("%q: %d lines held", head, waiting)
			}
		}
		if waiting > 0 {
			t.Errorf("%q: %d lines still held", head, waiting)
		}
	}
}

// TestReaderTime: a line without a stamp has its neighbour's time, and a quoted
// one no time of its own.
func TestReaderTime(t *testing.T) {
	arrived := time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)
	r := logline.Reader{Format: logline.Auto, Clock: logtest.Clock}
	for _, line := range []string{"first", dump, "[2031-01-01 00:00:00] NOTICE[1] a.c: later", endMark, plain} {
		r.Put([]byte(line), arrived)
	}
	r.Flush()
	for _, want := range []time.Time{arrived, ten, ten, ten, ten} {
		if e := r.Next(); !e.Time.Equal(want) {
			t.Errorf("line %d at %v, want %v", e.Place.Line, e.Time, want)
		}
	}
	if r.Next() != nil || r.Lines() != 5 {
		t.Errorf("%d lines", r.Lines())
	}
}
