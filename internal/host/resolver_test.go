package host

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// fakeDNS answers with whatever the test says at the moment.
type fakeDNS struct {
	mu      sync.Mutex
	answers map[string][]netip.Addr
	ttl     time.Duration
	err     error
	hangs   bool
	asked   map[string][]time.Time
	running int
	most    int
}

func (d *fakeDNS) lookup(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
	d.mu.Lock()
	d.asked[name] = append(d.asked[name], time.Now())
	d.running++
	d.most = max(d.most, d.running)
	answer, ttl, err, hangs := d.answers[name], d.ttl, d.err, d.hangs
	d.mu.Unlock()
	if hangs {
		<-ctx.Done()
		answer, err = nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running--
	return slices.Clone(answer), ttl, err
}

func (d *fakeDNS) say(name string, answer ...netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[name], d.err, d.hangs = answer, nil, false
}

func (d *fakeDNS) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

const trunk = "sip.example.net"

// tick is longer than in earnest, so that a week passes quickly.
const tick = 10 * time.Second

// resolving runs a resolver of names in a bubble of made-up time.
func resolving(t *testing.T, kept []Answer, names []string, test func(d *fakeDNS, r *Resolver)) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDNS{answers: map[string][]netip.Addr{}, asked: map[string][]time.Time{}}
		own := netip.MustParseAddr("192.0.2.10")
		r := NewResolver(ResolverOptions{Lookup: d.lookup, Answers: kept, Own: func(a netip.Addr) bool { return a == own }})
		r.SetNames(names)
		ctx, cancel := context.WithCancel(t.Context())
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx, ticker.C) })
		test(d, r)
		cancel()
		running.Wait()
	})
}

// after lets time pass and then all that follows happen.
func after(d time.Duration) {
	<-time.After(d + time.Millisecond)
	synctest.Wait()
}

func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func many(n int) []netip.Addr {
	var list []netip.Addr
	for i := range n {
		list = append(list, netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}))
	}
	return list
}

func wantAddresses(t *testing.T, r *Resolver, want ...netip.Addr) {
	t.Helper()
	if got := r.Addresses()[trunk]; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func wantProblem(t *testing.T, r *Resolver, part string) {
	t.Helper()
	got := strings.Join(r.Problems(), "\n")
	if part == "" && got != "" || !strings.Contains(got, part) {
		t.Errorf("problems %q, want %q", got, part)
	}
}

func TestResolverLies(t *testing.T) {
	for address, why := range map[string]string{
		"0.0.0.0": "nobody's", "::": "nobody's", "127.0.0.1": "nobody's", "::1": "nobody's", "::ffff:127.0.0.1": "nobody's",
		"224.0.0.1": "nobody's", "ff02::1": "nobody's", "255.255.255.255": "nobody's", "240.0.0.1": "nobody's", "0.1.2.3": "nobody's",
		"10.1.2.3": "private", "172.16.0.1": "private", "192.168.0.1": "private", "fd00::1": "private", "100.64.0.1": "private",
		"169.254.169.254": "link-local", "fe80::1%eth0": "link-local", "::ffff:10.0.0.1": "private",
		"192.0.2.10": "of this machine", "::ffff:192.0.2.10": "of this machine",
	} {
		resolving(t, nil, []string{trunk}, func(d *fakeDNS, r *Resolver) {
			good := addrs("203.0.113.1")[0]
			d.say(trunk, good, netip.MustParseAddr(address))
			after(tick)
			wantAddresses(t, r, good)
			wantProblem(t, r, why)
			d.say(trunk, netip.MustParseAddr(address)) // now nothing but lies
			after(3 * overlap)
			wantAddresses(t, r, good)
			wantProblem(t, r, why)
			d.say(trunk, good)
			after(time.Minute)
			wantProblem(t, r, "")
		})
	}
}

// TestResolverFlood: a thousand addresses are cut to 64, and the known ones
// are among these.
func TestResolverFlood(t *testing.T) {
	resolving(t, nil, []string{trunk}, func(d *fakeDNS, r *Resolver) {
		good := addrs("203.0.113.1", "2001:db8::1")
		d.say(trunk, good...)
		after(tick)
		d.say(trunk, append(many(1000), good...)...)
		after(usualWait)
		got := r.Addresses()[trunk]
		if len(got) != maxAddresses || !slices.Contains(got, good[0]) || !slices.Contains(got, good[1]) {
			t.Errorf("%d addresses: %v", len(got), got)
		}
		wantProblem(t, r, "answers 1002 addresses")
		for i := range 50 { // another flood each time
			d.say(trunk, many(64 * (i + 1))[64*i:]...)
			after(usualWait)
		}
		if got := r.Addresses()[trunk]; len(got) != maxAddresses {
			t.Errorf("%d addresses", len(got))
		}
	})
}

// TestResolverBlackhole: nobody waits for DNS that never answers, and it is
// not asked more than bearable.
func TestResolverBlackhole(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("sip%d.example.net", i))
	}
	resolving(t, nil, names, func(d *fakeDNS, r *Resolver) {
		d.set(func() { d.hangs = true })
		begin := time.Now()
		r.Addresses()
		r.Problems()
		r.SetNames(append(names, trunk))
		if time.Since(begin) != 0 {
			t.Errorf("somebody waited %v", time.Since(begin))
		}
		after(time.Hour)
		wantProblem(t, r, "sip7.example.net is hard to resolve")
		if d.most > maxAsking {
			t.Errorf("%d questions at a time", d.most)
		}
		for _, name := range append(names, trunk) {
			if n := len(d.asked[name]); n < 10 || n > 60 {
				t.Errorf("%s: asked %d times in an hour", name, n)
			}
		}
		d.say(trunk, addrs("203.0.113.1")...)
		after(5 * time.Minute)
		wantAddresses(t, r, addrs("203.0.113.1")...)
	})
}

