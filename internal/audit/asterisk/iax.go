package asterisk

import (
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// iaxRules judge IAX2.
var iaxRules = []rule{
	{Check: check.Check{
		ID: "AST-37", Server: check.Asterisk, Severity: check.High,
		Title: "No IAX2 user calls without a secret",
		Why: "Whoever reaches port 4569 calls as this user: it has neither a secret\n" +
			"nor a key nor a list of addresses.",
		Fix:        "Remove the section, or write\nsecret = TWELVE-OR-MORE-RANDOM-CHARACTERS",
		References: []string{"iax.conf.sample, guest"},
	}, Look: of("iax.conf", iaxGuests)},
	{Check: check.Check{
		ID: "AST-38", Server: check.Asterisk, Severity: check.Medium,
		Title: "IAX2 callers prove their address first",
		Why: "Without call tokens, packets with forged senders use up all call numbers,\n" +
			"and nobody can call any more (AST-2009-006).",
		Fix:        "requirecalltoken = yes        ; and no calltokenoptional, or only the old peer's address",
		References: []string{"iax.conf.sample, requirecalltoken and calltokenoptional", "AST-2009-006"},
	}, Look: of("iax.conf", callTokens)},
	{Check: check.Check{
		ID: "AST-39", Server: check.Asterisk, Severity: check.Medium,
		Title: "IAX2 sends no password in clear",
		Why: "With auth=plaintext the secret itself crosses the network,\n" +
			"and who sits on the way reads it.",
		Fix:        "auth = md5        ; or rsa",
		References: []string{"iax.conf.sample, auth"},
	}, Look: of("iax.conf", iaxPlaintext)},
}

// iaxSections are those of users and peers.
func (s *server) iaxSections() []*asterisk.Section {
	var all []*asterisk.Section
	sections := s.file("iax.conf").Sections
	for i := range sections {
		if o := &sections[i]; !o.Template && !strings.EqualFold(o.Name, "general") && !strings.EqualFold(o.Name, "callnumberlimits") {
			all = append(all, o)
		}
	}
	return all
}

// openIAX are the users that anybody is.
func (s *server) openIAX() []*asterisk.Section {
	var open []*asterisk.Section
	for _, u := range s.iaxSections() {
		kind := strings.ToLower(u.Get("type"))
		if (kind == "user" || kind == "friend") && u.Get("secret") == "" && u.Get("inkeys") == "" && u.Get("dbsecret") == "" && u.Get("md5secret") == "" &&
			u.Get("deny") == "" && u.Get("permit") == "" && u.Get("acl") == "" {
			open = append(open, u)
		}
	}
	return open
}

// iaxGuests finds users that need neither secret nor key nor address.
func iaxGuests(s *server) []check.Finding {
	var found []check.Finding
	for _, u := range s.openIAX() {
		f := check.Finding{Place: u.At, Setting: "secret"}
		f = why(f, "Whoever reaches port 4569 calls as the IAX2 user %s:\nit has neither a secret nor a key nor a list of addresses.", u.Name)
		found = append(found, unless(f, s.needs("chan_iax2")))
	}
	return found
}

// callTokens looks at the general part and at each user. yes is the default, and
// auto asks for tokens as soon as a peer has sent one.
func callTokens(s *server) []check.Finding {
	var found []check.Finding
	sections := s.iaxSections()
	if general := s.file("iax.conf").First("general"); general != nil {
		sections = append([]*asterisk.Section{general}, sections...)
	}
	for _, o := range sections {
		if line := o.Find("requirecalltoken"); asterisk.No(line.Value) {
			found = append(found, unless(at(line), s.needs("chan_iax2")))
		}
		if line := o.Find("calltokenoptional"); isWide(maskOf(line.Value)) {
			found = append(found, unless(at(line), s.needs("chan_iax2")))
		}
	}
	return found
}

// maskOf writes the mask of one address where there is none.
func maskOf(network string) string {
	if network == "0.0.0.0" {
		return "0.0.0.0/0"
	}
	return network
}

// iaxPlaintext judges only what is written: without auth, md5 is asked for.
func iaxPlaintext(s *server) []check.Finding {
	var found []check.Finding
	sections := s.file("iax.conf").Sections
	for i := range sections {
		line := sections[i].Find("auth")
		if !sections[i].Template && strings.Contains(strings.ToLower(line.Value), "plaintext") {
			found = append(found, unless(at(line), s.needs("chan_iax2")))
		}
	}
	return found
}
