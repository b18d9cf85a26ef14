package hep

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrCut is wrapped by the error for a dump that ends inside a packet. All packets before have been handed out.
var ErrCut = errors.New("file ends inside a packet")

// Reader reads a dump: HEP3 packets one after the other, as a plain "nc -lu" writes them or a TCP stream carries them.
// HEP1 and HEP2 do not say how long they are and cannot be read from a dump.
type Reader struct {
	in     *bufio.Reader
	number int
	bad    int
}

// NewReader reads from the given file or stream, through one buffer of MaxPacket bytes.
func NewReader(from io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(from, MaxPacket+1)} }

// Next reads the next packet that can be read into p, valid until the call after it; the end is io.EOF. What is damaged
// is stepped over, up to the next magic word, and counted.
func (r *Reader) Next(p *Packet) error {
	for {
		b, err := r.frame()
		if err != nil {
			return err
		}
		r.number++
		if Decode(b, p) == nil {
			return nil
		}
		r.bad++
	}
}

// Number counts the packets so far, the bad ones among them; it is the place of the last one in the dump.
func (r *Reader) Number() int { return r.number }

// Bad counts what was no packet, though it began like one or stood between two.
func (r *Reader) Bad() int { return r.bad }

// frame gives the next packet's bytes by its own length. The bytes stay valid until the next call, because bufio only
// moves them when it has to fetch more.
func (r *Reader) frame() ([]byte, error) {
	head, err := r.in.Peek(packetHead)
	if errors.Is(err, io.EOF) && len(head) == 0 {
		return nil, io.EOF
	}
	if err == nil && !Sniff(head) {
		r.bad++
		if err := r.resume(); err != nil {
			return nil, err
		}
		return r.frame()
	}
	length := packetHead
	if err == nil {
		length = max(packetHead, int(binary.BigEndian.Uint16(head[4:])))
		head, err = r.in.Peek(length)
	}
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read HEP after packet %d: %w", r.number, ErrCut)
	}
	if err != nil {
		return nil, fmt.Errorf("read HEP after packet %d: %w", r.number, err)
	}
	_, err = r.in.Discard(length)
	return head, err
}

// resume goes on to the next magic word.
func (r *Reader) resume() error {
	for {
		if _, err := r.in.Peek(len(magic)); err != nil {
			return err // io.EOF: nothing that could be a packet follows
		}
		rest, _ := r.in.Peek(r.in.Buffered())
		if i := bytes.Index(rest, magic); i >= 0 {
			_, err := r.in.Discard(i)
			return err
		}
		if _, err := r.in.Discard(len(rest) - len(magic) + 1); err != nil {
			return err
		}
	}
}
