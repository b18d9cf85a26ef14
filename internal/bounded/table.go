package bounded

import (
	"math"
	"time"
)

// ways is how many slots a bucket has: eight keep the loss by collision low
// while a lookup stays within a few cache lines.
const ways = 8

// crowded is how many protected entries a key's bucket may have before a new
// key looks at its second bucket as well. Whoever is protected is then spread
// so evenly that a bucket gets no more of them than it has room for, unless the
// whole table does (Azar et al. 1994, "balanced allocations").
const crowded = ways / 2

// lapse is how long protection lasts without use: sources that went away must
// not take the room of new ones for ever.
const lapse = int64(7 * 24 * time.Hour)

// Table maps a keyed hash to a V in memory of a fixed size, of which it takes up
// what it needs: the buckets are doubled while one of them is full and there may
// be more. When a bucket is full then, the entry with the lowest protection goes, and among those the one
// not used for longest. One way of each bucket is always open to newcomers, and
// a newcomer never pushes out what is protected. V should hold no pointers, so
// that the collector never has to walk the table.
//
// Keys and values lie apart: a search reads the eight keys of a bucket from one
// cache line, however large V is. The values lie in the order in which they came
// into use, so that a table with few entries touches little memory.
type Table[V any] struct {
	buckets []bucket
	values  []V
	made    int      // how many values have been in use
	spare   []uint32 // those that are not any more
	// spilled has a bit for each bucket some of whose keys lie in their second.
	spilled []uint64
	used    int
	evicted uint64
	yielded uint64
}

// bucket holds what a search and a choice of a victim need of eight entries. It
// fills whole cache lines, the first of them with keys.
type bucket struct {
	keys [ways]uint64 // 0 is free
	// touched is the caller's clock at the last use, in nanoseconds.
	touched [ways]int64
	// values says which value a slot in use has.
	values  [ways]uint32
	protect [ways]uint8
	_       [24]byte
}

// slot is one place of a bucket.
type slot struct {
	*bucket
	way int
}

// age decides who has to go.
type age struct {
	touched int64
	protect uint8
}

func (s slot) age() age { return age{s.touched[s.way], s.protect[s.way]} }

// goesBefore says that a has to go rather than b.
func (a age) goesBefore(b age) bool {
	return a.protect < b.protect || a.protect == b.protect && a.touched < b.touched
}

// NewTable makes a table for at least entries entries, rounded up to a power
// of two; that is its cap.
func NewTable[V any](entries int) *Table[V] {
	n := 1
	for n*ways < entries {
		n *= 2
	}
	t := &Table[V]{values: make([]V, n*ways)}
	t.spread(min(n, firstBuckets), 0)
	return t
}

// firstBuckets is how many a table begins with.
const firstBuckets = 64

// grows says that there may be more buckets.
func (t *Table[V]) grows() bool { return len(t.buckets)*ways < len(t.values) }

// spread lays the entries out over so many buckets.
func (t *Table[V]) spread(count int, now int64) {
	old := t.buckets
	t.buckets, t.spilled = make([]bucket, count), make([]uint64, (count+63)/64)
	for i := range old {
		for way, key := range &old[i].keys {
			if key == 0 {
				continue
			}
			to := t.room(key, now)
			if to.keys[to.way] != 0 {
				to = t.vacant(key, to)
			}
			to.keys[to.way], to.values[to.way] = key, old[i].values[way]
			to.touched[to.way], to.protect[to.way] = old[i].touched[way], old[i].protect[way]
		}
	}
}

// vacant finds a free slot in either bucket of a key. If there is none, the entry
// at another slot goes.
func (t *Table[V]) vacant(key uint64, other slot) slot {
	for _, b := range [...]int{t.first(key), t.second(key)} {
		for way, held := range &t.buckets[b].keys {
			if held == 0 {
				if first := t.first(key); b != first {
					t.spilled[first/64] |= 1 << (first % 64)
				}
				return slot{&t.buckets[b], way}
			}
		}
	}
	t.free(other)
	t.evicted++
	return other
}

// first and second are the two buckets in which a key may lie.
func (t *Table[V]) first(key uint64) int  { return int(key & uint64(len(t.buckets)-1)) }
func (t *Table[V]) second(key uint64) int { return int(key >> 32 & uint64(len(t.buckets)-1)) }

// place finds the slot of key; its bucket is nil if there is none.
func (t *Table[V]) place(key uint64) slot {
	b := t.first(key)
	s := t.buckets[b].find(key)
	if s.bucket == nil && t.spilled[b/64]&(1<<(b%64)) != 0 {
		s = t.buckets[t.second(key)].find(key)
	}
	return s
}

// find finds the slot of key in a bucket.
func (b *bucket) find(key uint64) slot {
	for i, k := range &b.keys {
		if k == key {
			return slot{b, i}
		}
	}
	return slot{}
}

// value is that of a slot in use.
func (t *Table[V]) value(s slot) *V { return &t.values[s.values[s.way]] }

