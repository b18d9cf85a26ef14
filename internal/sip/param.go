package sip

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// param names a parameter that is read, of a header or of Digest credentials.
type param uint8

const (
	paramOther param = iota
	paramTag
	paramExpires
	paramBranch
	paramReceived
	paramRPort
	paramUsername // the first of those that Digest.parse keeps
	paramRealm
	paramNonce
	paramURI
	paramResponse
	paramAlgorithm
	paramOpaque
	paramCNonce
	paramNC
	paramQOP
	paramStale // the last one
	paramCount
)

var paramNames = [paramCount]string{
	paramTag: "tag", paramExpires: "expires", paramBranch: "branch", paramReceived: "received", paramRPort: "rport",
	paramUsername: "username", paramRealm: "realm", paramNonce: "nonce", paramURI: "uri", paramResponse: "response",
	paramAlgorithm: "algorithm", paramOpaque: "opaque", paramCNonce: "cnonce", paramNC: "nc", paramQOP: "qop",
	paramStale: "stale",
}

const (
	// paramFactor spreads the known names over paramTable so that no two of them meet; found by trying.
	paramFactor   = 0xc697f48392907a1
	paramSlotBits = 6
)

type paramSlot struct {
	word  uint64 // the first eight bytes
	size  int
	param param
}

// paramTable finds a name by its first eight bytes, lower case, as a word.
var paramTable = func() (t [1 << paramSlotBits]paramSlot) {
	for p, s := range paramNames {
		if s == "" {
			continue
		}
		w := nameAt([]byte(s)).a
		slot := &t[w*paramFactor>>(64-paramSlotBits)]
		if slot.size != 0 {
			panic("sip: two parameter names share a slot, choose another paramFactor")
		}
		*slot = paramSlot{w, len(s), param(p)}
	}
	return t
}()

// paramOf tells which parameter a name stands for.
func paramOf(name []byte) param {
	if len(name) < 2 || len(name) > nameBytes { // the shortest is "nc"
		return paramOther
	}
	x := nameAt(name).lower()
	s := &paramTable[x.a*paramFactor>>(64-paramSlotBits)]
	if x.a != s.word || len(name) != s.size || s.size > 8 && x.b != uint64(paramNames[s.param][8]) {
		return paramOther
	}
	return s.param
}

// knownParam recognises a known name that stands at i and is followed by "=" at once, the way nearly all are written. It
// returns the place behind the "=". To load a whole word it looks at b beyond its length, as far as its capacity goes.
func knownParam(b []byte, i int) (param, int) {
	// Ten bytes are the longest name, "algorithm", and its equals sign.
	if i+10 > cap(b) {
		return paramOther, i
	}
	s := b[i : i+10]
	w := binary.LittleEndian.Uint64(s)
	n := bits.TrailingZeros64(equalsMark(w)) / 8
	w &= nameMasks[n].a
	w |= w & (0x40 * everyByte) >> 1
	slot := &paramTable[w*paramFactor>>(64-paramSlotBits)]
	if w != slot.word || n != min(8, slot.size) || i+slot.size >= len(b) {
		return paramOther, i
	}
	// No equals sign among eight bytes: it must follow at once, or after the last letter of the one longer name.
	if n == 8 {
		if slot.size == 9 {
			if s[8]|0x20 != 'm' { // algorithm
				return paramOther, i
			}
			n = 9
		}
		if s[n] != '=' {
			return paramOther, i
		}
	}
	return slot.param, i + n + 1
}

// equalsMark has bit 7 set in the first byte of w that is an equals sign; the bits above it mean nothing.
func equalsMark(w uint64) uint64 {
	w ^= '=' * everyByte
	return (w - everyByte) & ^w & (0x80 * everyByte)
}

// params walks over ";name=value" as From, To, Contact and Via share it (RFC 3261 section 25.1, generic-param). It
// accepts blanks around every separator and goes on behind anything it cannot read.
type params struct {
	b     []byte
	i     int // at a separator, a comma or the end
	name  param
	value []byte // without quotes; nil if there is no "="
	flaws Flaws
}

// next reads one parameter and reports whether there was one.
func (p *params) next() bool {
	b, i := p.b, p.i
	if i >= len(b) {
		return false
	}
	if b[i] != ';' {
		if i = skip(b, i); i >= len(b) || b[i] != ';' {
			p.i = i
			return i < len(b) && b[i] != ',' && p.recover(i)
		}
	}
	// A run of semicolons is skipped here, for each would be a call otherwise.
	for i+1 < len(b) && b[i+1] == ';' {
		p.flaws |= EmptyParam
		i++
	}
	name, value := knownParam(b, i+1)
	if name == paramOther {
		return p.slow(skip(b, i+1))
	}
	p.name = name
	if value >= len(b) || b[value] == '"' || blank(b[value]) {
		value = skip(b, value)
	}
	p.readValue(value)
	return true
}

// slow reads any parameter at i: one that is not known, has no value, or has blanks where most have none. Values that
// nobody will ask for are read as well, since a quoted one may hide a separator.
func (p *params) slow(i int) bool {
	b := p.b
	start, c := i, ^class(0)
	for i < len(b) && classes[b[i]]&notEnd != 0 {
		c &= classes[b[i]]
		i++
	}
	p.name, p.value = paramOf(b[start:i]), nil
	if i == start {
		p.flaws |= EmptyParam
		if i < len(b) && b[i] != ';' && b[i] != ',' {
			return p.recover(i)
		}
	} else if c&inToken == 0 {
		p.flaws |= BadParam
	}
	p.i = i
	if i < len(b) && b[i] != ';' {
		if i = skip(b, i); i < len(b) && b[i] == '=' {
			p.readValue(skip(b, i+1))
		}
	}
	return true
}

// readValue reads the value at i. A value with bytes that need quotes is given up to the next separator, for that is
// what a server would use that does not check.
func (p *params) readValue(i int) {
	b := p.b
	if i < len(b) && b[i] == '"' {
		end := quotedEnd(b, i+1)
		if end < 0 {
			p.flaws |= UnclosedQuote
			p.value = b[i+1:]
			p.i = len(b)
			return
		}
		p.value = b[i+1 : end]
		p.i = end + 1
		return
	}
	start, c := i, ^class(0)
	for i < len(b) {
		x := classes[b[i]]
		if x&notValueEnd == 0 {
			break
		}
		c &= x
		i++
	}
	p.value = b[start:i]
	if i == start || c&inValue == 0 {
		p.flaws |= BadParam
	}
	p.i = i
}

// recover skips what is no parameter, up to the next separator. It reports whether parameters may follow.
func (p *params) recover(i int) bool {
	p.flaws |= BadParam
	p.name, p.value = paramOther, nil
	n := bytes.IndexAny(p.b[i:], ";,")
	if n < 0 {
		p.i = len(p.b)
		return false
	}
	p.i = i + n
	return p.b[p.i] == ';'
}
