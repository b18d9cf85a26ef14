package ban

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// drop is a plain automatic drop of a host.
func drop(host string, at time.Time, life time.Duration) Ban {
	addr := netip.MustParseAddr(host)
	return Ban{Prefix: netip.PrefixFrom(addr, addr.BitLen()), Action: Drop, By: Self, Since: at, Until: at.Add(life)}
}

func TestPutRefuses(t *testing.T) {
	good := drop("203.0.113.7", noon, time.Minute)
	tests := []struct {
		name string
		bad  func(b *Ban)
	}{
		{"no prefix", func(b *Ban) { b.Prefix = netip.Prefix{} }},
		{"IPv4 in IPv6 wider than IPv4", func(b *Ban) { b.Prefix = netip.MustParsePrefix("::ffff:203.0.113.7/95") }},
		{"no action", func(b *Ban) { b.Action = None }},
		{"a lift is no entry", func(b *Ban) { b.Action = Lift }},
		{"unknown action", func(b *Ban) { b.Action = Hold + 1 }},
		{"unknown scope", func(b *Ban) { b.Scope = ScopeAll + 1 }},
		{"over before it began", func(b *Ban) { b.Until = b.Since }},
	}
	for _, test := range tests {
		table := NewTable(Limits{})
		b := good
		test.bad(&b)
		if got, told := table.Put(b); got.Seq != 0 || told || table.Len(KindBlock) != 0 {
			t.Errorf("%s: entered as %+v, %v", test.name, got, told)
		}
	}
	if got, told := NewTable(Limits{}).Put(good); got.Seq != 1 || !told {
		t.Errorf("a good one: %+v, %v", got, told)
	}
}

func TestPutMerges(t *testing.T) {
	minute, hour := noon.Add(time.Minute), noon.Add(time.Hour)
	auto := Ban{Action: Drop, Until: minute, By: Self}
	tests := []struct {
		name       string
		old, order Ban
		action     Action
		until      time.Time
		told       bool
	}{
		{"shorter changes nothing", Ban{Action: Drop, Until: hour, By: Self}, auto, Drop, hour, false},
		{"the same changes nothing", auto, auto, Drop, minute, false},
		{"weaker changes nothing, even longer", auto, Ban{Action: Limit, Until: hour, By: Self}, Drop, minute, false},
		{"an end does not beat never", Ban{Action: Drop, By: Self}, auto, Drop, time.Time{}, false},
		{"longer extends", auto, Ban{Action: Drop, Until: hour, By: Self}, Drop, hour, true},
		{"never extends", auto, Ban{Action: Drop, By: Self}, Drop, time.Time{}, true},
		{"wider scope", auto, Ban{Action: Drop, Until: minute, Scope: ScopeAll, By: Self}, Drop, minute, true},
		{"stronger replaces", Ban{Action: Limit, Until: minute, By: Self}, Ban{Action: Slow, Until: hour, By: Self}, Slow, hour, true},
		{"stronger does not shorten", Ban{Action: Slow, Until: hour, By: Self}, auto, Drop, hour, true},
		{"a limit changes no hold", Ban{Action: Hold, Until: minute, By: Self}, Ban{Action: Slow, Until: hour, By: Self}, Hold, minute, false},
		{"a hold is no longer for a limit before it", Ban{Action: Slow, Until: hour, By: Self}, Ban{Action: Hold, Until: minute, By: Self}, Hold, minute, true},
		{"a later hold extends", Ban{Action: Hold, Until: minute, By: Self}, Ban{Action: Hold, Until: hour, By: Self}, Hold, hour, true},
		{"a drop is stronger than a hold", Ban{Action: Hold, Until: hour, By: Self}, auto, Drop, hour, true},
		{"a human's lasting limit makes no lasting drop", Ban{Action: Limit, By: "admin"}, auto, Drop, minute, true},
		{"a human shortens", Ban{Action: Drop, Until: hour, By: Self}, Ban{Action: Drop, Until: minute, By: "admin"}, Drop, minute, true},
		{"a human weakens", auto, Ban{Action: Limit, Until: minute, By: "admin"}, Limit, minute, true},
		{"a human confirms: nothing for the kernel", auto, Ban{Action: Drop, Until: minute, By: "admin"}, Drop, minute, false},
		{"a pass is no block", auto, Ban{Action: Pass, Until: hour, By: Self}, Pass, hour, true},
	}
	for _, test := range tests {
		table := NewTable(Limits{})
		for _, b := range []*Ban{&test.old, &test.order} {
			b.Prefix, b.Since = netip.MustParsePrefix("203.0.113.7/32"), noon
		}
		table.Put(test.old)
		got, told := table.Put(test.order)
		if got.Action != test.action || !got.Until.Equal(test.until) || told != test.told {
			t.Errorf("%s: %v until %v, told %v", test.name, got.Action, got.Until, told)
		}
	}
}

