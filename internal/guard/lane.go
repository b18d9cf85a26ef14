package guard

import (
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/track"
)

// Lane is the part of the hall that one remote address always walks through.
// It belongs to one goroutine.
type Lane struct {
	guard  *Guard
	track  *track.Tracker
	detect *detect.Engine
	// now is the lane's time: that of the latest event, never going back.
	now time.Time
	// tick is the last one, kept so that none is made for each second.
	tick event.Event
}

const (
	// second is the distance of two ticks in event time.
	second = time.Second
	// lull is the longest gap that is filled with ticks; every window of the
	// rooms is over by then.
	lull = 64 * second
)

// keepTime moves the lane to the event's time, with a tick for every whole
// second on the way, so that what is replayed later meets the same clock. An
// event that arrives late is given the lane's time.
func (l *Lane) keepTime(e *event.Event) {
	if e.Time.Before(l.now) {
		e.Time = l.now
	}
	if e.Kind != event.Tick {
		l.Advance(e.Time)
	}
	l.now = e.Time
}

// Advance lets time go by when nothing happens.
func (l *Lane) Advance(to time.Time) {
	if l.now.IsZero() {
		l.now = to
		return
	}
	if to.Unix() == l.now.Unix() {
		return // no second is over; most events come in the one of the last
	}
	next := l.now.Truncate(second).Add(second)
	if to.Sub(next) > lull {
		next = to.Truncate(second).Add(-lull)
	}
	for ; !next.After(to); next = next.Add(second) {
		l.tick = event.Event{Kind: event.Tick, Time: next}
		l.See(&l.tick)
		l.guard.Expire(next)
	}
}

// Recall gives the lane back what an earlier process knew of a source: a Pass of
// the table. It is for the start, before the lane sees anything.
func (l *Lane) Recall(b *ban.Ban, now time.Time) {
	l.detect.Recall(netip.AddrPortFrom(b.Prefix.Addr(), b.Port), b.Accounts, now, b.Until)
}

// Finish lets the windows run out after the last event of a replay.
func (l *Lane) Finish() {
	if !l.now.IsZero() {
		l.Advance(l.now.Add(lull))
	}
}

// Gauges says how full the lane's tables are; for its own goroutine.
func (l *Lane) Gauges() []bounded.Gauge { return append(l.track.Gauges(), l.detect.Gauges()...) }

// Now is the lane's time.
func (l *Lane) Now() time.Time { return l.now }
