package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Server is a running SIP server.
type Server struct {
	// Name is asterisk, freeswitch, kamailio, opensips or unknown.
	Name string
	// Process is the name of the program, for an unknown server often all
	// there is to go by; empty when nobody could be found behind the port.
	Process string
	// PID is the process that started the others; 0 when not known.
	PID int
	// Ports is where it serves SIP to others than this machine itself.
	Ports []Port
}

// Port is where a server listens.
type Port struct {
	Port      uint16
	Transport Transport
}

// Transport is udp or tcp. TLS and WebSocket listen on TCP.
type Transport string

// The transports.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
)

// Bounds of what is read of /proc.
const (
	maxProcesses = 1 << 16
	maxHandles   = 1 << 16 // open files of one process
	maxMembers   = 1 << 10 // processes of one server
)

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

// Servers lists the SIP servers that listen for others, by the number of their
// process: the known ones, also in a container's own network, and whatever else
// holds port 5060 or 5061 here. Which of a known server's ports are SIP is a
// guess that sipPorts explains; it needs the right to see other users' open
// files.
func (m *Machine) Servers() ([]Server, error) {
	processes, err := readProcesses(m.files)
	if err != nil {
		return nil, fmt.Errorf("find SIP servers: %w", err)
	}
	here, err := readSockets(m.files, "proc/net")
	if err != nil {
		return nil, fmt.Errorf("find SIP servers: %w", err)
	}
	var servers []Server
	claimed := map[uint64]bool{}
	for _, family := range families(processes) {
		first := family.members[0]
		// The process's own view: in a container it is not ours.
		sockets, err := readSockets(m.files, first.path("net"))
		if err != nil {
			continue // ended meanwhile
		}
		held := heldSockets(m.files, family.members, sockets)
		for _, s := range held {
			claimed[s.inode] = true
		}
		if ports := sipPorts(family.program, held); len(ports) > 0 {
			servers = append(servers, Server{family.program.name, first.name, first.pid, ports})
		}
	}
	here = slices.DeleteFunc(here, func(s socket) bool { return claimed[s.inode] || s.at.Port != 5060 && s.at.Port != 5061 })
	servers = append(servers, strangers(m.files, processes, here)...)
	slices.SortFunc(servers, func(a, b Server) int { return a.PID - b.PID })
	return servers, nil
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
		found = append(found, Server{"unknown", p.name, p.pid, ports(held)})
		sockets = slices.DeleteFunc(sockets, func(s socket) bool { return slices.Contains(held, s) })
	}
	if len(sockets) > 0 {
		found = append(found, Server{Name: "unknown", Ports: ports(sockets)})
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
	text, err := read(files, p.path("stat"))
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
