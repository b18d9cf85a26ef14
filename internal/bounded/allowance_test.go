package bounded

import (
	"testing"
	"time"
)

// TestAllowance: who uses up a share leaves the others theirs, and time brings
// back what it should and no more.
func TestAllowance(t *testing.T) {
	const second = int64(time.Second)
	a := NewAllowance(4, 40, 8)
	take := func(key uint64, times int, now int64) (taken int) {
		for range times {
			if a.Take(key, now) {
				taken++
			}
		}
		return taken
	}
	for _, step := range []struct {
		name  string
		key   uint64
		times int
		now   int64
		want  int
	}{
		{"more at once than a share has", 1, 100, second, 10},
		{"the same share by another key", 5, 100, second, 0},
		{"another share", 2, 100, second, 10},
		{"the clock goes back", 1, 100, 0, 0},
		{"half a second", 1, 100, second + second/2, 1},
		{"two seconds on", 1, 100, second + second/2 + 2*second, 4},
		{"a year on there is no more than at first", 1, 100, 400 * 24 * 3600 * second, 10},
	} {
		if got := take(step.key, step.times, step.now); got != step.want {
			t.Errorf("%s: %d of %d, want %d", step.name, got, step.times, step.want)
		}
	}
}
