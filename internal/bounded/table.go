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

// Table maps a keyed hash to a V in memory that never grows. When a bucket is
// full, the entry with the lowest protection goes, and among those the one
// not used for longest. One way of each bucket is always open to newcomers, and
// a newcomer never pushes out what is protected. V should hold no pointers, so
// that the collector never has to walk the table.
//
// Keys, ages and values lie apart: a search reads the eight keys of a bucket
// from one cache line, however large V is.
type Table[V any] struct {
	keys   []bucket
	ages   []age
	values []V
	// spilled has a bit for each bucket some of whose keys lie in their second.
	spilled []uint64
	used    int
	evicted uint64
	yielded uint64
}

// bucket holds keys; 0 is free.
type bucket [ways]uint64

// age decides who has to go.
type age struct {
	// touched is the caller's clock at the last use, in nanoseconds.
	touched int64
	protect uint8
}

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
	return &Table[V]{keys: make([]bucket, n), ages: make([]age, n*ways), values: make([]V, n*ways), spilled: make([]uint64, (n+63)/64)}
}

// first and second are the two buckets in which a key may lie.
func (t *Table[V]) first(key uint64) int  { return int(key & uint64(len(t.keys)-1)) }
func (t *Table[V]) second(key uint64) int { return int(key >> 32 & uint64(len(t.keys)-1)) }

// place finds the slot of key, or -1.
func (t *Table[V]) place(key uint64) int {
	b := t.first(key)
	slot := t.within(b, key)
	if slot < 0 && t.spilled[b/64]&(1<<(b%64)) != 0 {
		slot = t.within(t.second(key), key)
	}
	return slot
}

// within finds the slot of key in a bucket, or -1.
func (t *Table[V]) within(b int, key uint64) int {
	for i, k := range &t.keys[b] {
		if k == key {
			return b*ways + i
		}
	}
	return -1
}

// Get finds the value of key, or nil. The pointer is good until the next Put.
func (t *Table[V]) Get(key uint64) *V {
	if slot := t.place(nonzero(key)); slot >= 0 {
		return &t.values[slot]
	}
	return nil
}

// Put finds the value of key or makes a zero one, and marks it used at now.
// The pointer is good until the next Put; fresh says that it was made.
func (t *Table[V]) Put(key uint64, now int64) (value *V, fresh bool) {
	key = nonzero(key)
	slot := t.place(key)
	if slot >= 0 {
		t.ages[slot].touched = now
		return &t.values[slot], false
	}
	slot = t.room(key, now)
	if t.keys[slot/ways][slot%ways] == 0 {
		t.used++
	} else {
		t.evicted++
	}
	t.keys[slot/ways][slot%ways] = key
	t.ages[slot] = age{touched: now}
	clear(t.values[slot : slot+1])
	return &t.values[slot], true
}

// room chooses the slot that a new key takes.
func (t *Table[V]) room(key uint64, now int64) int {
	b := t.first(key)
	slot, held := t.victim(b, now)
	if held < crowded {
		return slot
	}
	if other, fewer := t.victim(t.second(key), now); fewer < held {
		t.spilled[b/64] |= 1 << (b % 64)
		return other
	}
	return slot
}

// victim finds the slot of a bucket that a new entry may take, and how many
// are protected there.
func (t *Table[V]) victim(b int, now int64) (victim, held int) {
	var oldest age
	victim = -1
	for i, key := range &t.keys[b] {
		slot := b*ways + i
		a := t.ages[slot]
		switch {
		case key == 0:
			a = age{touched: math.MinInt64}
		case a.protect > 0 && now-a.touched > lapse:
			a.protect = 0
		case a.protect > 0:
			held++
		}
		if victim < 0 || a.goesBefore(oldest) {
			victim, oldest = slot, a
		}
	}
	return victim, held
}

// Protect sets how hard the entry of key holds on to its slot. When all other
// ways of its bucket are protected, the weakest of them yields, or the entry
// itself if it is weaker still.
func (t *Table[V]) Protect(key uint64, level uint8) {
	slot := t.place(nonzero(key))
	if slot < 0 {
		return
	}
	a := &t.ages[slot]
	if a.protect == 0 && level > 0 {
		weakest := t.weakest(slot)
		switch {
		case weakest < 0:
		case t.ages[weakest].protect > level:
			return
		default:
			t.ages[weakest].protect = 0
			t.yielded++
		}
	}
	a.protect = level
}

// weakest finds who has to yield to the entry of a slot, -1 if nobody has to.
func (t *Table[V]) weakest(slot int) int {
	b := slot / ways
	weakest := -1
	for other := b * ways; other < (b+1)*ways; other++ {
		switch {
		case other == slot:
		case t.ages[other].protect == 0:
			return -1
		case weakest < 0 || t.ages[other].goesBefore(t.ages[weakest]):
			weakest = other
		}
	}
	return weakest
}

// Delete forgets key.
func (t *Table[V]) Delete(key uint64) {
	if slot := t.place(nonzero(key)); slot >= 0 {
		t.free(slot)
	}
}

func (t *Table[V]) free(slot int) {
	t.keys[slot/ways][slot%ways] = 0
	t.ages[slot] = age{}
	t.used--
}

// Clear forgets every entry whose value matches. It walks the whole table, so
// it is for the rare moment in which a human asks.
func (t *Table[V]) Clear(match func(*V) bool) {
	for slot := range t.values {
		if t.keys[slot/ways][slot%ways] != 0 && match(&t.values[slot]) {
			t.free(slot)
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
