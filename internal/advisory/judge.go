package advisory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/installed"
	"github.com/sipward/sipward/internal/pkgversion"
)

// longAgo is how old an advisory is that is left out of the answer where the
// project's own release has the fix: nobody needs to be told that Kamailio 6.0
// has what was fixed in 4.4.
const longAgo = 6 * 365 * 24 * time.Hour

// Subject is a package to judge.
type Subject struct {
	// Package and Version are as they are to be shown.
	Package, Version string
	// Compare is the version that counts where it is another, as that of the
	// source package.
	Compare string
	// Origin is who built it.
	Origin pkgversion.Origin
	// Aliases are further names of the same distribution.
	Aliases []string
	// Changelog is what the package itself says, the newest first.
	Changelog []installed.Entry
	// Restart says that the program runs from a file that has been replaced.
	Restart bool
	// Loaded tells whether the program has loaded a module, where that is known;
	// it may be nil.
	Loaded func(module string) (loaded, known bool)
}

// Named is the subject for a version that somebody typed.
func Named(name, version string, system installed.System) Subject {
	s := Subject{Package: name, Version: version, Origin: pkgversion.OriginOf(version)}
	s.locate(system)
	return s
}

// Installed is the subject for a package that was found on a machine.
func Installed(p installed.Package, system installed.System) Subject {
	s := Subject{Package: p.Name, Version: p.Version, Compare: p.SourceVersion, Changelog: p.Changelog, Restart: p.Restart}
	s.Origin = pkgversion.OriginOf(p.Version)
	switch p.Manager {
	case installed.Dpkg:
		s.Origin.Scheme = pkgversion.Deb
	case installed.RPM:
		s.Origin.Scheme = pkgversion.RPM
	default:
		s.Origin = pkgversion.Origin{Scheme: pkgversion.Upstream, Project: true}
	}
	// A version without a revision looks like the project's own.
	if s.Origin.Scheme != pkgversion.Upstream && pkgversion.OriginOf(p.Version).Scheme == pkgversion.Upstream {
		s.Origin.Project = false // a package's, however plain its version is
	}
	s.locate(system)
	return s
}

// locate adds what the machine says of itself to what the version says: the
// version's own mark is surer, for packages are carried from one to another.
func (s *Subject) locate(system installed.System) {
	if p := productOf(s.Package); p != nil && p.ownBuilds {
		s.Origin.Project = true
	}
	if s.Origin.Project {
		return
	}
	name, known := systems[system.ID]
	if !known || s.Origin.Name != "" && s.Origin.Name != name.family {
		return
	}
	release := system.Release
	if name.major {
		release, _, _ = strings.Cut(release, ".")
	}
	if s.Origin.Name == "" || s.Origin.Release == "" && !strings.Contains(s.Version, "~bpo") {
		s.Origin.Name, s.Origin.Release = name.family, release
	}
	if name.own != "" {
		s.Aliases = append(s.Aliases, name.own+":"+release)
	}
}

// systems are the distributions by the ID of os-release(5).
var systems = map[string]struct {
	family string // as OSV spells it, or Enterprise Linux
	own    string // the name of its own data, where it shares packages with others
	major  bool   // its minor releases are one
}{
	"debian":    {"Debian", "", true},
	"ubuntu":    {"Ubuntu", "", false},
	"fedora":    {"Fedora", "", true},
	"rhel":      {"Enterprise Linux", "Red Hat", true},
	"almalinux": {"Enterprise Linux", "AlmaLinux", true},
	"rocky":     {"Enterprise Linux", "Rocky Linux", true},
	"centos":    {"Enterprise Linux", "", true},
	"ol":        {"Enterprise Linux", "", true},
}

// counts gives the version that is compared.
func (s *Subject) counts() string { return cmp.Or(s.Compare, s.Version) }

// Judge gives a record for each advisory about the package, the worst first. At
// least one record comes back: where nothing is known, that is the answer.
func (d *Database) Judge(s Subject, now time.Time) []Record {
	p := productOf(s.Package)
	if p == nil {
		return []Record{{Package: s.Package, Version: s.Version, State: Unknown, Why: "nothing is known of advisories about this package"}}
	}
	blank := Record{Package: s.Package, Version: s.Version, State: Unknown, Restart: s.Restart}
	if known := d.known[p.name]; !known.IsZero() {
		blank.AsOf = known.Format(time.DateOnly)
	}
	blank.Stale = d.Stale(s.Package, now) != ""
	// Every comparison begins with the project's release in the version; without
	// one there is nothing to compare.
	base, err := pkgversion.Base(s.Origin.Scheme, s.counts())
	if s.Version == "" || err != nil {
		blank.Why = "its version is not known"
		if err != nil && s.Version != "" {
			blank.Why = "its version cannot be compared with any other"
		}
		return []Record{blank}
	}
	var all []Record
	for _, a := range d.about(p.name) {
		v, ok := d.decide(a, p, &s, base)
		if !ok {
			continue
		}
		r := blank
		r.Advisory, r.Aliases, r.Severity, r.Summary = a.ID, a.Aliases, a.Severity, a.Summary
		r.State, r.FixedIn, r.Why = v.state, v.fixedIn, v.why
		s.reach(&r, a)
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b Record) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(b.Advisory, a.Advisory))
	})
	if len(all) == 0 {
		blank.Why = "no advisory is known that says anything about this version"
		all = append(all, blank)
	}
	return all
}

