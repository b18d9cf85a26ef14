package ser

import (
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings/ser"
)

func (s *opensips) fifo() []check.Finding { return s.WorldWritable("mi_fifo", "fifo_mode") }

func (s *opensips) registration() []check.Finding { return s.OpenRegistration() }

// calls asks only where there are users: a script that saves no registration
// stands before a server that has them.
func (s *opensips) calls() []check.Finding {
	if s.Reaches("save") == nil {
		return s.blind()
	}
	return s.OpenCalls(insider, liar)
}

// blind is what is said where nothing was found in a script that is not all read.
func (s *opensips) blind() []check.Finding {
	if why, _ := s.Blind(); why != "" {
		return unclear(s.Start(), why)
	}
	return nil
}

func (s *opensips) relay() []check.Finding { return s.OpenRelay(stranger) }

// preloaded wants that the first request of a call is refused or freed of its
// Route before it is passed on.
func (s *opensips) preloaded() []check.Finding {
	return s.Unguarded(router, relays, func(w *walk, i int) bool {
		for _, step := range w.Steps[:i] {
			if strings.HasPrefix(step.Name, "remove_hf") && len(step.Args) > 0 && strings.EqualFold(ser.Join(step.Args[0]), "Route") {
				return false
			}
		}
		return true
	})
}

// limit wants something that counts requests: called, or by the parameter that
// makes pike look at every message.
func (s *opensips) limit() []check.Finding {
	if s.Reaches(limits...) != nil || s.Loaded["pike"] && s.Parameter("pike", "check_route") != nil {
		return nil
	}
	f := check.Finding{Place: s.Start(), Setting: "pike_check_req", Value: "never called"}
	for _, module := range []string{"pike", "ratelimit"} {
		if s.Loaded[module] {
			f.Place = s.LoadedAt(module)
			f.Why = "The module " + module + " is loaded, and no route that requests come to asks it: nothing\ncounts what a source sends."
		}
	}
	return s.Missing(f)
}

// managers are the modules that carry out what comes over HTTP.
var managers = []string{"mi_http", "mi_json", "mi_html", "mi_xmlrpc_ng", "pi_http"}

// management looks for management interfaces that other machines reach.
func (s *opensips) management() []check.Finding {
	var found []check.Finding
	manager := ""
	for _, m := range managers {
		if s.Loaded[m] {
			manager = m
		}
	}
	ip := s.Parameter("httpd", "ip")
	if s.Loaded["httpd"] && manager != "" && (ip == nil || !loopback(ip.Value)) {
		f := check.Finding{Place: s.LoadedAt("httpd"), Setting: "httpd ip", Value: "every address"}
		if ip != nil {
			f.Place = ip.At
			if ip.Value != "" {
				f.Value = ip.Value
			}
		}
		found = append(found, f)
	}
	if s.Loaded["mi_xmlrpc"] { // it has no parameter for an address
		found = append(found, check.Finding{Place: s.LoadedAt("mi_xmlrpc"), Setting: "mi_xmlrpc", Value: "every address",
			Fix: "loadmodule \"mi_xmlrpc_ng.so\"\nmodparam(\"httpd\", \"ip\", \"127.0.0.1\")"})
	}
	s.Params(func(p *ser.Param, force bool) {
		switch {
		case p.Module == "mi_datagram" && p.Name == "socket_name" && strings.HasPrefix(p.Value, "udp:") && !loopback(p.Value[4:]):
			found = append(found, check.Finding{State: inForce(force), Place: p.At, Setting: "mi_datagram socket_name", Value: p.Value,
				Fix: "modparam(\"mi_datagram\", \"socket_name\", \"udp:127.0.0.1:8080\")"})
		case p.Module == "httpd" && p.Name == "ip" && !loopback(p.Value) && !(s.Loaded["httpd"] && manager != ""):
			found = append(found, check.Finding{State: check.Latent, Place: p.At, Setting: "httpd ip", Value: p.Value})
		}
	})
	return found
}

func (s *opensips) password() []check.Finding { return s.PublicPassword("opensipsrw", "opensipsro") }

// tls looks at what tls_mgm is told. It has effect where something speaks TLS.
func (s *opensips) tls() []check.Finding {
	spoken := s.Loaded["proto_tls"] || s.Loaded["proto_wss"] || s.Loaded["proto_bins"] || s.Loaded["proto_smpp"]
	var found []check.Finding
	s.Params(func(p *ser.Param, force bool) {
		if p.Module != "tls_mgm" {
			return
		}
		value := p.Value
		if strings.HasPrefix(value, "[") { // of one domain
			_, value, _ = strings.Cut(value, "]")
		}
		bad, fix := false, ""
		switch p.Name {
		case "verify_cert", "require_cert":
			bad, fix = !on(value), "1"
		case "tls_method":
			bad, fix = oldRange(value), "TLSv1_2-"
		}
		if bad {
			domain := strings.TrimSuffix(p.Value, value)
			found = append(found, check.Finding{State: inForce(force && spoken), Place: p.At, Setting: "tls_mgm " + p.Name, Value: p.Value,
				Fix: "modparam(\"tls_mgm\", \"" + p.Name + "\", \"" + domain + fix + "\")"})
		}
	})
	return found
}

// oldRange tells a method, or the lower end of a range of them, before TLS 1.2.
func oldRange(method string) bool {
	lowest, _, ranged := strings.Cut(strings.ToLower(strings.ReplaceAll(method, " ", "")), "-")
	return lowest == "" && ranged || lowest == "tlsv1" || lowest == "tlsv1_1" || strings.HasPrefix(lowest, "sslv")
}

func (s *opensips) signature() []check.Finding { return s.Signature() }

// contacts: save() with the flag "c3" or "max-contacts=3" keeps that many.
func (s *opensips) contacts() []check.Finding {
	return s.Contacts(func(flags string) bool {
		if strings.Contains(flags, "max-contacts=") {
			return true
		}
		i := strings.IndexByte(flags, 'c')
		return i >= 0 && i+1 < len(flags) && flags[i+1] >= '1' && flags[i+1] <= '9'
	})
}

func (s *opensips) plainPasswords() []check.Finding { return s.PlainPasswords() }
