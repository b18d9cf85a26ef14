package sip

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// bit is the place of a header in the sets of Message.
func bit(h Header) uint64 { return 1 << h }

const (
	// once holds the headers that may stand once (RFC 3261 section 7.3.1): all before HeaderVia but HeaderOther.
	once = 1<<HeaderVia - 2
	// unordered holds the headers that HeaderOrder leaves out.
	unordered = 1<<HeaderRoute | 1<<HeaderRecordRoute | 1<<HeaderAuthorization | 1<<HeaderProxyAuthorization |
		1<<HeaderWWWAuthenticate | 1<<HeaderProxyAuthenticate
	// lengthKnown, in Message.seen, says that Content-Length was a number.
	lengthKnown = 1 << 63
)

// headers indexes the header lines from p on and returns where the body begins.
func (m *Message) headers(p int) int {
	b := m.buf
	for p < len(b) {
		if b[p] == '\n' {
			m.flaws |= BareLF
			return p + 1
		}
		if b[p] == '\r' && p+1 < len(b) && b[p+1] == '\n' {
			return p + 2
		}
		end := len(b)
		if n := bytes.IndexByte(b[p:], '\n'); n >= 0 {
			end = p + n
		}
		next := end + 1
		if next < len(b) && (b[next] == ' ' || b[next] == '\t') {
			next = m.unfold(next)
		}
		m.header(p, end, next)
		p = next
	}
	m.flaws |= NoFinalCRLF
	return len(b)
}

// unfold returns where the header that goes on at p ends: the start of the next line that does not begin with a blank.
func (m *Message) unfold(p int) int {
	b := m.buf
	m.flaws |= Fold
	if p > 1 && b[p-2] != '\r' {
		m.flaws |= BareLF
	}
	for p < len(b) && (b[p] == ' ' || b[p] == '\t') {
		n := bytes.IndexByte(b[p:], '\n')
		if n < 0 {
			return len(b) + 1
		}
		if b[p+n-1] != '\r' {
			m.flaws |= BareLF
		}
		p += n + 1
	}
	return p
}

// header enters one header: its name lies between p and end, the end of the first line; the next header starts at next.
func (m *Message) header(p, end, next int) {
	b := m.buf
	src := b[p:]
	if len(src) < nameBytes {
		var pad [nameBytes]byte
		copy(pad[:], src)
		src = pad[:]
	}
	raw := name{binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:]), binary.LittleEndian.Uint64(src[16:])}
	n := findColon(&raw)
	if n >= nameBytes {
		if n = bytes.IndexByte(b[p:end], ':'); n < 0 {
			n = end
		}
	}
	if p+n >= end {
		m.flaws |= BadHeaderLine
		return
	}
	colon := p + n
	for n > 0 && (b[p+n-1] == ' ' || b[p+n-1] == '\t') {
		n--
		m.flaws |= BlankBeforeColon
	}
	mask := &nameMasks[min(n, nameBytes)]
	raw = name{raw[0] & mask[0], raw[1] & mask[1], raw[2] & mask[2]}
	h := lookup(&raw)
	if h == HeaderOther || n > nameBytes {
		h = HeaderOther
		if n == 0 || all(b[p:p+n])&inToken == 0 {
			m.flaws |= BadHeaderLine
		}
	}
	m.enter(h, &raw)
	if m.count[h] == 1 {
		m.first[h] = m.value(colon+1, next-1)
	} else {
		m.repeated(h, colon+1, next-1)
	}
	if next-p > OversizeHeaderBytes {
		m.flaws |= OversizeHeader
	}
	if end > len(b)-1 {
		return
	}
	if b[end-1] != '\r' {
		m.flaws |= BareLF
	}
}

// enter counts the header and mixes its name into the fingerprint.
func (m *Message) enter(h Header, raw *name) {
	m.count[h]++
	again := m.seen & bit(h)
	m.seen |= bit(h)
	if again&once != 0 {
		m.flaws |= DuplicateHeader
	}
	if bit(h)&unordered == 0 && (h != HeaderVia || again == 0) {
		mixed := raw[0] ^ bits.RotateLeft64(raw[1], 21) ^ bits.RotateLeft64(raw[2], 42)
		m.order = (m.order ^ mixed) * nameFactor
		m.order ^= m.order >> 32
	}
}

// value returns the span between start and end without the blanks at both ends.
func (m *Message) value(start, end int) span {
	b := m.buf
	end = min(end, len(b))
	for start < end && blank(b[start]) {
		start++
	}
	for end > start && blank(b[end-1]) {
		end--
	}
	return span{uint16(start), uint16(end)}
}
