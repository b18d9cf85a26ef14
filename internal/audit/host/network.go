package host

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/firewall"
	"github.com/sipward/sipward/internal/process"
	"github.com/sipward/sipward/internal/settings"
)

// ours is the table in which sipward keeps its bans and limits.
const ours = "sipward"

// enforcing is what our own settings say when we guard the ports.
var enforcing = regexp.MustCompile(`(?m)^mode:\s*["']?enforce\b`)

// guarded says that we guard this machine ourselves.
func (m *machine) guarded() bool {
	if m.site.Live {
		return m.filter.Holds(ours)
	}
	return m.wanted("sipward") && enforcing.Match(m.tree.Read("etc/sipward/sipward.yaml"))
}

// openSIP: a stranger's packet gets to a SIP port as often as he likes.
func openSIP(m *machine) []check.Finding {
	switch {
	case m.unread != "":
		return untold(m.unread)
	case len(m.sip) == 0 && !m.site.Live:
		return untold("no SIP server is set up here, so its ports are not known")
	case m.guarded():
		return nil
	case m.kept.elsewhere != "" && !m.site.Live:
		return untold(m.kept.elsewhere)
	case !m.kept.any && !m.whole:
		return untold("the tree holds no rules of a packet filter, and perhaps not all of a machine's files")
	}
	var open []string
	for _, p := range m.sip {
		for _, family := range []string{firewall.IPv4, firewall.IPv6} {
			text := fmt.Sprintf("%d/%s", p.Port, p.Transport)
			if m.filter.Judge(family, protocol(p.Transport), p.Port) == firewall.Open && !slices.Contains(open, text) {
				open = append(open, text)
			}
		}
	}
	if len(open) == 0 {
		return nil
	}
	return []check.Finding{{Place: m.kept.place(), Setting: "open", Value: strings.Join(open, " ")}}
}

// management are the ports of consoles and control interfaces, with whose they
// are.
var management = map[uint16]string{
	5038: "Asterisk's manager interface", 8021: "FreeSWITCH's event socket", 8088: "Asterisk's web server", 8089: "Asterisk's web server",
	8080: "an XML-RPC or web console", 8081: "FreeSWITCH's verto", 5066: "FreeSWITCH's WebSocket", 2223: "rtpengine's control port",
	8888: "OpenSIPS's management interface", 4569: "IAX2", 2000: "Skinny", 9060: "HEP",
}

// openManagement: a socket on a management port that others can reach.
func openManagement(m *machine) []check.Finding {
	if !m.site.Live {
		return untold(aliveOnly)
	}
	if m.unread != "" {
		return untold(m.unread)
	}
	var found []check.Finding
	for _, s := range m.sockets {
		what := management[s.Addr.Port()]
		if what == "" || m.access(s.Addr.Addr(), s.Transport, s.Addr.Port()) != firewall.Open {
			continue
		}
		f := check.Finding{Setting: "listens on", Value: s.Addr.String() + "/" + s.Transport}
		f.Why = fmt.Sprintf("%s can be reached by everybody: its password is guessed like any other,\nand whoever has it has the server.", what)
		if !slices.ContainsFunc(found, func(o check.Finding) bool { return o.Value == f.Value }) {
			found = append(found, f)
		}
	}
	return found
}

// access judges a socket by the families that reach it. One bound to all
// addresses of IPv6 takes IPv4 as well, by default.
func (m *machine) access(a netip.Addr, protocol string, port uint16) firewall.Access {
	best := firewall.Closed
	if a.Is4() || a.Is4In6() || a == netip.IPv6Unspecified() {
		best = m.filter.Judge(firewall.IPv4, protocol, port)
	}
	if a.Is6() && !a.Is4In6() {
		best = min(best, m.filter.Judge(firewall.IPv6, protocol, port))
	}
	return best
}

