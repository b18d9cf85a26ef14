package ban

import (
	"slices"
	"time"
)

// maxAccounts bounds the accounts of a Pass; the newest stay.
const maxAccounts = 8

// merge gives what a live entry becomes when another decision about the same
// Key arrives, and whether that is any different.
//
// What a human orders replaces what there is. What sipward decides can only
// add: a stronger action, a wider scope, a later end; a weaker action changes
// nothing. The decision that changed the entry is the one that `why` shows.
func merge(old, order *Ban) (next Ban, changed bool) {
	if !order.Human() && order.Action.strength() < old.Action.strength() {
		return *old, false // the most frequent case
	}
	next = *order
	next.Accounts = mergeAccounts(old.Accounts, order.Accounts)
	switch {
	case order.Human():
	case order.Action.strength() > old.Action.strength():
		next.Scope = max(old.Scope, order.Scope)
		// A human's lasting limit must not make the drop a lasting one, nor a limit
		// of minutes a hold of seconds longer.
		if !old.Human() && order.Action != Hold {
			next.Until = later(old.Until, order.Until)
		}
	default:
		next.Scope = max(old.Scope, order.Scope)
		next.Until = later(old.Until, order.Until)
		if next.Scope == old.Scope && next.Until.Equal(old.Until) {
			accounts := next.Accounts
			next = *old
			next.Accounts = accounts
			return next, !slices.Equal(next.Accounts, old.Accounts)
		}
	}
	next.ID = old.ID
	if next.Action == old.Action {
		next.Since, next.Times = old.Since, old.Times
	}
	return next, true
}

// later gives the later of two ends; the zero time is never, and the latest.
func later(a, b time.Time) time.Time {
	switch {
	case a.IsZero() || b.IsZero():
		return time.Time{}
	case a.After(b):
		return a
	}
	return b
}

// mergeAccounts puts the newer accounts last and keeps the last maxAccounts.
// It never writes to its arguments: copies of them are in other hands.
func mergeAccounts(old, newer []uint64) []uint64 {
	if len(newer) == 0 {
		return old
	}
	all := make([]uint64, 0, len(old)+len(newer))
	for _, a := range old {
		if !slices.Contains(newer, a) {
			all = append(all, a)
		}
	}
	for _, a := range newer {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all[max(0, len(all)-maxAccounts):]
}
