package audit

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/sipward/sipward/internal/advisory"
	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/installed"
	"github.com/sipward/sipward/internal/process"
)

// Open prepares to audit the tree below dir, or this machine when dir is empty.
// The root is the caller's to close; changes go through it, for what is a link
// in a tree must not lead outside.
func Open(dir string, now time.Time) (*os.Root, *check.Site, error) {
	live := dir == ""
	if live {
		dir = "/"
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open tree: %w", err)
	}
	site := &check.Site{Files: root.FS(), Live: live, Now: now}
	if live {
		site.Files = os.DirFS(dir)
		site.Words = running(site.Files)
	}
	site.Packages, site.Version = packages(dir, now)
	return root, site, nil
}

// running gives the command lines of the SIP servers of this machine itself. One
// in a container has settings of its own, and one that an ordinary user runs
// could name any file.
func running(files fs.FS) map[string][]string {
	servers, err := process.Servers(files)
	if err != nil {
		return nil
	}
	words := map[string][]string{}
	for _, s := range servers {
		if s.Apart == "" && s.Words != nil && words[s.Name] == nil {
			words[s.Name] = s.Words
		}
	}
	return words
}

// packages looks up the installed programs and what is known of their holes.
func packages(dir string, now time.Time) ([]check.Package, map[string]string) {
	tree, err := installed.Open(dir)
	if err != nil {
		return nil, nil
	}
	defer tree.Close()
	report := tree.Look(advisory.Wanted())
	known := advisory.Embedded()
	var all []check.Package
	versions := map[string]string{}
	for _, p := range report.Packages {
		versions[p.Name] = p.Version
		one := check.Package{Name: p.Name, Version: p.Version, Restart: p.Restart}
		records := known.Judge(advisory.Installed(p, report.System), now)
		slices.SortStableFunc(records, func(a, b advisory.Record) int {
			return slices.Index(advisory.Severities, a.Severity) - slices.Index(advisory.Severities, b.Severity)
		})
		for i := range records {
			switch r := &records[i]; {
			case r.Open():
				one.Open = append(one.Open, r.Advisory)
			case r.State == advisory.Unknown:
				one.Unsure++
			}
		}
		all = append(all, one)
	}
	return all, versions
}
