package reports

import (
	"sync/atomic"

	"github.com/sipward/sipward/internal/event"
)

const (
	// queueEvents and queueBytes bound what servers told and nobody has looked at
	// yet.
	queueEvents = 2048
	queueBytes  = 2 << 20
	// atOnce is how many a lane takes before it looks at the wire again.
	atOnce = 256
)

// Queue is where a lane's reports wait. It is not where log lines and people's
// orders wait, so that a flood of reports keeps neither from their lane.
type Queue struct {
	events chan waiting
	bytes  atomic.Int64
}

// waiting is an event and the bytes that it keeps.
type waiting struct {
	event event.Event
	size  int64
}

// NewQueue makes an empty one.
func NewQueue() *Queue { return &Queue{events: make(chan waiting, queueEvents)} }

// Put keeps a copy of an event; false when there is no room.
func (q *Queue) Put(e *event.Event) bool {
	kept, size := e.Kept()
	w := waiting{kept, int64(size)}
	if q.bytes.Add(w.size) <= queueBytes {
		select {
		case q.events <- w:
			return true
		default:
		}
	}
	q.bytes.Add(-w.size)
	return false
}

// Take calls see for what waits, but not for long: the wire does not wait.
func (q *Queue) Take(see func(*event.Event)) {
	for range atOnce {
		select {
		case w := <-q.events:
			q.bytes.Add(-w.size)
			see(&w.event)
		default:
			return
		}
	}
}

// Len is how many wait.
func (q *Queue) Len() int { return len(q.events) }
