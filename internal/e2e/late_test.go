package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLateServer: a SIP server that starts after sipward, on another port than
// the usual, is found, and its packets are judged.
func TestLateServer(t *testing.T) {
	needs(t, "kamailio")
	l := newBareLab(t)
	s := l.sipward("metrics: off\n")
	s.run("--config", s.settings)
	if s.watches("5090/udp") {
		t.Fatal("the port is watched already")
	}
	settings, err := os.ReadFile("testdata/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	l.write(filepath.Join(l.dir, "kamailio.cfg"), strings.Replace(string(settings), serverAddress+":5060", serverAddress+":5090", 1))
	l.write(filepath.Join(l.dir, "users.cfg"), "")
	l.start(l.server.Command("kamailio", "-DD", "-E", "-f", filepath.Join(l.dir, "kamailio.cfg"),
		"-m", "64", "-M", "8", "-P", filepath.Join(l.dir, "kamailio.pid"), "-Y", l.dir), "kamailio")
	eventually(t, 60*time.Second, "the server is found", func() bool { return s.watches("5090/udp") })
	conn := l.phones.DialUDP("203.0.113.77:5060", serverAddress+":5090")
	eventually(t, 10*time.Second, "its packets are judged", func() bool {
		conn.Write([]byte("OPTIONS sip:x SIP/2.0\r\n\r\n"))
		return s.status().Sources[0].Events > 0
	})
}

// watches says that the daemon watches a port.
func (s *sipward) watches(port string) bool { return slices.Contains(s.status().Listen, port) }
