package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/crew"
	"github.com/sipward/sipward/internal/event"
)

func TestOrder(t *testing.T) {
	r := newRig(t, nil)
	r.scribe()
	r.protect("198.51.100.0/24")
	over := entry(ban.Drop, "203.0.113.9", "alice")
	over.Until = over.Since.Add(-time.Hour)
	for _, test := range []struct {
		name  string
		order ban.Ban
		kind  error
	}{
		{"bad: inside the fence", entry(ban.Drop, "198.51.100.7", "alice"), control.ErrRefused},
		{"bad: in another spelling", entry(ban.Drop, "::ffff:198.51.100.7", "alice"), control.ErrRefused},
		{"bad: over before it began", over, control.ErrInvalid},
		{"bad: no action", entry(ban.None, "203.0.113.9", "alice"), control.ErrInvalid},
		{"an address", entry(ban.Drop, "203.0.113.7", "alice"), nil},
		{"a network", entry(ban.Drop, "203.0.113.128/25", "alice"), nil},
		{"allowed inside the fence", entry(ban.Allow, "198.51.100.7", "alice"), nil},
	} {
		receipt, err := r.Order(test.order)
		if !errors.Is(err, test.kind) || test.kind == nil && err != nil {
			t.Errorf("%s: %v, want %v", test.name, err, test.kind)
		}
		if err != nil {
			var p *control.Problem
			if !errors.As(err, &p) || p.What == "" || p.Why == "" {
				t.Errorf("%s: %v does not say what and why", test.name, err)
			}
			continue
		}
		if receipt.Prefix != test.order.Key().Prefix || receipt.Action != test.order.Action.String() || receipt.Enforced {
			t.Errorf("%s: %+v", test.name, receipt)
		}
	}
	_, err := r.Order(entry(ban.Drop, "198.51.0.0/16", "alice"))
	if p, told := errors.AsType[*control.Problem](err); !told || p.Kind != control.ErrRefused ||
		p.What != "198.51.0.0/16 is not banned: 198.51.100.7 in it never may be" || p.Why != "198.51.100.7 is allowed by alice" {
		t.Errorf("a network with somebody inside: %v", err)
	}
	// What was acknowledged is on the disk.
	saved := ban.NewTable(ban.Limits{})
	if _, err := saved.Restore(r.store.Load, time.Now()); err != nil || saved.Len(ban.KindBlock)+saved.Len(ban.KindAllow) != 3 {
		t.Errorf("the store has %d blocks and %d allowed, %v", saved.Len(ban.KindBlock), saved.Len(ban.KindAllow), err)
	}
}

