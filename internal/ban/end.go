package ban

import (
	"net/netip"
	"time"
)

// End ends the live entry of one key, if there is one, and returns it. Unlike
// Remove it touches neither the other ports of the prefix nor its escalation.
func (t *Table) End(key Key, by string, at time.Time) []Ban {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.record(canonical(key.Prefix)).live(key.Kind, key.Port)
	if e == nil {
		return nil
	}
	ended := t.lift([]*entry{e}, by, at)
	t.trim(at)
	return ended
}

// Within says that a live entry of a kind lies inside a prefix. It walks the
// table, so it is for the rare decision about a network.
func (t *Table) Within(p netip.Prefix, kind Kind, at time.Time) bool {
	p = canonical(p)
	t.mu.RLock()
	defer t.mu.RUnlock()
	for e := t.running.first; e != nil; e = e.next {
		if e.kind() == kind && Inside(e.Prefix, p) && e.Live(at) {
			return true
		}
	}
	return false
}
