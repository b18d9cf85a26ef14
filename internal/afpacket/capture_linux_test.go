package afpacket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/testnet"
)

// newLab is a server and a net of phones behind a router.
func newLab(t *testing.T) (lab *testnet.Net, server, phones *testnet.Host) {
	t.Helper()
	lab = testnet.New(t)
	server = lab.Add("server", "192.0.2.10/24", "2001:db8:2::10/64")
	phones = lab.Add("phones", "203.0.113.0/24", "2001:db8:3::/48")
	return lab, server, phones
}

// send writes one datagram.
func send(t *testing.T, c *net.UDPConn, payload string) {
	t.Helper()
	if _, err := c.Write([]byte(payload)); err != nil {
		t.Fatal(err)
	}
}

// exchange sends a datagram to a listening socket and answers it.
func exchange(t *testing.T, from, to *net.UDPConn, request, reply string) {
	t.Helper()
	send(t, from, request)
	buffer := make([]byte, 1<<16)
	to.SetReadDeadline(time.Now().Add(patience))
	_, source, err := to.ReadFromUDPAddrPort(buffer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.WriteToUDPAddrPort([]byte(reply), source); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	ports := []uint16{5060}
	for name, config := range map[string]Config{
		"no port":             {},
		"too many lanes":      {UDP: ports, Lanes: maxLanes + 1},
		"too many frames":     {UDP: ports, Frames: maxFrames + 1},
		"too many together":   {UDP: ports, Frames: maxFrames/8 + 1, Lanes: 8},
		"too many ports":      {UDP: make([]uint16, maxPorts+1)},
		"too many interfaces": {UDP: ports, Interfaces: make([]int, maxInterfaces+1)},
	} {
		if c, err := Open(config); err == nil {
			c.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

func TestDefaultsAreBounded(t *testing.T) {
	for _, lanes := range []int{-1, 0, 1, 2, 8, 9, maxLanes} {
		c, err := Config{UDP: []uint16{5060}, Lanes: lanes}.withDefaults()
		if err != nil || c.Lanes != max(lanes, 1) || c.Frames < framesPerBlock || c.Lanes*c.Frames > maxFrames {
			t.Errorf("%d lanes: %d lanes of %d frames, %v", lanes, c.Lanes, c.Frames, err)
		}
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	host := testnet.New(t).Router()
	host.Run(func() { // on a thread that ends with its lost capabilities
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			t.Fatal(err)
		}
		c, err := Open(Config{UDP: []uint16{5060}})
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
			t.Errorf("error %v, want EPERM and the missing capability", err)
		}
	})
}

func TestBothDirections(t *testing.T) {
	_, server, phones := newLab(t)
	for _, tt := range []struct{ name, local, remote, other string }{
		{"IPv4", "203.0.113.7:5071", "192.0.2.10:5060", "192.0.2.10:5070"},
		{"IPv6", "[2001:db8:3::7]:5071", "[2001:db8:2::10]:5060", "[2001:db8:2::10]:5070"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			listener, other := server.ListenUDP(tt.remote), server.ListenUDP(tt.other)
			c := openIn(t, server, Config{UDP: []uint16{5060}})
			exchange(t, phones.DialUDP("", tt.other), other, "unwanted", "unwanted")
			before := time.Now()
			exchange(t, phones.DialUDP(tt.local, tt.remote), listener, "request", "reply")
			got := collect(t, c, 2)

			if want := []string{"request", "reply"}; !slices.Equal(payloads(got), want) {
				t.Fatalf("captured %q, want %q", payloads(got), want)
			}
			header := 14 + 20 + 8
			if tt.name == "IPv6" {
				header += 20
			}
			for i, f := range got {
				source, dest := tt.local, tt.remote
				if f.outgoing {
					source, dest = dest, source
				}
				if f.outgoing != (i == 1) || f.source.String() != source || f.dest.String() != dest {
					t.Errorf("frame %d: %+v", i, f)
				}
				if f.link != LinkEthernet || f.iface != server.Index("eth0") || f.length != header+len(f.payload) || f.truncated {
					t.Errorf("frame %d: %+v", i, f)
				}
				if f.time.Before(before.Add(-time.Millisecond)) || f.time.After(time.Now().Add(time.Millisecond)) {
					t.Errorf("frame %d: time %v is not in the exchange that began %v", i, f.time, before)
				}
			}
		})
	}
}

func TestTCP(t *testing.T) {
	_, server, phones := newLab(t)
	listener := server.ListenTCP("192.0.2.10:5060")
	server.ListenTCP("192.0.2.10:5061")
	c := openIn(t, server, Config{TCP: []uint16{5060}})
	phones.DialTCP("203.0.113.7:4001", "192.0.2.10:5061").Close()
	phones.DialTCP("203.0.113.7:4000", "192.0.2.10:5060")
	if _, err := listener.Accept(); err != nil {
		t.Fatal(err)
	}
	got := collect(t, c, 3)
	for i, f := range got {
		if f.outgoing != (i == 1) || f.source.Port()+f.dest.Port() != 9060 {
			t.Errorf("frame %d of the handshake: %+v", i, f)
		}
	}
}

func TestFragments(t *testing.T) {
	_, server, phones := newLab(t)
	for _, tt := range []struct{ name, local, remote string }{
		{"IPv4", "203.0.113.7:5071", "192.0.2.10:5060"},
		{"IPv6", "[2001:db8:3::7]:5071", "[2001:db8:2::10]:5060"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			listener := server.ListenUDP(tt.remote)
			c := openIn(t, server, Config{UDP: []uint16{5060}, Lanes: 4})
			big := strings.Repeat("x", 4000) // three fragments at 1500 bytes
			exchange(t, phones.DialUDP(tt.local, tt.remote), listener, big, big)
			got := collect(t, c, 6)
			incoming := 0
			for _, f := range got {
				if !f.fragment || f.lane != got[0].lane {
					t.Errorf("not a fragment, or not on lane %d: %+v", got[0].lane, f)
				}
				if !f.outgoing {
					incoming++
				}
			}
			if len(got) != 6 || incoming != 3 {
				t.Errorf("captured %d frames, %d incoming, want 6 and 3", len(got), incoming)
			}
		})
	}
}

func TestLoopbackOnce(t *testing.T) {
	_, server, _ := newLab(t)
	for _, tt := range []struct{ name, local, remote string }{
		{"loopback address", "127.0.0.2:5071", "127.0.0.1:5060"},
		{"own address", "192.0.2.10:5071", "192.0.2.10:5060"},
		{"IPv6", "[::1]:5071", "[::1]:5060"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			listener := server.ListenUDP(tt.remote)
			c := openIn(t, server, Config{UDP: []uint16{5060}, Lanes: 4})
			exchange(t, server.DialUDP(tt.local, tt.remote), listener, "request", "reply")
			got := collect(t, c, 2)
			if want := []string{"request", "reply"}; !slices.Equal(payloads(got), want) {
				t.Errorf("captured %q, want %q", payloads(got), want)
			}
			for _, f := range got {
				if f.outgoing || f.lane != 0 || f.link != LinkEthernet {
					t.Errorf("frame %+v: want it incoming, on lane 0", f)
				}
			}
		})
	}
}

