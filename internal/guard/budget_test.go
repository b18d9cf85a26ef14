package guard

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/event"
)

// site is a hall whose kernel really holds: what it keeps out is never seen by
// the server, so it has no answer and no outcome.
type site struct {
	*rig
	calls int
}

func newSite() *site { return &site{rig: newRig(1)} }

// held says whether the kernel keeps a source port out, as the rules of the
// nftables layer do.
func (s *site) held(from netip.AddrPort) bool {
	host := netip.PrefixFrom(from.Addr(), from.Addr().BitLen())
	live := func(kind ban.Kind, port uint16) (ban.Ban, bool) {
		b, held := s.kernel.held[ban.Key{Prefix: host, Port: port, Kind: kind}]
		return b, held && b.Live(s.now)
	}
	if b, held := live(ban.KindBlock, from.Port()); held && b.Action == ban.Hold {
		return true
	}
	b, held := live(ban.KindBlock, 0)
	_, good := live(ban.KindPass, 0)
	_, port := live(ban.KindPass, from.Port())
	return held && (b.Action == ban.Drop && !good || b.Action == ban.Hold && !(good && port))
}

// register is one registration: challenge, credentials, answer. It says whether
// the credentials reached the server.
func (s *site) register(from netip.AddrPort, account string, right bool) bool {
	s.calls++
	nonce, status := fmt.Sprint("nonce", s.calls), 401
	for step := range 2 {
		if s.held(from) {
			return false
		}
		sip := event.SIP{Method: event.REGISTER, CallID: fmt.Append(nil, "call", s.calls), Branch: fmt.Append(nil, "branch", step),
			CSeq: uint32(step + 1), ToUser: []byte(account), FromUser: []byte(account), Expires: -1}
		reply := sip
		if step == 1 {
			sip.Auth = event.Auth{Present: true, User: []byte(account), Nonce: []byte(nonce), Response: []byte("r")}
			if right {
				status = 200
			}
		}
		e := event.Event{Kind: event.Request, Time: s.now, Remote: from, Local: server, Inbound: true, Transport: event.UDP, SIP: sip}
		s.Lane(0).See(&e)
		reply.Status = status
		if status == 401 {
			reply.Auth = event.Auth{Present: true, Nonce: fmt.Appendf(nil, "nonce%d%s", s.calls, []string{"", "again"}[step])}
		}
		s.now = s.now.Add(time.Millisecond)
		e = event.Event{Kind: event.Response, Time: s.now, Remote: from, Local: server, Transport: event.UDP, SIP: reply}
		s.Lane(0).See(&e)
	}
	return true
}

// drops counts the drops ever decided.
func (s *site) drops() (n int) {
	for _, b := range s.witness.done {
		if b.Action == ban.Drop {
			n++
		}
	}
	return n
}

// TestBrokenPhoneForAWeek: it is slowed and never dropped, and registers within
// half a minute of being corrected.
func TestBrokenPhoneForAWeek(t *testing.T) {
	for _, test := range []struct {
		name        string
		pace        time.Duration
		least, most int // tries that reach the server
	}{
		{"every minute: as before", time.Minute, 7 * 24 * 60, 7 * 24 * 60},
		{"every ten seconds: one in half a minute", 10 * time.Second, 7*24*60*60/40 - 40, 7*24*60*60/30 + 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite()
			phone := netip.MustParseAddrPort("203.0.113.7:5060")
			s.register(phone, "100", true)
			tries, start := 0, s.now
			for s.now.Before(start.Add(7 * 24 * time.Hour)) {
				next := s.now.Add(test.pace)
				if s.register(phone, "100", false) {
					tries++
				}
				s.now = next
			}
			t.Logf("%d tries reached the server", tries)
			if tries < test.least || tries > test.most || s.drops() > 0 {
				t.Errorf("%d tries and %d drops, want %d to %d and none", tries, s.drops(), test.least, test.most)
			}
			corrected := s.now
			for !s.register(phone, "100", true) {
				s.now = s.now.Add(time.Second)
			}
			if waited := s.now.Sub(corrected); waited > 30*time.Second {
				t.Errorf("corrected, it registers after %s", waited)
			}
		})
	}
}

// TestStalePhoneAfterARestart: a phone whose account the table remembers is
// slowed as it was before, and not like a stranger.
func TestStalePhoneAfterARestart(t *testing.T) {
	before := newSite()
	phone := netip.MustParseAddrPort("203.0.113.7:5060")
	before.register(phone, "100", true)
	s := newSite()
	s.now = before.now.Add(time.Minute)
	for b := range before.table.Live(ban.KindPass) {
		s.Do(b)
		s.Lane(0).Recall(&b, s.now)
	}
	for start := s.now; s.now.Before(start.Add(2 * time.Hour)); {
		next := s.now.Add(10 * time.Second)
		s.register(phone, "100", false)
		s.now = next
	}
	corrected := s.now
	for !s.register(phone, "100", true) {
		s.now = s.now.Add(time.Second)
	}
	if waited := s.now.Sub(corrected); waited > 30*time.Second {
		t.Errorf("corrected, it registers after %s", waited)
	}
}

