package afpacket

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// metadata is what the kernel knows about a packet.
type metadata = map[bpf.Extension]uint32

const (
	phone4, server4 = "203.0.113.7:5071", "192.0.2.10:5060"
	phone6, server6 = "[2001:db8:3::7]:5071", "[2001:db8:2::10]:5060"
	other4          = "192.0.2.10:53"
	other6          = "[2001:db8:2::10]:53"
)

// edit returns a changed copy of a packet: at an offset, these bytes.
func edit(packet []byte, offset int, bytes ...byte) []byte {
	packet = slices.Clone(packet)
	copy(packet[offset:], bytes)
	return packet
}

// withOptions puts IPv4 options in.
func withOptions(packet []byte, options ...byte) []byte {
	packet = slices.Insert(slices.Clone(packet), 20, options...)
	return edit(packet, 0, 4<<4|byte(5+len(options)/4))
}

// withExtension puts an IPv6 extension header in.
func withExtension(packet []byte, kind byte, header ...byte) []byte {
	header[0] = packet[6]
	return edit(slices.Insert(slices.Clone(packet), 40, header...), 6, kind)
}

func TestSocketFilter(t *testing.T) {
	ports5060 := []byte{0x13, 0xc4, 0x13, 0xc4}
	fragment6 := func(packet []byte, offset byte) []byte {
		return withExtension(packet, unix.IPPROTO_FRAGMENT, 0, 0, offset, 1, 0, 0, 0, 9)
	}
	tests := []struct {
		name   string
		packet []byte
		pass   bool
	}{
		{"no packet", []byte{0x45}, false},
		{"IPv4 without room for ports", udp(phone4, server4)[:21], false},
		{"other port", udp(phone4, other4), false},
		{"other port, 5060 in the options", withOptions(udp(phone4, other4), ports5060...), false},
		{"ICMP with 5060 where ports would be", edit(udp(phone4, server4), 9, unix.IPPROTO_ICMP), false},
		{"UDP on a TCP port", udp(phone4, "192.0.2.10:5061"), false},
		{"TCP on a UDP port", edit(udp(phone4, server4), 9, unix.IPPROTO_TCP), false},
		{"later fragment of ICMP", edit(edit(udp(phone4, other4), 6, 0x20, 0x10), 9, unix.IPPROTO_ICMP), false},
		{"first fragment to other port", edit(udp(phone4, other4), 6, 0x20, 0), false},
		{"IPv6, other port", udp(phone6, other6), false},
		{"IPv6, ICMP", edit(udp(phone6, server6), 6, unix.IPPROTO_ICMPV6), false},
		{"IPv6, multicast report", withExtension(edit(udp(phone6, server6), 6, unix.IPPROTO_ICMPV6), unix.IPPROTO_HOPOPTS, 0, 0, 5, 2, 0, 0, 1, 0), false},
		{"IPv6, first fragment to other port", fragment6(udp(phone6, other6), 0), false},
		{"IPv6, later fragment of ICMP", fragment6(edit(udp(phone6, server6), 6, unix.IPPROTO_ICMPV6), 8), false},

		{"to 5060", udp(phone4, server4), true},
		{"from 5060", udp(server4, phone4), true},
		{"to the second port", udp(phone4, "192.0.2.10:65535"), true},
		{"TCP port", edit(udp(phone4, "192.0.2.10:5061"), 9, unix.IPPROTO_TCP), true},
		{"options", withOptions(udp(phone4, server4), 1, 1, 1, 1), true},
		{"as many options as fit", withOptions(udp(phone4, server4), make([]byte, 40)...), true},
		{"don't fragment", edit(udp(phone4, server4), 6, 0x40, 0), true},
		{"first fragment", edit(udp(phone4, server4), 6, 0x20, 0), true},
		{"later fragment of any datagram", edit(udp(phone4, other4), 6, 0x20, 0xb9), true},
		{"last fragment of any datagram", edit(udp(phone4, other4), 6, 0x00, 0xb9), true},
		{"later fragment of any segment", edit(edit(udp(phone4, other4), 6, 0x00, 0x10), 9, unix.IPPROTO_TCP), true},
		{"IPv6 to 5060", udp(phone6, server6), true},
		{"IPv6 from 5060", udp(server6, phone6), true},
		{"IPv6, first fragment", fragment6(udp(phone6, server6), 0), true},
		{"IPv6, later fragment", fragment6(udp(phone6, other6), 8), true},
		{"IPv6, options before UDP", withExtension(udp(phone6, server6), unix.IPPROTO_DSTOPTS, 0, 0, 1, 4, 0, 0, 0, 0), true},
		{"IPv6, options behind a fragment header", fragment6(withExtension(udp(phone6, server6), unix.IPPROTO_DSTOPTS, 0, 0, 1, 4, 0, 0, 0, 0), 0), true},
		{"IPv6, later fragment with options", fragment6(withExtension(udp(phone6, server6), unix.IPPROTO_DSTOPTS, 0, 0, 1, 4, 0, 0, 0, 0), 8), true},
	}
	filter := socketFilter(Config{UDP: []uint16{5060, 65535}, TCP: []uint16{5061}})
	onEthernet := metadata{bpf.ExtLinkLayerType: unix.ARPHRD_ETHER}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := uint32(0)
			if tt.pass {
				want = wholeFrame
			}
			network := uint32(unix.ETH_P_IP)
			if tt.packet[0]>>4 == 6 {
				network = unix.ETH_P_IPV6
			}
			noHeader := metadata{bpf.ExtLinkLayerType: unix.ARPHRD_NONE, bpf.ExtProto: network}
			for _, form := range []struct {
				name     string
				metadata metadata
				frame    []byte
			}{
				{"Ethernet", onEthernet, ethernet(tt.packet)},
				{"one tag", onEthernet, ethernet(tt.packet, 5)},
				{"two tags", onEthernet, ethernet(tt.packet, 5, 0x6007)},
				{"no link header", noHeader, tt.packet},
			} {
				if got := execute(t, filter, form.metadata, form.frame); got != want {
					t.Errorf("%s: verdict %d, want %d", form.name, got, want)
				}
			}
			if got := execute(t, filter, onEthernet, ethernet(tt.packet, 5, 6, 7)); got != 0 {
				t.Errorf("three tags: verdict %d, want 0", got)
			}
		})
	}
}

