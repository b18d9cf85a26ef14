package ban

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// model is the table as one would write it without any thought of speed: a
// list of everything, searched from end to end.
type model struct {
	all           []Ban
	seq           uint64
	live, history int
	fleeting      int
}

func (m *model) stamp(b *Ban) {
	m.seq++
	b.Seq = m.seq
}

func (m *model) find(key Key) *Ban {
	for i := range m.all {
		if m.all[i].Key() == key && m.all[i].Ended.IsZero() {
			return &m.all[i]
		}
	}
	return nil
}

func (m *model) countLive() (n int) {
	for _, b := range m.all {
		if b.Ended.IsZero() {
			n++
		}
	}
	return n
}

func (m *model) end(b *Ban, at time.Time, by string) {
	b.Ended, b.EndedBy = at, by
	if len(b.Evidence) > 4 {
		b.Evidence = b.Evidence[len(b.Evidence)-4:]
	}
	m.stamp(b)
	// No prefix keeps more than its share.
	mine := m.ended(func(o Ban) bool { return o.Prefix == b.Prefix })
	if len(mine) > pastPerSource {
		m.drop(mine[0].ID)
	}
}

// ended gives the ended entries that match, oldest change first.
func (m *model) ended(match func(Ban) bool) []Ban {
	var out []Ban
	for _, b := range m.all {
		if !b.Ended.IsZero() && match(b) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b Ban) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

func (m *model) drop(id uint64) {
	m.all = slices.DeleteFunc(m.all, func(b Ban) bool { return b.ID == id })
}

func (m *model) trim(now time.Time) {
	for most, unproven := range map[*int]bool{&m.history: false, &m.fleeting: true} {
		for {
			ended := m.ended(func(b Ban) bool {
				return (b.By == Self && b.Proof == "none" && (b.Action == Limit || b.Action == Slow)) == unproven
			})
			if len(ended) == 0 || len(ended) <= *most && now.Sub(ended[0].Ended) <= Memory {
				break
			}
			m.drop(ended[0].ID)
		}
	}
}

func (m *model) drops(p netip.Prefix, now time.Time) (n int) {
	for _, b := range m.all {
		if b.Prefix == p && !b.Ended.IsZero() && b.Action == Drop && b.Times > 0 && now.Sub(b.Since) < Memory {
			n++
		}
	}
	return n
}

func (m *model) put(b Ban) {
	key := b.Key()
	if old := m.find(key); old != nil && !old.Until.IsZero() && !b.Since.Before(old.Until) {
		m.end(old, old.Until, "")
	}
	if old := m.find(key); old != nil {
		m.merge(old, b)
		return
	}
	room := m.live
	if b.Human() {
		room += humanRoom
	}
	if m.countLive() >= room {
		return
	}
	if b.Action == Drop {
		b.Times = m.drops(b.Prefix, b.Since) + 1
	}
	m.stamp(&b)
	b.ID = b.Seq
	for _, old := range m.ended(func(o Ban) bool { return o.Key() == key && o.Action != Drop && o.EndedBy == "" }) {
		b.ID = old.ID
		m.drop(old.ID)
		break
	}
	m.all = append(m.all, b)
	m.trim(b.Since)
}

// merge spells out the rules one by one.
func (m *model) merge(old *Ban, b Ban) {
	was := *old
	var accounts []uint64
	for _, a := range was.Accounts {
		if !slices.Contains(b.Accounts, a) {
			accounts = append(accounts, a)
		}
	}
	accounts = append(accounts, b.Accounts...)
	if len(accounts) > 8 {
		accounts = accounts[len(accounts)-8:]
	}
	if len(b.Accounts) == 0 {
		accounts = was.Accounts
	}
	forever := was.Until.IsZero() || b.Until.IsZero()
	lasts := b.Until
	if forever {
		lasts = time.Time{}
	} else if was.Until.After(lasts) {
		lasts = was.Until
	}
	scope := b.Scope
	if was.Scope == ScopeAll {
		scope = ScopeAll
	}
	next := b
	next.Accounts = accounts
	switch {
	case b.By == "admin": // whatever it says
	case weaker(b.Action, was.Action):
		return
	case weaker(was.Action, b.Action):
		next.Scope = scope
		if was.By == Self && b.Action != Hold {
			next.Until = lasts
		}
	case scope == was.Scope && lasts.Equal(was.Until):
		if slices.Equal(accounts, was.Accounts) {
			return
		}
		next = was
		next.Accounts = accounts
	default:
		next.Scope, next.Until = scope, lasts
	}
	next.ID = was.ID
	if next.Action == was.Action {
		next.Since, next.Times = was.Since, was.Times
	} else if next.Action == Drop {
		next.Times = m.drops(next.Prefix, next.Since) + 1
	}
	m.stamp(&next)
	*old = next
}

// weaker compares two actions of one kind.
func weaker(a, b Action) bool {
	order := []Action{Limit, Slow, Hold, Drop}
	return slices.Index(order, a) < slices.Index(order, b)
}

func (m *model) remove(match func(Ban) bool, kind Kind, by string, at time.Time) {
	m.sort()
	for i := 0; i < len(m.all); {
		b := &m.all[i]
		if match(*b) && b.Ended.IsZero() && b.Key().Kind == kind {
			m.end(b, at, by)
			i = 0 // the ending may have moved the rest
			continue
		}
		i++
	}
	if kind == KindBlock && by == "admin" {
		for _, old := range m.ended(match) {
			for i := range m.all {
				if m.all[i].ID == old.ID && old.Times > 0 {
					m.all[i].Times = 0
					m.stamp(&m.all[i])
				}
			}
		}
	}
	m.trim(at)
}

func (m *model) expire(now time.Time) {
	for {
		var first *Ban
		for i := range m.all {
			b := &m.all[i]
			if !b.Ended.IsZero() || b.Until.IsZero() || b.Until.After(now) {
				continue
			}
			if first == nil || b.Until.Before(first.Until) || b.Until.Equal(first.Until) && b.ID < first.ID {
				first = b
			}
		}
		if first == nil {
			m.trim(now)
			return
		}
		m.end(first, first.Until, "")
	}
}

func (m *model) sort() {
	slices.SortFunc(m.all, func(a, b Ban) int { return cmp.Compare(a.Seq, b.Seq) })
}

// everything drains the table from a change number on.
func everything(t *Table, seq uint64) []Ban {
	var all []Ban
	for {
		some, next := t.Since(seq)
		if len(some) == 0 {
			return all
		}
		all, seq = append(all, some...), next
	}
}

var prefixes = []netip.Prefix{
	netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("203.0.113.8/32"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("203.0.0.0/16"),
	netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("2001:db8::/64"),
}

// anyBan draws a decision at a moment. One order in five is a human's.
func anyBan(t *rapid.T, at time.Time) Ban {
	b := Ban{
		Prefix: rapid.SampledFrom(prefixes).Draw(t, "prefix"),
		Action: rapid.SampledFrom([]Action{Allow, Pass, Limit, Slow, Hold, Drop}).Draw(t, "action"),
		Scope:  Scope(rapid.IntRange(0, 1).Draw(t, "scope")),
		Why:    rapid.SampledFrom([]string{"guessed", "scanned"}).Draw(t, "why"),
		Proof:  rapid.SampledFrom([]string{"A", "none"}).Draw(t, "proof"),
		By:     rapid.SampledFrom([]string{Self, Self, Self, Self, "admin"}).Draw(t, "by"),
		Since:  at,
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "evidence") {
		b.Evidence = append(b.Evidence, Item{Status: 400 + i})
	}
	if life := rapid.IntRange(0, 20).Draw(t, "life"); life > 0 {
		b.Until = at.Add(time.Duration(life*life) * time.Minute)
	}
	if b.Action.Blocks() && b.Action != Drop || b.Action == Pass {
		b.Port = uint16(rapid.IntRange(0, 2).Draw(t, "port"))
	}
	if b.Action == Pass {
		b.Accounts = rapid.SliceOfNDistinct(rapid.Uint64Range(1, 12), 0, 4, rapid.ID[uint64]).Draw(t, "accounts")
	}
	return b
}

// step does one random thing to a table and to its model, which may be nil.
func step(t *rapid.T, table *Table, m *model, now time.Time) {
	both := func(onTable, onModel func()) {
		onTable()
		if m != nil {
			onModel()
		}
	}
	kind := Kind(rapid.IntRange(int(KindAllow), int(KindBlock)).Draw(t, "kind"))
	by := rapid.SampledFrom([]string{Self, "admin"}).Draw(t, "by")
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	default:
		b := anyBan(t, now)
		both(func() { table.Put(b) }, func() { m.put(b) })
	case 0:
		p := rapid.SampledFrom(prefixes).Draw(t, "prefix")
		both(func() { table.Remove(p, kind, by, now) },
			func() { m.remove(func(b Ban) bool { return b.Prefix == p }, kind, by, now) })
	case 1:
		both(func() { table.Expire(now) }, func() { m.expire(now) })
	}
}

// TestTableEqualsModel holds the table, after every step, against a list that
// is searched from end to end.
func TestTableEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{
			Live:    rapid.SampledFrom([]int{3, 1000}).Draw(t, "live"),
			History: rapid.SampledFrom([]int{2, 1000}).Draw(t, "history"), Fleeting: rapid.SampledFrom([]int{2, 1000}).Draw(t, "fleeting"),
		}
		table, m := NewTable(limits), &model{live: limits.Live, history: limits.History, fleeting: limits.Fleeting}
		now := noon
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 60, 3600, 86400 * 10}).Draw(t, "pause")) * time.Second)
			before := table.seq
			step(t, table, m, now)
			m.sort()
			if got := everything(table, 0); len(got)+len(m.all) > 0 && !reflect.DeepEqual(got, m.all) {
				t.Fatalf("table\n%+v\nmodel\n%+v", got, m.all)
			}
			later := everything(table, before)
			if i := slices.IndexFunc(m.all, func(b Ban) bool { return b.Seq > before }); i >= 0 && !reflect.DeepEqual(later, m.all[i:]) {
				t.Fatalf("changes after %d: %+v, want %+v", before, later, m.all[i:])
			}
			compareViews(t, table, m, now)
		}
	})
}

