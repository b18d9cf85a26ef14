package ser

import (
	"fmt"

	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/ser"
)

// The passwords that Kamailio's own scripts make the database with.
const (
	writer = "kamailiorw"
	reader = "kamailioro"
)

// password looks in the script, and in the file of the control tools.
func (s *kamailio) password() []check.Finding {
	found := s.PublicPassword(writer, reader)
	variables := ser.ReadVariables(s.Tree, s.beside("kamctlrc"))
	engine := slices.IndexFunc(variables, func(v ser.Setting) bool { return v.Key == "DBENGINE" })
	set := false
	for _, v := range variables {
		if v.Key != "DBRWPW" && v.Key != "DBROPW" {
			continue
		}
		set = set || v.Key == "DBRWPW"
		if v.Value == writer || v.Value == reader {
			found = append(found, check.Finding{State: inForce(engine >= 0), Place: v.At, Setting: v.Key, Value: check.Hidden, Fix: v.Key + "=\"A-LONG-RANDOM-PASSWORD\""})
		}
	}
	if engine >= 0 && !set {
		found = append(found, check.Finding{Place: variables[engine].At, Setting: "DBRWPW", Value: check.Hidden, Fix: "DBRWPW=\"A-LONG-RANDOM-PASSWORD\"",
			Why: "The control tools use the password that every installation is shipped with, for none\nis set here."})
	}
	return found
}

// control looks at the sockets that take commands.
func (s *kamailio) control() []check.Finding {
	var found []check.Finding
	s.Params(func(p *ser.Param, force bool) {
		binrpc := p.Module == "ctl" && (p.Name == "binrpc" || p.Name == "fifo")
		rpc := p.Module == "jsonrpcs" && (p.Name == "dgram_socket" || p.Name == "tcp_socket")
		if (binrpc || rpc) && remote(p.Value) {
			found = append(found, check.Finding{State: inForce(force), Place: p.At, Setting: p.Module + " " + p.Name, Value: p.Value})
		}
	})
	found = append(found, s.WorldWritable("ctl", "mode")...)
	found = append(found, s.WorldWritable("jsonrpcs", "fifo_mode", "dgram_mode")...)
	return append(found, s.WorldWritable("mi_fifo", "fifo_mode")...)
}

// remote tells a control socket that other machines reach. What is neither a
// path nor has a protocol is UDP, and a port alone is on every address.
func remote(socket string) bool {
	protocol, address, ok := strings.Cut(socket, ":")
	switch {
	case strings.HasPrefix(protocol, "unix") || protocol == "fifo" || strings.Contains(protocol, "/"):
		return false
	case protocol != "udp" && protocol != "tcp":
		address = socket
		if !ok {
			return false // a file in the folder of the server's sockets
		}
	}
	return !loopback(address)
}

// addresses looks at who may call without a password.
func (s *kamailio) addresses() []check.Finding {
	asked := s.Reaches("allow_source_address", "allow_source_address_group", "allow_address", "allow_address_group")
	force := s.Loaded["permissions"] && asked != nil
	file := s.Parameter("permissions", "address_file")
	if file == nil {
		if p := s.Parameter("permissions", "db_url"); p != nil && force {
			f := unclear(p.At, "the addresses are kept in a database")[0]
			f.Setting, f.Value = "permissions db_url", check.Hidden
			return []check.Finding{f}
		}
		return nil
	}
	var found []check.Finding
	for _, a := range ser.ReadAddresses(s.Tree, s.beside(file.Value)) {
		least := 16
		if a.Prefix.Addr().Is6() {
			least = 32 // what one provider has
		}
		if a.Prefix.Bits() < least {
			found = append(found, check.Finding{State: inForce(force), Place: a.At, Setting: "group " + a.Group, Value: a.Prefix.String()})
		}
	}
	return found
}

// topology wants a key that nobody knows.
func (s *kamailio) topology() []check.Finding {
	p := s.Parameter("topoh", "mask_key")
	if p == nil && s.Loaded["topoh"] {
		return []check.Finding{{Place: s.LoadedAt("topoh"), Setting: "topoh mask_key", Value: check.Hidden}}
	}
	var found []check.Finding
	s.Params(func(p *ser.Param, force bool) {
		if p.Module == "topoh" && p.Name == "mask_key" && slices.Contains([]string{"YouDoHaveToChangeThisKey", "_static_value_", "some secret here", ""}, p.Value) {
			found = append(found, check.Finding{State: inForce(force), Place: p.At, Setting: "topoh mask_key", Value: check.Hidden})
		}
	})
	return found
}

