package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/store"
)

// save puts so many bans into the state directory, as an earlier daemon would have.
func (s *sipward) save(count int) {
	s.t.Helper()
	now := time.Now()
	journal, err := store.Open(s.state, now)
	if err != nil {
		s.t.Fatal(err)
	}
	defer journal.Close()
	entries := make([]ban.Ban, 0, count)
	for n := range count {
		entries = append(entries, ban.Ban{
			Prefix: netip.PrefixFrom(netip.MustParseAddr(numbered(n)), 32), Action: ban.Drop, By: ban.Self, Why: "a test",
			Rule: "guess", Class: "auth.guess", Proof: "A", Since: now, Until: now.Add(24 * time.Hour), Seq: uint64(n + 1), ID: uint64(n + 1),
		})
	}
	if err := journal.Append(entries); err != nil {
		s.t.Fatal(err)
	}
}

// holds compares what the kernel drops with the saved bans. A list misses some
// while the kernel makes a set larger, which it does for a moment after a great
// change.
func (s *sipward) holds(count int) {
	s.t.Helper()
	held := s.held()
	for tries := 0; len(held) < count && tries < 20; tries++ {
		held = s.held()
	}
	for n := range count {
		if !held[numbered(n)] {
			s.t.Fatalf("the kernel holds %d of %d bans; the first that is missing is %s", len(held), count, numbered(n))
		}
	}
}

// sound fails the test when the daemon says that something does not work.
func (s *sipward) sound() {
	s.t.Helper()
	if d := s.status().Degraded; len(d) > 0 {
		s.t.Errorf("degraded: %q", d)
	}
}

// TestForeignFlush: others flush the kernel's rules, as a restart of nftables does.
func TestForeignFlush(t *testing.T) {
	const count = 10_000
	s := newBareLab(t).sipward(plainSettings)
	s.save(count)
	s.again()
	s.holds(count)
	for _, foreign := range [][]string{
		{"flush", "ruleset"}, {"delete", "table", "inet", "sipward"}, {"flush", "set", "inet", "sipward", "drop_sip4"},
		{"delete", "element", "inet", "sipward", "drop_sip4", "{ " + numbered(0) + " }"}, {"flush", "table", "inet", "sipward"},
	} {
		began := time.Now()
		out, err := s.server.Command("nft", foreign...).CombinedOutput()
		eventually(t, 10*time.Second, "every ban is in the kernel", func() bool { return len(s.held()) >= count })
		t.Logf("nft %s: %v %s; all there after %s", strings.Join(foreign, " "), err, strings.TrimSpace(string(out)), time.Since(began).Round(time.Millisecond))
		s.holds(count)
		s.sound()
	}
	// While no daemon lives, nobody keeps others from removing the table.
	s.kill()
	s.server.Exec("nft", "flush", "ruleset")
	if s.tableIsThere() {
		t.Fatal("the table of the dead daemon withstood a flush, so that nothing has to be healed")
	}
	began := time.Now()
	s.again()
	s.holds(count)
	s.sound()
	t.Logf("%d bans are back %s after the start", count, time.Since(began).Round(time.Millisecond))
}

