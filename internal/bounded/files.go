package bounded

// filed is how many items a file holds; the newest stay.
const filed = 16

// Files keep the last items about each of some keys, for people to read later.
// When there are too many keys the one that came first goes.
type Files[T any] struct {
	byKey map[uint64]*file[T]
	order []uint64
	next  int
	// evicted counts the keys that had to make room for others.
	evicted uint64
}

type file[T any] struct {
	items [filed]T
	n     int
}

// NewFiles makes room for so many keys; memory is taken as they come.
func NewFiles[T any](keys int) *Files[T] {
	return &Files[T]{byKey: make(map[uint64]*file[T]), order: make([]uint64, keys)}
}

// Add files an item. The key 0 is like any other.
func (f *Files[T]) Add(key uint64, item T) {
	one := f.byKey[key]
	if one == nil {
		before := len(f.byKey)
		if delete(f.byKey, f.order[f.next]); len(f.byKey) < before {
			f.evicted++
		}
		f.order[f.next] = key
		f.next = (f.next + 1) % len(f.order)
		one = new(file[T])
		f.byKey[key] = one
	}
	one.items[one.n%filed] = item
	one.n++
}

// Items gives a copy of what is held about a key, oldest first.
func (f *Files[T]) Items(key uint64) []T {
	one := f.byKey[key]
	if one == nil {
		return nil
	}
	items := make([]T, 0, filed)
	for i := max(0, one.n-filed); i < one.n; i++ {
		items = append(items, one.items[i%filed])
	}
	return items
}

// Oldest is the first item held about a key, and Last the one that came last;
// nil for none. They are good until the next Add.
func (f *Files[T]) Oldest(key uint64) *T {
	if one := f.byKey[key]; one != nil {
		return &one.items[max(0, one.n-filed)%filed]
	}
	return nil
}

// Last is told with Oldest.
func (f *Files[T]) Last(key uint64) *T {
	if one := f.byKey[key]; one != nil {
		return &one.items[(one.n-1)%filed]
	}
	return nil
}

// Gauge says how full the files are, under a name for people.
func (f *Files[T]) Gauge(name string) Gauge {
	return Gauge{Name: name, Entries: len(f.byKey), Cap: len(f.order), Evicted: f.evicted}
}

// Drop forgets a key.
func (f *Files[T]) Drop(key uint64) { delete(f.byKey, key) }

// Clear forgets all.
func (f *Files[T]) Clear() {
	clear(f.byKey)
	clear(f.order)
}
