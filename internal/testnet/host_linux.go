package testnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// commandTimeout bounds Exec, so that a hung program fails one test instead of
// the whole run.
const commandTimeout = 30 * time.Second

// Host is one namespace of a lab.
type Host struct {
	net       *Net
	name      string
	link      string   // the router's end of this host's veth
	file      *os.File // holds the namespace
	addresses []netip.Addr
}

// Addr is the host's first address: the source it uses by itself.
func (h *Host) Addr() netip.Addr { return h.addresses[0] }

// Link is the name of the router's end of the link to this host.
func (h *Host) Link() string { return h.link }

// Namespace is a path other programs can open as the host's network namespace
// (nsenter --net=PATH, ip link set … netns PATH) while the test runs.
func (h *Host) Namespace() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.file.Fd())
}

// Run calls f inside the namespace and returns when f has. Sockets that f opens
// stay in the namespace and may be used anywhere; goroutines that f starts do
// not run in it. f may end the test (t.Fatal).
func (h *Host) Run(f func()) {
	h.net.t.Helper()
	finished := false
	onOwnThread(func() {
		if err := unix.Setns(int(h.file.Fd()), unix.CLONE_NEWNET); err != nil {
			h.net.t.Errorf("enter namespace of %s: %v", h.name, err)
			return
		}
		f()
		finished = true
	})
	if !finished {
		h.net.t.FailNow()
	}
}

// Command prepares a program that runs inside the namespace. The caller starts
// it, and stops it if it does not end by itself.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", h.enter(name, args)...)
}

// Exec runs a program inside the namespace and returns what it printed; the
// test ends if the program fails.
func (h *Host) Exec(name string, args ...string) string {
	h.net.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nsenter", h.enter(name, args)...).CombinedOutput()
	if err != nil {
		h.net.t.Fatalf("run %s %q in %s: %v\n%s", name, args, h.name, err, out)
	}
	return string(out)
}

func (h *Host) enter(name string, args []string) []string {
	return append([]string{"--net=" + h.Namespace(), "--", name}, args...)
}

// Sysctl sets a network setting, named by its path below /proc/sys.
func (h *Host) Sysctl(name, value string) {
	h.net.t.Helper()
	h.Run(func() {
		if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
			h.net.t.Fatalf("set %s of %s: %v", name, h.name, err)
		}
	})
}

// Index is the index of one of the host's interfaces.
func (h *Host) Index(interfaceName string) int {
	h.net.t.Helper()
	index := 0
	h.Run(func() {
		i, err := net.InterfaceByName(interfaceName)
		if err != nil {
			h.net.t.Fatalf("find interface %s of %s: %v", interfaceName, h.name, err)
		}
		index = i.Index
	})
	return index
}

// ListenUDP opens a socket on a local address such as "192.0.2.10:5060". It is
// closed when the test ends.
func (h *Host) ListenUDP(local string) *net.UDPConn {
	h.net.t.Helper()
	return h.openUDP(local, func(a *net.UDPAddr) (*net.UDPConn, error) { return net.ListenUDP("udp", a) })
}

// DialUDP opens a socket that talks from local to remote ("" lets the kernel
// choose the source). It is closed when the test ends.
func (h *Host) DialUDP(local, remote string) *net.UDPConn {
	h.net.t.Helper()
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(remote))
	return h.openUDP(local, func(a *net.UDPAddr) (*net.UDPConn, error) { return net.DialUDP("udp", a, to) })
}

func (h *Host) openUDP(local string, open func(*net.UDPAddr) (*net.UDPConn, error)) *net.UDPConn {
	h.net.t.Helper()
	var address *net.UDPAddr
	if local != "" {
		address = net.UDPAddrFromAddrPort(netip.MustParseAddrPort(local))
	}
	var conn *net.UDPConn
	h.Run(func() {
		var err error
		if conn, err = open(address); err != nil {
			h.net.t.Fatalf("open socket in %s: %v", h.name, err)
		}
	})
	h.net.t.Cleanup(func() { conn.Close() })
	return conn
}

// ListenTCP opens a listening socket, closed when the test ends.
func (h *Host) ListenTCP(local string) *net.TCPListener {
	h.net.t.Helper()
	var listener *net.TCPListener
	h.Run(func() {
		var err error
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort(local)))
		if err != nil {
			h.net.t.Fatalf("listen in %s: %v", h.name, err)
		}
	})
	h.net.t.Cleanup(func() { listener.Close() })
	return listener
}

// DialTCP connects to remote, from local unless that is "". The connection is
// closed when the test ends.
func (h *Host) DialTCP(local, remote string) net.Conn {
	h.net.t.Helper()
	dialer := net.Dialer{Timeout: commandTimeout}
	if local != "" {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.MustParseAddrPort(local))
	}
	var conn net.Conn
	h.Run(func() {
		var err error
		if conn, err = dialer.Dial("tcp", remote); err != nil {
			h.net.t.Fatalf("connect from %s: %v", h.name, err)
		}
	})
	h.net.t.Cleanup(func() { conn.Close() })
	return conn
}

// onOwnThread runs f on a thread that dies with it, so that no other goroutine
// can inherit the thread's namespace.
func onOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the runtime ends the thread
		f()
	}()
	<-done
}
