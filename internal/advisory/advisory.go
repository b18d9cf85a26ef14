// Package advisory says which known holes are in the SIP servers of a machine:
// affected, fixed, or unknown. It compares versions with advisories that come
// with the program and can be refreshed from files; it asks nobody.
//
// A distribution's package carries fixes that its release number does not show,
// so a release number alone never makes such a package "affected", and never
// "fixed" unless the release itself has the fix. What a distribution fixed where
// is known from its own data, or from the package's own change log. The rest is
// unknown, and says so.
package advisory

import (
	"encoding/json"
	"time"
)

// Advisory is what is known of one hole.
type Advisory struct {
	// ID is its CVE number, or the number its finder or project gave it.
	ID      string
	Aliases []string
	Summary string
	// Published is when; zero when not known.
	Published time.Time
	// Severity may be a distribution's word on its own package; then mild is set,
	// and the word of anybody else counts more.
	Severity Severity
	mild     bool
	// Modules are the parts of the program that have the hole, as its settings
	// name them; none when it is the program itself.
	Modules  []string
	Affected []Range
	// Shield is a rule that keeps matching messages out while the hole is open.
	// Nothing reads it yet.
	Shield json.RawMessage
}

// Range is a line of versions that one party numbers, and where in it the hole
// is.
type Range struct {
	// Ecosystem is who numbers: "Upstream", or a distribution as OSV spells it
	// ("Debian:11"). Package is the source package.
	Ecosystem, Package string
	Events             []Event
	// Versions are single ones that have the hole.
	Versions []string
}

// Event is a place in the line of versions. Exactly one of its fields is set
// (OSV schema, affected[].ranges[].events).
type Event struct {
	Introduced   string `json:"introduced,omitempty"` // "0" is before every version
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"last_affected,omitempty"`
	Limit        string `json:"limit,omitempty"` // from here on the range says nothing
}

// Names lists the ID and the aliases.
func (a *Advisory) Names() []string { return append([]string{a.ID}, a.Aliases...) }

// Upstream and Certified name the lines of versions that projects number
// themselves. Certified Asterisk is one of its own: certified-20.7-cert3 holds
// fixes that 20.7.0 has not.
const (
	Upstream  = "Upstream"
	certified = "certified-asterisk"
)