func TestFramesLargerThanASlot(t *testing.T) {
	_, server, _ := newLab(t)
	server.ListenUDP("127.0.0.1:5060")
	conn := server.DialUDP("127.0.0.1:5071", "127.0.0.1:5060")
	c := openIn(t, server, Config{UDP: []uint16{5060}})
	for _, size := range []int{1900, 1950, 2100, 9000, 60000} {
		want := fmt.Sprintf("%05d", size) + strings.Repeat("x", size-10) + "+ end"
		send(t, conn, "small")
		send(t, conn, want)
		got := collect(t, c, 2)
		if len(got) != 2 || got[0].payload != "small" || got[1].payload != want || got[1].truncated {
			t.Errorf("size %d: captured %d frames, second of %d bytes", size, len(got), got[1].length)
		}
	}

	// More than the queue for large frames holds: the rest is cut, and says so.
	const count, size = 250, 60000
	for i := range count {
		send(t, conn, fmt.Sprintf("%05d", i)+strings.Repeat("x", size-5))
	}
	whole, cut := 0, 0
	for i, f := range collect(t, c, count) {
		if f.length != 14+20+8+size || !strings.HasPrefix(f.payload, fmt.Sprintf("%05d", i)) {
			t.Fatalf("frame %d: length %d, begins %.5q", i, f.length, f.payload)
		}
		switch {
		case !f.truncated && len(f.payload) == size:
			whole++
		case f.truncated && len(f.payload) < size:
			cut++
		}
	}
	if whole < 10 || cut < 10 || whole+cut != count {
		t.Errorf("%d frames whole, %d cut, of %d", whole, cut, count)
	}
}

