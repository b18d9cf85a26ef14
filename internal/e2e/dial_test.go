package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// newEdge is a lab whose server runs the Kamailio of edge.cfg.
func newEdge(t *testing.T, arguments ...string) *lab {
	needs(t, "kamailio", "sipp")
	l := newBareLab(t)
	l.kamailio("edge.cfg", l.dir, append([]string{"-E"}, arguments...)...)
	return l
}

// prefixes are what people try who look for a way out to the telephone network;
// "" is none. They go on with three digits more than these, for as long as they
// are let.
var prefixes = []string{"", "00", "011", "9", "900", "+", "810", "0011"}

// TestDialPlanProbers call one number behind one prefix after the other. The
// third decides, whatever the server answers, and from then on no more reaches
// it than a limit lets pass; an office whose phones call ordinary numbers
// meanwhile is not touched.
func TestDialPlanProbers(t *testing.T) {
	l := newEdge(t)
	s := l.sipward("mode: enforce\nmetrics: off\nlisten: [{port: 5060, transport: udp}, {port: 5060, transport: tcp}]\n")
	s.again()
	probers := []struct {
		name, address, transport, action string
		cmd                              *exec.Cmd
	}{
		{"a challenge", "198.51.100.42", "u1", "limit", nil},
		{"403", "198.51.100.43", "u1", "limit", nil},
		{"404", "198.51.100.44", "u1", "limit", nil},
		{"404 over TCP", "198.51.100.45", "t1", "drop", nil},
	}
	var numbers, calls []string
	for _, prefix := range prefixes {
		numbers = append(numbers, prefix+"442079460123")
	}
	for n := range 24 {
		numbers = append(numbers, fmt.Sprint(800+n, "442079460123"))
	}
	for n := range 30 {
		user, number := 1101+n, fmt.Sprint("0207946", 1000+n)
		if n%3 == 0 {
			number = "600"
		}
		calls = append(calls, fmt.Sprintf("%d;[authentication username=%d password=%s];%s", user, user, password(fmt.Sprint(user)), number))
	}
	began := time.Now()
	for i := range probers {
		probers[i].cmd = l.probe(probers[i].address, probers[i].transport, numbers)
		if err := probers[i].cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.sipp(l.phones, "office", officeAddress, 5068, 30, calls); err != nil {
		t.Errorf("the office cannot call: %v", err)
	}
	for _, p := range probers {
		p.cmd.Wait() // its exit code tells of the calls that nobody answered
		b, _ := s.banOf(p.address)
		reached := l.reached(p.address)
		t.Logf("%s: %s at request %d, %d packets reached the port", p.name, b.Action, b.Requests, reached)
		// Three calls with the acknowledgements of their answers, and the call
		// that brings the third to light; then the burst, and one a second.
		if most := 7 + 5 + int(time.Since(began).Seconds()) + 1; b.Requests > 7 || reached > most {
			t.Errorf("%s: decided at request %d, and %d packets reached the port; want at most 7 and %d", p.name, b.Requests, reached, most)
		}
		why, _ := s.ask("why", p.address)
		if b.Action != p.action || b.Class != "fraud.dialplan" || !strings.Contains(why, "behind 3 prefixes") {
			t.Errorf("%s: %+v, want a %s at the third prefix:\n%s", p.name, b, p.action, why)
		}
	}
	for _, b := range s.bans() {
		if !strings.HasPrefix(b.Prefix.String(), "198.51.100.4") {
			t.Errorf("blocked: %+v", b)
		}
	}
}
