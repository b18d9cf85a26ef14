package enforce

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/nft"
	"github.com/sipward/sipward/internal/testnet"
)

// TestEntriesFindTheirSet in both families.
func TestEntriesFindTheirSet(t *testing.T) {
	l := newLab(t, false)
	for i, test := range []struct {
		name   string
		action ban.Action
		scope  ban.Scope
		port   uint16
		bits   int // of IPv4 and, from the other end, of IPv6; 0 is a host
		want   nft.Set
	}{
		{"bad: nothing to do", ban.None, 0, 0, 0, 0},
		{"bad: an allowed source is part of the fence", ban.Allow, 0, 0, 0, 0},
		{"bad: a lift is none", ban.Lift, 0, 0, 0, 0},
		{"known good", ban.Pass, 0, 0, 0, nft.KnownGood},
		{"a drop", ban.Drop, ban.ScopeSIP, 0, 0, nft.DropSIP},
		{"a drop of everything", ban.Drop, ban.ScopeAll, 0, 0, nft.DropAll},
		{"a wide drop", ban.Drop, ban.ScopeSIP, 0, 8, nft.DropSIP},
		{"a wide drop of everything", ban.Drop, ban.ScopeAll, 0, 8, nft.DropAll},
		{"a limit", ban.Limit, ban.ScopeSIP, 0, 0, nft.Limit},
		{"a slow limit", ban.Slow, ban.ScopeSIP, 0, 0, nft.LimitSlow},
		{"a slowed port", ban.Slow, ban.ScopeSIP, 5071, 0, nft.LimitPort},
		{"a held port", ban.Hold, ban.ScopeSIP, 5071, 0, nft.HoldPort},
		{"a held address", ban.Hold, ban.ScopeSIP, 0, 0, nft.Hold},
		{"a good port", ban.Pass, ban.ScopeSIP, 5071, 0, nft.GoodPort},
		{"a limited port", ban.Limit, ban.ScopeSIP, 5071, 0, nft.LimitPort},
	} {
		for _, address := range []string{fmt.Sprintf("198.51.%d.0", i), fmt.Sprintf("2001:db8:%x::", i)} {
			a := netip.MustParseAddr(address)
			b := ban.Ban{Prefix: netip.PrefixFrom(a, a.BitLen()-test.bits), Action: test.action, Scope: test.scope,
				Port: test.port, By: "alice", Since: l.now}
			before := l.content(t)
			l.put(t, b)
			if test.want == 0 {
				l.forget(b)
				l.held(t, address)
			} else {
				l.held(t, address, test.want)
			}
			l.calm(t)
			l.lift(t, b)
			if got := l.content(t); !slices.Equal(got, before) {
				t.Errorf("%s: after its end the kernel holds %v", test.name, got)
			}
		}
	}
}

// TestStrongerAndWeaker: an entry that changes its action moves from set to set,
// and is in exactly one of them.
func TestStrongerAndWeaker(t *testing.T) {
	l := newLab(t, false)
	for _, address := range []string{"198.51.100.7", "2001:db8::7"} {
		for _, step := range []struct {
			action ban.Action
			scope  ban.Scope
			want   nft.Set
		}{
			{ban.Limit, ban.ScopeSIP, nft.Limit}, {ban.Slow, ban.ScopeSIP, nft.LimitSlow}, {ban.Hold, ban.ScopeSIP, nft.Hold}, {ban.Drop, ban.ScopeSIP, nft.DropSIP},
			{ban.Drop, ban.ScopeAll, nft.DropAll}, {ban.Drop, ban.ScopeSIP, nft.DropSIP}, {ban.Limit, ban.ScopeSIP, nft.Limit},
			{ban.Drop, ban.ScopeAll, nft.DropAll}, {ban.Slow, ban.ScopeSIP, nft.LimitSlow},
		} {
			b := l.entry(step.action, address, time.Hour)
			b.Scope = step.scope
			l.put(t, b)
			l.held(t, address, step.want)
		}
		// A slowed port is another entry and stays.
		b := l.entry(ban.Slow, address, time.Hour)
		b.Port = 5071
		l.put(t, b, l.entry(ban.Drop, address, time.Hour))
		l.held(t, address, nft.DropSIP, nft.LimitPort)
		b.Action = ban.Hold
		l.put(t, b)
		l.held(t, address, nft.DropSIP, nft.HoldPort)
		l.calm(t)
	}
}