// checkLanes wants both directions of each remote address on one lane, and the
// lanes about equally busy.
func checkLanes(t *testing.T, frames []seen, lanes, sources int) {
	t.Helper()
	laneOf, count := map[netip.Addr]int{}, make([]int, lanes)
	for _, f := range frames {
		remote := f.source.Addr()
		if f.outgoing {
			remote = f.dest.Addr()
		}
		if lane, known := laneOf[remote]; known && lane != f.lane {
			t.Errorf("%s on lanes %d and %d", remote, lane, f.lane)
		} else if !known {
			laneOf[remote] = f.lane
			count[f.lane]++
		}
	}
	if len(laneOf) != sources || len(frames) != 2*sources {
		t.Errorf("%d frames of %d sources, want %d of %d", len(frames), len(laneOf), 2*sources, sources)
	}
	for lane, n := range count {
		// The salt is random: five standard deviations of a fair share.
		if n < 20 || n > 80 {
			t.Errorf("lane %d has %d of %d sources: %v", lane, n, sources, count)
		}
	}
	t.Logf("sources per lane: %v", count)
}

func TestLanes(t *testing.T) {
	const lanes, sources = 4, 200
	_, server, phones := newLab(t)
	for _, tt := range []struct{ name, local, remote string }{
		{"IPv4", "203.0.113.%d:5071", "192.0.2.10:5060"},
		{"IPv6", "[2001:db8:3:%d::7]:5071", "[2001:db8:2::10]:5060"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			listener := server.ListenUDP(tt.remote)
			c := openIn(t, server, Config{UDP: []uint16{5060}, Lanes: lanes})
			for i := range sources {
				conn := phones.DialUDP(fmt.Sprintf(tt.local, i+1), tt.remote)
				exchange(t, conn, listener, "request", "reply")
			}
			checkLanes(t, collect(t, c, 2*sources), lanes, sources)
		})
	}
}

func TestTwoCapturesAreApart(t *testing.T) {
	_, server, phones := newLab(t)
	server.ListenUDP("192.0.2.10:5060")
	a := openIn(t, server, Config{UDP: []uint16{5060}, Lanes: 2})
	b := openIn(t, server, Config{UDP: []uint16{5060}, Lanes: 2})
	send(t, phones.DialUDP("", "192.0.2.10:5060"), "both see it")
	for name, c := range map[string]*Capture{"first": a, "second": b} {
		if got := collect(t, c, 1); len(got) != 1 {
			t.Errorf("%s capture has %d frames, want 1", name, len(got))
		}
	}
}

