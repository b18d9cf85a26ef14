package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/sipward/sipward/internal/control"
)

// broken are settings that cannot be taken up, and the line of the mistake.
var broken = []struct {
	line int
	text string
}{
	{1, "mode: enforced\n"},
	{1, "mode: [enforce\n"},
	{1, "mdoe: enforce\n"},
	{2, "mode: monitor\nallow: [203.0.113.300]\n"},
	{2, "mode: monitor\nallow: [0.0.0.0/0]\n"},
	{3, "mode: monitor\nallow:\n  - 192.0.2.5/24\n"},
	{2, "mode: monitor\nallow: [office.example.net]\n"},
	{2, "mode: monitor\ntrunks: ['sip:sip.example.net']\n"},
	{2, "mode: monitor\nlisten: [5060]\n"},
	{2, "mode: monitor\nlisten: [{port: 0, transport: udp}]\n"},
	{2, "mode: monitor\nlisten: [{port: 5060, transport: sctp}]\n"},
	{4, "mode: monitor\nlisten:\n  - {port: 5060, transport: udp}\n  - {port: 5060, transport: udp}\n"},
	{2, "mode: monitor\nmode: enforce\n"},
	{2, "mode: monitor\nlogs: [{file: security.log}]\n"},
	{2, "mode: monitor\nlogs: [{file: /var/log/x, format: asterix}]\n"},
	{2, "mode: monitor\nenforce: {backend: iptables}\n"},
	{2, "mode: monitor\nmetrics: 0.0.0.0:9480\n"},
	{2, "mode: monitor\nban: {longest: 0}\n"},
	{2, "mode: monitor\ninterfaces: eth0\n"},
	{2, "mode: monitor\n\tallow: [192.0.2.1]\n"},
	{1, "just some words\n"},
}

// lasting is what no reload of broken settings may change.
func lasting(s control.Status) control.Status {
	s.Sources, s.Degraded = nil, nil
	return s
}

// TestBrokenReload: whatever is wrong with new settings, the old ones stay in
// force, and the mistake is shown with its place.
func TestBrokenReload(t *testing.T) {
	s := newBareLab(t).sipward(plainSettings)
	s.save(3)
	s.again()
	changes := s.monitorKernel()
	before := lasting(s.status())
	complaint := ""
	for _, test := range broken {
		s.write(s.settings, test.text)
		place := fmt.Sprintf("%s:%d", s.settings, test.line)
		// Every mistake has a sentence of its own: a new one shows that the signal was heeded.
		s.signal(syscall.SIGHUP)
		last := complaint
		eventually(t, 5*time.Second, "status tells "+place, func() bool {
			complaint = strings.Join(s.status().Degraded, "\n")
			return complaint != last && strings.Contains(complaint, place)
		})
		if out, code := s.ask("reload"); code != 7 || !strings.Contains(out, place) {
			t.Errorf("reload of %q: exit %d, want 7 and %s:\n%s", test.text, code, place, out)
		}
		if after := lasting(s.status()); !reflect.DeepEqual(after, before) {
			t.Errorf("%q changed %+v to %+v", test.text, before, after)
		}
	}
	if err := os.Remove(s.settings); err != nil {
		t.Fatal(err)
	}
	if out, code := s.ask("reload"); code != 7 || !strings.Contains(out, s.settings) {
		t.Errorf("reload without the file: exit %d\n%s", code, out)
	}
	if c := changes(); c != "" {
		t.Errorf("the kernel was changed:\n%s", c)
	}
	s.write(s.settings, plainSettings)
	if out, code := s.ask("reload"); code != 0 {
		t.Errorf("reload of the old settings: exit %d\n%s", code, out)
	}
	s.sound()
	s.holds(3)
}

