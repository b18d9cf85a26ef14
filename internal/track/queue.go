package track

// waiter is a request whose time to be answered runs.
type waiter struct {
	key uint64
	at  int64
}

// queue is a ring in order of arrival; when it is full the oldest is dropped,
// which only means that one silence goes unreported.
type queue struct {
	ring        []waiter
	first, size int
}

func (q *queue) push(w waiter) {
	if q.size == len(q.ring) {
		q.first = (q.first + 1) % len(q.ring)
		q.size--
	}
	q.ring[(q.first+q.size)%len(q.ring)] = w
	q.size++
}

// pop takes the oldest waiter if it arrived at or before the given time.
func (q *queue) pop(before int64) (waiter, bool) {
	if q.size == 0 || q.ring[q.first].at > before {
		return waiter{}, false
	}
	w := q.ring[q.first]
	q.first = (q.first + 1) % len(q.ring)
	q.size--
	return w, true
}
