// Package hep reads what SIP servers tell about their own traffic: the Homer Encapsulation Protocol, in which Kamailio
// (siptrace), Asterisk (res_hep), OpenSIPS (proto_hep), FreeSWITCH (sofia) and capture agents send a copy of every SIP
// message with its addresses. Over TLS that copy is the only one that can be read.
//
// The format is that of the HEP3 specification (sipcapture/HEP, "HEP3 Network Protocol Specification"): "HEP3", the total
// length, then chunks of vendor, type, length and value, all big-endian; every length includes its own header. The older
// HEP1 and HEP2, which have fixed headers, are read too. What is not SIP's business is skipped: unknown chunks, and those
// of vendors, which nobody needs to understand a message.
//
// Whoever sends HEP is believed in nothing but that he sends it. Decode never panics and never allocates but for a
// compressed payload's first time; its work is linear in the datagram and, for a compressed one, in MaxPayload.
package hep

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

const (
	// MaxPacket is the longest HEP3 packet; its length field has 16 bits.
	MaxPacket = 1<<16 - 1
	// MaxPayload is the most that a compressed payload may become.
	MaxPayload = 64 << 10

	packetHead = 6 // "HEP3" and the length
	chunkHead  = 6 // vendor, type, length
)

// magic begins every HEP3 packet.
var magic = []byte("HEP3")

// The errors of Decode. They are returned as they are: a flood of bad packets must not cost memory.
var (
	// ErrFormat is for bytes that are no HEP at all.
	ErrFormat = errors.New("read HEP: not HEP")
	// ErrLength is for a length that cannot be true, of the packet or of a chunk.
	ErrLength = errors.New("read HEP: a length is wrong")
	// ErrTwice is for a chunk given twice: two readers would take different ones.
	ErrTwice = errors.New("read HEP: a chunk is given twice")
	// ErrAbsent is for a packet without both addresses or without payload.
	ErrAbsent = errors.New("read HEP: addresses or payload are absent")
	// ErrValue is for addresses that contradict their family, and for fractions of more than a second.
	ErrValue = errors.New("read HEP: a value is impossible")
	// ErrCompressed is for a payload that does not unpack, or to more than MaxPayload.
	ErrCompressed = errors.New("read HEP: the compressed payload cannot be unpacked")
)

// Packet is one message as its server tells of it. The caller owns it and may reuse it for the next Decode; Payload, Key
// and Correlation belong to the bytes that were decoded (a payload that was compressed: to the Packet).
type Packet struct {
	// Src sent the message to Dst, so the server says. Ports are 0 where it does not know them.
	Src, Dst netip.AddrPort
	// Time is when, by the server's clock; zero in HEP1, which does not say.
	Time time.Time
	// Payload is the message.
	Payload []byte
	// Key is what the sender authenticates itself with; nil when it gives none.
	Key []byte
	// Correlation is what joins messages, for SIP mostly a Call-ID.
	Correlation []byte
	// Sender is who told it, by the network's word; of a file not valid.
	Sender netip.Addr
	// Agent is the number that the sender was given in its settings.
	Agent uint32
	// Version is 1, 2 or 3.
	Version uint8
	// Carrier is the transport's IP protocol number: UDP, TCP, TLS or SCTP.
	Carrier uint8
	// Type says what the payload is; SIP, or what is of no use to us.
	Type uint8

	packed   bool
	inflater *inflater
}

// The carriers that senders name.
const (
	TCP uint8 = 6
	UDP uint8 = 17
	// TLS is protocol 22 (XNS IDP), which nobody uses and which Kamailio and FreeSWITCH write for TLS, and Kamailio for
	// WebSocket as well (siptrace_hep.c, pipport2su). Asterisk and OpenSIPS write TCP for all three.
	TLS  uint8 = 22
	SCTP uint8 = 132
)

// SIP is the only Type that matters here. Others are RTP's and RTCP's reports, logs and texts of agents.
const SIP uint8 = 1

// The generic chunks (vendor 0) that are read.
const (
	chunkFamily      = 0x0001
	chunkCarrier     = 0x0002
	chunkSrc4        = 0x0003
	chunkDst4        = 0x0004
	chunkSrc6        = 0x0005
	chunkDst6        = 0x0006
	chunkSrcPort     = 0x0007
	chunkDstPort     = 0x0008
	chunkSeconds     = 0x0009
	chunkMicros      = 0x000a
	chunkType        = 0x000b
	chunkAgent       = 0x000c
	chunkKey         = 0x000e
	chunkPayload     = 0x000f
	chunkCompressed  = 0x0010
	chunkCorrelation = 0x0011
	chunkLast        = 0x0012 // a VLAN number, of no use here
)

// sizes are the lengths of the chunks' values; 0 stands for any.
var sizes = [chunkLast + 1]int{
	chunkFamily: 1, chunkCarrier: 1, chunkSrc4: 4, chunkDst4: 4, chunkSrc6: 16, chunkDst6: 16, chunkSrcPort: 2,
	chunkDstPort: 2, chunkSeconds: 4, chunkMicros: 4, chunkType: 1, chunkAgent: 4,
}

// family4 is AF_INET, on every system that runs a SIP server. AF_INET6 differs among them, so it is whatever else.
const family4 = 2

// Sniff reports whether a file or datagram that begins with head is HEP3.
func Sniff(head []byte) bool { return bytes.HasPrefix(head, magic) }

// Decode reads one packet, which must fill b. After an error the Packet means nothing.
func Decode(b []byte, p *Packet) error {
	if err := read(b, p); err != nil {
		return err
	}
	return p.unpack()
}

// read is Decode without the one dear step, so that a key can be asked for before.
func read(b []byte, p *Packet) error {
	*p = Packet{inflater: p.inflater}
	if !Sniff(b) {
		return readOld(b, p)
	}
	if len(b) < packetHead || int(binary.BigEndian.Uint16(b[4:])) != len(b) {
		return ErrLength
	}
	f := fields{packet: p}
	for b = b[packetHead:]; len(b) > 0; {
		if len(b) < chunkHead {
			return ErrLength
		}
		length := int(binary.BigEndian.Uint16(b[4:]))
		if length < chunkHead || length > len(b) {
			return ErrLength
		}
		if binary.BigEndian.Uint16(b) == 0 {
			if err := f.take(binary.BigEndian.Uint16(b[2:]), b[chunkHead:length]); err != nil {
				return err
			}
		}
		b = b[length:]
	}
	p.Version = 3
	return f.finish()
}
