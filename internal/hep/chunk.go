package hep

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// fields is a packet on its way: what its chunks have given so far.
type fields struct {
	packet           *Packet
	seen             uint32 // a bit for each chunk given
	family           uint8
	src, dst         netip.Addr
	srcPort, dstPort uint16
	seconds, micros  uint32
}

func (f *fields) has(chunk uint16) bool { return f.seen&(1<<chunk) != 0 }

// take takes one generic chunk's value.
func (f *fields) take(chunk uint16, value []byte) error {
	if chunk == 0 || chunk > chunkLast {
		return nil // of a later version
	}
	if size := sizes[chunk]; size != 0 && size != len(value) {
		return ErrLength
	}
	if f.has(chunk) {
		return ErrTwice
	}
	f.seen |= 1 << chunk
	switch chunk {
	case chunkFamily:
		f.family = value[0]
	case chunkCarrier:
		f.packet.Carrier = value[0]
	case chunkSrc4:
		f.src = netip.AddrFrom4([4]byte(value))
	case chunkDst4:
		f.dst = netip.AddrFrom4([4]byte(value))
	case chunkSrc6:
		f.src = netip.AddrFrom16([16]byte(value)).Unmap()
	case chunkDst6:
		f.dst = netip.AddrFrom16([16]byte(value)).Unmap()
	case chunkSrcPort:
		f.srcPort = binary.BigEndian.Uint16(value)
	case chunkDstPort:
		f.dstPort = binary.BigEndian.Uint16(value)
	case chunkSeconds:
		f.seconds = binary.BigEndian.Uint32(value)
	case chunkMicros:
		f.micros = binary.BigEndian.Uint32(value)
	case chunkType:
		f.packet.Type = value[0]
	case chunkAgent:
		f.packet.Agent = binary.BigEndian.Uint32(value)
	case chunkKey:
		f.packet.Key = value
	case chunkPayload:
		f.packet.Payload = value
	case chunkCompressed:
		f.packet.Payload, f.packet.packed = value, true
	case chunkCorrelation:
		f.packet.Correlation = value
	}
	return nil
}

// finish checks the whole. The family must fit the addresses, of which there
// may be only one pair; a packet without a family is as good as its addresses.
func (f *fields) finish() error {
	p := f.packet
	four, six := f.has(chunkSrc4) && f.has(chunkDst4), f.has(chunkSrc6) && f.has(chunkDst6)
	any4, any6 := f.has(chunkSrc4) || f.has(chunkDst4), f.has(chunkSrc6) || f.has(chunkDst6)
	switch {
	case any4 && any6, f.has(chunkFamily) && (f.family == family4) == any6, f.has(chunkPayload) && f.has(chunkCompressed):
		return ErrValue
	case !four && !six, len(p.Payload) == 0:
		return ErrAbsent
	}
	p.Src, p.Dst = netip.AddrPortFrom(f.src, f.srcPort), netip.AddrPortFrom(f.dst, f.dstPort)
	if f.micros >= 1e6 {
		return ErrValue
	}
	if f.has(chunkSeconds) {
		p.Time = stamp(f.seconds, f.micros)
	}
	return nil
}

func stamp(seconds, micros uint32) time.Time {
	return time.Unix(int64(seconds), int64(micros)*int64(time.Microsecond)).UTC()
}
