// Package clock is the time of a daemon, which a wall clock that is set does not
// upset.
package clock

import "time"

const (
	// clockNoise is by how much wall and monotonic clock may differ without a
	// step of the wall's: what is read at two moments is never quite equal.
	clockNoise = time.Millisecond
	// oldestStamp is the longest that a packet can have waited for a lane.
	oldestStamp = time.Minute
)

// Clock is the time of everything live: the wall's when the daemon began, and
// from then on the monotonic clock's. A wall clock that is set, by hand or over
// the network, then neither ends bans nor holds up time-outs.
type Clock struct{ began time.Time }

// New begins at the present.
func New() Clock { return Clock{time.Now()} }

// Began is when that was.
func (c Clock) Began() time.Time { return c.began.Round(0) }

// Now is the present.
func (c Clock) Now() time.Time {
	read := time.Now()
	return c.place(read.Round(0), read.Round(0), read.Sub(c.began))
}

// Of is the moment of a stamp that was taken from the wall clock, lately: how
// long ago that was counts, and not what the wall clock says today.
func (c Clock) Of(stamp time.Time) time.Time {
	read := time.Now()
	return c.place(stamp, read.Round(0), read.Sub(c.began))
}

// place is Of, when the wall clock shows wall and so much time has passed.
func (c Clock) place(stamp, wall time.Time, passed time.Duration) time.Time {
	now, age := c.began.Round(0).Add(passed), wall.Sub(stamp)
	if now.Sub(wall).Abs() < clockNoise && age >= 0 {
		return stamp
	}
	if age < 0 || age > oldestStamp {
		age = 0 // the wall clock was set in between
	}
	return now.Add(-age)
}
