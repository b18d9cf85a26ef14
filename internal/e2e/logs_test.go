package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// securityLog is a file as Asterisk's security channel writes it.
type securityLog struct {
	t    *testing.T
	path string
	file *os.File
}

func (l *lab) securityLog() *securityLog {
	l.t.Helper()
	s := &securityLog{t: l.t, path: filepath.Join(l.dir, "security.log")}
	var err error
	if s.file, err = os.OpenFile(s.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { s.file.Close() })
	return s
}

// failed writes that a wrong answer to a challenge came from a source.
func (s *securityLog) failed(account, call, transport, source string) {
	s.t.Helper()
	now := time.Now()
	_, err := fmt.Fprintf(s.file, `[%s] SECURITY[812] res_security_log.c: SecurityEvent="ChallengeResponseFailed",EventTV="%s",Severity="Error",`+
		`Service="PJSIP",EventVersion="1",AccountID="%s",SessionID="%s",LocalAddress="IPV4/%[5]s/%[6]s/5060",RemoteAddress="IPV4/%[5]s/%[7]s/5060",`+
		`Challenge="1795351367/1862b9799727406132c0a03eb9d90d05",Response="64045a2c498c1d79",ExpectedResponse=""`+"\n",
		now.Format(time.DateTime), now.Format("2006-01-02T15:04:05.000-0700"), account, call, transport, serverAddress, source)
	if err != nil {
		s.t.Fatal(err)
	}
}

// settings follow the log and watch the wire.
func (s *securityLog) settings() string {
	return "mode: enforce\nmetrics: off\nlisten: [{port: 5060, transport: udp}]\nlogs: [{file: " + s.path + ", format: asterisk}]\n"
}

// linesRead is how many lines of the log the daemon has seen since it started.
func (s *sipward) linesRead() int {
	s.t.Helper()
	for _, source := range s.status().Sources {
		if source.Kind == "log" {
			return int(source.Events)
		}
	}
	return -1
}

// TestLogAndWire: a line about a request that was seen on the wire counts once,
// one about a source that never sent anything there counts nothing, and one
// about an encrypted connection is all there is and counts.
func TestLogAndWire(t *testing.T) {
	l := newLab(t)
	log := l.securityLog()
	s := l.sipward(log.settings())
	s.again()
	lines := 0

	// Two sources do the same; the log tells of one of them.
	requests := map[string]int{}
	for n, source := range []string{"198.51.100.20", "198.51.100.21"} {
		c := l.client(l.attackers, source, 5060)
		for guess := range 40 {
			challenged := c.send(c.request("REGISTER", weakUser, weakUser, ""))
			message := c.request("REGISTER", weakUser, weakUser, digest(weakUser, fmt.Sprint("guess", guess), nonceOf(challenged)))
			if c.send(message) == "" {
				break
			}
			if n == 0 {
				log.failed(weakUser, strings.TrimPrefix(callID(message), "Call-ID: "), "UDP", source)
				lines++
				eventually(t, 5*time.Second, "the line is read", func() bool { return s.linesRead() == lines })
			}
		}
		b, _ := s.banOf(source)
		if b.Action != "drop" || b.Proof == "none" {
			t.Fatalf("%s: %+v, want a drop", source, b)
		}
		requests[source] = b.Requests
	}
	t.Logf("requests at the ban, with lines and without: %v", requests)
	if lines < 3 || requests["198.51.100.20"] != requests["198.51.100.21"] {
		t.Errorf("with %d lines the ban took %d requests, without any %d: want the same", lines,
			requests["198.51.100.20"], requests["198.51.100.21"])
	}

	// A liar, and somebody on an encrypted connection.
	for n := range 40 {
		log.failed(fmt.Sprint(1000+n), fmt.Sprint("invented", n), "UDP", "203.0.113.99")
		log.failed(fmt.Sprint(1000+n), fmt.Sprint("hidden", n), "TLS", "198.51.100.30")
		lines += 2
	}
	eventually(t, 5*time.Second, "the lines are read", func() bool { return s.linesRead() == lines })
	eventually(t, 5*time.Second, "the one who guesses over TLS is banned", func() bool {
		b, _ := s.banOf("198.51.100.30")
		return b.Action == "drop" && b.Proof == "B"
	})
	if b, blocked := s.banOf("203.0.113.99"); blocked {
		t.Errorf("lines alone, about an address that the wire never saw, made %+v", b)
	}
	s.sound()
}

