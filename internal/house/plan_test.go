package house

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayUse says what a kind of room may import of ours. The plan of ARCHITECTURE.md
// says it room by room; this keeps the plan itself honest.
var mayUse = map[string][]string{
	"brick": {},
	"wire":  {"brick"}, // which knows as little of sipward
	"noun":  {},
	"river": {"brick", "wire", "noun", "river"},
	"hall":  {"brick", "noun", "river"},
	"view":  {"brick", "wire", "noun", "river", "hall", "view"},
	"tool":  {"brick", "wire", "noun", "river", "hall", "view", "tool"},
}

// plan is ARCHITECTURE.md's table: what each room is, and what it may import.
func plan(t *testing.T) (kinds map[string]string, imports map[string][]string) {
	t.Helper()
	kinds, imports = map[string]string{}, map[string][]string{}
	for _, row := range table(t, document(t, "ARCHITECTURE.md"), "room", "kind", "imports") {
		name := row[0]
		if _, twice := kinds[name]; twice {
			t.Errorf("ARCHITECTURE.md has two rows for %s", name)
		}
		kinds[name] = row[1]
		imports[name] = slices.DeleteFunc(strings.Fields(row[2]), func(s string) bool { return s == "—" })
	}
	return kinds, imports
}

// TestPlan compares the plan with the code, both ways: no import without a word
// in the plan, no word in the plan without an import. Tests may import anything.
func TestPlan(t *testing.T) {
	_, planned := plan(t)
	real := map[string][]string{}
	for _, r := range house(t) {
		if len(r.code()) > 0 && r.name != "house" {
			real[r.name] = ours(r.code())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(real)) {
		if _, ok := planned[name]; !ok {
			t.Errorf("%s has no row in ARCHITECTURE.md's plan; it imports %v", name, real[name])
			continue
		}
		for _, other := range real[name] {
			if !slices.Contains(planned[name], other) {
				t.Errorf("%s imports %s, which the plan does not allow", name, other)
			}
		}
		for _, other := range planned[name] {
			if !slices.Contains(real[name], other) {
				t.Errorf("the plan lets %s import %s, and it does not: drop the word", name, other)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(planned)) {
		if _, ok := real[name]; !ok {
			t.Errorf("the plan has a row for %s, which does not exist", name)
		}
	}
}

// TestPlanKinds holds the direction of the river: what a kind may not use, no
// row of the plan can allow.
func TestPlanKinds(t *testing.T) {
	kinds, planned := plan(t)
	for name, imports := range planned {
		allowed, ok := mayUse[kinds[name]]
		if !ok {
			t.Errorf("%s is a %q; the kinds are %v", name, kinds[name], slices.Sorted(maps.Keys(mayUse)))
		}
		for _, other := range imports {
			if !slices.Contains(allowed, kinds[other]) {
				t.Errorf("%s is a %s and imports %s, a %s", name, kinds[name], other, kinds[other])
			}
		}
	}
}

// TestDepth bounds how many rooms a reader may have to open to understand one.
func TestDepth(t *testing.T) {
	const most = 5
	_, planned := plan(t)
	var depth func(string) int
	depth = func(name string) int {
		deepest := 0
		for _, other := range planned[name] {
			deepest = max(deepest, 1+depth(other))
		}
		return deepest
	}
	for name := range planned {
		if d := depth(name); d > most {
			t.Errorf("%s stands on %d layers of rooms, at most %d are wanted", name, d, most)
		}
	}
}

// TestPaths: a page that sends its reader to a file knows where the file is.
func TestPaths(t *testing.T) {
	path := regexp.MustCompile("`((?:internal|cmd|docs|packaging|scripts)/[^` ]+)`|\\]\\(([^)#:]+)\\)")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ARCHITECTURE.md", "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} {
		pages = append(pages, filepath.Join(root, name))
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range path.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(root, m[1])
			if m[1] == "" {
				target = filepath.Join(filepath.Dir(page), m[2])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s sends its reader to %s, which is not there", filepath.Base(page), m[1]+m[2])
			}
		}
	}
}

// ours lists the rooms that files import.
func ours(files []*source) []string {
	found := map[string]bool{}
	for _, s := range files {
		for _, path := range importsOf(s) {
			if name, ok := strings.CutPrefix(path, modulePath+"/"); ok {
				found[strings.TrimPrefix(name, "internal/")] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func importsOf(s *source) []string {
	var paths []string
	for _, i := range s.ast.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			panic("house: the parser accepted an import that is no string: " + i.Path.Value)
		}
		paths = append(paths, path)
	}
	return paths
}

func itoa(n int) string { return strconv.Itoa(n) }
