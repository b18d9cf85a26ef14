package detect

import "time"

// dossierItems is how many pieces of evidence `why` can show; the newest stay.
const dossierItems = 16

// dossiers keep the evidence items of the sources under suspicion, for people
// to read later. When there are too many suspects the one that came first goes.
type dossiers struct {
	byKey map[uint64]*dossier
	order []uint64
	next  int
}

type dossier struct {
	item [dossierItems]Item
	n    int
}

func newDossiers(limit int) *dossiers {
	return &dossiers{byKey: make(map[uint64]*dossier), order: make([]uint64, limit)}
}

func (d *dossiers) add(key uint64, item Item) {
	file := d.byKey[key]
	if file == nil {
		delete(d.byKey, d.order[d.next])
		d.order[d.next] = key
		d.next = (d.next + 1) % len(d.order)
		file = new(dossier)
		d.byKey[key] = file
	}
	if file.n > 0 {
		// Two detectors may count one outcome; people read it once.
		last := &file.item[(file.n-1)%dossierItems]
		if last.Time.Equal(item.Time) && last.What == item.What && last.Account == item.Account {
			last.Step += item.Step
			return
		}
	}
	file.item[file.n%dossierItems] = item
	file.n++
}

// items gives a copy of what is held about a source, oldest first.
func (d *dossiers) items(key uint64) []Item {
	file := d.byKey[key]
	if file == nil {
		return nil
	}
	items := make([]Item, 0, dossierItems)
	for i := max(0, file.n-dossierItems); i < file.n; i++ {
		items = append(items, file.item[i%dossierItems])
	}
	return items
}

// oldest tells of when the oldest item about a source is; false for none.
func (d *dossiers) oldest(key uint64) (time.Time, bool) {
	file := d.byKey[key]
	if file == nil {
		return time.Time{}, false
	}
	return file.item[max(0, file.n-dossierItems)%dossierItems].Time, true
}

func (d *dossiers) drop(key uint64) { delete(d.byKey, key) }

// note files what the current outcome added.
func (s *Sight) note(what string, step float64) {
	item := Item{Time: s.Event.Time, Method: s.Event.SIP.Method, What: what, Step: step}
	if o := s.Outcome; o != nil {
		item.Method, item.Account, item.Status, item.Proof = o.Method, o.Account, o.Status, o.Proof
	}
	s.engine.dossiers.add(s.key, item)
}
