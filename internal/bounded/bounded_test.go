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
