package house

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// mostDependencies bounds how much of others' code the product stands on directly.
const mostDependencies = 16

// TestDependencies compares ARCHITECTURE.md's table of dependencies with the
// imports, both ways: what the product needs, and what only tests and tools do.
func TestDependencies(t *testing.T) {
	used := usedModules(t)
	justified := map[string]string{}
	product := 0
	for _, row := range table(t, document(t, "ARCHITECTURE.md"), "dependency", "why", "for") {
		name, why, use := row[0], row[1], row[2]
		justified[name] = why
		if len(strings.Fields(why)) < 3 {
			t.Errorf("ARCHITECTURE.md does not say why %s is needed", name)
		}
		if used[name] == "" {
			t.Errorf("ARCHITECTURE.md justifies %s, which nothing uses", name)
		} else if used[name] != use {
			t.Errorf("ARCHITECTURE.md says that %s is for %s, and it is for %s", name, use, used[name])
		}
		if use == "product" {
			product++
		}
	}
	for _, m := range slices.Sorted(maps.Keys(used)) {
		if justified[m] == "" {
			t.Errorf("%s is used (for %s) without a line in ARCHITECTURE.md", m, used[m])
		}
	}
	if product > mostDependencies {
		t.Errorf("the product has %d direct dependencies, more than %d", product, mostDependencies)
	}
}

// usedModules gives the modules that are imported, and whether the product
// imports them or only tests and tools do.
func usedModules(t *testing.T) map[string]string {
	t.Helper()
	kinds, _ := plan(t)
	modules := required(t)
	used := map[string]string{}
	for _, r := range house(t) {
		for _, s := range r.files {
			for _, path := range importsOf(s) {
				first, _, _ := strings.Cut(path, "/")
				if strings.HasPrefix(path+"/", modulePath+"/") || !strings.Contains(first, ".") {
					continue
				}
				m := moduleOf(path, modules)
				switch {
				case m == "":
					t.Errorf("%s imports %s, of which go.mod knows nothing", s.path, path)
				case !s.test && kinds[r.name] != "tool":
					used[m] = "product"
				case used[m] == "":
					used[m] = "tests"
				}
			}
		}
	}
	for line := range strings.Lines(document(t, "go.mod")) {
		if tool, ok := strings.CutPrefix(strings.TrimSpace(line), "tool "); ok && used[moduleOf(tool, modules)] == "" {
			used[moduleOf(tool, modules)] = "tests"
		}
	}
	return used
}

// TestModule compares the module's name with ours.
func TestModule(t *testing.T) {
	if !strings.HasPrefix(document(t, "go.mod"), "module "+modulePath+"\n") {
		t.Errorf("go.mod does not begin with module %s", modulePath)
	}
}

// required lists the modules of go.mod.
func required(t *testing.T) []string {
	t.Helper()
	var modules []string
	for line := range strings.Lines(document(t, "go.mod")) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(words) >= 2 && strings.HasPrefix(words[1], "v") && strings.Contains(words[0], ".") {
			modules = append(modules, words[0])
		}
	}
	return modules
}

// moduleOf finds the module of a package: the longest one that it begins with.
func moduleOf(path string, modules []string) string {
	longest := ""
	for _, m := range modules {
		if (path == m || strings.HasPrefix(path, m+"/")) && len(m) > len(longest) {
			longest = m
		}
	}
	return longest
}
