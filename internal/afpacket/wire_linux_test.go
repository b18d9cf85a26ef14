package afpacket

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/testnet"
)

// patience is how long a test waits for a packet that must come.
const patience = 3 * time.Second

// seen is a captured frame, taken apart and copied.
type seen struct {
	lane      int
	outgoing  bool
	link      uint32
	iface     int
	length    int
	time      time.Time
	source    netip.AddrPort // port 0 in fragments
	dest      netip.AddrPort
	payload   string // of the whole datagram; empty in fragments
	fragment  bool
	truncated bool
	tags      int // VLAN tags still in the frame
}

// dissect takes a frame apart with none of the code under test.
func dissect(t *testing.T, lane int, f *Frame) seen {
	t.Helper()
	s := seen{lane: lane, outgoing: f.Outgoing, link: f.Link, iface: f.Interface, length: f.Length, time: f.Time, truncated: f.Length > len(f.Data)}
	packet := f.Data
	if f.Link == LinkEthernet {
		for packet = packet[12:]; packet[0] == 0x81 || packet[0] == 0x88; packet = packet[4:] {
			s.tags++
		}
		packet = packet[2:]
	}
	var source, dest netip.Addr
	var rest []byte
	protocol := byte(0)
	switch packet[0] >> 4 {
	case 4:
		source, dest = netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
		s.fragment = binary.BigEndian.Uint16(packet[6:])&0x3fff != 0
		protocol, rest = packet[9], packet[4*(packet[0]&15):]
	case 6:
		source, dest = netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
		s.fragment = packet[6] == unix.IPPROTO_FRAGMENT
		protocol, rest = packet[6], packet[40:]
	default:
		t.Fatalf("frame holds no IP packet: % x", f.Data)
	}
	s.source, s.dest = netip.AddrPortFrom(source, 0), netip.AddrPortFrom(dest, 0)
	if !s.fragment {
		s.source = netip.AddrPortFrom(source, binary.BigEndian.Uint16(rest))
		s.dest = netip.AddrPortFrom(dest, binary.BigEndian.Uint16(rest[2:]))
		if protocol == unix.IPPROTO_UDP {
			s.payload = string(rest[8:])
		}
	}
	return s
}

// openIn captures inside a host until the test ends.
func openIn(t *testing.T, h *testnet.Host, config Config) *Capture {
	t.Helper()
	var c *Capture
	h.Run(func() {
		var err error
		if c, err = Open(config); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// collect reads all lanes until it has so many frames, which must come soon.
// What else is ready by then is returned as well, so that a test notices frames
// it should not get.
func collect(t *testing.T, c *Capture, want int) []seen {
	t.Helper()
	var all []seen
	for deadline := time.Now().Add(patience); len(all) < want; {
		if time.Now().After(deadline) {
			t.Fatalf("captured %d frames, want %d: %+v", len(all), want, all)
		}
		all = append(all, ready(t, c, time.Millisecond)...)
	}
	return append(all, ready(t, c, 0)...)
}

// ready reads each lane once.
func ready(t *testing.T, c *Capture, wait time.Duration) []seen {
	t.Helper()
	var all []seen
	for i := range c.Lanes() {
		if _, err := c.Lane(i).Read(wait, func(f *Frame) { all = append(all, dissect(t, i, f)) }); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// payloads lists what the frames carried.
func payloads(frames []seen) []string {
	var all []string
	for _, f := range frames {
		all = append(all, f.payload)
	}
	return all
}

// execute runs a program as the kernel would, with the given metadata in place
// of the kernel's.
func execute(t testing.TB, program []bpf.Instruction, metadata map[bpf.Extension]uint32, frame []byte) uint32 {
	t.Helper()
	pure := make([]bpf.Instruction, len(program))
	for i, instruction := range program {
		pure[i] = instruction
		if load, ok := instruction.(bpf.LoadExtension); ok {
			pure[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: metadata[load.Num]}
		}
	}
	vm, err := bpf.NewVM(pure)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := vm.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}

// ethernet wraps a packet, in VLAN tags from the outside in.
func ethernet(packet []byte, vlans ...uint16) []byte {
	frame := make([]byte, 12)
	frame[0], frame[6] = 2, 2 // locally administered addresses
	for i, vlan := range vlans {
		kind := uint16(unix.ETH_P_8021Q)
		if i < len(vlans)-1 {
			kind = unix.ETH_P_8021AD
		}
		frame = binary.BigEndian.AppendUint16(frame, kind)
		frame = binary.BigEndian.AppendUint16(frame, vlan)
	}
	kind := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		kind = unix.ETH_P_IPV6
	}
	return append(binary.BigEndian.AppendUint16(frame, kind), packet...)
}

// udp is an IP packet with one datagram.
func udp(from, to string) []byte {
	return testnet.UDP(netip.MustParseAddrPort(from), netip.MustParseAddrPort(to), []byte("OPTIONS"))
}

// inject sends a whole frame out of an interface.
func inject(t *testing.T, h *testnet.Host, index int, frame []byte) {
	t.Helper()
	h.Run(func() {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
			t.Fatal(err)
		}
	})
}
