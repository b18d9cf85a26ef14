package check

import "testing"

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
