package bounded

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTableAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable[int](64)
		model := map[uint64]int{}
		key := rapid.Uint64Range(1, 40)
		for i := range rapid.IntRange(0, 300).Draw(t, "steps") {
			k := key.Draw(t, "key")
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				v, fresh := table.Put(k, int64(i))
				if _, known := model[k]; known == fresh && table.Evicted() == 0 {
					t.Fatalf("Put(%d) fresh %v, known %v", k, fresh, known)
				}
				*v = i
				model[k] = i
			case 1:
				table.Delete(k)
				delete(model, k)
			case 2:
				table.Protect(k, 1)
			}
			if v := table.Get(k); v != nil && *v != model[k] {
				t.Fatalf("Get(%d) = %d, want %d", k, *v, model[k])
			}
		}
		if table.Evicted() == 0 && table.Len() != len(model) {
			t.Fatalf("Len %d, want %d", table.Len(), len(model))
		}
	})
}

func TestTableKeepsWhatIsProtected(t *testing.T) {
	table := NewTable[int](8 * 1024)
	random := rand.New(rand.NewPCG(1, 2))
	var precious []uint64
	for range 1024 {
		key := random.Uint64()
		v, _ := table.Put(key, 0)
		*v = 7
		table.Protect(key, 1)
		precious = append(precious, key)
	}
	for i := range 1_000_000 {
		table.Put(random.Uint64(), int64(i+1))
	}
	lost := 0
	for _, key := range precious {
		if v := table.Get(key); v == nil || *v != 7 {
			lost++
		}
	}
	// Only a bucket full of protected entries can lose one.
	if lost > 2 {
		t.Errorf("%d of %d protected entries lost under a flood", lost, len(precious))
	}
	if table.Len() > table.Cap() {
		t.Errorf("%d entries in a table for %d", table.Len(), table.Cap())
	}
}

// TestTableSpreadsWhatIsProtected: as long as a third of the table is protected,
// no flood pushes out a single one.
func TestTableSpreadsWhatIsProtected(t *testing.T) {
	for seed := range uint64(5) {
		table := NewTable[uint64](65536)
		random := rand.New(rand.NewPCG(seed, 2))
		var precious []uint64
		for range 20_000 {
			key := random.Uint64()
			v, _ := table.Put(key, 0)
			*v = key
			table.Protect(key, 2)
			precious = append(precious, key)
		}
		for i := range 500_000 {
			key := random.Uint64()
			table.Put(key, int64(i+1))
			if table.Get(key) == nil {
				t.Fatal("a newcomer found no room")
			}
		}
		for _, key := range precious {
			if v := table.Get(key); v == nil || *v != key {
				t.Fatalf("seed %d: a protected entry is lost", seed)
			}
		}
		if g := table.Gauge("x"); g.Yielded != 0 || g.Entries > g.Cap || g.Evicted == 0 {
			t.Errorf("seed %d: %+v", seed, g)
		}
	}
}

// TestTableStaysOpen: however many are protected, a newcomer finds room, and
// whoever is protected more takes that of whoever is less.
func TestTableStaysOpen(t *testing.T) {
	table := NewTable[int](ways)
	for i := range uint64(ways) {
		table.Put(i+1, int64(i))
		table.Protect(i+1, 1)
	}
	// The eighth has taken the protection of the first.
	table.Put(100, 100)
	if table.Get(1) != nil || table.Get(2) == nil || table.Gauge("x").Yielded != 1 {
		t.Errorf("the oldest protected entry should have yielded, %+v", table.Gauge("x"))
	}
	table.Protect(100, 2)
	for i := range uint64(1000) {
		table.Put(200+i, 200+int64(i))
	}
	if table.Get(2) != nil || table.Get(3) == nil || table.Get(100) == nil {
		t.Error("what is protected less should have yielded to what is protected more")
	}
	for key := range uint64(ways) {
		table.Protect(300+key, 2) // nobody, so nothing happens
		table.Put(400+key, 2000)
		table.Protect(400+key, 2)
	}
	table.Put(500, 3000)
	table.Protect(500, 1) // weaker than all others: it gets none
	table.Put(501, 3001)
	if table.Get(500) != nil || table.Get(501) == nil {
		t.Error("a weaker entry took the place of stronger ones")
	}
}

func TestTableProtectionLapses(t *testing.T) {
	table := NewTable[int](ways)
	for i := range uint64(ways - 1) {
		table.Put(i+1, int64(i))
		table.Protect(i+1, 2)
	}
	for i := range uint64(3) {
		table.Put(100+i, lapse+2) // 1 and 2 have not been used for too long
	}
	if table.Get(1) != nil || table.Get(2) != nil || table.Get(3) == nil {
		t.Errorf("%d entries, want those used within %d ns", table.Len(), lapse)
	}
}

func TestTableVictimIsTheOldest(t *testing.T) {
	table := NewTable[int](ways)
	for i := range ways {
		table.Put(uint64(i+1), int64(i))
	}
	table.Put(1, 100) // used again, so 2 is the oldest now
	table.Put(99, 101)
	if table.Get(2) != nil || table.Get(1) == nil || table.Get(99) == nil {
		t.Error("the entry unused for longest should have gone")
	}
	if table.Evicted() != 1 {
		t.Errorf("%d evicted, want 1", table.Evicted())
	}
}

