package ser

import (
	"path"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/ser"
)

// KamailioChecks lists what is looked at in Kamailio.
func KamailioChecks() []*check.Check { return check.List(kamailioRules) }

// Kamailio applies all its checks to a script of the tree.
func Kamailio(site *check.Site, tree *settings.Tree, file string) []check.Result {
	words := site.Words[check.Kamailio]
	var defined []string
	for i, word := range words {
		if word == "-A" && i+1 < len(words) {
			defined = append(defined, words[i+1])
		}
	}
	s := &kamailio{open(site, tree, ser.Read(tree, file, defined))}
	if why := s.Unread(); why != "" {
		return nothing(KamailioChecks(), file, why)
	}
	return check.Run(kamailioRules, s)
}

// kamailio is one Kamailio as its script describes it.
type kamailio struct{ *proxy }

// beside is a file that the script names, or one in its folder.
func (s *kamailio) beside(name string) string { return settings.Inside(path.Dir(s.File), name) }

// Those who ask, as far as the checks tell them apart: a stranger may say that
// it is one of ours.
var (
	stranger = request{Method: "INVITE"}
	liar     = request{Method: "INVITE", FromUs: true}
	user     = request{Method: "INVITE", Trusted: true, FromUs: true, ToUs: true}
	phone    = request{Method: "REGISTER", Trusted: true, FromUs: true, ToUs: true}
)

// kamailioRule makes one line of the list.
func kamailioRule(c check.Check, look func(*kamailio) []check.Finding) check.Rule[*kamailio] {
	c.Server = check.Kamailio
	return check.Rule[*kamailio]{Check: c, Look: look}
}
