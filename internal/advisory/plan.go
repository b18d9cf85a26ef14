package advisory

import (
	"regexp"
	"slices"

	"github.com/sipward/sipward/internal/installed"
	"github.com/sipward/sipward/internal/pkgversion"
)

// packageName is what a package manager takes for a name: never a flag, never a
// file.
var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._-]{0,127}$`)

// Plan gives the package manager's commands that upgrade packages with open
// advisories, a list of words each; nothing of them is for a shell. By names
// those that no package manager can upgrade.
func Plan(packages []installed.Package, records []Record) (commands [][]string, by []string) {
	var apt, dnf []string
	for _, p := range packages {
		if !slices.ContainsFunc(records, func(r Record) bool { return r.Package == p.Name && r.Version == p.Version && r.State != Fixed }) {
			continue
		}
		// Names come from a list that may be anybody's, and go to a command line.
		names := slices.DeleteFunc(slices.Clone(p.Siblings), func(n string) bool { return !packageName.MatchString(n) })
		switch {
		case p.Manager == installed.Dpkg:
			apt = append(apt, names...)
		case p.Manager == installed.RPM:
			dnf = append(dnf, names...)
		default:
			by = append(by, p.Program)
		}
	}
	if len(apt) > 0 {
		commands = append(commands, []string{"apt-get", "update"}, append([]string{"apt-get", "install", "--only-upgrade"}, unique(apt)...))
	}
	if len(dnf) > 0 {
		commands = append(commands, append([]string{"dnf", "upgrade", "--refresh"}, unique(dnf)...))
	}
	return commands, by
}

// unique sorts names and drops those that are there twice.
func unique(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// Typed gives the package for a name and version that somebody typed.
func Typed(s Subject) installed.Package {
	p := installed.Package{Name: s.Package, Version: s.Version, Siblings: []string{s.Package}}
	switch s.Origin.Scheme {
	case pkgversion.Deb:
		p.Manager = installed.Dpkg
	case pkgversion.RPM:
		p.Manager = installed.RPM
	default:
		p.Program = s.Package
	}
	return p
}
