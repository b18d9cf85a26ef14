package sip

import (
	"encoding/binary"
	"math/bits"
)

// Finding one line end after the other costs a call for each and a second look at every byte. So the message is read in
// blocks of 64 bytes: one mask with a bit for each line feed, one with a bit for each control character.
const block = 64

// lines finds the line feeds of a message, and with them the control characters at no extra cost.
type lines struct {
	b    []byte
	lf   uint64 // the line feeds of the current block that were not yet handed out
	next int    // where the next block begins
	odd  int    // place of the first control character that is no line end; len(b) if none was found so far
	cr   uint64 // 1 if the last byte of the block before was a control character, explained only by a line feed now
}

// end returns the place of the next line feed, false behind the last one. Blocks are read no further than that.
func (l *lines) end() (int, bool) {
	for l.lf == 0 {
		if l.next >= len(l.b) {
			return 0, false
		}
		l.scan()
	}
	e := l.next - block + bits.TrailingZeros64(l.lf)
	l.lf &= l.lf - 1
	return e, true
}

// scan reads the next block.
func (l *lines) scan() {
	var lf, control uint64
	if l.next+block <= len(l.b) {
		lf, control = scanBlock(&l.b[l.next])
	} else {
		pad := spaces
		copy(pad[:], l.b[l.next:])
		lf, control = scanBlock(&pad[0])
	}
	// A CR in front of a line feed is no oddity; that at the end of a block waits for the next one.
	odd := control &^ lf &^ (lf >> 1)
	if odd<<1|l.cr&^lf != 0 {
		l.oddity(odd<<1>>1, l.cr&^lf)
	}
	l.cr = odd >> (block - 1)
	l.lf = lf
	l.next += block
}

// spaces fill up the last block: no line end, no control character.
var spaces = func() (s [block]byte) {
	for i := range s {
		s[i] = ' '
	}
	return s
}()

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
