package ban

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// linger is how long automatic decisions gather before they are written
	// together; somebody who waits in Durable cuts it short.
	linger = 100 * time.Millisecond
	// A journal that does not work is tried again after firstRetry, then ever
	// more seldom, up to lastRetry.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 4 * time.Second
)

// ErrStopped is what Durable gives when the Writer ended before the change was saved.
var ErrStopped = errors.New("journal writer stopped")

// Writer makes a Journal follow a Table, in group commits, off the road: the
// table never waits for it. When the journal fails nothing is lost, because the
// table itself is the queue: the Writer says so and tries again.
type Writer struct {
	table   *Table
	journal Journal
	after   func(time.Duration) <-chan time.Time
	// urgent holds a token when somebody waits in Durable.
	urgent chan struct{}

	mu      sync.Mutex
	saved   uint64
	fault   error
	stopped bool
	// turn is closed and replaced when one of the three above changes.
	turn chan struct{}
}

// NewWriter makes a Writer for a table, after its Restore if there is one.
// after is the clock: time.After in a daemon.
func NewWriter(table *Table, journal Journal, after func(time.Duration) <-chan time.Time) *Writer {
	return &Writer{
		table: table, journal: journal, after: after,
		urgent: make(chan struct{}, 1),
		saved:  table.follow(),
		turn:   make(chan struct{}),
	}
}

// passing says that an entry is not worth the disk: forged packets cause any
// number of limits without proof, which last a minute, and by the next start they
// are over.
func (b *Ban) passing() bool {
	return (b.Action == Limit || b.Action == Slow) && b.Proof == "none" && !b.Human()
}

// Run follows the table until ctx ends, then writes what is left and returns
// the error of that last attempt.
func (w *Writer) Run(ctx context.Context) error {
	changed, stop := w.table.Watch()
	defer stop()
	defer w.update(func() { w.stopped = true })
	retry := firstRetry
	for {
		if err := w.flush(); err == nil {
			retry = firstRetry
			w.gather(ctx, changed)
		} else {
			select {
			case <-w.after(retry):
			case <-ctx.Done():
			}
			retry = min(2*retry, lastRetry)
		}
		if ctx.Err() != nil {
			return w.flush()
		}
	}
}

// gather returns when there is something to write and no reason to wait for more.
func (w *Writer) gather(ctx context.Context, changed <-chan struct{}) {
	select {
	case <-changed:
	case <-ctx.Done():
		return
	}
	select {
	case <-w.urgent:
	case <-w.after(linger):
	case <-ctx.Done():
	}
}

// flush writes all there is. What comes meanwhile waits for the next flush: it
// has left its token.
func (w *Writer) flush() error {
	for {
		entries, last := w.table.Since(w.saved)
		if lasting := slices.DeleteFunc(slices.Clone(entries), func(b Ban) bool { return b.passing() }); len(lasting) > 0 {
			if err := w.journal.Append(lasting); err != nil {
				w.update(func() {
					w.fault = err
					if errors.Is(err, ErrLost) {
						w.saved = 0
					}
				})
				return fmt.Errorf("save bans: %w", err)
			}
		}
		w.table.settle(last)
		w.update(func() { w.saved, w.fault = last, nil })
		if len(entries) < batch {
			return nil
		}
	}
}

// update changes the Writer's state and wakes those who wait for it.
func (w *Writer) update(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
	close(w.turn)
	w.turn = make(chan struct{})
}

// Durable waits until the change with this number outlives the process. It
// keeps waiting while the journal fails; ctx says how long.
func (w *Writer) Durable(ctx context.Context, seq uint64) error {
	for {
		w.mu.Lock()
		saved, fault, stopped, turn := w.saved, w.fault, w.stopped, w.turn
		w.mu.Unlock()
		switch {
		case saved >= seq:
			return nil
		case stopped:
			return fmt.Errorf("save ban: %w", errors.Join(ErrStopped, fault))
		}
		select {
		case w.urgent <- struct{}{}:
		default: // somebody else has asked for haste
		}
		select {
		case <-turn:
		case <-ctx.Done():
			return fmt.Errorf("save ban: %w", errors.Join(ctx.Err(), fault))
		}
	}
}

// Degraded says what is wrong, for `status`; empty while the journal follows.
func (w *Writer) Degraded() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == nil {
		return ""
	}
	return "state not saved: " + w.fault.Error()
}
