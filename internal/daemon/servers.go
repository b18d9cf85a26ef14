package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/pbx"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/process"
)

const (
	// lookPatience is how long a look for SIP servers may take. A file of a
	// container can lie on a disk that never answers.
	lookPatience = 2 * time.Second
	// maxFound bounds the trunks of all servers together, and maxFoundNames the
	// names among them, for each asks DNS every few minutes.
	maxFound      = 2048
	maxFoundNames = 256
)

// scout looks for SIP servers without keeping anybody waiting for long.
type scout struct {
	files   fs.FS
	finder  *pbx.Finder
	answers chan sighting // holds one
	away    bool          // is still looking
}

// sighting is what a look found.
type sighting struct {
	servers []pbx.Server
	err     error
}

var errSlow = errors.New("the look for them takes too long")

// look gives what there is to see, or says that it takes longer.
func (s *scout) look() ([]pbx.Server, error) {
	if !s.away {
		s.away = true
		go func() {
			running, err := process.Servers(s.files)
			s.answers <- sighting{s.finder.Look(convert(running)), err}
		}()
	}
	select {
	case found := <-s.answers:
		s.away = false
		return found.servers, found.err
	case <-time.After(lookPatience):
		return nil, errSlow
	}
}

// newScout looks below a folder that stands for /; empty means the real one.
func newScout(root string) *scout {
	if root == "" {
		root = "/"
	}
	return &scout{files: os.DirFS(root), finder: pbx.Open(root), answers: make(chan sighting, 1)}
}

// convert tells one wire what the other has seen.
func convert(running []process.Server) []pbx.Running {
	list := make([]pbx.Running, 0, len(running))
	ports := func(from []process.Port) []pbx.Port {
		to := make([]pbx.Port, 0, len(from))
		for _, p := range from {
			to = append(to, pbx.Port{Port: p.Port, Transport: pbx.Transport(p.Transport)})
		}
		return to
	}
	for _, s := range running {
		list = append(list, pbx.Running{
			Name: s.Name, Process: s.Process, PID: s.PID, Ports: ports(s.Ports), Open: ports(s.Open),
			Container: s.Apart == process.InContainer, Apart: s.Apart, Words: s.Words, Unit: s.Unit,
		})
	}
	return list
}

// heldTrunk is a trunk from a server's settings, and for how many looks it has
// been missing from them.
type heldTrunk struct {
	pbx.Trunk
	missing int
}

// look finds out which SIP servers there are, and says whether their trunks have
// changed. After an error what was known stands. The caller holds changing.
func (d *Daemon) look() bool {
	servers, err := d.scout.look()
	d.health.report("servers", "SIP servers cannot be looked for", err)
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
	d.health.list("server settings", problems)
	before := d.trunks
	d.trunks = holdTrunks(before, servers, len(problems) > 0)
	return !slices.EqualFunc(before, d.trunks, func(a, b heldTrunk) bool { return a.Trunk == b.Trunk })
}

// holdTrunks takes up new trunks at once. One that has gone stands until the
// second look without it, and as long as settings cannot be read: whoever
// writes settings may be in the middle of it.
func holdTrunks(before []heldTrunk, servers []pbx.Server, unread bool) []heldTrunk {
	var held []heldTrunk
	known := map[pbx.Trunk]bool{}
	names := 0
	add := func(t heldTrunk) {
		key := t.Trunk
		key.From = ""
		if known[key] || len(held) == maxFound || t.Name != "" && names == maxFoundNames {
			return
		}
		known[key] = true
		if t.Name != "" {
			names++
		}
		held = append(held, t)
	}
	for _, s := range servers {
		for _, t := range s.Trunks {
			add(heldTrunk{Trunk: t})
		}
	}
	for _, t := range before {
		if !unread {
			t.missing++
		}
		if t.missing < 2 {
			add(t)
		}
	}
	return held
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
		d.health.list("trunk names", d.names.Problems(d.config.TrunkNames...))
	} else {
		d.health.clear("trunk names")
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
			if l.File == "" || !logline.Readable(logline.Format(l.Format)) {
				continue
			}
			i := slices.IndexFunc(logs, func(known config.Log) bool { return known.File == l.File })
			switch {
			case i < 0:
				logs = append(logs, config.Log{File: l.File, Format: l.Format})
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
				Rule: control.TrunkRule, Why: post.Reason, By: "settings", Since: d.began})
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
