package packet

import (
	"net/netip"
	"time"
)

// start opens an assembly for a new datagram.
func (r *reassembler) start(at time.Time, key fragmentKey) *assembly {
	a := r.newAssembly()
	*a = assembly{key: key, born: at, total: -1, sender: r.senderOf(key.src)}
	r.open[key] = a
	r.byAge.push(a)
	a.sender.held.push(a)
	r.charge(a, assemblyCost)
	return a
}

// senderOf finds the books of a source. A host on IPv6 has a /64 to itself, so that is what counts as one source.
func (r *reassembler) senderOf(addr netip.Addr) *sender {
	if addr.Is6() {
		wide := addr.As16()
		clear(wide[8:])
		addr = netip.AddrFrom16(wide)
	}
	s := r.senders[addr]
	if s == nil {
		s = &sender{addr: addr, held: list{order: bySender}}
		r.senders[addr] = s
	}
	return s
}

func (r *reassembler) charge(a *assembly, cost int) {
	a.bytes += cost
	a.sender.bytes += cost
	r.bytes += cost
}

// makeRoom drops the oldest datagrams until the pages between two offsets fit: first the sender's own, where it would get
// more than its share, then anybody's. The datagram at hand stays; share and limit always have room for one.
func (r *reassembler) makeRoom(a *assembly, offset, end int) {
	need := 0
	for n := offset / pageSize; n <= (end-1)/pageSize; n++ {
		if a.pages[n] == nil {
			need += pageCost
		}
	}
	for a.sender.bytes+need > r.share && r.evict(&a.sender.held, a) {
	}
	for r.bytes+need > r.limit && r.evict(&r.byAge, a) {
	}
}

// evict drops the oldest of the list, but not the one to keep. It reports whether there was one.
func (r *reassembler) evict(l *list, keep *assembly) bool {
	a := l.oldest
	if a == keep {
		a = a.links[l.order].newer
	}
	if a == nil {
		return false
	}
	r.stats.Evicted++
	r.drop(a)
	return true
}

// expire drops what has waited too long, oldest first. IPv6 waits longer than IPv4, so something younger and already
// expired may stay behind an older one; add looks again, and the memory is bounded anyway.
func (r *reassembler) expire(at time.Time) {
	for a := r.byAge.oldest; a != nil && a.expired(at); a = r.byAge.oldest {
		r.stats.Expired++
		r.drop(a)
	}
}

// expired measures in both directions: where a capture's clock jumps back, the old fragments are no use either.
func (a *assembly) expired(at time.Time) bool {
	timeout := timeoutIPv4
	if a.key.proto == nextFragment {
		timeout = timeoutIPv6
	}
	return at.Sub(a.born).Abs() > timeout
}

// drop forgets an assembly and keeps its memory for the next.
func (r *reassembler) drop(a *assembly) {
	delete(r.open, a.key)
	r.byAge.remove(a)
	a.sender.held.remove(a)
	a.sender.bytes -= a.bytes
	r.bytes -= a.bytes
	if a.sender.held.oldest == nil {
		delete(r.senders, a.sender.addr)
	}
	for i, g := range a.pages {
		if g != nil {
			r.pages = append(r.pages, g)
			a.pages[i] = nil
		}
	}
	r.spare = append(r.spare, a)
}

func (r *reassembler) newAssembly() *assembly {
	n := len(r.spare)
	if n == 0 {
		return new(assembly)
	}
	a := r.spare[n-1]
	r.spare = r.spare[:n-1]
	return a
}

// newPage returns a page with an empty table; its data may be old, and is never read where the table says nothing.
func (r *reassembler) newPage() *page {
	n := len(r.pages)
	if n == 0 {
		return new(page)
	}
	g := r.pages[n-1]
	r.pages = r.pages[:n-1]
	clear(g.got[:])
	return g
}

// An assembly hangs in two lists, everybody's and its sender's.
const (
	byAge = iota
	bySender
	orders
)

type links struct{ older, newer *assembly }

// list is a doubly linked list, oldest first, through the links of its order.
type list struct {
	oldest, newest *assembly
	order          int
}

func (l *list) push(a *assembly) {
	a.links[l.order] = links{older: l.newest}
	if l.newest == nil {
		l.oldest = a
	} else {
		l.newest.links[l.order].newer = a
	}
	l.newest = a
}

func (l *list) remove(a *assembly) {
	k := a.links[l.order]
	if k.older == nil {
		l.oldest = k.newer
	} else {
		k.older.links[l.order].newer = k.newer
	}
	if k.newer == nil {
		l.newest = k.older
	} else {
		k.newer.links[l.order].older = k.older
	}
}
