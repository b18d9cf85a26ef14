// Package process finds the SIP servers that run on this machine, and where they
// listen, in what the kernel shows of processes and sockets (proc(5)). It runs
// no program and asks nobody.
//
// A program can call itself anything and open any port, so what is found says
// where SIP is likely served, and no more.
package process

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is read of /proc.
const (
	maxProcesses = 1 << 16
	maxHandles   = 1 << 16 // open files of one process
	maxMembers   = 1 << 10 // processes of one server
)

// unknown is the name of a server that is none of those below.
const unknown = "unknown"

// A program is a SIP server we know by name.
type program struct {
	name string
	// media says that it opens ports for speech itself, any number of them.
	media bool
}

var programs = []program{
	{"asterisk", true},
	{"freeswitch", true},
	{"kamailio", false},
	{"opensips", false},
}

// Server is a SIP server that runs.
type Server struct {
	// Name is asterisk, freeswitch, kamailio, opensips or unknown.
	Name string
	// Process is the name of the program, for an unknown server often all
	// there is to go by; empty when nobody could be found behind the port.
	Process string
	// PID is the process that started the others; 0 when not known.
	PID int
	// Ports is where it serves SIP to others than this machine itself; Open is
	// every port that others can reach, whatever it is for.
	Ports, Open []Port
	// Apart says where it runs if that is not simply here: InContainer or
	// InNetwork.
	Apart string
	// Alien says that it runs in a user namespace of its own. Anybody may make
	// one, so nothing in there is root's word.
	Alien bool
	// Words are its command line, without its name; none where an ordinary user
	// runs it, who could name any file. Unit is the systemd unit it runs in.
	Words []string
	Unit  string
}

// Port is where a server listens.
type Port struct {
	Port      uint16
	Transport string
}

// The transports. TLS and WebSocket listen on TCP.
const (
	UDP = "udp"
	TCP = "tcp"
)

// Where a server may run, apart from simply here.
const (
	InContainer = "a container"          // other files than ours, and most often another network
	InNetwork   = "a network of its own" // the files are ours
)

// Servers lists the SIP servers of the machine whose files these are, by the
// number of their process: the known ones, also in a container's own network, and whatever else
// holds port 5060 or 5061 here. Which of a known server's ports are SIP is a
// guess that sipPorts explains; it needs the right to see other users' open
// files.
func Servers(files fs.FS) ([]Server, error) {
	processes, err := readProcesses(files)
	if err != nil {
		return nil, fmt.Errorf("find SIP servers: %w", err)
	}
	here, err := readSockets(files, "proc/net")
	if err != nil {
		return nil, fmt.Errorf("find SIP servers: %w", err)
	}
	var servers []Server
	claimed := map[uint64]bool{}
	for _, family := range families(processes) {
		first := family.members[0]
		// The process's own view: in a container it is not ours.
		sockets, err := readSockets(files, first.path("net"))
		if err != nil {
			continue // ended meanwhile
		}
		held := heldSockets(files, family.members, sockets)
		if len(held) == 0 {
			continue // a console, say
		}
		for _, s := range held {
			claimed[s.inode] = true
		}
		alien := different(files, first, "ns/user")
		words := commandLine(files, first)
		if alien || !bySystem(files, first) {
			words = nil
		}
		held = slices.DeleteFunc(held, func(s socket) bool { return s.here })
		servers = append(servers, Server{Name: family.program.name, Process: first.name, PID: first.pid,
			Ports: sipPorts(family.program, held), Open: ports(held), Apart: apart(files, first),
			Alien: alien, Words: words, Unit: unitOf(files, first)})
	}
	here = slices.DeleteFunc(here, func(s socket) bool { return claimed[s.inode] || s.here || s.at.Port != 5060 && s.at.Port != 5061 })
	servers = append(servers, strangers(files, processes, here)...)
	slices.SortFunc(servers, func(a, b Server) int { return a.PID - b.PID })
	return servers, nil
}

// apart tells whether a process sees other files or another network than we.
func apart(files fs.FS, p process) string {
	root, err := fs.Stat(files, ".")
	if other, otherErr := fs.Stat(files, p.path("root")); err == nil && otherErr == nil && !os.SameFile(root, other) {
		return InContainer
	}
	if different(files, p, "ns/net") {
		return InNetwork
	}
	return ""
}

// different tells whether a process has another namespace than we (namespaces(7)).
func different(files fs.FS, p process, namespace string) bool {
	own, err := fs.ReadLink(files, path.Join("proc/self", namespace))
	other, otherErr := fs.ReadLink(files, p.path(namespace))
	return err == nil && otherErr == nil && own != other
}

// bySystem says that root or a system's account runs the process: user numbers
// of people begin at 1000.
func bySystem(files fs.FS, p process) bool {
	const people = 1000
	text, _ := readSome(files, p.path("status"), 4<<10)
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "Uid:" {
			uid, err := strconv.Atoi(words[1])
			return err == nil && uid < people
		}
	}
	return false
}

