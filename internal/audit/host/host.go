// Package host holds the checks of the machine that SIP servers run on: who can
// reach them, as whom they run, and what else lies open. Of a tree it says what
// files can tell; of this machine it looks at sockets, processes and the packet
// filter's rules as well, and changes nothing.
package host

import (
	"path"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/firewall"
	"github.com/sipward/sipward/internal/process"
	"github.com/sipward/sipward/internal/settings"
)

// Checks lists what is looked at.
func Checks() []*check.Check { return check.List(rules) }

// Audit applies all checks to a machine. It has no settings of its own, so no
// folder is needed.
func Audit(site *check.Site, tree *settings.Tree, _ string) []check.Result {
	return check.Run(rules, look(site, tree, inForce))
}

// servers are the programs whose settings are looked for.
var servers = []string{check.Asterisk, check.FreeSWITCH, check.Kamailio, check.OpenSIPS}

// machine is what all checks look at.
type machine struct {
	site *check.Site
	tree *settings.Tree
	// whole says that the tree holds a whole system and not just some settings,
	// so that what is not there is really missing.
	whole bool
	// sip are the ports on which servers speak SIP.
	sip []check.Port
	// running and sockets are this machine's; nil in a tree.
	running []process.Server
	sockets []process.Socket
	// kept are the rules that files would load at boot, filter those in force:
	// the same in a tree. Unread says why filter is not known.
	kept   *keptRules
	filter *firewall.Rules
	unread string
}

// listing gives the packet filter's rules that are in force, or says why it
// cannot.
type listing func() (*firewall.Rules, string)

// look gathers what all checks need, so that each of them is a question only.
func look(site *check.Site, tree *settings.Tree, inForce listing) *machine {
	m := &machine{site: site, tree: tree}
	m.whole = site.Live || len(tree.Match("etc/os-release*")) > 0 || tree.Folder("etc/systemd/system")
	for _, name := range servers {
		m.sip = append(m.sip, site.Servers[name].Ports...)
	}
	m.kept = readKept(m)
	m.filter = &m.kept.rules
	if site.Live {
		m.lookAlive(inForce)
	}
	return m
}

// lookAlive adds what only a running machine can tell.
func (m *machine) lookAlive(inForce listing) {
	running, err := process.Servers(m.site.Files)
	if err == nil {
		m.running, m.sip = running, nil
		for _, s := range running {
			for _, p := range s.Ports {
				m.sip = append(m.sip, check.Port{Port: p.Port, Transport: p.Transport})
			}
		}
	}
	if m.sockets, err = process.Listening(m.site.Files); err != nil {
		m.tree.Problem("%v", err)
	}
	m.filter, m.unread = inForce()
}

// protocol is what the packet filter sees of a transport.
func protocol(transport string) string {
	if transport == process.UDP {
		return process.UDP
	}
	return process.TCP
}

// wanted says that a unit is started at boot: something wants it.
func (m *machine) wanted(unit string) bool {
	for _, dir := range []string{"etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"} {
		for _, name := range m.tree.Match(dir + "/*.wants/*.service") {
			if path.Base(name) == unit+".service" {
				return true
			}
		}
	}
	return false
}

// textFile gives the lines of a file with their places; comments after a mark
// are left out.
func (m *machine) textFile(name, comment string, show func(line string, at settings.Place)) {
	number := 0
	for line := range strings.Lines(string(m.tree.Read(name))) {
		number++
		line, _, _ = strings.Cut(line, comment)
		if line = strings.TrimSpace(line); line != "" && m.tree.More(len(line)) {
			show(line, settings.Place{File: name, Line: number})
		}
	}
}

// untold is a check that cannot be answered here.
func untold(why string) []check.Finding {
	return []check.Finding{{State: check.Unknown, Why: why}}
}

// aliveOnly is why a tree cannot tell.
const aliveOnly = "only a running machine can tell: its sockets and processes are not in its files"
