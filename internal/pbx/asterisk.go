package pbx

import (
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// asterisk reads what an Asterisk's folder of settings says.
func (t *tree) asterisk(dir string, hostname func() (string, error)) {
	logs := "/var/log/asterisk"
	for _, s := range asterisk.Read(t.Tree, dir, "asterisk.conf") {
		if s.Name == "directories" {
			if v := s.Get("astlogdir"); v != "" {
				logs = v
			}
			if v := s.Get("astetcdir"); v != "" && t.Folder(settings.Inside("/", v)) {
				dir = settings.Inside("/", v)
			}
		}
	}
	t.asteriskLogs(dir, logs, hostname)
	pjsip := asterisk.Read(t.Tree, dir, "pjsip.conf")
	t.pjsip(pjsip)
	t.pjsipWizard(dir)
	sip := t.chanSIP(dir)
	t.webSockets(dir, pjsip, sip)
	t.realtime(dir)
}

// asteriskLogs reads logger.conf: which file gets which levels.
func (t *tree) asteriskLogs(dir, logs string, hostname func() (string, error)) {
	suffix, format := "", ""
	for _, s := range asterisk.Read(t.Tree, dir, "logger.conf") {
		switch s.Name {
		case "general":
			if v := s.Get("dateformat"); v != "" {
				format = v
			}
			if asterisk.Yes(s.Get("appendhostname")) {
				if name, err := hostname(); err == nil {
					suffix = "." + name
				}
			}
		case "logfiles":
			for _, line := range s.Settings {
				t.asteriskLog(line, logs, suffix, format)
			}
		}
	}
}

func (t *tree) asteriskLog(line asterisk.Setting, logs, suffix, format string) {
	if line.Key == "console" || strings.HasPrefix(line.Key, "syslog.") {
		return // a terminal; and syslog's lines are one more copy
	}
	levels := line.Value
	if strings.HasPrefix(levels, "[") { // a formatter: [default], [json], [plain]
		_, levels, _ = strings.Cut(levels, "]")
	}
	l := Log{Format: Asterisk, From: line.At.String(), DateFormat: format,
		File: "/" + settings.Inside(logs, line.Key+suffix)}
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
func (t *tree) pjsip(sections []asterisk.Section) {
	for _, s := range sections {
		if s.Template {
			continue
		}
		kind := s.Get("type")
		for _, line := range s.InForce("match", "contact") {
			switch kind + " " + line.Key {
			case "identify match":
				t.hosts(line)
			case "registration server_uri", "registration outbound_proxy", "endpoint outbound_proxy", "aor contact", "aor outbound_proxy":
				t.trunk(line.Value, line.At)
			}
		}
		if kind == "transport" {
			t.transport(&s)
		}
	}
}

// hosts takes a list of hosts and networks. What begins with "!" is excluded.
func (t *tree) hosts(line asterisk.Setting) {
	for host := range strings.SplitSeq(line.Value, ",") {
		if host = strings.TrimSpace(host); !strings.HasPrefix(host, "!") {
			t.trunk(host, line.At)
		}
	}
}

// transport takes the port of a transport section.
func (t *tree) transport(s *asterisk.Section) {
	transport := Transport(strings.ToLower(s.Get("protocol")))
	switch transport {
	case "":
		transport = UDP
	case UDP, TCP, TLS:
	default:
		return // WebSocket is served by the web server
	}
	t.bind(s.Get("bind"), transport)
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
	for _, s := range asterisk.Read(t.Tree, dir, "pjsip_wizard.conf") {
		if s.Template || s.Get("type") != "wizard" {
			continue
		}
		for _, line := range s.InForce("identify/match", "aor/contact") {
			switch line.Key {
			case "remote_hosts", "identify/match":
				t.hosts(line)
			case "outbound_proxy", "registration/server_uri", "registration/outbound_proxy", "aor/contact":
				t.trunk(line.Value, line.At)
			}
		}
	}
}

// chanSIP finds the carriers of the old channel driver, unless it is not loaded.
func (t *tree) chanSIP(dir string) []asterisk.Section {
	for _, s := range asterisk.Read(t.Tree, dir, "modules.conf") {
		for _, line := range s.Settings {
			if line.Key == "noload" && strings.TrimSuffix(line.Value, ".so") == "chan_sip" {
				return nil
			}
		}
	}
	sections := asterisk.Read(t.Tree, dir, "sip.conf")
	for _, s := range sections {
		if s.Template {
			continue
		}
		for _, line := range s.InForce("register") {
			switch line.Key {
			case "host":
				if !strings.EqualFold(line.Value, "dynamic") {
					t.trunk(line.Value, line.At)
				}
			case "outboundproxy":
				t.trunk(line.Value, line.At)
			case "register":
				t.register(line)
			}
		}
		if s.Name == "general" {
			t.chanSIPPorts(&s)
		}
	}
	return sections
}

// register reads [peer?][transport://]user[:secret[:name]]@host[:port][/extension][~seconds].
// A secret may hold an @, so the last one counts.
func (t *tree) register(line asterisk.Setting) {
	text := line.Value
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		host, _, _ := strings.Cut(text[i+1:], "/")
		host, _, _ = strings.Cut(host, "~")
		t.trunk(host, line.At)
	}
}

func (t *tree) chanSIPPorts(s *asterisk.Section) {
	port := s.Get("bindport")
	if port == "" {
		port = s.Get("port")
	}
	if v := s.Get("udpbindaddr"); strings.Contains(v, ":") && port == "" {
		port = v
	} else if v := s.Get("bindaddr"); strings.Contains(v, ":") && port == "" {
		port = v
	}
	t.bind(port, UDP)
	if asterisk.Yes(s.Get("tcpenable")) {
		t.bind(s.Get("tcpbindaddr"), TCP)
	}
	if asterisk.Yes(s.Get("tlsenable")) {
		t.bind(s.Get("tlsbindaddr"), TLS)
	}
}

// webSockets takes the ports of Asterisk's web server where SIP is spoken on
// it: where either channel driver has a WebSocket transport.
func (t *tree) webSockets(dir string, pjsip, sip []asterisk.Section) {
	used := false
	for _, s := range pjsip {
		used = used || s.Get("type") == "transport" && strings.HasPrefix(strings.ToLower(s.Get("protocol")), "ws")
	}
	for _, s := range sip {
		used = used || strings.Contains(s.Get("transport"), "ws")
	}
	for _, s := range asterisk.Read(t.Tree, dir, "http.conf") {
		if s.Name != "general" || !used {
			continue
		}
		if asterisk.Yes(s.Get("enabled")) {
			port := s.Get("bindport")
			if port == "" {
				port = "8088"
			}
			t.bind(port, WS)
		}
		if asterisk.Yes(s.Get("tlsenable")) {
			port := s.Get("tlsbindaddr")
			if !strings.Contains(port, ":") {
				port = "8089"
			}
			t.bind(port, WSS)
		}
	}
}

// realtime says which carriers are in a database, where we do not look.
func (t *tree) realtime(dir string) {
	for _, s := range asterisk.Read(t.Tree, dir, "extconfig.conf") {
		for _, line := range s.Settings {
			switch line.Key {
			case "ps_endpoint_id_ips", "ps_registrations", "ps_aors", "sippeers", "pjsip.conf", "sip.conf":
				if s.Name == "settings" {
					t.Note("trunks that %s keeps in a database (%s) are not known: name them under trunks: in the settings", line.Key, line.At)
				}
			}
		}
	}
	for _, s := range asterisk.Read(t.Tree, dir, "sorcery.conf") {
		for _, line := range s.Settings {
			kind, _, _ := strings.Cut(line.Key, "/")
			if (kind == "identify" || kind == "registration" || kind == "aor") && strings.HasPrefix(line.Value, "realtime") {
				t.Note("trunks of the kind %s that are kept in a database (%s) are not known: name them under trunks: in the settings", kind, line.At)
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
		return path.Dir(settings.Inside("/", file))
	}
	for _, dir := range asteriskFolders {
		if t.Folder(dir) {
			return dir
		}
	}
	return ""
}
