package control

import (
	"net/netip"
	"slices"

	"github.com/sipward/sipward/internal/ban"
)

// arrange puts the entry that decides first, dates the target from its oldest
// evidence, and says how to take the decision back.
func (e *Explanation) arrange() {
	slices.SortStableFunc(e.Entries, func(a, b BanRow) int { return a.rank() - b.rank() })
	for _, row := range e.Entries {
		for _, item := range row.Evidence {
			if item.Time.Before(e.First) {
				e.First = item.Time
			}
		}
	}
	if len(e.Entries) == 0 || !e.Entries[0].Ended.IsZero() {
		return
	}
	name := prefixText(e.Entries[0].Prefix)
	if network, err := netip.ParsePrefix(e.Target); err == nil && ban.Inside(e.Entries[0].Prefix, network) {
		name = e.Target // lifts every part of it
	}
	switch {
	case e.Entries[0].Blocks():
		e.Undo = []string{"sipward unban " + name, "sipward allow " + name + " --for 24h"}
	case e.Entries[0].Action == ban.Allow.String():
		e.Undo = []string{"sipward allow remove " + name}
	}
}

// rank orders entries by their say: an allow over a drop, a drop over a limit,
// a limit over a known-good source; what is over has none.
func (r *BanRow) rank() int {
	switch {
	case !r.Ended.IsZero():
		return 4
	case r.Action == ban.Allow.String():
		return 0
	case r.Action == ban.Drop.String():
		return 1
	case r.Blocks():
		return 2
	}
	return 3
}