func TestSpellingsAreOne(t *testing.T) {
	table := NewTable(Limits{})
	table.Put(Ban{Prefix: netip.MustParsePrefix("::ffff:203.0.113.7/128"), Action: Drop, By: Self, Since: noon})
	table.Put(Ban{Prefix: netip.MustParsePrefix("203.0.113.7/24"), Action: Drop, By: Self, Since: noon})
	for _, spelling := range []string{"203.0.113.7", "::ffff:203.0.113.7"} {
		if got := table.Covering(netip.MustParseAddr(spelling)); len(got) != 2 {
			t.Errorf("Covering(%s) = %+v", spelling, got)
		}
	}
	if got := table.Covering(netip.Addr{}); got != nil {
		t.Errorf("Covering of no address = %+v", got)
	}
	if got := table.Remove(netip.MustParsePrefix("203.0.113.99/24"), KindBlock, "admin", noon); len(got) != 1 {
		t.Errorf("Remove = %+v", got)
	}
}

func TestAccountsKeepTheNewest(t *testing.T) {
	table := NewTable(Limits{})
	pass := func(accounts ...uint64) Ban {
		b, _ := table.Put(Ban{Prefix: netip.MustParsePrefix("203.0.113.7/32"), Action: Pass, By: Self,
			Since: noon, Until: noon.Add(time.Hour), Accounts: accounts})
		return b
	}
	first := pass(1, 2, 3, 4, 5, 6)
	if got := pass(2, 7, 8, 9).Accounts; !slices.Equal(got, []uint64{3, 4, 5, 6, 2, 7, 8, 9}) {
		t.Errorf("accounts %v", got)
	}
	if !slices.Equal(first.Accounts, []uint64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("a copy that was handed out has changed: %v", first.Accounts)
	}
}

func TestEscalation(t *testing.T) {
	table := NewTable(Limits{})
	host := netip.MustParsePrefix("203.0.113.7/32")
	now := noon
	times := func() int {
		b, _ := table.Put(drop("203.0.113.7", now, time.Minute))
		return b.Times
	}
	for want := 1; want <= 3; want++ {
		if got := times(); got != want {
			t.Fatalf("drop %d counts as %d", want, got)
		}
		if got := times(); got != want {
			t.Fatalf("a live drop decided again counts as %d, want %d", got, want)
		}
		now = now.Add(time.Hour)
		table.Expire(now)
	}
	if got := table.Drops(host, now); got != 3 {
		t.Errorf("Drops = %d before policy decides the fourth", got)
	}
	if got := table.Drops(host, noon.Add(Memory+30*time.Minute)); got != 2 {
		t.Errorf("Drops = %d when the first is older than Memory", got)
	}
	table.Remove(host, KindBlock, Self, now)
	if got := table.Drops(host, now); got != 3 {
		t.Errorf("sipward's own lifting changed the count to %d", got)
	}
	// unban of a source that is not even banned any more clears it too.
	table.Remove(host, KindBlock, "admin", now)
	if got := times(); got != 1 {
		t.Errorf("after unban the next drop counts as %d", got)
	}
	if got := table.History(host); len(got) != 4 || got[0].Ended != (time.Time{}) || got[1].Times != 0 {
		t.Errorf("history after unban: %+v", got)
	}
}

// TestEndIsNarrow holds that ending one entry leaves its neighbours and the
// source's escalation as they are.
func TestEndIsNarrow(t *testing.T) {
	table := NewTable(Limits{})
	host := netip.MustParsePrefix("203.0.113.7/32")
	table.Put(drop("203.0.113.7", noon, time.Minute))
	table.Expire(noon.Add(time.Minute))
	one := Ban{Prefix: host, Port: 5060, Action: Limit, By: Self, Since: noon, Until: noon.Add(time.Hour)}
	two := one
	two.Port = 5061
	table.Put(one)
	table.Put(two)
	if got := table.End(Key{Prefix: host, Port: 5062, Kind: KindBlock}, "admin", noon); got != nil {
		t.Errorf("ended what is not there: %+v", got)
	}
	if got := table.End(one.Key(), "admin", noon); len(got) != 1 || got[0].Port != 5060 || got[0].EndedBy != "admin" {
		t.Errorf("ended %+v", got)
	}
	if _, live := table.Get(two.Key()); !live || table.Drops(host, noon) != 1 {
		t.Errorf("the other port live: %v, drops %d", live, table.Drops(host, noon))
	}
}

