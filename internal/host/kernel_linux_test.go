package host

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sipward/sipward/internal/plant"
	"github.com/sipward/sipward/internal/testnet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// longWait is how long a test waits for what the kernel does at once on an
// idle machine.
const longWait = 10 * time.Second

// openIn opens a machine inside a namespace.
func openIn(t *testing.T, h *testnet.Host, root string) *Machine {
	t.Helper()
	var m *Machine
	h.Run(func() {
		var err error
		m, err = Open(Options{Root: root})
		must(t, err)
	})
	t.Cleanup(m.Close)
	return m
}

// reasons lists who the machine would never block and why, by address.
func reasons(t *testing.T, m *Machine) map[string]string {
	t.Helper()
	posts, err := m.Posts(noon)
	must(t, err)
	found := map[string]string{}
	for _, p := range posts {
		if !p.Prefix.IsSingleIP() {
			t.Errorf("post %v is wider than a host", p.Prefix)
		}
		found[p.Prefix.Addr().String()] = p.Reason
	}
	return found
}

func TestKernelPosts(t *testing.T) {
	server := testnet.New(t).Add("server", "192.0.2.10/24", "2001:db8:2::10/64")
	server.Exec("sh", "-c", `set -e
		ip addr add 192.0.2.11/32 dev lo
		ip addr add 10.0.0.1/24 dev eth0
		ip route add local 198.51.100.7 dev lo
		ip route add local 198.51.100.64/26 dev lo
		ip route add 203.0.113.0/24 via 10.0.0.99
		ip route add blackhole default metric 999
		ip route add default via 10.0.0.2 table 100
		ip route add default table 101 nexthop via 10.0.0.3 dev eth0 nexthop via 10.0.0.4 dev eth0
		ip route add 0.0.0.0/1 via 10.0.0.5
		ip route add 128.0.0.0/1 via inet6 fe80::6 dev eth0
		ip -6 route add ::/0 via fe80::7 dev eth0 metric 2000
		ip -6 route add default table 102 nexthop via fe80::8 dev eth0 nexthop via fe80::9 dev eth0`)
	got := reasons(t, openIn(t, server, t.TempDir()))
	lo, eth0, gateway := "an address of this machine (lo)", "an address of this machine (eth0)", "the default gateway"
	want := map[string]string{
		"127.0.0.1": lo, "::1": lo, "192.0.2.11": lo,
		"192.0.2.10": eth0, "2001:db8:2::10": eth0, "10.0.0.1": eth0, "169.254.0.6": eth0, "fe80::2": eth0,
		"198.51.100.7": "an address of this machine",
		"169.254.0.5":  gateway, "fe80::1": gateway, // testnet's own
		"10.0.0.2": gateway, "10.0.0.3": gateway, "10.0.0.4": gateway, "10.0.0.5": gateway,
		"fe80::6": gateway, "fe80::7": gateway, "fe80::8": gateway, "fe80::9": gateway,
	}
	for a := range got { // the kernel's own choice, from the hardware address
		if strings.HasPrefix(a, "fe80::") && strings.Contains(a, "ff:fe") && got[a] == eth0 {
			delete(got, a)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAddresses(t *testing.T) {
	server := testnet.New(t).Add("server", "192.0.2.10/24", "2001:db8:2::10/64")
	m := openIn(t, server, "")
	own, err := m.Addresses()
	must(t, err)
	for a, want := range map[string]bool{
		"192.0.2.10": true, "2001:db8:2::10": true, "127.0.0.1": true, "::1": true,
		"192.0.2.1": false, "169.254.0.5": false, "0.0.0.0": false,
	} {
		if own[netip.MustParseAddr(a)] != want {
			t.Errorf("%s is ours: got %v", a, !want)
		}
	}
}

// awaits waits for a token after which done holds, and tells how long it took.
func awaits(t *testing.T, tokens <-chan struct{}, done func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	deadline := time.After(longWait)
	for {
		select {
		case _, open := <-tokens:
			if !open {
				t.Fatal("watch ended")
			}
			if done() {
				return time.Since(begin)
			}
		case <-deadline:
			t.Fatal("no token")
		}
	}
}

func watch(t *testing.T, h *testnet.Host, m *Machine) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var tokens <-chan struct{}
	h.Run(func() {
		var err error
		tokens, err = m.Watch(ctx)
		must(t, err)
	})
	t.Cleanup(func() {
		cancel()
		for range tokens { // closed once the watch has ended
		}
	})
	return tokens
}

func TestWatchKernel(t *testing.T) {
	server := testnet.New(t).Add("server", "192.0.2.10/24", "2001:db8:2::10/64")
	m := openIn(t, server, t.TempDir())
	tokens := watch(t, server, m)
	for _, c := range []struct{ command, address, reason string }{
		{"ip route replace default via 192.0.2.77 dev eth0 onlink table 100", "192.0.2.77", "the default gateway"},
		{"ip route del default table 100", "192.0.2.77", ""},
		{"ip -6 route add default via fe80::77 dev eth0 metric 5", "fe80::77", "the default gateway"},
		{"ip -6 route del default via fe80::77 dev eth0 metric 5", "fe80::77", ""},
		{"ip addr add 198.51.100.1/32 dev eth0", "198.51.100.1", "an address of this machine (eth0)"},
		{"ip addr del 198.51.100.1/32 dev eth0", "198.51.100.1", ""},
		{"ip link set eth0 down", "169.254.0.5", ""},
	} {
		server.Exec("sh", "-c", c.command)
		took := awaits(t, tokens, func() bool { return reasons(t, m)[c.address] == c.reason })
		t.Logf("%s: known after %v", c.command, took.Round(time.Millisecond))
		if took > time.Second {
			t.Errorf("%s: known only after %v", c.command, took)
		}
	}
}

func TestConcerns(t *testing.T) {
	route := func(length, kind uint8) []byte {
		return []byte{unix.AF_INET, length, 0, 0, unix.RT_TABLE_MAIN, 0, 0, kind, 0, 0, 0, 0}
	}
	for _, c := range []struct {
		name    string
		message uint16
		data    []byte
		want    bool
	}{
		{"cut", unix.RTM_NEWROUTE, route(0, unix.RTN_UNICAST)[:7], false},
		{"to somewhere", unix.RTM_NEWROUTE, route(24, unix.RTN_UNICAST), false},
		{"to a quarter of everywhere", unix.RTM_DELROUTE, route(2, unix.RTN_UNICAST), false},
		{"to a host", unix.RTM_DELROUTE, route(32, unix.RTN_BROADCAST), false},
		{"to everywhere", unix.RTM_NEWROUTE, route(0, unix.RTN_UNICAST), true},
		{"to half of everywhere", unix.RTM_DELROUTE, route(1, unix.RTN_UNICAST), true},
		{"to ourselves", unix.RTM_NEWROUTE, route(32, unix.RTN_LOCAL), true},
		{"a link", unix.RTM_NEWLINK, nil, true},
		{"an address", unix.RTM_DELADDR, nil, true},
	} {
		message := syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: c.message}, Data: c.data}
		if got := concerns(message); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

// TestConsistent: an answer that changed while it was given is asked for again,
// but not forever, and any other failure is one.
func TestConsistent(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		answers []error // the last one again and again
		asked   int
		want    error
	}{
		{[]error{broken}, 1, broken},
		{[]error{netlink.ErrDumpInterrupted, broken}, 2, broken},
		{[]error{netlink.ErrDumpInterrupted}, repeats, nil},
		{[]error{netlink.ErrDumpInterrupted, netlink.ErrDumpInterrupted, nil}, 3, nil},
		{[]error{nil}, 1, nil},
	} {
		asked := 0
		err := consistent(func() error {
			asked++
			return c.answers[min(asked, len(c.answers))-1]
		})
		if asked != c.asked || !errors.Is(err, c.want) {
			t.Errorf("%v: asked %d times, %v", c.answers, asked, err)
		}
	}
}

// TestWatchIgnores: routes to elsewhere come and go on some machines all day.
func TestWatchIgnores(t *testing.T) {
	server := testnet.New(t).Add("server", "192.0.2.10/24")
	m := openIn(t, server, t.TempDir())
	tokens := watch(t, server, m)
	server.Exec("sh", "-c", "for i in 1 2 3 4 5; do ip route add 198.51.100.$i via 169.254.0.5; done")
	select {
	case <-tokens:
		t.Error("a token for routes to elsewhere")
	case <-time.After(3 * settle):
	}
	server.Exec("ip", "addr", "add", "198.51.100.1/32", "dev", "eth0")
	awaits(t, tokens, func() bool { return true }) // it was listening all the time
}

func TestWatchFiles(t *testing.T) {
	server := testnet.New(t).Add("server", "192.0.2.10/24")
	root := t.TempDir()
	m := openIn(t, server, root)
	tokens := watch(t, server, m)
	session := "CLASS=user\nUSER=alice\nREMOTE_HOST=203.0.113.9\n"
	for _, c := range []struct{ name, text, address, reason string }{
		{"etc/resolv.conf", "nameserver 192.0.2.53\n", "192.0.2.53", "a DNS resolver (/etc/resolv.conf)"},
		{"etc/resolv.conf", "nameserver 192.0.2.54\n", "192.0.2.53", ""},
		{"run/systemd/sessions/1", session, "203.0.113.9", "your ssh session (alice)"},
		{"run/utmp", string(record(nativeUtmp(), userProcess, "bob", "pts/1", "203.0.113.10", netip.Addr{})), "203.0.113.10", "your ssh session (bob, pts/1)"},
	} {
		plant.File(t, root, c.name, c.text)
		took := awaits(t, tokens, func() bool { return reasons(t, m)[c.address] == c.reason })
		if took > 2*look {
			t.Errorf("%s: known only after %v", c.name, took)
		}
	}
	must(t, os.Remove(root+"/run/systemd/sessions/1"))
	awaits(t, tokens, func() bool { return reasons(t, m)["203.0.113.9"] != "" }) // remembered
}

func TestWatchEnds(t *testing.T) {
	server := testnet.New(t).Add("server", "192.0.2.10/24")
	m := openIn(t, server, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	tokens, err := m.Watch(ctx)
	must(t, err)
	cancel()
	select {
	case _, open := <-tokens:
		if open {
			t.Error("a token of nothing")
		}
	case <-time.After(longWait):
		t.Error("the watch goes on")
	}
}

// TestSeenOnce: on the interfaces that are chosen, every packet from elsewhere
// is seen, and none twice.
func TestSeenOnce(t *testing.T) {
	for _, c := range []struct{ name, setup, want string }{
		{"plain", "true", "eth0"},
		{"bridge", `ip link add br0 type bridge && ip link set br0 up
			ip addr flush dev eth0 && ip link set eth0 master br0
			ip addr add 192.0.2.10/32 dev br0 && ip addr add 169.254.0.6/30 dev br0
			ip route add default via 169.254.0.5`, "br0"},
		{"containers", `ip link add docker0 type bridge && ip link set docker0 up && ip addr add 172.17.0.1/16 dev docker0
			ip link add in type veth peer out && ip link set out master docker0 && ip link set out up && ip link set in up`, "eth0"},
		{"macvlan", `ip link add link eth0 name mac0 type macvlan && ip link set mac0 up && ip addr add 192.0.2.10/32 dev mac0`, "eth0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lab := testnet.New(t)
			server := lab.Add("server", "192.0.2.10/24")
			phone := lab.Add("phone", "203.0.113.9/24")
			server.Exec("sh", "-ec", c.setup)
			m := openIn(t, server, "")
			chosen, err := m.Interfaces()
			must(t, err)
			var names []string
			for _, i := range chosen {
				names = append(names, i.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Fatalf("chosen: %s, want %s", got, c.want)
			}
			taps := tap(t, server, chosen)
			receiver := server.ListenUDP("192.0.2.10:5060")
			sender := phone.DialUDP("", "192.0.2.10:5060")
			const packets = 20
			for range packets {
				_, err := sender.Write([]byte("OPTIONS"))
				must(t, err)
				must(t, receiver.SetReadDeadline(time.Now().Add(longWait)))
				_, _, err = receiver.ReadFrom(make([]byte, 64))
				must(t, err)
			}
			// A tap sees a packet before its receiver does.
			if seen := count(taps, net.ParseIP("203.0.113.9").To4()); seen != packets {
				t.Errorf("%d packets are seen %d times", packets, seen)
			}
		})
	}
}

// tap opens a packet socket on each interface.
func tap(t *testing.T, h *testnet.Host, interfaces []Interface) []int {
	t.Helper()
	var taps []int
	h.Run(func() {
		for _, i := range interfaces {
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			must(t, err)
			t.Cleanup(func() { unix.Close(fd) })
			const everything = unix.ETH_P_ALL << 8 // in network order, on a little-endian machine
			must(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: i.Index}))
			taps = append(taps, fd)
		}
	})
	return taps
}

// count counts the IPv4 datagrams from an address that the taps hold.
func count(taps []int, from []byte) int {
	seen := 0
	buffer := make([]byte, 2048)
	for _, fd := range taps {
		for {
			n, _, err := unix.Recvfrom(fd, buffer, 0)
			if err != nil {
				break
			}
			if n > 20 && buffer[0]>>4 == 4 && buffer[9] == unix.IPPROTO_UDP && slices.Equal(buffer[12:16], from) {
				seen++
			}
		}
	}
	return seen
}

func TestNamed(t *testing.T) {
	server := testnet.New(t).Add("server", "192.0.2.10/24")
	server.Exec("ip", "link", "property", "add", "dev", "eth0", "altname", "the-wide-world")
	m := openIn(t, server, "")
	found, missing, err := m.Named([]string{"eth7", "the-wide-world", "lo"})
	must(t, err)
	if !slices.Equal(missing, []string{"eth7"}) {
		t.Errorf("missing: %v", missing)
	}
	want := []Interface{{server.Index("eth0"), "eth0", "veth", true}, {server.Index("lo"), "lo", "device", true}}
	if !slices.Equal(found, want) {
		t.Errorf("got %v, want %v", found, want)
	}
}
