package ban

import (
	"iter"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gaissmai/bart"
)

// Memory is what an ended entry is kept for: escalation counts the drops of so long.
const Memory = 30 * 24 * time.Hour

const (
	// batch bounds what Since gives at once, and so how long it holds the lock.
	batch = 4096
	// pastPerSource bounds the history of one prefix, so that nobody fills it alone,
	// where Limits do not say another figure.
	pastPerSource = 32
	// pastFleeting bounds how many run-out limits without proof are remembered,
	// where Limits do not say another figure: whoever forges addresses makes any
	// number of them, and they must not push out what somebody really did.
	pastFleeting = 4096
	// humanRoom is kept free for people when the machine has filled the table.
	humanRoom = 10_000
)

// Limits bound the table's memory; zero means the default.
type Limits struct {
	// Live is how many entries may be in force (500,000). No live entry is ever
	// pushed out: the newcomer is refused, and counted.
	Live int
	// History is how many ended entries are remembered (200,000), PerSource how
	// many of them of one prefix (32). Limits without proof have a history of their
	// own, of Fleeting entries (4096).
	History, PerSource, Fleeting int
}

// Table is the one truth about who is out or in. It is safe for concurrent
// use and reads no clock: every call brings its own time.
type Table struct {
	limits Limits

	mu sync.RWMutex
	// seq is the number of the last change; saved the last that the journal holds.
	seq, saved uint64
	// prefixes holds what there is of each prefix, live or ended; lives is how many
	// entries are live, counts the same by kind.
	prefixes map[place]*record
	lives    int
	counts   [KindBlock + 1]int
	// wide holds the prefixes of live entries that are more than one host.
	wide bart.Lite
	// running, ended and fleeting hold every entry once, in the order of their Seq:
	// live, ended, and ended without ever having had proof.
	running, ended, fleeting chain
	deadlines                deadlines
	refused                  uint64
	// spare are entries that were forgotten, to be used again, linked by next.
	spare    *entry
	watchers map[chan struct{}]struct{}
}

// NewTable makes an empty table.
func NewTable(limits Limits) *Table {
	if limits.Live == 0 {
		limits.Live = 500_000
	}
	if limits.History == 0 {
		limits.History = 200_000
	}
	if limits.PerSource == 0 {
		limits.PerSource = pastPerSource
	}
	if limits.Fleeting == 0 {
		limits.Fleeting = pastFleeting
	}
	return &Table{
		limits: limits,
		// Without a journal everything is as safe as it will ever be.
		saved:    unfollowed,
		prefixes: make(map[place]*record),
		watchers: make(map[chan struct{}]struct{}),
	}
}

// unfollowed is the saved mark of a table that has no journal.
const unfollowed = ^uint64(0)

