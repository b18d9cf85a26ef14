package pcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"time"
)

// Block types of pcapng (the IETF draft "PCAP Now Generic"); blocks of any other type are skipped.
const (
	blockInterface = 1
	blockPacket    = 2 // obsolete, still found in old files
	blockSimple    = 3
	blockEnhanced  = 6
	blockSection   = 0x0a0d0d0a // reads the same in both byte orders
)

const (
	blockFrame    = 12      // what surrounds a block's body: type, length, and the length again
	sectionHead   = 12      // enough of a section's header to know its byte order
	maxInterfaces = 1 << 16 // in one section
)

// clock is what a frame needs to know about the interface it came from.
type clock struct {
	link    uint32
	snaplen uint32 // 0 if frames were not cut
	units   uint64 // time stamp units in a second
	offset  int64  // seconds to add to a time stamp
}

// sectionOrder reads the byte order off a section header.
func sectionOrder(head []byte) (binary.ByteOrder, bool) {
	const magic = 0x1a2b3c4d
	switch {
	case len(head) < sectionHead || binary.BigEndian.Uint32(head) != blockSection:
	case binary.LittleEndian.Uint32(head[8:]) == magic:
		return binary.LittleEndian, true
	case binary.BigEndian.Uint32(head[8:]) == magic:
		return binary.BigEndian, true
	}
	return nil, false
}

// openSection begins a section, which has its own byte order and its own interfaces.
func (r *Reader) openSection(head []byte) error {
	order, ok := sectionOrder(head)
	if !ok {
		return fmt.Errorf("a section has no byte order: %w", ErrFormat)
	}
	r.order, r.clocks = order, r.clocks[:0]
	b, err := r.block(order.Uint32(head[4:]), 28)
	if err != nil {
		return err
	}
	if major := order.Uint16(b[12:]); major != 1 {
		return fmt.Errorf("a section has version %d, known is 1: %w", major, ErrFormat)
	}
	return nil
}

// nextBlock reads blocks up to the next one with a frame in it.
func (r *Reader) nextBlock(f *Frame) error {
	for {
		head, err := r.peek(blockFrame)
		if err != nil {
			return err
		}
		kind, total := r.order.Uint32(head), r.order.Uint32(head[4:])
		switch kind {
		case blockSection:
			err = r.openSection(head)
		case blockInterface:
			err = r.addInterface(total)
		case blockEnhanced, blockPacket:
			return r.enhanced(kind, total, f)
		case blockSimple:
			return r.simple(total, f)
		default:
			err = r.skip(total)
		}
		if err != nil {
			return err
		}
	}
}

// block takes a block of which the reader needs the content.
func (r *Reader) block(total uint32, least uint32) ([]byte, error) {
	if total < least || total%4 != 0 || total > bufferSize {
		return nil, fmt.Errorf("a block claims a length of %d bytes: %w", total, ErrFormat)
	}
	b, err := r.take(int(total))
	if err != nil {
		return nil, err
	}
	return b, r.checkEnd(b[total-4:], total)
}

// skip passes over a block of any length, without keeping it.
func (r *Reader) skip(total uint32) error {
	if total < blockFrame || total%4 != 0 {
		return fmt.Errorf("a block claims a length of %d bytes: %w", total, ErrFormat)
	}
	if _, err := io.CopyN(io.Discard, r.in, int64(total)-4); err != nil {
		return cutIfEnded(err)
	}
	end, err := r.take(4)
	if err != nil {
		return cutIfEnded(err)
	}
	return r.checkEnd(end, total)
}

// checkEnd compares the length at a block's end with the one at its beginning.
func (r *Reader) checkEnd(end []byte, total uint32) error {
	if again := r.order.Uint32(end); again != total {
		return fmt.Errorf("a block has %d bytes at its beginning and %d at its end: %w", total, again, ErrFormat)
	}
	return nil
}

// addInterface reads an interface description: link type, snapshot length, then options.
func (r *Reader) addInterface(total uint32) error {
	b, err := r.block(total, 20)
	if err != nil {
		return err
	}
	if len(r.clocks) == maxInterfaces {
		return fmt.Errorf("a section has more than %d interfaces: %w", maxInterfaces, ErrFormat)
	}
	c := clock{link: uint32(r.order.Uint16(b[8:])), snaplen: r.order.Uint32(b[12:]), units: 1e6}
	if err := c.readOptions(b[16:len(b)-4], r.order); err != nil {
		return err
	}
	r.clocks = append(r.clocks, c)
	return nil
}