// TestStrongerSubnet: the same for an IPv6 /64.
func TestStrongerSubnet(t *testing.T) {
	l := newLab(t, false)
	b := l.entry(ban.Limit, "2001:db8::7", time.Hour)
	b.Prefix = netip.MustParsePrefix("2001:db8::/64")
	for _, step := range []struct {
		action ban.Action
		want   nft.Set
	}{{ban.Limit, nft.Limit}, {ban.Slow, nft.LimitSlow}, {ban.Drop, nft.DropSIP}, {ban.Limit, nft.Limit}, {ban.Hold, nft.Hold}} {
		b.Action = step.action
		l.put(t, b)
		for _, set := range blocking {
			states, err := l.table.Elements(set)
			must(t, err)
			if held := len(states) > 0; held != (set == step.want) {
				t.Errorf("%s of a /64: %s holds %v", step.action, set, states)
			}
		}
	}
	l.calm(t)
}

// TestMovesAreOneTransaction: there is no moment at which a source that gets a
// stronger entry is free, nor one at which a human's ban is void.
func TestMovesAreOneTransaction(t *testing.T) {
	l := newLab(t, true) // others do not see into an owned table
	limit, pass := l.entry(ban.Limit, "198.51.100.7", time.Hour), l.entry(ban.Pass, "198.51.100.8", time.Hour)
	l.put(t, limit, pass)
	monitor := l.host.Command("nft", "monitor")
	out, err := monitor.StdoutPipe()
	must(t, err)
	must(t, monitor.Start())
	defer func() {
		_ = monitor.Process.Kill()
		_ = monitor.Wait()
	}()
	lines := bufio.NewScanner(out)
	// The monitor is ready when it shows a change; so make some until it does.
	ready := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			select {
			case <-ready:
				return
			default:
				_ = l.Apply([]ban.Ban{l.entry(ban.Limit, "203.0.113.1", time.Hour)}, nil, l.now)
			}
		}
	}()
	lines.Scan()
	close(ready)
	pass.Ended = l.now
	must(t, l.Apply([]ban.Ban{l.entry(ban.Drop, "198.51.100.7", time.Hour)}, nil, l.now))
	must(t, l.Apply([]ban.Ban{l.entry(ban.Drop, "198.51.100.8", time.Hour)}, []ban.Ban{pass}, l.now))
	must(t, l.Apply([]ban.Ban{l.entry(ban.Limit, "203.0.113.99", time.Hour)}, nil, l.now)) // the end
	transactions, current := [][]string{}, []string{}
	for lines.Scan() && !strings.Contains(lines.Text(), "203.0.113.99") {
		switch text := lines.Text(); {
		case strings.HasPrefix(text, "# new generation"):
			transactions, current = append(transactions, current), nil
		case !strings.Contains(text, "203.0.113.1 "):
			verb, rest, _ := strings.Cut(text, " element inet sipward ")
			set, _, _ := strings.Cut(rest, " ")
			current = append(current, verb+" "+set)
		}
	}
	transactions = slices.DeleteFunc(transactions, func(lines []string) bool { return len(lines) == 0 })
	if len(transactions) != 2 {
		t.Fatalf("%d transactions: %q", len(transactions), transactions)
	}
	for i, gone := range []string{"delete limit4", "delete known_good4"} {
		if !slices.Contains(transactions[i], gone) || !slices.Contains(transactions[i], "add drop_sip4") {
			t.Errorf("transaction %d: %q", i+1, transactions[i])
		}
	}
}

