package ban

import (
	"math"
	"time"
)

// deadlines is a heap of the entries that run out, the soonest on top. Equal
// ends go by ID, so that a restored table ends them in the same order.
type deadlines []deadline

// deadline is when an entry ends. It is kept beside the entry, since a heap
// compares many entries and looks at few.
type deadline struct {
	until int64 // in nanoseconds
	id    uint64
	*entry
}

func (d deadline) before(other deadline) bool {
	return d.until < other.until || d.until == other.until && d.id < other.id
}

// farthest is the last second that is told apart, some centuries away; what a
// human orders for longer ends never, which nobody will notice.
const farthest = 1 << 33

// nanos is a time in nanoseconds, within those centuries.
func nanos(t time.Time) int64 {
	switch s := t.Unix(); {
	case s >= farthest:
		return math.MaxInt64
	case s <= -farthest:
		return math.MinInt64
	}
	return t.UnixNano()
}

// set gives an entry its place after its Until has changed.
func (d *deadlines) set(e *entry) {
	if e.Until.IsZero() {
		d.drop(e)
		return
	}
	if e.turn < 0 {
		e.turn = len(*d)
		*d = append(*d, deadline{entry: e})
	}
	(*d)[e.turn].until, (*d)[e.turn].id = nanos(e.Until), e.ID
	d.settle(e.turn)
}

// drop takes an entry out, if it is in.
func (d *deadlines) drop(e *entry) {
	if e.turn < 0 {
		return
	}
	turn, last := e.turn, len(*d)-1
	d.swap(turn, last)
	(*d)[last] = deadline{}
	*d = (*d)[:last]
	e.turn = -1
	if turn < last {
		d.settle(turn)
	}
}

// due gives the first entry if its time is over, or nil.
func (d deadlines) due(now time.Time) *entry {
	if len(d) == 0 || d[0].until > nanos(now) {
		return nil
	}
	return d[0].entry
}

// settle moves the entry at a turn to where it belongs.
func (d deadlines) settle(turn int) {
	for turn > 0 && d[turn].before(d[(turn-1)/2]) {
		d.swap(turn, (turn-1)/2)
		turn = (turn - 1) / 2
	}
	for {
		first := turn
		for child := 2*turn + 1; child <= 2*turn+2 && child < len(d); child++ {
			if d[child].before(d[first]) {
				first = child
			}
		}
		if first == turn {
			return
		}
		d.swap(turn, first)
		turn = first
	}
}

func (d deadlines) swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].turn, d[j].turn = i, j
}
