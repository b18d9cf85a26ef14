package main

import (
	"encoding/binary"
	"net/netip"
	"time"
)

var (
	server        = netip.MustParseAddrPort("192.0.2.10:5060")
	firstPhone    = netip.MustParseAddr("100.64.0.0")
	firstAttacker = netip.MustParseAddr("198.18.0.0")
	firstLiar     = netip.MustParseAddr("32.0.0.0")
)

const (
	// roundTrip lies between a request and its answer.
	roundTrip = 20 * time.Millisecond
	// again is how often a phone registers, and pace how often an attacker speaks.
	again = 3 * time.Minute
	pace  = time.Second
	// spacing is how far apart the phones' first registrations are.
	spacing = time.Millisecond
	// liarBits are the bits of a spoofed address that vary.
	liarBits = 26
	// every marked-th liar carries the mark of a tool, which is worth a limit.
	marked = 16
)

// crowd is everybody who speaks to the server, and the server.
type crowd struct {
	o     options
	river *river
	pen   pen
	// opens is when the flood begins; quiet when attackers stop to come.
	opens time.Duration
	step  time.Duration
	lag   int // how many liars speak within a round trip
	// Whoever waits stands in the queue of what it waits for, so that each
	// queue is in order of time.
	arriving, answered, resting, pausing queue
}

func newCrowd(o options, r *river) *crowd {
	size := o.phones + o.attackers
	c := &crowd{o: o, river: r, step: time.Second / time.Duration(o.rate), opens: time.Duration(o.phones)*spacing + time.Second,
		arriving: newQueue(size), answered: newQueue(size), resting: newQueue(size), pausing: newQueue(size)}
	c.lag = int(roundTrip / c.step)
	return c
}

// gather lets every phone register.
func (c *crowd) gather() {
	for n := range c.o.phones {
		c.resting.push(turn{at: time.Duration(n) * spacing, who: n})
	}
	c.until(c.opens)
	// The attackers come one after the other, each early enough to be found.
	during := max(0, c.o.length()-foundWithin-5*time.Second)
	for n := range c.o.attackers {
		at := c.opens + during*time.Duration(n)/time.Duration(c.o.attackers)
		c.river.attackers[n].begins = at
		c.arriving.push(turn{at: at, who: n, guess: 1})
	}
}

// lie sends the request of a spoofed source, and the answer to an earlier one.
func (c *crowd) lie(i int) {
	at := c.opens + time.Duration(i)*c.step
	c.until(at)
	m := c.liar(i)
	c.river.see(at, c.pen.request(&m))
	if i >= c.lag {
		m = c.liar(i - c.lag)
		c.river.see(at, c.pen.reply(&m, 401))
	}
}

// disperse lets time go by until every phone has registered once more.
func (c *crowd) disperse() { c.until(c.opens + c.o.length() + again + time.Second) }

// liar is the request of a spoofed source.
func (c *crowd) liar(i int) message {
	// An odd factor makes of every number another one, so no source comes twice.
	host := (uint32(i)*0x9E3779B1 + uint32(c.o.seed)) & (1<<liarBits - 1)
	m := message{
		from: netip.AddrPortFrom(address(firstLiar, int(host)), uint16(1024+host%60000)), user: host%9000 + 1000,
		id: mix(c.o.seed ^ uint64(i)<<20), cseq: 1, method: [...]string{"REGISTER", "INVITE", "OPTIONS"}[i%3],
	}
	if i%marked == 0 {
		m.tag = "70c00e8c" // of metasploit's scanner
	}
	return m
}

// turn is somebody's next message.
type turn struct {
	at    time.Duration
	who   int
	step  int
	guess uint32 // of an attacker, from 1; 0 for a phone
	round uint32 // of a phone
}

// until lets everybody speak whose turn comes before a time.
func (c *crowd) until(at time.Duration) {
	for {
		var next *queue
		for _, q := range [...]*queue{&c.arriving, &c.answered, &c.resting, &c.pausing} {
			if q.size > 0 && (next == nil || q.peek().at < next.peek().at) {
				next = q
			}
		}
		if next == nil || next.peek().at > at {
			return
		}
		t := next.pop()
		if t.guess > 0 {
			c.attack(t)
		} else {
			c.register(t)
		}
	}
}

// register is a phone's: asked, challenged, answered, in.
func (c *crowd) register(t turn) {
	m := message{
		from: netip.AddrPortFrom(address(firstPhone, t.who), uint16(1024+t.who*7%60000)), user: uint32(100_000 + t.who),
		id: mix(c.o.seed<<32 ^ uint64(t.who)<<8 ^ uint64(t.round)), cseq: 1, method: "REGISTER",
	}
	if t.step >= 2 {
		m.nonce, m.cseq = m.asked(), 2
	}
	switch t.step {
	case 0, 2:
		c.river.see(t.at, c.pen.request(&m))
	case 1:
		c.river.see(t.at, c.pen.reply(&m, 401))
	case 3:
		c.river.see(t.at, c.pen.reply(&m, 200))
		c.resting.push(turn{at: t.at - 3*roundTrip + again, who: t.who, round: t.round + 1})
		return
	}
	t.at, t.step = t.at+roundTrip, t.step+1
	c.answered.push(t)
}

// attack is an attacker's: every request answers the last challenge, wrongly.
func (c *crowd) attack(t turn) {
	m := message{
		from: netip.AddrPortFrom(address(firstAttacker, t.who), 5060), user: uint32(100_000 + t.who),
		id: mix(c.o.seed<<40 ^ uint64(t.who)), cseq: t.guess, method: "REGISTER",
	}
	if t.guess > 1 {
		before := m
		before.cseq--
		m.nonce = before.asked()
	}
	if t.step == 0 {
		c.river.see(t.at, c.pen.request(&m))
		t.at, t.step = t.at+roundTrip, 1
		c.answered.push(t)
		return
	}
	c.river.see(t.at, c.pen.reply(&m, 401))
	r := &c.river.attackers[t.who]
	if r.dropped == 0 && t.at < r.begins+2*foundWithin {
		c.pausing.push(turn{at: t.at - roundTrip + pace, who: t.who, guess: t.guess + 1})
	}
}

// queue is a ring of turns, in order of time.
type queue struct {
	ring        []turn
	first, size int
}

func newQueue(most int) queue { return queue{ring: make([]turn, most)} }

func (q *queue) push(t turn) {
	q.ring[(q.first+q.size)%len(q.ring)] = t
	q.size++
}

func (q *queue) peek() *turn { return &q.ring[q.first] }

func (q *queue) pop() turn {
	t := q.ring[q.first]
	q.first, q.size = (q.first+1)%len(q.ring), q.size-1
	return t
}

// address is the n-th address from the first on; numberOf the way back.
func address(first netip.Addr, n int) netip.Addr {
	b := first.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
	return netip.AddrFrom4(b)
}

func numberOf(a, first netip.Addr) int {
	if !a.Is4() {
		return -1
	}
	b, f := a.As4(), first.As4()
	return int(binary.BigEndian.Uint32(b[:])) - int(binary.BigEndian.Uint32(f[:]))
}

// mix makes any number look like any other (Steele et al. 2014, SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