// compareViews holds every way to ask the table against the model.
func compareViews(t *rapid.T, table *Table, m *model, now time.Time) {
	lengths := map[Kind]int{}
	covering := map[string][]Ban{}
	addresses := []string{"203.0.113.7", "203.0.113.9", "203.0.9.9", "2001:db8::1", "2001:db8::2", "192.0.2.1"}
	for _, b := range m.all {
		if !b.Ended.IsZero() {
			continue
		}
		lengths[b.Key().Kind]++
		if got, ok := table.Get(b.Key()); !ok || !reflect.DeepEqual(got, b) {
			t.Fatalf("Get(%v) = %+v, want %+v", b.Key(), got, b)
		}
		for _, a := range addresses {
			if b.Prefix.Contains(netip.MustParseAddr(a)) {
				covering[a] = append(covering[a], b)
			}
		}
	}
	for _, a := range addresses {
		got := table.Covering(netip.MustParseAddr(a))
		if !slices.IsSortedFunc(got, func(x, y Ban) int { return cmp.Compare(y.Prefix.Bits(), x.Prefix.Bits()) }) {
			t.Fatalf("Covering(%s) is not from narrow to wide: %+v", a, got)
		}
		slices.SortFunc(got, func(x, y Ban) int { return cmp.Compare(x.Seq, y.Seq) })
		if len(got)+len(covering[a]) > 0 && !reflect.DeepEqual(got, covering[a]) {
			t.Fatalf("Covering(%s) = %+v, want %+v", a, got, covering[a])
		}
	}
	for kind := KindAllow; kind <= KindBlock; kind++ {
		n := 0
		for b := range table.Live(kind) {
			if b.Key().Kind != kind || !b.Ended.IsZero() {
				t.Fatalf("Live(%d) gave %+v", kind, b)
			}
			n++
		}
		if n != lengths[kind] || table.Len(kind) != n {
			t.Fatalf("kind %d: %d walked, Len %d, want %d", kind, n, table.Len(kind), lengths[kind])
		}
	}
	wide := map[netip.Prefix]bool{}
	for _, b := range m.all {
		if b.Ended.IsZero() && !b.Prefix.IsSingleIP() {
			wide[b.Prefix] = true
		}
	}
	if got := table.wide.Size(); got != len(wide) {
		t.Fatalf("%d wide prefixes are indexed, %d live", got, len(wide))
	}
	for _, p := range prefixes {
		if got, want := table.Drops(p, now), m.drops(p, now); got != want {
			t.Fatalf("Drops(%v) = %d, want %d", p, got, want)
		}
	}
}

// TestRestoreEqualsTable restores a table from what it told its followers, in
// any order, and lets both go on: they must stay the same for ever.
func TestRestoreEqualsTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, now := NewTable(Limits{}), noon
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 60, 3600}).Draw(t, "pause")) * time.Second)
			step(t, first, nil, now)
		}
		saved := everything(first, 0)
		seed := rapid.Uint64().Draw(t, "shuffle")
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(saved), func(i, j int) { saved[i], saved[j] = saved[j], saved[i] })
		now = now.Add(time.Hour)
		second := NewTable(Limits{})
		if skipped, _ := second.Restore(giving(saved...), now); skipped != 0 {
			t.Fatalf("%d entries skipped", skipped)
		}
		first.Expire(now)
		for i := range 5 {
			if a, b := everything(first, 0), everything(second, 0); !reflect.DeepEqual(a, b) {
				t.Fatalf("step %d: first\n%+v\nrestored\n%+v", i, a, b)
			}
			b := anyBan(t, now)
			first.Put(b)
			second.Put(b)
		}
	})
}
