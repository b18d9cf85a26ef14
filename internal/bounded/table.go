package bounded

// ways is how many slots a bucket has: eight keep the loss by collision low
// while a lookup stays within a few cache lines.
const ways = 8

// Table maps a keyed hash to a V in memory that never grows. When a bucket is
// full, the entry with the lowest protection goes, and among those the one
// not used for longest. V should hold no pointers, so that the collector
// never has to walk the table.
type Table[V any] struct {
	buckets []bucket[V]
	used    int
	evicted uint64
}

type bucket[V any] [ways]slot[V]

type slot[V any] struct {
	key uint64 // 0 is free
	// touched is the caller's clock at the last use, in its own unit.
	touched int64
	protect uint8
	value   V
}

// NewTable makes a table for at least entries entries, rounded up to a power
// of two; that is its cap.
func NewTable[V any](entries int) *Table[V] {
	n := 1
	for n*ways < entries {
		n *= 2
	}
	return &Table[V]{buckets: make([]bucket[V], n)}
}

// Get finds the value of key, or nil. The pointer is good until the next Put.
func (t *Table[V]) Get(key uint64) *V {
	key = nonzero(key)
	b := &t.buckets[key&uint64(len(t.buckets)-1)]
	for i := range b {
		if b[i].key == key {
			return &b[i].value
		}
	}
	return nil
}

// Put finds the value of key or makes a zero one, and marks it used at now.
// The pointer is good until the next Put; fresh says that it was made.
func (t *Table[V]) Put(key uint64, now int64) (value *V, fresh bool) {
	key = nonzero(key)
	b := &t.buckets[key&uint64(len(t.buckets)-1)]
	victim := &b[0]
	for i := range b {
		s := &b[i]
		if s.key == key {
			s.touched = now
			return &s.value, false
		}
		if victim.key != 0 && (s.key == 0 || s.protect < victim.protect ||
			s.protect == victim.protect && s.touched < victim.touched) {
			victim = s
		}
	}
	if victim.key == 0 {
		t.used++
	} else {
		t.evicted++
	}
	*victim = slot[V]{key: key, touched: now}
	return &victim.value, true
}

// Protect sets how hard the entry of key holds on to its slot.
func (t *Table[V]) Protect(key uint64, level uint8) {
	key = nonzero(key)
	b := &t.buckets[key&uint64(len(t.buckets)-1)]
	for i := range b {
		if b[i].key == key {
			b[i].protect = level
		}
	}
}

// Delete forgets key.
func (t *Table[V]) Delete(key uint64) {
	key = nonzero(key)
	b := &t.buckets[key&uint64(len(t.buckets)-1)]
	for i := range b {
		if b[i].key == key {
			b[i] = slot[V]{}
			t.used--
		}
	}
}

// Clear forgets every entry whose value matches. It walks the whole table, so
// it is for the rare moment in which a human asks.
func (t *Table[V]) Clear(match func(*V) bool) {
	for i := range t.buckets {
		for j := range t.buckets[i] {
			if s := &t.buckets[i][j]; s.key != 0 && match(&s.value) {
				*s = slot[V]{}
				t.used--
			}
		}
	}
}

// Cap is how many entries fit.
func (t *Table[V]) Cap() int { return len(t.buckets) * ways }

// Len is how many entries there are.
func (t *Table[V]) Len() int { return t.used }

// Evicted is how many entries had to make room for others.
func (t *Table[V]) Evicted() uint64 { return t.evicted }

// nonzero keeps 0 free to mean an empty slot.
func nonzero(key uint64) uint64 {
	if key == 0 {
		return 1
	}
	return key
}
