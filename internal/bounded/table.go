package bounded

// ways is how many slots a bucket has: eight keep the loss by collision low
// while a lookup stays within a few cache lines.
const ways = 8

// Table maps a keyed hash to a V in memory that never grows. When a bucket is
// full, the entry with the lowest protection goes, and among those the one
// not used for longest. V should hold no pointers, so that the collector
// never has to walk the table.
//
// Keys, ages and values lie apart: a search reads the eight keys of a bucket
// from one cache line, however large V is.
type Table[V any] struct {
	keys    []bucket
	ages    []age
	values  []V
	used    int
	evicted uint64
}

// bucket holds keys; 0 is free.
type bucket [ways]uint64

// age decides who has to go.
type age struct {
	// touched is the caller's clock at the last use, in its own unit.
	touched int64
	protect uint8
}

// NewTable makes a table for at least entries entries, rounded up to a power
// of two; that is its cap.
func NewTable[V any](entries int) *Table[V] {
	n := 1
	for n*ways < entries {
		n *= 2
	}
	return &Table[V]{keys: make([]bucket, n), ages: make([]age, n*ways), values: make([]V, n*ways)}
}

// place finds the slot of key, or -1, and the first slot of its bucket.
func (t *Table[V]) place(key uint64) (slot, first int) {
	b := int(key & uint64(len(t.keys)-1))
	for i, k := range t.keys[b] {
		if k == key {
			return b*ways + i, b * ways
		}
	}
	return -1, b * ways
}

// Get finds the value of key, or nil. The pointer is good until the next Put.
func (t *Table[V]) Get(key uint64) *V {
	if slot, _ := t.place(nonzero(key)); slot >= 0 {
		return &t.values[slot]
	}
	return nil
}

// Put finds the value of key or makes a zero one, and marks it used at now.
// The pointer is good until the next Put; fresh says that it was made.
func (t *Table[V]) Put(key uint64, now int64) (value *V, fresh bool) {
	key = nonzero(key)
	slot, first := t.place(key)
	if slot >= 0 {
		t.ages[slot].touched = now
		return &t.values[slot], false
	}
	slot = t.victim(first)
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

// victim chooses the slot of a bucket that a new entry takes.
func (t *Table[V]) victim(first int) int {
	victim := first
	for slot := first; slot < first+ways; slot++ {
		if t.keys[slot/ways][slot%ways] == 0 {
			return slot
		}
		if a, v := t.ages[slot], t.ages[victim]; a.protect < v.protect || a.protect == v.protect && a.touched < v.touched {
			victim = slot
		}
	}
	return victim
}

// Protect sets how hard the entry of key holds on to its slot.
func (t *Table[V]) Protect(key uint64, level uint8) {
	if slot, _ := t.place(nonzero(key)); slot >= 0 {
		t.ages[slot].protect = level
	}
}

// Delete forgets key.
func (t *Table[V]) Delete(key uint64) {
	if slot, _ := t.place(nonzero(key)); slot >= 0 {
		t.keys[slot/ways][slot%ways] = 0
		t.used--
	}
}

// Clear forgets every entry whose value matches. It walks the whole table, so
// it is for the rare moment in which a human asks.
func (t *Table[V]) Clear(match func(*V) bool) {
	for slot := range t.values {
		if key := &t.keys[slot/ways][slot%ways]; *key != 0 && match(&t.values[slot]) {
			*key = 0
			t.used--
		}
	}
}

// Cap is how many entries fit.
func (t *Table[V]) Cap() int { return len(t.values) }

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