func (s *kamailio) signature() []check.Finding { return s.Signature() }

// contacts: save() with the flag 4 keeps one contact and drops those before.
func (s *kamailio) contacts() []check.Finding {
	return s.Contacts(func(flags string) bool {
		n, ok := numeral(flags)
		return ok && n&4 != 0
	})
}

// nonce wants challenges that expire, or that count how often they are used.
func (s *kamailio) nonce() []check.Finding {
	for _, name := range []string{"one_time_nonce", "nonce_count"} {
		if p := s.Parameter("auth", name); p != nil && on(p.Value) {
			return nil
		}
	}
	last := s.Parameter("auth", "nonce_expire")
	var found []check.Finding
	s.Params(func(p *ser.Param, force bool) {
		n, ok := numeral(p.Value)
		if p.Module == "auth" && p.Name == "nonce_expire" && ok && n > 300 && (!force || p == last) {
			found = append(found, check.Finding{State: inForce(force), Place: p.At, Setting: "auth nonce_expire", Value: p.Value})
		}
	})
	return found
}

func (s *kamailio) plainPasswords() []check.Finding { return s.PlainPasswords() }

// tls tells whether TLS is spoken, and gives its profiles.
func (s *kamailio) tls() (bool, []ser.Profile) {
	name := "tls.cfg"
	p := s.Parameter("tls", "config")
	if p != nil {
		name = p.Value
	}
	spoken := s.Loaded["tls"] && on(s.Global("enable_tls", "tls_enable"))
	profiles := ser.ReadProfiles(s.Tree, s.beside(name))
	if p == nil && s.Loaded["tls"] {
		return spoken, nil // it is not told to read the file
	}
	return spoken, profiles
}

// tlsMethod looks for versions before 1.2, in the file of profiles and in what
// the script says itself.
func (s *kamailio) tlsMethod() []check.Finding {
	spoken, profiles := s.tls()
	var found []check.Finding
	add := func(force bool, at settings.Place, setting, value string, fix string) {
		if old(value) {
			found = append(found, check.Finding{State: inForce(force), Place: at, Setting: setting, Value: value, Fix: fix})
		}
	}
	for i := range profiles {
		if line := profiles[i].Last("method"); line != nil {
			add(spoken, line.At, "["+profiles[i].Name+"] method", line.Value, "")
		} else if line := profiles[i].Last("tls_method"); line != nil {
			add(spoken, line.At, "["+profiles[i].Name+"] tls_method", line.Value, "")
		}
	}
	s.Params(func(p *ser.Param, force bool) {
		// A file of profiles stands in for the parameter.
		if p.Module == "tls" && p.Name == "tls_method" {
			add(force && spoken && len(profiles) == 0, p.At, "tls tls_method", p.Value, "modparam(\"tls\", \"tls_method\", \"TLSv1.2+\")")
		}
	})
	return found
}

// old tells a method that takes something before TLS 1.2.
func old(method string) bool {
	m := strings.TrimSuffix(strings.ToLower(method), "+")
	return m == "tlsv1" || m == "tlsv1.0" || m == "tlsv1.1" || strings.HasPrefix(m, "sslv")
}

// tlsVerify looks at the profiles of trunks: those of clients, and of servers
// with an address of their own. Phones come to the default one, and have no
// certificates.
func (s *kamailio) tlsVerify() []check.Finding {
	spoken, profiles := s.tls()
	var found []check.Finding
	for i := range profiles {
		p := &profiles[i]
		client := strings.HasPrefix(p.Name, "client:")
		if !client && (p.Name == "server:default" || p.Name == "server:any") {
			continue
		}
		for _, key := range []string{"verify_certificate", "require_certificate"} {
			line := p.Last(key)
			if line == nil || on(line.Value) || client && key == "require_certificate" && p.Last("verify_certificate") != nil {
				continue
			}
			found = append(found, check.Finding{State: inForce(spoken), Place: line.At, Setting: fmt.Sprintf("[%s] %s", p.Name, key), Value: line.Value, Fix: key + " = yes"})
			break
		}
	}
	return found
}
