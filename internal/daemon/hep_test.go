package daemon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
	"github.com/sipward/sipward/internal/source"
)

// hears opens the ears of the given settings, for a machine at 192.0.2.10, until
// stop is called or the test ends.
func (r *rig) hears(settings config.HEP) (stop func()) {
	r.t.Helper()
	ours := map[netip.Addr]bool{netip.MustParseAddr("192.0.2.10"): true}
	r.senses.ours.Store(&ours)
	r.senses.sides = &source.Sides{Local: r.senses.local, Ports: map[uint16]bool{5060: true}}
	r.config.HEP, r.senses.ears = settings, nil
	ctx, cancel := context.WithCancel(r.t.Context())
	r.senses.hear(ctx, r.Daemon)
	r.t.Cleanup(func() { cancel(); r.senses.work.Wait() })
	return cancel
}

// free gives a UDP or TCP place that nobody listens at.
func free(t *testing.T, network string) config.HEPListen {
	t.Helper()
	l, err := hep.Listen(hep.Config{Network: network, At: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return config.HEPListen{Network: network, At: l.Addr()}
}

// TestDeaf: without its key nobody is heard, rather than anybody; a place that is
// taken does not make the others deaf; and a reload mends both.
func TestDeaf(t *testing.T) {
	r := newRig(t, nil)
	taken, other := free(t, "tcp"), free(t, "udp")
	r.hears(config.HEP{Listen: []config.HEPListen{other}, KeyFile: filepath.Join(t.TempDir(), "none")})
	if len(r.senses.ears) != 0 {
		t.Error("somebody is heard without a key")
	}
	r.sentences("not everything that servers tell by HEP is heard: read key:")
	holder, err := net.Listen("tcp", taken.At.String())
	if err != nil {
		t.Fatal(err)
	}
	settings := config.HEP{Listen: []config.HEPListen{taken, other}}
	stop := r.hears(settings)
	if len(r.senses.ears) != 1 || r.senses.ears[0].Name() != "hep:"+other.String() {
		t.Errorf("%d ears", len(r.senses.ears))
	}
	r.sentences(": open hep:" + taken.String())
	holder.Close()
	stop()
	r.senses.work.Wait()
	r.hears(settings)
	if len(r.senses.ears) != 2 {
		t.Errorf("%d ears", len(r.senses.ears))
	}
	r.sentences()
}

// TestReportedGuessing: guesses over TLS that a server tells of are dropped, for
// ten minutes and no longer; from our other servers nothing is held against
// them.
func TestReportedGuessing(t *testing.T) {
	r := newRig(t, nil)
	r.config.Local = []netip.Addr{netip.MustParseAddr("192.0.2.20")}
	at := free(t, "udp")
	r.hears(config.HEP{Listen: []config.HEPListen{at}})
	conn, err := net.Dial("udp", at.At.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	guesser, server := netip.MustParseAddrPort("203.0.113.7:40000"), netip.MustParseAddrPort("192.0.2.20:5061")
	const line = "\r\nFrom: <sip:100@x>;tag=t\r\nTo: <sip:100@x>\r\nCall-ID: c%[1]d\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK%[1]d-%[2]d\r\nCSeq: %[2]d REGISTER\r\n"
	tell := func(from, to netip.AddrPort, first string, i, cseq int, last string) {
		text := first + fmt.Sprintf(line, i, cseq) + last + "\r\n\r\n"
		p := hep.Packet{Src: from, Dst: to, Carrier: hep.TLS, Type: hep.SIP, Payload: []byte(strings.Replace(text, "\r\n\r\n\r\n", "\r\n\r\n", 1))}
		if _, err := conn.Write(hep.Append(nil, &p)); err != nil {
			t.Fatal(err)
		}
	}
	const guesses = 12
	for i := range guesses {
		nonce := fmt.Sprintf(`Digest realm="r", nonce="n%d"`, i)
		tell(guesser, server, "REGISTER sip:x SIP/2.0", i, 1, "")
		tell(server, guesser, "SIP/2.0 401 Unauthorized", i, 1, "WWW-Authenticate: "+nonce)
		tell(guesser, server, "REGISTER sip:x SIP/2.0", i, 2, fmt.Sprintf(`Authorization: %s, username="100", response="r%d"`, nonce, i))
		tell(server, guesser, "SIP/2.0 401 Unauthorized", i, 2, "WWW-Authenticate: "+nonce+"x")
	}
	l := r.laneOf(guesser.Addr())
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.reports.Len() < 4*guesses {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%d of %d reports, %v", l.reports.Len(), 4*guesses, r.senses.ears[0].Counts())
		}
	}
	l.reports.Take(l.hall.See)
	b, live := r.table.Get(ban.Key{Prefix: prefix("203.0.113.7"), Kind: ban.KindBlock})
	if !live || b.Action != ban.Drop || b.Proof != event.GradeC.String() || b.Until.Sub(b.Since) > 12*time.Minute {
		t.Errorf("live %v: %+v", live, b)
	}
	if len(r.senses.ears.Complaints()) > 0 {
		t.Errorf("complaints %q", r.senses.ears.Complaints())
	}
	held := false
	for _, post := range r.posts() {
		held = held || post.Prefix.Contains(server.Addr()) && post.Prefix.IsSingleIP()
	}
	if !held {
		t.Error("our other server may be banned")
	}
}

// TestUselessReports: that nothing of what is told is of use shows by itself,
// and goes when it does.
func TestUselessReports(t *testing.T) {
	r := newRig(t, nil)
	at := free(t, "udp")
	r.hears(config.HEP{Listen: []config.HEPListen{at}})
	r.lookForDrift()
	r.sentences()
	conn, err := net.Dial("udp", at.At.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	told := func(to, counter string) {
		p := hep.Packet{Src: netip.MustParseAddrPort("203.0.113.7:40000"), Dst: netip.MustParseAddrPort(to), Carrier: hep.TLS,
			Type: hep.SIP, Payload: []byte("OPTIONS sip:x SIP/2.0\r\nCall-ID: c\r\n\r\n")}
		if _, err := conn.Write(hep.Append(nil, &p)); err != nil {
			t.Fatal(err)
		}
		deadline := time.NewTimer(time.Minute)
		defer deadline.Stop()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for r.senses.ears[0].Counts()[counter] == 0 {
			select {
			case <-tick.C:
			case <-deadline.C:
				t.Fatalf("%v", r.senses.ears[0].Counts())
			}
		}
		r.lookForDrift()
	}
	told("198.51.100.1:5061", "strange")
	r.sentences("nothing of what is told is of use")
	told("192.0.2.10:5061", "good")
	r.sentences()
}