// Put enters a decision, or merges it with the live entry of the same Key (see
// merge). It returns the entry as it now is, and whether the kernel must be
// told. b.Since is the present; Seq, ID, Times and Ended are the table's to set.
// A decision that cannot be entered (no prefix, no action, already over, table
// full) comes back with Seq 0.
func (t *Table) Put(b Ban) (Ban, bool) {
	b.Prefix = canonical(b.Prefix)
	b.Seq, b.ID, b.Times, b.Ended, b.EndedBy = 0, 0, 0, time.Time{}, ""
	if !b.valid() || !b.Live(b.Since) {
		return b, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, kind := t.record(b.Prefix), b.kind()
	e := r.live(kind, b.Port)
	if e != nil && !e.Live(b.Since) {
		t.end(e, e.Until, "") // it ran out, and the tick has not come yet
		e = nil
	}
	if e != nil {
		return t.join(e, &b)
	}
	if !t.room(&b) {
		t.refused++
		return b, false
	}
	if b.Action == Drop {
		b.Times = r.drops(b.Since) + 1
	}
	e = t.begin(&b)
	t.trim(b.Since)
	return e.Ban, true
}

// valid says that an entry can stand in the table.
func (b *Ban) valid() bool {
	return b.Prefix.IsValid() && (b.Action.Blocks() || b.Action == Allow || b.Action == Pass) && b.Scope <= ScopeAll
}

// room says whether a new entry may enter.
func (t *Table) room(b *Ban) bool {
	limit := t.limits.Live
	if b.Human() {
		limit += humanRoom
	}
	return t.lives < limit
}

// join merges an order into a live entry.
func (t *Table) join(e *entry, order *Ban) (Ban, bool) {
	next, changed := merge(&e.Ban, order)
	if !changed {
		return e.Ban, false
	}
	if next.Action == Drop && e.Action != Drop {
		next.Times = t.record(next.Prefix).drops(next.Since) + 1
	}
	told := next.Action != e.Action || next.Scope != e.Scope || !next.Until.Equal(e.Until)
	t.running.remove(e)
	e.Ban = next
	t.stamp(e)
	t.running.push(e)
	t.deadlines.set(e)
	return e.Ban, told
}

// begin makes a live entry. A limit or pass that comes back takes the place of
// its old, run-out self: only drops and orders are worth a history, and one
// source that is limited every minute must not fill it.
func (t *Table) begin(b *Ban) *entry {
	e := t.unused()
	e.Ban, e.turn = *b, -1
	t.stamp(e)
	e.ID = e.Seq
	old := t.record(b.Prefix).comesBack(b)
	if old != nil {
		e.ID = old.ID
	}
	t.admit(e)
	if old != nil {
		t.forget(old)
	}
	return e
}

// unused gives an entry to fill.
func (t *Table) unused() *entry {
	e := t.spare
	if e == nil {
		return new(entry)
	}
	t.spare, e.next = e.next, nil
	return e
}

// admit files a live entry whose Seq is the newest.
func (t *Table) admit(e *entry) {
	t.enroll(e.Prefix).admit(e)
	t.lives++
	t.counts[e.kind()]++
	if !e.Prefix.IsSingleIP() {
		t.wide.Insert(e.Prefix)
	}
	t.running.push(e)
	t.deadlines.set(e)
}

// Remove ends the live entries of one kind that a prefix has, and returns
// them. A human who lifts a block also clears the source's escalation: the
// next drop counts as the first.
func (t *Table) Remove(p netip.Prefix, kind Kind, by string, at time.Time) []Ban {
	t.mu.Lock()
	defer t.mu.Unlock()
	p = canonical(p)
	var over []*entry
	for _, e := range t.of(p) {
		if e.kind() == kind {
			over = append(over, e)
		}
	}
	slices.SortFunc(over, bySeq)
	ended := t.lift(over, by, at)
	if kind == KindBlock && byHuman(by) {
		t.forgive(t.record(p))
	}
	t.trim(at)
	return ended
}

// RemoveAll ends every live entry of one kind, as Remove does, and returns them.
func (t *Table) RemoveAll(kind Kind, by string, at time.Time) []Ban {
	t.mu.Lock()
	defer t.mu.Unlock()
	var over []*entry
	for e := t.running.first; e != nil; e = e.next {
		if e.kind() == kind {
			over = append(over, e)
		}
	}
	ended := t.lift(over, by, at)
	if kind == KindBlock && byHuman(by) {
		for _, r := range t.prefixes {
			t.forgive(r)
		}
	}
	t.trim(at)
	return ended
}

func byHuman(by string) bool { return (&Ban{By: by}).Human() }

// lift ends entries before their time.
func (t *Table) lift(over []*entry, by string, at time.Time) []Ban {
	ended := make([]Ban, 0, len(over))
	for _, e := range over {
		t.end(e, at, by)
		ended = append(ended, e.Ban)
	}
	return ended
}

// Expire ends the entries whose time has run out, and returns them in the order
// of their ends. Its cost depends on their number, not on the table's size.
func (t *Table) Expire(now time.Time) []Ban { return t.ExpireInto(nil, now) }

// ExpireInto is Expire for who calls it every second: it appends what ended to
// a slice.
func (t *Table) ExpireInto(ended []Ban, now time.Time) []Ban {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := t.deadlines.due(now); e != nil; e = t.deadlines.due(now) {
		t.end(e, e.Until, "")
		ended = append(ended, e.Ban)
	}
	t.trim(now)
	return ended
}

// end moves a live entry into history.
func (t *Table) end(e *entry, at time.Time, by string) {
	t.dismiss(e)
	t.running.remove(e)
	t.deadlines.drop(e)
	e.Ended, e.EndedBy = at, by
	t.stamp(e)
	t.remember(e)
}

// dismiss takes an entry out of the live indexes.
func (t *Table) dismiss(e *entry) {
	r := t.record(e.Prefix)
	r.dismiss(e)
	t.lives--
	t.counts[e.kind()]--
	if !e.Prefix.IsSingleIP() && r.idle() {
		t.wide.Delete(e.Prefix)
	}
}

// of gives the live entries of exactly this prefix, in no order.
func (t *Table) of(p netip.Prefix) []*entry { return t.record(p).all() }

// stamp gives an entry the next change number and wakes the followers.
func (t *Table) stamp(e *entry) {
	t.seq++
	e.Seq = t.seq
	for w := range t.watchers {
		select {
		case w <- struct{}{}:
		default: // it has been woken and not yet looked
		}
	}
}

// Get gives the live entry of a key.
func (t *Table) Get(key Key) (Ban, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if e := t.record(canonical(key.Prefix)).live(key.Kind, key.Port); e != nil {
		return e.Ban, true
	}
	return Ban{}, false
}

// Holds says that there is an entry of a key in force.
func (t *Table) Holds(key Key, at time.Time) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.record(canonical(key.Prefix)).live(key.Kind, key.Port)
	return e != nil && e.Live(at)
}

