package asterisk

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/secrets"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// phoneRules judge what a guesser meets first: names and passwords.
var phoneRules = []rule{
	{Check: check.Check{
		ID: "AST-01", Server: check.Asterisk, Severity: check.High,
		Title: "Phones have long secrets that nobody guesses",
		Why: "Tools of attack try a phone's own number, common words and short numbers first.\n" +
			"Who guesses the password makes calls at your cost.",
		Fix:        "password = TWELVE-OR-MORE-RANDOM-CHARACTERS",
		References: []string{"README-SERIOUSLY.bestpractices, Secure Passwords", "https://docs.asterisk.org/Configuration/Important-Security-Considerations/"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", weakSecrets)},
	{Check: check.Check{
		ID: "AST-02", Server: check.Asterisk, Severity: check.High,
		Title: "No phone has a secret out of a sample",
		Why: "The password stands in a sample or a manual that everybody can read,\n" +
			"and tools of attack know it.",
		Fix:        "password = TWELVE-OR-MORE-RANDOM-CHARACTERS",
		References: []string{"configs/basic-pbx/pjsip.conf", "README-SERIOUSLY.bestpractices, Secure Passwords"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", publishedSecrets)},
	{Check: check.Check{
		ID: "AST-03", Server: check.Asterisk, Severity: check.Medium,
		Title: "Endpoints are not named by their numbers",
		Why: "Who counts through the numbers finds the name that each phone logs in with.\n" +
			"A name of its own, such as the device's MAC address, must be guessed too.",
		Fix:        "[0004f2a1b2c3]        ; the device, not its number\ntype = endpoint",
		References: []string{"README-SERIOUSLY.bestpractices, Proper Device Naming"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", numberNames)},
}

// eachSecret calls look for the plain password of every auth, with the names
// that belong to it and the reason why it has no effect. What we log in with
// elsewhere was chosen by others, and is left alone.
func (s *server) eachSecret(look func(auth *object, password asterisk.Setting, names []string, idle string)) {
	for _, auth := range s.sip.of("auth") {
		users, password := s.sip.guarded[auth.Name], auth.Find("password")
		if len(users) == 0 && s.sip.asked[auth.Name] {
			continue
		}
		if password.Value == "" && (auth.Get("md5_cred") != "" || auth.Get("password_digest") != "" || auth.Get("auth_type") == "google_oauth") ||
			auth.Get("auth_type") == "md5" {
			continue // no password to judge: its hash is stored, or a token
		}
		idle := s.sip.idle
		if idle == "" && len(users) == 0 {
			idle = "no endpoint uses this auth"
		}
		names := slices.Concat([]string{auth.Name, strings.TrimSuffix(auth.Name, "-iauth"), auth.Get("username")}, users)
		look(auth, password, names, idle)
	}
}

// weakSecrets names the auth in its words and leaves the password out. A long one
// out of a sample is strong by itself, and the next check tells it.
func weakSecrets(s *server) []check.Finding {
	var found []check.Finding
	s.eachSecret(func(auth *object, password asterisk.Setting, names []string, idle string) {
		if secrets.Published(password.Value) && len(password.Value) >= secrets.Shortest {
			return // the next check tells it
		}
		if password.Key == "" {
			password.Key = "password"
		}
		if weak := secrets.Weakness(password.Value, names...); weak != "" {
			f := why(secret(password), "The password of %s is weak: %s.", auth.Name, weak)
			found = append(found, unless(f, idle))
		}
	})
	return found
}

// publishedSecrets finds what stands in samples, whatever its length.
func publishedSecrets(s *server) []check.Finding {
	var found []check.Finding
	s.eachSecret(func(auth *object, password asterisk.Setting, _ []string, idle string) {
		if secrets.Published(password.Value) {
			f := why(secret(password), "The password of %s stands in a sample or a manual that everybody can read.", auth.Name)
			found = append(found, unless(f, idle))
		}
	})
	return found
}

// numberNames gives one finding for all: a system with a thousand phones has
// them named either way.
func numberNames(s *server) []check.Finding {
	var first *object
	dialled, count := "", 0
	for _, e := range s.sip.of("endpoint") {
		if e.Name == "" || strings.Trim(e.Name, "0123456789") != "" || s.sip.trunks[e.Name] {
			continue
		}
		if count++; first == nil {
			first = e
		}
		if dialled == "" && s.dials(e.Name) {
			dialled = e.Name
		}
	}
	if first == nil {
		return nil
	}
	f := check.Finding{Place: first.At, Setting: "section", Value: first.Name}
	text := "The endpoint " + first.Name + " is named by a number"
	if count > 1 {
		text = fmt.Sprintf("%d endpoints are named by numbers, %s first", count, first.Name)
	}
	if dialled != "" {
		text += ", and " + dialled + " is what people dial"
	}
	return []check.Finding{unless(why(f, "%s:\nwho counts through the numbers knows whose password to guess.", text), s.sip.idle)}
}

// dials says that the dial plan has a number for people to dial.
func (s *server) dials(number string) bool {
	for _, c := range s.plan.Contexts {
		for i := range c.Steps {
			if asterisk.Match(c.Steps[i].Exten, number) {
				return true
			}
		}
	}
	return false
}

// trunkRules judge the doors that need no password.
var trunkRules = []rule{
	{Check: check.Check{
		ID: "AST-04", Server: check.Asterisk, Severity: check.High,
		Title: "Nobody calls in without being known",
		Why: "The endpoint named anonymous takes calls from everybody, without a password,\n" +
			"into its part of the dial plan.",
		Fix:        "Remove the section, or give it a context that leads to no outbound call:\ncontext = from-nobody",
		References: []string{"pjsip.conf.sample, identifying endpoints"},
	}, Look: of("pjsip.conf", anonymous)},
	{Check: check.Check{
		ID: "AST-05", Server: check.Asterisk, Severity: check.Critical,
		Title: "Every endpoint has a password or a known address",
		Why: "Whoever writes this endpoint's name into the From header calls as it:\n" +
			"it asks for no password and is not bound to an address.",
		Fix:        "auth = NAME        ; a section of type=auth, or one of type=identify with match = ADDRESS",
		References: []string{"pjsip.conf.sample, endpoint auth and identify"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", openEndpoints)},
	{Check: check.Check{
		ID: "AST-06", Server: check.Asterisk, Severity: check.Critical,
		Title: "A trunk is known by the carrier's own addresses",
		Why: "Every source in this range is taken for the trunk, and needs no password.\n" +
			"A carrier has a few addresses, not thousands of networks.",
		Fix:        "match = 198.51.100.20        ; the addresses that the carrier names",
		References: []string{"pjsip.conf.sample, type=identify"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", wideMatches)},
	{Check: check.Check{
		ID: "AST-07", Server: check.Asterisk, Severity: check.Low,
		Title: "Asterisk itself has a list of who may come",
		Why: "A transport can be reached from everywhere, and no access list limits who may use it.\n" +
			"A firewall that is switched off by mistake leaves nothing in its place.",
		Fix:        "[acl]\ntype = acl\ndeny = 0.0.0.0/0.0.0.0\npermit = 192.0.2.0/24        ; where your phones and carriers are",
		References: []string{"pjsip.conf.sample, type=acl"},
	}, Look: of("pjsip.conf", noAccessList)},
}

// anonymous finds the endpoint that Asterisk falls back to. Names with a domain,
// anonymous@example.com, are the same for one domain.
func anonymous(s *server) []check.Finding {
	var found []check.Finding
	for _, e := range s.sip.of("endpoint") {
		if name, _, _ := strings.Cut(e.Name, "@"); name != "anonymous" {
			continue
		}
		idle := s.sip.idle
		if idle == "" {
			idle = s.needs("res_pjsip_endpoint_identifier_anonymous")
		}
		found = append(found, unless(check.Finding{Place: e.At, Setting: "section", Value: e.Name}, idle))
	}
	return found
}

// openEndpoints finds endpoints that only the From header names. By default
// identify_by is username,ip, so the name alone is enough.
func openEndpoints(s *server) []check.Finding {
	var found []check.Finding
	for _, e := range s.sip.of("endpoint") {
		name, _, _ := strings.Cut(e.Name, "@")
		if name == "anonymous" || e.Get("auth") != "" || len(s.sip.identified[e.Name]) > 0 || limited(e) {
			continue
		}
		idle := s.sip.idle
		switch by := e.last("identify_by"); {
		case idle != "":
		case len(s.sip.of("transport")) == 0:
			idle = "there is no transport to reach it by"
		case len(by) > 0 && !slices.Contains(by, "username") && !slices.Contains(by, "auth_username"):
			idle = "it is not known by its name, and no address is taken for it"
		case s.needs("res_pjsip_endpoint_identifier_user") != "":
			idle = s.needs("res_pjsip_endpoint_identifier_user")
		}
		f := check.Finding{Place: e.At, Setting: "auth"}
		f = why(f, "The endpoint %s asks for no password, and no section of type=identify binds it to an address:\nwhoever writes its name into the From header calls as it.", e.Name)
		found = append(found, unless(f, idle))
	}
	return found
}

// limited says that an endpoint has an access list of its own.
func limited(e *object) bool {
	return e.Get("acl") != "" || e.Get("deny") != "" || e.Get("permit") != ""
}

// widest are the shortest prefixes that a carrier may have.
const widest4, widest6 = 16, 32

// wideMatches looks at each line by itself: match may stand more than once.
func wideMatches(s *server) []check.Finding {
	var found []check.Finding
	for _, o := range s.sip.of("identify") {
		for _, line := range o.Settings {
			if line.Key != "match" || !isWide(line.Value) {
				continue
			}
			idle, e := s.sip.idle, s.sip.find("endpoint", o.Get("endpoint"))
			switch {
			case idle != "":
			case e == nil:
				idle = "its endpoint does not exist"
			case e.Get("auth") != "":
				idle = "its endpoint asks for a password all the same"
			case s.needs("res_pjsip_endpoint_identifier_ip") != "":
				idle = s.needs("res_pjsip_endpoint_identifier_ip")
			}
			found = append(found, unless(at(line), idle))
		}
	}
	return found
}

// isWide reads networks as Asterisk does, with a prefix length or a mask of four
// numbers. A host without either is one address.
func isWide(list string) bool {
	for part := range strings.SplitSeq(list, ",") {
		host, mask, cut := strings.Cut(strings.TrimSpace(part), "/")
		a, err := netip.ParseAddr(host)
		if err != nil || !cut {
			continue
		}
		bits, err := strconv.Atoi(mask)
		if m, wrong := netip.ParseAddr(mask); wrong == nil && m.Is4() {
			bits, err = leading(m), nil
		}
		if err == nil && (a.Is4() && bits < widest4 || !a.Is4() && bits < widest6) {
			return true
		}
	}
	return false
}

// leading counts the ones that a mask begins with.
func leading(mask netip.Addr) int {
	n := 0
	for _, b := range mask.AsSlice() {
		for bit := byte(0x80); bit > 0; bit >>= 1 {
			if b&bit == 0 {
				return n
			}
			n++
		}
	}
	return n
}

// noAccessList is content with one list anywhere: which endpoints need one is not
// for a program to say.
func noAccessList(s *server) []check.Finding {
	for _, o := range s.sip.objects {
		switch o.kind {
		case "acl":
			if o.Get("deny") != "" || o.Get("acl") != "" || o.Get("contact_deny") != "" || o.Get("contact_acl") != "" {
				return nil
			}
		case "endpoint":
			if limited(o) || o.Get("contact_acl") != "" || o.Get("contact_deny") != "" {
				return nil
			}
		}
	}
	if !s.sip.serves() {
		return nil
	}
	for _, t := range s.sip.of("transport") {
		if bind := t.Find("bind"); reachOf(bind.Value) == public {
			bind.Key = "bind"
			return []check.Finding{unless(at(bind), s.sip.idle)}
		}
	}
	return nil
}
