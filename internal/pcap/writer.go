package pcap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// ErrWrite is wrapped by errors about a frame that the format cannot hold; nothing of it has been written.
var ErrWrite = errors.New("frame does not fit the capture format")

// Writer writes a pcap with nanoseconds. Each frame goes out in one Write call, so a writer that is killed leaves a file
// that ends between two frames; put a bufio.Writer in between where speed matters more.
type Writer struct {
	to  io.Writer
	buf []byte
}

// NewWriter writes the file header; link is the link type of all frames, one of the LINKTYPE_ numbers.
func NewWriter(to io.Writer, link uint32) (*Writer, error) {
	w := &Writer{to: to}
	w.put(0xa1b23c4d, 2|4<<16, 0, 0, maxFrame, link) // version 2.4, UTC
	if _, err := to.Write(w.buf); err != nil {
		return nil, fmt.Errorf("write capture header: %w", err)
	}
	return w, nil
}

// Write appends a whole frame that was on the wire at the given time. It keeps nothing of frame.
func (w *Writer) Write(at time.Time, frame []byte) error {
	if len(frame) > maxFrame {
		return fmt.Errorf("write frame of %d bytes: %w", len(frame), ErrWrite)
	}
	seconds := at.Unix()
	if seconds < 0 || seconds > math.MaxUint32 {
		return fmt.Errorf("write frame of %s: %w", at.UTC().Format(time.RFC3339), ErrWrite)
	}
	w.buf = w.buf[:0]
	size := uint32(len(frame))
	w.put(uint32(seconds), uint32(at.Nanosecond()), size, size)
	w.buf = append(w.buf, frame...)
	if _, err := w.to.Write(w.buf); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

func (w *Writer) put(numbers ...uint32) {
	for _, n := range numbers {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, n)
	}
}
