package replay

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
	"github.com/sipward/sipward/internal/scenario"
)

const week = 7 * 24 * time.Hour

var (
	weekPhone  = netip.MustParseAddrPort("203.0.113.41:5060")
	weekServer = netip.MustParseAddrPort("192.0.2.10:5060")
)

// held is what the bans of a replay came to.
type held struct {
	count, drops int
	longest      time.Duration
	last         time.Time // when the last one ended
}

func (h *held) Message(*event.Event)    {}
func (h *held) Finding(*detect.Finding) {}

func (h *held) Ban(b *ban.Ban) {
	h.count++
	if b.Action == ban.Drop || b.Port != weekPhone.Port() {
		h.drops++
	}
	h.longest = max(h.longest, b.Until.Sub(b.Since))
	h.last = b.Until
}

// TestBrokenPhoneForAWeek replays a capture of a week in which a phone tries its
// old password again and again, and has the new one at the end. Only its own
// source port ever waits, and half a minute after the last wrong try it waits no
// more: so corrected it registers within 30 s. Tries that a limit would have
// kept out are in the capture with their answers, as `sipward run --monitor
// --record` records them.
func TestBrokenPhoneForAWeek(t *testing.T) {
	for _, test := range []struct {
		pace  time.Duration
		waits bool
	}{
		{20 * time.Second, true},
		{time.Minute, false},
	} {
		name, lastTry := weekCapture(t, test.pace)
		corrected := lastTry.Add(test.pace)
		var h held
		o := Options{Local: []netip.Addr{weekServer.Addr()}, Report: &h}
		summary, err := Run([]string{name}, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("a try every %v: %d messages, %d limits of at most %v", test.pace, summary.Messages, h.count, h.longest)
		if h.drops > 0 || h.count > 0 != test.waits || h.longest > 30*time.Second {
			t.Errorf("a try every %v: %+v, want limits of the port for 30 s at most: %v", test.pace, h, test.waits)
		}
		if h.last.After(lastTry.Add(30*time.Second + 100*time.Millisecond)) {
			t.Errorf("a try every %v: corrected at %v, it is limited until %v", test.pace, corrected, h.last)
		}
	}
}

// weekCapture writes the capture, and says when the last wrong try was.
func weekCapture(t *testing.T, pace time.Duration) (name string, lastTry time.Time) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "week.pcap")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	to, err := pcap.NewWriter(file, uint32(packet.RawIP))
	if err != nil {
		t.Fatal(err)
	}
	try := func(n int, at time.Time, good bool) {
		frames, err := (&scenario.Scenario{Messages: registration(n, at, good)}).Frames()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if err := to.Write(f.Time, f.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	try(0, scenario.Start, true)
	tries := int(week / pace)
	for n := 1; n <= tries; n++ {
		lastTry = scenario.Start.Add(time.Duration(n) * pace)
		try(n, lastTry, false)
	}
	try(tries+1, lastTry.Add(pace), true)
	return name, lastTry
}

// registration is a phone's request, its challenge, the answer to that and what
// comes of it.
func registration(n int, at time.Time, good bool) []scenario.Message {
	outcome := "401 Unauthorized"
	if good {
		outcome = "200 OK"
	}
	credentials := fmt.Sprintf("Authorization: Digest username=\"1008\", realm=\"lab\", nonce=\"n%d\", uri=\"sip:192.0.2.10\", response=\"r%[1]d\", algorithm=MD5\r\n", n)
	challenge := func(step string) string {
		return fmt.Sprintf("WWW-Authenticate: Digest realm=\"lab\", nonce=\"%s%d\", algorithm=MD5\r\n", step, n)
	}
	message := func(start, step string, cseq int, tag, more string) []byte {
		return fmt.Appendf(nil, "%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%d;rport\r\nFrom: <sip:1008@192.0.2.10>;tag=f%[4]d\r\nTo: <sip:1008@192.0.2.10>%[6]s\r\n"+
			"Call-ID: w%[4]d@x\r\nCSeq: %[5]d REGISTER\r\nContact: <sip:1008@%[2]s>\r\nMax-Forwards: 70\r\n%[7]sContent-Length: 0\r\n\r\n",
			start, weekPhone, step, n, cseq, tag, more)
	}
	again := challenge("m")
	if good {
		again = ""
	}
	request := "REGISTER sip:192.0.2.10 SIP/2.0"
	list := []scenario.Message{
		{From: weekPhone, To: weekServer, Payload: message(request, "a", 1, "", "")},
		{From: weekServer, To: weekPhone, Payload: message("SIP/2.0 401 Unauthorized", "a", 1, fmt.Sprintf(";tag=ra%dx7", n), challenge("n"))},
		{From: weekPhone, To: weekServer, Payload: message(request, "b", 2, "", credentials)},
		{From: weekServer, To: weekPhone, Payload: message("SIP/2.0 "+outcome, "b", 2, fmt.Sprintf(";tag=rb%dx7", n), again)},
	}
	for i := range list {
		list[i].Transport, list[i].Time = "udp", at.Add(time.Duration(i)*10*time.Millisecond)
	}
	return list
}
