package advisory

import (
	"slices"
	"strings"
)

// State is what is known of a package and an advisory. There is no "fine": what
// nobody can tell is Unknown.
type State string

// The states.
const (
	Affected State = "affected" // the hole is in this version
	Fixed    State = "fixed"    // it is not: fixed, or never there
	Unknown  State = "unknown"  // nobody here can tell; Why says why
)

// Severity is how bad an advisory is.
type Severity string

// The severities: remote takeover or toll fraud without a secret; with a secret
// that can be guessed or one mistake more; weakens a defence; discloses or
// clutters; worth knowing.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
)

// Severities lists them, the worst first.
var Severities = []Severity{Critical, High, Medium, Low, Info}

// AtLeast compares with a threshold. An advisory that nobody has rated counts as
// high: it must not slip through a check because it is new.
func (s Severity) AtLeast(least Severity) bool {
	if s == "" {
		s = High
	}
	return slices.Index(Severities, s) <= slices.Index(Severities, least)
}

// severityOf reads a severity in anybody's words; empty when it is none.
func severityOf(word string) Severity {
	switch word = strings.ToLower(strings.TrimSpace(word)); word {
	case "moderate":
		return Medium
	case "none", "unimportant", "negligible":
		return Info
	}
	if s := Severity(word); slices.Contains(Severities, s) {
		return s
	}
	return ""
}

// Record is the answer for one package and one advisory. Its JSON form is part
// of the machine interface.
type Record struct {
	// Package is the name as it was asked for or is installed; Version is empty
	// when it is not known.
	Package string `json:"package"`
	Version string `json:"version,omitempty"`
	// Advisory is empty when nothing at all is known of the package.
	Advisory string   `json:"advisory,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
	Severity Severity `json:"severity,omitempty"`
	State    State    `json:"state"`
	// FixedIn is the first version of the same distribution, or of the same
	// branch where there is one, that has the fix.
	FixedIn string `json:"fixed_in,omitempty"`
	Why     string `json:"why"`
	Summary string `json:"summary,omitempty"`
	// Loaded is false where none of the modules that have the hole is loaded.
	Loaded *bool `json:"loaded,omitempty"`
	// Restart says that the program runs from a file that has been replaced.
	Restart bool `json:"restart,omitempty"`
	// AsOf is the day up to which the advisories of this program are known
	// (RFC 3339, section 5.6), Stale that it is long ago.
	AsOf  string `json:"as_of,omitempty"`
	Stale bool   `json:"stale,omitempty"`
}

// Open says that the hole is there and can be reached, as far as is known.
func (r *Record) Open() bool { return r.State == Affected && (r.Loaded == nil || *r.Loaded) }
