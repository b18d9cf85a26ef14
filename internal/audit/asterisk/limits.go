package asterisk

import (
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// limitRules judge what an endpoint, once reached, gives away or takes.
var limitRules = []rule{
	{Check: check.Check{
		ID: "AST-11", Server: check.Asterisk, Severity: check.Low,
		Title: "OPTIONS are answered only to who is known",
		Why: "Everybody gets an answer to OPTIONS without a password,\n" +
			"and so learns which names exist and what the server is.",
		Fix:        "allow_unauthenticated_options = no",
		References: []string{"pjsip.conf.sample, allow_unauthenticated_options"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", freeOptions)},
	{Check: check.Check{
		ID: "AST-12", Server: check.Asterisk, Severity: check.Medium,
		Title: "An address of record has few contacts, and new ones replace old ones",
		Why: "Many contacts let who knows one password add his own beside the phone's, and listen.\n" +
			"One contact that is not replaced locks a phone out whose address has changed.",
		Fix:        "max_contacts = 1\nremove_existing = yes",
		References: []string{"pjsip.conf.sample, type=aor"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", contacts)},
	{Check: check.Check{
		ID: "AST-13", Server: check.Asterisk, Severity: check.Medium,
		Title: "A phone does not choose who it says it is",
		Why: "The endpoint is a phone, and its P-Asserted-Identity is believed:\n" +
			"it calls under any number it likes.",
		Fix:        "trust_id_inbound = no",
		References: []string{"pjsip.conf.sample, trust_id_inbound"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", trusted)},
	{Check: check.Check{
		ID: "AST-14", Server: check.Asterisk, Severity: check.Medium,
		Title: "Certificates are verified",
		Why: "Nobody looks whose certificate it is, so who sits on the way shows his own,\n" +
			"and reads and changes everything in between.",
		Fix:        "verify_server = yes        ; in the transport; in an endpoint: dtls_verify = fingerprint",
		References: []string{"pjsip.conf.sample, verify_server, verify_client, dtls_verify"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", unverified)},
	{Check: check.Check{
		ID: "AST-15", Server: check.Asterisk, Severity: check.Low,
		Title: "Nobody is told which version this is",
		Why: "Every answer names Asterisk and its version,\n" +
			"so that attackers pick the servers with the hole they know.",
		Fix:        "[global]\ntype = global\nuser_agent = PBX",
		References: []string{"pjsip.conf.sample, user_agent"},
	}, Look: of("pjsip.conf", userAgent)},
}

// freeOptions looks at endpoints and, for what people write by mistake, at the
// global section.
func freeOptions(s *server) []check.Finding {
	var found []check.Finding
	for _, o := range s.sip.objects {
		if line := o.Find("allow_unauthenticated_options"); (o.kind == "endpoint" || o.kind == "global") && asterisk.Yes(line.Value) {
			found = append(found, unless(at(line), s.sip.idle))
		}
	}
	return found
}

// mostContacts is more than anybody has phones that ring together.
const mostContacts = 10

// contacts asks for replacement only where phones are seen to roam: behind NAT,
// or in a browser. A desk phone keeps its address.
func contacts(s *server) []check.Finding {
	roaming := map[string]bool{}
	for _, e := range s.sip.of("endpoint") {
		if e.on("rewrite_contact") || e.on("webrtc") {
			for _, aor := range e.last("aors") {
				roaming[aor] = true
			}
		}
	}
	var found []check.Finding
	for _, aor := range s.sip.of("aor") {
		line := aor.Find("max_contacts")
		n, err := strconv.Atoi(line.Value)
		switch {
		case err != nil:
		case n > mostContacts:
			f := why(at(line), "The address of record %s takes %d contacts:\nwho knows its password adds his own beside the phone's, and hears its calls.", aor.Name, n)
			found = append(found, unless(f, s.sip.idle))
		case n == 1 && roaming[aor.Name] && !aor.on("remove_existing") && !aor.on("remove_unavailable"):
			f := why(at(line), "The address of record %s takes one contact and keeps the old one:\na phone whose address has changed is locked out until that ends.", aor.Name)
			found = append(found, unless(f, s.sip.idle))
		}
	}
	return found
}

// trusted leaves carriers alone, who tell us true numbers.
func trusted(s *server) []check.Finding {
	var found []check.Finding
	for _, e := range s.sip.of("endpoint") {
		if line := e.Find("trust_id_inbound"); asterisk.Yes(line.Value) && !s.sip.trunks[e.Name] {
			found = append(found, unless(at(line), s.sip.idle))
		}
	}
	return found
}

// unverified judges DTLS between us and phones, and TLS in both directions. That
// verify_server is not set matters only where we are the client.
func unverified(s *server) []check.Finding {
	var found []check.Finding
	for _, e := range s.sip.of("endpoint") {
		line := e.Find("dtls_verify")
		if strings.EqualFold(e.Get("media_encryption"), "dtls") && !e.on("webrtc") && (line.Value == "" || asterisk.No(line.Value)) {
			f := at(line)
			if line.Value == "" {
				f = unset(e.At, "dtls_verify", "no")
			}
			found = append(found, unless(f, s.sip.idle))
		}
	}
	for _, t := range s.sip.of("transport") {
		idle := s.sip.idle
		if idle == "" && !secure(t) {
			idle = "the transport is not TLS"
		}
		for _, key := range []string{"verify_server", "verify_client"} {
			line := t.Find(key)
			switch {
			case line.Value != "" && asterisk.No(line.Value):
				found = append(found, unless(at(line), idle))
			case line.Value == "" && key == "verify_server" && idle == "" && s.calls(t):
				found = append(found, unset(t.At, key, "no"))
			}
		}
	}
	return found
}

// calls says that we connect to a carrier by a transport, and so are the one who
// must look at a certificate.
func (s *server) calls(t *object) bool {
	for _, o := range s.sip.objects {
		if (o.kind == "registration" || o.kind == "endpoint" && s.sip.trunks[o.Name]) && o.Get("transport") == t.Name {
			return true
		}
	}
	return false
}

// userAgent has nothing to say of a server that answers nobody.
func userAgent(s *server) []check.Finding {
	if !s.sip.serves() {
		return nil
	}
	place := s.sip.at
	for _, g := range s.sip.of("global") {
		line := g.Find("user_agent")
		switch {
		case line.Value == "":
			place = g.At
		case versioned(line.Value):
			return []check.Finding{unless(at(line), s.sip.idle)}
		default:
			return nil
		}
	}
	f := unset(place, "user_agent", "Asterisk PBX and the version")
	if place.Line > 0 {
		after := place
		after.Line++
		f.Edit = check.Insert(after, "user_agent = PBX\n")
	}
	return []check.Finding{unless(f, s.sip.idle)}
}

// versioned says that a text names Asterisk and a number.
func versioned(text string) bool {
	return strings.Contains(strings.ToLower(text), "asterisk") && strings.ContainsAny(text, "0123456789")
}
