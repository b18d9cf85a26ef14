package afpacket

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Registers' roles in both programs: X holds the offset of the header being
// looked at, A the value to decide on, scratch what must survive a change of X.
const scratch = 0

// wholeFrame is a filter's verdict "pass", in bytes to keep.
const wholeFrame = 0xffffffff

const ethernetHeader = 14

// Header fields, as offsets from the start of their header.
const (
	vlanType = 2 // RFC 9542 section 3: 2 bytes of tag, then the type it wraps

	ip4Fragment    = 6 // RFC 791 section 3.1
	ip4Protocol    = 9
	ip4Source      = 12
	ip4Destination = 16

	ip6Next        = 6 // RFC 8200 section 3
	ip6Source      = 8
	ip6Destination = 24
	ip6Header      = 40

	next           = 0 // RFC 8200 section 4, the same in every extension header
	fragmentOffset = 2
	fragmentHeader = 8

	sourcePort      = 0 // the same in UDP and TCP
	destinationPort = 2
)

// ip6Extensions are the IPv6 extension headers behind which a datagram may
// hide (IANA's registry, without ESP, which nobody can look into, and without
// the fragment header, which is read). User space walks through them; each
// begins with the type of the header behind it.
var ip6Extensions = [...]uint32{
	unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_AH,
	unix.IPPROTO_DSTOPTS, unix.IPPROTO_MH, 139 /* HIP */, 140, /* Shim6 */
}

// dropAll is the filter of a socket that is not ready yet.
func dropAll() []bpf.Instruction { return []bpf.Instruction{bpf.RetConstant{Val: 0}} }

// socketFilter passes the packets that c asks for. The kernel runs it from the
// link header on, in both directions.
func socketFilter(c Config) []bpf.Instruction {
	p := newProgram()
	p.chooseInterfaces(c.Interfaces)

	p.do(bpf.LoadExtension{Num: bpf.ExtLinkLayerType})
	p.when(unix.ARPHRD_LOOPBACK, "loopback")
	p.when(unix.ARPHRD_ETHER, "ethernet")
	p.startAtNetwork()
	p.jump("network")

	// Every loopback packet is sent and then received: one look is enough.
	p.label("loopback")
	p.do(bpf.LoadExtension{Num: bpf.ExtType})
	p.when(unix.PACKET_OUTGOING, "drop")

	p.label("ethernet")
	p.startAtEthernet()

	p.label("network")
	p.skipTags()
	p.when(unix.ETH_P_IP, "ip4")
	p.when(unix.ETH_P_IPV6, "ip6")
	p.jump("drop")
	p.filter4()
	p.filter6()

	p.label("transport")
	p.when(unix.IPPROTO_UDP, "udp")
	p.when(unix.IPPROTO_TCP, "tcp")
	p.jump("drop")
	p.label("udp")
	p.matchPorts(c.UDP)
	p.label("tcp")
	p.matchPorts(c.TCP)

	// A later fragment has no ports: pass it to whoever reassembles. TCP cuts its
	// segments to fit and has no fragments, but for those of who wants to hide.
	p.label("fragment")
	if len(c.UDP) > 0 {
		p.when(unix.IPPROTO_UDP, "pass")
	}
	if len(c.TCP) > 0 {
		p.when(unix.IPPROTO_TCP, "pass")
	}
	p.label("drop")
	p.do(bpf.RetConstant{Val: 0})
	p.label("pass")
	p.do(bpf.RetConstant{Val: wholeFrame})
	return p.resolve()
}

// chooseInterfaces drops what crossed none of the interfaces. On all of them it
// drops tagged frames: the kernel shows each once more, without the tag, on the
// VLAN's own interface.
func (p *program) chooseInterfaces(indexes []int) {
	if len(indexes) == 0 {
		p.do(bpf.LoadExtension{Num: bpf.ExtVLANTagPresent})
		p.when(0, "chosen")
		p.do(bpf.LoadExtension{Num: bpf.ExtVLANTag},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfff}) // VLAN 0 carries only a priority
		p.unless(0, "drop")
	} else {
		p.do(bpf.LoadExtension{Num: bpf.ExtInterfaceIndex})
		for _, index := range indexes {
			if index > 0 {
				p.when(uint32(index), "chosen")
			}
		}
		p.jump("drop")
	}
	p.label("chosen")
}

// startAtNetwork begins at a network header at the very start, whose type only
// the kernel knows.
func (p *program) startAtNetwork() {
	p.do(bpf.LoadConstant{Dst: bpf.RegX, Val: 0}, bpf.LoadExtension{Num: bpf.ExtProto})
}

// startAtEthernet begins behind an Ethernet header.
func (p *program) startAtEthernet() {
	p.do(bpf.LoadConstant{Dst: bpf.RegX, Val: ethernetHeader}, bpf.LoadAbsolute{Off: ethernetHeader - 2, Size: 2})
}

// skipTags steps over two VLAN tags that are still in the frame. The kernel
// usually takes the outer one of a received frame away before we look.
func (p *program) skipTags() {
	for _, n := range []string{"outer", "inner"} {
		p.when(unix.ETH_P_8021Q, n+" tag")
		p.when(unix.ETH_P_8021AD, n+" tag")
		p.jump(n + " done")
		p.label(n + " tag")
		p.load(vlanType, 2)
		p.advance(4)
		p.label(n + " done")
	}
}

