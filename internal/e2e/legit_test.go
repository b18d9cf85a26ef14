package e2e

import (
	"fmt"
	"testing"
	"time"
)

// TestNobodyElseIsTouched: what an office does on a bad day.
func TestNobodyElseIsTouched(t *testing.T) {
	l := newLab(t)
	s := l.guard()
	for round := range 2 {
		if err := l.sipp(l.phones, "register", officeAddress, 5068+round, 1000, users(1101, 30, false)); err != nil {
			t.Errorf("thirty phones at once: %v", err)
		}
	}
	clumsy := l.client(l.phones, "203.0.113.12", 5060)
	for _, pass := range []string{"mistyped", "again", password("1003")} {
		clumsy.register("1003", pass)
	}
	if code := clumsy.register("1003", password("1003")); code != 200 {
		t.Errorf("after two mistakes the right password gives %d", code)
	}
	if err := l.sipp(l.phones, "call", trunkAddress, 5060, 100, calls(300)); err != nil {
		t.Errorf("300 calls of the trunk: %v", err)
	}
	for _, b := range s.bans() {
		t.Errorf("blocked: %+v", b)
	}
}

// TestOneBadPhoneInTheOffice: a phone with an old password tries every second;
// the other 29 notice nothing.
func TestOneBadPhoneInTheOffice(t *testing.T) {
	l := newLab(t)
	s := l.guard()
	if err := l.sipp(l.phones, "register", officeAddress, 5068, 1000, users(1101, 29, false)); err != nil {
		t.Fatal(err)
	}
	bad := l.client(l.phones, officeAddress, 5090)
	pace := time.NewTicker(time.Second)
	defer pace.Stop()
	for range 15 {
		bad.register("1130", "old password")
		<-pace.C
	}
	if err := l.sipp(l.phones, "register", officeAddress, 5069, 1000, users(1101, 29, false)); err != nil {
		t.Errorf("the 29 good phones: %v", err)
	}
	for _, b := range s.bans() {
		if b.Action == "drop" || b.Port == 0 {
			t.Errorf("blocked: %+v", b)
		}
	}
	if why, _ := s.ask("why", officeAddress); why == "" {
		t.Error("why says nothing")
	}
}

// TestCorrectedPhoneIsLimitedNoMore: somebody unknown who is limited and then
// shows that he is real is let go at once.
func TestCorrectedPhoneIsLimitedNoMore(t *testing.T) {
	l := newLab(t)
	s := l.guard()
	const address = "203.0.113.77"
	c := l.client(l.phones, address, 5060)
	for n := range 20 {
		c.send(c.request("REGISTER", fmt.Sprint(5000+n), fmt.Sprint(5000+n), ""))
		if _, limited := s.banOf(address); limited {
			break
		}
	}
	if b, limited := s.banOf(address); !limited || b.Action != "limit" {
		t.Fatalf("ban %+v, want a limit", b)
	}
	eventually(t, 10*time.Second, "the phone registers", func() bool { return c.register("1004", password("1004")) == 200 })
	if b, limited := s.banOf(address); limited {
		t.Errorf("still %+v after the right password", b)
	}
}
