package e2e

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/control"
)

// ownFiles gives the server's programs an /etc/kamailio, a /var/log and a /run of
// their own: the lab's folder, and empty ones inside.
func (l *lab) ownFiles() {
	l.t.Helper()
	for _, folder := range []string{"log", "run/systemd/sessions"} {
		if err := os.MkdirAll(filepath.Join(l.dir, folder), 0o755); err != nil {
			l.t.Fatal(err)
		}
	}
	holder := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec",
		`mount --bind "$0" /etc/kamailio; mount --bind "$0/log" /var/log; mount --bind "$0/run" /run; echo up; exec tail -f /dev/null`, l.dir)
	out := l.start(holder, "the holder of the files")
	eventually(l.t, 10*time.Second, "the files are in place", func() bool { return out.String() == "up\n" })
	l.files = holder.Process.Pid
}

// TestNoSettings: a daemon that nobody has told anything finds the server, its
// ports, its log and its trunks, and who is logged in; it bans who attacks and
// neither trunk nor administrator.
func TestNoSettings(t *testing.T) {
	needs(t, "kamailio")
	l := newBareLab(t)
	l.ownFiles()
	const admin = "198.51.100.66"
	l.write(filepath.Join(l.dir, "run/systemd/sessions/7"), "UID=0\nUSER=root\nACTIVE=1\nSTATE=active\nREMOTE=1\nCLASS=user\nTTY=pts/0\n"+
		"REMOTE_HOST="+admin+"\nSERVICE=sshd\n")
	log := filepath.Join(l.dir, "log", "kamailio.log")
	l.write(log, "")
	l.kamailio("edge.cfg", "/etc/kamailio")
	s := l.sipward("")
	s.run("--config", s.settings, "--enforce")

	answer, _, code := l.program("status", "--json", "--socket", s.socket)
	var status control.Status
	if err := json.Unmarshal([]byte(answer), &status); code != 0 || err != nil {
		t.Fatalf("status: exit %d, %v\n%s", code, err, answer)
	}
	var found *control.ServerStatus
	for i := range status.Servers {
		if status.Servers[i].Name == "kamailio" && status.Servers[i].Settings == "/etc/kamailio/kamailio.cfg" {
			found = &status.Servers[i]
		}
	}
	if found == nil || found.PID == 0 || !slices.Contains(found.Ports, "5060/udp") || !slices.Contains(found.Ports, "5060/tcp") ||
		len(found.Logs) != 1 || len(found.Notes) > 0 {
		t.Fatalf("the server is not found with its ports and log:\n%s", answer)
	}
	var trunks []string
	for _, trunk := range status.Trunks {
		trunks = append(trunks, trunk.String())
	}
	slices.Sort(trunks)
	want := []string{trunkAddress + " (from /etc/kamailio/dispatcher.list line 1)", carrierAddress + " (from /etc/kamailio/address.list line 1)"}
	if !slices.Equal(trunks, want) || !slices.Contains(status.Listen, "5060/udp") || !slices.Contains(status.Listen, "5060/tcp") {
		t.Errorf("trunks %q, want %q; listening at %q", trunks, want, status.Listen)
	}

	// Forged packets of the trunks, and passwords that the administrator guesses.
	server := netip.MustParseAddrPort(serverAddress + ":5060")
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for n := range 500 {
		forger := &client{local: netip.AddrPortFrom(netip.MustParseAddr([]string{trunkAddress, carrierAddress}[n/2%2]), 5060)}
		number := fmt.Sprint(3000 + n)
		forged := forger.request([]string{"REGISTER", "INVITE"}[n%2], number, number, digest("1001", "guess", fmt.Sprint("invented", n)))
		l.attackers.Spoof(forger.local, server, []byte(forged))
		<-pace.C
	}
	administrator := l.client(l.attackers, admin, 5060)
	if tries := administrator.guess(t, 20); tries != 20 {
		t.Errorf("the administrator gets no answer to try %d", tries)
	}
	if why, _ := s.ask("why", admin); !strings.Contains(why, "your ssh session (root, pts/0)") {
		t.Errorf("why of the administrator:\n%s", why)
	}
	if out, code := s.ask("ban", admin); code != 6 {
		t.Errorf("a ban of the administrator: exit %d, want 6\n%s", code, out)
	}
	if tries := l.client(l.attackers, attacker, 5060).guess(t, 40); tries > 12 {
		t.Errorf("%d guesses of the attacker were answered", tries)
	}
	if file := found.Logs[0].File; file != "" { // else the journal has it, which is not ours to write to
		if file != "/var/log/kamailio.log" {
			t.Errorf("the log is %s", file)
		}
		var lines strings.Builder
		for range 12 {
			fmt.Fprintf(&lines, "%s host kamailio[%d]: NOTICE: <script>: SECURITY auth_failed si=198.51.100.31 sp=40000 proto=tls method=REGISTER user=1005 ua=\"x\"\n",
				time.Now().Format("Jan _2 15:04:05"), found.PID)
		}
		l.write(log, lines.String())
		eventually(t, 5*time.Second, "who guesses over TLS is banned", func() bool {
			b, _ := s.banOf("198.51.100.31")
			return b.Action == "drop"
		})
	}
	for _, b := range s.bans() {
		if a := b.Prefix.Addr().String(); a != attacker && a != "198.51.100.31" {
			t.Errorf("blocked: %+v", b)
		}
	}
	if list, _ := s.ask("allow", "list"); !strings.Contains(list, trunkAddress) || !strings.Contains(list, carrierAddress) {
		t.Errorf("allow list shows no trunks:\n%s", list)
	}
}
