package process

import (
	"fmt"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
)

// Socket is one that waits for what others send.
type Socket struct {
	// Addr is unspecified when it listens on all addresses.
	Addr netip.AddrPort
	// Transport is udp or tcp.
	Transport string
}

// Listening lists the sockets of the machine whose files these are that others
// than the machine itself can reach.
func Listening(files fs.FS) ([]Socket, error) {
	all, err := readSockets(files, "proc/net")
	if err != nil {
		return nil, fmt.Errorf("list sockets: %w", err)
	}
	var found []Socket
	for _, s := range all {
		if !s.here {
			found = append(found, Socket{netip.AddrPortFrom(s.addr, s.at.Port), s.at.Transport})
		}
	}
	return found, nil
}

// User gives the number of the user whose rights a process has (proc_pid_status(5));
// false when the process is not there.
func User(files fs.FS, pid int) (uid int, ok bool) {
	text, _ := readSome(files, process{pid: pid}.path("status"), 4<<10)
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "Uid:" {
			uid, err := strconv.Atoi(words[2]) // the effective one
			return uid, err == nil
		}
	}
	return 0, false
}