// TestTags sends tagged frames between the router and the phones, in both
// directions, and looks from the router.
func TestTags(t *testing.T) {
	lab, _, phones := newLab(t)
	router := lab.Router()
	near, far := router.Index(phones.Link()), phones.Index("eth0")
	onlyLink := openIn(t, router, Config{UDP: []uint16{5060}, Lanes: 4, Interfaces: []int{near}})
	everywhere := openIn(t, router, Config{UDP: []uint16{5060}})
	const sources = 40
	for _, vlans := range [][]uint16{{5}, {5, 0x4006}} {
		lanes := map[netip.Addr]int{}
		for i := range sources {
			remote := fmt.Sprintf("203.0.113.%d:5071", i+1)
			inject(t, phones, far, ethernet(udp(remote, server4), vlans...))
			inject(t, router, near, ethernet(udp(server4, remote), vlans...))
		}
		got := collect(t, onlyLink, 2*sources)
		if len(got) != 2*sources {
			t.Errorf("tags %v: %d frames, want %d", vlans, len(got), 2*sources)
		}
		for _, f := range got {
			remote, tags := f.source.Addr(), len(vlans)-1 // the kernel takes one off
			if f.outgoing {
				remote, tags = f.dest.Addr(), len(vlans)
			}
			if lane, known := lanes[remote]; known && lane != f.lane || f.tags != tags {
				t.Errorf("tags %v: lane %d and then %+v", vlans, lane, f)
			}
			lanes[remote] = f.lane
		}
		for _, f := range ready(t, everywhere, 0) {
			if !f.outgoing {
				t.Errorf("tags %v: seen below its VLAN while all interfaces are watched: %+v", vlans, f)
			}
		}
	}
}

func TestVLANInterface(t *testing.T) {
	lab, _, phones := newLab(t)
	router := lab.Router()
	if out, err := phones.Command("ip", "link", "add", "link", "eth0", "name", "vlan5", "type", "vlan", "id", "5").CombinedOutput(); err != nil {
		t.Skipf("this kernel has no VLAN interfaces: %s", out)
	}
	router.Exec("ip", "link", "add", "link", phones.Link(), "name", "vlan5", "type", "vlan", "id", "5")
	for host, address := range map[*testnet.Host]string{phones: "198.51.100.2/30", router: "198.51.100.1/30"} {
		host.Exec("ip", "addr", "add", address, "dev", "vlan5")
		host.Exec("ip", "link", "set", "vlan5", "up")
	}
	c := openIn(t, router, Config{UDP: []uint16{5060}})
	conn := phones.DialUDP("198.51.100.2:5071", "198.51.100.1:5060")
	exchange(t, conn, router.ListenUDP("198.51.100.1:5060"), "request", "reply")
	got := collect(t, c, 2)
	if want := []string{"request", "reply"}; !slices.Equal(payloads(got), want) || got[0].iface != router.Index("vlan5") {
		t.Errorf("captured %+v, want each once, on the VLAN's interface", got)
	}
}

func TestInterfaceWithoutLinkHeader(t *testing.T) {
	host := testnet.New(t).Add("host", "192.0.2.10/24")
	tun := openTUN(t, host)
	host.Exec("ip", "addr", "add", "198.51.100.1/30", "dev", "tun0")
	host.Exec("ip", "link", "set", "tun0", "up")
	listener := host.ListenUDP("198.51.100.1:5060")
	c := openIn(t, host, Config{UDP: []uint16{5060}, Lanes: 4})
	if _, err := tun.Write(udp("198.51.100.2:5071", "198.51.100.1:5060")); err != nil {
		t.Fatal(err)
	}
	if _, err := listener.WriteToUDPAddrPort([]byte("reply"), netip.MustParseAddrPort("198.51.100.2:5071")); err != nil {
		t.Fatal(err)
	}
	got := collect(t, c, 2)
	slices.SortFunc(got, func(a, b seen) int { return strings.Compare(a.payload, b.payload) })
	if want := []string{"OPTIONS", "reply"}; !slices.Equal(payloads(got), want) {
		t.Fatalf("captured %q, want %q", payloads(got), want)
	}
	if got[0].link != LinkRaw || got[1].link != LinkRaw || got[0].lane != got[1].lane || got[0].outgoing || !got[1].outgoing {
		t.Errorf("captured %+v", got)
	}
}

