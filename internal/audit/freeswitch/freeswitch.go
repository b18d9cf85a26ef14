// Package freeswitch holds the checks of FreeSWITCH: `rules` is the list, and the
// files beside it look.
package freeswitch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// Checks lists what is looked at.
func Checks() []*check.Check { return check.List(rules) }

// Audit applies all checks to the settings in a folder of the tree.
func Audit(site *check.Site, tree *settings.Tree, dir string) []check.Result {
	return check.Run(rules, newServer(site, tree, dir))
}

// mostFound is how many places one check names; there may be thousands of users.
const mostFound = 100

// server is one FreeSWITCH as its settings describe it.
type server struct {
	*freeswitch.Config
	site     *check.Site
	modules  freeswitch.Modules
	profiles []*profile
	users    []freeswitch.User
	contexts map[string]*context
}

// newServer reads everything once, in the order in which one needs the other.
func newServer(site *check.Site, tree *settings.Tree, dir string) *server {
	c := freeswitch.Open(tree, dir)
	s := &server{Config: c, site: site, modules: c.Modules(), users: c.Users()}
	s.readProfiles()
	s.readContexts()
	return s
}

// The sections of the settings, and which module may answer for them instead.
const (
	configuration = "configuration"
	directory     = "directory"
	dialplan      = "dialplan"
)

// given makes a Look of one that needs some sections: where a program is asked
// first, nobody can tell what is in force, and where XML is missing nobody can
// tell that all is well.
func given(look func(*server) []check.Finding, sections ...string) func(*server) []check.Finding {
	return func(s *server) []check.Finding {
		found := distinct(look(s))
		for _, section := range sections {
			if reason := s.asked(section); reason != "" {
				return overruled(found, reason)
			}
		}
		if len(found) > 0 {
			return found
		}
		for _, section := range sections {
			if reason := s.unseen(section); reason != "" {
				return []check.Finding{{State: check.Unknown, Why: reason}}
			}
		}
		return nil
	}
}

// overruled are findings in files that may not count.
func overruled(found []check.Finding, reason string) []check.Finding {
	if len(found) == 0 {
		return []check.Finding{{State: check.Unknown, Why: reason}}
	}
	for i := range found {
		if found[i].State != check.Latent {
			found[i].State, found[i].Why, found[i].Edit = check.Unknown, reason, nil
		}
	}
	return found
}

// asked says which program is asked for a section before the files are.
func (s *server) asked(section string) string {
	for _, m := range []struct{ module, file, param, bindings string }{
		{"mod_xml_curl", "xml_curl.conf", "gateway-url", ""},
		{"mod_xml_scgi", "xml_scgi.conf", "gateway-uri", ""},
		{"mod_lua", "lua.conf", "xml-handler-script", "xml-handler-bindings"},
		{"mod_perl", "perl.conf", "xml-handler-script", "xml-handler-bindings"},
		{"mod_python3", "python.conf", "xml-handler-script", "xml-handler-bindings"},
	} {
		if !s.modules.Loaded(m.module) {
			continue
		}
		bindings := ""
		s.File(m.file).Walk(func(n *freeswitch.Node) {
			if m.bindings != "" && n.Values["name"] == m.bindings {
				bindings = n.Values["value"]
			}
		})
		reason := ""
		s.File(m.file).Walk(func(n *freeswitch.Node) {
			if n.Values["name"] != m.param || n.Values["value"] == "" {
				return
			}
			of := bindings
			if m.bindings == "" {
				of = n.Values["bindings"]
			}
			// A web server without bindings is asked for everything, a script for nothing.
			if strings.Contains(of, section) || of == "" && m.bindings == "" {
				reason = fmt.Sprintf("%s (%s) is asked for the %s before these files are.\nWhat it answers is not known.", m.module, n.At, section)
			}
		})
		if reason != "" {
			return reason
		}
	}
	return ""
}

// unseen says what of a section could not be read.
func (s *server) unseen(section string) string {
	if s.Broken != "" {
		return s.Broken + "."
	}
	reason := ""
	s.Section(section).Walk(func(n *freeswitch.Node) {
		if n.Name == freeswitch.Exec {
			reason = fmt.Sprintf("A program writes some of the %s (%s).\nIt is not run, and what it writes is not known.", section, n.At)
		}
	})
	return reason
}

// distinct leaves one finding of each place: profiles share variables. One that
// fails comes before one that does not.
func distinct(found []check.Finding) []check.Finding {
	rank := func(f check.Finding) int {
		return slices.Index([]check.State{check.Fail, check.Unknown, check.Latent}, f.State)
	}
	var list []check.Finding
	seen := map[string]int{}
	for _, f := range found {
		if f.State == "" {
			f.State = check.Fail
		}
		key := fmt.Sprint(f.Place, f.Setting, f.Value)
		if f.Place == (settings.Place{}) {
			key += f.Why
		}
		if i, ok := seen[key]; ok {
			if rank(f) < rank(list[i]) {
				list[i] = f
			}
			continue
		}
		if len(list) >= mostFound {
			list[mostFound-1].Why = fmt.Sprintf("This and more: only %d places are named.", mostFound)
			continue
		}
		seen[key] = len(list)
		list = append(list, f)
	}
	return list
}

// about is a finding on a value. One from a variable is mended where that is set.
func about(p freeswitch.Param) check.Finding {
	f := check.Finding{Place: p.From(), Setting: p.Name, Value: strings.ReplaceAll(p.Value, freeswitch.Unset, "?")}
	if p.Var != "" {
		f.Setting = p.Var
	}
	return f
}

// secret is such a finding without the value.
func secret(p freeswitch.Param, why string) check.Finding {
	f := about(p)
	f.Value, f.Why = check.Hidden, why
	return f
}

// latent turns a finding into one that is not in force; "" leaves it as it is.
func latent(f check.Finding, because string) check.Finding {
	if because != "" {
		f.State, f.Why, f.Edit = check.Latent, "Not in force: "+because+".", nil
	}
	return f
}

// unset is a finding on a value that only a running FreeSWITCH has.
func unset(p freeswitch.Param) check.Finding {
	f := about(p)
	f.State = check.Unknown
	f.Why = "A variable in it is set by no file, but by FreeSWITCH itself, a program or the environment."
	return f
}

// notLoaded says that none of some modules runs.
func (s *server) notLoaded(modules ...string) string {
	for _, m := range modules {
		if s.modules.Loaded(m) {
			return ""
		}
	}
	return strings.Join(modules, " and ") + " is not loaded"
}

// before says whether FreeSWITCH is older than a release; known is false when
// nobody can tell.
func (s *server) before(major, minor, patch int) (older, known bool) {
	var v [3]int
	n, _ := fmt.Sscanf(s.site.Version[check.FreeSWITCH], "%d.%d.%d", &v[0], &v[1], &v[2])
	return slices.Compare(v[:], []int{major, minor, patch}) < 0, n == 3
}
