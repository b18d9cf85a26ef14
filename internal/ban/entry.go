package ban

import "cmp"

// entry is a Ban with its places in the table's orders.
type entry struct {
	Ban
	// turn is its place among the deadlines, -1 when it has none.
	turn int
	// prev and next are its neighbours in the chain it is in.
	prev, next *entry
}

func bySeq(a, b *entry) int { return cmp.Compare(a.Seq, b.Seq) }

func states(entries []*entry) []Ban {
	out := make([]Ban, 0, len(entries))
	for _, e := range entries {
		out = append(out, e.Ban)
	}
	return out
}

// chain is a linked list of entries by rising Seq: whatever changes moves to
// the back, so nothing is ever sorted.
type chain struct {
	first, last *entry
	len         int
	// evicted counts what was forgotten for want of room.
	evicted uint64
}

func (c *chain) push(e *entry) {
	e.prev, e.next = c.last, nil
	if c.last == nil {
		c.first = e
	} else {
		c.last.next = e
	}
	c.last = e
	c.len++
}

func (c *chain) remove(e *entry) {
	if e.prev == nil {
		c.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		c.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.prev, e.next = nil, nil
	c.len--
}

// after finds the first entry that changed after seq. It walks from the back:
// followers are close behind.
func (c *chain) after(seq uint64) *entry {
	var found *entry
	for e := c.last; e != nil && e.Seq > seq; e = e.prev {
		found = e
	}
	return found
}
