package pbx

import (
	"bytes"
	"path"
	"strings"
)

// scripts are where the proxies' scripts lie.
var scripts = map[string][]string{
	Kamailio: {"etc/kamailio/kamailio.cfg", "usr/local/etc/kamailio/kamailio.cfg", "usr/local/kamailio/etc/kamailio/kamailio.cfg", "opt/kamailio/etc/kamailio/kamailio.cfg"},
	OpenSIPS: {"etc/opensips/opensips.cfg", "usr/local/etc/opensips/opensips.cfg", "usr/local/opensips/etc/opensips/opensips.cfg"},
}

// scriptHome finds the script by the command line's -f FILE, else by custom.
func (t *tree) scriptHome(server string, words []string) string {
	if file := option(words, "-f"); file != "" {
		return inside("/", file)
	}
	return t.existing(scripts[server]...)
}

// proxy reads what the script of Kamailio or OpenSIPS says.
func (t *tree) proxy(server, name string, words []string) {
	var defined []string
	for i, w := range words {
		if w == "-A" && i+1 < len(words) {
			defined = append(defined, words[i+1])
		}
	}
	s := t.readScript(server, name, defined)
	t.proxyPorts(s)
	t.proxyLog(s, words)
	t.dispatcher(s, path.Dir(name))
	t.permissions(s, path.Dir(name))
	for _, m := range []struct{ module, what string }{
		{"drouting", "gateways"}, {"carrierroute", "routes"}, {"lcr", "gateways"},
		{"uac", "registrations"}, {"uac_registrant", "registrations"}, {"load_balancer", "destinations"},
	} {
		if !s.loaded[m.module] {
			continue
		}
		if _, at := s.param(m.module, "db_url"); at.file != "" || m.module != "uac" {
			t.note("the %s of the module %s are kept in a database and not known: name them under trunks: in the settings", m.what, m.module)
		} else if _, at := s.param("uac", "reg_db_url"); at.file != "" {
			t.note("the registrations of the module uac are kept in a database (%s) and not known: name them under trunks: in the settings", at)
		}
	}
}

// proxyPorts takes listen=udp:192.0.2.1:5060, which newer ones call socket.
func (t *tree) proxyPorts(s *script) {
	for _, g := range s.globals {
		if g.key != "listen" && g.key != "socket" {
			continue
		}
		value, _, _ := strings.Cut(g.value, " ") // "advertise …", "as …"
		transport, rest := UDP, value
		if before, after, ok := strings.Cut(value, ":"); ok {
			switch kind := Transport(strings.ToLower(before)); kind {
			case UDP, TCP, TLS, WS, WSS:
				transport, rest = kind, after
			}
		}
		if !strings.Contains(rest, ":") {
			rest = s.global("port")
		}
		t.bind(rest, transport)
	}
}

// proxyLog finds where syslog puts the server's lines: the facility is its own
// choice, the file rsyslog's. Without one, the journal has the lines, as it has
// those written to standard error.
func (t *tree) proxyLog(s *script, words []string) {
	name, facility := s.server, "daemon"
	if v := s.global("log_name", "syslog_name"); v != "" {
		name = v
	}
	if v := s.global("log_facility", "syslog_facility"); v != "" {
		facility = strings.ToLower(strings.TrimPrefix(strings.ToUpper(v), "LOG_"))
	}
	l := Log{Format: s.server, Security: true, Notice: true, From: "/" + s.tree.nameOf(s)}
	stderr := yes(s.global("log_stderror", "stderror_enabled"))
	for _, w := range words {
		stderr = stderr || w == "-E"
	}
	if !stderr {
		if file, at := t.syslogFile(facility, name); file != "" {
			l.File, l.From = file, at.String()
		}
	}
	t.logs = append(t.logs, l)
}

// nameOf is the file a script began with.
func (t *tree) nameOf(s *script) string {
	if len(s.globals) > 0 {
		return s.globals[0].at.file
	}
	return s.server
}

// dispatcher reads the destinations of the module dispatcher, "SET SIP-URI …".
// Without a database Kamailio reads dispatcher.list beside its script.
func (t *tree) dispatcher(s *script, dir string) {
	if !s.loaded["dispatcher"] {
		return
	}
	file, _ := s.param("dispatcher", "list_file")
	if url, at := s.param("dispatcher", "db_url"); url != "" || s.server == OpenSIPS {
		if file == "" {
			t.note("the destinations of the module dispatcher are kept in a database%s and not known: name the carriers among them under trunks: in the settings", from(at))
			return
		}
	}
	if file == "" {
		file = "dispatcher.list"
	}
	t.fields(inside(dir, file), func(words []string, at place) {
		if len(words) >= 2 {
			t.trunk(words[1], at)
		}
	})
}

// permissions reads the trusted addresses of the module permissions:
// "(GROUP, ADDRESS, MASK, PORT, TAG)" or the same without commas.
func (t *tree) permissions(s *script, dir string) {
	if !s.loaded["permissions"] {
		return
	}
	file, at := s.param("permissions", "address_file")
	if file == "" {
		for _, key := range []string{"db_url", "address_table"} {
			if _, set := s.param("permissions", key); set.file != "" {
				t.note("the addresses of the module permissions are kept in a database (%s) and not known: name the carriers among them under trunks: in the settings", set)
				return
			}
		}
		return
	}
	name := inside(dir, file)
	if info, err := t.look(name); err != nil || !info.Mode().IsRegular() {
		t.note("/%s (%s) is not there", name, at)
	}
	t.fields(name, func(words []string, at place) {
		if len(words) < 2 {
			return
		}
		address := words[1]
		if len(words) > 2 && !strings.Contains(address, "/") {
			address += "/" + words[2]
		}
		t.trunk(address, at)
	})
}

// fields shows the words of each line that is no comment. Brackets and commas
// are as good as blanks.
func (t *tree) fields(name string, show func(words []string, at place)) {
	number := 0
	for line := range bytes.Lines(t.read(name)) {
		number++
		text, _, _ := strings.Cut(string(line), "#")
		words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,()\"", r) })
		if len(words) > 0 && t.more(len(text)) {
			show(words, place{name, number})
		}
	}
}

func from(at place) string {
	if at.file == "" {
		return ""
	}
	return " (" + at.String() + ")"
}