// filter4 finds the transport header of an IPv4 packet.
func (p *program) filter4() {
	p.label("ip4")
	p.load(ip4Protocol, 1)
	p.do(bpf.StoreScratch{Src: bpf.RegA, N: scratch})
	p.load(ip4Fragment, 2)
	p.do(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x1fff})
	p.unless(0, "later fragment")
	p.load(0, 1) // version and header length in words, options included
	p.do(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: scratch})
	p.jump("transport")
	p.label("later fragment")
	p.do(bpf.LoadScratch{Dst: bpf.RegA, N: scratch})
	p.jump("fragment")
}

// filter6 finds the transport header of an IPv6 packet, right behind the IP
// header or behind one fragment header.
func (p *program) filter6() {
	p.label("ip6")
	p.load(ip6Next, 1)
	p.advance(ip6Header)
	p.whenExtension("extension")
	p.unless(unix.IPPROTO_FRAGMENT, "transport")

	p.load(fragmentOffset, 2)
	p.do(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfff8})
	p.unless(0, "later fragment 6")
	p.load(next, 1)
	p.advance(fragmentHeader)
	p.whenExtension("extension")
	p.jump("transport")
	p.label("later fragment 6")
	p.load(next, 1)
	p.whenExtension("pass")
	p.jump("fragment")

	// One look further keeps multicast listener reports out, which every host
	// sends now and then behind a hop-by-hop header.
	p.label("extension")
	p.load(next, 1)
	p.when(unix.IPPROTO_UDP, "pass")
	p.when(unix.IPPROTO_TCP, "pass")
	p.when(unix.IPPROTO_FRAGMENT, "pass")
	p.whenExtension("pass")
	p.jump("drop")
}

// whenExtension goes to a label if A is the type of an extension header.
func (p *program) whenExtension(to string) {
	for _, extension := range ip6Extensions {
		p.when(extension, to)
	}
}

// matchPorts decides about a transport header.
func (p *program) matchPorts(ports []uint16) {
	for _, field := range []uint32{sourcePort, destinationPort} {
		p.load(field, 2)
		for _, port := range ports {
			p.when(uint32(port), "pass")
		}
	}
	p.jump("drop")
}

// load puts a field of the current header into A.
func (p *program) load(offset uint32, size int) {
	p.do(bpf.LoadIndirect{Off: offset, Size: size})
}

// advance moves X on and keeps A.
func (p *program) advance(bytes uint32) {
	p.do(bpf.StoreScratch{Src: bpf.RegA, N: scratch},
		bpf.TXA{},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: bytes},
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: scratch})
}

// laneChooser hashes the remote address of a packet; the kernel takes the
// result modulo the number of lanes. An IPv6 source is its /64, as everywhere
// in a defence: who has one address of it has them all. The salt keeps an
// attacker from aiming at one lane.
//
// The kernel runs it before it has made the frame ready for the socket: what is
// received still starts at the network header, what is sent at the link header.
// Both ends of loopback traffic are this machine; it all takes lane 0.
func laneChooser(salt uint32) []bpf.Instruction {
	p := newProgram()
	p.do(bpf.LoadExtension{Num: bpf.ExtLinkLayerType})
	p.when(unix.ARPHRD_LOOPBACK, "first lane")
	p.unless(unix.ARPHRD_ETHER, "no link header")
	p.do(bpf.LoadExtension{Num: bpf.ExtType})
	p.unless(unix.PACKET_OUTGOING, "no link header")
	p.startAtEthernet()
	p.jump("network")
	p.label("no link header")
	p.startAtNetwork()

	p.label("network")
	p.skipTags()
	p.when(unix.ETH_P_IP, "ip4")
	p.when(unix.ETH_P_IPV6, "ip6")
	p.label("first lane")
	p.do(bpf.RetConstant{Val: 0})

	p.label("ip4")
	p.remote(ip4Source, ip4Destination)
	p.load(0, 4)
	p.jump("hash")

	p.label("ip6")
	p.remote(ip6Source, ip6Destination)
	p.load(4, 4)
	p.do(bpf.StoreScratch{Src: bpf.RegA, N: scratch})
	p.load(0, 4)
	p.mix()
	p.do(bpf.LoadScratch{Dst: bpf.RegX, N: scratch}, bpf.ALUOpX{Op: bpf.ALUOpXor})

	p.label("hash")
	p.do(bpf.ALUOpConstant{Op: bpf.ALUOpXor, Val: salt})
	p.mix()
	p.do(bpf.RetA{})
	return p.resolve()
}

// remote moves X to the address of the packet's other end.
func (p *program) remote(source, destination uint32) {
	outgoing, done := fmt.Sprint("outgoing ", source), fmt.Sprint("remote ", source)
	p.do(bpf.LoadExtension{Num: bpf.ExtType})
	p.when(unix.PACKET_OUTGOING, outgoing)
	p.advance(source)
	p.jump(done)
	p.label(outgoing)
	p.advance(destination)
	p.label(done)
}

// mix spreads A's bits over all of it and gives X up. The shifts and factors
// are those of lowbias32, from Wellons' hash-prospector.
func (p *program) mix() {
	p.fold(16)
	p.do(bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: 0x7feb352d})
	p.fold(15)
	p.do(bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: 0x846ca68b})
	p.fold(16)
}

// fold is A ^= A >> bits.
func (p *program) fold(bits uint32) {
	p.do(bpf.TAX{}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: bits}, bpf.ALUOpX{Op: bpf.ALUOpXor})
}
