// Package packet turns captured frames into UDP datagrams and TCP segments.
//
// A capture, live or from a file, hands out frames with a link layer in front, perhaps a stack of VLAN tags, an IP header
// with options or extension headers, perhaps a tunnel's packet in it (IP in IP, GRE), and now and then only a fragment of a
// datagram. Decoder peels all of it by hand and without allocating. It never panics, whatever the bytes are, and its work is linear in the length of the frame.
//
// The decoder errs on the side of seeing: what a Linux host would deliver to its SIP server must come out here too, or an
// attacker could hide behind the difference. It therefore reassembles fragments as that kernel does, and it does not check
// checksums, which on the sending machine are often not yet filled in.
package packet

import (
	"net/netip"
	"strconv"
	"time"
)

// LinkType says which header stands in front of IP; the numbers are the LINKTYPE_ values of capture files.
type LinkType uint32

// The link types that Decode understands. Two values that some systems write instead of RawIP, 12 and 14, are read as RawIP.
const (
	Null      LinkType = 0   // BSD loopback, address family in the writer's byte order
	Ethernet  LinkType = 1   // Ethernet II, with any number of VLAN tags
	RawIP     LinkType = 101 // IPv4 or IPv6, told apart by the version
	Loop      LinkType = 108 // OpenBSD loopback, address family in network byte order
	LinuxSLL  LinkType = 113 // Linux "any" device, first form
	IPv4      LinkType = 228 // IPv4 only
	IPv6      LinkType = 229 // IPv6 only
	NFLOG     LinkType = 239 // Linux netfilter log, one packet in a list of attributes
	LinuxSLL2 LinkType = 276 // Linux "any" device, second form
)

// Supported reports whether Decode knows the link type; the frames of any other are NotIP.
func (l LinkType) Supported() bool {
	switch l {
	case Null, Ethernet, rawBSD, rawOpenBSD, RawIP, Loop, LinuxSLL, IPv4, IPv6, NFLOG, LinuxSLL2:
		return true
	}
	return false
}

// Protocol numbers of the transports that Decode reads (IANA "Assigned Internet Protocol Numbers").
const (
	TCP uint8 = 6
	UDP uint8 = 17
)

// TCP flag bits as they stand in Packet.Flags (RFC 9293, section 3.1).
const (
	FIN uint8 = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// Packet is what Decode found in a frame. The caller owns it and may reuse it; Payload belongs to the frame or to the
// decoder and is valid until the frame is overwritten or Decode is called again, whichever comes first.
type Packet struct {
	Src, Dst netip.AddrPort // IPv4-mapped addresses are unmapped; ports are 0 where the verdict says they are not known
	Payload  []byte         // what the transport carries; for Other, what IP carries
	Seq, Ack uint32         // TCP only
	Proto    uint8          // transport protocol number
	Flags    uint8          // TCP only
	TTL      uint8          // time to live or hop limit, as it arrived

	Reassembled bool // Payload was put together from fragments
	Outgoing    bool // the capture says that this machine sent the frame (SLL only)
}

// Verdict says what a frame turned out to be, and so which fields of the Packet mean something.
type Verdict uint8

// The addresses are known for every verdict from Datagram to Overlap, and for Truncated and Malformed where the IP header
// itself was whole; a Packet whose Src is the zero AddrPort has none.
const (
	undecided Verdict = iota // the decoder's own "go on"; never handed out

	Datagram  // a whole UDP datagram
	Segment   // a TCP segment: ports, Seq, Ack, Flags and Payload
	Other     // IP that carries something else; Proto says what, Payload holds it (nil for a fragment)
	Held      // a fragment, kept until the rest arrives; no ports
	Overlap   // a fragment that overlaps or contradicts an earlier one; see Decoder
	Truncated // the frame ends before the packet does; Payload is the part that is there, perhaps nil
	Malformed // the headers contradict themselves; no server would accept it
	NotIP     // ARP, LLDP, an unknown link type, …

	verdicts // how many there are
)

var verdictNames = [verdicts]string{"undecided", "datagram", "segment", "other", "held", "overlap", "truncated", "malformed", "not IP"}

// String returns the verdict's name in lower case.
func (v Verdict) String() string {
	if v < verdicts {
		return verdictNames[v]
	}
	return "verdict " + strconv.Itoa(int(v))
}

// Decoder reads frames and puts fragments together. It belongs to one goroutine; a machine with several capture lanes has
// one decoder for each, and all fragments of a datagram must reach the same one.
//
// Fragments may come in any order and size. A fragment that lies wholly inside what has arrived is a duplicate: its bytes
// are ignored, as Linux does, and if they differ from the first copy the verdict is Overlap, so that the attempt shows. Any
// other overlap (RFC 5722), a second end or data beyond the end loses the whole datagram, again with Overlap.
type Decoder struct {
	fragments reassembler
	counts    [verdicts]uint64
	depth     int // tunnels that the frame at hand is in
}

// NewDecoder returns a decoder that keeps at most limit bytes of unfinished datagrams, DefaultLimit if limit is 0. A limit
// too small for two datagrams of full size is raised to that.
func NewDecoder(limit int) *Decoder {
	return &Decoder{fragments: newReassembler(limit)}
}

// Decode reads one frame into p and says what it is. The time is the frame's own; only the age of fragments depends on it.
func (d *Decoder) Decode(at time.Time, link LinkType, frame []byte, p *Packet) Verdict {
	*p = Packet{}
	d.depth = 0
	v := d.decode(at, link, frame, p)
	d.counts[v]++
	return v
}

func (d *Decoder) decode(at time.Time, link LinkType, frame []byte, p *Packet) Verdict {
	kind, rest, whole := stripLink(link, frame, p)
	switch {
	case !whole:
		return Truncated
	case kind == etherIPv4:
		return d.ipv4(at, rest, p)
	case kind == etherIPv6:
		return d.ipv6(at, rest, p)
	}
	return NotIP
}

// Stats counts what a decoder has seen and says what it holds.
type Stats struct {
	Verdicts    [verdicts]uint64 // frames by Verdict
	Reassembled uint64           // datagrams put together from fragments
	Expired     uint64           // datagrams dropped because the rest never came
	Evicted     uint64           // datagrams dropped to make room
	Waiting     int              // unfinished datagrams held now
	Bytes       int              // memory that they occupy now, never above the limit
}

// Stats returns the decoder's counters. Call it from the goroutine that calls Decode.
func (d *Decoder) Stats() Stats {
	s := d.fragments.stats
	s.Verdicts = d.counts
	s.Waiting = len(d.fragments.open)
	s.Bytes = d.fragments.bytes
	return s
}
