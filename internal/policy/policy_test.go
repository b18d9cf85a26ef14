package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	source = netip.MustParseAddr("203.0.113.7")
	host   = netip.MustParsePrefix("203.0.113.7/32")
)

// guess is a finding that decides.
func guess(change func(*detect.Finding)) detect.Finding {
	f := detect.Finding{
		Source: source, Port: 5060, Time: noon, Rule: "guess", Class: detect.ClassGuess,
		Proof: event.GradeA, Evidence: detect.DropBound + 1, Account: "100",
	}
	if change != nil {
		change(&f)
	}
	return f
}

// setUp makes a policy without jitter, and the table it asks.
func setUp() (*Policy, *ban.Table) {
	table := ban.NewTable(ban.Limits{})
	return New(Options{Table: table, Fence: NewFence()}), table
}

// known makes the source known-good with so many accounts.
func known(table *ban.Table, accounts int) {
	for i := range accounts {
		table.Put(ban.Ban{Prefix: host, Action: ban.Pass, By: "sipward", Since: noon.Add(-time.Hour),
			Until: noon.Add(time.Hour), Accounts: []uint64{uint64(i + 1)}})
	}
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name    string
		finding detect.Finding
		good    int // accounts the source is known for
		action  ban.Action
		port    uint16
		length  time.Duration
	}{
		{"bad: nothing proven is never dropped", guess(func(f *detect.Finding) { f.Proof = event.None }), 0, ban.Limit, 0, time.Minute},
		{"bad: nothing proven about a good source", guess(func(f *detect.Finding) { f.Proof = event.None }), 1, ban.None, 0, 0},
		{"bad: a port that serves several accounts", guess(func(f *detect.Finding) { f.GoodPort, f.SharedPort = true, true }), 2, ban.None, 0, 0},
		{"bad: a good source without a port", guess(func(f *detect.Finding) { f.Port = 0 }), 1, ban.None, 0, 0},
		{"a good source is slowed on its port", guess(nil), 3, ban.Slow, 5060, 10 * time.Minute},
		{"also the port of its one account", guess(func(f *detect.Finding) { f.GoodPort = true }), 1, ban.Slow, 5060, 10 * time.Minute},
		{"a log alone, on the way", guess(func(f *detect.Finding) { f.Proof, f.Evidence = event.GradeC, detect.LimitBound }), 0, ban.Slow, 0, time.Minute},
		{"bad: packets that may be forged", guess(func(f *detect.Finding) { f.Proof = event.GradeC }), 0, ban.Slow, 0, 10 * time.Minute},
		{"bad: the same about a good source", guess(func(f *detect.Finding) { f.Proof = event.GradeC }), 1, ban.None, 0, 0},
		{"a log alone", guess(func(f *detect.Finding) { f.Proof, f.Text = event.GradeC, true }), 0, ban.Drop, 0, 10 * time.Minute},
		{"grade B", guess(func(f *detect.Finding) { f.Proof = event.GradeB }), 0, ban.Drop, 0, 10 * time.Minute},
		{"grade A", guess(nil), 0, ban.Drop, 0, 10 * time.Minute},
		{"a right password", guess(func(f *detect.Finding) { f.Class, f.AccountID = detect.ClassGood, 7 }), 0, ban.Pass, 0, 30 * 24 * time.Hour},
		{"an answer to our own call", guess(func(f *detect.Finding) { f.Class = detect.ClassGood }), 0, ban.Pass, 0, 24 * time.Hour},
		{"an answered challenge", guess(func(f *detect.Finding) { f.Class = detect.ClassProven }), 0, ban.Lift, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, table := setUp()
			known(table, test.good)
			got := p.Judge(test.finding)
			if got.Action != test.action || got.Port != test.port {
				t.Fatalf("action %s port %d, want %s port %d", got.Action, got.Port, test.action, test.port)
			}
			if test.length > 0 && got.Until.Sub(noon) != test.length {
				t.Errorf("for %s, want %s", got.Until.Sub(noon), test.length)
			}
		})
	}
}

func TestJudgeEscalates(t *testing.T) {
	p, table := setUp()
	at := noon
	for i, want := range []time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 7 * 24 * time.Hour} {
		b := p.Judge(guess(func(f *detect.Finding) { f.Time = at }))
		if got := b.Until.Sub(at); got != want {
			t.Errorf("drop %d lasts %s, want %s", i+1, got, want)
		}
		table.Put(b)
		// What is decided while it is in force is the same drop.
		if again := p.Judge(guess(func(f *detect.Finding) { f.Time = at.Add(time.Second) })); again.Until.Sub(again.Since) != want {
			t.Errorf("drop %d again lasts %s, want %s", i+1, again.Until.Sub(again.Since), want)
		}
		at = b.Until.Add(time.Second)
		table.Expire(at)
	}
}

func TestJudgeEscalationIsForgotten(t *testing.T) {
	p, table := setUp()
	table.Put(p.Judge(guess(nil)))
	table.Expire(noon.Add(time.Hour))
	later := noon.Add(31 * 24 * time.Hour)
	if b := p.Judge(guess(func(f *detect.Finding) { f.Time = later })); b.Until.Sub(later) != 10*time.Minute {
		t.Errorf("after a month a drop lasts %s, want 10m", b.Until.Sub(later))
	}
}

