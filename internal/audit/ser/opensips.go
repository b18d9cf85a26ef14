package ser

import (
	"slices"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/ser"
)

// OpenSIPSChecks lists what is looked at in OpenSIPS.
func OpenSIPSChecks() []*check.Check { return check.List(opensipsRules) }

// OpenSIPS applies all its checks to a script of the tree.
func OpenSIPS(site *check.Site, tree *settings.Tree, file string) []check.Result {
	s := &opensips{open(site, tree, ser.ReadOpenSIPS(tree, file))}
	why := s.Unread()
	if slices.Contains(site.Words[check.OpenSIPS], "-p") {
		why = "a program makes the script of this file when the server starts (-p)"
	}
	if why != "" {
		return nothing(OpenSIPSChecks(), file, why)
	}
	return check.Run(opensipsRules, s)
}

// opensips is one OpenSIPS as its script describes it.
type opensips struct{ *proxy }

// Two more who ask OpenSIPS: who says that it is one of ours and calls another,
// and a user who brings a Route of its own.
var (
	insider = request{Method: "INVITE", FromUs: true, ToUs: true}
	router  = request{Method: "INVITE", Trusted: true, FromUs: true, ToUs: true, Preloaded: true}
)

// opensipsRule makes one line of the list.
func opensipsRule(c check.Check, look func(*opensips) []check.Finding) check.Rule[*opensips] {
	c.Server = check.OpenSIPS
	return check.Rule[*opensips]{Check: c, Look: look}
}
