package bounded

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestFileKeepsTheNewest(t *testing.T) {
	d := NewFiles[int](4)
	if d.Oldest(7) != nil || d.Last(7) != nil || d.Items(7) != nil {
		t.Error("items about nobody")
	}
	for i := range 40 {
		d.Add(7, i)
		items := d.Items(7)
		if len(items) != min(i+1, filed) || items[len(items)-1] != i || items[0] != max(0, i-filed+1) {
			t.Fatalf("after %d items: %d, the oldest %d", i+1, len(items), items[0])
		}
		if oldest, last := *d.Oldest(7), *d.Last(7); oldest != items[0] || last != i {
			t.Fatalf("after %d items the oldest is %d and the last %d", i+1, oldest, last)
		}
	}
	first := d.Items(7)
	d.Add(7, 99)
	if first[len(first)-1] != 39 {
		t.Error("what was handed out changed afterwards")
	}
	d.Drop(7)
	d.Drop(7)
	d.Add(8, 1)
	d.Clear()
	if d.Items(7) != nil || d.Items(8) != nil {
		t.Error("items remain after they were dropped")
	}
}

func TestFilesMakeRoom(t *testing.T) {
	d := NewFiles[int](4)
	for key := range uint64(6) {
		d.Add(key+1, 1)
	}
	for key := range uint64(6) {
		if held := d.Items(key+1) != nil; held != (key >= 2) {
			t.Errorf("suspect %d of six is held: %v", key+1, held)
		}
	}
}

// TestFilesAreBounded: whoever comes and goes, there are never more than the
// limit, and the one who came last is always there.
func TestFilesAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		d := NewFiles[int](limit)
		want := map[uint64][]int{}
		for i, key := range rapid.SliceOfN(rapid.Uint64Range(0, 9), 1, 60).Draw(t, "keys") {
			if rapid.IntRange(0, 4).Draw(t, "drop") == 0 {
				d.Drop(key)
				delete(want, key)
				continue
			}
			if d.Items(key) == nil {
				want[key] = nil
			}
			d.Add(key, i)
			want[key] = append(want[key], i)
			if len(d.byKey) > limit {
				t.Fatalf("%d files, want %d at most", len(d.byKey), limit)
			}
			got := d.Items(key)
			if w := want[key]; !slices.Equal(got, w[max(0, len(w)-filed):]) {
				t.Fatalf("items of %d: %v, want %v", key, got, w)
			}
		}
	})
}
