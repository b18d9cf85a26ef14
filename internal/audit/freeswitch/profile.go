package freeswitch

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// profile is a SIP profile: an address and port of mod_sofia with its own rules.
type profile struct {
	name     string
	settings *freeswitch.Node
	params   []freeswitch.Param
	// off says why nothing of it counts; empty when it does.
	off string
	// inside says that it listens on the loopback address.
	inside bool
}

// readProfiles finds the profiles that run, and those that lie beside them.
func (s *server) readProfiles() {
	off := s.notLoaded("mod_sofia")
	for _, n := range s.File("sofia.conf").Child("profiles").All("profile") {
		s.profiles = append(s.profiles, s.profile(n, off))
	}
	for _, file := range s.Beside("sip_profiles/*.xml") {
		for _, n := range file.All("profile") {
			s.profiles = append(s.profiles, s.profile(n, "nothing includes this profile"))
		}
	}
}

// profile reads one SIP profile; off says why it is not started, if it is not.
func (s *server) profile(n *freeswitch.Node, off string) *profile {
	p := &profile{name: n.Values["name"], settings: n.Child("settings"), off: off}
	p.params = s.Params(p.settings, "param")
	if p.settings == nil {
		p.settings = n
	}
	if ip, ok := p.get("sip-ip"); ok && p.off == "" && loopback(ip.Value) {
		p.off, p.inside = "the profile listens on the loopback address only", true
	}
	return p
}

// get gives a setting of the profile; when it is not set, its place is that of
// the profile's settings.
func (p *profile) get(name string) (freeswitch.Param, bool) {
	if v, ok := freeswitch.Last(p.params, name); ok {
		v.Name = name
		return v, true
	}
	return freeswitch.Param{Name: name, At: p.settings.At}, false
}

// on says that a setting has been switched on.
func (p *profile) on(name string) bool {
	v, _ := p.get(name)
	return freeswitch.True(v.Value)
}

// lists are the access lists of a setting that may be there several times. "none"
// forgets those before.
func (p *profile) lists(name string) []freeswitch.Param {
	var found []freeswitch.Param
	for _, v := range p.params {
		switch {
		case !strings.EqualFold(v.Name, name) || v.Value == "":
		case strings.EqualFold(v.Value, "none"):
			found = nil
		default:
			found = append(found, v)
		}
	}
	return found
}

// registers says that phones may register here.
func (p *profile) registers() bool { return !p.on("disable-register") }

// loopback says that only this machine reaches an address.
func loopback(address string) bool {
	ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(address, "localhost")
}

// found is a finding on a setting of a profile, latent when the profile is off.
func (p *profile) found(v freeswitch.Param) check.Finding {
	f := about(v)
	if v.Node == nil {
		f.Value = "(not set)"
	}
	return latent(f, p.off)
}

// each applies a judge to a setting of every profile; the value is empty where it
// is not set.
func (s *server) each(name string, bad func(p *profile, value string) bool) []check.Finding {
	var found []check.Finding
	for _, p := range s.profiles {
		v, _ := p.get(name)
		switch {
		case !v.Known():
			found = append(found, latent(unset(v), p.off))
		case bad(p, v.Value):
			found = append(found, p.found(v))
		}
	}
	return found
}

// mended gives each finding that fails the edit that sets a value.
func (s *server) mended(found []check.Finding, name, value string) []check.Finding {
	for i := range found {
		if f := &found[i]; f.State != "" {
			continue
		}
		for _, p := range s.profiles {
			v, set := p.get(name)
			if v.From() != found[i].Place {
				continue
			}
			if set {
				found[i].Edit = s.change(v, value)
			} else {
				found[i].Edit = s.add(p.settings, name, value)
			}
		}
	}
	return found
}

// blind: somebody may register, or call, without a password being asked for. The
// first counts only where phones register.
func blind(s *server) []check.Finding {
	registers := s.each("accept-blind-reg", func(p *profile, value string) bool { return freeswitch.True(value) && p.registers() })
	return append(registers, s.each("accept-blind-auth", func(_ *profile, value string) bool { return freeswitch.True(value) })...)
}

// authFailures: where nobody is asked for a password, no failure can be logged.
func authFailures(s *server) []check.Finding {
	const name = "log-auth-failures"
	found := s.each(name, func(p *profile, value string) bool {
		return !freeswitch.True(value) && (p.registers() || p.on("auth-calls"))
	})
	return s.mended(found, name, "true")
}

