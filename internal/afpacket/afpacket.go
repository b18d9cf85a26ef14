// Package afpacket watches the wire: it reads SIP packets, in both directions,
// from Linux packet sockets with a memory-mapped ring.
//
// The kernel does the sorting. A classic BPF filter on every socket passes only
// the ports asked for, and one fanout program spreads the packets over lanes by
// the remote address, so that whatever one source sends and receives is read by
// one lane, in order, and its state needs no lock.
//
// # What is seen
//
// Everything a network interface receives or sends, before the firewall: also
// what nftables drops later, but not what an XDP program has dropped. IP
// fragments come as they are; the later ones of any UDP datagram and any TCP
// segment pass, because they carry no ports, so unrelated fragments have to be
// expected. Checksums of
// outgoing packets are often still to be filled in by the hardware and must not
// be verified. Where UDP receive offload for forwarding is switched on (ethtool
// rx-udp-gro-forwarding or rx-gro-list, off by default) one frame may hold
// several datagrams of one flow, one payload after the other; TCP segments are
// joined like that as a rule.
//
// Packets inside tunnels (IP in IP, GRE) do not pass on the way in and out of
// the tunnel: what a tunnel of this machine carries is seen on the tunnel's own
// interface, once, and on the lane of the inner address.
//
// # Why TPACKET_V2
//
// The kernel hands a TPACKET_V2 frame over the moment it is complete. V3
// collects frames in blocks and hands over a block when a timer fires, which
// before Linux 6.18 runs in ticks: 4 to 8 ms at 250 Hz, more than the whole
// time a ban may take. Side by side on Linux 6.18, a datagram every 20 ms over a
// veth pair, two busy cores, from send to callback:
//
//	V2                  median 0.16 ms   99 %  0.7 ms
//	V3, 1 ms timer      median 0.62 ms   99 %  1.1 ms
//
// A waiting frame of 400 bytes costs the reader 0.2 to 0.4 µs with V2, and a
// burst of 93,000 frames a second, all one core could send, lost none. The
// price of V2 is slots of one size: a frame that does not fit its slot is also
// queued on the socket and fetched by a system call.
package afpacket

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrUnsupported says that this operating system has no packet sockets.
var ErrUnsupported = fmt.Errorf("packet sockets: %w", errors.ErrUnsupported)

// Link types, in the numbers pcap files use (LINKTYPE_…).
const (
	LinkEthernet uint32 = 1
	LinkRaw      uint32 = 101 // starts at the IP header
)

// Limits and defaults of a Config.
const (
	maxLanes      = 64
	maxPorts      = 64 // each protocol; keeps the filter within the kernel's memory limit for socket options
	maxInterfaces = 64
	maxFrames     = 1 << 16 // of all lanes together: 128 MiB, which the kernel cannot swap out
	defaultFrames = 8192
)

// Config says what to capture.
type Config struct {
	// Lanes is how many readers share the work; 0 means 1.
	Lanes int
	// UDP and TCP are the ports, of either end, whose packets pass.
	UDP, TCP []uint16
	// Interfaces are interface indexes; see [Capture.SetInterfaces].
	Interfaces []int
	// Salt keys the choice of lane, see [LaneOf]. Keep it secret and the same
	// for as long as sources must stay on their lanes.
	Salt uint32
	// Frames is each lane's ring size; 0 means 8192, or less where many lanes
	// share. A frame takes 2 KiB of kernel memory, 128 MiB in all lanes together
	// at most, and that many frames can wait while a reader is busy.
	Frames int
}

// withDefaults fills in the defaults and refuses what the kernel would refuse
// with less of an explanation.
func (c Config) withDefaults() (Config, error) {
	c.Lanes = max(c.Lanes, 1)
	c.UDP, c.TCP = slices.Clone(c.UDP), slices.Clone(c.TCP)
	if c.Lanes > maxLanes {
		return c, fmt.Errorf("capture on %d lanes: more than %d", c.Lanes, maxLanes)
	}
	if c.Frames <= 0 {
		c.Frames = min(defaultFrames, maxFrames/c.Lanes)
	}
	switch {
	case c.Frames > maxFrames/c.Lanes:
		return c, fmt.Errorf("capture into %d frames on each of %d lanes: more than %d together", c.Frames, c.Lanes, maxFrames)
	case len(c.UDP)+len(c.TCP) == 0:
		return c, errors.New("capture packets: no port given")
	case len(c.UDP) > maxPorts || len(c.TCP) > maxPorts:
		return c, fmt.Errorf("capture %d UDP and %d TCP ports: more than %d", len(c.UDP), len(c.TCP), maxPorts)
	}
	return c, checkInterfaces(c.Interfaces)
}

func checkInterfaces(indexes []int) error {
	if len(indexes) > maxInterfaces {
		return fmt.Errorf("capture on %d interfaces: more than %d", len(indexes), maxInterfaces)
	}
	return nil
}

// Frame is one captured packet. It and its Data belong to the lane and are
// valid until the callback that got them returns.
type Frame struct {
	// Time is when the kernel received or sent the packet.
	Time time.Time
	// Data starts at the header that Link names.
	Data []byte
	// Link is LinkEthernet or LinkRaw.
	Link uint32
	// Interface is the index of the interface the packet crossed.
	Interface int
	// Outgoing is set on what this machine sends. Packets on the loopback
	// interface are seen once and count as incoming.
	Outgoing bool
	// Length is the packet's true length; Data is shorter only where the
	// kernel had no room to keep all of it.
	Length int
}

// Stats counts what has happened since Open.
type Stats struct {
	// Received frames were put into a ring, Dropped ones found it full.
	Received, Dropped uint64
}