// rank puts what nobody has rated last in a list; AtLeast does not.
func rank(s Severity) int {
	if at := slices.Index(Severities, s); at >= 0 {
		return at
	}
	return len(Severities)
}

// reach adds what the running program changes: a module that is not loaded has
// no hole to reach, and an upgrade counts from the next start on.
func (s *Subject) reach(r *Record, a *Advisory) {
	if s.Loaded != nil && len(a.Modules) > 0 && r.State != Fixed {
		loaded, all := false, true
		for _, m := range a.Modules {
			is, known := s.Loaded(m)
			loaded, all = loaded || is, all && known
		}
		if all {
			r.Loaded = &loaded
			if !loaded {
				r.Why += "; " + strings.Join(a.Modules, ", ") + " is not loaded"
			}
		}
	}
	if s.Restart && r.State == Fixed {
		r.State = Unknown
		r.Why = "installed, it has the fix; but a process still runs from before the upgrade: restart " + r.Package
	}
}

// verdict is what is known of one advisory and one version.
type verdict struct {
	state        State
	fixedIn, why string
}

// decide asks, in this order: the distribution's own data, the package's change
// log, the project's releases. It gives false where the advisory says nothing
// about such a package.
func (d *Database) decide(a *Advisory, p *product, s *Subject, base pkgversion.Release) (verdict, bool) {
	up, hasUp := a.upstream(p.name, base)
	if s.Origin.Project {
		return up, hasUp && !d.old(a, up)
	}
	// The distribution's word that it is fixed stands. Its word that it is not may be
	// older than the package, whose own change log is asked before that counts.
	own, hasOwn := a.distribution(p.name, s)
	if hasOwn && own.state == Fixed {
		return own, true
	}
	if v, ok := evidence(a, s); ok {
		return v, true
	}
	switch {
	case hasOwn:
		return own, true
	case hasUp && up.state == Fixed:
		return up, !d.old(a, up)
	// The release has the hole, and the package may have the fix all the same.
	case hasUp && up.state == Affected:
		return verdict{Unknown, "", fmt.Sprintf("%s %s has it; whether the package of %s carries the fix is not known", p.name, base, s.builder())}, true
	case hasUp:
		return up, true
	case s.Origin.Name == "" && s.Origin.Scheme == pkgversion.Deb, s.Origin.Name == "Debian":
		return verdict{Unknown, "", "it is known only for other releases of Debian"}, true
	}
	return verdict{}, false
}

// old says that an advisory is of long ago and fixed.
func (d *Database) old(a *Advisory, v verdict) bool {
	newest := time.Time{}
	for _, day := range d.known {
		if day.After(newest) {
			newest = day
		}
	}
	return v.state == Fixed && !a.Published.IsZero() && newest.Sub(a.Published) > longAgo
}

// builder names who built the package.
func (s *Subject) builder() string {
	switch {
	case s.Origin.Name == "":
		return "its distribution"
	case s.Origin.Release == "":
		return s.Origin.Name
	}
	return s.Origin.Name + " " + s.Origin.Release
}

// upstream judges the project's own release.
func (a *Advisory) upstream(product string, base pkgversion.Release) (verdict, bool) {
	// Certified releases are numbered beside the others and hold fixes of later ones.
	line := product
	if base.Certified() {
		line = certified
	}
	for i := range a.Affected {
		r := &a.Affected[i]
		if r.Ecosystem != Upstream || r.Package != line {
			continue
		}
		f, err := r.place(pkgversion.Upstream, base.String())
		if err != nil {
			return verdict{Unknown, "", "the versions cannot be compared"}, true
		}
		v := f.verdict("")
		if f.affected && f.next != "" {
			if next, err := pkgversion.ParseUpstream(f.next); err == nil && next.Branch() != base.Branch() {
				v.why = fmt.Sprintf("branch %d has no release with the fix; the next one is %s", base.Branch(), f.next)
			}
		}
		return v, true
	}
	return verdict{}, false
}

// distribution judges by what the distribution says itself. Of a package whose
// release is not known, only Debian's unstable tells: what is at least as new as
// the fix there has it.
func (a *Advisory) distribution(product string, s *Subject) (verdict, bool) {
	sid := (*Range)(nil)
	for i := range a.Affected {
		r := &a.Affected[i]
		if r.Ecosystem == Upstream || !r.is(product) {
			continue
		}
		// Nothing is built for sid with a mark of its own, so no package is "from" it.
		if r.Ecosystem == "Debian:sid" {
			sid = r
		}
		if !s.from(r.Ecosystem) {
			continue
		}
		f, err := r.place(s.Origin.Scheme, s.counts())
		if err != nil {
			return verdict{Unknown, "", "the versions cannot be compared"}, true
		}
		return f.verdict(s.builder()), true
	}
	if sid != nil && s.Origin.Scheme == pkgversion.Deb && (s.Origin.Name == "" || s.Origin.Name == "Debian") {
		if f, err := sid.place(pkgversion.Deb, s.counts()); err == nil && !f.affected && !f.beyond {
			return f.verdict("Debian"), true
		}
	}
	return verdict{}, false
}

// from says that an ecosystem is the package's distribution. OSV adds words to
// some: "Ubuntu:22.04:LTS".
func (s *Subject) from(ecosystem string) bool {
	if s.Origin.Name == "" || s.Origin.Release == "" {
		return false
	}
	for _, own := range append([]string{s.Origin.Ecosystem()}, s.Aliases...) {
		if ecosystem == own || strings.HasPrefix(ecosystem, own+":") {
			return true
		}
	}
	return false
}
