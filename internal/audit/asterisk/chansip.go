package asterisk

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// chanSIPRules judge the old channel driver, which Asterisk had up to version 20.
var chanSIPRules = []rule{
	{Check: check.Check{
		ID: "AST-16", Server: check.Asterisk, Severity: check.High,
		Title: "chan_sip takes no calls from strangers",
		Why: "Without allowguest=no, anybody calls into the dial plan without a password;\n" +
			"guests are allowed where nothing is said.",
		Fix:        "[general]\nallowguest = no",
		References: []string{"sip.conf.sample up to Asterisk 20, allowguest"},
	}, Look: of("sip.conf", guests)},
	{Check: check.Check{
		ID: "AST-17", Server: check.Asterisk, Severity: check.Medium,
		Title: "chan_sip answers alike for names that exist and that do not",
		Why: "A name that does not exist gets another answer than a wrong password,\n" +
			"so names are found by counting, and only passwords are left to guess.",
		Fix:        "[general]\nalwaysauthreject = yes",
		References: []string{"sip.conf.sample up to Asterisk 20, alwaysauthreject", "Seven Steps to Better SIP Security with Asterisk"},
	}, Look: of("sip.conf", authReject)},
	{Check: check.Check{
		ID: "AST-18", Server: check.Asterisk, Severity: check.Critical,
		Title: "No phone of chan_sip calls without its password",
		Why: "The address of this peer is whatever registers, and its calls are taken without a password:\n" +
			"whoever writes its name into the From header calls as it.",
		Fix:        "Remove insecure, or write the carrier's address:\nhost = 198.51.100.20",
		References: []string{"Seven Steps to Better SIP Security with Asterisk"},
	}, Look: of("sip.conf", insecurePeers)},
}

// withoutChanSIP is the first version that does not have it.
const withoutChanSIP = 21

// chanSIPIdle says why sip.conf has no effect; "" when it has.
func (s *server) chanSIPIdle() string {
	if s.major() >= withoutChanSIP {
		return "chan_sip is gone since Asterisk 21"
	}
	return s.needs("chan_sip")
}

// guests knows that what is not set is allowed, but only in a file that is there.
func guests(s *server) []check.Finding {
	f := s.file("sip.conf")
	line := f.Find("general", "allowguest")
	switch {
	case asterisk.No(line.Value):
		return nil
	case line.Value != "":
		return []check.Finding{unless(at(line), s.chanSIPIdle())}
	case f.First("general") == nil || s.chanSIPIdle() != "":
		return nil // an unset value of what is not there is none
	}
	found := unset(line.At, "allowguest", "yes")
	return []check.Finding{found}
}

// authReject judges only a plain no: yes is the default since Asterisk 1.8.
func authReject(s *server) []check.Finding {
	line := s.file("sip.conf").Find("general", "alwaysauthreject")
	if !asterisk.No(line.Value) {
		return nil
	}
	found := at(line)
	found.Edit = check.Replace(s.tree, line.At, line.Value, "yes")
	return []check.Finding{unless(found, s.chanSIPIdle())}
}

// insecurePeers leaves peers with an address alone: carriers need insecure=invite.
// very and yes are the spellings of old versions.
func insecurePeers(s *server) []check.Finding {
	var found []check.Finding
	sections := s.file("sip.conf").Sections
	for i := range sections {
		peer := &sections[i]
		line := peer.Find("insecure")
		words := strings.FieldsFunc(strings.ToLower(line.Value), func(r rune) bool { return r == ',' || r == ' ' })
		open := slices.ContainsFunc(words, func(word string) bool { return word == "invite" || word == "very" || word == "yes" })
		if !peer.Template && open && strings.EqualFold(peer.Get("host"), "dynamic") {
			f := why(at(line), "The peer %s registers from anywhere, and its calls are taken without a password:\nwhoever writes its name into the From header calls as it.", peer.Name)
			found = append(found, unless(f, s.chanSIPIdle()))
		}
	}
	return found
}
