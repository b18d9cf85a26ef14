// Package pcap reads and writes capture files.
//
// It reads classic pcap (both byte orders, micro- and nanoseconds, and the variant with extra fields that old patched
// libpcaps wrote) and pcapng (several sections, interfaces with different link types and clocks), plain or compressed
// with gzip, from a file or a pipe. It writes pcap with nanoseconds.
//
// A capture may have been made by anybody. Reader allocates its buffer once and nothing after that but a few bytes for
// each interface; a length that cannot be true is an error that says so.
package pcap

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

const (
	maxFrame   = 1 << 18      // longest frame that is read or written; libpcap has the same limit
	bufferSize = 2 * maxFrame // a frame and what its record adds always fit
)

var (
	// ErrFormat is wrapped by errors about bytes that are no capture file, or none any more.
	ErrFormat = errors.New("not a valid capture")
	// ErrCut is wrapped by the error for a file that ends inside a record, as a capture does that was copied while it
	// was being written. All frames before have been handed out.
	ErrCut = errors.New("file ends inside a record")
)

// Frame is one captured frame. Data belongs to the reader and is valid until the next call of Next.
type Frame struct {
	Time   time.Time // UTC
	Data   []byte    // shorter than Length if the capture cut the frame
	Number int       // counts from 1 over the whole file, as Wireshark does
	Length int       // bytes on the wire
	Link   uint32    // link type, one of the LINKTYPE_ numbers
}

// Cut reports whether the capture kept only the beginning of the frame.
func (f *Frame) Cut() bool { return len(f.Data) < f.Length }

// SniffLen is how much of a file's beginning Sniff wants to see.
const SniffLen = 512

// Sniff reports whether a file that begins with head is a capture, compressed or not.
func Sniff(head []byte) bool {
	if gzipped(head) {
		z, err := gzip.NewReader(bytes.NewReader(head))
		if err != nil {
			return false
		}
		inner := make([]byte, sectionHead)
		n, _ := io.ReadFull(z, inner) // a short head is no fault here; what came out decides
		head = inner[:n]
	}
	if _, ok := readMagic(head); ok {
		return true
	}
	_, ok := sectionOrder(head)
	return ok
}

func gzipped(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) }

// Reader reads the frames of a capture in the order of the file.
type Reader struct {
	in     *bufio.Reader
	order  binary.ByteOrder
	next   func(*Frame) error // by the file's format
	err    error              // what ended the reading; it stays
	number int

	classic magic   // classic pcap
	link    uint32  // classic pcap
	clocks  []clock // pcapng: the section's interfaces
	last    time.Time
}

// NewReader reads the file header. The error wraps ErrFormat if this is no capture, ErrCut if the header is not all there.
func NewReader(from io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(from, bufferSize)
	if head, _ := in.Peek(2); gzipped(head) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("open compressed capture: %w", cutIfEnded(err))
		}
		in = bufio.NewReaderSize(z, bufferSize)
	}
	r := &Reader{in: in, last: time.Unix(0, 0).UTC()}
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("open capture: %w", err)
	}
	return r, nil
}

func (r *Reader) open() error {
	head, err := r.in.Peek(4)
	if err != nil && err != io.EOF {
		return cutIfEnded(err)
	}
	if kind, ok := readMagic(head); ok {
		r.next = r.nextRecord
		return r.openClassic(kind)
	}
	if len(head) < 4 || binary.BigEndian.Uint32(head) != blockSection {
		return fmt.Errorf("it begins with %q: %w", head, ErrFormat)
	}
	r.next = r.nextBlock
	head, err = r.peek(sectionHead)
	if err != nil {
		return err
	}
	return r.openSection(head)
}

// Next reads the next frame into f. At the end of the file it returns io.EOF; after any error it returns the same again.
func (r *Reader) Next(f *Frame) error {
	if r.err != nil {
		return r.err
	}
	err := r.next(f)
	if err == nil {
		r.number++
		f.Number = r.number
		return nil
	}
	if err != io.EOF {
		err = fmt.Errorf("read capture after frame %d: %w", r.number, err)
	}
	r.err = err
	return err
}

// peek returns the next n bytes without moving on. It returns io.EOF if there are none and ErrCut if there are fewer.
func (r *Reader) peek(n int) ([]byte, error) {
	b, err := r.in.Peek(n)
	switch {
	case err == nil:
		return b, nil
	case err == io.EOF && len(b) == 0:
		return nil, io.EOF
	}
	return nil, cutIfEnded(err)
}

// cutIfEnded is for where the end must not come: it turns both forms of it, the second of which gzip returns, into ErrCut.
func cutIfEnded(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrCut
	}
	return err
}

// take returns the next n bytes and moves behind them. They stay valid until the next peek, because bufio only moves its
// bytes when it has to fetch more.
func (r *Reader) take(n int) ([]byte, error) {
	b, err := r.peek(n)
	if err != nil {
		return nil, err
	}
	_, err = r.in.Discard(n)
	return b, err
}

// length is a frame's length on the wire; a claim below what was captured, or beyond all reason, is put right.
func length(claimed uint32, captured int) int {
	return max(captured, int(min(claimed, math.MaxInt32)))
}

func tooLong(n uint32) error {
	return fmt.Errorf("a frame claims %d captured bytes, more than the %d allowed: %w", n, maxFrame, ErrFormat)
}