func TestRemoveAll(t *testing.T) {
	table := NewTable(Limits{})
	table.Put(drop("203.0.113.7", noon, time.Minute))
	table.Put(drop("203.0.113.8", noon, time.Hour))
	table.Put(Ban{Prefix: netip.MustParsePrefix("203.0.113.9/32"), Action: Allow, By: "admin", Since: noon})
	ended := table.RemoveAll(KindBlock, "admin", noon.Add(time.Second))
	if len(ended) != 2 || ended[0].EndedBy != "admin" || !ended[0].Ended.Equal(noon.Add(time.Second)) {
		t.Errorf("ended %+v", ended)
	}
	if table.Len(KindBlock) != 0 || table.Len(KindAllow) != 1 {
		t.Errorf("left: %d blocks, %d allows", table.Len(KindBlock), table.Len(KindAllow))
	}
	if got := table.Drops(netip.MustParsePrefix("203.0.113.8/32"), noon); got != 0 {
		t.Errorf("escalation survived: %d", got)
	}
}

// TestFull holds that nothing live is ever pushed out, that people still find
// room, and that the refusal is counted.
func TestFull(t *testing.T) {
	table := NewTable(Limits{Live: 2})
	table.Put(drop("203.0.113.1", noon, time.Minute))
	table.Put(drop("203.0.113.2", noon, time.Minute))
	if b, told := table.Put(drop("203.0.113.3", noon, time.Hour)); b.Seq != 0 || told || table.Refused() != 1 {
		t.Errorf("a third of two: %+v, %v, refused %d", b, told, table.Refused())
	}
	if b, told := table.Put(drop("203.0.113.2", noon, time.Hour)); b.Seq == 0 || !told {
		t.Errorf("extending one of two: %+v, %v", b, told)
	}
	order := drop("203.0.113.4", noon, time.Hour)
	order.By = "admin"
	if b, told := table.Put(order); b.Seq == 0 || !told {
		t.Errorf("an order: %+v, %v", b, told)
	}
}

// TestHistoryIsBounded holds the caps of history while the journal follows.
func TestHistoryIsBounded(t *testing.T) {
	table := NewTable(Limits{Live: 1000, History: 10})
	now := noon
	for i := range 3000 {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		now = now.Add(time.Second)
		table.Put(Ban{Prefix: netip.PrefixFrom(addr, 32), Action: Drop, By: Self, Since: now, Until: now.Add(time.Second)})
		table.Expire(now)
	}
	if table.ended.len > 10 || len(table.prefixes) > 11 { // the last one lives
		t.Errorf("%d ended, %d prefixes", table.ended.len, len(table.prefixes))
	}
	table.Expire(now.Add(Memory + time.Hour))
	if table.ended.len != 0 || len(table.prefixes) != 0 {
		t.Errorf("after a month: %d ended, %d prefixes", table.ended.len, len(table.prefixes))
	}
	// One noisy source keeps its share and no more.
	for limits, want := range map[Limits]int{{}: pastPerSource, {PerSource: 5}: 5} {
		table = NewTable(limits)
		for range 100 {
			now = now.Add(time.Minute)
			table.Put(drop("203.0.113.7", now, time.Second))
			table.Put(Ban{Prefix: netip.MustParsePrefix("203.0.113.8/32"), Action: Limit, By: Self, Since: now, Until: now.Add(time.Second)})
		}
		table.Expire(now.Add(time.Hour))
		if got := len(table.History(netip.MustParsePrefix("203.0.113.7/32"))); got != want {
			t.Errorf("%d drops remembered, want %d", got, want)
		}
		if got := len(table.History(netip.MustParsePrefix("203.0.113.8/32"))); got != 1 {
			t.Errorf("%d limits remembered, want the last", got)
		}
	}
}

