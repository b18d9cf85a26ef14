package hep

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Append adds p as a HEP3 packet to b, for tests and demonstrations. What is zero or nil is left out. It returns nil when
// no such packet can exist: with addresses of two families, or more than MaxPacket bytes.
func Append(b []byte, p *Packet) []byte {
	start := len(b)
	four := p.Src.Addr().Is4()
	if four != p.Dst.Addr().Is4() || !p.Src.IsValid() || !p.Dst.IsValid() {
		return nil
	}
	b = append(append(b, magic...), 0, 0)
	family, src, dst := byte(10), uint16(chunkSrc6), uint16(chunkDst6)
	if four {
		family, src, dst = family4, chunkSrc4, chunkDst4
	}
	b = appendChunk(b, chunkFamily, family)
	b = appendChunk(b, chunkCarrier, p.Carrier)
	b = appendAddr(b, src, p.Src.Addr())
	b = appendAddr(b, dst, p.Dst.Addr())
	b = appendChunk(b, chunkSrcPort, byte(p.Src.Port()>>8), byte(p.Src.Port()))
	b = appendChunk(b, chunkDstPort, byte(p.Dst.Port()>>8), byte(p.Dst.Port()))
	if !p.Time.IsZero() {
		b = appendNumber(b, chunkSeconds, uint32(p.Time.Unix()))
		b = appendNumber(b, chunkMicros, uint32(p.Time.Nanosecond()/int(time.Microsecond)))
	}
	b = appendChunk(b, chunkType, p.Type)
	if p.Agent != 0 {
		b = appendNumber(b, chunkAgent, p.Agent)
	}
	if p.Key != nil {
		b = appendChunk(b, chunkKey, p.Key...)
	}
	if p.Correlation != nil {
		b = appendChunk(b, chunkCorrelation, p.Correlation...)
	}
	b = appendChunk(b, chunkPayload, p.Payload...)
	size := len(b) - start
	if size > MaxPacket {
		return nil
	}
	binary.BigEndian.PutUint16(b[start+4:], uint16(size))
	return b
}

// appendChunk adds a generic chunk. One that is too long spoils its length, and then the packet is too long as well.
func appendChunk(b []byte, chunk uint16, value ...byte) []byte {
	b = append(b, 0, 0, byte(chunk>>8), byte(chunk))
	b = binary.BigEndian.AppendUint16(b, uint16(chunkHead+len(value)))
	return append(b, value...)
}

func appendNumber(b []byte, chunk uint16, n uint32) []byte {
	return appendChunk(b, chunk, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func appendAddr(b []byte, chunk uint16, a netip.Addr) []byte {
	return appendChunk(b, chunk, a.AsSlice()...)
}
