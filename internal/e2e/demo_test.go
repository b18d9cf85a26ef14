package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// story tells what happens: on standard output when somebody watches (`make
// demo` sets SIPWARD_DEMO), else in the test's log.
type story struct {
	t     *testing.T
	began time.Time
}

// tell says one thing, with the time since the beginning.
func (s *story) tell(format string, arguments ...any) {
	s.t.Helper()
	s.print(fmt.Sprintf("%5.1f s  ", time.Since(s.began).Seconds()) + fmt.Sprintf(format, arguments...))
}

// show gives what a program said, indented.
func (s *story) show(command, output string) {
	s.t.Helper()
	s.print("\n         $ " + command + "\n         " + strings.ReplaceAll(strings.TrimSpace(output), "\n", "\n         ") + "\n")
}

func (s *story) print(text string) {
	s.t.Helper()
	if os.Getenv("SIPWARD_DEMO") == "" {
		s.t.Log(text)
		return
	}
	fmt.Println(text)
}

// TestDemo is an attack and its end, in half a minute: a real SIP server, a real
// password cracker, and a phone that notices nothing.
func TestDemo(t *testing.T) {
	demo := &story{t: t, began: time.Now()}
	l := newLab(t)
	demo.tell("Kamailio serves SIP at %s, in a network of its own on this machine", serverAddress)
	s := l.guard()
	demo.tell("sipward guards it: mode %s", s.status().Mode)
	phone := l.client(l.phones, "203.0.113.10", 5060)
	demo.tell("the phone 203.0.113.10 registers as 1001: %d", registers(t, phone, "1001"))

	// Kamailio gives the same nonce to all who ask within a second. It would then
	// prove less, and the cracker would be limited instead of dropped.
	<-time.After(1100 * time.Millisecond)
	demo.tell("svcrack at %s begins to guess the password of %s; it is the 20th of its list", attacker, weakUser)
	crack := l.attackers.Command("timeout", "-s", "INT", "8", "svcrack", "-x", attacker, "-u", weakUser, "-r", "100-200", serverAddress)
	crack.Dir = l.dir
	said := make(chan string)
	go func() { out, _ := crack.CombinedOutput(); said <- string(out) }() // its exit code says nothing
	eventually(t, 8*time.Second, "the cracker is banned", func() bool {
		b, _ := s.banOf(attacker)
		return b.Action == "drop"
	})
	requests, took := s.decision(attacker)
	demo.tell("banned at its request %d; the kernel acted %.1f ms after that packet", requests, took)
	if strings.Contains(<-said, weakPassword+" ") {
		t.Error("svcrack found the password")
	}
	b, _ := s.banOf(attacker)
	demo.tell("svcrack gave up: %d of its packets reached Kamailio, %d ended in the kernel; the password is safe", l.reached(attacker), b.Dropped)

	why, code := s.ask("why", attacker)
	if code != 0 || !strings.Contains(why, "BLOCKED") {
		t.Errorf("why: exit %d", code)
	}
	demo.show("sipward why "+attacker, why)
	status, _ := s.ask("status")
	demo.show("sipward status", status)
	demo.tell("the phone registers once more: %d", registers(t, phone, "1001"))
	demo.tell("the end; nothing of this stays on the machine")
}

// registers registers a phone, which must work.
func registers(t *testing.T, phone *client, user string) int {
	t.Helper()
	code := phone.register(user, password(user))
	if code != 200 {
		t.Errorf("the phone of %s gets %d", user, code)
	}
	return code
}

// decision tells at which request a source was dropped, and how many
// milliseconds after that packet the kernel acted.
func (s *sipward) decision(address string) (requests int, took float64) {
	s.t.Helper()
	eventually(s.t, 5*time.Second, "the ban is in the event stream", func() bool {
		answer, _ := s.ask("events", "--json")
		for lines := bufio.NewScanner(strings.NewReader(answer)); lines.Scan(); {
			var e struct {
				Type, Prefix, Action string
				Requests             int
				TookMS               float64 `json:"took_ms"`
			}
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Type == "ban" && e.Action == "drop" && e.Prefix == address+"/32" {
				requests, took = e.Requests, e.TookMS
				return true
			}
		}
		return false
	})
	return requests, took
}
