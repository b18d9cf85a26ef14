package testnet_test

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/testnet"
)

func newLab(t *testing.T) (server, phones, attacker *testnet.Host) {
	lab := testnet.New(t)
	server = lab.Add("server", "192.0.2.10/24", "2001:db8:2::10/64")
	phones = lab.Add("phones", "203.0.113.0/24", "2001:db8:3::/64")
	attacker = lab.Add("attacker", "198.51.100.0/24", "2001:db8:51::/64")
	return server, phones, attacker
}

// receive reads one datagram within a second.
func receive(t *testing.T, c interface {
	SetReadDeadline(time.Time) error
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
}) (string, netip.AddrPort) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Second))
	buffer := make([]byte, 2048)
	n, from, err := c.ReadFromUDPAddrPort(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

func TestReachability(t *testing.T) {
	server, phones, attacker := newLab(t)
	tests := []struct {
		name          string
		from          *testnet.Host
		local, remote string
	}{
		{"first address of a whole net", phones, "203.0.113.1:5060", "192.0.2.10:5060"},
		{"any address of a whole net", phones, "203.0.113.200:5062", "192.0.2.10:5061"},
		{"another net", attacker, "198.51.100.77:9", "192.0.2.10:5062"},
		{"IPv6 inside a whole net", phones, "[2001:db8:3::abcd]:5060", "[2001:db8:2::10]:5063"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			listener := server.ListenUDP(tt.remote)
			dialer := tt.from.DialUDP(tt.local, tt.remote)
			if _, err := dialer.Write([]byte("ping")); err != nil {
				t.Fatal(err)
			}
			text, from := receive(t, listener)
			if text != "ping" || from.String() != tt.local {
				t.Errorf("received %q from %v, want ping from %v", text, from, tt.local)
			}
			if _, err := listener.WriteToUDPAddrPort([]byte("pong"), from); err != nil {
				t.Fatal(err)
			}
			if text, _ = receive(t, dialer); text != "pong" {
				t.Errorf("answered %q, want pong", text)
			}
		})
	}
}

func TestSpoof(t *testing.T) {
	server, _, attacker := newLab(t)
	for _, tt := range []struct{ from, to string }{
		{"203.0.113.5:1111", "192.0.2.10:5060"}, // somebody else's address
		{"8.8.8.8:53", "192.0.2.10:5060"},       // an address without a route
		{"[2001:db8:9::1]:7", "[2001:db8:2::10]:5060"},
	} {
		listener := server.ListenUDP(tt.to)
		attacker.Spoof(netip.MustParseAddrPort(tt.from), netip.MustParseAddrPort(tt.to), []byte("odd"))
		text, from := receive(t, listener)
		if text != "odd" || from.String() != tt.from {
			t.Errorf("received %q from %v, want odd from %v", text, from, tt.from)
		}
		listener.Close()
	}
}

// TestSegment: a kernel answers a hand-made SYN, and refuses one with a wrong
// checksum.
func TestSegment(t *testing.T) {
	server, _, attacker := newLab(t)
	for _, tt := range []struct {
		name, from, to string
		spoil          byte
		payload        string
		counter        string // of /proc/net/snmp, which grows
	}{
		{"bad: wrong checksum", "198.51.100.9:4000", "192.0.2.10:5060", 1, "", "InCsumErrors"},
		{"bad: wrong checksum, IPv6", "[2001:db8:51::9]:4002", "[2001:db8:2::10]:5060", 1, "odd", "InCsumErrors"},
		{"IPv4", "198.51.100.9:4001", "192.0.2.10:5060", 0, "", "OutSegs"},
		{"IPv6", "[2001:db8:51::9]:4002", "[2001:db8:2::10]:5060", 0, "", "OutSegs"},
		{"somebody else's, with a payload", "203.0.113.99:4003", "192.0.2.10:5060", 0, "odd", "OutSegs"},
	} {
		listener := server.ListenTCP(tt.to)
		before := tcpCounter(t, server, tt.counter)
		s := testnet.Segment{From: netip.MustParseAddrPort(tt.from), To: netip.MustParseAddrPort(tt.to),
			Seq: 7, Flags: testnet.SYN, Payload: []byte(tt.payload)}
		packet := s.IP()
		packet[len(packet)-len(tt.payload)-6] ^= tt.spoil // of the window
		attacker.SendIP(packet)
		deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
		for tcpCounter(t, server, tt.counter) == before {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%s: %s stays at %d", tt.name, tt.counter, before)
			}
		}
		tick.Stop()
		listener.Close()
	}
}

// tcpCounter reads one of a host's counters of TCP, which both versions of IP
// share.
func tcpCounter(t *testing.T, h *testnet.Host, name string) int {
	t.Helper()
	var names []string
	for line := range strings.Lines(h.Exec("cat", "/proc/net/snmp")) {
		words := strings.Fields(line)
		if words[0] != "Tcp:" {
			continue
		}
		if names == nil {
			names = words
			continue
		}
		value, err := strconv.Atoi(words[slices.Index(names, name)])
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	t.Fatalf("no counter %s", name)
	return 0
}

func TestTCP(t *testing.T) {
	server, phones, _ := newLab(t)
	listener := server.ListenTCP("192.0.2.10:5060")
	client := phones.DialTCP("203.0.113.9:4000", "192.0.2.10:5060")
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if got := accepted.RemoteAddr().String(); got != client.LocalAddr().String() || got != "203.0.113.9:4000" {
		t.Errorf("accepted from %s", got)
	}
}

func TestNamespacesAreApart(t *testing.T) {
	server, phones, _ := newLab(t)
	outside, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	inside := func(h *testnet.Host) (link string) {
		h.Run(func() { link, err = os.Readlink("/proc/thread-self/ns/net") })
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	a, b := inside(server), inside(phones)
	if a == outside || b == outside || a == b {
		t.Errorf("namespaces %s, %s, outside %s: want three different ones", a, b, outside)
	}
	if got := strings.TrimSpace(server.Exec("readlink", "/proc/self/ns/net")); got != a {
		t.Errorf("Exec ran in %s, want %s", got, a)
	}
	if server.Index("eth0") == 0 || server.Addr().String() != "192.0.2.10" || phones.Addr().String() != "203.0.113.1" {
		t.Errorf("index %d, addresses %v and %v", server.Index("eth0"), server.Addr(), phones.Addr())
	}
}