// TestForgivenDropsAreNewest holds that forgiving counts as a change: what has
// not changed for longer is forgotten first.
func TestForgivenDropsAreNewest(t *testing.T) {
	table, host := NewTable(Limits{}), netip.MustParsePrefix("203.0.113.7/32")
	pass := func() {
		table.Put(Ban{Prefix: host, Action: Pass, By: Self, Since: noon})
		table.Remove(host, KindPass, "admin", noon)
	}
	table.Put(drop("203.0.113.7", noon, time.Minute))
	table.Expire(noon.Add(time.Minute))
	pass()
	table.Remove(host, KindBlock, "admin", noon)
	for range pastPerSource - 1 {
		pass()
	}
	if got := table.History(host); len(got) != pastPerSource || got[pastPerSource-1].Action != Drop {
		t.Errorf("%d entries, the oldest %+v", len(got), got[len(got)-1])
	}
}

// TestUnsavedHistoryWaits holds that an ended entry is not forgotten before the
// journal knows that it ended, or a restart would bring it back to life.
func TestUnsavedHistoryWaits(t *testing.T) {
	table := NewTable(Limits{Live: 50, History: 10})
	table.follow()
	for i := range 50 {
		table.Put(drop(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String(), noon, time.Hour))
	}
	table.RemoveAll(KindBlock, "admin", noon)
	if got := len(everything(table, 0)); got != 50 {
		t.Errorf("%d of 50 unsaved endings are left", got)
	}
	for i := range 50 {
		table.Put(drop(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}).String(), noon, time.Hour))
	}
	table.RemoveAll(KindBlock, "admin", noon)
	if got := table.ended.len; got != 60 {
		t.Errorf("%d unsaved endings, want the bound of 60", got)
	}
	table.settle(table.seq)
	table.Expire(noon)
	if got := table.ended.len; got != 10 {
		t.Errorf("%d ended after the journal has caught up, want 10", got)
	}
}

func TestRestoreSkips(t *testing.T) {
	good := drop("203.0.113.7", noon, time.Hour)
	good.Seq, good.ID = 5, 5
	tests := []struct {
		name string
		bad  func(b *Ban)
	}{
		{"no prefix", func(b *Ban) { b.Prefix = netip.Prefix{} }},
		{"host bits", func(b *Ban) { b.Prefix = netip.MustParsePrefix("203.0.113.7/24") }},
		{"unknown action", func(b *Ban) { b.Action = 99 }},
		{"no number", func(b *Ban) { b.Seq = 0 }},
		{"a number twice", func(b *Ban) { b.Seq = 5 }},
		{"no name", func(b *Ban) { b.ID = 0 }},
	}
	for _, test := range tests {
		bad := drop("203.0.113.8", noon, time.Hour)
		bad.Seq, bad.ID = 6, 6
		test.bad(&bad)
		table := NewTable(Limits{})
		if skipped, _ := table.Restore(giving(good, bad), noon); skipped != 1 || table.Len(KindBlock) != 1 {
			t.Errorf("%s: skipped %d, live %d", test.name, skipped, table.Len(KindBlock))
		}
	}
}

// giving is the Load of a journal that holds these entries.
func giving(entries ...Ban) func(func(Ban)) error {
	return func(give func(Ban)) error {
		for _, b := range entries {
			give(b)
		}
		return nil
	}
}

// TestRestoreBeginsAgain: a journal that is damaged in the middle gives what is
// sound the second time, and nothing of the first time is in the table.
func TestRestoreBeginsAgain(t *testing.T) {
	lost, sound := drop("203.0.113.7", noon, time.Hour), drop("203.0.113.8", noon, time.Hour)
	lost.Seq, lost.ID, sound.Seq, sound.ID = 1, 1, 2, 2
	broken := errors.New("disk gone")
	for _, test := range []struct {
		name   string
		errs   []error
		want   error
		live   int
		called int
	}{
		{"it fails", []error{broken}, broken, 0, 1},
		{"it is lost twice", []error{ErrLost, ErrLost}, ErrLost, 0, 2},
		{"it fails after a repair", []error{ErrLost, broken}, broken, 0, 2},
		{"it is repaired", []error{ErrLost, nil}, nil, 1, 2},
	} {
		table, called := NewTable(Limits{}), 0
		_, err := table.Restore(func(give func(Ban)) error {
			called++
			if test.errs[called-1] != nil {
				give(lost)
			} else {
				give(sound)
			}
			return test.errs[called-1]
		}, noon)
		_, here := table.Get(sound.Key())
		if !errors.Is(err, test.want) || called != test.called || table.Len(KindBlock) != test.live || here != (test.live == 1) {
			t.Errorf("%s: %v after %d calls, %d live", test.name, err, called, table.Len(KindBlock))
		}
	}
}

