package bounded

import "testing"

// TestFew: the same key counts once, and there are never more than eight.
func TestFew(t *testing.T) {
	var f Few
	if f.Count() != 0 {
		t.Errorf("%d keys in an empty one", f.Count())
	}
	for i := range uint64(20) {
		for range 3 {
			f.Add(i << 1) // the lowest bit is not told apart
		}
		if want := int(min(i+1, 8)); f.Count() != want {
			t.Errorf("%d after %d keys, want %d", f.Count(), i+1, want)
		}
	}
}
