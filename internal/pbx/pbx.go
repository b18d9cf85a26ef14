// Package pbx finds out what the SIP servers of this machine are: where they log,
// which carriers they talk to, which of their ports are for SIP. It reads the
// servers' own settings, as each server reads them but only as far as this
// needs; it runs no program, asks no server and no database, and what it cannot
// tell it says.
//
// The settings are root's, so they are believed, with two limits: nothing may
// be larger than a bound, and no trunk wider than a carrier can be. Those of a
// server in a container are read without ever leaving the container's files.
package pbx

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The servers we know. Unknown is any other that holds a SIP port.
const (
	Asterisk   = "asterisk"
	FreeSWITCH = "freeswitch"
	Kamailio   = "kamailio"
	OpenSIPS   = "opensips"
	Unknown    = "unknown"
)

// names are the servers whose settings we read.
var names = []string{Asterisk, FreeSWITCH, Kamailio, OpenSIPS}

// Running is a server that runs, as its processes show it.
type Running struct {
	// Name is one of the names above, Process the name of the program.
	Name, Process string
	PID           int
	// Ports are those that look like SIP, Open all that others can reach.
	Ports, Open []Port
	// Container says that it has files of its own. Apart is where it runs if not
	// simply here, in words.
	Container bool
	Apart     string
	// Alien says that anybody may have made its container, so that nothing in
	// there is believed.
	Alien bool
	// Words are its command line, Unit its systemd unit; empty if not known.
	Words []string
	Unit  string
}

// Server is a SIP server that runs here, or one whose settings are here.
type Server struct {
	// Name is one of the names above.
	Name string
	// Process is the name of the program, for an unknown server often all
	// there is to go by; empty when nobody could be found behind the port.
	Process string
	// PID is the process that started the others; 0 when not known or when the
	// server does not run.
	PID int
	// Ports is where it serves SIP to others than this machine itself.
	Ports []Port
	// Apart says in words where it runs if that is not simply here.
	Apart string
	// Version is as its package says; empty when it is not from a package.
	Version string
	// Settings is the file or folder that its settings were read from.
	Settings string
	// Logs are those to follow, so that no line is read twice.
	Logs []Log
	// Trunks are the carriers its settings name.
	Trunks []Trunk
	// Notes are sentences on what could not be told and what could be better;
	// Problems on what went wrong.
	Notes, Problems []string

	container bool
}

// Port is where a server listens.
type Port struct {
	Port      uint16
	Transport Transport
}

// Transport is udp, or tcp and what is spoken over it.
type Transport string

// The transports. Without settings that tell, TLS and WebSocket are TCP.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls"
	WS  Transport = "ws"
	WSS Transport = "wss"
)

// Log is where a server writes what it has seen.
type Log struct {
	// File is where it is, the root included; empty when the lines go to the
	// journal.
	File string
	// Unit is the systemd unit under which the journal keeps them.
	Unit string
	// Format is the name of the server that writes it.
	Format string
	// Security and Notice say that the settings send Asterisk's messages of
	// these levels there. Other servers know only one kind, and set both.
	Security, Notice bool
	// DateFormat is how its stamps look, where the settings say it.
	DateFormat string
	// From is where the settings say so; empty for the usual place.
	From string
}

// Finder looks for servers, and reads settings again only when they have
// changed. It belongs to one goroutine at a time.
type Finder struct {
	root  string
	files fs.FS
	read  map[string]*reading // by the place of the settings
}

// reading is what one set of settings said.
type reading struct {
	tree *tree
	home string
	used bool // in the last look
}

// Open prepares to look at the machine below a folder that stands for /; empty
// means the real one.
func Open(root string) *Finder {
	if root == "" {
		root = "/"
	}
	return &Finder{root: root, files: os.DirFS(root), read: map[string]*reading{}}
}

// Look reads the settings of the servers that run, and after them of those that
// are only set up.
func (f *Finder) Look(running []Running) []Server {
	for _, r := range f.read {
		r.used = false
	}
	var servers []Server
	for _, r := range running {
		servers = append(servers, f.describe(r))
	}
	for _, name := range names {
		if !slices.ContainsFunc(running, func(r Running) bool { return r.Name == name && !r.Container }) {
			if s := f.describe(Running{Name: name}); s.Settings != "" {
				servers = append(servers, s)
			}
		}
	}
	for key, r := range f.read {
		if !r.used {
			delete(f.read, key)
		}
	}
	servers = f.usualLogs(servers)
	f.findVersions(servers)
	return servers
}

