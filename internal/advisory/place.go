package advisory

import (
	"slices"

	"github.com/sipward/sipward/internal/pkgversion"
)

// finding is where a version stands in a line of versions.
type finding struct {
	affected bool
	// beyond says that the line has no word on versions as new as this one.
	beyond bool
	// next is the first fixed version after it, since the last one before it;
	// last is the last affected version before it, where no fixed one is named.
	next, since, last string
}

// place finds a version's place among the events of a line, as OSV's schema has
// it: sorted, each event changes the state from there on.
func (r *Range) place(s pkgversion.Scheme, version string) (finding, error) {
	var f finding
	events, err := sorted(s, r.Events)
	if err != nil {
		return f, err
	}
	for _, e := range events {
		c := -1 // "0" is before everything
		if e.at() != "0" {
			if c, err = pkgversion.Compare(s, e.at(), version); err != nil {
				return f, err
			}
		}
		f.pass(e, c)
	}
	// A version that is named has the hole, whatever the events say.
	if slices.Contains(r.Versions, version) {
		f.affected, f.since, f.last = true, "", ""
	} else if len(r.Events) == 0 {
		f.beyond = true // a list of versions names those with the hole, and not the others
	}
	return f, nil
}

// pass takes one event up. c is negative where the event is before the version.
func (f *finding) pass(e Event, c int) {
	switch {
	case e.Fixed != "" && c <= 0:
		f.affected, f.since, f.last = false, e.Fixed, ""
	case e.Fixed != "" && f.next == "":
		f.next = e.Fixed
	case c > 0:
	case e.Introduced != "":
		f.affected, f.beyond = true, false
	case e.LastAffected != "" && c < 0:
		f.affected, f.since, f.last = false, "", e.LastAffected
	case e.Limit != "":
		f.affected, f.beyond = false, true
	}
}

// at gives the version at which the event stands.
func (e Event) at() string {
	for _, v := range []string{e.Introduced, e.Fixed, e.LastAffected, e.Limit} {
		if v != "" {
			return v
		}
	}
	return "0"
}

// sorted puts events into the order of their versions: OSV promises none. Two events
// at one version stay as they were.
func sorted(s pkgversion.Scheme, events []Event) ([]Event, error) {
	var bad error
	all := slices.Clone(events)
	slices.SortStableFunc(all, func(a, b Event) int {
		switch {
		case a.at() == b.at():
			return 0
		case a.at() == "0":
			return -1
		case b.at() == "0":
			return 1
		}
		c, err := pkgversion.Compare(s, a.at(), b.at())
		if err != nil {
			bad = err
		}
		return c
	})
	return all, bad
}

// verdict words what was found. Who is the distribution, empty for the project.
func (f finding) verdict(who string) verdict {
	by := ""
	if who != "" {
		by = who + ": "
	}
	switch {
	case f.beyond:
		return verdict{Unknown, "", by + "nothing is known about versions as new as this one"}
	case f.affected && f.next != "":
		return verdict{Affected, f.next, by + "the fix came with " + f.next}
	case f.affected:
		return verdict{Affected, "", by + "no version with a fix is known"}
	case f.since == "0":
		return verdict{Fixed, "", by + "it was never in any version of this release"}
	case f.since != "":
		return verdict{Fixed, f.since, by + "the fix is in " + f.since + " and later"}
	case f.last != "":
		return verdict{Fixed, "", by + f.last + " is the last version that has it"}
	}
	return verdict{Fixed, "", by + "it came with later versions"}
}
