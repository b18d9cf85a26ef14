package host

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/process"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// runsAsRoot: a server has root's rights, by its process or else by its unit.
func runsAsRoot(m *machine) []check.Finding {
	if m.site.Live {
		var found []check.Finding
		for _, s := range m.running {
			if uid, ok := process.User(m.site.Files, s.PID); ok && uid == 0 && slices.Contains(servers, s.Name) {
				found = append(found, check.Finding{Setting: "process " + strconv.Itoa(s.PID), Value: s.Process + " as root"})
			}
		}
		return found
	}
	var found []check.Finding
	told := false
	for _, name := range servers {
		user, at := m.unitUser(name)
		if told = told || user != ""; user == "root" {
			found = append(found, check.Finding{Place: at, Setting: "User", Value: "root"})
		}
	}
	if !told {
		return untold("no unit of a SIP server here says as whom it runs")
	}
	return found
}

// unitUser gives the user of a server's unit, its drop-ins included; empty when
// there is no unit or it does not say.
func (m *machine) unitUser(name string) (user string, at settings.Place) {
	for _, dir := range []string{"etc/systemd/system", "lib/systemd/system", "usr/lib/systemd/system"} {
		unit := path.Join(dir, name+".service")
		if len(m.tree.Read(unit)) == 0 {
			continue
		}
		files := append([]string{unit}, m.tree.Match("etc/systemd/system/"+name+".service.d/*.conf")...)
		for _, file := range files {
			m.textFile(file, "#", func(line string, place settings.Place) {
				key, value, _ := strings.Cut(line, "=")
				value = strings.TrimSpace(value)
				switch key = strings.TrimSpace(key); {
				case key == "User":
					user, at = value, place
				case key == "ExecStart" && user == "":
					// asterisk -U USER; the others say -u.
					words := strings.Fields(value)
					for i, w := range words {
						if (w == "-U" || w == "-u" || w == "--user") && i+1 < len(words) {
							user, at = words[i+1], place
						}
					}
				}
			})
		}
		if user == "" { // systemd's default
			user, at = "root", settings.Place{File: unit}
		}
		if strings.HasPrefix(user, "$") {
			user = "" // a variable from elsewhere
		}
		return user, at
	}
	return "", at
}

// knownHoles: an advisory is open in an installed program.
func knownHoles(m *machine) []check.Finding {
	if m.site.Packages == nil {
		return untold("no SIP program was found whose version could be told")
	}
	var found []check.Finding
	for _, p := range m.site.Packages {
		switch {
		case len(p.Open) > 0:
			found = append(found, check.Finding{Setting: p.Name, Value: p.Version,
				Why: fmt.Sprintf("%d published holes are open in this version,\nsuch as %s.", len(p.Open), strings.Join(p.Open[:min(3, len(p.Open))], ", "))})
		case p.Restart:
			found = append(found, check.Finding{Setting: p.Name, Value: p.Version, Fix: "systemctl restart " + p.Name,
				Why: "The program was upgraded, and still runs as it was before."})
		case p.Unsure > 0:
			found = append(found, check.Finding{State: check.Unknown, Setting: p.Name, Value: p.Version,
				Why: fmt.Sprintf("Of %d advisories it cannot be told whether this version has the fix: sipward advisories says why.", p.Unsure)})
		}
	}
	return found
}

// mostSpeech is how many ports for speech are enough for any server: the widest
// default of all servers, FreeSWITCH's, is as many.
const mostSpeech = 16385

// speechPorts: more ports for speech than any server needs, or rtpengine's
// control port where others reach it.
func speechPorts(m *machine) []check.Finding {
	var found []check.Finding
	if home := m.site.Servers[check.Asterisk].Home; home != "" {
		found = append(found, m.asteriskSpeech(home)...)
	}
	for _, name := range []string{"etc/rtpengine/rtpengine.conf", "etc/rtpengine.conf"} {
		from, to := 30000, 40000 // rtpengine's own
		var at settings.Place
		m.textFile(name, "#", func(line string, place settings.Place) {
			key, value, _ := strings.Cut(line, "=")
			value = strings.TrimSpace(value)
			n, _ := strconv.Atoi(value)
			switch strings.TrimSpace(key) {
			case "listen-ng", "listen-tcp-ng", "listen-http", "listen-cli":
				host := value[:max(0, strings.LastIndexByte(value, ':'))]
				if host != "127.0.0.1" && host != "localhost" && host != "[::1]" && host != "::1" {
					found = append(found, check.Finding{Place: place, Setting: strings.TrimSpace(key), Value: value})
				}
			case "port-min":
				from, at = n, place
			case "port-max":
				to, at = n, place
			}
		})
		if to-from > mostSpeech {
			found = append(found, check.Finding{Place: at, Setting: "port-min, port-max", Value: fmt.Sprintf("%d-%d", from, to)})
		}
	}
	return found
}

// asteriskSpeech reads rtp.conf. Without it Asterisk opens far more ports than
// its sample does.
func (m *machine) asteriskSpeech(home string) []check.Finding {
	from, to := 5000, 31000 // Asterisk's own, without rtp.conf
	at := settings.Place{File: path.Join(home, "rtp.conf")}
	for _, s := range asterisk.Read(m.tree, home, "rtp.conf") {
		if s.Name != "general" {
			continue
		}
		for _, line := range s.InForce() {
			n, err := strconv.Atoi(line.Value)
			switch {
			case err != nil:
			case line.Key == "rtpstart":
				from, at = n, line.At
			case line.Key == "rtpend":
				to, at = n, line.At
			}
		}
	}
	if to-from <= mostSpeech {
		return nil
	}
	return []check.Finding{{Place: at, Setting: "rtpstart, rtpend", Value: fmt.Sprintf("%d-%d", from, to)}}
}

