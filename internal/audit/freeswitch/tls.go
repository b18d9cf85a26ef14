package freeswitch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

const noTLS = "no TLS is on in this profile"

// withoutTLS says that settings of TLS have no effect in a profile.
func (p *profile) withoutTLS() string {
	if p.off != "" || p.on("tls") {
		return p.off
	}
	return noTLS
}

// oldVersions are those with known holes.
var oldVersions = []string{"sslv2", "sslv3", "sslv23", "tlsv1", "tlsv1.1"}

// versions: a profile without a word takes TLS 1.0 too.
func versions(s *server) []check.Finding {
	const name, value = "tls-version", "tlsv1.2,tlsv1.3"
	var found []check.Finding
	for _, p := range s.profiles {
		v, set := p.get(name)
		old := !set || v.Value == ""
		for version := range strings.SplitSeq(v.Value, ",") {
			old = old || slices.Contains(oldVersions, strings.ToLower(strings.TrimSpace(version)))
		}
		switch off := p.withoutTLS(); {
		case !v.Known():
			found = append(found, latent(unset(v), off))
		case !set && off == "":
			f := p.found(v)
			f.Edit = s.add(p.settings, name, value)
			found = append(found, f)
		case set && old:
			f := p.found(v)
			f.Edit = s.change(v, value)
			if f.Fix = `<param name="tls-version" value="` + value + `"/>`; v.Var != "" {
				f.Fix = `<X-PRE-PROCESS cmd="set" data="` + v.Var + "=" + value + `"/>`
			}
			found = append(found, latent(f, off))
		}
	}
	return found
}

// inClear looks for profiles that take SIP in the clear.
func inClear(s *server) []check.Finding {
	var found []check.Finding
	for _, p := range s.profiles {
		tls, _ := p.get("tls")
		only, _ := p.get("tls-only")
		switch {
		case !tls.Known():
			found = append(found, latent(unset(tls), p.off))
		case !freeswitch.True(tls.Value):
			f := p.found(tls)
			if f.Fix = `<param name="tls" value="true"/>`; tls.Var != "" {
				f.Fix = `<X-PRE-PROCESS cmd="set" data="` + tls.Var + `=true"/>`
			}
			found = append(found, f)
		case !only.Known():
			found = append(found, latent(unset(only), p.off))
		case !freeswitch.True(only.Value):
			f := p.found(only)
			f.Fix = `<param name="tls-only" value="true"/>`
			found = append(found, f)
		}
	}
	return found
}

// verification: none of the policies is set that look at certificates.
func verification(s *server) []check.Finding {
	var found []check.Finding
	for _, p := range s.profiles {
		v, set := p.get("tls-verify-policy")
		none := true
		for policy := range strings.SplitSeq(strings.ToLower(v.Value), "|") {
			none = none && !slices.Contains([]string{"in", "out", "all", "subjects_in", "subjects_out", "subjects_all"}, policy)
		}
		switch off := p.withoutTLS(); {
		case !v.Known():
			found = append(found, latent(unset(v), off))
		case none && (set || off == ""):
			found = append(found, latent(p.found(v), off))
		}
	}
	return found
}

// mandatory says that a value of rtp_secure_media allows nothing else.
func mandatory(value string) bool {
	word, _, _ := strings.Cut(strings.ToLower(value), ":")
	return word == "mandatory" || freeswitch.True(word)
}

// media: where SIP is encrypted, the keys of the media are worth having.
func media(s *server) []check.Finding {
	const name = "rtp_secure_media"
	encrypted := ""
	for _, p := range s.profiles {
		if p.withoutTLS() == "" && !p.on("require-secure-rtp") {
			encrypted = p.name
		}
	}
	value, set := s.Vars[name]
	switch {
	case encrypted == "" || mandatory(value) || mandatory(s.Vars[name+"_inbound"]) && mandatory(s.Vars[name+"_outbound"]) || s.usersEncrypt(name):
		return nil
	case strings.Contains(value, freeswitch.Unset):
		return []check.Finding{{State: check.Unknown, Place: s.Set[name], Setting: name, Value: "?",
			Why: "FreeSWITCH itself, a program or the environment sets this variable."}}
	case s.mentions(name):
		return []check.Finding{{State: check.Unknown, Setting: name,
			Why: "The dial plan sets " + name + ".\nWhether it does so for all calls cannot be told."}}
	}
	f := check.Finding{Place: s.Set[name], Setting: name, Value: value,
		Why: fmt.Sprintf("The profile %s speaks TLS, and the media may be in the clear all the same:\nwho overhears it hears the calls.", encrypted)}
	if !set {
		f.Place, f.Value = settings.Place{File: settings.Inside(s.Home, "vars.xml")}, "(not set)"
	}
	return []check.Finding{f}
}

// usersEncrypt says that every user's own calls have encrypted media.
func (s *server) usersEncrypt(name string) bool {
	for _, u := range s.users {
		if v, _ := u.Variable(name); !mandatory(v.Value) {
			return false
		}
	}
	return len(s.users) > 0
}

// webSockets looks for WebSockets without TLS that other machines reach; a
// proxy on this machine may well speak plainly to it.
func webSockets(s *server) []check.Finding {
	var found []check.Finding
	for _, p := range s.profiles {
		v, set := p.get("ws-binding")
		i := strings.LastIndex(v.Value, ":")
		switch {
		case !set || i < 0:
		case !v.Known():
			found = append(found, latent(unset(v), p.off))
		case loopback(v.Value[:i]):
		default:
			if port, ok := number(v.Value[i+1:]); ok && port > 0 {
				off := p.off
				if p.inside && v.Value[:i] != "" {
					off = "" // it has an address of its own
				}
				found = append(found, latent(about(v), off))
			}
		}
	}
	return found
}

// verto looks at the JSON interface for browsers.
func verto(s *server) []check.Finding {
	off := s.notLoaded("mod_verto")
	var found []check.Finding
	for _, n := range s.File("verto.conf").Child("profiles").All("profile") {
		for _, v := range s.Params(n, "param") {
			address := v.Value[:max(strings.LastIndex(v.Value, ":"), 0)]
			switch {
			case v.Name == "bind-local" && !freeswitch.True(v.Node.Values["secure"]) && !loopback(address):
				f := about(v)
				f.Why = "Browsers log in here without TLS: the password crosses the network as it is."
				f.Fix = `<param name="bind-local" value="0.0.0.0:8082" secure="true"/>`
				found = append(found, latent(f, off))
			case v.Name == "blind-reg" && freeswitch.True(v.Value):
				f := about(v)
				f.Why = "Anybody registers without an account, and calls at your cost."
				f.Fix = `<param name="blind-reg" value="false"/>`
				found = append(found, latent(f, off))
			}
		}
	}
	return found
}