func TestTimeouts(t *testing.T) {
	l := newLab(t, false)
	for _, text := range []string{"198.51.100.7", "2001:db8::7", "198.51.0.0/16", "2001:db8:1::/48", "2001:db8:2:3::/64"} {
		for _, length := range []time.Duration{time.Hour, 7 * 24 * time.Hour, time.Minute, 0, 10 * time.Minute, 0} {
			l.put(t, l.entry(ban.Drop, text, length))
			i := slices.IndexFunc(l.content(t), func(e nft.Element) bool { return e.Prefix == prefix(text) })
			if i < 0 || l.content(t)[i].Timeout != length {
				t.Errorf("%s for %s: the kernel holds %v", text, length, l.content(t))
			}
			l.calm(t)
		}
	}
	// What is over by now is not put in force, and what is nearly over is.
	l.put(t, l.entry(ban.Drop, "203.0.113.1", time.Nanosecond))
	over := l.entry(ban.Drop, "203.0.113.2", time.Minute)
	must(t, l.Apply([]ban.Ban{over}, nil, l.now.Add(time.Minute)))
	l.held(t, "203.0.113.2")
	must(t, l.Apply(nil, nil, l.now))
}

// TestEndings: whatever is about to run out may be in the kernel or in the table
// only, without anybody being suspected of changing the sets.
func TestEndings(t *testing.T) {
	l := newLab(t, false)
	l.calm(t) // a fresh table is filled
	kernelOnly, tableOnly := l.entry(ban.Limit, "198.51.100.7", clockSlack-time.Second), l.entry(ban.Limit, "198.51.100.8", clockSlack-time.Second)
	l.put(t, kernelOnly)
	l.forget(kernelOnly)
	l.entries = append(l.entries, tableOnly)
	l.calm(t)
	l.held(t, "198.51.100.7", nft.Limit)
	l.held(t, "198.51.100.8")
	// What lasts may not.
	l.put(t, l.entry(ban.Limit, "198.51.100.9", time.Minute))
	l.entries = append(l.entries[:0], l.entry(ban.Limit, "198.51.100.10", time.Minute))
	if n := l.sync(t); n != 2 {
		t.Errorf("%d elements differ, want one too much and one missing", n)
	}
	l.held(t, "198.51.100.9")
	l.held(t, "198.51.100.10", nft.Limit)
}

// TestFence: the never-ban list is what it was last said to be.
func TestFence(t *testing.T) {
	l := newLab(t, false)
	for _, list := range [][]string{
		{"192.0.2.0/24", "192.0.2.10", "2001:db8::/32", "::1"}, {"192.0.2.10"}, {}, {"0.0.0.0/32", "255.255.255.255/32", "ff00::/8"},
	} {
		var never []netip.Prefix
		for _, text := range list {
			never = append(never, prefix(text))
		}
		must(t, l.Fence(never))
		for _, e := range l.content(t) {
			if !slices.ContainsFunc(never, func(p netip.Prefix) bool { return p.Overlaps(e.Prefix) }) {
				t.Errorf("%v is in the list for %v", e.Prefix, list)
			}
		}
		for _, p := range never {
			l.held(t, p.Addr().String(), nft.NeverBan)
		}
		l.calm(t)
	}
}

// meddling is what somebody with a shell can do to an ordinary table.
var meddling = []string{
	"delete element inet sipward drop_sip4 { 198.51.100.7 }",
	"delete element inet sipward drop_all6 { 2001:db8::7 }",
	"delete element inet sipward known_good4 { 198.51.100.8 }",
	"delete element inet sipward limit_port4 { 198.51.100.8 . 5071 }",
	"add element inet sipward drop_all4 { 203.0.113.66 }",
	"add element inet sipward known_good4 { 203.0.113.66 timeout 1h }",
	"add element inet sipward limit6 { 2001:db8::66 }",
	"flush set inet sipward drop_sip4",
	"delete element inet sipward drop_sip4_ranges { 198.18.0.0/15 }",
	"add element inet sipward drop_sip4_ranges { 203.0.112.0/23 }",
	"add element inet sipward drop_all6_ranges { 2001:db8:66::/48 timeout 1h }",
	"flush set inet sipward drop_sip4_ranges",
	"delete element inet sipward never_ban4 { 192.0.2.10 }",
	"add element inet sipward never_ban4 { 203.0.113.0/24 }",
	"flush set inet sipward never_ban6",
	"flush table inet sipward",
	"delete table inet sipward",
	"flush ruleset",
}

