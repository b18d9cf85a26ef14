// Package asterisk holds the checks of Asterisk.
package asterisk

import (
	"slices"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
)

// rule is a check of an Asterisk.
type rule = check.Rule[*server]

// rules are all checks, in the order of their ids.
func rules() []rule {
	return slices.Concat(phoneRules, trunkRules, transportRules, limitRules, chanSIPRules, moduleRules, dialplanRules, managerRules, httpRules,
		coreRules, iaxRules, serviceRules, fileRules)
}

// Checks lists what is looked at.
func Checks() []*check.Check { return check.List(rules()) }

// Audit applies all checks to the settings in a folder of the tree.
func Audit(site *check.Site, tree *settings.Tree, dir string) []check.Result {
	return check.Run(rules(), open(site, tree, dir))
}
