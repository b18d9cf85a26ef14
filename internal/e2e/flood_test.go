package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/testnet"
)

// mostResident is what the daemon may hold in memory, its packet rings
// included, whatever comes.
const mostResident = 256 << 20

// TestSpoofedFlood: requests of ever new sources, as fast as this machine makes
// them, on a daemon that only watches. Its memory does not grow, `status` shows
// that packets are lost when they are, and the phone is still the good one.
func TestSpoofedFlood(t *testing.T) {
	lasts := 2 * time.Second
	if thorough() {
		lasts = 10 * time.Second
	}
	l := newLab(t)
	s := l.sipward("mode: monitor\nmetrics: off\nlisten:\n  - {port: 5060, transport: udp}\n")
	s.run("--config", s.settings)
	const address = "203.0.113.77"
	phone := l.client(l.phones, address, 5060)
	if code := phone.register("1001", password("1001")); code != 200 {
		t.Fatalf("the phone is answered %d before the flood", code)
	}
	known := func() bool { return s.status().KnownGood > 0 }
	eventually(t, 10*time.Second, "the phone is known", known)
	before := s.resident()

	f := startFlood(l.attackers)
	lost := false
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		status := s.status() // and it answers, however much there is to do
		for _, sentence := range status.Degraded {
			lost = lost || strings.Contains(sentence, "packets came faster")
		}
		if !known() {
			t.Error("the phone is forgotten")
		}
	}
	sent := f.stop()

	eventually(t, 20*time.Second, "the phone registers", func() bool {
		return phone.register("1001", password("1001")) == 200
	})
	seen, after := s.status().Sources[0].Events, s.resident()
	t.Logf("%d packets in %v, %d judged; %d MiB before, %d MiB after; loss shown: %v", sent, lasts, seen, before>>20, after>>20, lost)
	if after > mostResident {
		t.Errorf("the daemon holds %d MiB, more than %d", after>>20, mostResident>>20)
	}
	if b, blocked := s.banOf(address); blocked {
		t.Errorf("the phone is blocked: %+v", b)
	}
	if seen == 0 || sent < 1000 {
		t.Error("there was no flood")
	}
}

// resident is the memory of the daemon that is in use, in bytes.
func (s *sipward) resident() int {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.status().PID))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kilobytes int
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		s.t.Fatalf("read memory of the daemon: %v", err)
	}
	return kilobytes << 10
}

// flood sends as fast as it can, each packet from another source.
type flood struct {
	sent atomic.Uint64
	over atomic.Bool
	done sync.WaitGroup
}

func startFlood(host *testnet.Host) *flood {
	f := &flood{}
	to := netip.MustParseAddrPort(serverAddress + ":5060")
	text := "REGISTER sip:192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9:5060;branch=z9hG4bK%[1]s;rport\r\n" +
		"From: <sip:1004@192.0.2.10>;tag=t%[1]s\r\nTo: <sip:1004@192.0.2.10>\r\nCall-ID: %[1]s\r\nCSeq: 1 REGISTER\r\n" +
		"Contact: <sip:1004@198.51.100.9>\r\nMax-Forwards: 70\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n"
	packet := testnet.UDP(netip.MustParseAddrPort("32.0.0.0:5060"), to, fmt.Appendf(nil, text, "00000000"))
	const sum = 20 + 6 // of UDP; 0 means that there is none (RFC 768)
	packet[sum], packet[sum+1] = 0, 0
	fd := -1
	host.Run(func() {
		var err error
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
			panic("open raw socket: " + err.Error())
		}
	})
	f.done.Go(func() {
		defer unix.Close(fd)
		where := &unix.SockaddrInet4{Addr: to.Addr().As4()}
		for n := uint32(1); !f.over.Load(); n++ {
			copy(packet[12:], []byte{32, byte(n >> 16), byte(n >> 8), byte(n)})
			rename(packet, n)
			if unix.Sendto(fd, packet, 0, where) == nil {
				f.sent.Add(1)
			}
		}
	})
	return f
}

// rename gives the message in a packet ids of its own: eight digits each that
// follow these words.
func rename(packet []byte, n uint32) {
	id := fmt.Appendf(nil, "%08x", n)
	for _, word := range []string{"z9hG4bK", ";tag=t", "Call-ID: "} {
		if at := strings.Index(string(packet), word); at >= 0 {
			copy(packet[at+len(word):], id)
		}
	}
}

// stop ends the flood and says how many packets were sent.
func (f *flood) stop() uint64 {
	f.over.Store(true)
	f.done.Wait()
	return f.sent.Load()
}
