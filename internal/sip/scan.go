package sip

import (
	"encoding/binary"
	"math/bits"
)

// Finding one line end after the other costs a call and a mispredicted branch for each. So the lines are found in
// blocks: one mask of 64 bits for 64 bytes, and the places of its bits written down without a branch for each.
const (
	block   = 64
	stretch = 4 // blocks that are scanned at once
	few     = 4 // line ends that are written down without looking whether there are so many
)

// lines finds the line feeds of a message, and with them the control characters at no extra cost.
type lines struct {
	b    []byte
	next int    // where the next stretch begins
	odd  int    // place of the first control character that is no line end; len(b) if none was found so far
	cr   uint64 // 1 if the last byte of the block before was a control character, explained only by a line feed now
	i, n int    // the places not yet handed out: ends[i:n]
	ends [stretch*block + few]uint16
}

// end returns the place of the next line feed, false behind the last one.
func (l *lines) end() (int, bool) {
	for l.i == l.n {
		if l.next >= len(l.b) {
			return 0, false
		}
		l.scan()
	}
	e := l.ends[l.i]
	l.i++
	return int(e), true
}

// scan reads the next stretch.
func (l *lines) scan() {
	l.i, l.n = 0, 0
	rest := l.b[l.next:]
	if len(rest) < block {
		l.scanTail(rest)
		return
	}
	var lf, control [stretch]uint64
	blocks := min(stretch, len(rest)/block)
	scanBlocks(&rest[0], blocks, &lf[0], &control[0])
	for i := range blocks {
		l.note(lf[i], control[i])
	}
}

// scanTail reads the last bytes, which fill no block.
func (l *lines) scanTail(rest []byte) {
	var pad [block]byte
	for i := copy(pad[:], rest); i < block; i++ {
		pad[i] = ' '
	}
	var lf, control uint64
	scanBlocks(&pad[0], 1, &lf, &control)
	l.note(lf, control)
}

// note writes down the places of the line feeds of one block. Most blocks have no more than few.
func (l *lines) note(lf, control uint64) {
	base := l.next
	l.next += block
	const last = block - 1
	odd := control &^ lf &^ (lf >> 1)
	if odd<<1|l.cr&^lf != 0 {
		if odd<<1 != 0 {
			l.odd = min(l.odd, base+bits.TrailingZeros64(odd))
		}
		if l.cr&^lf != 0 {
			l.odd = min(l.odd, base-1)
		}
	}
	l.cr = odd >> last
	n := bits.OnesCount64(lf)
	ends := (*[few]uint16)(l.ends[l.n:])
	for k := range few {
		ends[k] = uint16(base + bits.TrailingZeros64(lf))
		lf &= lf - 1
	}
	for k := few; k < n; k++ {
		l.ends[l.n+k] = uint16(base + bits.TrailingZeros64(lf))
		lf &= lf - 1
	}
	l.n += n
}

// scanBlocksGo sets bit i of lf[k] if byte i of block k is a line feed, and of control[k] if it is below 0x20.
func scanBlocksGo(b []byte, lf, control []uint64) {
	for k := range lf {
		lf[k], control[k] = 0, 0
		for i := 0; i < block; i += 8 {
			w := binary.LittleEndian.Uint64(b[k*block+i:])
			lf[k] |= zeroBytes(w^'\n'*everyByte) << i
			control[k] |= zeroBytes(w&(0xe0*everyByte)) << i
		}
	}
}

// zeroBytes returns one bit for each byte of w, set if it is zero.
func zeroBytes(w uint64) uint64 {
	const low = 0x7f * everyByte
	w = ^((w&low + low) | w | low) >> 7
	return w * 0x0102040810204080 >> 56
}
