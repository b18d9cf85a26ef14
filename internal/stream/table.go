package stream

import (
	"hash/maphash"
	"net/netip"
)

// key names a connection.
type key struct{ theirs, ours netip.AddrPort }

// flow is one connection.
type flow struct {
	place
	theirs, ours half
	// greeted says that our SYN was seen, proven that the far side has
	// acknowledged it or what came after.
	greeted, proven bool
	// socket says that our side has changed to WebSocket, encrypted that it
	// speaks TLS.
	socket, encrypted bool
}

func (f *flow) side(ours bool) *half {
	if ours {
		return &f.ours
	}
	return &f.theirs
}

// place is where a connection hangs in the table. Places are numbered from 1;
// 0 is nowhere.
type place struct {
	key          key
	self, chain  int32
	older, newer int32
	vouched      bool // hangs among those that have proven their address
}

// table holds a fixed number of connections.
type table struct {
	seed    maphash.Seed
	flows   []flow // 0 is not used; they never move, for chunks point to them
	buckets []int32
	free    int32
	used    int
	limit   int
	// ages are the connections without and with proof, from the oldest on.
	ages [2]struct{ oldest, newest int32 }
}

func newTable(limit int) table {
	size := 1
	for size < 2*limit {
		size *= 2
	}
	return table{seed: maphash.MakeSeed(), buckets: make([]int32, size), flows: make([]flow, 1, limit+1), limit: limit}
}

// bucket is where a key hangs. The seed keeps an attacker from filling one; no
// result depends on it.
func (t *table) bucket(k key) *int32 {
	return &t.buckets[maphash.Comparable(t.seed, k)&uint64(len(t.buckets)-1)]
}

func (t *table) find(k key) *flow {
	for n := *t.bucket(k); n != 0; n = t.flows[n].chain {
		if t.flows[n].key == k {
			return &t.flows[n]
		}
	}
	return nil
}

// open makes room for a connection, and says whether another has to go for it.
// Everything but the place is still the old one's.
func (t *table) open(k key) (f *flow, evicted bool) {
	switch {
	case t.free != 0:
		f = &t.flows[t.free]
		t.free = f.chain
	case len(t.flows) <= t.limit:
		t.flows = append(t.flows, flow{})
		f = &t.flows[len(t.flows)-1]
		f.self = int32(len(t.flows) - 1)
	default:
		n := t.ages[0].oldest
		if n == 0 {
			n = t.ages[1].oldest
		}
		f, evicted = &t.flows[n], true
		t.unhang(f)
	}
	if !evicted {
		t.used++
	}
	b := t.bucket(k)
	f.place = place{key: k, self: f.self, chain: *b}
	*b = f.self
	t.push(f)
	return f, evicted
}

// close takes a connection out.
func (t *table) close(f *flow) {
	t.unhang(f)
	t.used--
	*f = flow{place: place{self: f.self, chain: t.free}}
	t.free = f.self
}

// unhang takes a connection out of its bucket and its line.
func (t *table) unhang(f *flow) {
	for n := t.bucket(f.key); *n != 0; n = &t.flows[*n].chain {
		if *n == f.self {
			*n = f.chain
			break
		}
	}
	t.pull(f)
}

// touch makes a connection the youngest of its kind.
func (t *table) touch(f *flow) {
	t.pull(f)
	t.push(f)
}

// prove notes that the far side's address is real.
func (t *table) prove(f *flow) {
	f.proven = true
	t.pull(f)
	f.vouched = true
	t.push(f)
}

func (t *table) line(f *flow) *struct{ oldest, newest int32 } {
	if f.vouched {
		return &t.ages[1]
	}
	return &t.ages[0]
}

func (t *table) push(f *flow) {
	l := t.line(f)
	f.older, f.newer = l.newest, 0
	if l.newest == 0 {
		l.oldest = f.self
	} else {
		t.flows[l.newest].newer = f.self
	}
	l.newest = f.self
}

func (t *table) pull(f *flow) {
	l := t.line(f)
	if f.older == 0 {
		l.oldest = f.newer
	} else {
		t.flows[f.older].newer = f.newer
	}
	if f.newer == 0 {
		l.newest = f.older
	} else {
		t.flows[f.newer].older = f.older
	}
}
