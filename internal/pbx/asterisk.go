package pbx

import (
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"
)

// asterisk reads what an Asterisk's folder of settings says.
func (t *tree) asterisk(dir string, hostname func() (string, error)) {
	logs := "/var/log/asterisk"
	for _, s := range t.sections(dir, "asterisk.conf") {
		if s.name == "directories" {
			if v := s.get("astlogdir"); v != "" {
				logs = v
			}
			if v := s.get("astetcdir"); v != "" && t.folder(inside("/", v)) {
				dir = inside("/", v)
			}
		}
	}
	t.asteriskLogs(dir, logs, hostname)
	pjsip := t.sections(dir, "pjsip.conf")
	t.pjsip(pjsip)
	t.pjsipWizard(dir)
	sip := t.chanSIP(dir)
	t.webSockets(dir, pjsip, sip)
	t.realtime(dir)
}

// asteriskLogs reads logger.conf: which file gets which levels.
func (t *tree) asteriskLogs(dir, logs string, hostname func() (string, error)) {
	suffix, format := "", ""
	for _, s := range t.sections(dir, "logger.conf") {
		switch s.name {
		case "general":
			if v := s.get("dateformat"); v != "" {
				format = v
			}
			if yes(s.get("appendhostname")) {
				if name, err := hostname(); err == nil {
					suffix = "." + name
				}
			}
		case "logfiles":
			for _, line := range s.settings {
				t.asteriskLog(line, logs, suffix, format)
			}
		}
	}
}

func (t *tree) asteriskLog(line setting, logs, suffix, format string) {
	if line.key == "console" || strings.HasPrefix(line.key, "syslog.") {
		return // a terminal; and syslog's lines are one more copy
	}
	levels := line.value
	if strings.HasPrefix(levels, "[") { // a formatter: [default], [json], [plain]
		_, levels, _ = strings.Cut(levels, "]")
	}
	l := Log{Format: Asterisk, From: line.at.String(), DateFormat: format,
		File: "/" + inside(logs, line.key+suffix)}
	for level := range strings.SplitSeq(strings.ToLower(levels), ",") {
		switch strings.TrimSpace(level) {
		case "*":
			l.Security, l.Notice = true, true
		case "security":
			l.Security = true
		case "notice":
			l.Notice = true
		}
	}
	if l.Security || l.Notice {
		t.logs = append(t.logs, l)
	}
}

// pjsip finds the carriers of res_pjsip: whom an identify section takes for an
// endpoint, where we register, and the fixed contacts of an address of record.
func (t *tree) pjsip(sections []section) {
	for _, s := range sections {
		if s.template {
			continue
		}
		kind := s.get("type")
		for _, line := range s.inForce("match", "contact") {
			switch kind + " " + line.key {
			case "identify match":
				t.hosts(line)
			case "registration server_uri", "registration outbound_proxy", "endpoint outbound_proxy", "aor contact", "aor outbound_proxy":
				t.trunk(line.value, line.at)
			}
		}
		if kind == "transport" {
			t.transport(&s)
		}
	}
}

// hosts takes a list of hosts and networks. What begins with "!" is excluded.
func (t *tree) hosts(line setting) {
	for host := range strings.SplitSeq(line.value, ",") {
		if host = strings.TrimSpace(host); !strings.HasPrefix(host, "!") {
			t.trunk(host, line.at)
		}
	}
}

// transport takes the port of a transport section.
func (t *tree) transport(s *section) {
	transport := Transport(strings.ToLower(s.get("protocol")))
	switch transport {
	case "":
		transport = UDP
	case UDP, TCP, TLS:
	default:
		return // WebSocket is served by the web server
	}
	t.bind(s.get("bind"), transport)
}

// defaultPort is SIP's own; TLS has the next.
const defaultPort = 5060

// bind takes a port from ADDRESS, ADDRESS:PORT or PORT; without one it is the
// transport's own (RFC 3261 section 19.1.2).
func (t *tree) bind(text string, transport Transport) {
	port := uint16(defaultPort)
	if transport == TLS {
		port = defaultPort + 1
	}
	if at, err := netip.ParseAddrPort(text); err == nil {
		port = at.Port()
	} else if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err != nil {
		number := text[strings.LastIndexByte(text, ':')+1:]
		if n, err := strconv.ParseUint(number, 10, 16); err == nil {
			port = uint16(n)
		}
	}
	if port != 0 && len(t.ports) < maxTrunks {
		t.ports = append(t.ports, Port{port, transport})
	}
}

