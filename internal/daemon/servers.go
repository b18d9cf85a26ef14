package daemon

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	sdjournal "github.com/sipward/sipward/internal/journal"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/pbx"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/scout"
)

// look finds out which SIP servers there are, and says whether their trunks have
// changed. After an error what was known stands. The caller holds changing.
func (d *Daemon) look() bool {
	servers, err := d.scout()
	d.health.Report("servers", "SIP servers cannot be looked for", err)
	if err != nil {
		return false
	}
	d.servers = servers
	var problems []string
	for _, s := range servers {
		for _, p := range s.Problems {
			problems = append(problems, s.Name+": "+p)
		}
	}
	d.health.List("server settings", problems)
	before := d.trunks
	d.trunks = scout.Hold(before, servers, len(problems) > 0)
	return !slices.EqualFunc(before, d.trunks, func(a, b scout.Held) bool { return a.Trunk == b.Trunk })
}

// trunkNames are all names that DNS is asked for: the settings' own, and those
// of the servers' trunks.
func (d *Daemon) trunkNames() []string {
	return union(d.config.TrunkNames, d.foundNames())
}

// foundNames are the names of the servers' trunks that our settings do not name.
func (d *Daemon) foundNames() []string {
	var names []string
	for _, t := range d.trunks {
		if t.Name != "" && !slices.Contains(d.config.TrunkNames, t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

// trunkPosts are the trunks that the SIP servers' settings name, and what the
// names of all trunks stand for.
func (d *Daemon) trunkPosts() []policy.Post {
	var posts []policy.Post
	ours, _ := d.machine.Addresses() // they are on the never-ban list by themselves
	addresses := d.names.Addresses()
	for _, name := range d.config.TrunkNames {
		for _, a := range addresses[name] {
			posts = append(posts, policy.Post{Prefix: netip.PrefixFrom(a, a.BitLen()), Reason: "the trunk " + name, Trunk: true})
		}
	}
	if len(d.config.TrunkNames) > 0 {
		d.health.List("trunk names", d.names.Problems(d.config.TrunkNames...))
	} else {
		d.health.Clear("trunk names")
	}
	for _, t := range d.trunks {
		if t.Prefix.IsValid() && !(t.Prefix.IsSingleIP() && ours[t.Prefix.Addr()]) {
			posts = append(posts, policy.Post{Prefix: t.Prefix, Reason: "a trunk (from " + t.From + ")", Trunk: true})
		}
		if t.Name == "" || slices.Contains(d.config.TrunkNames, t.Name) {
			continue
		}
		for _, a := range addresses[t.Name] {
			posts = append(posts, policy.Post{Prefix: netip.PrefixFrom(a, a.BitLen()), Reason: "the trunk " + t.Name + " (from " + t.From + ")", Trunk: true})
		}
	}
	return posts
}

// serverLogs are the logs of the servers that were found, as far as we can read
// them. One file that several servers write is read once, line by line as
// whoever wrote it.
func (d *Daemon) serverLogs() []config.Log {
	var logs []config.Log
	for _, s := range d.servers {
		for _, l := range s.Logs {
			found := config.Log{File: l.File, Format: l.Format}
			if l.File == "" && sdjournal.ValidUnit(l.Unit) {
				found.Journal = l.Unit
			}
			if found.Name() == "" || !logline.Readable(logline.Format(l.Format)) {
				continue
			}
			i := slices.IndexFunc(logs, func(known config.Log) bool { return known.Name() == found.Name() })
			switch {
			case i < 0:
				logs = append(logs, found)
			case logs[i].Format != l.Format:
				logs[i].Format = string(logline.Auto)
			}
		}
	}
	return logs
}

// trunkRows shows the trunks on the never-ban list beside what people allowed.
func (d *Daemon) trunkRows() []control.BanRow {
	var rows []control.BanRow
	for _, post := range d.fence.Posts() {
		if post.Trunk {
			rows = append(rows, control.BanRow{Prefix: post.Prefix, Action: "allow", Scope: "all",
				Rule: control.TrunkRule, Why: post.Reason, By: "settings", Since: d.clock.Began()})
		}
	}
	return rows
}

// serverStatus tells of the servers that were found. The caller holds changing.
func (d *Daemon) serverStatus() []control.ServerStatus {
	var list []control.ServerStatus
	for _, s := range d.servers {
		status := control.ServerStatus{Name: s.Name, Process: s.Process, PID: s.PID, Version: s.Version,
			Apart: s.Apart, Settings: s.Settings, Notes: s.Notes}
		for _, p := range s.Ports {
			status.Ports = append(status.Ports, fmt.Sprintf("%d/%s", p.Port, p.Transport))
		}
		for _, l := range s.Logs {
			status.Logs = append(status.Logs, logStatus(l))
		}
		list = append(list, status)
	}
	return list
}

// logStatus says where a server logs and where that stands.
func logStatus(l pbx.Log) control.FoundLog {
	return control.FoundLog{File: l.File, Unit: l.Unit, From: l.From, Security: l.Security}
}

// trunkStatus tells of the trunks that the servers' settings name.
func (d *Daemon) trunkStatus() []control.TrunkStatus {
	var list []control.TrunkStatus
	addresses := d.names.Addresses()
	for _, t := range d.trunks {
		status := control.TrunkStatus{Name: t.Name, From: t.From, Addresses: addresses[t.Name]}
		if t.Prefix.IsValid() {
			status.Prefix = t.Prefix
		} else if problems := d.names.Problems(t.Name); len(problems) > 0 {
			status.Problem = problems[0]
		}
		list = append(list, status)
	}
	return list
}
