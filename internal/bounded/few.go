package bounded

import "slices"

// Few remembers the last eight different keys it was given, as short hashes. It
// has no pointer, and its zero value is empty.
type Few struct {
	ring [8]uint32
	next uint8
}

// Add takes a key up, unless it is among the last eight.
func (f *Few) Add(key uint64) {
	if short := uint32(key) | 1; !slices.Contains(f.ring[:], short) {
		f.ring[f.next] = short
		f.next = (f.next + 1) % uint8(len(f.ring))
	}
}

// Count is how many different ones there were, up to eight.
func (f *Few) Count() (count int) {
	for _, short := range f.ring {
		if short != 0 {
			count++
		}
	}
	return count
}