// TestReload takes up what changed, and nothing is open meanwhile.
func TestReload(t *testing.T) {
	s := newBareLab(t).sipward(plainSettings)
	s.save(3)
	s.again()
	if _, err := s.order(attacker); err != nil {
		t.Fatal(err)
	}
	old := s.attackers.DialUDP(attacker+":5060", serverAddress+":5060")
	stop := steadily(old)

	// A new port, and a new address that is never banned.
	s.write(s.settings, "mode: enforce\nmetrics: off\nlisten: [{port: 5060, transport: udp}, {port: 5070, transport: udp}]\nallow: [203.0.113.7, 198.51.100.64/28]\n")
	if out, code := s.ask("reload"); code != 0 {
		t.Fatalf("reload: exit %d\n%s", code, out)
	}
	if never := s.server.Exec("nft", "list", "set", "inet", "sipward", "never_ban4"); !strings.Contains(never, "198.51.100.64/28") {
		t.Errorf("the never-ban set lacks the new allow-list:\n%s", never)
	}
	if ports := s.server.Exec("nft", "list", "set", "inet", "sipward", "ports"); !strings.Contains(ports, "5070") {
		t.Errorf("the protected ports lack the new one:\n%s", ports)
	}
	if out, code := s.ask("ban", "198.51.100.70"); code != 6 {
		t.Errorf("a ban of an allowed address: exit %d, want 6\n%s", code, out)
	}

	// Monitor mode and back, by the signal a service manager sends.
	s.write(s.settings, "mode: monitor\nmetrics: off\nlisten: [{port: 5070, transport: udp}]\n")
	sent := stop()
	if reached := s.reached(attacker); reached > 0 {
		t.Errorf("%d of %d packets of a banned source got through during the reload", reached, sent)
	}
	s.signal(syscall.SIGHUP)
	eventually(t, 5*time.Second, "monitor mode", func() bool { return s.status().Mode == "monitor" && !s.tableIsThere() })
	if out, code := s.ask("ban", numbered(9)); code != 9 {
		t.Errorf("a ban in monitor mode: exit %d, want 9\n%s", code, out)
	}
	s.write(s.settings, plainSettings)
	s.signal(syscall.SIGHUP)
	eventually(t, 5*time.Second, "enforce mode", func() bool { return s.status().Mode == "enforce" && s.tableIsThere() })
	s.holds(3)
	if held := s.held(); !held[attacker] || !held[numbered(9)] {
		t.Errorf("after monitor mode the kernel lacks bans: %v", held)
	}
	stop = steadily(old)
	s.ask("status")
	if sent, reached := stop(), s.reached(attacker); reached > 0 || sent == 0 {
		t.Errorf("%d of %d packets of a banned source got through", reached, sent)
	}
	s.sound()
}

// TestMonitorMode decides and touches nothing, with no settings and no SIP
// server on the machine.
func TestMonitorMode(t *testing.T) {
	s := newBareLab(t).sipward("")
	changes := s.monitorKernel()
	s.run("--monitor")
	status := s.status()
	if status.Mode != control.ModeMonitor || !reflect.DeepEqual(status.Layers, map[string]string{"eth0": "dryrun"}) ||
		!slices.Contains(status.Listen, "5060/udp") || !slices.Contains(status.Listen, "5060/tcp") || len(status.Degraded) > 0 {
		t.Errorf("status %+v, want monitor mode, dryrun on eth0, and the default ports", status)
	}
	text, code := s.ask("status")
	if code != 0 || !strings.Contains(text, "monitor") || !strings.Contains(text, "5060/udp") {
		t.Errorf("status: exit %d\n%s", code, text)
	}
	out, code := s.ask("ban", attacker)
	if code != 9 || !strings.Contains(out, "not enforced: monitor mode") {
		t.Errorf("ban: exit %d, want 9\n%s", code, out)
	}
	if rows := s.bans(); len(rows) != 1 || rows[0].Prefix.Addr().String() != attacker {
		t.Errorf("recorded: %+v", rows)
	}
	conn := s.attackers.DialUDP(attacker+":5060", serverAddress+":5060")
	conn.Write([]byte("OPTIONS sip:x SIP/2.0\r\n\r\n"))
	eventually(t, 5*time.Second, "the packet arrives", func() bool { return s.reached(attacker) == 1 })
	if c := changes(); c != "" || s.tableIsThere() {
		t.Errorf("monitor mode changed the kernel:\n%s", c)
	}
	if out, code := s.ask("stop"); code != 0 {
		t.Errorf("stop: exit %d\n%s", code, out)
	}
}