// TestSocketFilterOfOneTransport: the other one's fragments stay out too.
func TestSocketFilterOfOneTransport(t *testing.T) {
	filter := socketFilter(Config{TCP: []uint16{5060}})
	onEthernet := metadata{bpf.ExtLinkLayerType: unix.ARPHRD_ETHER}
	for name, packet := range map[string][]byte{
		"datagram":       udp(phone4, server4),
		"later fragment": edit(udp(phone4, server4), 6, 0, 0xb9),
	} {
		if got := execute(t, filter, onEthernet, ethernet(packet)); got != 0 {
			t.Errorf("%s: verdict %d, want 0", name, got)
		}
	}
	later := edit(edit(udp(phone4, server4), 6, 0, 0xb9), 9, unix.IPPROTO_TCP)
	if got := execute(t, socketFilter(Config{UDP: []uint16{5060}}), onEthernet, ethernet(later)); got != 0 {
		t.Errorf("later fragment of a segment without TCP ports: verdict %d, want 0", got)
	}
}

func TestSocketFilterChoosesInterfaces(t *testing.T) {
	many := make([]int, maxInterfaces)
	for i := range many {
		many[i] = 1000 + i
	}
	tests := []struct {
		name       string
		interfaces []int
		metadata   metadata
		pass       bool
	}{
		{"another interface", []int{3, 4}, metadata{bpf.ExtInterfaceIndex: 5}, false},
		{"only missing ones", []int{0}, metadata{bpf.ExtInterfaceIndex: 5}, false},
		{"missing one and no interface", []int{0}, metadata{bpf.ExtInterfaceIndex: 0}, false},
		{"all, in a VLAN", nil, metadata{bpf.ExtVLANTagPresent: 1, bpf.ExtVLANTag: 0x6005}, false},
		{"sent on loopback", nil, metadata{bpf.ExtLinkLayerType: unix.ARPHRD_LOOPBACK, bpf.ExtType: unix.PACKET_OUTGOING}, false},

		{"all", nil, metadata{bpf.ExtInterfaceIndex: 5}, true},
		{"all, priority tag only", nil, metadata{bpf.ExtVLANTagPresent: 1, bpf.ExtVLANTag: 0x6000}, true},
		{"first in list", []int{3, 4}, metadata{bpf.ExtInterfaceIndex: 3}, true},
		{"last in list, in a VLAN", many, metadata{bpf.ExtInterfaceIndex: 1000 + maxInterfaces - 1, bpf.ExtVLANTagPresent: 1, bpf.ExtVLANTag: 5}, true},
		{"received on loopback", nil, metadata{bpf.ExtLinkLayerType: unix.ARPHRD_LOOPBACK}, true},
		{"sent", nil, metadata{bpf.ExtType: unix.PACKET_OUTGOING}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, given := tt.metadata[bpf.ExtLinkLayerType]; !given {
				tt.metadata[bpf.ExtLinkLayerType] = unix.ARPHRD_ETHER
			}
			filter := socketFilter(Config{UDP: []uint16{5060}, Interfaces: tt.interfaces})
			if got := execute(t, filter, tt.metadata, ethernet(udp(phone4, server4))); (got != 0) != tt.pass {
				t.Errorf("verdict %d, want pass %v", got, tt.pass)
			}
		})
	}
}

