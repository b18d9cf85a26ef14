package e2e

import (
	"context"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/control"
)

// thorough asks for the long form of a test; `make soak` sets it.
func thorough() bool { return os.Getenv("SIPWARD_THOROUGH") != "" }

// plainSettings protect UDP port 5060 and serve no metrics.
const plainSettings = "mode: enforce\nmetrics: off\nlisten:\n  - {port: 5060, transport: udp}\n"

// again starts the daemon with its settings, as a service manager would after
// a crash.
func (s *sipward) again() {
	s.t.Helper()
	s.run("--config", s.settings)
}

// kill ends the daemon as a crash would: it has no say in it.
func (s *sipward) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Wait() // its error is the signal
}

// signal sends the daemon a signal.
func (s *sipward) signal(what syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(what); err != nil {
		s.t.Fatal(err)
	}
}

// control speaks to the daemon as the verbs do, without a process for each.
func (s *sipward) control() *control.Client { return control.NewClient(s.socket) }

// status asks the daemon how it is.
func (s *sipward) status() control.Status {
	s.t.Helper()
	status, err := s.control().Status(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return status
}

// order bans a source through the control socket and waits until that is acknowledged.
func (s *sipward) order(address string) (control.Receipt, error) {
	a := netip.MustParseAddr(address)
	return s.control().Ban(context.Background(), control.Order{Prefix: netip.PrefixFrom(a, a.BitLen()), Seconds: 3600, Note: "a test"})
}

// held lists the IPv4 addresses that the kernel drops, as nft shows them to an
// administrator.
func (l *lab) held() map[string]bool {
	l.t.Helper()
	// The set alone: nft 1.0.6 cannot print the flags of an orphaned table as JSON.
	return addressesIn(l.server.Exec("nft", "list", "set", "inet", "sipward", "drop_sip4"))
}

var addressPattern = regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+\b`)

func addressesIn(text string) map[string]bool {
	found := map[string]bool{}
	for _, address := range addressPattern.FindAllString(text, -1) {
		found[address] = true
	}
	return found
}

// tableIsThere says that the kernel has a table of sipward's.
func (l *lab) tableIsThere() bool {
	l.t.Helper()
	return strings.Contains(l.server.Exec("nft", "list", "tables"), "sipward")
}

// numbered is an address of 100.64.0.0/10 that no host of the lab has.
func numbered(n int) string {
	return netip.AddrFrom4([4]byte{100, 64 | byte(n>>16), byte(n >> 8), byte(n)}).String()
}

// banner is somebody who bans one address after another.
type banner struct {
	next         int
	order        func(address string) bool // says that it was acknowledged
	acknowledged []string
}

// run bans until an order is not acknowledged, which is when the daemon dies.
func (b *banner) run(done *sync.WaitGroup) {
	done.Go(func() {
		for {
			address := numbered(b.next)
			b.next++
			if !b.order(address) {
				return
			}
			b.acknowledged = append(b.acknowledged, address)
		}
	})
}

// TestKilledWhileBanning: whenever the daemon dies, every ban that somebody was
// told of is in the kernel, and in the next daemon's table.
func TestKilledWhileBanning(t *testing.T) {
	rounds := 20
	if thorough() {
		rounds = 200
	}
	s := newBareLab(t).sipward(plainSettings)
	banners := []*banner{
		{order: func(a string) bool { _, code := s.ask("ban", a, "--for", "6h"); return code == 0 }},
		{next: 1 << 20, order: func(a string) bool { receipt, err := s.order(a); return err == nil && receipt.Enforced }},
	}
	s.again()
	for round := range rounds {
		var banning sync.WaitGroup
		for _, b := range banners {
			b.run(&banning)
		}
		<-time.After(time.Duration(100+round*37%300) * time.Millisecond)
		s.kill()
		banning.Wait()
		dead := s.held()
		s.again()
		alive, listed := s.held(), map[string]bool{}
		for _, b := range s.bans() {
			listed[b.Prefix.Addr().String()] = true
		}
		for _, a := range slices.Concat(banners[0].acknowledged, banners[1].acknowledged) {
			if !dead[a] || !alive[a] || !listed[a] {
				t.Fatalf("round %d: %s was acknowledged; in the kernel after the kill: %t, after the restart: %t, in the list: %t",
					round, a, dead[a], alive[a], listed[a])
			}
		}
	}
	t.Logf("%d bans acknowledged to the verb and %d to the socket under %d kills, none lost",
		len(banners[0].acknowledged), len(banners[1].acknowledged), rounds)
	if len(banners[0].acknowledged) < rounds/10 || len(banners[1].acknowledged) < rounds { // each verb is a process
		t.Error("too few for a proof")
	}
}

// TestNoLeak: what a banned source sends reaches nobody, while the daemon dies
// and comes back again and again.
func TestNoLeak(t *testing.T) {
	least, deaths := 60_000, 5
	if thorough() {
		least, deaths = 500_000, 20
	}
	s := newBareLab(t).sipward(plainSettings)
	s.again()
	flood := s.attackers.DialUDP(attacker+":5060", serverAddress+":5060")
	if flood.Write([]byte("x")); s.reached(attacker) != 1 {
		t.Fatal("what is not banned does not arrive, so that nothing would be proved")
	}
	if _, err := s.order(attacker); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	sent := make(chan int)
	go func() {
		n := 0
		defer func() { sent <- n }()
		for payload := []byte("OPTIONS sip:x SIP/2.0\r\n\r\n"); ; n++ {
			select {
			case <-stop:
				return
			default:
				flood.Write(payload) // a port that nobody serves refuses some; the next goes out
			}
		}
	}()
	began := time.Now()
	for range deaths {
		s.kill()
		s.again()
	}
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	for s.dropped() < least {
		if time.Since(began) > 5*time.Minute {
			t.Errorf("the kernel has dropped %d packets in %s", s.dropped(), time.Since(began))
			break
		}
		<-pace.C
	}
	close(stop)
	n := <-sent
	reached := s.reached(attacker) - 1
	t.Logf("%d packets sent, %d of them dropped since the last start, %d reached the port; %d kills in %s",
		n, s.dropped(), reached, deaths, time.Since(began).Round(time.Millisecond))
	if reached != 0 || n < least {
		t.Errorf("%d of %d packets reached the port, want 0 of at least %d", reached, n, least)
	}
}

// dropped is what the ban of the attacker has kept out, as `bans` says.
func (s *sipward) dropped() int {
	s.t.Helper()
	b, _ := s.banOf(attacker)
	return b.Dropped
}