// TestSyncRepairs whatever was done, and does not touch what is right.
func TestSyncRepairs(t *testing.T) {
	l := newLab(t, true)
	must(t, l.Fence([]netip.Prefix{prefix("192.0.2.10"), prefix("2001:db8:2::10")}))
	slowed := l.entry(ban.Slow, "198.51.100.8", time.Hour)
	slowed.Port = 5071
	all := l.entry(ban.Drop, "2001:db8::7", 0)
	all.Scope = ban.ScopeAll
	l.put(t, l.entry(ban.Drop, "198.51.100.7", time.Hour), l.entry(ban.Pass, "198.51.100.8", 30*24*time.Hour), slowed, all,
		l.entry(ban.Drop, "198.18.0.0/15", 0), l.entry(ban.Drop, "198.18.5.0/24", 2*time.Hour), l.entry(ban.Drop, "2001:db8:7::/48", time.Hour),
		l.entry(ban.Limit, "2001:db8::8", time.Minute))
	want := l.content(t)
	l.calm(t)
	for _, command := range meddling {
		l.host.Exec("nft", strings.Fields(command)...)
		if got := l.remains(); slices.Equal(got, want) {
			t.Fatalf("nft %s changes nothing", command)
		}
		if n := l.sync(t); n == 0 {
			t.Errorf("nft %s: nothing repaired", command)
		}
		if got := l.content(t); !slices.Equal(got, want) {
			t.Errorf("nft %s: the kernel holds\n%v\nwant\n%v", command, got, want)
		}
		l.calm(t)
	}
}

// remains is content of a table that may be gone.
func (l *lab) remains() []nft.Element {
	var all []nft.Element
	for set := nft.NeverBan; set <= nft.LimitSlow; set++ {
		states, err := l.table.Elements(set)
		if err != nil {
			return nil
		}
		for _, s := range states {
			all = append(all, s.Element)
		}
	}
	return all
}

// TestStartOverAnAdoptedTable: a new process finds what the last one left, in
// pieces where prefixes were nested, and a table that went on meanwhile.
func TestStartOverAnAdoptedTable(t *testing.T) {
	outer := func(l *lab) ban.Ban { return l.entry(ban.Drop, "198.51.100.0/24", time.Hour) }
	inner := func(l *lab) ban.Ban { return l.entry(ban.Drop, "198.51.100.16/28", 0) }
	for _, test := range []struct {
		name    string
		change  func(l *lab) // of the table while nobody kept the kernel equal
		dropped []string
		free    []string
	}{
		{"nothing happened", func(*lab) {}, []string{"198.51.100.1", "198.51.100.17", "198.51.100.200", "2001:db8:5::1"}, []string{"198.51.101.1"}},
		{"the outer one ended", func(l *lab) { l.forget(outer(l)) }, []string{"198.51.100.17"}, []string{"198.51.100.1", "198.51.100.200"}},
		{"the inner one ended", func(l *lab) { l.forget(inner(l)) }, []string{"198.51.100.1", "198.51.100.17"}, nil},
		{"both ended", func(l *lab) { l.forget(inner(l)); l.forget(outer(l)) }, nil, []string{"198.51.100.1", "198.51.100.17", "198.51.100.200"}},
		{"one came around", func(l *lab) { l.entries = append(l.entries, l.entry(ban.Drop, "198.51.0.0/16", 2*time.Hour)) },
			[]string{"198.51.7.7", "198.51.100.1", "198.51.100.17"}, []string{"198.52.0.1"}},
		{"the outer one was made to last", func(l *lab) {
			l.forget(outer(l))
			l.entries = append(l.entries, l.entry(ban.Drop, "198.51.100.0/24", 9*time.Hour))
		}, []string{"198.51.100.1", "198.51.100.17"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, false)
			l.put(t, outer(l), inner(l), l.entry(ban.Drop, "2001:db8:5::/48", 0), l.entry(ban.Drop, "203.0.113.7", time.Hour))
			must(t, l.Close(false))
			test.change(l)
			l.open(t)
			if !l.table.Adopted() {
				t.Fatal("the table is not adopted")
			}
			must(t, l.Fence(nil))
			l.sync(t)
			check := func() {
				t.Helper()
				for _, address := range test.dropped {
					l.held(t, address, nft.DropSIP)
				}
				for _, address := range test.free {
					l.held(t, address)
				}
				l.held(t, "203.0.113.7", nft.DropSIP)
			}
			check()
			l.calm(t)
			// The prefixes are known as such again: one ends, what is left stays.
			started := slices.Clone(l.entries)
			for _, b := range started {
				l.lift(t, b)
				for _, other := range l.entries {
					l.held(t, other.Prefix.Addr().String(), nft.DropSIP)
				}
				l.calm(t)
			}
			if got := l.content(t); len(got) > 0 {
				t.Errorf("when all have ended the kernel holds %v", got)
			}
			l.put(t, started...)
			check()
		})
	}
}

