package ban

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is a journal that can be made to fail. Each Append first waits for a
// word on gate, if there is one.
type memory struct {
	gate chan error

	mu      sync.Mutex
	rows    map[uint64]Ban
	commits int
}

func (m *memory) Append(entries []Ban) error {
	if m.gate != nil {
		if err := <-m.gate; err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == nil {
		m.rows = make(map[uint64]Ban)
	}
	for _, b := range entries {
		m.rows[b.ID] = b
	}
	m.commits++
	return nil
}

func (m *memory) Load(give func(Ban)) error {
	for _, b := range m.saved() {
		give(b)
	}
	return nil
}

func (m *memory) saved() []Ban {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Ban
	for _, b := range m.rows {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b Ban) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}

// clock hands out timers that fire when the test says so.
type clock struct {
	asked chan time.Duration
	fire  chan time.Time
}

func newClock() *clock { return &clock{make(chan time.Duration, 1000), make(chan time.Time)} }

func (c *clock) after(d time.Duration) <-chan time.Time {
	c.asked <- d
	return c.fire
}

// start runs a Writer until the test, or the returned function, ends it.
func start(t *testing.T, w *Writer) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { stop() })
	return stop
}

// soon ends a wait that the test would otherwise hang in.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

var errFull = errors.New("disk full")

func TestWriterKeepsTryingAndLosesNothing(t *testing.T) {
	table, journal, ticks := NewTable(Limits{}), &memory{gate: make(chan error)}, newClock()
	w := NewWriter(table, journal, ticks.after)
	start(t, w)
	first, _ := table.Put(drop("203.0.113.7", noon, time.Hour))
	acked := make(chan error, 1)
	go func() { acked <- w.Durable(soon(t), first.Seq) }()

	fails := func(want time.Duration) {
		t.Helper()
		journal.gate <- errFull
		// The gatherings before the attempt may have asked for their own.
		got := <-ticks.asked
		for got == linger {
			got = <-ticks.asked
		}
		if got != want*time.Millisecond {
			t.Fatalf("waits %v, want %v", got, want*time.Millisecond)
		}
	}
	for _, want := range []time.Duration{250, 500, 1000, 2000, 4000, 4000} {
		fails(want)
		if got := w.Degraded(); got != "state not saved: disk full" {
			t.Fatalf("Degraded = %q", got)
		}
		table.Put(drop("203.0.113.8", noon, time.Hour+want)) // changes go on meanwhile
		ticks.fire <- noon
	}
	select {
	case err := <-acked:
		t.Fatalf("acknowledged (%v) before it was saved", err)
	default:
	}
	journal.gate <- nil
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
	// The next trouble is a new one.
	last, _ := table.Put(drop("203.0.113.9", noon, time.Hour))
	go func() { acked <- w.Durable(soon(t), last.Seq) }()
	fails(250)
	ticks.fire <- noon
	close(journal.gate)
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
	if got := w.Degraded(); got != "" {
		t.Errorf("Degraded = %q after it works again", got)
	}
	if got := journal.saved(); !reflect.DeepEqual(got, everything(table, 0)) {
		t.Errorf("journal %+v, table %+v", got, everything(table, 0))
	}
}

// TestWriterGathers holds that automatic decisions are written together, and
// that they do not wait for ever.
// TestWriterLeavesOutWhatPasses: limits without proof are not written, and
// nobody waits for them; what becomes of them is.
func TestWriterLeavesOutWhatPasses(t *testing.T) {
	table := NewTable(Limits{})
	journal := &memory{}
	w := NewWriter(table, journal, newClock().after)
	lasts := time.Minute
	put := func(action Action, proof, by string) Ban {
		lasts += time.Second
		b := drop("203.0.113.7", noon, lasts)
		b.Action, b.Proof, b.By = action, proof, by
		entry, _ := table.Put(b)
		return entry
	}
	for _, test := range []struct {
		action    Action
		proof, by string
		saved     int
	}{
		{Limit, "none", Self, 0}, {Slow, "none", Self, 0}, {Slow, "C", Self, 1}, {Drop, "none", Self, 1}, {Limit, "none", "alice", 1},
	} {
		entry := put(test.action, test.proof, test.by)
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := w.Durable(ctx, entry.Seq); err != nil {
			t.Errorf("%s by %s: %v", test.action, test.by, err)
		}
		if n := len(journal.saved()); n != test.saved {
			t.Errorf("%s with proof %s by %s: %d are saved, want %d", test.action, test.proof, test.by, n, test.saved)
		}
	}
}

func TestWriterGathers(t *testing.T) {
	table, journal, ticks := NewTable(Limits{}), &memory{}, newClock()
	w := NewWriter(table, journal, ticks.after)
	start(t, w)
	b, _ := table.Put(drop("203.0.113.7", noon, time.Hour))
	if err := w.Durable(soon(t), b.Seq); err != nil {
		t.Fatal(err)
	}
	before := journal.commits
	for i := range 100 {
		b, _ = table.Put(drop(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String(), noon, time.Hour))
	}
	// The linger ends by itself: no one has to ask.
	for saved := uint64(0); saved < b.Seq; {
		w.mu.Lock()
		turn := w.turn
		saved = w.saved
		w.mu.Unlock()
		if saved < b.Seq {
			select {
			case ticks.fire <- noon:
			case <-turn:
			}
		}
	}
	// One for all, and one if a late cry of the Durable above cut in.
	if got := journal.saved(); len(got) != 101 || journal.commits > before+2 {
		t.Errorf("%d saved in %d commits", len(got), journal.commits-before)
	}
}

