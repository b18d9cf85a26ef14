// Package audit tells what is wrong with the SIP servers of a machine before
// anybody attacks them: it reads their settings as they do, and applies the
// checks of the rooms below it. It changes nothing and runs nothing.
package audit

import (
	"slices"

	"github.com/sipward/sipward/internal/audit/asterisk"
	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/audit/freeswitch"
	"github.com/sipward/sipward/internal/audit/host"
	"github.com/sipward/sipward/internal/audit/ser"
	"github.com/sipward/sipward/internal/pbx"
	"github.com/sipward/sipward/internal/settings"
)

// auditors are the servers that can be audited, in the order of the answer. Each
// gets a tree of its own, with its own bounds.
var auditors = []struct {
	name   string
	checks func() []*check.Check
	audit  func(site *check.Site, tree *settings.Tree, home string) []check.Result
}{
	{check.Asterisk, asterisk.Checks, asterisk.Audit},
	{check.FreeSWITCH, freeswitch.Checks, freeswitch.Audit},
	{check.Kamailio, ser.KamailioChecks, ser.Kamailio},
	{check.OpenSIPS, ser.OpenSIPSChecks, ser.OpenSIPS},
	{check.Host, host.Checks, host.Audit},
}

// Memory is how much an audit needs at most, in bytes, if the collector of garbage
// is told so (debug.SetMemoryLimit).
const Memory = 192 << 20

// Checks lists everything that is looked at.
func Checks() []*check.Check {
	var all []*check.Check
	for _, a := range auditors {
		all = append(all, a.checks()...)
	}
	return all
}

// Report is what an audit found.
type Report struct {
	Results []check.Result
	// Servers are those whose settings were found.
	Servers []string
	// Problems are sentences on what could not be read.
	Problems []string
}

// Run audits the servers of a site whose settings are there, or only those
// named.
func Run(site *check.Site, only ...string) *Report {
	r := &Report{}
	if site.Servers == nil {
		site.Servers = servers(site)
	}
	for _, a := range auditors {
		if len(only) > 0 && !slices.Contains(only, a.name) {
			continue
		}
		home := site.Servers[a.name].Home
		if home == "" && a.name != check.Host {
			continue
		}
		tree := settings.New(site.Files)
		r.Servers = append(r.Servers, a.name)
		r.Results = append(r.Results, a.audit(site, tree, home)...)
		r.Problems = append(r.Problems, tree.Problems()...)
	}
	return r
}

// servers looks which servers' settings are there.
func servers(site *check.Site) map[string]check.Server {
	found := map[string]check.Server{}
	for _, name := range []string{check.Asterisk, check.FreeSWITCH, check.Kamailio, check.OpenSIPS} {
		home, logs, ports := pbx.Describe(site.Files, name, site.Words[name])
		if home == "" {
			continue
		}
		s := check.Server{Home: home}
		for _, l := range logs {
			if l.File != "" { // others are the journal's
				s.Logs = append(s.Logs, l.File)
			}
		}
		for _, p := range ports {
			s.Ports = append(s.Ports, check.Port{Port: p.Port, Transport: string(p.Transport)})
		}
		if len(ports) == 0 { // each server's own default
			s.Ports = []check.Port{{Port: 5060, Transport: "udp"}}
		}
		found[name] = s
	}
	return found
}

// Score is 100 minus what each failing check takes away: 25 when it is critical,
// 10 when high, 4 when medium, 1 when low, nothing for info. A check counts
// once, however many places it fails in; what is accepted does not count, and
// nothing goes below 0.
func (r *Report) Score() int {
	cost := map[check.Severity]int{check.Critical: 25, check.High: 10, check.Medium: 4, check.Low: 1}
	failing := map[string]bool{}
	score := 100
	for _, result := range r.Results {
		if result.State == check.Fail && result.Accepted == "" && !failing[result.ID] {
			failing[result.ID] = true
			score -= cost[result.Severity]
		}
	}
	return max(score, 0)
}

// Count is how many results have a state, but for those accepted.
func (r *Report) Count(state check.State) int {
	n := 0
	for _, result := range r.Results {
		if result.State == state && result.Accepted == "" {
			n++
		}
	}
	return n
}

// Worst is the highest severity of what fails and is not accepted; false when
// nothing does.
func (r *Report) Worst() (check.Severity, bool) {
	worst, any := check.Info, false
	for _, result := range r.Results {
		if result.State == check.Fail && result.Accepted == "" {
			worst, any = max(worst, result.Severity), true
		}
	}
	return worst, any
}
