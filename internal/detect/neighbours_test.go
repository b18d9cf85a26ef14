package detect

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// TestNeighbours: the try at which the addresses of a network are found out
// together, each of which does too little by itself; 0 if thirty do not.
func TestNeighbours(t *testing.T) {
	home := netip.MustParsePrefix("2001:db8:51::/64")
	const inHome = "2001:db8:51::%x"
	for _, test := range []struct {
		name     string
		address  string // of the i-th try
		accounts int    // how many different ones are tried
		hosts    int    // how many addresses take part
		result   event.Result
		proof    event.Grade
		knows    string // the account that another address of the network knows
		want     int
		whole    bool
	}{
		{"bad: of IPv4 every address is alone", "203.0.113.%d", 30, 30, event.Failed, event.GradeA, "", 0, false},
		{"bad: other networks", "2001:db8:%x::1", 30, 30, event.Failed, event.GradeA, "", 0, false},
		{"bad: a server's word alone", inHome, 30, 30, event.Failed, event.GradeC, "", 0, false},
		{"bad: a phone that changes its address", inHome, 1, 30, event.Failed, event.GradeA, "100", 0, false},
		{"six wrong passwords", inHome, 30, 30, event.Failed, event.GradeA, "", 6, true},
		{"four unknown accounts", inHome, 30, 30, event.UnknownUser, event.GradeA, "", 4, true},
		{"guesses at one account", inHome, 1, 30, event.Failed, event.GradeA, "", 6, true},
		{"two hosts are not a network", inHome, 30, 2, event.Failed, event.GradeA, "", 6, false},
		{"somebody good is among them", inHome, 30, 30, event.Failed, event.GradeA, "9000", 6, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench()
			from := func(i int) netip.AddrPort {
				return netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf(test.address, 1+i%test.hosts)), 5060)
			}
			if test.knows != "" {
				b.from = netip.MustParseAddrPort("[2001:db8:51::ffff]:5060")
				b.outcome(event.Accepted, test.knows, event.GradeA)
			}
			n, f := until(30, func(i int) []Finding {
				b.from = from(i)
				b.wait(200 * time.Millisecond)
				return b.outcome(test.result, fmt.Sprint(100+i%test.accounts), test.proof)
			})
			if n != test.want {
				t.Fatalf("found at try %d, want %d", n, test.want)
			}
			if n == 0 {
				return
			}
			if f.Source != b.from.Addr() || f.Proof != event.GradeA {
				t.Errorf("found %+v", f)
			}
			if want := (netip.Prefix{}); test.whole && f.Home != home || !test.whole && f.Home != want {
				t.Errorf("it speaks of %s", f.Home)
			}
		})
	}
}

// TestStrangers: unproven addresses of a /64 take turns. They are limited
// together, and only where several of them lead nowhere.
func TestStrangers(t *testing.T) {
	for _, test := range []struct {
		name    string
		address string
		hosts   int
		result  event.Result
		method  event.Method
		// honest is after how many others one of them heeds a challenge; 0: never.
		honest int
		want   int
	}{
		{"bad: of IPv4 every address is alone", "203.0.113.%d", 30, event.Failed, event.REGISTER, 0, 0},
		{"bad: other networks", "2001:db8:%x::1", 30, event.Failed, event.REGISTER, 0, 0},
		{"bad: an office whose phones answer in the end", "2001:db8:51::%x", 30, event.Failed, event.REGISTER, 3, 0},
		{"wrong passwords for invented nonces", "2001:db8:51::%x", 30, event.Failed, event.REGISTER, 0, 7},
		{"one who heeds a challenge now and then", "2001:db8:51::%x", 30, event.Failed, event.REGISTER, 7, 7},
		{"accounts that do not exist", "2001:db8:51::%x", 30, event.UnknownUser, event.REGISTER, 0, 4},
		{"numbers that do not exist", "2001:db8:51::%x", 30, event.UnknownUser, event.INVITE, 0, 7},
	} {
		b := newBench()
		n, f := until(30, func(i int) []Finding {
			b.from = netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf(test.address, 1+i%test.hosts)), 5060)
			b.wait(time.Second)
			if test.honest > 0 && i%(test.honest+1) == test.honest {
				return b.outcome(event.Followed, account(i), event.GradeA)
			}
			return b.ends(event.Outcome{Result: test.result, Account: account(i), Method: test.method})
		})
		if n != test.want {
			t.Fatalf("%s: found at try %d, want %d", test.name, n, test.want)
		}
		if n == 0 {
			continue
		}
		if f.Home != netip.MustParsePrefix("2001:db8:51::/64") || f.Source != b.from.Addr() || f.Proof != event.None {
			t.Errorf("%s: found %+v", test.name, f)
		}
		again, _ := until(60, func(i int) []Finding {
			b.from = netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf(test.address, 100+i)), 5060)
			b.wait(time.Second)
			return b.ends(event.Outcome{Result: test.result, Account: account(100 + i), Method: test.method})
		})
		if again != 30 {
			t.Errorf("%s: found again at try %d, want 30 seconds later", test.name, again)
		}
	}
}

// TestGoodAmongStrangers: nothing is held against who knew a password.
func TestGoodAmongStrangers(t *testing.T) {
	b := newBench()
	for i := range 30 {
		b.from = netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:51::%x", 1+i)), 5060)
		b.wait(time.Second)
		found := b.outcome(event.Accepted, account(i), event.GradeA)
		found = append(found, b.outcome(event.Failed, account(i), event.None)...)
		if got := classes(found); len(got) > 0 {
			t.Fatalf("phone %d: %v", i, got)
		}
	}
}

// TestPardonOfANeighbour: whom people pardon, the network's sums are forgotten
// for, too; what speaks for it stays.
func TestPardonOfANeighbour(t *testing.T) {
	b := newBench()
	fail := func(i int) []Class {
		b.from = netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:51::%x", 1+i)), 5060)
		b.wait(time.Second)
		return classes(b.outcome(event.Failed, fmt.Sprint(100+i), event.GradeA))
	}
	for i := range 10 {
		if i == 5 {
			b.See(&event.Event{Kind: event.Pardon, Time: b.now, Remote: b.from})
		}
		if found := fail(i); len(found) > 0 {
			t.Fatalf("try %d: %v", i+1, found)
		}
	}
	if found := fail(10); len(found) != 1 {
		t.Errorf("the sixth since: %v", found)
	}
}

// TestHostsOfASubnet: the ring counts each address once, up to its size.
func TestHostsOfASubnet(t *testing.T) {
	var n subnet
	s := Sight{Outcome: &event.Outcome{Proof: event.GradeA, Result: event.UnknownUser}}
	for i, want := range []int{1, 2, 3, 4, 5, 6, 7, 8, 8, 8} {
		s.key = uint64(i) << 8
		n.fail(&s, 0)
		n.fail(&s, 0)
		if got := n.failed.Count(); got != want {
			t.Errorf("%d hosts failed, and %d are counted", i+1, got)
		}
	}
}
