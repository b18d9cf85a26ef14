package advisory

import (
	"strings"
)

// debianReleases are the code names of the Debian security tracker, and their
// numbers; sid has none.
var debianReleases = map[string]string{
	"buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15", "sid": "sid",
}

// trackerIssue is what the tracker's JSON says of one issue of one source
// package (security-tracker.debian.org/tracker/data/json).
type trackerIssue struct {
	Description string `json:"description"`
	Releases    map[string]struct {
		Status string `json:"status"` // resolved, open, undetermined
		Fixed  string `json:"fixed_version"`
		// Urgency is Debian's own rating; most have none.
		Urgency string `json:"urgency"`
	} `json:"releases"`
}

// advisory gives our form of an issue. A fixed version of 0 says that the
// release was never affected; an undetermined one says nothing.
func (i *trackerIssue) advisory(source, id string) *Advisory {
	a := &Advisory{ID: id, mild: true, Summary: i.Description[:min(len(i.Description), maxText)]}
	for code, r := range i.Releases {
		// Releases like "experimental", and those of the future, are nobody's system here.
		number, known := debianReleases[code]
		if !known {
			continue
		}
		line := Range{Ecosystem: "Debian:" + number, Package: source}
		switch r.Status {
		case "resolved":
			if r.Fixed == "0" {
				line.Events = []Event{{Fixed: "0"}}
			} else if r.Fixed != "" {
				line.Events = []Event{{Introduced: "0"}, {Fixed: r.Fixed}}
			}
		case "open":
			line.Events = []Event{{Introduced: "0"}}
		}
		if len(line.Events) > 0 {
			a.Affected = append(a.Affected, line)
		}
		if s := severityOf(strings.TrimRight(r.Urgency, "*")); s != "" && (a.Severity == "" || s.AtLeast(a.Severity)) {
			a.Severity = s
		}
	}
	return a
}
