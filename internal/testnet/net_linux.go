package testnet

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// maxHosts bounds one lab: each link takes a /30 of its own from 169.254.0.0/24.
const maxHosts = 60

// Net is one lab. It belongs to the test that made it and is not safe for
// concurrent use while hosts are being added.
type Net struct {
	t      testing.TB
	router *Host
	hosts  int
}

// New makes a lab that holds only its router, and takes everything down when
// the test ends. It skips the test only where the kernel refuses to make
// network namespaces.
func New(t testing.TB) *Net {
	t.Helper()
	n := &Net{t: t}
	n.router = n.namespace("router")
	n.router.Sysctl("net/ipv4/ip_forward", "1")
	n.router.Sysctl("net/ipv6/conf/all/forwarding", "1")
	// A blackhole answers no ICMP: replies to spoofed sources just disappear.
	n.router.ip("route add blackhole default", "-6 route add blackhole default")
	return n
}

// Router is the namespace in the middle. Its end of the link to a host is
// called "to-" and the host's name.
func (n *Net) Router() *Host { return n.router }

// Add makes a host, joins it to the router and routes its addresses to it.
// "192.0.2.10/24" gives the host that one address; a prefix without host bits,
// such as "198.51.100.0/24", gives it every address in there (and the first
// one, .1, as the source it uses by itself). The name has at most 12 letters.
func (n *Net) Add(name string, addresses ...string) *Host {
	n.t.Helper()
	if n.hosts++; n.hosts > maxHosts {
		n.t.Fatalf("add host %s: more than %d hosts", name, maxHosts)
	}
	h := n.namespace(name)
	// IPv6 would otherwise bind only to addresses an interface carries.
	h.Sysctl("net/ipv6/ip_nonlocal_bind", "1")
	h.link = "to-" + name
	n.router.ip(fmt.Sprintf("link add %s type veth peer name eth0 netns %s", h.link, h.Namespace()))

	base := netip.AddrFrom4([4]byte{169, 254, 0, byte(4 * n.hosts)})
	gateway, own := base.Next(), base.Next().Next()
	h.ip("link set lo up",
		"link set eth0 up",
		fmt.Sprintf("addr add %s/30 dev eth0", own),
		"-6 addr add fe80::2/64 dev eth0 nodad")
	n.router.ip("link set "+h.link+" up",
		fmt.Sprintf("addr add %s/30 dev %s", gateway, h.link),
		"-6 addr add fe80::1/64 dev "+h.link+" nodad")

	for _, text := range addresses {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			n.t.Fatalf("add host %s: %v", name, err)
		}
		if prefix.Addr().Is4() {
			h.own(prefix, gateway, own)
		} else {
			h.own(prefix, netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::2"))
		}
	}
	return h
}

// own gives the host an address or a whole prefix, with routes in both
// directions. The gateway and link addresses are the two ends of its link.
func (h *Host) own(prefix netip.Prefix, gateway, link netip.Addr) {
	h.net.t.Helper()
	address, target := prefix.Addr(), netip.PrefixFrom(prefix.Addr(), prefix.Addr().BitLen())
	family, flags := "", ""
	if address.Is6() {
		family, flags = "-6 ", " nodad"
	}
	var commands []string
	if prefix == prefix.Masked() && !prefix.IsSingleIP() {
		// A local route makes the kernel take the whole prefix as its own,
		// which is what lets one host play a thousand.
		target, address = prefix, address.Next()
		commands = append(commands, fmt.Sprintf("%sroute add local %s dev lo", family, prefix))
	}
	// noprefixroute: neighbours of the same prefix live behind the router too.
	commands = append(commands, fmt.Sprintf("%saddr add %s/%d dev eth0 noprefixroute%s", family, address, prefix.Bits(), flags))
	if !h.has(address.Is4()) {
		commands = append(commands, fmt.Sprintf("%sroute add default via %s dev eth0 src %s", family, gateway, address))
	}
	h.addresses = append(h.addresses, address)
	h.ip(commands...)
	h.net.router.ip(fmt.Sprintf("%sroute add %s via %s dev %s", family, target, link, h.link))
}

// namespace makes a network namespace held by a file descriptor.
func (n *Net) namespace(name string) *Host {
	n.t.Helper()
	h := &Host{net: n, name: name}
	var err error
	onOwnThread(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			h.file, err = os.Open("/proc/thread-self/ns/net")
		}
	})
	if errors.Is(err, unix.EPERM) {
		n.t.Skipf("make network namespace: %v", err)
	}
	if err != nil {
		n.t.Fatalf("make network namespace: %v", err)
	}
	n.t.Cleanup(func() { h.file.Close() })
	for _, name := range []string{"all", "default"} {
		h.Sysctl("net/ipv4/conf/"+name+"/rp_filter", "0")
	}
	return h
}

// ip runs iproute2 commands in the host, all in one process.
func (h *Host) ip(commands ...string) {
	h.net.t.Helper()
	var v4, v6 []string
	for _, c := range commands {
		if rest, ok := strings.CutPrefix(c, "-6 "); ok {
			v6 = append(v6, rest)
		} else {
			v4 = append(v4, c)
		}
	}
	h.batch(v4, "-4")
	h.batch(v6, "-6")
}

func (h *Host) batch(commands []string, family string) {
	h.net.t.Helper()
	if len(commands) == 0 {
		return
	}
	c := h.Command("ip", family, "-batch", "-")
	c.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		h.net.t.Fatalf("configure %s: %v\n%s\n%s", h.name, err, strings.Join(commands, "\n"), out)
	}
}
