package guard

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/policy"
)

// clockwork is a witness that writes down the lane's time whenever an entry
// runs out: an entry that ends at every second shows every tick.
type clockwork struct {
	listener
	lane *Lane
	told []time.Time
}

// Done implements Witness.
func (c *clockwork) Done(b ban.Ban) {
	if !b.Ended.IsZero() {
		c.told = append(c.told, c.lane.Now())
	}
}

// newClockwork makes a hall whose entries run out one a second, from a second
// after begin on, for so many seconds.
func newClockwork(begin time.Time, seconds int) (*Lane, *clockwork) {
	r := newRig(1)
	for i := range seconds {
		r.Do(ban.Ban{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)}), 32), Action: ban.Drop,
			By: ban.Self, Since: begin, Until: begin.Add(time.Duration(i+1) * time.Second)})
	}
	c := &clockwork{lane: r.Lane(0)}
	r.Guard.witness = c
	return c.lane, c
}

// different counts the moments at which something ran out.
func different(times []time.Time) int {
	seen := map[time.Time]bool{}
	for _, at := range times {
		seen[at] = true
	}
	return len(seen)
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		name  string
		at    []time.Duration // of the events
		first time.Duration   // when the first entry is found over
		ticks int
		end   time.Duration // the lane's time
	}{
		{"bad: no event", nil, 0, 0, -1},
		{"bad: one event", []time.Duration{0}, 0, 0, 0},
		{"bad: backwards", []time.Duration{300 * time.Millisecond, -time.Hour}, 0, 0, 300 * time.Millisecond},
		{"within a second", []time.Duration{0, 999 * time.Millisecond}, 0, 0, 999 * time.Millisecond},
		{"on the second", []time.Duration{0, time.Second}, time.Second, 1, time.Second},
		{"every whole second on the way", []time.Duration{500 * time.Millisecond, 5700 * time.Millisecond}, time.Second, 5, 5700 * time.Millisecond},
		{"and again from there", []time.Duration{500 * time.Millisecond, 5700 * time.Millisecond, 8 * time.Second}, time.Second, 8, 8 * time.Second},
		{"a minute", []time.Duration{0, time.Minute}, time.Second, 60, time.Minute},
		{"a lull is cut", []time.Duration{0, 500 * time.Second}, 436 * time.Second, 65, 500 * time.Second},
		{"an hour", []time.Duration{0, time.Hour}, time.Hour - lull, 1, time.Hour}, // all is over at its first tick
		{"late events get the present", []time.Duration{0, 10 * time.Second, 3 * time.Second, 11 * time.Second}, time.Second, 11, 11 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			lane, c := newClockwork(noon, 600)
			for _, at := range test.at {
				e := event.Event{Kind: event.Junk, Time: noon.Add(at), Remote: server, Local: server}
				before := lane.Now()
				lane.See(&e)
				if e.Time.Before(before) {
					t.Errorf("an event at %s goes back behind %s", e.Time, before)
				}
			}
			if len(test.at) == 0 {
				lane.Finish()
			} else if want := noon.Add(test.end); !lane.Now().Equal(want) {
				t.Errorf("the lane's time is %s, want %s", lane.Now(), want)
			}
			if n := different(c.told); n != test.ticks {
				t.Errorf("%d ticks, want %d", n, test.ticks)
			}
			if len(c.told) > 0 && !c.told[0].Equal(noon.Add(test.first)) {
				t.Errorf("the first at %s, want %s", c.told[0].Sub(noon), test.first)
			}
		})
	}
}

// TestFinish lets every window run out.
func TestFinish(t *testing.T) {
	lane, c := newClockwork(noon, 100)
	lane.See(&event.Event{Kind: event.Junk, Time: noon, Remote: server, Local: server})
	lane.Finish()
	if n := different(c.told); n != 64 || !lane.Now().Equal(noon.Add(lull)) {
		t.Errorf("%d ticks up to %s, want 64 up to 1m4s", n, lane.Now().Sub(noon))
	}
}

// TestHostileClock: a capture may claim any time; a jump over all there is
// costs 65 ticks, and jumping back none.
func TestHostileClock(t *testing.T) {
	begin := time.Unix(0, 0)
	lane, c := newClockwork(begin, 0)
	for i := range 1000 {
		at := begin
		if i%2 == 1 {
			at = time.Unix(1<<32-1, 0) // the last that a capture can say: 2106
		}
		lane.See(&event.Event{Kind: event.Junk, Time: at, Remote: server, Local: server})
	}
	if !lane.Now().Equal(time.Unix(1<<32-1, 0)) || len(c.told) > 0 {
		t.Errorf("the lane's time is %s", lane.Now())
	}
	lane, c = newClockwork(time.Unix(1<<32-1000, 0), 900)
	lane.Advance(begin)
	lane.Advance(time.Unix(1<<32-1, 0))
	if n := different(c.told); n != 1 || len(c.told) != 900 {
		t.Errorf("%d entries ran out at %d ticks, want all 900 at the first", len(c.told), n)
	}
}

