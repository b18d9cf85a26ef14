package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
)

// TestHold: who has spent the budget waits, on the narrowest part of the address
// that helps, and is never dropped.
func TestHold(t *testing.T) {
	spent := func(change func(*detect.Finding)) detect.Finding {
		return guess(func(f *detect.Finding) {
			f.Rule, f.Evidence, f.Spent, f.Ports = "budget", 0, true, 1
			change(f)
		})
	}
	for _, test := range []struct {
		name    string
		finding detect.Finding
		good    int
		action  ban.Action
		port    uint16
		length  time.Duration
	}{
		{"bad: no port is known", spent(func(f *detect.Finding) { f.Port = 0 }), 0, ban.None, 0, 0},
		{"bad: a port that serves several accounts", spent(func(f *detect.Finding) { f.SharedPort = true }), 2, ban.None, 0, 0},
		{"bad: seven ports may be a router's", spent(func(f *detect.Finding) { f.Ports = 7 }), 0, ban.Hold, 5060, detect.ForeignPace},
		{"bad: a good port is held itself", spent(func(f *detect.Finding) { f.Ports, f.GoodPort = 60, true }), 1, ban.Hold, 5060, detect.GuessPace},
		{"bad: a good port that guesses as no phone does", spent(func(f *detect.Finding) { f.Ports, f.GoodPort, f.Caught = 1, true, true }), 1, ban.Hold, 5060, detect.ForeignPace},
		{"an account of its own", spent(func(f *detect.Finding) { f.KnownAccount = true }), 1, ban.Hold, 5060, detect.GuessPace},
		{"a foreign account", spent(func(*detect.Finding) {}), 1, ban.Hold, 5060, detect.ForeignPace},
		{"eight ports, nobody good", spent(func(f *detect.Finding) { f.Ports = 8 }), 0, ban.Hold, 0, detect.ForeignPace},
		{"eight ports among good ones", spent(func(f *detect.Finding) { f.Ports = 8 }), 1, ban.Hold, 0, detect.GuessPace},
		{"three ports of a known guesser", spent(func(f *detect.Finding) { f.Ports, f.Caught = 3, true }), 1, ban.Hold, 0, detect.ForeignPace},
		{"a fast guesser with three ports", guess(func(f *detect.Finding) { f.Ports = 3 }), 1, ban.Hold, 0, detect.ForeignPace},
		{"a good port is let through", guess(func(f *detect.Finding) { f.Class = detect.ClassPort }), 1, ban.Pass, 5060, contactTime},
	} {
		p, table := setUp()
		known(table, test.good)
		got := p.Judge(test.finding)
		if got.Action != test.action || got.Port != test.port || test.length > 0 && got.Until.Sub(noon) != test.length {
			t.Errorf("%s: %d of port %d for %s, want %d of %d for %s", test.name, got.Action, got.Port, got.Until.Sub(noon),
				test.action, test.port, test.length)
		}
	}
}

// TestWholeHome: a /64 is dropped only where nobody good or protected is in it.
func TestWholeHome(t *testing.T) {
	home := netip.MustParsePrefix("2001:db8:51::/64")
	from := netip.MustParseAddr("2001:db8:51::7")
	neighbour := netip.MustParsePrefix("2001:db8:51::1/128")
	for _, test := range []struct {
		name   string
		home   netip.Prefix
		before func(*Policy, *ban.Table)
		want   netip.Prefix
	}{
		{"bad: not spoken of", netip.Prefix{}, nil, netip.PrefixFrom(from, 128)},
		{"bad: a good neighbour", home, func(_ *Policy, table *ban.Table) {
			table.Put(ban.Ban{Prefix: neighbour, Action: ban.Pass, By: ban.Self, Since: noon, Until: noon.Add(time.Hour)})
		}, netip.PrefixFrom(from, 128)},
		{"bad: a neighbour on the never-ban list", home, func(p *Policy, _ *ban.Table) {
			p.fence.Set([]Post{{Prefix: neighbour, Reason: "the gateway"}})
		}, netip.PrefixFrom(from, 128)},
		{"a neighbour that was good once", home, func(_ *Policy, table *ban.Table) {
			table.Put(ban.Ban{Prefix: neighbour, Action: ban.Pass, By: ban.Self, Since: noon.Add(-2 * time.Hour), Until: noon.Add(-time.Hour)})
		}, home},
		{"nobody else", home, nil, home},
	} {
		p, table := setUp()
		if test.before != nil {
			test.before(p, table)
		}
		got := p.Judge(guess(func(f *detect.Finding) { f.Source, f.Home = from, test.home }))
		if got.Action != ban.Drop || got.Prefix != test.want {
			t.Errorf("%s: %s of %s, want drop of %s", test.name, got.Action, got.Prefix, test.want)
		}
	}
}

// TestLimitHome: a /64 is limited around who is good in it, not where somebody
// may never be touched.
func TestLimitHome(t *testing.T) {
	home, from := netip.MustParsePrefix("2001:db8:51::/64"), netip.MustParseAddr("2001:db8:51::7")
	neighbour := netip.MustParsePrefix("2001:db8:51::1/128")
	for _, test := range []struct {
		name   string
		home   netip.Prefix
		before func(*Policy, *ban.Table)
		want   netip.Prefix
	}{
		{"bad: not spoken of", netip.Prefix{}, nil, netip.PrefixFrom(from, 128)},
		{"bad: a neighbour on the never-ban list", home, func(p *Policy, _ *ban.Table) {
			p.fence.Set([]Post{{Prefix: neighbour, Reason: "the gateway"}})
		}, netip.PrefixFrom(from, 128)},
		{"a good neighbour, whom the kernel asks for first", home, func(_ *Policy, table *ban.Table) {
			table.Put(ban.Ban{Prefix: neighbour, Action: ban.Pass, By: ban.Self, Since: noon, Until: noon.Add(time.Hour)})
		}, home},
		{"nobody else", home, nil, home},
	} {
		p, table := setUp()
		if test.before != nil {
			test.before(p, table)
		}
		got := p.Judge(guess(func(f *detect.Finding) { f.Source, f.Home, f.Proof = from, test.home, event.None }))
		if got.Action != ban.Limit || got.Prefix != test.want || got.Until.Sub(got.Since) > time.Minute {
			t.Errorf("%s: %s of %s until %s, want limit of %s", test.name, got.Action, got.Prefix, got.Until, test.want)
		}
	}
}