// commandLine reads the words of a process, its name left out.
func commandLine(files fs.FS, p process) []string {
	const longest, most = 16 << 10, 256
	text, err := readSome(files, p.path("cmdline"), longest)
	if err != nil {
		return nil
	}
	words := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
	return words[1:min(len(words), most)]
}

// unitOf finds the service in a process's control group (cgroups(7)), as
// "0::/…/kamailio.service".
func unitOf(files fs.FS, p process) string {
	text, _ := readSome(files, p.path("cgroup"), 4<<10)
	for line := range strings.Lines(string(text)) {
		for part := range strings.SplitSeq(strings.TrimSpace(line), "/") {
			switch {
			case part == "user.slice": // what users start has names of their choice
				return ""
			case strings.HasSuffix(part, ".service"):
				return printable(part)
			}
		}
	}
	return ""
}

// strangers finds the owners of SIP's own ports that no known server holds.
func strangers(files fs.FS, processes []process, sockets []socket) []Server {
	var found []Server
	for _, p := range processes {
		if len(sockets) == 0 {
			break
		}
		held := heldSockets(files, []process{p}, sockets)
		if len(held) == 0 {
			continue
		}
		found = append(found, Server{Name: unknown, Process: p.name, PID: p.pid, Ports: ports(held)})
		sockets = slices.DeleteFunc(sockets, func(s socket) bool { return slices.Contains(held, s) })
	}
	if len(sockets) > 0 {
		found = append(found, Server{Name: unknown, Ports: ports(sockets)})
	}
	return found
}

// process is a running program.
type process struct {
	pid, parent int
	name        string
}

func (p process) path(file string) string { return path.Join("proc", strconv.Itoa(p.pid), file) }

func readProcesses(files fs.FS) ([]process, error) {
	entries, err := fs.ReadDir(files, "proc")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || len(found) == maxProcesses {
			continue
		}
		if p, ok := readProcess(files, pid); ok {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b process) int { return a.pid - b.pid })
	return found, nil
}

// readProcess reads proc_pid_stat(5): "pid (name) state parent …". The name may
// hold spaces and brackets, and any process may choose its own; so the name of
// the program's file is used where we may see it.
func readProcess(files fs.FS, pid int) (process, bool) {
	p := process{pid: pid}
	text, err := readSome(files, p.path("stat"), 4<<10)
	open, shut := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if err != nil || open < 0 || shut < open {
		return p, false // ended meanwhile
	}
	p.name = string(text[open+1 : shut])
	if words := strings.Fields(string(text[shut+1:])); len(words) > 1 {
		p.parent, _ = strconv.Atoi(words[1])
	}
	if target, err := fs.ReadLink(files, p.path("exe")); err == nil {
		// The kernel's mark on a program that has been upgraded under its process.
		p.name = strings.TrimSuffix(path.Base(target), " (deleted)")
	}
	p.name = printable(p.name)
	return p, true
}

// family is the processes of one server, the first of them in front.
type family struct {
	program program
	members []process
}

// families groups the known servers' processes by the one all others descend
// from: one process group of Kamailio has dozens.
func families(processes []process) []family {
	named := map[int]process{}
	for _, p := range processes {
		if known(p.name) >= 0 {
			named[p.pid] = p
		}
	}
	var found []family
	place := map[int]int{}
	for _, p := range processes {
		if _, ok := named[p.pid]; !ok {
			continue
		}
		first := p
		for range maxMembers { // parents may change while we read: no end is certain
			parent, ok := named[first.parent]
			if !ok || parent.name != p.name {
				break
			}
			first = parent
		}
		i, ok := place[first.pid]
		if !ok {
			i = len(found)
			place[first.pid] = i
			found = append(found, family{programs[known(p.name)], []process{first}})
		}
		if p != first && len(found[i].members) < maxMembers {
			found[i].members = append(found[i].members, p)
		}
	}
	return found
}

func known(name string) int {
	return slices.IndexFunc(programs, func(p program) bool { return p.name == name })
}

// heldSockets picks the sockets that any of the processes has open.
func heldSockets(files fs.FS, members []process, sockets []socket) []socket {
	if len(sockets) == 0 {
		return nil
	}
	held := map[string]bool{}
	for _, p := range members {
		dir, err := files.Open(p.path("fd"))
		if err != nil {
			continue // not ours to see, or ended
		}
		var entries []fs.DirEntry
		if d, ok := dir.(fs.ReadDirFile); ok {
			entries, err = d.ReadDir(maxHandles)
		}
		dir.Close()
		if err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		for _, e := range entries {
			if target, err := fs.ReadLink(files, path.Join(p.path("fd"), e.Name())); err == nil {
				held[target] = true
			}
		}
	}
	var found []socket
	for _, s := range sockets {
		if held["socket:["+strconv.FormatUint(s.inode, 10)+"]"] {
			found = append(found, s)
		}
	}
	return found
}

// readSome reads the beginning of one of the kernel's files.
func readSome(files fs.FS, name string, most int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// printable makes a foreign name fit to print: short, and free of anything
// that could pass for more than a name.
func printable(name string) string {
	const longest = 64
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._-@/:\\$~+", r):
			return r
		}
		return '?'
	}, name[:min(len(name), longest)])
}