// TestResolverOutage: the last good answer stands for seven days.
func TestResolverOutage(t *testing.T) {
	resolving(t, nil, []string{trunk}, func(d *fakeDNS, r *Resolver) {
		good := addrs("198.51.100.1", "203.0.113.1")
		d.say(trunk, good...)
		after(tick)
		wantProblem(t, r, "")
		d.set(func() { d.answers[trunk], d.err = nil, errors.New("no server answers") })
		after(7*24*time.Hour - time.Minute)
		wantAddresses(t, r, good...)
		wantProblem(t, r, "no server answers")
		drain(r.Changed())
		after(10 * time.Minute)
		wantAddresses(t, r)
		if !drain(r.Changed()) {
			t.Error("no token for the end")
		}
		d.say(trunk, good...)
		after(time.Minute)
		wantAddresses(t, r, good...)
	})
}

// drain takes a token if there is one.
func drain(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestResolverTurns: an address that another answer leaves out stands an hour
// longer, and that an answer is not whole takes nothing away.
func TestResolverTurns(t *testing.T) {
	resolving(t, nil, []string{trunk}, func(d *fakeDNS, r *Resolver) {
		first, second := addrs("198.51.100.1")[0], addrs("203.0.113.1")[0]
		d.say(trunk, first)
		after(tick)
		d.say(trunk, second)
		after(usualWait)
		wantAddresses(t, r, first, second)
		after(overlap)
		wantAddresses(t, r, second)
		d.set(func() { d.answers[trunk], d.err = []netip.Addr{first}, errors.New("SRV timed out") })
		after(3 * overlap)
		wantAddresses(t, r, first, second)
		drain(r.Changed())
		after(overlap)
		if drain(r.Changed()) {
			t.Error("a token for nothing new")
		}
	})
}

// TestResolverTimes: the TTL is kept to, within reason.
func TestResolverTimes(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{
		0:                   usualWait,
		-time.Second:        usualWait,
		time.Second:         shortestWait,
		10 * time.Minute:    10 * time.Minute,
		30 * 24 * time.Hour: longestWait,
	} {
		resolving(t, nil, []string{trunk}, func(d *fakeDNS, r *Resolver) {
			d.set(func() { d.ttl, d.answers[trunk] = ttl, addrs("203.0.113.1") })
			after(3 * time.Hour)
			asked := d.asked[trunk]
			if got := asked[1].Sub(asked[0]); got != want {
				t.Errorf("TTL %v: asked again after %v, want %v", ttl, got, want)
			}
		})
	}
}

// TestResolverRestart: what was known before is known at once, for what is left
// of its seven days, unless it is a lie by now.
func TestResolverRestart(t *testing.T) {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where synctest begins
	kept := []Answer{
		{trunk, netip.MustParseAddr("203.0.113.1"), start.Add(-6 * 24 * time.Hour)},
		{trunk, netip.MustParseAddr("192.0.2.10"), start},
		{"gone.example.net", netip.MustParseAddr("203.0.113.2"), start},
	}
	for _, a := range many(100) {
		kept = append(kept, Answer{"crowd.example.net", a, start})
	}
	resolving(t, kept, []string{trunk, "crowd.example.net"}, func(d *fakeDNS, r *Resolver) {
		d.set(func() { d.err = errors.New("no server answers") })
		wantAddresses(t, r, addrs("203.0.113.1")...)
		if n := len(r.Addresses()["crowd.example.net"]); n != maxAddresses {
			t.Errorf("%d addresses of one name", n)
		}
		if got := r.Answers(); len(got) != maxAddresses+1 || got[maxAddresses] != kept[0] {
			t.Errorf("to keep: %d answers, %v", len(got), got[len(got)-1])
		}
		if _, known := r.Addresses()["gone.example.net"]; known {
			t.Error("a name nobody wants is known")
		}
		after(25 * time.Hour)
		wantAddresses(t, r)
	})
}

// TestResolverNames: names come and go, also while they are asked about.
func TestResolverNames(t *testing.T) {
	resolving(t, nil, []string{trunk}, func(d *fakeDNS, r *Resolver) {
		d.set(func() { d.hangs = true })
		after(tick)
		r.SetNames([]string{"other.example.net"})
		d.say("other.example.net", addrs("203.0.113.2")...)
		after(time.Minute)
		got := r.Addresses()
		if len(got) != 1 || !slices.Equal(got["other.example.net"], addrs("203.0.113.2")) {
			t.Errorf("got %v", got)
		}
	})
}

// TestResolverModel: whatever DNS answers, in whatever order, a name stands for
// what DNS has said of it within the time allowed, and for nothing else.
func TestResolverModel(t *testing.T) {
	pool := append(many(100), addrs("2001:db8::1", "0.0.0.0", "10.0.0.1", "192.0.2.10", "127.0.0.1", "fe80::1")...)
	own := netip.MustParseAddr("192.0.2.10")
	rapid.Check(t, func(t *rapid.T) {
		r := NewResolver(ResolverOptions{Own: func(a netip.Addr) bool { return a == own }})
		r.SetNames([]string{trunk})
		said := map[netip.Addr]time.Time{} // good addresses, when DNS last gave them
		now, good := noon, time.Time{}
		for range rapid.IntRange(1, 30).Draw(t, "answers") {
			now = now.Add(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 25 * time.Hour, answerLife + 1}).Draw(t, "later"))
			answer := rapid.SliceOfN(rapid.SampledFrom(pool), 0, 80).Draw(t, "answer")
			var err error
			if rapid.Bool().Draw(t, "fails") {
				err = errors.New("fails")
			}
			r.lookup = func(context.Context, string) ([]netip.Addr, time.Duration, error) { return answer, 0, err }
			r.dueNames(now)
			r.ask(context.Background(), trunk, now)
			for _, a := range answer {
				if r.refusal(a) == "" {
					said[a], good = now, now
				}
			}
			checkModel(t, r, said, now, good)
		}
	})
}

