package sip

import (
	"encoding/binary"
	"math/bits"
)

// Finding one line end after the other costs a call and a mispredicted branch for each. So the lines are found in
// blocks: one mask of 64 bits for 64 bytes, and the places of its bits written down without a branch for each.
const (
	block = 64
	few   = 3  // line ends of a block that are written down without looking whether there are so many
	batch = 64 // line ends that are enough for one go
)

// lines finds the line feeds of a message, and with them the control characters at no extra cost.
type lines struct {
	b    []byte
	next int    // where the next block begins
	odd  int    // place of the first control character that is no line end; len(b) if none was found so far
	cr   uint64 // 1 if the last byte of the block before was a control character, explained only by a line feed now
	i, n int    // the places not yet handed out: ends[i:n]; n is at most batch+block+few
	ends [256]uint16
}

// end returns the place of the next line feed, false behind the last one.
func (l *lines) end() (int, bool) {
	if l.i == l.n {
		l.scan()
		if l.n == 0 {
			return 0, false
		}
	}
	e := l.ends[l.i]
	l.i++
	return int(e), true
}

// scan reads up to the first empty line, for behind it there is only the body, or until there are enough lines.
func (l *lines) scan() {
	l.i, l.n = 0, 0
	var before uint64
	for l.next < len(l.b) {
		lf, control := l.block()
		l.note(lf, control)
		if lf&(lf<<2|before>>(block-2)) != 0 || l.n > batch {
			return
		}
		before = lf
	}
}

// block returns the masks of the block at next.
func (l *lines) block() (lf, control uint64) {
	rest := l.b[l.next:]
	if len(rest) >= block {
		return scanBlock(&rest[0])
	}
	pad := spaces
	copy(pad[:], rest)
	return scanBlock(&pad[0])
}

// spaces fill up the last block: no line end, no control character.
var spaces = func() (s [block]byte) {
	for i := range s {
		s[i] = ' '
	}
	return s
}()

// note writes down the places of the line feeds of one block.
func (l *lines) note(lf, control uint64) {
	// A CR in front of a line feed is no oddity; that at the end of a block waits for the next one.
	odd := control &^ lf &^ (lf >> 1)
	if odd<<1|l.cr&^lf != 0 {
		l.oddity(odd<<1>>1, l.cr&^lf)
	}
	l.cr = odd >> (block - 1)
	n := uint8(l.n)
	l.n += bits.OnesCount64(lf)
	for k := range uint8(few) {
		l.ends[n+k] = uint16(l.next + bits.TrailingZeros64(lf))
		lf &= lf - 1
	}
	for n += few; lf != 0; n++ {
		l.ends[n] = uint16(l.next + bits.TrailingZeros64(lf))
		lf &= lf - 1
	}
	l.next += block
}

// oddity notes the first control character that is no line end; cr is 1 if it is the last byte of the block before.
func (l *lines) oddity(odd, cr uint64) {
	place := l.next + bits.TrailingZeros64(odd)
	if cr != 0 {
		place = l.next - 1
	}
	l.odd = min(l.odd, place)
}

// scanBlockGo sets bit i of lf if byte i of a block is a line feed, and of control if it is below 0x20.
func scanBlockGo(b []byte) (lf, control uint64) {
	for i := 0; i < block; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		lf |= zeroBytes(w^'\n'*everyByte) << i
		control |= zeroBytes(w&(0xe0*everyByte)) << i
	}
	return lf, control
}

// zeroBytes returns one bit for each byte of w, set if it is zero.
func zeroBytes(w uint64) uint64 {
	const low = 0x7f * everyByte
	w = ^((w&low + low) | w | low) >> 7
	return w * 0x0102040810204080 >> 56
}