// Get finds the value of key, or nil. The pointer is good until the next Put.
func (t *Table[V]) Get(key uint64) *V {
	if t.used == 0 {
		return nil // not even the bucket need be looked at
	}
	if s := t.place(nonzero(key)); s.bucket != nil {
		return t.value(s)
	}
	return nil
}

// Put finds the value of key or makes a zero one, and marks it used at now.
// The pointer is good until the next Put; fresh says that it was made.
func (t *Table[V]) Put(key uint64, now int64) (value *V, fresh bool) {
	key = nonzero(key)
	s := t.place(key)
	if s.bucket != nil {
		s.touched[s.way] = now
		return t.value(s), false
	}
	for s = t.room(key, now); s.keys[s.way] != 0 && t.grows(); s = t.room(key, now) {
		t.spread(2*len(t.buckets), now)
	}
	if s.keys[s.way] != 0 {
		t.free(s)
		t.evicted++
	}
	s.keys[s.way], s.touched[s.way], s.values[s.way] = key, now, t.take()
	t.used++
	return t.value(s), true
}

// take gives a value that nobody uses, zero.
func (t *Table[V]) take() uint32 {
	if n := len(t.spare); n > 0 {
		v := t.spare[n-1]
		t.spare = t.spare[:n-1]
		clear(t.values[v : v+1])
		return v
	}
	t.made++
	return uint32(t.made - 1)
}

// room chooses the slot that a new key takes.
func (t *Table[V]) room(key uint64, now int64) slot {
	b := t.first(key)
	s, held := t.buckets[b].victim(now)
	if held < crowded {
		return s
	}
	if other, fewer := t.buckets[t.second(key)].victim(now); fewer < held {
		t.spilled[b/64] |= 1 << (b % 64)
		return other
	}
	return s
}

// victim finds the slot of a bucket that a new entry may take, and how many
// are protected there.
func (b *bucket) victim(now int64) (victim slot, held int) {
	var oldest age
	for i, key := range &b.keys {
		s := slot{b, i}
		a := s.age()
		switch {
		case key == 0:
			a = age{touched: math.MinInt64}
		case a.protect > 0 && now-a.touched > lapse:
			a.protect = 0
		case a.protect > 0:
			held++
		}
		if victim.bucket == nil || a.goesBefore(oldest) {
			victim, oldest = s, a
		}
	}
	return victim, held
}

// Protect sets how hard the entry of key holds on to its slot. When all other
// ways of its bucket are protected, the weakest of them yields, or the entry
// itself if it is weaker still.
func (t *Table[V]) Protect(key uint64, level uint8) {
	key = nonzero(key)
	s := t.place(key)
	if s.bucket == nil || s.protect[s.way] == level {
		return
	}
	if s.protect[s.way] == 0 && level > 0 {
		weakest := s.weakest()
		for ; weakest >= 0 && t.grows(); weakest = s.weakest() {
			t.spread(2*len(t.buckets), s.touched[s.way])
			if s = t.place(key); s.bucket == nil {
				return
			}
		}
		switch {
		case weakest < 0:
		case s.protect[weakest] > level:
			return
		default:
			s.protect[weakest] = 0
			t.yielded++
		}
	}
	s.protect[s.way] = level
}

// weakest finds which of the other ways has to yield to a slot's entry, -1 if
// none has to.
func (s slot) weakest() int {
	weakest := -1
	for other := range ways {
		switch {
		case other == s.way:
		case s.protect[other] == 0:
			return -1
		case weakest < 0 || (slot{s.bucket, other}).age().goesBefore(slot{s.bucket, weakest}.age()):
			weakest = other
		}
	}
	return weakest
}

// Delete forgets key.
func (t *Table[V]) Delete(key uint64) {
	if t.used == 0 {
		return
	}
	if s := t.place(nonzero(key)); s.bucket != nil {
		t.free(s)
	}
}

func (t *Table[V]) free(s slot) {
	s.keys[s.way], s.touched[s.way], s.protect[s.way] = 0, 0, 0
	t.spare = append(t.spare, s.values[s.way])
	t.used--
}

// Clear forgets every entry whose value matches. It walks the whole table, so
// it is for the rare moment in which a human asks.
func (t *Table[V]) Clear(match func(*V) bool) {
	for b := range t.buckets {
		for i, key := range &t.buckets[b].keys {
			if s := (slot{&t.buckets[b], i}); key != 0 && match(t.value(s)) {
				t.free(s)
			}
		}
	}
}

// Cap is how many entries fit.
func (t *Table[V]) Cap() int { return len(t.values) }

// Len is how many entries there are.
func (t *Table[V]) Len() int { return t.used }

// Evicted is how many entries had to make room for others.
func (t *Table[V]) Evicted() uint64 { return t.evicted }

// Gauge says how full a table is, under a name for people.
func (t *Table[V]) Gauge(name string) Gauge {
	return Gauge{Name: name, Entries: t.used, Cap: len(t.values), Evicted: t.evicted, Yielded: t.yielded}
}

// nonzero keeps 0 free to mean an empty slot.
func nonzero(key uint64) uint64 {
	if key == 0 {
		return 1
	}
	return key
}