// TestSlowGuesserForDays: sixty tries a day are all that reach the server, but
// for the budget of the first, and the seven ports that make a crowd each day.
func TestSlowGuesserForDays(t *testing.T) {
	for name, port := range map[string]func(i int) uint16{
		"one port":     func(int) uint16 { return 5060 },
		"many of them": func(i int) uint16 { return uint16(20000 + i%40000) },
	} {
		s := newSite()
		s.register(netip.MustParseAddrPort("203.0.113.9:5060"), "999", true) // the hall has been open for long
		s.now = s.now.Add(2 * time.Hour)
		start := s.now
		var tries [3]int
		for i := 0; s.now.Before(start.Add(3 * 24 * time.Hour)); i++ {
			next := s.now.Add(5 * time.Second)
			if s.register(netip.AddrPortFrom(netip.MustParseAddr("198.51.100.7"), port(i)), "100", false) {
				tries[int(s.now.Sub(start)/(24*time.Hour))]++
			}
			s.now = next
		}
		t.Logf("%s: tries a day: %v", name, tries)
		if tries[0] > 90 || tries[1] > 70 || tries[2] > 70 || s.drops() > 0 {
			t.Errorf("%s: %v tries a day, %d drops", name, tries, s.drops())
		}
	}
}

// TestPhoneWithTwoLines: both lines of a phone share a source port. When one has
// a password that was never right, the other is not to be reached no more.
func TestPhoneWithTwoLines(t *testing.T) {
	for _, test := range []struct {
		pace time.Duration // of the wrong line's tries
		most time.Duration // that the right line waits for a registration
	}{
		{time.Minute, 0},
		{10 * time.Second, 30 * time.Second},
	} {
		s := newSite()
		phone := netip.MustParseAddrPort("203.0.113.7:5060")
		var longest time.Duration
		next, due := s.now, s.now
		for start := s.now; s.now.Before(start.Add(24 * time.Hour)); s.now = s.now.Add(time.Second) {
			if !s.now.Before(due) && s.register(phone, "100", true) {
				longest, due = max(longest, s.now.Sub(due)), s.now.Add(10*time.Minute)
			}
			if !s.now.Before(next) {
				s.register(phone, "200", false)
				next = s.now.Add(test.pace)
			}
		}
		longest = max(longest, s.now.Sub(due)).Truncate(time.Second)
		t.Logf("with a wrong password every %s the right line waits for %s", test.pace, longest)
		if longest > test.most || s.drops() > 0 {
			t.Errorf("with a wrong password every %s the right line waits for %s, want %s; %d drops", test.pace, longest, test.most, s.drops())
		}
	}
}

// TestOfficeWithAGuesserInside: thirty phones behind one address register as
// they always did, while somebody among them guesses ten times a second from a
// new source port each time.
func TestOfficeWithAGuesserInside(t *testing.T) {
	office := netip.MustParseAddr("203.0.113.40")
	s := newSite()
	start := s.now
	var next [30]time.Time
	for i := range next {
		next[i] = start.Add(time.Duration(i) * 7 * time.Second)
	}
	registered, refused := 0, 0
	phones := func() {
		for i := range next {
			if s.now.Before(next[i]) {
				continue
			}
			next[i] = next[i].Add(10 * time.Minute)
			if s.register(netip.AddrPortFrom(office, uint16(10000+i)), fmt.Sprint(1000+i), true) {
				registered++
			} else {
				refused++
			}
		}
	}
	for s.now.Before(start.Add(2 * time.Hour)) {
		phones()
		s.now = s.now.Add(time.Second)
	}
	attack, tries := s.now, 0
	for i := 0; s.now.Before(attack.Add(6 * time.Hour)); i++ {
		next := s.now.Add(100 * time.Millisecond)
		if s.register(netip.AddrPortFrom(office, uint16(20000+i%40000)), "7000", false) {
			tries++
		}
		phones()
		s.now = next
	}
	t.Logf("%d tries in six hours, %d registrations, %d refused", tries, registered, refused)
	if tries > 5+6*60/24+1 || refused > 0 || registered < 30*6*7 || s.drops() > 0 {
		t.Errorf("%d tries in six hours, %d registrations of phones, %d refused, %d drops", tries, registered, refused, s.drops())
	}
	// Afterwards a new phone is let in.
	s.now = s.now.Add(24 * time.Minute)
	if !s.register(netip.AddrPortFrom(office, 15000), "1099", true) {
		t.Error("when the guesser has gone, a new phone is kept out")
	}
}