// openTUN makes the interface tun0, whose packets have no link header.
func openTUN(t *testing.T, host *testnet.Host) *os.File {
	t.Helper()
	var file *os.File
	host.Run(func() {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		request, err := unix.NewIfreq("tun0")
		if err != nil {
			t.Fatal(err)
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			t.Fatal(err)
		}
		file = os.NewFile(uintptr(fd), "tun0")
	})
	if file == nil {
		t.Skip("this kernel has no TUN interfaces")
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func TestSetInterfaces(t *testing.T) {
	host := testnet.New(t).Add("host", "192.0.2.10/24")
	remake := func() int {
		if host.Command("ip", "link", "show", "ext0").Run() == nil {
			host.Exec("ip", "link", "del", "ext0")
		}
		host.Exec("ip", "link", "add", "ext0", "type", "veth", "peer", "name", "ext1")
		host.Exec("ip", "link", "set", "ext0", "up")
		host.Exec("ip", "link", "set", "ext1", "up")
		// Until the kernel has noticed the carrier it drops what is sent.
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(patience); !strings.Contains(host.Exec("ip", "-o", "link", "show", "ext0"), "state UP"); <-tick.C {
			if time.Now().After(end) {
				t.Fatal("the new interface has no carrier")
			}
		}
		return host.Index("ext0")
	}
	first := remake()
	c := openIn(t, host, Config{UDP: []uint16{5060}, Interfaces: []int{first}, Lanes: 2})
	frame := ethernet(udp(server4, phone4))
	eth0 := host.Index("eth0")

	inject(t, host, eth0, frame)
	inject(t, host, first, frame)
	if got := collect(t, c, 1); len(got) != 1 || got[0].iface != first {
		t.Fatalf("captured %+v, want one frame of interface %d", got, first)
	}

	second := remake()
	if second == first {
		t.Fatalf("interface made anew has index %d again", first)
	}
	inject(t, host, second, frame)
	if err := c.SetInterfaces([]int{0, second}); err != nil {
		t.Fatal(err)
	}
	inject(t, host, eth0, frame)
	inject(t, host, second, frame)
	if got := collect(t, c, 1); len(got) != 1 || got[0].iface != second {
		t.Fatalf("captured %+v, want one frame of interface %d", got, second)
	}

	if err := c.SetInterfaces(make([]int, maxInterfaces+1)); err == nil {
		t.Error("accepted too many interfaces")
	}
	if err := c.SetInterfaces(nil); err != nil {
		t.Fatal(err)
	}
	inject(t, host, eth0, frame)
	if got := collect(t, c, 1); got[0].iface != eth0 {
		t.Errorf("captured %+v, want a frame of interface %d", got, eth0)
	}
}

func TestLargestFilter(t *testing.T) {
	_, server, phones := newLab(t)
	config := Config{Interfaces: make([]int, maxInterfaces)}
	for i := range maxPorts {
		config.UDP = append(config.UDP, uint16(20000+i))
		config.TCP = append(config.TCP, uint16(20000+i))
	}
	for i := range config.Interfaces {
		config.Interfaces[i] = 1000 + i
	}
	config.Interfaces[maxInterfaces-1] = server.Index("eth0")
	c := openIn(t, server, config)
	for range 3 { // while a filter is replaced the kernel holds two
		if err := c.SetInterfaces(config.Interfaces); err != nil {
			t.Fatal(err)
		}
	}
	send(t, phones.DialUDP("", "192.0.2.10:20063"), "last port")
	if got := collect(t, c, 1); got[0].payload != "last port" {
		t.Errorf("captured %+v", got)
	}
}

func TestStalledReaderLosesAndCounts(t *testing.T) {
	_, server, phones := newLab(t)
	listener := server.ListenUDP("192.0.2.10:5060")
	conn := phones.DialUDP("", "192.0.2.10:5060")
	c := openIn(t, server, Config{UDP: []uint16{5060}, Frames: framesPerBlock})
	buffer := make([]byte, 100)
	flood := func(n int) {
		for range n {
			send(t, conn, "flood")
			listener.SetReadDeadline(time.Now().Add(patience))
			if _, err := listener.Read(buffer); err != nil { // it has passed the capture
				t.Fatal(err)
			}
		}
	}
	flood(100)
	want := Stats{Received: framesPerBlock, Dropped: 100 - framesPerBlock}
	if got, err := c.Stats(); err != nil || got != want {
		t.Errorf("stats %+v, %v, want %+v", got, err, want)
	}
	if got := collect(t, c, framesPerBlock); len(got) != framesPerBlock {
		t.Errorf("captured %d frames, want %d", len(got), framesPerBlock)
	}
	flood(10)
	want.Received += 10
	if got, err := c.Stats(); err != nil || got != want {
		t.Errorf("stats after the stall %+v, %v, want %+v", got, err, want)
	}
	if got := collect(t, c, 10); len(got) != 10 {
		t.Errorf("captured %d frames after the stall, want 10", len(got))
	}
}

func TestReadWaits(t *testing.T) {
	c := openIn(t, testnet.New(t).Router(), Config{UDP: []uint16{5060}})
	for _, wait := range []time.Duration{-1, 0, 30 * time.Millisecond} {
		start := time.Now()
		n, err := c.Lane(0).Read(wait, func(*Frame) {})
		if n != 0 || err != nil || time.Since(start) > wait+time.Second {
			t.Errorf("Read(%v) = %d, %v after %v", wait, n, err, time.Since(start))
		}
	}
}

func TestCloseWakesRead(t *testing.T) {
	c := openIn(t, testnet.New(t).Router(), Config{UDP: []uint16{5060}, Lanes: 3})
	started, ended := make(chan bool), make(chan error)
	for i := range c.Lanes() {
		go func() {
			started <- true
			for {
				if _, err := c.Lane(i).Read(time.Minute, func(*Frame) {}); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	for range c.Lanes() {
		<-started
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for range c.Lanes() {
		select {
		case err := <-ended:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read ended with %v, want net.ErrClosed", err)
			}
		case <-time.After(patience):
			t.Fatal("a Read goes on after Close")
		}
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := c.Stats(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Stats after Close: %v", err)
	}
	if err := c.SetInterfaces(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SetInterfaces after Close: %v", err)
	}
	if _, err := c.Lane(0).Read(0, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestNothingLeaks(t *testing.T) {
	host := testnet.New(t).Router()
	held := func() (files, maps, goroutines int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		mapped, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries), strings.Count(string(mapped), "socket:"), runtime.NumGoroutine()
	}
	cycle := func() {
		openIn(t, host, Config{UDP: []uint16{5060}, Lanes: 2, Frames: 64}).Close()
		host.Run(func() {
			// A ring of no frames cannot be mapped: it fails with a socket open.
			if c, err := open(Config{UDP: []uint16{5060}, Lanes: 2}); err == nil {
				c.Close()
				t.Fatal("opened a ring of no frames")
			}
		})
	}
	cycle()
	files, maps, goroutines := held()
	for range 5 {
		cycle()
	}
	if f, m, g := held(); f != files || m != maps || m != 0 || g > goroutines {
		t.Errorf("files %d, then %d; maps %d, then %d; goroutines %d, then %d", files, f, maps, m, goroutines, g)
	}
}

// TestLatency holds the figure the choice of ring rests on: the median time
// from the kernel's stamp to the callback, each packet finding the reader idle.
func TestLatency(t *testing.T) {
	_, server, phones := newLab(t)
	server.ListenUDP("192.0.2.10:5060")
	conn := phones.DialUDP("", "192.0.2.10:5060")
	c := openIn(t, server, Config{UDP: []uint16{5060}})
	delays := make(chan time.Duration, 1)
	go func() {
		for {
			if _, err := c.Lane(0).Read(time.Minute, func(f *Frame) { delays <- time.Since(f.Time) }); err != nil {
				return
			}
		}
	}()
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	var all []time.Duration
	for range 101 {
		<-pace.C
		send(t, conn, "ping")
		select {
		case delay := <-delays:
			all = append(all, delay)
		case <-time.After(patience):
			t.Fatal("a packet was not captured")
		}
	}
	slices.Sort(all)
	t.Logf("kernel to callback: median %v, 90th percentile %v, worst %v", all[50], all[90], all[100])
	if all[50] > 2*time.Millisecond {
		t.Errorf("median %v, want at most 2ms", all[50])
	}
}