// TestHundredThousand bans are there soon after the start, and no hindrance.
func TestHundredThousand(t *testing.T) {
	const count = 100_000
	s := newBareLab(t).sipward(plainSettings)
	s.save(count)
	if _, err := binary(); err != nil { // building it is no part of the start
		t.Fatal(err)
	}
	for _, kind := range []string{"fresh kernel", "kernel that has them"} {
		began := time.Now()
		s.again()
		wall, cpu := time.Since(began), s.cpu()
		t.Logf("%s: ready after %s, with %s of the processors' time", kind, wall.Round(time.Millisecond), cpu)
		if cpu > 5*time.Second { // how long that takes is up to the machine
			t.Errorf("%s: the start takes %s of the processors' time", kind, cpu)
		}
		s.holds(count)
		s.sound()
		if kind == "fresh kernel" {
			s.kill()
		}
	}
	var took []time.Duration
	for n := range 20 {
		began := time.Now()
		if _, err := s.order(numbered(count + n)); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("a ban: median %s, longest %s; in the kernel: %s", took[10].Round(time.Microsecond), took[19].Round(time.Microsecond), s.delays())
	if took[10] > 2*time.Second {
		t.Errorf("a ban takes %s", took[10])
	}
	began := time.Now()
	rows := s.bans()
	t.Logf("the list: %s", time.Since(began).Round(time.Millisecond))
	if len(rows) != count+20 {
		t.Errorf("bans lists %d, want %d", len(rows), count+20)
	}
}

// cpu is the processors' time that the daemon has used.
func (s *sipward) cpu() time.Duration {
	s.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	// The name may hold blanks; utime and stime are fields 14 and 15, in hundredths.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// TestSecondDaemon: whatever it shares with the first one, it ends at once, says
// who that is, and leaves the kernel as it is.
func TestSecondDaemon(t *testing.T) {
	first := newBareLab(t).sipward(plainSettings)
	first.save(10)
	first.again()
	for _, test := range []struct{ name, socket, state string }{
		{"socket and state", first.socket, first.state},
		{"socket", first.socket, first.state + "-other"},
		{"state", first.socket + "-other", first.state},
		{"kernel", first.socket + "-other", first.state + "-other"},
	} {
		t.Run("the same "+test.name, func(t *testing.T) {
			monitor := first.monitorKernel()
			began := time.Now()
			out, code := first.verb("run", "--config", first.settings, "--state", test.state, "--socket", test.socket)
			t.Logf("exit %d after %s: %s", code, time.Since(began).Round(time.Millisecond), out)
			if code != 1 || !strings.Contains(out, strconv.Itoa(first.cmd.Process.Pid)) {
				t.Errorf("exit %d, want 1 and the pid %d:\n%s", code, first.cmd.Process.Pid, out)
			}
			if changes := monitor(); changes != "" {
				t.Errorf("the kernel was changed:\n%s", changes)
			}
		})
	}
	first.holds(10)
	first.sound()
}

// monitorKernel listens to what is committed to sipward's table from now on. The
// function it returns ends that and gives what it was.
func (l *lab) monitorKernel() func() string {
	l.t.Helper()
	monitor := l.server.Command("nft", "monitor", "ruleset")
	out := &output{}
	monitor.Stdout, monitor.Stderr = out, out
	if err := monitor.Start(); err != nil {
		l.t.Fatal(err)
	}
	// Marks of our own show that it listens, and in the end that it has heard all.
	mark := func(name string) {
		eventually(l.t, 20*time.Second, "nft monitor hears of "+name, func() bool {
			l.server.Exec("nft", "add table ip "+name+"; delete table ip "+name)
			return strings.Contains(out.String(), name)
		})
	}
	mark("begin")
	return func() string {
		l.t.Helper()
		mark("end")
		monitor.Process.Kill()
		monitor.Wait() // its error is the signal
		var changes []string
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "inet sipward") {
				changes = append(changes, line)
			}
		}
		return strings.Join(changes, "")
	}
}

// TestRestoreAtBoot: the saved bans are in force before there is a daemon, which
// takes them over without a gap.
func TestRestoreAtBoot(t *testing.T) {
	const count = 1000
	s := newBareLab(t).sipward(plainSettings)
	s.save(count)
	first := numbered(0)
	s.attackers.Exec("ip", "route", "add", "local", first+"/32", "dev", "lo")
	flood := s.attackers.DialUDP(first+":5060", serverAddress+":5060")
	restore := func() {
		out, code := s.verb("restore", "--config", s.settings, "--state", s.state)
		if code != 0 || !strings.HasPrefix(out, "1,000 ") {
			t.Fatalf("restore: exit %d: %s", code, out)
		}
	}
	restore()
	s.holds(count)
	stop := steadily(flood)
	restore() // once more does no harm
	s.holds(count)
	s.again()
	s.holds(count)
	s.sound()
	sent := stop()
	if reached := s.reached(first); reached > 0 || sent == 0 {
		t.Errorf("%d of %d packets of a banned source reached the port", reached, sent)
	}
	// A restore beside a daemon has nothing to do, and says who is there.
	out, code := s.verb("restore", "--config", s.settings, "--state", s.state)
	if code != 1 {
		t.Errorf("a restore beside a daemon: exit %d\n%s", code, out)
	}
	s.holds(count)
}

// steadily sends two thousand packets a second until the function it returns is
// called, which says how many those were.
func steadily(conn *net.UDPConn) (stop func() int) {
	end, count := make(chan struct{}), make(chan int)
	go func() {
		pace := time.NewTicker(500 * time.Microsecond)
		defer pace.Stop()
		for n := 0; ; n++ {
			conn.Write([]byte("OPTIONS sip:x SIP/2.0\r\n\r\n"))
			select {
			case <-end:
				count <- n + 1
				return
			case <-pace.C:
			}
		}
	}()
	return func() int { close(end); return <-count }
}