// readOptions looks for the two options that change time stamps. An option has a code, a length, a value, and padding.
func (c *clock) readOptions(b []byte, order binary.ByteOrder) error {
	const end, resolution, offset = 0, 9, 14
	for len(b) >= 4 {
		code, size := order.Uint16(b), int(order.Uint16(b[2:]))
		if b = b[4:]; code == end {
			return nil
		}
		if size > len(b) {
			return fmt.Errorf("an interface option is longer than its block: %w", ErrFormat)
		}
		switch value := b[:size]; {
		case code == resolution && size == 1:
			if c.units = unitsOf(value[0]); c.units == 0 {
				return fmt.Errorf("an interface has time resolution %#x: %w", value[0], ErrFormat)
			}
		case code == offset && size == 8:
			c.offset = int64(order.Uint64(value))
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return nil
}

// unitsOf reads a time resolution: a negative power of two if the top bit is set, otherwise of ten. It returns 0 for
// what 64 bits cannot hold.
func unitsOf(resolution byte) uint64 {
	if exponent := resolution & 0x7f; resolution != exponent {
		return 1 << exponent // 0 from 64 on
	}
	if resolution > 19 {
		return 0
	}
	units := uint64(1)
	for range resolution {
		units *= 10
	}
	return units
}

// time turns a time stamp into a time. Years that neither RFC 3339 nor this package's writer can express are refused.
func (c *clock) time(stamp uint64) (time.Time, error) {
	const lastSecond = 253402300799 // of the year 9999
	seconds, rest := stamp/c.units, stamp%c.units
	high, low := bits.Mul64(rest, 1e9)
	nanoseconds, _ := bits.Div64(high, low, c.units) // rest < units, so this fits
	if seconds > lastSecond || c.offset < -lastSecond || c.offset > lastSecond {
		return time.Time{}, fmt.Errorf("a time stamp is beyond the year 9999: %w", ErrFormat)
	}
	at := int64(seconds) + c.offset
	if at < 0 || at > lastSecond {
		return time.Time{}, fmt.Errorf("a time stamp is before 1970 or beyond the year 9999: %w", ErrFormat)
	}
	return time.Unix(at, int64(nanoseconds)).UTC(), nil
}

// enhanced reads an enhanced packet block, or the obsolete one, whose interface number is shorter: interface, time stamp
// in two halves, captured length, length on the wire, the frame, options.
func (r *Reader) enhanced(kind, total uint32, f *Frame) error {
	const head, tail = 28, 4
	b, err := r.block(total, head+tail)
	if err != nil {
		return err
	}
	number := r.order.Uint32(b[8:])
	if kind == blockPacket {
		number = uint32(r.order.Uint16(b[8:]))
	}
	from, err := r.clockOf(number)
	if err != nil {
		return err
	}
	captured := r.order.Uint32(b[20:])
	if captured > maxFrame {
		return tooLong(captured)
	}
	if captured > total-head-tail {
		return fmt.Errorf("a frame of %d bytes is longer than its block of %d: %w", captured, total, ErrFormat)
	}
	f.Time, err = from.time(uint64(r.order.Uint32(b[12:]))<<32 | uint64(r.order.Uint32(b[16:])))
	if err != nil {
		return err
	}
	f.Data = b[head : head+captured]
	f.Length = length(r.order.Uint32(b[24:]), len(f.Data))
	f.Link = from.link
	r.last = f.Time
	return nil
}

// simple reads a simple packet block, which belongs to the first interface and has neither a captured length nor a time;
// it gets the time of the frame before it.
func (r *Reader) simple(total uint32, f *Frame) error {
	const head, tail = 12, 4
	b, err := r.block(total, head+tail)
	if err != nil {
		return err
	}
	from, err := r.clockOf(0)
	if err != nil {
		return err
	}
	onWire := r.order.Uint32(b[8:])
	captured := min(onWire, total-head-tail)
	if from.snaplen != 0 {
		captured = min(captured, from.snaplen)
	}
	if captured > maxFrame {
		return tooLong(captured)
	}
	f.Time = r.last
	f.Data = b[head : head+captured]
	f.Length = length(onWire, len(f.Data))
	f.Link = from.link
	return nil
}

func (r *Reader) clockOf(number uint32) (*clock, error) {
	if int64(number) >= int64(len(r.clocks)) {
		return nil, fmt.Errorf("a frame is from interface %d of %d: %w", number, len(r.clocks), ErrFormat)
	}
	return &r.clocks[number], nil
}
