package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// attacker is the address of the attackers' host, from which the tools send.
const attacker = "198.51.100.1"

// TestPasswordCracker: svcrack has the right password at place 20 of its list
// and never gets there.
func TestPasswordCracker(t *testing.T) {
	l := newLab(t)
	s := l.guard()
	crack := l.attackers.Command("timeout", "-s", "INT", "30", "svcrack", "-x", attacker,
		"-u", weakUser, "-r", "100-200", serverAddress)
	crack.Dir = l.dir
	out, _ := crack.CombinedOutput() // its exit code says nothing
	if strings.Contains(string(out), weakPassword+" ") {
		t.Errorf("svcrack found the password:\n%s", out)
	}
	reached := l.reached(attacker)
	t.Logf("%d requests of svcrack reached the server", reached)
	if reached == 0 || reached > 8 {
		t.Errorf("%d requests of svcrack reached the server, want 1 to 8\n%s", reached, out)
	}
	b, banned := s.banOf(attacker)
	if !banned || b.Action != "drop" || b.Proof != "A" {
		t.Errorf("ban %+v, want a drop on proof A", b)
	}
	if b.Dropped == 0 {
		t.Error("the kernel's counter of the ban does not move")
	}
	// The flow was established long before the ban.
	c := l.client(l.attackers, attacker, 5060)
	if answer := c.send(c.request("OPTIONS", "x", "x", "")); answer != "" {
		t.Errorf("the banned flow is still answered: %s", answer)
	}
	why, code := s.ask("why", attacker)
	if code != 0 || !strings.Contains(why, "BLOCKED") || !strings.Contains(why, weakUser) {
		t.Errorf("why: exit %d\n%s", code, why)
	}
}

// roundTrip is how far away the tests' own attackers are: the Internet answers
// no faster.
const roundTrip = 10 * time.Millisecond

// TestGuesserInDisguise: a guesser that looks like a desk phone in everything
// it writes.
func TestGuesserInDisguise(t *testing.T) {
	l := newLab(t)
	s := l.guard()
	c := l.client(l.attackers, attacker, 5060)
	pace := time.NewTicker(roundTrip)
	defer pace.Stop()
	for guess := 100; guess < 140; guess++ {
		<-pace.C
		code := c.register(weakUser, fmt.Sprint(guess))
		if code == 200 {
			t.Fatalf("guess %d is in", guess)
		}
		if code == 0 {
			break // no answer any more
		}
	}
	reached := l.reached(attacker)
	t.Logf("%d requests reached the server; %s", reached, s.delays())
	if b, _ := s.banOf(attacker); b.Action != "drop" {
		t.Errorf("ban %+v, want a drop", b)
	}
	// Each guess of this one takes two requests: it asks for a nonce each time.
	if reached > 12 {
		t.Errorf("%d requests reached the server, want at most 12", reached)
	}
}

// TestFastGuesserInDisguise reuses the nonce it was given, so that every
// request is a guess.
func TestFastGuesserInDisguise(t *testing.T) {
	l := newLab(t)
	s := l.guard()
	c := l.client(l.attackers, attacker, 5060)
	nonce := nonceOf(c.send(c.request("REGISTER", weakUser, weakUser, "")))
	pace := time.NewTicker(roundTrip)
	defer pace.Stop()
	for guess := 100; guess < 160; guess++ {
		<-pace.C
		answer := c.send(c.request("REGISTER", weakUser, weakUser, digest(weakUser, fmt.Sprint(guess), nonce)))
		if status(answer) == 200 {
			t.Fatalf("guess %d is in", guess)
		}
		if answer == "" {
			break
		}
		nonce = nonceOf(answer)
	}
	reached := l.reached(attacker)
	t.Logf("%d requests reached the server; %s", reached, s.delays())
	if reached > 12 {
		t.Errorf("%d requests reached the server, want at most 12", reached)
	}
	if b, _ := s.banOf(attacker); b.Action != "drop" {
		t.Errorf("ban %+v, want a drop", b)
	}
}

// TestEnumerators never stop; they are limited by request 8 with the marks of
// svwar and by request 12 without any.
func TestEnumerators(t *testing.T) {
	for _, method := range []string{"REGISTER", "INVITE"} {
		t.Run("svwar "+method, func(t *testing.T) {
			l := newLab(t)
			s := l.guard()
			war := l.attackers.Command("timeout", "-s", "INT", "15", "svwar", "--force", "-x", attacker,
				"-m", method, "-e1000-1200", serverAddress)
			war.Dir = l.dir
			war.CombinedOutput() // its exit code says nothing
			if b, limited := s.banOf(attacker); !limited || b.Requests > 8 {
				t.Errorf("ban %+v, want a limit by request 8", b)
			}
		})
		t.Run("disguised "+method, func(t *testing.T) {
			l := newLab(t)
			s := l.guard()
			c := l.client(l.attackers, attacker, 5060)
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			for n := range 200 {
				number := fmt.Sprint(2000 + n)
				c.conn.Write([]byte(c.request(method, number, number, "")))
				<-pace.C
			}
			b, limited := s.banOf(attacker)
			if !limited || b.Requests > 12 {
				t.Errorf("ban %+v, want a limit by request 12", b)
			}
			// Four seconds at one a second, the burst, and what came before.
			if reached := l.reached(attacker); reached > 12+5+6 {
				t.Errorf("%d of 200 requests reached the server", reached)
			}
		})
	}
}

// TestForgedPackets: whatever address 500 forged packets bear, nobody is dropped.
func TestForgedPackets(t *testing.T) {
	l := newLab(t)
	s := l.guard()
	phone := l.client(l.phones, "203.0.113.10", 5060)
	if code := phone.register("1001", password("1001")); code != 200 {
		t.Fatalf("the phone is not registered: %d", code)
	}
	server := netip.MustParseAddrPort(serverAddress + ":5060")
	for _, victim := range []string{trunkAddress, "203.0.113.10", gateway, "203.0.113.99"} {
		forger := &client{local: netip.AddrPortFrom(netip.MustParseAddr(victim), 5060)}
		pace := time.NewTicker(2 * time.Millisecond)
		for n := range 500 {
			method := []string{"REGISTER", "INVITE"}[n%2]
			invented := digest("1001", "guess", fmt.Sprint("invented", n))
			l.attackers.Spoof(forger.local, server, []byte(forger.request(method, fmt.Sprint(3000+n), fmt.Sprint(3000+n), invented)))
			if n%100 == 50 {
				if code := phone.register("1001", password("1001")); code != 200 {
					t.Errorf("%d packets forged as %s: the phone cannot register: %d", n, victim, code)
				}
			}
			<-pace.C
		}
		pace.Stop()
	}
	if err := l.sipp(l.phones, "call", trunkAddress, 5060, 50, calls(20)); err != nil {
		t.Errorf("the trunk cannot call: %v", err)
	}
	for _, b := range s.bans() {
		if b.Action == "drop" {
			t.Errorf("dropped: %+v", b)
		}
		if a := b.Prefix.Addr().String(); a == trunkAddress || a == "203.0.113.10" || a == gateway {
			t.Errorf("limited: %+v", b)
		}
	}
}

// calls are CSV lines for call.xml.
func calls(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprint(4000 + i)
	}
	return lines
}