// message is a SIP message of a guesser or of the server that answers it.
func message(kind event.Kind, remote netip.AddrPort, at time.Time, n int, status int) *event.Event {
	call := []byte(fmt.Sprint(remote, n/2))
	e := &event.Event{Kind: kind, Time: at, Remote: remote, Local: server, Inbound: kind == event.Request, Transport: event.UDP,
		SIP: event.SIP{Method: event.REGISTER, Status: status, CallID: call, CSeq: uint32(n % 2), ToUser: []byte("100"), Expires: -1,
			Branch: []byte(fmt.Sprint("z9hG4bK", n))}}
	nonce := []byte(fmt.Sprint("nonce", remote, n/2))
	if kind == event.Response {
		e.SIP.Auth = event.Auth{Present: status == 401, Nonce: nonce}
	} else if n%2 == 1 {
		e.SIP.Auth = event.Auth{Present: true, User: []byte("100"), Nonce: nonce, Response: []byte(fmt.Sprint(n))}
	}
	return e
}

// exchange lets a source register once: asked, challenged, answered, refused or let in.
func exchange(lane *Lane, remote netip.AddrPort, at time.Time, n, status int) {
	lane.See(message(event.Request, remote, at, 2*n, 0))
	lane.See(message(event.Response, remote, at.Add(time.Millisecond), 2*n, 401))
	lane.See(message(event.Request, remote, at.Add(20*time.Millisecond), 2*n+1, 0))
	lane.See(message(event.Response, remote, at.Add(21*time.Millisecond), 2*n+1, status))
}

func guesser(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 5060)
}

// TestSeeWalksTheWholeRoad from packets to the kernel.
func TestSeeWalksTheWholeRoad(t *testing.T) {
	r := newRig(1)
	for i := range 8 {
		exchange(r.Lane(0), guesser(1), noon.Add(time.Duration(i)*time.Second), i, 403)
		exchange(r.Lane(0), guesser(2), noon.Add(time.Duration(i)*time.Second), i, 200)
	}
	r.now = r.Lane(0).Now()
	r.verdict(t, guesser(1).Addr().String(), "drop")
	r.verdict(t, guesser(2).Addr().String(), "known")
	if b, _ := r.table.Get(ban.Key{Prefix: prefix(guesser(1).Addr().String()), Kind: ban.KindBlock}); b.Requests == 0 || b.Proof != "A" || len(b.Evidence) == 0 {
		t.Errorf("the drop: %+v", b)
	}
	// A human's pardon reaches the lane as an event; the next packet bans nobody.
	r.Pardon(prefix(guesser(1).Addr().String()), ban.KindBlock, "alice", r.now)
	r.Lane(0).See(&event.Event{Kind: event.Pardon, Time: r.now, Remote: guesser(1)})
	exchange(r.Lane(0), guesser(1), r.now.Add(time.Second), 100, 403)
	r.now = r.Lane(0).Now()
	r.verdict(t, guesser(1).Addr().String(), "pass")
}

// TestLanesTogether: four lanes see, people order and pardon, the fence moves
// and the kernel is compared, all at once. In the end kernel and table agree.
func TestLanesTogether(t *testing.T) {
	const lanes, sources, rounds = 4, 12, 12
	r := newRig(lanes)
	var work sync.WaitGroup
	for n := range lanes {
		work.Go(func() {
			for i := range rounds {
				for s := range sources {
					exchange(r.Lane(n), guesser(n<<8|s), noon.Add(time.Duration(i)*time.Second), i, []int{403, 200}[s%2])
				}
			}
		})
	}
	at := noon.Add(time.Second)
	for _, deed := range []func(i int){
		func(i int) { r.order(ban.Drop, guesser(i).Addr().String()) },
		func(i int) { r.Pardon(prefix(guesser(i).Addr().String()), ban.KindBlock, "alice", at) },
		func(i int) {
			r.Protect([]policy.Post{{Prefix: prefix(guesser(i % 3).Addr().String()), Reason: "a post"}}, at)
		},
		func(int) { r.Sync(at) },
		func(int) { r.Layer(); r.Dropped([]ban.Ban{{Prefix: prefix("198.51.100.7"), Action: ban.Drop}}) },
	} {
		work.Go(func() {
			for i := range 100 {
				deed(i)
			}
		})
	}
	work.Wait()
	r.now = at
	r.protect("198.51.2.2")
	if err := r.equal(); err != nil {
		t.Error(err)
	}
	r.verdict(t, "198.51.2.2", "never")
	dropped := 0
	for b := range r.table.Live(ban.KindBlock) {
		if b.Action == ban.Drop {
			dropped++
		}
	}
	// Half of the sources guess. Those of the first lane are pardoned at any
	// moment, and one of another is protected in the end.
	if want := (lanes-1)*sources/2 - 1; dropped < want {
		t.Errorf("%d sources dropped, want at least %d", dropped, want)
	}
	if n := len(r.witness.troubles); n > 0 {
		t.Errorf("%d troubles: %v", n, r.witness.troubles[0])
	}
}
