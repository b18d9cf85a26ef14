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
	e.shorten()
	t.chainOf(e).push(e)
	r := t.enroll(e.Prefix)
	r.past = append(r.past, pastOf(e))
	if len(r.past) > t.limits.PerSource && t.expendable(r.past[0].entry) {
		t.forget(r.past[0].entry)
	}
}

// pastItems is how much of the evidence is kept of an ended entry.
const pastItems = 4

// shorten keeps the latest evidence of an entry.
func (e *entry) shorten() {
	if extra := len(e.Evidence) - pastItems; extra > 0 {
		e.Evidence = slices.Clone(e.Evidence[extra:])
	}
}

// chainOf is the history that an ended entry is in.
func (t *Table) chainOf(e *entry) *chain {
	if e.passing() {
		return &t.fleeting
	}
	return &t.ended
}

// forget drops an ended entry.
func (t *Table) forget(e *entry) {
	t.chainOf(e).remove(e)
	r := t.record(e.Prefix)
	r.forget(e)
	if len(r.past) == 0 && r.idle() {
		delete(t.prefixes, placeOf(e.Prefix))
	}
	*e = entry{next: t.spare, turn: -1}
	t.spare = e
}

// expendable says that nothing is lost but history when an ended entry goes:
// the journal knows that it ended, and will not bring it back to life.
func (t *Table) expendable(e *entry) bool { return e.Seq <= t.saved }

// trim forgets what is too old or too much. While the journal lags, ended
// entries wait for it, up to the number that can be live.
func (t *Table) trim(now time.Time) {
	t.shrink(&t.ended, t.limits.History, now)
	t.shrink(&t.fleeting, t.limits.Fleeting, now)
}

func (t *Table) shrink(c *chain, most int, now time.Time) {
	for e := c.first; e != nil; e = c.first {
		if c.len <= most && now.Sub(e.Ended) <= Memory {
			return
		}
		if !t.expendable(e) && c.len <= most+t.limits.Live {
			return
		}
		if c.len > most {
			c.evicted++
		}
		t.forget(e)
	}
}

// forgive clears the escalation of a source: its drops stay in history with
// Times 0, and such drops do not count.
func (t *Table) forgive(r *record) {
	if r == nil {
		return
	}
	for i := range r.past {
		e := r.past[i].entry
		if e.Times == 0 {
			continue
		}
		e.Times = 0
		c := t.chainOf(e)
		c.remove(e)
		t.stamp(e)
		c.push(e)
		r.past[i] = pastOf(e)
	}
	slices.SortFunc(r.past, func(a, b past) int { return bySeq(a.entry, b.entry) })
}

// Drops is how often a prefix has been dropped within Memory before now, not
// counting a drop in force. Policy escalates by it.
func (t *Table) Drops(p netip.Prefix, now time.Time) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.record(canonical(p)).drops(now)
}

// History gives all that is known of exactly this prefix, newest change first.
func (t *Table) History(p netip.Prefix) []Ban {
	t.mu.RLock()
	defer t.mu.RUnlock()
	p = canonical(p)
	entries := t.of(p)
	if r := t.record(p); r != nil {
		for i := range r.past {
			entries = append(entries, r.past[i].entry)
		}
	}
	slices.SortFunc(entries, func(a, b *entry) int { return bySeq(b, a) })
	return states(entries)
}

// Since gives the entries that changed after seq, each once and as it now is,
// in the order of their changes, and the number to ask with next time. It gives
// a bounded number at once: ask until there are none.
func (t *Table) Since(seq uint64) ([]Ban, uint64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	next := [...]*entry{t.running.after(seq), t.ended.after(seq), t.fleeting.after(seq)}
	var out []Ban
	for len(out) < batch {
		first := -1
		for i, e := range next {
			if e != nil && (first < 0 || e.Seq < next[first].Seq) {
				first = i
			}
		}
		if first < 0 {
			return out, t.seq
		}
		out = append(out, next[first].Ban)
		next[first] = next[first].next
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
	t.prefixes = make(map[place]*record, len(sorted))
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
		if old := t.record(e.Prefix).live(e.kind(), e.Port); old != nil {
			doubled = append(doubled, old)
		}
		t.admit(e)
	}
	for _, e := range doubled {
		t.end(e, now, "")
	}
	for e := t.deadlines.due(now); e != nil; e = t.deadlines.due(now) {
		t.end(e, e.Until, "")
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
