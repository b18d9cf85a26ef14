package control

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestArrange: whatever order the entries come in, the one that decides is the
// first, and its undo is offered.
func TestArrange(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	row := func(prefix, action string) BanRow {
		return BanRow{Prefix: netip.MustParsePrefix(prefix), Action: action, Since: noon}
	}
	over := row("203.0.113.7/32", "drop")
	over.Ended = noon.Add(time.Hour)
	good, limit := row("203.0.113.7/32", "pass"), row("203.0.113.7/32", "limit")
	drop, allow := row("203.0.113.0/24", "drop"), row("203.0.113.7/32", "allow")
	tests := []struct {
		name    string
		target  string
		entries []BanRow
		first   BanRow
		undo    string
	}{
		{"only what is over", "203.0.113.7", []BanRow{over}, over, ""},
		{"only known-good", "203.0.113.7", []BanRow{over, good}, good, ""},
		{"one phone of a known-good office is limited", "203.0.113.7", []BanRow{good, limit, over}, limit, "sipward unban 203.0.113.7"},
		{"a limited host in a banned network", "203.0.113.7", []BanRow{limit, good, drop}, drop, "sipward unban 203.0.113.0/24"},
		{"an allowed host in a banned network", "203.0.113.7", []BanRow{drop, limit, allow}, allow, "sipward allow remove 203.0.113.7"},
		{"a network of which one host is limited", "203.0.113.0/28", []BanRow{limit, over}, limit, "sipward unban 203.0.113.0/28"},
	}
	for _, test := range tests {
		for range 2 {
			e := Explanation{Target: test.target, Entries: slices.Clone(test.entries)}
			e.arrange()
			if got := e.Entries[0]; got.Prefix != test.first.Prefix || got.Action != test.first.Action {
				t.Errorf("%s: first is %s %s", test.name, got.Prefix, got.Action)
			}
			undo := ""
			if len(e.Undo) > 0 {
				undo = e.Undo[0]
			}
			if undo != test.undo {
				t.Errorf("%s: undo is %q, want %q", test.name, undo, test.undo)
			}
			slices.Reverse(test.entries)
		}
	}
}