// TestAfterAnError the prefixes are known as such again, too.
func TestAfterAnError(t *testing.T) {
	l := newLab(t, true)
	outer := l.entry(ban.Drop, "198.51.100.0/24", time.Hour)
	l.put(t, outer, l.entry(ban.Drop, "198.51.100.16/28", 0))
	l.host.Exec("nft", "delete", "table", "inet", "sipward")
	if err := l.Apply([]ban.Ban{l.entry(ban.Drop, "203.0.113.0/25", 0)}, nil, l.now); err == nil {
		t.Fatal("a table that is gone takes an order")
	}
	if err := l.Fence([]netip.Prefix{prefix("192.0.2.10")}); err == nil {
		t.Fatal("a table that is gone takes a fence")
	}
	l.sync(t)
	l.held(t, "192.0.2.10", nft.NeverBan) // it was wanted, though refused
	l.lift(t, outer)
	l.held(t, "198.51.100.1")
	l.held(t, "198.51.100.17", nft.DropSIP)
	l.calm(t)
	if err := l.Apply([]ban.Ban{l.entry(ban.Limit, "203.0.113.0/25", 0)}, nil, l.now); err == nil {
		t.Error("a limit of a wide prefix is taken, which the kernel cannot hold")
	}
	l.calm(t)
}

func TestClose(t *testing.T) {
	for _, shared := range []bool{false, true} {
		l := newLab(t, shared)
		l.put(t, l.entry(ban.Drop, "198.51.100.7", time.Hour))
		must(t, l.Close(false))
		if out := l.host.Exec("nft", "list", "table", "inet", "sipward"); !strings.Contains(out, "198.51.100.7") {
			t.Errorf("shared %v: closing let go of bans:\n%s", shared, out)
		}
		l.open(t)
		l.held(t, "198.51.100.7", nft.DropSIP)
		l.calm(t)
		must(t, l.Close(true))
		if out := l.host.Exec("nft", "list", "tables"); out != "" {
			t.Errorf("shared %v: clearing left %s", shared, out)
		}
	}
}

// TestErrorsSayWhat: every order to a layer that was let go is refused.
func TestErrorsSayWhat(t *testing.T) {
	l := newLab(t, false)
	must(t, l.Close(true))
	_, _, err := l.Sync(l.live(), l.now)
	for what, err := range map[string]error{
		"apply bans": l.Apply([]ban.Ban{l.entry(ban.Drop, "198.51.100.7", 0)}, nil, l.now), "replace never-ban set": l.Fence(nil),
		"verify table": err, "replace protected ports": l.SetPorts([]uint16{5060}, nil), "clear table": l.Close(true),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), what+": ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, count := range []int{1, few + 1} {
		entries := slices.Repeat([]ban.Ban{l.entry(ban.Drop, "198.51.100.7", 0)}, count)
		if got := l.Dropped(entries); slices.Max(got) != 0 || len(got) != count {
			t.Errorf("dropped %d", got)
		}
	}
}