func TestJudgeKeepsToItsLimits(t *testing.T) {
	table := ban.NewTable(ban.Limits{})
	p := New(Options{Table: table, Fence: NewFence(), Longest: time.Minute, AllPorts: true})
	b := p.Judge(guess(nil))
	if b.Until.Sub(noon) != time.Minute || b.Scope != ban.ScopeAll {
		t.Errorf("for %s on %s, want 1m0s on all", b.Until.Sub(noon), b.Scope)
	}
}

func TestHintsHaveABudget(t *testing.T) {
	p, _ := setUp()
	drops := 0
	for i := range 1000 {
		b := p.Judge(guess(func(f *detect.Finding) {
			f.Proof, f.Text = event.GradeC, true
			f.Source = netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
			f.Time = noon.Add(time.Duration(i) * time.Millisecond)
		}))
		if b.Action == ban.Drop {
			drops++
		}
	}
	if drops != budget {
		t.Errorf("%d drops on log lines alone within a second, want %d", drops, budget)
	}
	if b := p.Judge(guess(func(f *detect.Finding) { f.Proof, f.Text, f.Time = event.GradeC, true, noon.Add(time.Hour) })); b.Action != ban.Drop {
		t.Errorf("an hour later: %s, want drop", b.Action)
	}
}

func TestJitterStaysInBounds(t *testing.T) {
	p := New(Options{Table: ban.NewTable(ban.Limits{}), Fence: NewFence(), Jitter: 0.2, Seed: 1})
	different := map[time.Duration]bool{}
	for range 1000 {
		d := p.vary(10 * time.Minute)
		if d < 8*time.Minute || d > 12*time.Minute {
			t.Fatalf("ten minutes became %s", d)
		}
		different[d] = true
	}
	if len(different) < 50 {
		t.Errorf("only %d different durations", len(different))
	}
}

func TestFenceHolds(t *testing.T) {
	f := NewFence()
	f.Set([]Post{
		{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Reason: "the default gateway"},
		{Prefix: netip.MustParsePrefix("2001:db8::5/64"), Reason: "allowed by alice"},
	})
	for prefix, reason := range map[string]string{
		"198.51.100.1/32": "", "2001:db8:1::/64": "",
		"192.0.2.1/32": "the default gateway", "192.0.2.0/24": "the default gateway", "0.0.0.0/0": "",
		"2001:db8::99/128": "allowed by alice", "127.3.2.1/32": "loopback", "::1/128": "loopback",
		"224.0.0.251/32": "multicast",
	} {
		post, held := f.Holds(netip.MustParsePrefix(prefix))
		if prefix == "0.0.0.0/0" {
			if !held {
				t.Errorf("everything overlaps somebody")
			}
			continue
		}
		if held != (reason != "") || post.Reason != reason {
			t.Errorf("%s: %v %q, want %q", prefix, held, post.Reason, reason)
		}
	}
}

// TestNamed: whom the settings name, and as what.
func TestNamed(t *testing.T) {
	if posts := Named(nil, nil, nil); len(posts) != 0 {
		t.Errorf("nobody is named, and %v is held", posts)
	}
	f := NewFence()
	f.Set(Named([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, []netip.Addr{netip.MustParseAddr("2001:db8::10")},
		[]netip.Prefix{netip.MustParsePrefix("198.51.100.20/32")}))
	for prefix, trunk := range map[string]bool{"192.0.2.7/32": false, "2001:db8::10/128": false, "198.51.100.20/32": true} {
		if post, held := f.Holds(netip.MustParsePrefix(prefix)); !held || post.Trunk != trunk || post.Reason == "" {
			t.Errorf("%s: %+v, held %v", prefix, post, held)
		}
	}
}

// TestFenceProperty: whatever is asked for, no block that touches a post
// passes, and nothing else is stopped.
func TestFenceProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
			a := netip.AddrFrom4([4]byte{198, 51, rapid.Byte().Draw(t, "b"), rapid.Byte().Draw(t, "c")})
			return netip.PrefixFrom(a, rapid.IntRange(14, 32).Draw(t, "bits")).Masked()
		})
		f := NewFence()
		var posts []Post
		for _, p := range rapid.SliceOfN(prefix, 0, 8).Draw(t, "posts") {
			posts = append(posts, Post{Prefix: p, Reason: "a post"})
		}
		f.Set(posts)
		p := New(Options{Table: ban.NewTable(ban.Limits{}), Fence: f})
		b := ban.Ban{Prefix: prefix.Draw(t, "ban"), Action: rapid.SampledFrom([]ban.Action{
			ban.Allow, ban.Pass, ban.Limit, ban.Slow, ban.Drop}).Draw(t, "action")}
		touches := false
		for _, post := range posts {
			touches = touches || post.Prefix.Contains(b.Prefix.Addr()) || b.Prefix.Contains(post.Prefix.Addr())
		}
		got := p.Fence(b)
		if stopped := got.Action == ban.None; stopped != (touches && b.Action.Blocks()) {
			t.Fatalf("%s of %s with posts %v: stopped %v", b.Action, b.Prefix, posts, stopped)
		}
		if got.Action == ban.None && !strings.Contains(got.Why, "never banned") {
			t.Fatalf("stopped without a reason: %q", got.Why)
		}
	})
}