func TestTableClear(t *testing.T) {
	table := NewTable[int](64)
	for i := range 20 {
		v, _ := table.Put(uint64(i+1), 0)
		*v = i
	}
	table.Clear(func(v *int) bool { return *v%2 == 0 })
	if table.Len() != 10 || table.Get(1) != nil || table.Get(2) == nil {
		t.Errorf("%d entries left, want the 10 odd ones", table.Len())
	}
}

func TestGenerationsForgetOnTime(t *testing.T) {
	g := NewGenerations(1<<12, 100)
	g.Add(42, 1000)
	for at, want := range map[int64]bool{1000: true, 1099: true, 1199: true, 1300: false} {
		g := *g
		g.fill, g.last = g.fill.copied(), g.last.copied()
		if got := g.Has(42, at); got != want {
			t.Errorf("after %d: %v, want %v", at-1000, got, want)
		}
	}
}

func TestGenerationsFalseRate(t *testing.T) {
	const size = 1 << 16
	g := NewGenerations(size, 1<<40)
	random := rand.New(rand.NewPCG(3, 4))
	for range size / 4 { // full: 32 bits a key
		g.Add(random.Uint64(), 1<<40)
	}
	wrong := 0
	const tries = 1_000_000
	for range tries {
		if g.Has(random.Uint64(), 1<<40) {
			wrong++
		}
	}
	if rate := float64(wrong) / tries; rate > 2e-5 {
		t.Errorf("false answers at a rate of %.6f, want at most 0.00002", rate)
	}
}

func TestGenerationsStopGrantingWhenFull(t *testing.T) {
	g := NewGenerations(1<<10, 1<<40)
	for i := range uint64(1 << 20) {
		g.Add(i*0x9E3779B97F4A7C15, 1<<40)
	}
	if most := len(g.fill.words) * wordKeys; g.added > most {
		t.Errorf("%d keys in a filter for %d", g.added, most)
	}
}

// TestGenerationsLearnWhileFlooded: what is newest is known, however much came
// before it, and what was long ago is not.
func TestGenerationsLearnWhileFlooded(t *testing.T) {
	g := NewGenerations(1<<10, 1<<40)
	random := rand.New(rand.NewPCG(7, 8))
	first := random.Uint64()
	g.Add(first, 1<<40)
	for range 10 * g.room() {
		key := random.Uint64()
		g.Add(key, 1<<40)
		if !g.Has(key, 1<<40) {
			t.Fatal("a key is not known that was just added")
		}
	}
	if g.Has(first, 1<<40) {
		t.Error("the first key is still known after ten generations")
	}
	if gauge := g.Gauge("x"); gauge.Evicted != 10 || gauge.Entries > gauge.Cap {
		t.Errorf("%+v, want ten generations that began early", gauge)
	}
}

func (f *filter) copied() filter {
	return filter{slices.Clone(f.words), slices.Clone(f.written)}
}

// TestGenerationsClearWhatTheyWrote: everything, and nothing else. The pages of
// a filter that was never full stay untouched.
func TestGenerationsClearWhatTheyWrote(t *testing.T) {
	for _, test := range []struct{ words, keys int }{{1, 1}, {pageWords, 30}, {64 * pageWords, 3}, {64 * pageWords, 5000}} {
		g := NewGenerations(test.words*8, 100)
		random := rand.New(rand.NewPCG(5, 6))
		for i := range test.keys {
			g.Add(random.Uint64(), 1000+int64(i%150)) // two generations
		}
		pages := 0
		for page, written := range g.fill.written {
			if written {
				pages++
			} else {
				g.fill.words[page*pageWords] = 1 // stands for a page not to be touched
			}
		}
		g.Has(0, 2000)
		left := 0
		for _, f := range []filter{g.fill, g.last} {
			for _, word := range f.words {
				left += int(word)
			}
			if slices.Contains(f.written, true) {
				t.Errorf("%+v: pages are still to be cleared", test)
			}
		}
		if want := len(g.fill.written) - pages; left != want {
			t.Errorf("%+v: %d words are set, want the %d of untouched pages", test, left, want)
		}
	}
}

func TestSeedKeysTheHash(t *testing.T) {
	a := netip.MustParseAddr("203.0.113.7")
	one, two := Seed{1, 2}, Seed{1, 3}
	if one.Addr(a) == two.Addr(a) {
		t.Error("the hash does not depend on the seed")
	}
	if one.More(one.More(0, []byte("ab")), []byte("c")) == one.More(one.More(0, []byte("a")), []byte("bc")) {
		t.Error("a part can be shifted from one field into the next")
	}
	if one.Addr(a) != one.Addr(netip.MustParseAddr("::ffff:203.0.113.7")) {
		t.Error("a mapped address is the same address")
	}
}

func BenchmarkTablePut(b *testing.B) {
	table := NewTable[[64]byte](65536)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range b.N {
		table.Put(random.Uint64()%100_000, int64(i))
	}
}
