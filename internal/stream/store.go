package stream

import "math/bits"

const (
	smallest = 1 << 11 // a chunk that holds an ordinary segment
	classes  = 6       // of chunks, each twice as large as the one before
)

// chunk holds what has come of one direction and is not read.
type chunk struct {
	data []byte
	// early has a bit for each byte that came before those in front of it.
	early []uint64
	class int
	// owner is whose it is; the others in line wait to be taken away, the
	// longest unused first.
	owner        *half
	older, newer *chunk
	vouched      bool
}

// chunkCost is the memory of a chunk for so many bytes.
func chunkCost(size int) int { return size + size/8 + 128 }

// pool lends chunks. What was used once is kept for the next.
type pool struct {
	limit, bytes int
	spare        [classes]*chunk // through newer
	// lines are the chunks lent to connections without and with proof: who has
	// shown nothing gives way first.
	lines [2]struct{ oldest, newest *chunk }
}

func classOf(size int) int {
	return max(0, bits.Len(uint(max(size, 1)-1))-bits.Len(uint(smallest-1)))
}

// reserve makes a half's store reach up to an offset, at most the window.
func (p *pool) reserve(f *flow, h *half, end int) bool {
	c := h.store
	if c != nil && h.start+end > len(c.data) {
		h.compact()
	}
	if c == nil || end > len(c.data) {
		fresh := p.take(classOf(end), h)
		if fresh == nil {
			return false
		}
		if c != nil {
			copy(fresh.data, c.data[:h.far])
			copy(fresh.early, c.early)
			p.pull(c)
			p.put(c)
		}
		fresh.owner, h.store = h, fresh
		c = fresh
	} else {
		p.pull(c)
	}
	c.vouched = f.proven
	p.push(c)
	return true
}

// take finds a chunk of a class: a used one, a new one, or one taken away from
// somebody else.
func (p *pool) take(class int, keep *half) *chunk {
	if c := p.spare[class]; c != nil {
		p.spare[class], c.newer = c.newer, nil
		return c
	}
	size := smallest << class
	for p.bytes+chunkCost(size) > p.limit {
		if !p.shrink() && !p.evict(keep) {
			return nil
		}
	}
	p.bytes += chunkCost(size)
	return &chunk{data: make([]byte, size), early: make([]uint64, size/64), class: class}
}

// shrink lets a used chunk go for good.
func (p *pool) shrink() bool {
	for i := range p.spare {
		if c := p.spare[i]; c != nil {
			p.spare[i] = c.newer
			p.bytes -= chunkCost(len(c.data))
			return true
		}
	}
	return false
}

// evict takes the chunk away that was left alone for the longest time.
func (p *pool) evict(keep *half) bool {
	for i := range p.lines {
		for c := p.lines[i].oldest; c != nil; c = c.newer {
			if h := c.owner; h != keep {
				p.release(h)
				h.base = h.next
				h.lose()
				return true
			}
		}
	}
	return false
}

// release gives a half's store back.
func (p *pool) release(h *half) {
	if c := h.store; c != nil {
		p.pull(c)
		p.put(c)
	}
	h.store, h.start, h.far = nil, 0, 0
}

// put keeps a chunk for the next.
func (p *pool) put(c *chunk) {
	clear(c.early)
	c.owner, c.older = nil, nil
	c.newer = p.spare[c.class]
	p.spare[c.class] = c
}

func (p *pool) push(c *chunk) {
	l := &p.lines[line(c)]
	c.older, c.newer = l.newest, nil
	if l.newest == nil {
		l.oldest = c
	} else {
		l.newest.newer = c
	}
	l.newest = c
}

func (p *pool) pull(c *chunk) {
	l := &p.lines[line(c)]
	if c.older == nil {
		l.oldest = c.newer
	} else {
		c.older.newer = c.newer
	}
	if c.newer == nil {
		l.newest = c.older
	} else {
		c.newer.older = c.older
	}
}

func line(c *chunk) int {
	if c.vouched {
		return 1
	}
	return 0
}

// compact moves what is stored to the beginning of the store.
func (h *half) compact() {
	c := h.store
	copy(c.data, c.data[h.start:h.start+h.far])
	if h.far > h.have() {
		words, shift := h.start/64, h.start%64
		for i := range c.early {
			var w uint64
			if i+words < len(c.early) {
				w = c.early[i+words] >> shift
			}
			if shift > 0 && i+words+1 < len(c.early) {
				w |= c.early[i+words+1] << (64 - shift)
			}
			c.early[i] = w
		}
	}
	h.start = 0
}

// put copies bytes to an offset where there is room for them. What is there
// stays; it reports whether something differs from it.
func (h *half) put(off int, b []byte) (differs bool) {
	c, have := h.store, h.have()
	at := h.start + off
	fill := off == have // the gap begins to close: no bits for it
	if off >= h.far && fill {
		copy(c.data[at:], b)
		h.far = off + len(b)
		return false
	}
	for i, x := range b {
		word, bit := &c.early[(at+i)/64], uint64(1)<<((at+i)%64)
		if *word&bit != 0 {
			differs = differs || c.data[at+i] != x
		} else {
			c.data[at+i] = x
		}
		if fill {
			*word &^= bit
		} else {
			*word |= bit
		}
	}
	h.far = max(h.far, off+len(b))
	return differs
}

// differs compares bytes at an offset with those that are stored without a gap
// from the base; what lies behind them, put compares.
func (h *half) differs(off int, b []byte) bool {
	n := min(h.have()-off, len(b))
	if n <= 0 || h.store == nil {
		return false
	}
	return string(h.store.data[h.start+off:][:n]) != string(b[:n])
}

// absorb counts in what came early and has no gap before it any more.
func (h *half) absorb() {
	for h.have() < h.far {
		at := h.start + h.have()
		word, bit := &h.store.early[at/64], uint64(1)<<(at%64)
		if *word&bit == 0 {
			return
		}
		*word &^= bit
		h.next++
	}
}

// island is the offset of the first byte behind the gap, 0 if there is none.
func (h *half) island() int {
	if h.store == nil || h.far <= h.have() {
		return 0
	}
	for at := h.start + h.have(); at < h.start+h.far; at++ {
		if w := h.store.early[at/64] >> (at % 64); w == 0 {
			at |= 63
		} else {
			return at + bits.TrailingZeros64(w) - h.start
		}
	}
	return 0
}

// consume takes bytes off the front.
func (h *half) consume(n int) {
	h.base += uint32(n)
	h.start += n
	h.far = max(0, h.far-n)
	if int32(h.next-h.base) < 0 {
		h.next = h.base
	}
	if h.far == 0 {
		h.start = 0
	}
}
