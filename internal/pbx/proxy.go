package pbx

import (
	"bytes"
	"path"
	"strings"

	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
	"github.com/sipward/sipward/internal/settings/ser"
)

// script is one of the proxies' scripts, and whose it is.
type script struct {
	*ser.Script
	server string
}

// scripts are where the proxies' scripts lie.
var scripts = map[string][]string{
	Kamailio: {"etc/kamailio/kamailio.cfg", "usr/local/etc/kamailio/kamailio.cfg", "usr/local/kamailio/etc/kamailio/kamailio.cfg", "opt/kamailio/etc/kamailio/kamailio.cfg"},
	OpenSIPS: {"etc/opensips/opensips.cfg", "usr/local/etc/opensips/opensips.cfg", "usr/local/opensips/etc/opensips/opensips.cfg"},
}

// scriptHome finds the script by the command line's -f FILE, else by custom.
func (t *tree) scriptHome(server string, words []string) string {
	if file := option(words, "-f"); file != "" {
		return settings.Inside("/", file)
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
	s := &script{server: server}
	if server == OpenSIPS {
		s.Script = ser.ReadOpenSIPS(t.Tree, name)
	} else {
		s.Script = ser.Read(t.Tree, name, defined)
	}
	t.proxyPorts(s)
	t.proxyLog(s, words)
	t.dispatcher(s, path.Dir(name))
	t.permissions(s, path.Dir(name))
	for _, m := range []struct{ module, what string }{
		{"drouting", "gateways"}, {"carrierroute", "routes"}, {"lcr", "gateways"},
		{"uac", "registrations"}, {"uac_registrant", "registrations"}, {"load_balancer", "destinations"},
	} {
		if !s.Loaded[m.module] {
			continue
		}
		if _, at := s.Param(m.module, "db_url"); at.File != "" || m.module != "uac" {
			t.Note("the %s of the module %s are kept in a database and not known: name them under trunks: in the settings", m.what, m.module)
		} else if _, at := s.Param("uac", "reg_db_url"); at.File != "" {
			t.Note("the registrations of the module uac are kept in a database (%s) and not known: name them under trunks: in the settings", at)
		}
	}
}

// proxyPorts takes listen=udp:192.0.2.1:5060, which newer ones call socket.
func (t *tree) proxyPorts(s *script) {
	for _, g := range s.Globals {
		if g.Key != "listen" && g.Key != "socket" {
			continue
		}
		value, _, _ := strings.Cut(g.Value, " ") // "advertise …", "as …"
		transport, rest := UDP, value
		if before, after, ok := strings.Cut(value, ":"); ok {
			switch kind := Transport(strings.ToLower(before)); kind {
			case UDP, TCP, TLS, WS, WSS:
				transport, rest = kind, after
			}
		}
		if !strings.Contains(rest, ":") {
			rest = s.Global("port")
		}
		t.bind(rest, transport)
	}
}

// proxyLog finds where syslog puts the server's lines: the facility is its own
// choice, the file rsyslog's. Without one, the journal has the lines, as it has
// those written to standard error.
func (t *tree) proxyLog(s *script, words []string) {
	name, facility := s.server, "daemon"
	if v := s.Global("log_name", "syslog_name"); v != "" {
		name = v
	}
	if v := s.Global("log_facility", "syslog_facility"); v != "" {
		facility = strings.ToLower(strings.TrimPrefix(strings.ToUpper(v), "LOG_"))
	}
	l := Log{Format: s.server, Security: true, Notice: true, From: "/" + nameOf(s)}
	stderr := asterisk.Yes(s.Global("log_stderror", "stderror_enabled"))
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
func nameOf(s *script) string {
	if len(s.Globals) > 0 {
		return s.Globals[0].At.File
	}
	return s.server
}

// dispatcher reads the destinations of the module dispatcher, "SET SIP-URI …".
// Without a database Kamailio reads dispatcher.list beside its script.
func (t *tree) dispatcher(s *script, dir string) {
	if !s.Loaded["dispatcher"] {
		return
	}
	file, _ := s.Param("dispatcher", "list_file")
	if url, at := s.Param("dispatcher", "db_url"); url != "" || s.server == OpenSIPS {
		if file == "" {
			t.Note("the destinations of the module dispatcher are kept in a database%s and not known: name the carriers among them under trunks: in the settings", from(at))
			return
		}
	}
	if file == "" {
		file = "dispatcher.list"
	}
	t.fields(settings.Inside(dir, file), func(words []string, at settings.Place) {
		if len(words) >= 2 {
			t.trunk(words[1], at)
		}
	})
}

// permissions reads the trusted addresses of the module permissions:
// "(GROUP, ADDRESS, MASK, PORT, TAG)" or the same without commas.
func (t *tree) permissions(s *script, dir string) {
	if !s.Loaded["permissions"] {
		return
	}
	file, at := s.Param("permissions", "address_file")
	if file == "" {
		for _, key := range []string{"db_url", "address_table"} {
			if _, set := s.Param("permissions", key); set.File != "" {
				t.Note("the addresses of the module permissions are kept in a database (%s) and not known: name the carriers among them under trunks: in the settings", set)
				return
			}
		}
		return
	}
	name := settings.Inside(dir, file)
	if info, err := t.Look(name); err != nil || !info.Mode().IsRegular() {
		t.Note("/%s (%s) is not there", name, at)
	}
	t.fields(name, func(words []string, at settings.Place) {
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
func (t *tree) fields(name string, show func(words []string, at settings.Place)) {
	number := 0
	for line := range bytes.Lines(t.Read(name)) {
		number++
		text, _, _ := strings.Cut(string(line), "#")
		words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,()\"", r) })
		if len(words) > 0 && t.More(len(text)) {
			show(words, settings.Place{File: name, Line: number})
		}
	}
}

func from(at settings.Place) string {
	if at.File == "" {
		return ""
	}
	return " (" + at.String() + ")"
}