// unequalFamilies: a port is guarded for IPv4 and open for IPv6.
func unequalFamilies(m *machine) []check.Finding {
	switch {
	case m.unread != "":
		return untold(m.unread)
	case m.kept.elsewhere != "" && !m.site.Live:
		return untold(m.kept.elsewhere)
	case m.guarded() || m.withoutIPv6():
		return nil
	case len(m.sip) == 0 && !m.site.Live:
		return untold("no SIP server is set up here, so its ports are not known")
	}
	var open []string
	for _, p := range m.sip {
		proto := protocol(p.Transport)
		if m.site.Live && !slices.ContainsFunc(m.sockets, func(s process.Socket) bool {
			return s.Addr.Port() == p.Port && s.Transport == proto && s.Addr.Addr().Is6()
		}) {
			continue
		}
		text := fmt.Sprintf("%d/%s", p.Port, p.Transport)
		if m.filter.Judge(firewall.IPv4, proto, p.Port) != firewall.Open && m.filter.Judge(firewall.IPv6, proto, p.Port) == firewall.Open && !slices.Contains(open, text) {
			open = append(open, text)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return []check.Finding{{Place: m.kept.place(), Setting: "open for IPv6", Value: strings.Join(open, " ")}}
}

// withoutIPv6 says that the machine has IPv6 switched off.
func (m *machine) withoutIPv6() bool {
	off := false
	m.sysctl(func(key, value string, _ settings.Place) {
		if key == "net.ipv6.conf.all.disable_ipv6" {
			off = value == "1"
		}
	})
	return off
}

// sysctl shows the kernel's settings as files have them, in the order in which
// they are applied.
func (m *machine) sysctl(show func(key, value string, at settings.Place)) {
	names := append(m.tree.Match("usr/lib/sysctl.d/*.conf"), m.tree.Match("etc/sysctl.d/*.conf")...)
	for _, name := range append(names, "etc/sysctl.conf") {
		m.textFile(name, "#", func(line string, at settings.Place) {
			if key, value, ok := strings.Cut(strings.TrimPrefix(line, "-"), "="); ok {
				show(strings.ReplaceAll(strings.TrimSpace(key), "/", "."), strings.TrimSpace(value), at)
			}
		})
	}
}

// sipHelper: the connection tracker reads SIP and opens ports.
func sipHelper(m *machine) []check.Finding {
	var found []check.Finding
	state := check.Fail
	if m.site.Live {
		if strings.TrimSpace(string(m.tree.Read("proc/sys/net/netfilter/nf_conntrack_helper"))) == "1" {
			found = append(found, check.Finding{Place: settings.Place{File: "proc/sys/net/netfilter/nf_conntrack_helper"}, Setting: "nf_conntrack_helper", Value: "1"})
		}
		// What a file says has been applied, or has been overruled by hand.
		state = check.Latent
	}
	last := check.Finding{}
	m.sysctl(func(key, value string, at settings.Place) {
		if key == "net.netfilter.nf_conntrack_helper" {
			last = check.Finding{State: state, Place: at, Setting: "nf_conntrack_helper", Value: value}
		}
	})
	if last.Value == "1" && len(found) == 0 {
		last.Edit = check.Replace(m.tree, last.Place, "1", "0")
		found = append(found, last)
	}
	for _, name := range m.kept.files {
		m.textFile(name, "#", func(line string, at settings.Place) {
			if strings.Contains(line, `type "sip"`) || strings.Contains(line, "--helper sip") {
				found = append(found, check.Finding{Place: at, Setting: "helper", Value: "sip"})
			}
		})
	}
	return found
}

// persistence: rules that are in force, or written down, and not loaded at boot.
func persistence(m *machine) []check.Finding {
	if m.unread != "" {
		return untold(m.unread)
	}
	switch k := m.kept; {
	case k.loaded || m.guarded() && m.wanted("sipward"):
		return nil
	case k.any:
		return []check.Finding{{Place: k.place(), Setting: "enabled", Value: "no",
			Why: "The rules are written down, and nothing loads the file at boot: " + k.loader + " is not enabled.", Fix: "systemctl enable " + k.loader}}
	case m.site.Live && !m.filter.Empty() && !m.guarded():
		return []check.Finding{{}}
	case m.site.Live || m.whole:
		return nil // there are no rules that could be lost: another check says so
	}
	return untold("the tree holds no rules of a packet filter")
}