// TestDropped sends packets and counts those that are kept out.
func TestDropped(t *testing.T) {
	net := testnet.New(t)
	l := &lab{host: net.Add("server", "192.0.2.10/24", "2001:db8:2::10/64"), now: noon, options: nft.Options{UDP: []uint16{5060}}}
	outside := net.Add("outside", "203.0.113.0/24", "2001:db8:51::/48")
	l.host.ListenUDP("192.0.2.10:5060")
	l.open(t)
	slowed := l.entry(ban.Slow, "203.0.113.9", time.Hour)
	slowed.Port = 5071
	l.put(t, l.entry(ban.Drop, "203.0.113.7", time.Hour), l.entry(ban.Drop, "203.0.113.128/25", time.Hour), l.entry(ban.Drop, "2001:db8:51::7", 0),
		l.entry(ban.Drop, "2001:db8:51:1::/64", 0), l.entry(ban.Limit, "203.0.113.8", time.Hour), l.entry(ban.Pass, "203.0.113.9", time.Hour), slowed)
	for _, from := range []string{
		"203.0.113.7:5060", "203.0.113.200:5060", "[2001:db8:51::7]:5060", "[2001:db8:51:1::9]:5060", "203.0.113.8:5060", "203.0.113.9:5071", "203.0.113.9:5060",
	} {
		to := "192.0.2.10:5060"
		if from[0] == '[' {
			to = "[2001:db8:2::10]:5060"
		}
		conn := outside.DialUDP(from, to)
		for range 20 {
			_, err := conn.Write([]byte("OPTIONS sip:a@b SIP/2.0\r\n\r\n"))
			must(t, err)
		}
	}
	for _, b := range l.entries {
		want := uint64(20)
		switch {
		case b.Action == ban.Pass:
			want = 0
		case b.Action != ban.Drop:
			want = 10 // and at most the burst passes, or a little more on a slow machine
		}
		got := l.Dropped([]ban.Ban{b})[0]
		for deadline := time.After(10 * time.Second); got < want; got = l.Dropped([]ban.Ban{b})[0] {
			select {
			case <-deadline:
				t.Fatalf("%s of %s: %d dropped, want %d", b.Action, b.Prefix, got, want)
			default:
			}
		}
		if b.Action == ban.Drop && got != 20 || got > 20 {
			t.Errorf("%s of %s: %d dropped", b.Action, b.Prefix, got)
		}
	}
	nobody := []ban.Ban{l.entry(ban.Drop, "203.0.113.99", 0), l.entry(ban.Allow, "203.0.113.7", 0)}
	if got := l.Dropped(nobody); !slices.Equal(got, []uint64{0, 0}) {
		t.Errorf("nobody and an allowed source: %d dropped", got)
	}
	// One by one and from the lists, the figures are the same.
	all := l.entries
	many := slices.Concat(all, slices.Repeat(nobody, few))
	if one, listed := l.Dropped(all), l.Dropped(many); !slices.Equal(one, listed[:len(all)]) || slices.Max(listed[len(all):]) != 0 {
		t.Errorf("one by one %d, from the lists %d", one, listed)
	}
}

// TestPortsAndWatch: ports follow the settings, and meddling is told.
func TestPortsAndWatch(t *testing.T) {
	l := newLab(t, true)
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	changes, err := l.Watch(ctx)
	must(t, err)
	must(t, l.SetPorts([]uint16{5062}, []uint16{5064}))
	if out := l.host.Exec("nft", "list", "table", "inet", "sipward"); !strings.Contains(out, "5062") || !strings.Contains(out, "5064") || strings.Contains(out, "5060") {
		t.Errorf("the ports are\n%s", out)
	}
	l.host.Exec("nft", "flush", "ruleset")
	if change, open := <-changes; !open || change.Process != "nft" {
		t.Errorf("told of %+v, %v", change, open)
	}
	l.sync(t)
	l.calm(t)
}