// TestOrderWithoutJournal: somebody is told when an order will not outlive the
// process.
func TestOrderWithoutJournal(t *testing.T) {
	r := newRig(t, nil)
	scribes := crew.New(t.Context(), func() {})
	scribes.Add(r.writer.Run)
	if err := scribes.Dismiss(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Order(entry(ban.Drop, "203.0.113.7", "alice"))
	if !errors.Is(err, ban.ErrStopped) || !strings.Contains(err.Error(), r.first.State) {
		t.Errorf("the order gives %v", err)
	}
}

func TestLift(t *testing.T) {
	for _, test := range []struct {
		name string
		lift control.Lift
		left []string
	}{
		{"bad: of nobody", control.Lift{Prefix: prefix("192.0.2.1"), Kind: ban.KindBlock}, []string{"2001:db8::/64", "203.0.113.7/32", "203.0.113.9/32"}},
		{"bad: of the other kind", control.Lift{Prefix: prefix("203.0.113.7"), Kind: ban.KindAllow}, []string{"2001:db8::/64", "203.0.113.7/32", "203.0.113.9/32"}},
		{"one", control.Lift{Prefix: prefix("203.0.113.7"), Kind: ban.KindBlock}, []string{"2001:db8::/64", "203.0.113.9/32"}},
		{"all inside", control.Lift{Prefix: prefix("203.0.113.0/24"), Kind: ban.KindBlock}, []string{"2001:db8::/64"}},
		{"all", control.Lift{All: true, Kind: ban.KindBlock}, nil},
	} {
		r := newRig(t, nil)
		r.scribe()
		for _, source := range []string{"203.0.113.7", "203.0.113.9", "2001:db8::/64"} {
			r.guard.Do(entry(ban.Drop, source, ban.Self))
		}
		test.lift.By = "alice"
		n, err := r.Lift(test.lift)
		if err != nil || n != 3-len(test.left) {
			t.Errorf("%s: %d, %v", test.name, n, err)
		}
		var left []string
		for b := range r.table.Live(ban.KindBlock) {
			left = append(left, b.Prefix.String())
		}
		slices.Sort(left)
		if !slices.Equal(left, test.left) {
			t.Errorf("%s: left %q, want %q", test.name, left, test.left)
		}
		// Every lane forgets the one source, banned at present or not, or everything.
		want := []netip.AddrPort{}
		if test.lift.Kind == ban.KindBlock && test.lift.Prefix.IsSingleIP() {
			want = []netip.AddrPort{netip.AddrPortFrom(test.lift.Prefix.Addr(), 0)}
		} else if n > 1 {
			want = []netip.AddrPort{{}}
		}
		for _, l := range r.lanes {
			got := []netip.AddrPort{}
			for range len(l.inbox) {
				e := <-l.inbox
				if got = append(got, e.Remote); e.Kind != event.Pardon {
					t.Errorf("%s: lane %d was given %+v", test.name, l.number, e)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: lane %d was told %v, want %v", test.name, l.number, got, want)
			}
		}
	}
}

// TestForgiven: an address whose ban is over begins anew when somebody says so.
func TestForgiven(t *testing.T) {
	for _, test := range []struct {
		name  string
		lift  control.Lift
		times int // of the next drop
	}{
		{"bad: taken off the allow-list", control.Lift{Prefix: prefix("203.0.113.7"), Kind: ban.KindAllow}, 2},
		{"bad: a network", control.Lift{Prefix: prefix("203.0.113.0/24"), Kind: ban.KindBlock}, 2},
		{"unbanned", control.Lift{Prefix: prefix("203.0.113.7"), Kind: ban.KindBlock}, 1},
	} {
		r := newRig(t, nil)
		r.scribe()
		over := entry(ban.Drop, "203.0.113.7", ban.Self)
		over.Since, over.Until = over.Since.Add(-time.Hour), over.Since.Add(-time.Minute)
		r.guard.Do(over)
		r.guard.Expire(time.Now())
		test.lift.By = "alice"
		if n, err := r.Lift(test.lift); n != 0 || err != nil {
			t.Errorf("%s: %d, %v", test.name, n, err)
		}
		if b := r.guard.Do(entry(ban.Drop, "203.0.113.7", ban.Self)); b.Times != test.times {
			t.Errorf("%s: the next drop is number %d, want %d", test.name, b.Times, test.times)
		}
	}
}

// TestPardonInAFlood: when log lines fill the inboxes, a pardon waits for room
// and is not lost.
func TestPardonInAFlood(t *testing.T) {
	r := newRig(t, nil)
	l := r.lanes[0]
	for range laneInbox {
		l.give(event.Event{Kind: event.Line})
	}
	pardoned := make(chan struct{})
	go func() {
		defer close(pardoned)
		l.hand(event.Event{Kind: event.Pardon})
	}()
	var last event.Event
	for range laneInbox + 1 {
		last = <-l.inbox
	}
	<-pardoned
	if last.Kind != event.Pardon || l.lost.Load() != 0 {
		t.Errorf("the last event is %+v, %d are lost", last, l.lost.Load())
	}
}

func TestWhy(t *testing.T) {
	r := newRig(t, nil)
	r.protect("198.51.100.0/24")
	drop := entry(ban.Drop, "203.0.113.7", ban.Self)
	drop.Why, drop.Requests = "it guessed", 12
	drop.Evidence = []ban.Item{{Time: drop.Since, Account: "100", What: "failed"}}
	r.guard.Do(drop)
	r.guard.Do(entry(ban.Limit, "203.0.113.8", ban.Self))
	r.guard.Do(entry(ban.Pass, "203.0.113.9", ban.Self))
	r.guard.Do(entry(ban.Drop, "203.0.113.10", ban.Self))
	r.guard.Pardon(prefix("203.0.113.10"), ban.KindBlock, "alice", time.Now())
	r.guard.Do(entry(ban.Drop, "2001:db8:1::/48", "alice"))
	r.guard.Do(entry(ban.Allow, "192.0.2.7", "alice"))
	r.guard.Do(entry(ban.Limit, "198.18.0.0/24", ban.Self))
	r.guard.Do(entry(ban.Drop, "198.18.0.7", ban.Self))
	for _, test := range []struct {
		target, verdict, why string
		entries              int
	}{
		{"nobody", control.NotSeen, "", 0},
		{"192.0.2.1", control.NotSeen, "something else is in its way", 0},
		{"300.0.2.1", control.NotSeen, "", 0}, // an account, for all we know
		{"198.51.100.7", control.NeverBan, "it is a post", 0},
		{"203.0.113.7", control.Blocked, "it guessed", 1},
		{"::ffff:203.0.113.7", control.Blocked, "it guessed", 1},
		{"203.0.113.7/32", control.Blocked, "it guessed", 1},
		{"203.0.113.8", control.Limited, "", 1},
		{"198.18.0.7", control.Blocked, "", 2}, // the drop says more than the limit around it
		{"203.0.113.0/24", control.NotBlocked, "parts of it have 2 entries", 2},
		{"2001:db8:1:2::/64", control.Blocked, "", 1},
		{"198.51.100.128/25", control.NeverBan, "a post", 0},
		{"198.51.102.0/24", control.NotSeen, "", 0},
		{"203.0.113.9", control.KnownGood, "", 1},
		{"203.0.113.10", control.NotBlocked, "something else is in its way", 1},
		{"[2001:db8:1::5060]", control.Blocked, "", 1},
		{"192.0.2.7", control.Allowed, "", 1},
		{"100", control.NotBlocked, "accounts are never blocked", 1},
	} {
		x, err := r.Why(test.target)
		if err != nil || x.Verdict != test.verdict || !strings.Contains(x.Why, test.why) || len(x.Entries) != test.entries {
			t.Errorf("%s: %+v, %v", test.target, x, err)
		}
		if x.Target != test.target || x.Mode != control.ModeMonitor || x.Layers != nil {
			t.Errorf("%s: %+v", test.target, x)
		}
	}
	if x, _ := r.Why("203.0.113.7"); x.Requests != 12 || x.First.IsZero() || len(x.Entries[0].Evidence) != 1 {
		t.Errorf("the explanation lacks something: %+v", x)
	}
}

func TestStatus(t *testing.T) {
	r := newRig(t, nil)
	r.senses.udp, r.senses.tcp = []uint16{5060, 5080}, []uint16{5061}
	r.guard.Do(entry(ban.Drop, "203.0.113.7", ban.Self))
	r.guard.Do(entry(ban.Pass, "203.0.113.9", ban.Self))
	r.guard.Do(entry(ban.Allow, "192.0.2.7", "alice"))
	r.health.Set("store", "a sentence")
	for range 7 {
		r.lanes[0].lose()
	}
	proxied := event.Event{Kind: event.Line, Remote: netip.MustParseAddrPort("127.0.0.1:40000"), Log: event.Log{Verdict: event.Hostile, Kind: event.AuthFailed}}
	r.lanes[0].give(proxied)
	proxied.Log.Kind = event.AdminFailed
	r.lanes[0].give(proxied)
	proxied.Log.Kind = event.AuthFailed
	proxied.Log.Verdict = event.Benign
	r.lanes[0].give(proxied)
	r.lanes[0].drain()
	s := r.Status()
	if s.Bans != 1 || s.Allowed != 1 || s.KnownGood != 1 || s.Mode != control.ModeMonitor || s.State != r.first.State {
		t.Errorf("status: %+v", s)
	}
	if want := []string{"5060/udp", "5080/udp", "5061/tcp"}; !slices.Equal(s.Listen, want) {
		t.Errorf("listens on %q, want %q", s.Listen, want)
	}
	if len(s.Degraded) != 2 || s.Degraded[0] != "a sentence" || !strings.Contains(s.Degraded[1], "7 ") {
		t.Errorf("degraded: %q", s.Degraded)
	}
	if len(s.Blind) != 1 || !strings.Contains(s.Blind[0], "1 refused logins from 127.0.0.1") {
		t.Errorf("blind: %q", s.Blind)
	}
	r.lanes[0].lostAt.Store(time.Now().Add(-lossStands).UnixNano())
	if s := r.Status(); len(s.Degraded) != 1 {
		t.Errorf("some quiet minutes later: %q", s.Degraded)
	}
	if len(s.Sources) != 1 || s.Sources[0].Kind != "packets" {
		t.Errorf("sources: %+v", s.Sources)
	}
	if rows := r.Bans(); len(rows) != 3 || rows[0].Prefix.Addr() != netip.MustParseAddr("203.0.113.7") {
		t.Errorf("bans: %+v", rows)
	}
}

// TestAFullInbox does not hold up whoever gives.
func TestAFullInbox(t *testing.T) {
	r := newRig(t, nil)
	l := r.lanes[0]
	for range laneInbox + 3 {
		l.give(event.Event{Kind: event.Line})
	}
	if len(l.inbox) != laneInbox || l.lost.Load() != 3 {
		t.Errorf("%d wait, %d are lost", len(l.inbox), l.lost.Load())
	}
	l.drain()
	if len(l.inbox) != 0 {
		t.Errorf("%d are left", len(l.inbox))
	}
}
