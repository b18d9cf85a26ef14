package ban

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// remember files an ended entry whose Seq is the newest.
func (t *Table) remember(e *entry) {
	t.ended.push(e)
	past := append(t.past[e.Prefix], e)
	t.past[e.Prefix] = past
	if len(past) > t.limits.PerSource && t.expendable(past[0]) {
		t.forget(past[0])
	}
}

// forget drops an ended entry.
func (t *Table) forget(e *entry) {
	t.ended.remove(e)
	past := t.past[e.Prefix]
	if len(past) == 1 {
		delete(t.past, e.Prefix)
		return
	}
	at := slices.Index(past, e)
	t.past[e.Prefix] = slices.Delete(past, at, at+1)
}

// expendable says that nothing is lost but history when an ended entry goes:
// the journal knows that it ended, and will not bring it back to life.
func (t *Table) expendable(e *entry) bool { return e.Seq <= t.saved }

// trim forgets what is too old or too much. While the journal lags, ended
// entries wait for it, up to the number that can be live.
func (t *Table) trim(now time.Time) {
	for e := t.ended.first; e != nil; e = t.ended.first {
		if t.ended.len <= t.limits.History && now.Sub(e.Ended) <= Memory {
			return
		}
		if !t.expendable(e) && t.ended.len <= t.limits.History+t.limits.Live {
			return
		}
		t.forget(e)
	}
}

// forgive clears the escalation of a source: its drops stay in history with
// Times 0, and such drops do not count.
func (t *Table) forgive(p netip.Prefix) {
	past := t.past[p]
	for _, e := range past {
		if e.Times == 0 {
			continue
		}
		e.Times = 0
		t.ended.remove(e)
		t.stamp(e)
		t.ended.push(e)
	}
	slices.SortFunc(past, bySeq)
}

// Drops is how often a prefix has been dropped within Memory before now, not
// counting a drop in force. Policy escalates by it.
func (t *Table) Drops(p netip.Prefix, now time.Time) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.drops(canonical(p), now)
}

func (t *Table) drops(p netip.Prefix, now time.Time) int {
	n := 0
	for _, e := range t.past[p] {
		if e.Action == Drop && e.Times > 0 && now.Sub(e.Since) < Memory {
			n++
		}
	}
	return n
}

// History gives all that is known of exactly this prefix, newest change first.
func (t *Table) History(p netip.Prefix) []Ban {
	t.mu.RLock()
	defer t.mu.RUnlock()
	p = canonical(p)
	entries := append(t.of(p), t.past[p]...)
	slices.SortFunc(entries, func(a, b *entry) int { return bySeq(b, a) })
	return states(entries)
}

// Since gives the entries that changed after seq, each once and as it now is,
// in the order of their changes, and the number to ask with next time. It gives
// a bounded number at once: ask until there are none.
func (t *Table) Since(seq uint64) ([]Ban, uint64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	live, ended := t.running.after(seq), t.ended.after(seq)
	var out []Ban
	for len(out) < batch {
		var e *entry
		switch {
		case live == nil && ended == nil:
			return out, t.seq
		case ended == nil || live != nil && live.Seq < ended.Seq:
			e, live = live, live.next
		default:
			e, ended = ended, ended.next
		}
		out = append(out, e.Ban)
	}
	return out, out[len(out)-1].Seq
}

// Watch gives a channel that holds a token whenever something has changed since
// it was last emptied. Call stop when done with it.
func (t *Table) Watch() (changed <-chan struct{}, stop func()) {
	w := make(chan struct{}, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watchers[w] = struct{}{}
	return w, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watchers, w)
	}
}

// Restore fills an empty table with what a journal's Load gives back, and ends
// what has run out since. Entries that cannot be are left out and counted.
func (t *Table) Restore(load func(give func(Ban)) error, now time.Time) (skipped int, err error) {
	var sorted []*entry
	give := func(b Ban) { sorted = append(sorted, &entry{Ban: b, turn: -1}) }
	if err = load(give); errors.Is(err, ErrLost) {
		sorted = nil
		err = load(give)
	}
	if err != nil {
		return 0, fmt.Errorf("restore bans: %w", err)
	}
	slices.SortFunc(sorted, bySeq)
	return t.refill(sorted, now), nil
}

// refill files restored entries in the order of their Seq.
func (t *Table) refill(sorted []*entry, now time.Time) (skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved = 0
	t.live = make(map[Key]*entry, len(sorted))
	t.deadlines = make(deadlines, 0, len(sorted))
	var doubled []*entry
	for _, e := range sorted {
		if !e.valid() || e.Prefix != canonical(e.Prefix) || e.ID == 0 || e.Seq <= t.seq {
			skipped++
			continue
		}
		t.seq, t.saved = e.Seq, e.Seq
		if !e.Ended.IsZero() {
			t.remember(e)
			continue
		}
		if old := t.live[e.Key()]; old != nil {
			doubled = append(doubled, old)
		}
		t.admit(e)
	}
	for _, e := range doubled {
		t.end(e, now, "")
	}
	for len(t.deadlines) > 0 && !now.Before(t.deadlines[0].Until) {
		t.end(t.deadlines[0], t.deadlines[0].Until, "")
	}
	t.trim(now)
	return skipped
}

// follow tells the table that a journal now stands behind it, and gives the
// change number up to which the journal is equal to it.
func (t *Table) follow() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved == unfollowed {
		t.saved = 0
	}
	return t.saved
}

// settle notes how far the journal has come: what ended before may be forgotten.
func (t *Table) settle(seq uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved = seq
}
