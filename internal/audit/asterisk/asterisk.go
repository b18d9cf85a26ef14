// Package asterisk holds the checks of Asterisk.
package asterisk

import (
	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// Checks lists what is looked at.
func Checks() []*check.Check { return check.List(rules) }

// Audit applies all checks to the settings in a folder of the tree.
func Audit(site *check.Site, tree *settings.Tree, dir string) []check.Result {
	return check.Run(rules, &server{site: site, tree: tree, dir: dir})
}

// server is one Asterisk as its settings describe it.
type server struct {
	site *check.Site
	tree *settings.Tree
	dir  string
}

// rules is the list of all checks, in the order of their ids.
var rules = []check.Rule[*server]{
	{Check: check.Check{
		ID: "AST-34", Server: check.Asterisk, Severity: check.High,
		Title: "Interfaces cannot run shell functions",
		Why: "With live_dangerously, whoever reaches the manager interface or ARI runs shell\n" +
			"commands and reads files through dial-plan functions.",
		Fix:        "live_dangerously = no",
		References: []string{"README-SERIOUSLY.bestpractices, Avoid Privilege Escalations"},
	}, Look: liveDangerously},
}

func liveDangerously(s *server) []check.Finding {
	var found []check.Finding
	for _, section := range asterisk.Read(s.tree, s.dir, "asterisk.conf") {
		for _, line := range section.InForce() {
			if section.Name == "options" && line.Key == "live_dangerously" && asterisk.Yes(line.Value) {
				found = append(found, check.Finding{Place: line.At, Setting: line.Key, Value: line.Value,
					Edit: check.Replace(s.tree, line.At, line.Value, "no")})
			}
		}
	}
	return found
}