// Covering gives the live entries that concern an address: its own first, then
// those of ever wider prefixes.
func (t *Table) Covering(addr netip.Addr) []Ban {
	addr = addr.Unmap().WithZone("")
	host := netip.PrefixFrom(addr, addr.BitLen())
	if !host.IsValid() {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	found := states(t.of(host))
	for p := range t.wide.Supernets(host) {
		found = append(found, states(t.of(p))...)
	}
	return found
}

// Live walks the live entries of one kind, oldest change first. The table may
// be used and may change meanwhile: what ends is left out, what comes is not seen.
func (t *Table) Live(kind Kind) iter.Seq[Ban] {
	return func(yield func(Ban) bool) {
		t.mu.RLock()
		type noted struct {
			*entry
			id uint64
		}
		snapshot := make([]noted, 0, t.counts[kind])
		for e := t.running.first; e != nil; e = e.next {
			if e.kind() == kind {
				snapshot = append(snapshot, noted{e, e.ID})
			}
		}
		t.mu.RUnlock()
		for _, e := range snapshot {
			t.mu.RLock()
			b := e.Ban
			t.mu.RUnlock()
			// What was forgotten meanwhile may hold another ban by now.
			if b.ID == e.id && b.Ended.IsZero() && !yield(b) {
				return
			}
		}
	}
}

// Len is how many entries of a kind are live.
func (t *Table) Len(kind Kind) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.counts[kind]
}

// Size says how full one of the table's memories is.
type Size struct {
	Name string
	// Entries are in it, of at most Cap; Evicted is how many had no room.
	Entries, Cap int
	Evicted      uint64
}

// Sizes says how full the table is: what is live, where the newcomer is refused,
// and the two histories, where the oldest goes.
func (t *Table) Sizes() []Size {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return []Size{
		{"bans", t.lives, t.limits.Live, t.refused},
		{"bans_ended", t.ended.len, t.limits.History, t.ended.evicted},
		{"limits_ended", t.fleeting.len, t.limits.Fleeting, t.fleeting.evicted},
	}
}

// Refused is how many decisions found the table full.
func (t *Table) Refused() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.refused
}
