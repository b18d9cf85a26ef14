package ser

import (
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/ser"
)

// PublicPassword finds database addresses with one of the passwords that every
// installation is shipped with. A definition counts where it is used.
func (s *proxy) PublicPassword(passwords ...string) []check.Finding {
	public := func(value string) bool {
		for _, p := range passwords {
			if strings.Contains(value, "://") && strings.Contains(value, ":"+p+"@") {
				return true
			}
		}
		return false
	}
	var found []check.Finding
	used := map[string]bool{}
	add := func(f check.Finding) {
		for i := range found {
			if found[i].Place == f.Place {
				if f.State == check.Fail {
					found[i] = f
				}
				return
			}
		}
		found = append(found, f)
	}
	s.Params(func(p *ser.Param, force bool) {
		if !public(p.Value) {
			return
		}
		f := check.Finding{State: inForce(force), Place: p.At, Setting: p.Module + " " + p.Name, Value: check.Hidden}
		if d, ok := s.Name(p.Define); ok && d.At.Line > 0 {
			used[p.Define] = true
			f.Place, f.Setting = d.At, p.Define
		}
		add(f)
	})
	for _, d := range s.Defines() {
		if public(d.Value) && !used[d.Name] && d.At.Line > 0 {
			add(check.Finding{State: check.Latent, Place: d.At, Setting: d.Name, Value: check.Hidden})
		}
	}
	return found
}

// Signature finds that the server tells its name and version in every message.
// Either it says nothing of itself, or both headers have words of the owner's.
func (s *proxy) Signature() []check.Finding {
	g := s.Setting("server_signature")
	if g != nil && !on(g.Value) {
		return nil
	}
	told := false
	for _, header := range []string{"server_header", "user_agent_header"} {
		h := s.Setting(header)
		told = told || h == nil || versioned(h.Value)
	}
	if !told {
		return nil
	}
	if len(s.Doubts) > 0 {
		return unclear(s.At(), s.Doubts[0])
	}
	f := check.Finding{Setting: "server_signature", Value: "yes"}
	if g != nil {
		f.Place, f.Edit = g.At, s.Replace(g.At, g.Value, "no")
		return []check.Finding{f}
	}
	f.Place = s.At()
	if first := s.first(); first.File == s.File {
		f.Edit = s.Insert(first, "server_signature=no")
	}
	return []check.Finding{f}
}

// versioned tells a header that names the product and a number.
func versioned(value string) bool {
	lower := strings.ToLower(value)
	return (strings.Contains(lower, "kamailio") || strings.Contains(lower, "opensips")) && strings.ContainsAny(lower, "0123456789")
}

// first is where the first setting stands.
func (s *proxy) first() settings.Place {
	if len(s.Globals) == 0 {
		return settings.Place{}
	}
	return s.Globals[0].At
}

// Contacts finds that one account may register any number of contacts. The flags
// of save that bound them are told by bounded.
func (s *proxy) Contacts(bounded func(flags string) bool) []check.Finding {
	p := s.Parameter("registrar", "max_contacts")
	if p != nil {
		if n, ok := numeral(p.Value); !ok || n > 0 {
			return nil
		}
	}
	saves := 0
	for _, c := range s.Calls {
		if c.Name != "save" || !c.Reached {
			continue
		}
		if len(c.Args) < 2 || !bounded(ser.Join(c.Args[1])) {
			saves++
		}
	}
	f := check.Finding{Place: s.LoadedAt("registrar"), Setting: "registrar max_contacts", Value: "0"}
	if p != nil {
		f.Place = p.At
	}
	if s.Loaded["registrar"] && saves > 0 {
		if p == nil {
			return s.doubted(f)
		}
		return []check.Finding{f}
	}
	if p != nil {
		f.State = check.Latent
		return []check.Finding{f}
	}
	return nil
}

// doubted gives what is missing, unless not all of the script is read.
func (s *proxy) doubted(f check.Finding) []check.Finding {
	if len(s.Doubts) > 0 {
		return unclear(f.Place, s.Doubts[0])
	}
	return []check.Finding{f}
}

// PlainPasswords finds that the database holds passwords as they are.
func (s *proxy) PlainPasswords() []check.Finding {
	last := s.Parameter("auth_db", "calculate_ha1")
	var found []check.Finding
	s.Params(func(p *ser.Param, force bool) {
		if p.Module != "auth_db" || p.Name != "calculate_ha1" || !on(p.Value) || force && p != last {
			return
		}
		found = append(found, check.Finding{State: inForce(force), Place: p.At, Setting: "auth_db calculate_ha1", Value: p.Value})
	})
	return found
}

// WorldWritable finds permissions that let every user of the machine write,
// and mends them.
func (s *proxy) WorldWritable(module string, names ...string) []check.Finding {
	var found []check.Finding
	s.Params(func(p *ser.Param, force bool) {
		for _, name := range names {
			mode, ok := numeral(p.Value)
			if p.Module != module || p.Name != name || !ok || mode&2 == 0 || force && p != s.Parameter(module, name) {
				continue
			}
			f := check.Finding{State: inForce(force), Place: p.At, Setting: module + " " + name, Value: p.Value, Fix: `modparam("` + module + `", "` + name + `", 0660)`}
			if p.Define == "" {
				f.Edit = s.Replace(p.At, p.Value, "0660")
			}
			found = append(found, f)
		}
	})
	return found
}
