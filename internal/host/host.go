// Package host knows the machine it runs on: who must never be blocked here and
// which interfaces attacks come in by. It reads files and asks the kernel; it
// runs no program and changes nothing.
//
// Everything it reads was written by somebody else, and some of it by
// strangers. So only literal addresses count, one address at a time, and every
// file and list has a bound. What a source says is believed as far as its
// writer is trusted anyway: root's settings, the DHCP server this machine
// obeys, and the login services, which name a peer only after it has proved
// who it is. Connections are not asked: anyone can open one.
package host

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// Post is somebody who must never be blocked.
type Post struct {
	// Prefix is always a single address.
	Prefix netip.Prefix
	// Reason says who it is in a user's words, to follow "it is".
	Reason string
}

// Options says where to look.
type Options struct {
	// Root is the folder that stands for /; empty means the real one. The
	// kernel is asked about the machine itself, whatever the root.
	Root string
	// SSHConnection is the value of the environment variable of that name: who
	// started us is somebody to keep. It may be empty.
	SSHConnection string
}

// Machine is the machine we run on, in the network namespace it was opened in.
// It is safe for concurrent use.
type Machine struct {
	root   string
	files  fs.FS
	kernel network

	mu       sync.Mutex
	starter  netip.Addr // who started us, until told once; then invalid
	sessions sessions
	own      []claim // the kernel's last good answers
	gateways []claim
}

// network is what the kernel knows. Its user asks one question at a time.
type network interface {
	// addresses gives this machine's own addresses and its default gateways.
	addresses() (own, gateways []claim, err error)
	// links lists the interfaces with their addresses.
	links() ([]link, error)
	// interfaces is links, with those marked that a default route leaves by.
	interfaces() ([]link, error)
	close()
}

// claim is an address and why it matters.
type claim struct {
	address netip.Addr
	reason  string
}

// Open prepares to look at the machine.
func Open(o Options) (*Machine, error) {
	if o.Root == "" {
		o.Root = "/"
	}
	k, err := openKernel()
	if err != nil {
		return nil, fmt.Errorf("open kernel's network settings: %w", err)
	}
	return &Machine{
		root:     o.Root,
		files:    os.DirFS(o.Root),
		kernel:   k,
		starter:  sshPeer(o.SSHConnection),
		sessions: sessions{},
	}, nil
}

// Close lets go of the kernel. A running Watch is ended by its context, not by
// Close.
func (m *Machine) Close() { m.kernel.close() }

// Posts lists who must never be blocked: this machine's own addresses, the
// default gateways of all routing tables, resolvers, time and DHCP servers,
// and the peers of login sessions up to 24 hours after they were last seen.
// An address with several roles is one post that names them all.
//
// On an error the posts are still good to use: what the kernel could not say
// this time stands as it said it last, what a file could not say is missing.
func (m *Machine) Posts(now time.Time) ([]Post, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kernelErr := m.askKernel()
	live, sessionErr := liveSessions(m.files)
	if m.starter.IsValid() {
		live = append(live, claim{m.starter, "your ssh session"})
		m.starter = netip.Addr{}
	}
	m.sessions.see(live, now)
	served, serviceErr := readServices(m.files)

	var l list
	l.add(m.own)
	l.add(m.gateways)
	l.add(m.sessions.claims())
	l.add(served)
	return l.posts, errors.Join(kernelErr, sessionErr, serviceErr)
}

// Addresses gives all addresses of this machine, loopback's among them.
func (m *Machine) Addresses() (map[netip.Addr]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.askKernel()
	own := make(map[netip.Addr]bool, len(m.own))
	for _, c := range m.own {
		own[c.address] = true
	}
	return own, err
}

// askKernel renews what the kernel knows.
func (m *Machine) askKernel() error {
	own, gateways, err := m.kernel.addresses()
	if err != nil {
		return fmt.Errorf("read addresses and routes: %w", err)
	}
	m.own, m.gateways = own, gateways
	return nil
}

// list collects posts, one for each address.
type list struct {
	posts []Post
	index map[netip.Addr]int
}

func (l *list) add(claims []claim) {
	if l.index == nil {
		l.index = map[netip.Addr]int{}
	}
	for _, c := range claims {
		i, known := l.index[c.address]
		if !known {
			l.index[c.address] = len(l.posts)
			l.posts = append(l.posts, Post{netip.PrefixFrom(c.address, c.address.BitLen()), c.reason})
		} else if !strings.Contains(l.posts[i].Reason, c.reason) {
			l.posts[i].Reason += " and " + c.reason
		}
	}
}

// literal reads one address as settings write it: perhaps with a port, a zone
// or, for a resolver, a "#" and its name. It refuses names, and addresses that
// cannot be one machine somewhere else: loopback and 0.0.0.0, multicast,
// broadcast and what is reserved (RFC 6890). A zone is left out, since packets
// carry none.
func literal(text string) (netip.Addr, bool) {
	for i := range len(text) {
		if text[i] == '#' {
			text = text[:i]
			break
		}
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		address = withPort.Addr()
	}
	address = address.Unmap().WithZone("")
	return address, elsewhere(address)
}

// elsewhere tells whether the address can be that of one other machine.
func elsewhere(a netip.Addr) bool {
	if !a.IsValid() || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() {
		return false
	}
	return !a.Is4() || (a.As4()[0] != 0 && a.As4()[0] < 240)
}

// tell leaves a token unless one lies there.
func tell(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