// TestWriterBeginsAgain holds that a journal that lost its content is given all.
func TestWriterBeginsAgain(t *testing.T) {
	table, journal, ticks := NewTable(Limits{}), &memory{gate: make(chan error, 1)}, newClock()
	w := NewWriter(table, journal, ticks.after)
	start(t, w)
	a, _ := table.Put(drop("203.0.113.7", noon, time.Hour))
	journal.gate <- nil
	if err := w.Durable(soon(t), a.Seq); err != nil {
		t.Fatal(err)
	}
	journal.mu.Lock()
	clear(journal.rows)
	journal.mu.Unlock()
	b, _ := table.Put(drop("203.0.113.8", noon, time.Hour))
	acked := make(chan error, 1)
	go func() { acked <- w.Durable(soon(t), b.Seq) }()
	journal.gate <- errors.Join(ErrLost)
	for d := range ticks.asked {
		if d == firstRetry {
			break
		}
	}
	close(journal.gate)
	ticks.fire <- noon
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
	if got := journal.saved(); len(got) != 2 {
		t.Errorf("journal has %+v", got)
	}
}

func TestDurableGivesUp(t *testing.T) {
	table, journal, ticks := NewTable(Limits{}), &memory{gate: make(chan error, 1)}, newClock()
	w := NewWriter(table, journal, ticks.after)
	b, _ := table.Put(drop("203.0.113.7", noon, time.Hour))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Durable(ctx, b.Seq); !errors.Is(err, context.Canceled) {
		t.Errorf("with nobody writing: %v", err)
	}
	stop := start(t, w)
	journal.gate <- errFull
	<-ticks.asked
	if err := w.Durable(ctx, b.Seq); !errors.Is(err, context.Canceled) || !errors.Is(err, errFull) {
		t.Errorf("while the disk is full: %v", err)
	}
	journal.gate <- errFull
	if err := stop(); !errors.Is(err, errFull) {
		t.Errorf("Run ended with %v", err)
	}
	if err := w.Durable(soon(t), b.Seq); !errors.Is(err, ErrStopped) || !strings.Contains(w.Degraded(), "disk full") {
		t.Errorf("after the end: %v, %q", err, w.Degraded())
	}
}

// TestWriterContinuesAfterRestore holds that what the journal gave is not
// written back to it, and what restoring changed is.
func TestWriterContinuesAfterRestore(t *testing.T) {
	old := NewTable(Limits{})
	old.Put(drop("203.0.113.7", noon, time.Minute))
	old.Put(drop("203.0.113.8", noon, time.Hour))
	table, journal, ticks := NewTable(Limits{}), &memory{}, newClock()
	table.Restore(giving(everything(old, 0)...), noon.Add(time.Minute))
	w := NewWriter(table, journal, ticks.after)
	start(t, w)
	if err := w.Durable(soon(t), table.seq); err != nil {
		t.Fatal(err)
	}
	if got := journal.saved(); len(got) != 1 || got[0].Ended.IsZero() {
		t.Errorf("written after the start: %+v", got)
	}
}

// TestConcurrentUse is for the race detector; in the end the journal and a slow
// follower must hold what the table holds.
func TestConcurrentUse(t *testing.T) {
	table, journal := NewTable(Limits{}), &memory{}
	w := NewWriter(table, journal, time.After)
	stop := start(t, w)
	changed, unwatch := table.Watch()
	defer unwatch()
	var work sync.WaitGroup
	for lane := range 4 {
		work.Go(func() {
			for i := range 500 {
				now := noon.Add(time.Duration(i) * time.Second)
				b := drop(netip.AddrFrom4([4]byte{10, 0, byte(lane), byte(i % 50)}).String(), now, time.Duration(i%7)*time.Minute+1)
				got, _ := table.Put(b)
				switch i % 10 {
				case 0:
					table.Remove(b.Prefix, KindBlock, "admin", now)
				case 1:
					table.Expire(now)
				case 2:
					table.Covering(b.Prefix.Addr())
					table.Drops(b.Prefix, now)
				case 3:
					for range table.Live(KindBlock) {
					}
				case 4:
					if err := w.Durable(soon(t), got.Seq); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	seen := map[uint64]Ban{}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	var at uint64
	follow := func() {
		for {
			some, next := table.Since(at)
			if len(some) == 0 {
				return
			}
			for _, b := range some {
				seen[b.ID] = b
			}
			at = next
		}
	}
	for running := true; running; {
		select {
		case <-changed:
		case <-done:
			running = false
		}
		follow()
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	saved := journal.saved()
	inJournal := map[uint64]Ban{}
	for _, b := range saved {
		inJournal[b.ID] = b
	}
	for _, b := range everything(table, 0) {
		if !reflect.DeepEqual(inJournal[b.ID], b) || !reflect.DeepEqual(seen[b.ID], b) {
			t.Errorf("table %+v\njournal %+v\nfollower %+v", b, inJournal[b.ID], seen[b.ID])
		}
	}
}
