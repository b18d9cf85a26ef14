package clock

import (
	"testing"
	"time"
)

// TestClock sets the wall clock, ten seconds after the beginning.
func TestClock(t *testing.T) {
	const passed = 10 * time.Second
	c := New()
	began := c.Began()
	for _, test := range []struct {
		name  string
		wall  time.Duration // by how much the wall clock was set
		stamp time.Duration // of the packet, from the wall clock's reading
		want  time.Duration // since the beginning
	}{
		{"an hour back", -time.Hour, -time.Second, 9 * time.Second},
		{"an hour on", time.Hour, -time.Second, 9 * time.Second},
		{"twenty years on", 20 * 365 * 24 * time.Hour, 0, 10 * time.Second},
		{"45 years back", -45 * 365 * 24 * time.Hour, 0, 10 * time.Second},
		{"set back after the packet came", -time.Hour, time.Hour, 10 * time.Second},
		{"set on after the packet came", time.Hour, -time.Hour, 10 * time.Second},
		{"as it was", 0, -time.Second, 9 * time.Second},
		{"as it was, a packet that waited", 0, -5 * time.Second, 5 * time.Second},
		{"as it was, a stamp of the future", 0, time.Hour, 10 * time.Second},
	} {
		wall := began.Add(passed + test.wall)
		if got := c.place(wall.Add(test.stamp), wall, passed).Sub(began); got != test.want {
			t.Errorf("%s: %s after the beginning, want %s", test.name, got, test.want)
		}
	}
	stamp := began.Add(passed - time.Second)
	if got := c.place(stamp, began.Add(passed+time.Microsecond), passed); got != stamp {
		t.Errorf("nobody set the clock, and %s became %s", stamp, got)
	}
	if d := time.Until(c.Now()); d.Abs() > time.Minute {
		t.Errorf("now is %s from now", d)
	}
}