// TestMetrics: what Prometheus and a health check read.
func TestMetrics(t *testing.T) {
	s := newBareLab(t).sipward("mode: enforce\nlisten: [{port: 5060, transport: udp}]\nmetrics: 127.0.0.1:9481\n")
	s.save(7)
	s.again()
	s.server.ListenUDP(serverAddress + ":5060") // or the first packet would be refused, and the second not sent
	conn := s.attackers.DialUDP(attacker+":5060", serverAddress+":5060")
	conn.Write([]byte((&client{}).request("OPTIONS", "x", "x", "")))
	conn.Write([]byte("no SIP at all, but more than a keep-alive"))
	if body := s.page("/readyz", http.StatusOK); !strings.Contains(body, "ready") {
		t.Errorf("readyz says %q", body)
	}
	want := []string{"sipward_frames_total 2", "sipward_messages_total 1", "sipward_junk_total 1",
		`sipward_entries{kind="block"} 7`, "sipward_degraded 0"}
	missing := func() (lines []string) {
		body := s.page("/metrics", http.StatusOK)
		for _, line := range want {
			if !strings.Contains(body, "\n"+line+"\n") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	eventually(t, 5*time.Second, "the counters count", func() bool { return len(missing()) == 0 })
	problems, err := promlint.New(strings.NewReader(s.page("/metrics", http.StatusOK))).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", err, problems)
	}
	s.page("/nothing", http.StatusNotFound)
}

// page reads a page of the daemon's, from its own machine.
func (s *sipward) page(path string, want int) string {
	s.t.Helper()
	conn := s.server.DialTCP("", "127.0.0.1:9481")
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:9481\r\nConnection: close\r\n\r\n", path)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		s.t.Errorf("%s: %s, want %d: %v", path, response.Status, want, err)
	}
	return string(body)
}

// TestEnds: a service manager's stop leaves the bans, "stop --clear" removes
// them with the table.
func TestEnds(t *testing.T) {
	s := newBareLab(t).sipward(plainSettings)
	s.save(3)
	for _, end := range []struct {
		name   string
		ending func()
		left   bool
	}{
		{"SIGTERM", func() { s.signal(syscall.SIGTERM) }, true},
		{"SIGINT", func() { s.signal(syscall.SIGINT) }, true},
		{"stop", func() { s.ask("stop") }, true},
		{"stop --clear", func() { s.ask("stop", "--clear") }, false},
	} {
		s.again()
		s.holds(3)
		end.ending()
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("%s: %v", end.name, err)
		}
		if _, err := os.Stat(filepath.Join(s.dir, "sock")); err == nil {
			t.Errorf("%s leaves the socket behind", end.name)
		}
		if there := s.tableIsThere(); there != end.left {
			t.Fatalf("%s: the table is there: %t, want %t", end.name, there, end.left)
		}
		if end.left {
			s.holds(3)
		}
	}
	// What is cleared from the kernel is still known, and comes back.
	s.again()
	s.holds(3)
}

// TestUnban: the next packet gets through, and what was held against the source
// is forgotten: it takes as much to ban it again.
func TestUnban(t *testing.T) {
	l := newLab(t)
	s := l.guard()
	c := l.client(l.attackers, attacker, 5060)
	pace := time.NewTicker(roundTrip)
	defer pace.Stop()
	guess := func() (tries int) {
		for tries = 1; tries <= 40; tries++ {
			<-pace.C
			if c.register(weakUser, fmt.Sprint("wrong", tries)) == 0 {
				break
			}
		}
		if b, _ := s.banOf(attacker); b.Action != "drop" {
			t.Fatalf("after %d tries: %+v, want a drop", tries, b)
		}
		return tries
	}
	first := guess()
	if out, code := s.ask("unban", attacker); code != 0 {
		t.Fatalf("unban: exit %d\n%s", code, out)
	}
	if answer := c.send(c.request("OPTIONS", "x", "x", "")); status(answer) != 200 {
		t.Errorf("the first packet after the unban gets %q", answer)
	}
	if b, banned := s.banOf(attacker); banned {
		t.Errorf("banned again by one packet: %+v", b)
	}
	second := guess()
	t.Logf("banned at try %d, and after the unban at try %d", first, second)
	// Five wrong passwords decide; what came before would have left fewer to do.
	if second < 5 {
		t.Errorf("it took %d tries to ban it again and %d at first", second, first)
	}
	if out, code := s.ask("unban", numbered(0)); code != 5 {
		t.Errorf("unban of somebody who is not banned: exit %d, want 5\n%s", code, out)
	}
}
