package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mayBeSkipped lists the functions that may skip a test, and the probe that
// must have said no. `make test` prints every skip.
var mayBeSkipped = map[string]string{
	"internal/house/units_test.go":            "systemd-analyze is not installed",
	"internal/afpacket/capture_linux_test.go": "the kernel refuses a VLAN or TUN interface",
	"internal/packet/kernel_linux_test.go":    "no network namespace without CAP_SYS_ADMIN",
	"internal/control/listen_linux_test.go":   "only root can become somebody else",
	"internal/pkgversion/dpkg_test.go":        "dpkg is not installed",
	"internal/journal/real_test.go":           "no journal with two entries of a unit can be read",
	"internal/store/disk_test.go":             "making a mount namespace is not permitted",
	"internal/tail/torture_test.go":           "the kernel grants no user namespace, so inotify cannot be taken away",
}

// TestSkips: a skipped test proves nothing, so only a probe of the kernel or of
// this process's rights may skip one.
func TestSkips(t *testing.T) {
	used := map[string]bool{}
	each(t, testFile, func(s *source, n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		_, name := selector(call.Fun)
		if name != "Skip" && name != "Skipf" && name != "SkipNow" {
			return
		}
		if len(call.Args) == 0 && name == "Skip" {
			return // rapid's: draw another example
		}
		used[s.path] = true
		if mayBeSkipped[s.path] == "" {
			t.Errorf("%s: skips a test without a probe listed in internal/house", at(call))
		}
	})
	for path := range mayBeSkipped {
		if !used[path] {
			t.Errorf("%s skips nothing: drop its line", path)
		}
	}
}

// TestNoSleep: a test that sleeps is slow on every machine and wrong on a slow one.
func TestNoSleep(t *testing.T) {
	each(t, testFile, func(_ *source, n ast.Node) {
		if of, name := selector(n); of == "time" && name == "Sleep" {
			t.Errorf("%s: a test sleeps", at(n))
		}
	})
}

// TestNoSilencing: a rule that is switched off in places is no rule.
func TestNoSilencing(t *testing.T) {
	silencers := []string{"no" + "lint", "lint:" + "ignore", "lint:" + "file-ignore", "#no" + "sec"}
	for _, r := range house(t) {
		for _, s := range r.files {
			for _, word := range silencers {
				if strings.Contains(string(s.text), word) {
					t.Errorf("%s: silences a linter with %s", s.path, word)
				}
			}
		}
	}
}

// TestTestShare: in the river and at the wires there are as many lines of test
// as of code. Scenarios are tests of the river, written for people to read.
func TestTestShare(t *testing.T) {
	kinds, _ := plan(t)
	var code, tests int
	for _, r := range house(t) {
		c, n := lines(r.code()), lines(r.tests())
		if c == 0 {
			continue
		}
		t.Logf("%-20s %-5s code %5d  test %5d  %.2f", r.name, kinds[r.name], c, n, float64(n)/float64(c))
		if kinds[r.name] == "river" || kinds[r.name] == "wire" {
			code, tests = code+c, tests+n
		}
	}
	scenarios := scenarioLines(t)
	tests += scenarios
	t.Logf("river and wires: code %d, test %d, of which scenarios %d", code, tests, scenarios)
	if tests < code {
		t.Errorf("river and wires have %d lines of test for %d of code", tests, code)
	}
}

// scenarioLines counts the lines of the detectors' scenarios.
func scenarioLines(t *testing.T) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "internal/detect/testdata/*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(text), "\n")
	}
	return n
}