// describe adds to a server what its settings say.
func (f *Finder) describe(r Running) Server {
	s := Server{Name: r.Name, Process: r.Process, PID: r.PID, Ports: r.Ports, Apart: r.Apart, container: r.Container}
	if s.Name == Unknown {
		if s.Process != "" {
			s.Notes = append(s.Notes, "its logs and trunks are not known: name them in the settings")
		}
		return s
	}
	if r.Container && r.Alien {
		s.Notes = append(s.Notes, "its settings are not read: any user can make such a container. Name its trunks and logs in our settings")
		return s
	}
	t, home := f.settings(r)
	if home == "" {
		if s.PID != 0 {
			s.Notes = append(s.Notes, "its settings were not found, so its trunks are not known: name them under trunks: in the settings")
		}
		return s
	}
	s.Settings = "/" + home
	s.Trunks, s.Notes, s.Problems = t.trunks, slices.Clone(t.Notes()), t.Problems()
	s.Ports = withSettings(s.Ports, r.Open, t.ports)
	if r.Container {
		s.Notes, s.Problems = append(s.Notes, s.Problems...), nil // a guest's troubles are not ours
		s.Trunks = slices.Clone(s.Trunks)
		for i := range s.Trunks {
			s.Trunks[i].From += fmt.Sprintf(" in the container of pid %d", r.PID)
		}
		s.Notes = append(s.Notes, "its logs lie inside its container: name them under logs: to have them followed")
		return s
	}
	f.chooseLogs(&s, t.logs, r)
	return s
}

// settings reads a server's settings, unless they are as they were.
func (f *Finder) settings(r Running) (*tree, string) {
	files := f.files
	if r.Container {
		// What is a link inside must not lead outside. The folder is not kept
		// open, or the container could not be taken down.
		root, err := os.OpenRoot(filepath.Join(f.root, "proc", strconv.Itoa(r.PID), "root"))
		if err != nil {
			return nil, ""
		}
		defer root.Close()
		files = root.FS()
	}
	key := fmt.Sprint(r.Name, r.PID, r.Words)
	known := f.read[key]
	if known != nil {
		known.tree.Rebase(files)
	}
	if known == nil || known.tree.Changed() {
		t := newTree(files)
		known = &reading{tree: t, home: t.readSettings(r)}
		t.Forget() // is needed no longer
		f.read[key] = known
	}
	known.used = true
	return known.tree, known.home
}

// readSettings tells where they were, or nothing.
func (t *tree) readSettings(r Running) string {
	var home string
	switch r.Name {
	case Asterisk:
		if home = t.asteriskHome(r.Words); home != "" {
			t.asterisk(home, hostName)
		}
	case FreeSWITCH:
		if home = t.freeswitchHome(r.Words); home != "" {
			t.freeswitch(home, r.Words)
		}
	case Kamailio, OpenSIPS:
		if home = t.scriptHome(r.Name, r.Words); home != "" {
			t.proxy(r.Name, home, r.Words)
		}
	}
	return home
}

// withSettings joins what is guessed of the open ports with what the settings
// name: a port that is open and named is SIP, and by its transport.
func withSettings(guessed []Port, held []Port, named []Port) []Port {
	found := slices.Clone(guessed)
	for _, n := range named {
		below := n.Transport
		if below != UDP {
			below = TCP
		}
		open := Port{n.Port, below}
		if !slices.Contains(held, open) {
			continue
		}
		if i := slices.Index(found, open); i >= 0 {
			found[i] = n
		} else if !slices.Contains(found, n) {
			found = append(found, n)
		}
	}
	slices.SortStableFunc(found, byPort)
	return found
}

// byPort sorts by number, and UDP first.
func byPort(a, b Port) int {
	return cmp.Or(cmp.Compare(a.Port, b.Port), -cmp.Compare(a.Transport, b.Transport))
}

// printable makes a foreign word fit to print: short, and free of anything that
// could pass for more than a word.
func printable(word string) string {
	const longest = 64
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return '?'
	}, word[:min(len(word), longest)])
}

// option gives the value of a command line's option, joined to it or the next word.
func option(words []string, name string) string {
	for i, w := range words {
		if w == name && i+1 < len(words) {
			return words[i+1]
		}
		if len(name) == 2 && len(w) > 2 && w[:2] == name {
			return w[2:]
		}
	}
	return ""
}

// existing gives the first of the files that is there.
func (t *tree) existing(names ...string) string {
	for _, name := range names {
		if info, err := t.Look(name); err == nil && info.Mode().IsRegular() {
			return path.Clean(name)
		}
	}
	return ""
}

// Describe finds the folder or file of a server's settings below files, by its
// command line if it runs, else by custom, and tells the logs that they name and
// the ports on which they have the server speak SIP. Home is empty when there
// are none.
func Describe(files fs.FS, name string, words []string) (home string, logs []Log, ports []Port) {
	t := newTree(files)
	home = t.readSettings(Running{Name: name, Words: words})
	return home, t.logs, t.ports
}
