package sip

import (
	"bytes"
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
func (m *Message) headers(l *lines, p int) int {
	b := m.buf
	for p < len(b) {
		end, ok := l.end()
		if !ok {
			end = len(b)
		}
		if end-p < 2 && ok {
			if end == p || b[p] == '\r' {
				if end == p {
					m.flaws |= BareLF
				}
				return end + 1
			}
		}
		next := end + 1
		if next < len(b) && (b[next] == ' ' || b[next] == '\t') {
			next = m.unfold(l, next)
		}
		m.header(p, end, next)
		p = next
	}
	m.flaws |= NoFinalCRLF
	return len(b)
}

// unfold returns where the header that goes on at p ends: the start of the next line that does not begin with a blank.
func (m *Message) unfold(l *lines, p int) int {
	b := m.buf
	m.flaws |= Fold
	for p < len(b) && (b[p] == ' ' || b[p] == '\t') {
		end, ok := l.end()
		if !ok {
			return len(b) + 1
		}
		if b[end-1] != '\r' {
			m.flaws |= BareLF
		}
		p = end + 1
	}
	return p
}

// header enters one header: its first line lies between p and end, the next header starts at next.
func (m *Message) header(p, end, next int) {
	line := m.buf[p:end]
	if line[len(line)-1] != '\r' && end < len(m.buf) {
		m.flaws |= BareLF
	}
	raw := nameAt(m.buf[p:])
	n := raw.colon()
	colon := n
	// One look rules out all that is unusual: no name, a long one, no colon, a blank or control character before it.
	if n == 0 || n >= nameBytes || n >= len(line) || line[n-1] <= ' ' {
		if n, colon = m.oddName(line); n == 0 {
			return
		}
	}
	if next-p > OversizeHeaderBytes {
		m.flaws |= OversizeHeader
	}
	h := HeaderOther
	if n <= nameBytes {
		raw = raw.first(n)
		h = lookup(raw)
	}
	// Only unknown names need a look at their letters; the value of an unknown header is of no interest at all.
	m.mix(h, raw)
	if h != HeaderOther {
		m.enter(h, m.value(p+colon+1, next-1))
		return
	}
	m.index[h].count++
	if all(line[:n])&inToken == 0 {
		m.flaws |= BadHeaderLine
	}
}

// oddName finds the colon of a line whose name is long, missing or followed by blanks. The length of the name is 0 if
// the line is no header.
func (m *Message) oddName(line []byte) (n, colon int) {
	colon = bytes.IndexByte(line, ':')
	for n = colon; n > 0 && (line[n-1] == ' ' || line[n-1] == '\t'); n-- {
		m.flaws |= BlankBeforeColon
	}
	if n <= 0 {
		m.flaws |= BadHeaderLine
		return 0, 0
	}
	return n, colon
}

// mix enters the name of a header into the fingerprint.
func (m *Message) mix(h Header, raw name) {
	mixed := raw.a ^ bits.RotateLeft64(raw.b, 21) ^ bits.RotateLeft64(raw.c, 42)
	order := (m.order ^ mixed) * nameFactor
	order ^= order >> 32
	// Written so that the compiler needs no branch: whether to take the new value cannot be predicted.
	if bit(h)&(unordered|m.seen&bit(HeaderVia)) != 0 {
		order = m.order
	}
	m.order = order
}

// enter counts a known header and keeps its first value.
func (m *Message) enter(h Header, value span) {
	e := &m.index[h]
	e.count++
	if e.count == 1 {
		m.seen |= bit(h)
		e.first = value
		return
	}
	if bit(h)&once != 0 {
		m.flaws |= DuplicateHeader
	} else if h == HeaderVia || h == HeaderContact {
		m.repeated(h, value)
	}
}

// value returns the span between start and end without the blanks at both ends.
func (m *Message) value(start, end int) span {
	b := m.buf
	end = min(end, len(b))
	// Nearly every colon is followed by one space; the loop is for the rest.
	if start < end && b[start] == ' ' {
		start++
	}
	for start < end && blank(b[start]) {
		start++
	}
	for end > start && blank(b[end-1]) {
		end--
	}
	return span{uint16(start), uint16(end)}
}
