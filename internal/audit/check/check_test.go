package check

import (
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// TestRun: what finds nothing passes, what gives no state fails, and words of
// its own come before the check's.
func TestRun(t *testing.T) {
	rules := []Rule[int]{
		{Check: Check{ID: "A", Why: "why", Fix: "fix"}, Look: func(int) []Finding { return nil }},
		{Check: Check{ID: "B", Why: "why", Fix: "fix"}, Look: func(int) []Finding { return []Finding{{}, {State: Unknown, Why: "own", Fix: "mine"}} }},
	}
	want := []struct {
		id, why, fix string
		state        State
	}{{"A", "why", "fix", Pass}, {"B", "why", "fix", Fail}, {"B", "own", "mine", Unknown}}
	got := Run(rules, 0)
	if len(got) != len(want) || len(List(rules)) != 2 {
		t.Fatalf("%d results", len(got))
	}
	for i, w := range want {
		if r := &got[i]; r.ID != w.id || r.State != w.state || r.Reason() != w.why || r.Remedy() != w.fix {
			t.Errorf("%d: %+v", i, r)
		}
	}
}

// TestParseSeverity: each word is read back, and no other.
func TestParseSeverity(t *testing.T) {
	for s := Info; s <= Critical; s++ {
		if got, err := ParseSeverity(s.String()); got != s || err != nil {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
	for _, word := range []string{"", "High", "none", "criticall"} {
		if _, err := ParseSeverity(word); err == nil {
			t.Errorf("%q is read", word)
		}
	}
}

// TestReplace: a line is changed only where there is no doubt.
func TestReplace(t *testing.T) {
	tree := settings.New(fstest.MapFS{"a": {Data: []byte("x = yes ; yes\ny = no\nz")}})
	for _, c := range []struct {
		line           int
		old, new, want string
	}{
		{0, "no", "yes", ""}, {4, "no", "yes", ""}, {2, "", "yes", ""}, {2, "off", "yes", ""}, {1, "yes", "no", ""},
		{2, "no", "yes", "y = yes\n"}, {3, "z", "zz", "zz"}, {1, "= yes", "= no", "x = no ; yes\n"},
	} {
		e := Replace(tree, settings.Place{File: "a", Line: c.line}, c.old, c.new)
		if (e == nil) != (c.want == "") || e != nil && (e.New != c.want || e.Line != c.line || e.Old != tree.Line(settings.Place{File: "a", Line: c.line})) {
			t.Errorf("line %d, %q: got %+v, want %q", c.line, c.old, e, c.want)
		}
	}
	if e := Insert(settings.Place{File: "a", Line: 2}, "w = 1\n"); e.Old != "" || e.Line != 2 {
		t.Errorf("got %+v", e)
	}
}
