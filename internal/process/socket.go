package process

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// socket is a line of the kernel's tables.
type socket struct {
	at    Port
	addr  netip.Addr
	inode uint64
	open  bool // waits for packets that anybody may send
	here  bool // bound to loopback: only this machine can reach it
}

// States of proc_net_tcp, which UDP borrows: a UDP socket that is connected to
// nobody is "closed".
const (
	tcpListening   = "0A"
	udpUnconnected = "07"
)

// maxSockets bounds the lines read of one of the kernel's tables.
const maxSockets = 1 << 17

// readSockets reads the kernel's tables of a network namespace below dir.
func readSockets(files fs.FS, dir string) ([]socket, error) {
	var found []socket
	for _, table := range []struct {
		name      string
		transport string
	}{{"udp", UDP}, {"udp6", UDP}, {"tcp", TCP}, {"tcp6", TCP}} {
		err := readTable(files, path.Join(dir, table.name), func(line string) bool {
			s, ok := readSocket(line, table.transport)
			if ok && s.open {
				found = append(found, s)
			}
			// The kernel lists all listening TCP sockets first; behind them may
			// come a hundred thousand connections.
			return !ok || s.open || table.transport == UDP
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // no IPv6, perhaps
			return nil, err
		}
	}
	return found, nil
}

// readTable shows the lines of a table, without its title, until show has
// enough.
func readTable(files fs.FS, name string, show func(line string) bool) error {
	f, err := files.Open(name)
	if err != nil {
		return fmt.Errorf("read sockets: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan()
	for n := 0; n < maxSockets && lines.Scan() && show(lines.Text()); n++ {
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read sockets: %w", err)
	}
	return nil
}

// readSocket reads a line such as
//
//	5: 00000000:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000 108 0 20764 …
func readSocket(line string, transport string) (socket, bool) {
	words := strings.Fields(line)
	if len(words) < 10 {
		return socket{}, false
	}
	inode, err := strconv.ParseUint(words[9], 10, 64)
	local, ok := hexAddress(words[1])
	if err != nil || !ok {
		return socket{}, false
	}
	waiting := tcpListening
	if transport == UDP {
		waiting = udpUnconnected
	}
	return socket{
		at:    Port{local.Port(), transport},
		addr:  local.Addr(),
		inode: inode,
		open:  words[3] == waiting,
		here:  local.Addr().Unmap().IsLoopback(),
	}, true
}

// hexAddress reads an address as the kernel prints it: as numbers of 32 bits,
// each in the machine's own byte order.
func hexAddress(text string) (netip.AddrPort, bool) {
	address, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(address)
	number, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(b, 4) {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a, uint16(number)), ok
}

// Ports and their uses.
const (
	firstSIP, lastSIP = 5060, 5099 // where SIP is by custom
	firstMedia        = 10000      // Asterisk's and FreeSWITCH's speech begins here or above
	firstEphemeral    = 32768      // the kernel gives these to clients
)

// otherUDP are ports on which a SIP server speaks something else.
var otherUDP = []uint16{
	53, 67, 68, 69, 123, 161, 162, 514, // DNS, DHCP, TFTP, NTP, SNMP, syslog
	1719, 1720, 2000, 2427, 2727, 4520, 4569, 5000, // H.323, Skinny, MGCP, DUNDi, IAX2, UNISTIM
	1812, 1813, 1900, 3478, 3479, 5353, 9060, // RADIUS, SSDP, STUN, mDNS, HEP
}

// sipPorts picks the ports on which a server speaks SIP; nothing in the kernel
// tells them from others. The rules, from sure to less so:
//
//   - 5060 to 5099 are;
//   - ports known for other protocols are not;
//   - what is open for UDP and TCP alike is: speech is UDP only;
//   - UDP below 10000 is, unless it has a neighbour as speech and its report
//     have (an even port and the next, RFC 3550 section 11). A server without
//     speech of its own needs no such care and may go up to 32767;
//   - of TCP, the port next above a UDP one is, for TLS.
//
// A server that speaks SIP elsewhere, and on TCP only, is missed; settings can
// name its port.
func sipPorts(p program, held []socket) []Port {
	open := ports(held)
	has := func(port uint16, t string) bool { return slices.Contains(open, Port{port, t}) }
	udp := func(port uint16) bool {
		switch {
		case !has(port, UDP) || slices.Contains(otherUDP, port):
			return false
		case firstSIP <= port && port <= lastSIP, has(port, TCP):
			return true
		case !p.media:
			return port < firstEphemeral
		}
		return port < firstMedia && !has(port^1, UDP)
	}
	return slices.DeleteFunc(open, func(o Port) bool {
		if o.Transport == UDP {
			return !udp(o.Port)
		}
		return (o.Port < firstSIP || o.Port > lastSIP) && !udp(o.Port) && !udp(o.Port-1)
	})
}

// ports lists the ports of sockets, each once, in order.
func ports(sockets []socket) []Port {
	var found []Port
	for _, s := range sockets {
		found = append(found, s.at)
	}
	slices.SortFunc(found, byPort)
	return slices.Compact(found)
}

// byPort sorts by number, and UDP first.
func byPort(a, b Port) int {
	if a.Port != b.Port {
		return int(a.Port) - int(b.Port)
	}
	return -strings.Compare(a.Transport, b.Transport)
}
