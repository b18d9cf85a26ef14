package ban

import "time"

// End ends the live entry of one key, if there is one, and returns it. Unlike
// Remove it touches neither the other ports of the prefix nor its escalation.
func (t *Table) End(key Key, by string, at time.Time) []Ban {
	t.mu.Lock()
	defer t.mu.Unlock()
	key.Prefix = canonical(key.Prefix)
	e := t.live[key]
	if e == nil {
		return nil
	}
	ended := t.lift([]*entry{e}, by, at)
	t.trim(at)
	return ended
}
