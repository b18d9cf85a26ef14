package advisory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of one advisory. The largest of OSV's own have a few hundred versions.
const (
	maxAdvisories = 1 << 16
	maxAliases    = 64
	maxAffected   = 512
	maxEvents     = 512
	maxVersions   = 8192
	maxText       = 512
)

// The errors of data that cannot be used.
var (
	errTooMany = errors.New("there is too much of it")
	errNoID    = errors.New("an advisory has no id")
	errForm    = errors.New("it is neither OSV nor the Debian security tracker's data")
)

// osv is the part of an OSV record that counts (ossf.github.io/osv-schema).
type osv struct {
	ID        string    `json:"id"`
	Aliases   []string  `json:"aliases"`
	Upstream  []string  `json:"upstream"`
	Summary   string    `json:"summary"`
	Details   string    `json:"details"`
	Published time.Time `json:"published"`
	Modified  time.Time `json:"modified"`
	Withdrawn string    `json:"withdrawn"`
	Affected  []struct {
		Package struct {
			Ecosystem string `json:"ecosystem"`
			Name      string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Type   string  `json:"type"`
			Events []Event `json:"events"`
		} `json:"ranges"`
		Versions []string `json:"versions"`
	} `json:"affected"`
	Specific struct {
		Severity string          `json:"severity"`
		Modules  []string        `json:"modules"`
		Shield   json.RawMessage `json:"shield"`
	} `json:"database_specific"`
}

// advisories gives our form. Records that were withdrawn, or are about none of our
// products, are nothing; one about several CVE numbers is as many.
func (o *osv) advisories() ([]*Advisory, error) {
	if o.Withdrawn != "" {
		return nil, nil
	}
	if !name(o.ID) {
		return nil, errNoID
	}
	// Nobody's data is as large; whoever makes it so wants our memory.
	if len(o.Aliases)+len(o.Upstream) > maxAliases || len(o.Affected) > maxAffected || len(o.Specific.Modules) > maxAliases {
		return nil, fmt.Errorf("advisory %s: %w", o.ID, errTooMany)
	}
	a := &Advisory{ID: o.ID, Published: o.Published, Severity: severityOf(o.Specific.Severity),
		Modules: o.Specific.Modules, Shield: o.Specific.Shield}
	a.Summary = o.Summary
	if a.Summary == "" {
		a.Summary, _, _ = strings.Cut(o.Details, "\n")
	}
	a.Summary = a.Summary[:min(len(a.Summary), maxText)]
	for _, n := range append(o.Aliases, o.Upstream...) {
		if name(n) && n != o.ID {
			a.Aliases = append(a.Aliases, n)
		}
	}
	for _, f := range o.Affected {
		if productOf(f.Package.Name) == nil && f.Package.Name != certified {
			continue
		}
		if len(f.Ranges) > maxEvents || len(f.Versions) > maxVersions {
			return nil, fmt.Errorf("advisory %s: %w", o.ID, errTooMany)
		}
		r := Range{Ecosystem: f.Package.Ecosystem, Package: f.Package.Name, Versions: f.Versions}
		for _, g := range f.Ranges {
			if g.Type == "GIT" {
				continue // commits have no order that we could tell
			}
			r.Events = append(r.Events, g.Events...)
		}
		if len(r.Events) > maxEvents {
			return nil, fmt.Errorf("advisory %s: %w", o.ID, errTooMany)
		}
		if len(r.Events)+len(r.Versions) > 0 {
			a.Affected = append(a.Affected, r)
		}
	}
	if len(a.Affected) == 0 {
		return nil, nil
	}
	return byCVE(a), nil
}

// byCVE gives an advisory the name that people know it by. A distribution's own
// records carry CVE numbers as further names; where there is more than one
// (DSA-5410-1 has six), the record is a collection, and each of them is fixed by
// what fixed the collection.
func byCVE(a *Advisory) []*Advisory {
	if strings.HasPrefix(a.ID, "CVE-") {
		return []*Advisory{a}
	}
	var cves []string
	for _, n := range a.Aliases {
		if strings.HasPrefix(n, "CVE-") {
			cves = append(cves, n)
		}
	}
	switch len(cves) {
	case 0:
		return []*Advisory{a}
	case 1:
		a.Aliases[slices.Index(a.Aliases, cves[0])] = a.ID
		a.ID = cves[0]
		return []*Advisory{a}
	}
	var all []*Advisory
	for _, n := range cves {
		one := *a
		one.ID, one.Aliases = n, nil
		all = append(all, &one)
	}
	return all
}

// name says that a text can be the number of an advisory.
func name(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return c != '-' && c != ':' && c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}