// messages: since 1.10.7 MESSAGE and SUBSCRIBE need a password unless somebody
// says otherwise; before, unless somebody asks for it.
func messages(s *server) []check.Finding {
	older, known := s.before(1, 10, 7)
	var found []check.Finding
	for _, name := range []string{"auth-messages", "auth-subscriptions"} {
		found = append(found, s.each(name, func(p *profile, value string) bool {
			return value == "" && known && older || value != "" && !freeswitch.True(value)
		})...)
		if known {
			continue
		}
		for _, p := range s.profiles {
			if v, set := p.get(name); !set && p.off == "" {
				f := p.found(v)
				f.State = check.Unknown
				f.Why = "FreeSWITCH before 1.10.7 asks for no password here, later ones do.\nWhich release this is is not known."
				found = append(found, f)
			}
		}
	}
	for _, name := range []string{"disable-auth-messages", "disable-auth-subscriptions"} {
		found = append(found, s.each(name, func(_ *profile, value string) bool { return freeswitch.True(value) })...)
	}
	return found
}

// matchingName: whoever knows one password must not register as another user.
func matchingName(s *server) []check.Finding {
	return s.each("inbound-reg-force-matching-username", func(p *profile, value string) bool {
		return !freeswitch.True(value) && p.registers()
	})
}

// realm: one that follows the request lets an attacker choose what is hashed.
func realm(s *server) []check.Finding {
	return s.each("challenge-realm", func(p *profile, value string) bool {
		value = strings.ToLower(value)
		return (value == "" || value == "auto_from" || value == "auto_to") && (p.registers() || p.on("auth-calls"))
	})
}

// number reads what C's atoi would; false when there is no number.
func number(value string) (int, bool) {
	value = strings.TrimSpace(value)
	end := 0
	for end < len(value) && (value[end] >= '0' && value[end] <= '9' || end == 0 && value[end] == '-') {
		end++
	}
	n, err := strconv.Atoi(value[:end])
	return n, err == nil
}

// nonces: the longer one lives, the longer what was overheard can be used again.
func nonces(s *server) []check.Finding {
	const longest = 300
	long := func(_ *profile, value string) bool {
		n, ok := number(value)
		return ok && n > longest
	}
	return append(s.each("nonce-ttl", long), s.each("max-auth-validity", long)...)
}

// floods: since 1.10.7 a profile takes 1000 requests a second at most when nothing
// is said. An extension has one registration unless several are allowed.
func floods(s *server) []check.Finding {
	older, known := s.before(1, 10, 7)
	const requests = "max-recv-requests-per-second"
	found := s.each(requests, func(_ *profile, value string) bool {
		n, ok := number(value)
		return ok && n <= 0 || value == "" && known && older
	})
	found = append(found, s.each("max-registrations-per-extension", func(p *profile, value string) bool {
		several, _ := p.get("multiple-registrations")
		n, _ := number(value)
		return n <= 0 && p.registers() && (freeswitch.True(several.Value) || strings.EqualFold(several.Value, "contact") || strings.EqualFold(several.Value, "call-id"))
	})...)
	for _, p := range s.profiles {
		if v, set := p.get(requests); !set && !known && p.off == "" {
			f := p.found(v)
			f.State = check.Unknown
			f.Why = "FreeSWITCH before 1.10.7 has no limit here, later ones have 1000 a second.\nWhich release this is is not known."
			found = append(found, f)
		}
	}
	const most = 1000
	if v, ok := freeswitch.Last(s.Params(s.File("switch.conf").Child("settings"), "param"), "sessions-per-second"); ok {
		if n, isNumber := number(v.Value); isNumber && (n < 0 || n > most) {
			found = append(found, about(v))
		}
	}
	return found
}

// thirdParty: with it an INVITE without an offer is passed on as it came.
func thirdParty(s *server) []check.Finding {
	const name = "enable-3pcc"
	found := s.each(name, func(_ *profile, value string) bool { return freeswitch.True(value) })
	return s.mended(found, name, "false")
}

// userAgent: FreeSWITCH's own text, which is also sent when nothing is set, tells
// its version.
func userAgent(s *server) []check.Finding {
	return s.each("user-agent-string", func(_ *profile, value string) bool {
		return value == "" || strings.Contains(strings.ToLower(value), "mod_sofia")
	})
}

// coreDumps: what lies in memory, secrets among it, lands on the disk.
func coreDumps(s *server) []check.Finding {
	v, ok := freeswitch.Last(s.Params(s.File("switch.conf").Child("settings"), "param"), "dump-cores")
	switch {
	case !ok:
		return nil
	case !v.Known():
		return []check.Finding{unset(v)}
	case !freeswitch.True(v.Value):
		return nil
	}
	f := about(v)
	f.Edit = s.change(v, "no")
	return []check.Finding{f}
}

// named quotes a few names of many.
func named(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
