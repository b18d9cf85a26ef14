package stream

import "hash/maphash"

// half is one direction of a connection. Offsets count from base.
type half struct {
	// base is the sequence number of the first byte that no message has taken,
	// next the one that we are waiting for; what lies between is stored.
	base, next uint32
	// acked is how far the other side says it has received.
	acked uint32
	// first is the oldest number that an acknowledgement may prove anything with.
	first uint32
	// final is the number of the FIN, if ends.
	final uint32
	// known says that base is set, sure that our own side's word has set it.
	known, sure, ends bool

	framing
	store *chunk
	// start is where base lies in the store, far the offset behind the furthest
	// byte that is stored.
	start, far int
	// ahead counts the segments that came since one is missing.
	ahead int

	recent [4]digest
	turn   uint8
}

// digest stands for a segment that was read.
type digest struct {
	seq, size uint32
	hash      uint64
}

// patience is how many segments of our own side may overtake another before
// that one is held for lost by the capture. Where the far side's acknowledgements
// are seen they tell sooner.
const patience = 64

// data takes a segment's bytes in.
func (s *Streams) data(f *flow, g *Segment) {
	h := f.side(g.Ours)
	b := g.Payload
	if !h.known {
		h.meet(g.Seq, g.Ours)
	}
	off := int(int32(g.Seq - h.base))
	if g.Ours && (off > window || off < -window) {
		s.skip(f, h, off) // the capture lost all that lies between
		off = 0
	}
	have := h.have()
	switch {
	case off >= window, off+len(b) > window && off > have:
		s.stats.Strays++
		return
	case off > have:
		s.ahead(f, h, off, b)
		return
	case off < have:
		if b = s.again(f, h, g, off); len(b) == 0 {
			return
		}
	}
	if !g.Ours {
		s.remember(h, g)
	}
	s.task(task{flow: f, half: h, data: b})
}

// have is how many bytes are stored without a gap.
func (h *half) have() int { return int(h.next - h.base) }

// ahead stores a segment that came too early.
func (s *Streams) ahead(f *flow, h *half, off int, b []byte) {
	if !s.pool.reserve(f, h, off+len(b)) {
		s.stats.Lost++
		return
	}
	if h.island() == 0 {
		h.ahead = 0
	}
	if h.put(off, b) {
		s.stats.Conflicts++
	}
	if h.ahead++; f.side(true) == h && h.ahead >= patience {
		s.skip(f, h, h.island())
	}
}

// again looks at a segment of which some has come before, and returns what is new.
func (s *Streams) again(f *flow, h *half, g *Segment, off int) []byte {
	b, have := g.Payload, h.have()
	alive := b[min(max(-off, 0), len(b)):] // what is not part of a message that is gone
	if len(alive) > 0 && h.differs(max(off, 0), alive) {
		s.stats.Conflicts++
	}
	unheard := int32(h.base-h.acked) > 0 && int32(g.Seq+uint32(len(b))-h.acked) > 0
	if off < 0 && unheard && h.sure && !g.Ours {
		s.doubt(f, h, g)
	}
	return b[min(have-off, len(b)):]
}

// doubt looks at a copy of bytes that have been read and that our side has not
// acknowledged: what it has dropped was not the message. A copy that is not the
// same segment is read for itself.
func (s *Streams) doubt(f *flow, h *half, g *Segment) {
	d := s.digest(g)
	for i := range h.recent {
		r := &h.recent[i]
		if r.seq == d.seq && r.size == d.size {
			if r.hash == d.hash {
				return
			}
			s.stats.Conflicts++
		}
	}
	s.remember(h, g)
	s.aside = half{framing: framing{mode: lost, fresh: true}}
	s.task(task{flow: f, half: &s.aside, data: g.Payload, apart: true})
}

func (s *Streams) digest(g *Segment) digest {
	return digest{seq: g.Seq, size: uint32(len(g.Payload)), hash: maphash.Bytes(s.seed, g.Payload)}
}

func (s *Streams) remember(h *half, g *Segment) {
	h.recent[h.turn] = s.digest(g)
	h.turn = (h.turn + 1) % uint8(len(h.recent))
}

// lose gives up the message at hand. What comes next begins with a segment.
func (h *half) lose() { h.framing = framing{mode: lost, fresh: true} }

// read frames what a task has until it gives a message or needs more.
func (s *Streams) read(t *task, m *Message) bool {
	h := t.half
	for {
		s.topUp(t)
		direct := h.store == nil
		view := t.data
		if !direct {
			view = h.store.data[h.start : h.start+h.have()]
		}
		view = view[:min(len(view), longest)]
		used, found := s.frame(t, view, m)
		if direct {
			t.data = t.data[used:]
			h.base += uint32(used)
			h.next += uint32(used)
		} else {
			h.consume(used)
		}
		switch {
		case found:
			return true
		case t.flow.encrypted:
			return false
		case used == 0 && direct:
			s.keep(t)
			return false
		case used == 0 && len(t.data) == 0:
			s.tidy(h)
			return false
		}
	}
}

// topUp moves as much of a task's data into the store as it takes, if there is
// a store.
func (s *Streams) topUp(t *task) {
	h := t.half
	s.tidy(h)
	if h.store == nil || len(t.data) == 0 {
		return
	}
	n := min(len(t.data), window-h.have())
	if !s.pool.reserve(t.flow, h, h.have()+n) {
		s.abandon(t)
		return
	}
	if h.put(h.have(), t.data[:n]) {
		s.stats.Conflicts++
	}
	h.next += uint32(n)
	h.absorb()
	t.data = t.data[n:]
}

// keep stores what could not be read yet.
func (s *Streams) keep(t *task) {
	h, n := t.half, len(t.data)
	if n == 0 || t.apart {
		return
	}
	if !s.pool.reserve(t.flow, h, n) {
		s.abandon(t)
		return
	}
	h.put(0, t.data)
	h.next += uint32(n)
	t.data = nil
}

// abandon gives a task's data up for want of memory.
func (s *Streams) abandon(t *task) {
	h := t.half
	s.stats.Lost++
	s.pool.release(h)
	h.next += uint32(len(t.data))
	h.base, t.data = h.next, nil
	h.lose()
}

// tidy gives an empty store back.
func (s *Streams) tidy(h *half) {
	if h.store != nil && h.far == 0 {
		s.pool.release(h)
	}
}
