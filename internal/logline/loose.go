package logline

import (
	"net/netip"
	"slices"

	"github.com/sipward/sipward/internal/logline/line"
)

// This file is for servers that print a packet into a log as it came, line breaks
// and all, and end it with a sign that the packet may hold. Their own lines begin
// with the number of a process; that is all that an outsider does not know. In a
// container such a number is small, and can be guessed.

const (
	// fewest is the least number of a process that counts as unknown outside.
	fewest = 100
	// nearby is how far the numbers of one server's processes are apart, at most.
	nearby = 1000
)

// putLoose takes a line while a packet is quoted that only its own server can end.
func (r *Reader) putLoose(held *heldLine) {
	quote := &r.quote
	quote.left -= len(held.text) + 1
	switch {
	case held.Whole && held.Thread == quote.thread && held.Thread >= fewest:
		// It has gone on. What an unknown process is said to have written since the
		// end mark is not released: the packet may have gone on behind that mark.
		if quote.doubt {
			r.quoteAll(r.queue[r.judged : len(r.queue)-1])
		}
		*quote = quoted{}
		return
	case held.Whole && (quote.doubt || r.knows(held.Thread)):
		return // another process, or perhaps the packet: the next lines tell
	}
	if held.Whole || quote.inside || len(held.text) > 0 {
		r.quoteAll(r.queue[r.judged:])
		quote.inside, quote.doubt = true, false
	}
	if !held.Whole && line.HasSuffix(held.text, quote.End) {
		quote.inside, quote.doubt = false, true
	}
	if quote.left <= 0 {
		*quote = quoted{}
	}
}

// quoteAll takes lines for part of the packet, but those of known processes.
func (r *Reader) quoteAll(lines []*heldLine) {
	for _, waiting := range lines {
		if !r.knows(waiting.Thread) {
			waiting.quote(&r.quote)
		}
	}
}

// meet remembers a process that has spoken outside of any packet. Behind a line
// that may end in an outsider's text, a stranger may be the rest of that text: the
// processes of one server have numbers near each other.
func (r *Reader) meet(held *heldLine) {
	if r.quote.Loose || !held.Whole {
		return
	}
	if r.trail == 0 && !held.Trails {
		r.remember(held.Thread)
		return
	}
	known := r.knows(held.Thread)
	if r.trail != 0 && !known && (held.Thread > r.trail+nearby || held.Thread+nearby < r.trail) {
		if held.Source.IsValid() {
			held.Source = netip.AddrPort{}
			held.Tamper("perhaps the rest of the line above")
		}
		return
	}
	if r.trail = 0; held.Trails {
		r.trail = held.Thread
	}
	r.remember(held.Thread)
}

// remember puts a process among the known ones.
func (r *Reader) remember(thread uint32) {
	if thread >= fewest && !r.knows(thread) {
		r.crew.add(thread)
	}
}

func (r *Reader) knows(thread uint32) bool { return r.crew.has(thread) }

// crew is the last threads that were added, in a ring. Nearly every line asks for
// one, so there is an index by the last byte of the number.
type crew struct {
	ring [64]uint32
	met  int
	// many is how many of the ring end in a byte, latest where the last one is.
	many, latest [256]uint8
}

func (c *crew) add(thread uint32) {
	slot := c.met % len(c.ring)
	if c.met >= len(c.ring) {
		c.many[uint8(c.ring[slot])]--
	}
	c.ring[slot] = thread
	c.many[uint8(thread)]++
	c.latest[uint8(thread)] = uint8(slot)
	c.met++
}

func (c *crew) has(thread uint32) bool {
	many := c.many[uint8(thread)]
	if many == 0 {
		return false
	}
	if many == 1 { // the oldest leave first, so that it is the latest
		return c.ring[c.latest[uint8(thread)]] == thread
	}
	return slices.Contains(c.ring[:min(c.met, len(c.ring))], thread)
}
