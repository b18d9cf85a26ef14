package audit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
)

// TestReadBaseline: what is wrong with a list is said, and where.
func TestReadBaseline(t *testing.T) {
	for _, c := range []struct{ text, wrong string }{
		{"accepted: 7", "accepted"},
		{"acepted: []", "acepted"},
		{"accepted:\n- id: AST-34\n  untl: 2027-01-31\n", "untl"},
		{"accepted:\n- id: AST-340\n  reason: x\n  until: 2027-01-31\n", `entry 1: there is no check "AST-340"`},
		{"accepted:\n- id: AST-34\n  until: 2027-01-31\n", "entry 1, AST-34: a reason is missing"},
		{"accepted:\n- id: AST-34\n  reason: x\n", "entry 1, AST-34: until"},
		{"accepted:\n- id: AST-34\n  reason: x\n  until: next year\n", `not "next year"`},
		{strings.Repeat("#", maxBaseline+1), "larger than"},
		{"", ""},
		{"accepted: []", ""},
		{"accepted:\n- id: AST-34\n  reason: x\n  until: 2027-01-31\n", ""},
	} {
		_, err := ReadBaseline(strings.NewReader(c.text))
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%.60q: got %v, want %q", c.text, err, c.wrong)
		}
	}
}

// TestAccept: an entry counts for its place until its last day is over, and
// what nothing fits any more is named.
func TestAccept(t *testing.T) {
	const list = "accepted:\n- {id: AST-34, file: a.conf, setting: x, reason: known, until: 2026-12-01}\n"
	severe := &check.Check{ID: "AST-34", Severity: check.High}
	fails := func(file, setting string) check.Result {
		return check.Result{Check: severe, Finding: check.Finding{State: check.Fail, Place: settings.Place{File: file}, Setting: setting}}
	}
	for _, c := range []struct {
		name, day      string
		result         check.Result
		accepted, says int
	}{
		{"another file", "2026-11-30", fails("b.conf", "x"), 0, 1},
		{"another setting", "2026-11-30", fails("a.conf", "y"), 0, 1},
		{"it passes", "2026-11-30", check.Result{Check: severe, Finding: check.Finding{State: check.Pass}}, 0, 1},
		{"run out", "2026-12-02", fails("a.conf", "x"), 0, 1},
		{"the last day", "2026-12-01", fails("a.conf", "x"), 1, 0},
	} {
		b, err := ReadBaseline(strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		now, _ := time.Parse(time.DateOnly, c.day)
		r := &Report{Results: []check.Result{c.result}}
		says := r.Accept(b, now.Add(23*time.Hour))
		if r.Accepted() != c.accepted || len(says) != c.says {
			t.Errorf("%s: %d accepted, %q", c.name, r.Accepted(), says)
		}
		if _, failed := r.Worst(); failed == (c.accepted == 1 || c.result.State == check.Pass) || (r.Score() == 100) == failed {
			t.Errorf("%s: fails %v, score %d", c.name, failed, r.Score())
		}
	}
}

// TestScore: a check counts once, and there is nothing below 0.
func TestScore(t *testing.T) {
	result := func(id string, s check.Severity, state check.State) check.Result {
		return check.Result{Check: &check.Check{ID: id, Severity: s}, Finding: check.Finding{State: state}}
	}
	high := result("A", check.High, check.Fail)
	for want, results := range map[int][]check.Result{
		100: {result("A", check.Critical, check.Pass), result("B", check.Critical, check.Latent), result("C", check.Info, check.Fail)},
		90:  {high, high, high},
		85:  {high, result("B", check.Medium, check.Fail), result("C", check.Low, check.Fail)},
		0:   slices.Repeat([]check.Result{result("1", check.Critical, check.Fail), result("2", check.Critical, check.Fail), result("3", check.Critical, check.Fail), result("4", check.Critical, check.Fail), result("5", check.Low, check.Fail)}, 2),
	} {
		if got := (&Report{Results: results}).Score(); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
}

// TestChecks: each check has an id of its own, and says all there is to say.
func TestChecks(t *testing.T) {
	known := map[string]bool{}
	for _, c := range Checks() {
		if known[c.ID] || c.Title == "" || c.Why == "" || c.Fix == "" || len(c.References) == 0 || c.Server == "" {
			t.Errorf("%s is not complete, or there twice", c.ID)
		}
		if lines := strings.Count(c.Why, "\n") + 1; lines > 2 {
			t.Errorf("%s says why in %d lines", c.ID, lines)
		}
		known[c.ID] = true
	}
}