// coloured is a terminal's colour in a log, as it is or as syslog escapes it.
var coloured = regexp.MustCompile(`\x1b\[[0-9;]*m|#033\[[0-9;]*m`)

// logFiles: a log that is missing, coloured or never rotated.
func logFiles(m *machine) []check.Finding {
	rotated := m.rotated()
	var found []check.Finding
	named := false
	for _, server := range servers {
		for _, log := range m.site.Servers[server].Logs {
			named = true
			if why, fix := m.logFlaw(server, log, rotated); why != "" {
				found = append(found, check.Finding{Place: settings.Place{File: strings.TrimPrefix(log, "/")}, Setting: "log", Value: log, Why: why, Fix: fix})
			}
		}
	}
	if !named {
		return untold("no SIP server here names a log file")
	}
	return found
}

// logFlaw says what is wrong with a log, and how to mend it where that is not
// what the check says.
func (m *machine) logFlaw(server, log string, rotated func(file string) bool) (why, fix string) {
	name := strings.TrimPrefix(log, "/")
	info, err := m.tree.Look(name)
	switch {
	case err != nil && m.site.Live && m.site.Words[server] != nil:
		return "The settings name this log, and it is not there: those who watch it see nothing.", ""
	case err == nil && info.Mode().IsRegular() && coloured.Match(m.head(name)):
		return "The lines hold a terminal's colours, which hide them from those who search the log.",
			"nocolor = yes in asterisk.conf, or no console colours in what is written to files"
	case m.whole && !rotated(log):
		return "Nothing in /etc/logrotate.d rotates this log: it grows until the disk is full.", ""
	}
	return "", ""
}

// head reads the beginning of a file, which may be of any length.
func (m *machine) head(name string) []byte {
	f, err := m.site.Files.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	text := make([]byte, 64<<10)
	n, _ := f.Read(text)
	return text[:n]
}

// rotated tells whether logrotate knows a file. Its patterns stand before an
// opening brace, several to a line.
func (m *machine) rotated() func(file string) bool {
	var patterns []string
	for _, name := range append(m.tree.Match("etc/logrotate.d/*"), "etc/logrotate.conf") {
		for line := range bytes.Lines(m.tree.Read(name)) {
			text, _, _ := strings.Cut(strings.TrimSpace(string(line)), "{")
			if strings.HasPrefix(text, "/") || strings.HasPrefix(text, `"/`) {
				for _, one := range strings.Fields(text) {
					patterns = append(patterns, strings.Trim(one, `"'`))
				}
			}
		}
	}
	return func(file string) bool {
		for _, p := range patterns {
			if ok, _ := path.Match(p, file); ok {
				return true
			}
		}
		return false
	}
}

// keepers are the services that keep the clock.
var keepers = []string{"chrony", "chronyd", "systemd-timesyncd", "ntp", "ntpd", "ntpsec", "openntpd"}

// clock: nobody keeps the time.
func clock(m *machine) []check.Finding {
	if m.site.Live {
		if synchronised() {
			return nil
		}
		return []check.Finding{{Setting: "clock", Value: "not synchronised"}}
	}
	for _, k := range keepers {
		if m.wanted(k) || len(m.tree.Match("etc/systemd/system/dbus-org.freedesktop.timesync1.service*")) > 0 {
			return nil
		}
	}
	if !m.tree.Folder("etc/systemd/system/multi-user.target.wants") {
		return untold("the tree does not say which services start at boot")
	}
	return []check.Finding{{Setting: "clock", Value: "no service keeps it"}}
}

// provisioning: phones' settings are given to whoever asks.
func provisioning(m *machine) []check.Finding {
	var found []check.Finding
	m.textFile("etc/default/tftpd-hpa", "#", func(line string, at settings.Place) {
		if key, value, _ := strings.Cut(line, "="); key == "TFTP_ADDRESS" && !strings.Contains(value, "127.0.0.1") {
			found = append(found, check.Finding{Place: at, Setting: key, Value: strings.Trim(value, `"`)})
		}
	})
	for _, name := range append(m.tree.Match("etc/dnsmasq.d/*"), "etc/dnsmasq.conf") {
		m.textFile(name, "#", func(line string, at settings.Place) {
			if key, _, _ := strings.Cut(line, "="); key == "enable-tftp" {
				found = append(found, check.Finding{Place: at, Setting: key, Value: "on"})
			}
		})
	}
	for _, name := range []string{"etc/inetd.conf", "etc/xinetd.d/tftp"} {
		m.textFile(name, "#", func(line string, at settings.Place) {
			if strings.HasPrefix(line, "tftp") {
				found = append(found, check.Finding{Place: at, Setting: "tftp", Value: "on"})
			}
		})
	}
	for i := range found {
		found[i].Why = "TFTP asks for no password: whoever guesses a phone's file name gets its secret."
		if m.site.Live && !m.listens(69, "udp") {
			found[i].State = check.Latent
		}
	}
	if m.site.Live && len(found) == 0 && m.listens(69, "udp") {
		found = append(found, check.Finding{Setting: "listens on", Value: "69/udp"})
	}
	return found
}

// listens says that something takes packets of others on a port.
func (m *machine) listens(port uint16, protocol string) bool {
	for _, s := range m.sockets {
		if s.Addr.Port() == port && s.Transport == protocol {
			return true
		}
	}
	return false
}