func checkModel(t *rapid.T, r *Resolver, said map[netip.Addr]time.Time, now, good time.Time) {
	got := r.Addresses()[trunk]
	if len(got) > maxAddresses {
		t.Fatalf("%d addresses", len(got))
	}
	if now.Sub(good) > answerLife && len(got) > 0 {
		t.Fatalf("%v outlive the last answer of %v at %v", got, good, now)
	}
	for _, a := range got {
		if now.Sub(said[a]) > answerLife {
			t.Fatalf("%v at %v, but DNS said so at %v", a, now, said[a])
		}
	}
	if good.Equal(now) && len(got) == 0 {
		t.Fatal("a good answer is not used")
	}
	for a, when := range said {
		if when.Equal(now) && len(got) < maxAddresses && !slices.Contains(got, a) {
			t.Fatalf("%v is missing", a)
		}
	}
}

// TestResolverClock: a clock that is set back does not silence the resolver.
func TestResolverClock(t *testing.T) {
	r := NewResolver(ResolverOptions{Lookup: func(context.Context, string) ([]netip.Addr, time.Duration, error) {
		return addrs("203.0.113.1"), time.Hour, nil
	}})
	r.SetNames([]string{trunk})
	future := noon.AddDate(10, 0, 0)
	for _, c := range []struct {
		now time.Time
		due bool
	}{{future, true}, {future.Add(time.Minute), false}, {noon, true}, {noon.Add(time.Minute), false}, {noon.Add(time.Hour), true}} {
		due := r.dueNames(c.now)
		if (len(due) == 1) != c.due {
			t.Errorf("at %v due: %v", c.now, due)
		}
		for _, name := range due {
			r.ask(t.Context(), name, c.now)
		}
		wantAddresses(t, r, addrs("203.0.113.1")...)
	}
}

// TestResolverEnds: the end of the ticks or of the context ends Run, though a
// question is open.
func TestResolverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, end := range []func(cancel func(), ticks chan time.Time){
			func(cancel func(), _ chan time.Time) { cancel() },
			func(_ func(), ticks chan time.Time) { close(ticks) },
		} {
			d := &fakeDNS{answers: map[string][]netip.Addr{}, asked: map[string][]time.Time{}, hangs: true}
			r := NewResolver(ResolverOptions{Lookup: d.lookup})
			r.SetNames([]string{trunk})
			ctx, cancel := context.WithCancel(t.Context())
			ticks := make(chan time.Time)
			done := make(chan struct{})
			go func() {
				r.Run(ctx, ticks)
				close(done)
			}()
			ticks <- noon
			synctest.Wait()
			begin := time.Now()
			end(cancel, ticks)
			<-done
			if waited := time.Since(begin); waited != 0 {
				t.Errorf("ended after %v", waited)
			}
			wantProblem(t, r, "") // to be stopped is no fault of the name
			cancel()
		}
	})
}