// TestLogGoesOn: a daemon that comes back reads on where the last one stopped,
// however that ended.
func TestLogGoesOn(t *testing.T) {
	l := newBareLab(t)
	log := l.securityLog()
	write := func(lines int, source string) {
		for n := range lines {
			log.failed(fmt.Sprint(2000+n), fmt.Sprint(source, n), "TLS", source)
		}
	}
	write(100, "198.51.100.40") // before there was any sipward: none of its business
	s := l.sipward(log.settings())
	s.again()
	write(30, "198.51.100.41")
	eventually(t, 5*time.Second, "30 lines are read", func() bool { return s.linesRead() == 30 })
	if _, banned := s.banOf("198.51.100.40"); banned {
		t.Error("banned for what the log told long before the first start")
	}
	for name, end := range map[string]func(){"stop": func() { s.ask("stop"); s.cmd.Wait() }, "kill": s.kill} {
		<-time.After(time.Second) // how far it has read is saved five times a second
		end()
		write(20, "198.51.100.42")
		s.again()
		eventually(t, 5*time.Second, "20 lines are read", func() bool { return s.linesRead() >= 20 })
		write(1, "198.51.100.43")
		eventually(t, 5*time.Second, "one more line is read", func() bool { return s.linesRead() >= 21 })
		if n := s.linesRead(); n != 21 {
			t.Errorf("after a %s %d lines are read, want the 21 new ones", name, n)
		}
	}
	for _, source := range []string{"198.51.100.41", "198.51.100.42"} {
		if b, _ := s.banOf(source); b.Action != "drop" {
			t.Errorf("%s: %+v, want a drop", source, b)
		}
	}
}

// TestLogOfKamailio: a real Kamailio's log is all there is to see of TLS. The line
// that docs/kamailio-and-opensips.md proposes bans the guesser;
// that pike has had enough of an office is no reason to ban it.
func TestLogOfKamailio(t *testing.T) {
	l := newEdge(t, "-A", "PIKE", "-A", "TLS")
	log := filepath.Join(l.dir, "kamailio.log")
	read := func() int { text, _ := os.ReadFile(log); return strings.Count(string(text), "\n") }
	before := read()
	s := l.sipward("mode: enforce\nmetrics: off\nlisten: [{port: 5060, transport: udp}]\nlogs: [{file: " + log + ", format: kamailio}]\n")
	s.again()
	guesser := &client{conn: l.attackers.DialTCP("198.51.100.70:40000", serverAddress+":5061"), local: netip.MustParseAddrPort("198.51.100.70:40000")}
	pace := time.NewTicker(200 * time.Millisecond) // pike lets 30 requests pass in two seconds
	defer pace.Stop()
	guesses := 0
	for b := (block{}); b.Action != "drop" && guesses < 15; guesses++ {
		if code := guesser.register(weakUser, fmt.Sprint("guess", guesses)); code != 401 {
			t.Errorf("guess %d: %d", guesses, code)
		}
		<-pace.C
		b, _ = s.banOf("198.51.100.70")
	}
	b, _ := s.banOf("198.51.100.70")
	t.Logf("banned by its log lines after %d guesses: %+v", guesses, b)
	if b.Action != "drop" || b.Proof != "B" || b.Class != "auth.guess" {
		t.Errorf("ban %+v, want a drop for guessing", b)
	}

	office := l.client(l.phones, officeAddress, 5060)
	for range 60 {
		office.conn.Write([]byte(office.request("OPTIONS", "1101", "1101", "")))
	}
	eventually(t, 5*time.Second, "pike blocks the office", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "ALERT: pike blocking OPTIONS from sip:1101@"+serverAddress+" (IP:"+officeAddress)
	})
	eventually(t, 5*time.Second, "all lines are read", func() bool { return s.linesRead() >= read()-before })
	if b, blocked := s.banOf(officeAddress); blocked {
		t.Errorf("the office is blocked with pike: %+v", b)
	}
	s.sound()
}
