package pcap

import (
	"encoding/binary"
	"time"
)

const fileHead = 24 // of a classic pcap, in bytes

// magic is what the first four bytes of a classic pcap tell.
type magic struct {
	order  binary.ByteOrder
	tick   time.Duration // unit of the fraction in a time stamp
	record int           // length of a record's header
}

// readMagic reads the first four bytes. The third number is of a patched libpcap whose records say more about the
// interface; these fields are skipped.
func readMagic(head []byte) (magic, bool) {
	if len(head) < 4 {
		return magic{}, false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(head) {
		case 0xa1b2c3d4:
			return magic{order, time.Microsecond, 16}, true
		case 0xa1b23c4d:
			return magic{order, time.Nanosecond, 16}, true
		case 0xa1b2cd34:
			return magic{order, time.Microsecond, 24}, true
		}
	}
	return magic{}, false
}

// openClassic reads the file header. The snapshot length in it is not believed; every record has its own.
func (r *Reader) openClassic(kind magic) error {
	head, err := r.take(fileHead)
	if err != nil {
		return err
	}
	r.classic, r.order = kind, kind.order
	r.link = r.order.Uint32(head[20:]) & 0xffff // the upper half says whether frames carry a checksum
	return nil
}

// nextRecord reads a record: seconds, fraction, captured length, length on the wire, perhaps more, then the frame.
func (r *Reader) nextRecord(f *Frame) error {
	head, err := r.peek(r.classic.record)
	if err != nil {
		return err
	}
	captured := r.order.Uint32(head[8:])
	if captured > maxFrame {
		return tooLong(captured)
	}
	record, err := r.take(r.classic.record + int(captured))
	if err != nil {
		return err
	}
	seconds, fraction := r.order.Uint32(record), r.order.Uint32(record[4:])
	f.Time = time.Unix(int64(seconds), int64(fraction)*int64(r.classic.tick)).UTC()
	f.Data = record[r.classic.record:]
	f.Length = length(r.order.Uint32(record[12:]), len(f.Data))
	f.Link = r.link
	return nil
}