// TestRestoreEndsTheOlderOfTwo holds that a journal with two live entries of
// one key, as a lost ending leaves them, gives one live entry.
func TestRestoreEndsTheOlderOfTwo(t *testing.T) {
	older, newer := drop("203.0.113.7", noon, time.Hour), drop("203.0.113.7", noon, time.Minute)
	older.Seq, older.ID, newer.Seq, newer.ID = 1, 1, 2, 2
	table := NewTable(Limits{})
	table.Restore(giving(newer, older), noon)
	if got, _ := table.Get(newer.Key()); got.ID != 2 || table.Len(KindBlock) != 1 {
		t.Errorf("live %+v of %d", got, table.Len(KindBlock))
	}
	if changes := everything(table, 2); len(changes) != 1 || changes[0].ID != 1 || changes[0].Ended.IsZero() {
		t.Errorf("the journal is not told of the ending: %+v", changes)
	}
}

func TestLiveMayBeUsedWhileWalking(t *testing.T) {
	table := NewTable(Limits{})
	for i := range 10 {
		table.Put(drop(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String(), noon, time.Hour))
	}
	seen := 0
	for b := range table.Live(KindBlock) {
		seen++
		table.Remove(b.Prefix, KindBlock, "admin", noon)
		table.RemoveAll(KindBlock, "admin", noon)
	}
	if seen != 1 {
		t.Errorf("%d seen, all but the first had ended", seen)
	}
}

// BenchmarkPut enters new hosts into a table with 100,000 live entries.
func BenchmarkPut(b *testing.B) {
	table := filled(100_000)
	i := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		i++
		addr := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		table.Put(Ban{Prefix: netip.PrefixFrom(addr, 32), Action: Drop, By: Self, Since: noon, Until: noon.Add(time.Hour)})
		if i%1000 == 0 {
			b.StopTimer()
			table = filled(100_000)
			b.StartTimer()
		}
	}
}

// BenchmarkExtend decides again about hosts that are out already.
func BenchmarkExtend(b *testing.B) {
	table, until := filled(100_000), noon.Add(2*time.Hour)
	i := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		i, until = (i+1)%100_000, until.Add(time.Second)
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		table.Put(Ban{Prefix: netip.PrefixFrom(addr, 32), Action: Drop, By: Self, Since: noon, Until: until})
	}
}

// BenchmarkExpireNothing is the tick of a table where nothing runs out.
func BenchmarkExpireNothing(b *testing.B) {
	table := filled(100_000)
	for b.Loop() {
		table.Expire(noon)
	}
}

// BenchmarkCovering asks about one host of many.
func BenchmarkCovering(b *testing.B) {
	table, addr := filled(100_000), netip.MustParseAddr("10.0.9.9")
	b.ReportAllocs()
	for b.Loop() {
		table.Covering(addr)
	}
}

// BenchmarkRestore starts with 100,000 entries.
func BenchmarkRestore(b *testing.B) {
	entries := everything(filled(100_000), 0)
	for b.Loop() {
		NewTable(Limits{}).Restore(giving(entries...), noon)
	}
}

func filled(n int) *Table {
	table := NewTable(Limits{})
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		table.Put(Ban{Prefix: netip.PrefixFrom(addr, 32), Action: Drop, By: Self, Since: noon, Until: noon.Add(time.Hour)})
	}
	return table
}

// TestSizes: what found no room is counted, each kind in its own memory.
func TestSizes(t *testing.T) {
	table, now := NewTable(Limits{Live: 3, History: 2, Fleeting: 1}), noon
	for i := range byte(10) {
		now = now.Add(time.Hour)
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, i}), 32)
		table.Put(Ban{Prefix: p, Action: Drop, By: Self, Since: now, Until: now.Add(time.Minute)})
		table.Expire(now.Add(time.Minute))
		table.Put(Ban{Prefix: p, Action: Limit, Proof: "none", By: Self, Since: now.Add(time.Minute), Until: now.Add(2 * time.Minute)})
		table.Expire(now.Add(2 * time.Minute))
	}
	for i := range byte(5) {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 1, i}), 32)
		table.Put(Ban{Prefix: p, Action: Drop, By: Self, Since: now.Add(time.Hour)})
	}
	want := []Size{{"bans", 3, 3, 2}, {"bans_ended", 2, 2, 8}, {"limits_ended", 1, 1, 9}}
	if got := table.Sizes(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
