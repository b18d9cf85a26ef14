package detect

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func item(n int) Item { return Item{Time: noon.Add(time.Duration(n)), Status: n} }

func TestDossierKeepsTheNewest(t *testing.T) {
	d := newDossiers(4)
	if _, ok := d.oldest(7); ok || d.items(7) != nil {
		t.Error("items about nobody")
	}
	for i := range 40 {
		d.add(7, item(i))
		items := d.items(7)
		if len(items) != min(i+1, dossierItems) || items[len(items)-1].Status != i || items[0].Status != max(0, i-dossierItems+1) {
			t.Fatalf("after %d items: %d, the oldest %d", i+1, len(items), items[0].Status)
		}
		if at, ok := d.oldest(7); !ok || !at.Equal(items[0].Time) {
			t.Fatalf("after %d items the oldest is of %v, want %v", i+1, at, items[0].Time)
		}
	}
	first := d.items(7)
	d.add(7, item(99))
	if first[len(first)-1].Status != 39 {
		t.Error("what was handed out changed afterwards")
	}
	d.drop(7)
	d.drop(7)
	if d.items(7) != nil {
		t.Error("items remain after drop")
	}
}

func TestDossiersMakeRoom(t *testing.T) {
	d := newDossiers(4)
	for key := range uint64(6) {
		d.add(key+1, item(1))
	}
	for key := range uint64(6) {
		if held := d.items(key+1) != nil; held != (key >= 2) {
			t.Errorf("suspect %d of six is held: %v", key+1, held)
		}
	}
}

// TestDossiersAreBounded: whoever comes and goes, there are never more than the
// limit, and the one who came last is always there.
func TestDossiersAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		d := newDossiers(limit)
		want := map[uint64][]int{}
		for i, key := range rapid.SliceOfN(rapid.Uint64Range(0, 9), 1, 60).Draw(t, "keys") {
			if rapid.IntRange(0, 4).Draw(t, "drop") == 0 {
				d.drop(key)
				delete(want, key)
				continue
			}
			if d.items(key) == nil {
				want[key] = nil
			}
			d.add(key, item(i))
			want[key] = append(want[key], i)
			if len(d.byKey) > limit {
				t.Fatalf("%d dossiers, want %d at most", len(d.byKey), limit)
			}
			var got []int
			for _, it := range d.items(key) {
				got = append(got, it.Status)
			}
			if w := want[key]; !slices.Equal(got, w[max(0, len(w)-dossierItems):]) {
				t.Fatalf("items of %d: %v, want %v", key, got, w)
			}
		}
	})
}