// pjsipWizard finds the carriers of pjsip_wizard.conf. A wizard with
// remote_hosts is a carrier, one without is a phone.
func (t *tree) pjsipWizard(dir string) {
	for _, s := range t.sections(dir, "pjsip_wizard.conf") {
		if s.template || s.get("type") != "wizard" {
			continue
		}
		for _, line := range s.inForce("identify/match", "aor/contact") {
			switch line.key {
			case "remote_hosts", "identify/match":
				t.hosts(line)
			case "outbound_proxy", "registration/server_uri", "registration/outbound_proxy", "aor/contact":
				t.trunk(line.value, line.at)
			}
		}
	}
}

// chanSIP finds the carriers of the old channel driver, unless it is not loaded.
func (t *tree) chanSIP(dir string) []section {
	for _, s := range t.sections(dir, "modules.conf") {
		for _, line := range s.settings {
			if line.key == "noload" && strings.TrimSuffix(line.value, ".so") == "chan_sip" {
				return nil
			}
		}
	}
	sections := t.sections(dir, "sip.conf")
	for _, s := range sections {
		if s.template {
			continue
		}
		for _, line := range s.inForce("register") {
			switch line.key {
			case "host":
				if !strings.EqualFold(line.value, "dynamic") {
					t.trunk(line.value, line.at)
				}
			case "outboundproxy":
				t.trunk(line.value, line.at)
			case "register":
				t.register(line)
			}
		}
		if s.name == "general" {
			t.chanSIPPorts(&s)
		}
	}
	return sections
}

// register reads [peer?][transport://]user[:secret[:name]]@host[:port][/extension][~seconds].
// A secret may hold an @, so the last one counts.
func (t *tree) register(line setting) {
	text := line.value
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		host, _, _ := strings.Cut(text[i+1:], "/")
		host, _, _ = strings.Cut(host, "~")
		t.trunk(host, line.at)
	}
}

func (t *tree) chanSIPPorts(s *section) {
	port := s.get("bindport")
	if port == "" {
		port = s.get("port")
	}
	if v := s.get("udpbindaddr"); strings.Contains(v, ":") && port == "" {
		port = v
	} else if v := s.get("bindaddr"); strings.Contains(v, ":") && port == "" {
		port = v
	}
	t.bind(port, UDP)
	if yes(s.get("tcpenable")) {
		t.bind(s.get("tcpbindaddr"), TCP)
	}
	if yes(s.get("tlsenable")) {
		t.bind(s.get("tlsbindaddr"), TLS)
	}
}

// webSockets takes the ports of Asterisk's web server where SIP is spoken on
// it: where either channel driver has a WebSocket transport.
func (t *tree) webSockets(dir string, pjsip, sip []section) {
	used := false
	for _, s := range pjsip {
		used = used || s.get("type") == "transport" && strings.HasPrefix(strings.ToLower(s.get("protocol")), "ws")
	}
	for _, s := range sip {
		used = used || strings.Contains(s.get("transport"), "ws")
	}
	for _, s := range t.sections(dir, "http.conf") {
		if s.name != "general" || !used {
			continue
		}
		if yes(s.get("enabled")) {
			port := s.get("bindport")
			if port == "" {
				port = "8088"
			}
			t.bind(port, WS)
		}
		if yes(s.get("tlsenable")) {
			port := s.get("tlsbindaddr")
			if !strings.Contains(port, ":") {
				port = "8089"
			}
			t.bind(port, WSS)
		}
	}
}

// realtime says which carriers are in a database, where we do not look.
func (t *tree) realtime(dir string) {
	for _, s := range t.sections(dir, "extconfig.conf") {
		for _, line := range s.settings {
			switch line.key {
			case "ps_endpoint_id_ips", "ps_registrations", "ps_aors", "sippeers", "pjsip.conf", "sip.conf":
				if s.name == "settings" {
					t.note("trunks that %s keeps in a database (%s) are not known: name them under trunks: in the settings", line.key, line.at)
				}
			}
		}
	}
	for _, s := range t.sections(dir, "sorcery.conf") {
		for _, line := range s.settings {
			kind, _, _ := strings.Cut(line.key, "/")
			if (kind == "identify" || kind == "registration" || kind == "aor") && strings.HasPrefix(line.value, "realtime") {
				t.note("trunks of the kind %s that are kept in a database (%s) are not known: name them under trunks: in the settings", kind, line.at)
			}
		}
	}
}

// hostName is the part of the machine's name that Asterisk appends to its logs.
func hostName() (string, error) { return os.Hostname() }

// asteriskFolders are where Asterisk's settings lie, best first.
var asteriskFolders = []string{"etc/asterisk", "usr/local/etc/asterisk", "opt/asterisk/etc/asterisk"}

// asteriskHome finds the folder by the command line's -C FILE, else by custom.
func (t *tree) asteriskHome(words []string) string {
	if file := option(words, "-C"); file != "" {
		return path.Dir(inside("/", file))
	}
	for _, dir := range asteriskFolders {
		if t.folder(dir) {
			return dir
		}
	}
	return ""
}
