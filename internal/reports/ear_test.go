package reports

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
)

var (
	box      = netip.MustParseAddr("192.0.2.10")
	second   = netip.MustParseAddr("192.0.2.20") // another server of ours
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	stranger = netip.MustParseAddrPort("203.0.113.7:40000")
)

// rig is an ear of a machine that has the address of box and watches UDP port
// 5060, and the queue that it fills.
type rig struct {
	*Ear
	*Queue
	t *testing.T
}

func newRig(t *testing.T, key string) *rig {
	t.Helper()
	r := &rig{Queue: NewQueue(), t: t}
	owner := Owner{
		Local: func(a netip.Addr) bool { return a == box }, Others: []netip.Addr{second},
		Now: func() time.Time { return noon }, Ports: map[uint16]bool{5060: true},
		Give: r.Put,
	}
	ear, err := Open("hep:here", hep.Config{Network: "udp", At: netip.MustParseAddrPort("127.0.0.1:0"), From: ThisMachine(), Key: []byte(key)}, owner)
	if err != nil {
		t.Fatal(err)
	}
	r.Ear = ear
	t.Cleanup(func() { ear.Close() })
	return r
}

// next gives the report that waits.
func (r *rig) next() *event.Event {
	w := <-r.events
	return &w.event
}

// sip is a message with an empty body.
func sip(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n") }

func register(call string, cseq int, more ...string) []byte {
	return sip(append([]string{"REGISTER sip:x SIP/2.0", fmt.Sprintf("Via: SIP/2.0/TLS 203.0.113.7;branch=z9hG4bK%s%d", call, cseq),
		"From: <sip:100@x>;tag=t", "To: <sip:100@x>", "Call-ID: " + call, fmt.Sprintf("CSeq: %d REGISTER", cseq)}, more...)...)
}

func told(carrier uint8, from, to netip.AddrPort, payload []byte) *hep.Packet {
	return &hep.Packet{Src: from, Dst: to, Time: time.Unix(1, 0), Carrier: carrier, Type: hep.SIP, Payload: payload}
}

// TestEarTakes: what our packets show anyway, what is about nobody of ours and
// what is no SIP goes nowhere; the rest goes to the lane of the far side.
func TestEarTakes(t *testing.T) {
	r := newRig(t, "")
	message := register("c", 1)
	quality := told(hep.TLS, stranger, netip.AddrPortFrom(box, 5061), message)
	quality.Type = 5
	for _, test := range []struct {
		name  string
		told  *hep.Packet
		given bool
	}{
		{"bad: neither side is ours", told(hep.TLS, stranger, netip.MustParseAddrPort("198.51.100.1:5061"), message), false},
		{"bad: seen as a packet", told(hep.UDP, stranger, netip.AddrPortFrom(box, 5060), message), false},
		{"bad: seen as a packet that left", told(hep.UDP, netip.AddrPortFrom(box, 5060), stranger, message), false},
		{"bad: a report on quality", quality, false},
		{"bad: no SIP", told(hep.TLS, stranger, netip.AddrPortFrom(box, 5061), []byte("hello")), false},
		{"TLS", told(hep.TLS, stranger, netip.AddrPortFrom(box, 5061), message), true},
		{"TCP to a port of UDP", told(hep.TCP, stranger, netip.AddrPortFrom(box, 5060), message), true},
		{"UDP to a port that is not watched", told(hep.UDP, stranger, netip.AddrPortFrom(box, 5080), message), true},
		{"UDP to another server of ours", told(hep.UDP, stranger, netip.AddrPortFrom(second, 5060), message), true},
	} {
		if !r.take(test.told) {
			t.Errorf("%s: no room", test.name)
		}
		if (r.Len() == 1) != test.given {
			t.Fatalf("%s: %d reports", test.name, r.Len())
		}
		if !test.given {
			continue
		}
		got := r.next()
		if got.Remote != stranger || !got.Reported || !got.Inbound || got.Kind != event.Request || !got.Time.Equal(noon) {
			t.Errorf("%s: given %+v", test.name, got)
		}
	}
	if r.strange.Load() != 1 || r.watched.Load() != 2 || r.wordless.Load() != 2 || r.useless() != 5 {
		t.Errorf("%d strange, %d watched, %d without a word", r.strange.Load(), r.watched.Load(), r.wordless.Load())
	}
}

// TestReportsAreOurs: what a lane is given does not change when the next report
// is read into the same memory.
func TestReportsAreOurs(t *testing.T) {
	r := newRig(t, "")
	buffer := register("call", 1)
	r.take(told(hep.TLS, stranger, netip.AddrPortFrom(box, 5061), buffer))
	clear(buffer)
	if got := r.next(); string(got.SIP.CallID) != "call" || string(got.SIP.ToUser) != "100" {
		t.Errorf("given %q for %q", got.SIP.CallID, got.SIP.ToUser)
	}
}

// TestHearsay: a report is vouched for by its key, or by coming from this machine.
func TestHearsay(t *testing.T) {
	for _, test := range []struct {
		name, key string
		sender    string
		want      bool
	}{
		{"bad: another machine", "", "192.0.2.20", true},
		{"bad: nobody knows who", "", "", true},
		{"another machine with the key", "secret", "192.0.2.20", false},
		{"this machine", "", "192.0.2.10", false},
		{"this machine's loopback", "", "127.0.0.1", false},
		{"the same over IPv6", "", "::1", false},
	} {
		r := newRig(t, test.key)
		p := told(hep.TLS, stranger, netip.AddrPortFrom(box, 5061), register("c", 1))
		p.Sender, _ = netip.ParseAddr(test.sender)
		r.take(p)
		if got := r.next(); got.Hearsay != test.want || !got.Reported {
			t.Errorf("%s: hearsay %v, want %v", test.name, got.Hearsay, test.want)
		}
		if notes := (Ears{r.Ear}).Notes(); len(notes) > 0 != test.want {
			t.Errorf("%s: notes %q", test.name, notes)
		}
	}
}

// TestReportsAreBounded: in number and in bytes, and what does not fit is not
// waited for.
func TestReportsAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		size, want int
	}{"in number": {10, queueEvents}, "in bytes": {60 << 10, queueBytes / (60 << 10)}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "")
			p := told(hep.TLS, stranger, netip.AddrPortFrom(box, 5061), register(strings.Repeat("c", test.size), 1))
			n := 0
			for r.take(p) {
				n++
			}
			if n > test.want || n < test.want*9/10 {
				t.Errorf("%d reports wait, want %d at most", n, test.want)
			}
			r.Take(func(*event.Event) {})
			if left := max(0, n-atOnce); r.Len() != left {
				t.Errorf("%d of %d are left, want %d", r.Len(), n, left)
			}
			if !r.take(p) {
				t.Error("no room afterwards")
			}
			for r.Len() > 0 {
				r.Take(func(*event.Event) {})
			}
			if r.bytes.Load() != 0 {
				t.Errorf("%d bytes wait and no report", r.bytes.Load())
			}
		})
	}
}

func keyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hep.key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKey: a key that cannot be read is an error, and no key.
func TestKey(t *testing.T) {
	for name, file := range map[string]string{
		"none": filepath.Join(t.TempDir(), "none"), "empty": keyFile(t, "\r\n"), "a directory": t.TempDir(),
		"too long": keyFile(t, strings.Repeat("k", longestKey+1)),
	} {
		if key, err := Key(file); err == nil || key != nil {
			t.Errorf("%s: key %q, %v", name, key, err)
		}
	}
	if key, err := Key(""); err != nil || key != nil {
		t.Errorf("no file: key %q, %v", key, err)
	}
	if key, err := Key(keyFile(t, " secret \r\n")); err != nil || string(key) != " secret " {
		t.Errorf("key %q, %v", key, err)
	}
}

// TestOpen: an address that is taken is an error that says where.
func TestOpen(t *testing.T) {
	r := newRig(t, "")
	_, err := Open("hep:there", hep.Config{Network: "udp", At: r.listener.Addr()}, r.owner)
	if err == nil || !strings.Contains(err.Error(), "hep:there") {
		t.Errorf("opened twice: %v", err)
	}
	if r.Name() != "hep:here" {
		t.Errorf("name %q", r.Name())
	}
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { done <- r.Run(ctx) }()
	stop()
	if err := <-done; err != nil {
		t.Errorf("the end: %v", err)
	}
}

// TestSenders: when the settings name none, this machine's addresses are heard:
// a server that is bound to one sends from there. When they name some, only those.
func TestSenders(t *testing.T) {
	for _, test := range []struct {
		name  string
		from  []netip.Prefix
		heard bool
	}{
		{"bad: others are named", []netip.Prefix{netip.PrefixFrom(second, 32)}, false},
		{"nobody is named", nil, true},
	} {
		r := newRig(t, "")
		at := r.listener.Addr()
		r.Close()
		owner := r.owner
		owner.Local = func(a netip.Addr) bool { return a == box || a.IsLoopback() }
		owner.Trouble = func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		ears := OpenAll(config.HEP{Listen: []config.HEPListen{{Network: "udp", At: at}}, From: test.from}, owner)
		done := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go func() { ears.Run(ctx); close(done) }()
		r.Ear = ears[0]
		r.send(told(hep.TLS, stranger, netip.AddrPortFrom(box, 5061), register("c", 1)))
		if test.heard {
			r.await("good", 1)
		} else {
			r.await("foreign", 1)
		}
		if silent := len(ears.Complaints()) == 0; silent != test.heard {
			t.Errorf("%s: complaints %q", test.name, ears.Complaints())
		}
		stop()
		<-done
	}
}

// send sends a report.
func (r *rig) send(p *hep.Packet) {
	r.t.Helper()
	conn, err := net.Dial("udp", r.listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(hep.Append(nil, p)); err != nil {
		r.t.Fatal(err)
	}
}

// await waits until a count is that high.
func (r *rig) await(what string, n uint64) {
	r.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); r.Counts()[what] != n; {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("counts %v, want %d %s", r.Counts(), n, what)
		}
	}
}

// TestStatus: an ear says what it hears, and when that is of no use, why.
func TestStatus(t *testing.T) {
	r := newRig(t, "secret")
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context()) }()
	t.Cleanup(func() { <-done })
	if r.Complaint() != "" {
		t.Errorf("before anything is told: %q", r.Complaint())
	}
	p := told(hep.TLS, stranger, netip.MustParseAddrPort("198.51.100.1:5061"), register("c", 1))
	r.send(p)
	r.await("wrong_key", 1)
	p.Key = []byte("secret")
	r.send(p)
	r.await("strange", 1)
	if got := r.Complaint(); !strings.Contains(got, "the key is another one, it is about servers that have none of our addresses") {
		t.Errorf("complaint %q", got)
	}
	p.Dst = netip.AddrPortFrom(box, 5061)
	r.send(p)
	r.await("good", 1)
	if events, last := r.Seen(); events != 1 || last.IsZero() || r.Complaint() != "" {
		t.Errorf("%d events, last at %s, complaint %q", events, last, r.Complaint())
	}
}