// chosen is the lane of a packet that arrives (without link header) and of one
// that leaves, out of as many lanes as there are numbers.
func chosen(t testing.TB, program []bpf.Instruction, packet []byte, outgoing bool, vlans ...uint16) uint32 {
	t.Helper()
	frame := ethernet(packet, vlans...)
	known := metadata{bpf.ExtLinkLayerType: unix.ARPHRD_ETHER, bpf.ExtType: unix.PACKET_OUTGOING}
	if !outgoing {
		known[bpf.ExtType] = unix.PACKET_HOST
		known[bpf.ExtProto] = uint32(frame[12])<<8 | uint32(frame[13])
		frame = frame[14:]
	}
	return execute(t, program, known, frame)
}

func TestLaneChooserFollowsRemoteAddress(t *testing.T) {
	program := laneChooser(0x5eed)
	for _, tt := range []struct{ name, remote, server, another string }{
		{"IPv4", phone4, server4, "203.0.113.8:5071"},
		{"IPv6", phone6, server6, "[2001:db8:3:1::7]:5071"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := chosen(t, program, udp(tt.remote, tt.server), false)
			for _, vlans := range [][]uint16{nil, {5}, {0x4005, 0x6006}} {
				if got := chosen(t, program, udp(tt.remote, tt.server), false, vlans...); got != want {
					t.Errorf("incoming, tags %v: lane %d, want %d", vlans, got, want)
				}
				if got := chosen(t, program, udp(tt.server, tt.remote), true, vlans...); got != want {
					t.Errorf("outgoing, tags %v: lane %d, want %d", vlans, got, want)
				}
			}
			remote := netip.MustParseAddrPort(tt.remote).Addr()
			if got := LaneOf(remote, 7, 0x5eed); got != int(uint32(want)%7) {
				t.Errorf("LaneOf(%s) = %d, the kernel's program says %d", remote, got, uint32(want)%7)
			}
			if got := chosen(t, program, udp(tt.another, tt.server), false); got == want {
				t.Errorf("%s and %s share hash %d", tt.remote, tt.another, got)
			}
			if got := chosen(t, laneChooser(0xbad), udp(tt.remote, tt.server), false); got == want {
				t.Errorf("hash %d does not depend on the salt", got)
			}
		})
	}
	neighbour := chosen(t, program, udp("[2001:db8:3::ffff:1]:9", server6), false)
	if want := chosen(t, program, udp(phone6, server6), false); neighbour != want {
		t.Errorf("two addresses of one /64: lanes %d and %d", neighbour, want)
	}
}

func TestLaneChooserWithoutRemoteAddress(t *testing.T) {
	program := laneChooser(0x5eed)
	loopback := metadata{bpf.ExtLinkLayerType: unix.ARPHRD_LOOPBACK, bpf.ExtProto: unix.ETH_P_IP}
	if got := execute(t, program, loopback, udp("127.0.0.9:1", "127.0.0.1:5060")); got != 0 {
		t.Errorf("loopback: lane %d, want 0", got)
	}
	arp := metadata{bpf.ExtLinkLayerType: unix.ARPHRD_ETHER, bpf.ExtProto: unix.ETH_P_ARP}
	if got := execute(t, program, arp, make([]byte, 28)); got != 0 {
		t.Errorf("ARP: lane %d, want 0", got)
	}
	tunnel := metadata{bpf.ExtLinkLayerType: unix.ARPHRD_NONE, bpf.ExtProto: unix.ETH_P_IP, bpf.ExtType: unix.PACKET_OUTGOING}
	want := chosen(t, program, udp(phone4, server4), false)
	if got := execute(t, program, tunnel, udp(server4, phone4)); got != want {
		t.Errorf("sent without link header: lane %d, want %d", got, want)
	}
}

func TestLaneChooserBalances(t *testing.T) {
	const sources, lanes = 8000, 8
	for _, salt := range []uint32{0, 1, 0x5eed, 0xffffffff} {
		for name, format := range map[string]string{
			"neighbours":   "10.0.%[1]d.%[2]d:5060",
			"one per /24":  "10.%[1]d.%[2]d.1:5060",
			"IPv6 sites":   "[2001:db8:%[1]x:%[2]x::1]:5060",
			"IPv6 carrier": "[2001:%[1]x:%[2]x::1]:5060",
		} {
			program := laneChooser(salt)
			var count [lanes]int
			for i := range sources {
				remote := fmt.Sprintf(format, 1+i/250, i%250)
				server := server4
				if remote[0] == '[' {
					server = server6
				}
				count[chosen(t, program, udp(remote, server), false)%lanes]++
			}
			for lane, n := range count {
				// 1000 expected; six standard deviations are 178.
				if n < 822 || n > 1178 {
					t.Errorf("%s, salt %#x: lane %d has %d of %d sources", name, salt, lane, n, sources)
				}
			}
		}
	}
}
