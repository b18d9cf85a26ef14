// Package installed finds which versions of programs a machine has, without
// running any of them: in the lists of dpkg and rpm, and in the programs
// themselves where no package manager put them. It reads this machine's files or
// those below a folder, and never one outside of it; every size is bounded, and
// what cannot be read becomes a sentence.
package installed

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Wanted is a program to look for.
type Wanted struct {
	// Name is what it is called here.
	Name string
	// Packages are the binary packages that hold the program itself, Sources
	// the source packages they are built from.
	Packages, Sources []string
	// Programs are the files that may be the program, below the root; Libraries
	// those that hold its version instead.
	Programs []string
	// Processes are the names it runs under.
	Processes []string
}

// Package is an installed one.
type Package struct {
	// Name is the program's, from Wanted; Binary the package that holds it.
	Name, Binary string
	// Version is as the package manager prints it, SourceVersion that of the
	// source package where it is another.
	Version, SourceVersion string
	// Manager is dpkg or rpm; empty when no package manager knows the program.
	Manager string
	// Program is the file its version was read from, when it is from no package.
	Program string
	// Siblings are all installed packages of the same source, sorted, Binary
	// among them: they are upgraded together. At most maxSiblings.
	Siblings []string
	// Changelog is what the package itself says of its versions, the newest
	// first; nil when there is none or it cannot be read.
	Changelog []Entry
	// Restart says that a process still runs a program file which has been
	// replaced since.
	Restart bool
}

// The package managers.
const (
	Dpkg = "dpkg"
	RPM  = "rpm"
)

// Bounds of what one report may hold.
const (
	maxSiblings = 256
	maxProblems = 64
)

// Report is what was found.
type Report struct {
	Packages []Package
	// System is the distribution, as os-release(5) names it.
	System System
	// Problems are sentences on what could not be read. Unread are the package
	// managers whose list is there and could not be read: what they have
	// installed is not known.
	Problems, Unread []string
}

// Look finds the wanted programs.
func (t *Tree) Look(wanted []Wanted) Report {
	// The package managers come first, so that programs of theirs are known as such.
	r := &Report{System: t.system()}
	t.dpkg(r, wanted)
	t.rpm(r, wanted)
	t.programs(r, wanted)
	t.processes(r, wanted)
	slices.SortStableFunc(r.Packages, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Program, b.Program))
	})
	return *r
}

// problem adds a sentence. It may quote names from the tree; whoever shows it
// makes it harmless.
func (r *Report) problem(format string, a ...any) {
	s := fmt.Sprintf(format, a...)
	if len(r.Problems) < maxProblems && !slices.Contains(r.Problems, s) {
		r.Problems = append(r.Problems, s)
	}
}

// unread notes that a package manager's list cannot be read.
func (r *Report) unread(manager, format string, a ...any) {
	r.problem(format, a...)
	if !slices.Contains(r.Unread, manager) {
		r.Unread = append(r.Unread, manager)
	}
}

// because words an error for a sentence.
func because(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	}
	return plain(err).Error()
}

// owner finds the wanted program that a package belongs to. Main says that it
// holds the program itself.
func owner(wanted []Wanted, binary, source string) (at int, main bool) {
	for i, w := range wanted {
		if slices.Contains(w.Packages, binary) {
			return i, true
		}
		if slices.Contains(w.Sources, source) {
			at, main = i, false
			return at, main
		}
	}
	return -1, false
}

// found is one line of a package manager's list.
type found struct {
	binary, source, version, sourceVersion string
	changelog                              func() []Entry
}

// collect makes packages of the lines of a list: those that hold a program, and
// beside them what else was built with it.
func (r *Report) collect(manager string, wanted []Wanted, lines []found) {
	// The list is gone through twice: what was built beside a program may stand
	// before it or behind it.
	siblings := map[string][]string{}
	for _, l := range lines {
		if at, _ := owner(wanted, l.binary, l.source); at >= 0 && len(siblings[wanted[at].Name]) < maxSiblings {
			siblings[wanted[at].Name] = append(siblings[wanted[at].Name], l.binary)
		}
	}
	seen := map[string]bool{}
	for _, l := range lines {
		at, main := owner(wanted, l.binary, l.source)
		// The same package may be there for two architectures; one answer is enough.
		if !main || seen[wanted[at].Name+" "+l.version] {
			continue
		}
		name := wanted[at].Name
		seen[name+" "+l.version] = true
		p := Package{Name: name, Binary: l.binary, Version: l.version, SourceVersion: l.sourceVersion, Manager: manager,
			Siblings: slices.Compact(slices.Sorted(slices.Values(siblings[name])))}
		// Only now, and only for a program: a machine has thousands of packages, and
		// nearly all of their change logs stay closed.
		if l.changelog != nil {
			p.Changelog = l.changelog()
		}
		r.Packages = append(r.Packages, p)
	}
}

// has says that a package manager installed the program.
func (r *Report) has(name string) bool {
	return slices.ContainsFunc(r.Packages, func(p Package) bool { return p.Name == name && p.Manager != "" })
}

// clean refuses names and versions that no package has: they would only confuse
// whoever reads them.
func clean(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f })
}
