package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/pcap"
	"github.com/sipward/sipward/internal/source"
)

// stream gives the events of a file in their order. The event is good until the
// next call; the end is io.EOF.
type stream interface {
	Next() (*event.Event, error)
}

// frames is a stream of recorded packets: a capture, or a dump of HEP.
type frames interface {
	stream
	Packets() source.PacketStats
	Cut() error
}

// input is one file with its next event.
type input struct {
	name   string
	file   *os.File
	stream stream
	frames frames // nil for a log
	lines  *logline.File
	head   *event.Event
	// behind says that this is a log beside a capture.
	behind bool
}

// due is when the next event has its turn. A log that stamps only whole seconds
// puts a line before the packet that it tells of; live the packet comes first,
// and so such a line waits here until its second is over.
func (in *input) due() time.Time {
	if in.behind && in.head.Time.Nanosecond() == 0 {
		return in.head.Time.Add(time.Second)
	}
	return in.head.Time
}

// openAll opens every file and reads up to its first event.
func openAll(files []string, sides *source.Sides, o Options) ([]*input, error) {
	var inputs []*input
	for _, name := range files {
		in, err := openInput(name, sides, o)
		if err == nil {
			inputs = append(inputs, in)
			err = in.advance()
		}
		if err != nil {
			closeAll(inputs)
			return nil, err
		}
	}
	return inputs, nil
}

// counting tells how much was read.
type counting struct {
	io.Reader
	read *atomic.Int64
}

// Read implements io.Reader.
func (c *counting) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if c.read != nil {
		c.read.Add(int64(n))
	}
	return n, err
}

// openInput tells captures, dumps and logs apart by their first bytes.
func openInput(name string, sides *source.Sides, o Options) (*input, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	in := &input{name: name, file: file}
	buffered := bufio.NewReaderSize(&counting{file, o.Read}, 1<<20)
	head, err := buffered.Peek(pcap.SniffLen)
	if err != nil && !errors.Is(err, io.EOF) {
		file.Close()
		return nil, inputError(name, err)
	}
	switch {
	case pcap.Sniff(head):
		in.frames, err = source.NewCapture(buffered, sides)
		in.stream = in.frames
	case hep.Sniff(head):
		in.frames = source.NewDump(buffered, sides)
		in.stream = in.frames
	default:
		in.lines, err = logline.NewFile(buffered, o.Format, o.Clock)
		in.stream = in.lines
	}
	if err != nil {
		file.Close()
		return nil, inputError(name, err)
	}
	return in, nil
}

// advance reads the next event; at the end head is nil.
func (in *input) advance() error {
	head, err := in.stream.Next()
	in.head = head
	if errors.Is(err, io.EOF) {
		in.head = nil
		return nil
	}
	if err != nil {
		return inputError(in.name, err)
	}
	head.Time = head.Time.UTC() // one zone for all that is reported
	return nil
}

// account adds the input's counters to the summary.
func (in *input) account(s *Summary) {
	if in.frames == nil {
		s.Lines += in.lines.Lines()
		return
	}
	stats := in.frames.Packets()
	s.Packets += stats.Frames
	s.Messages += stats.Messages
	s.Skipped += stats.Skipped
	if err := in.frames.Cut(); err != nil {
		s.Skipped++
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s: %v; what came before counts", in.name, err))
	}
}

// Close implements io.Closer.
func (in *input) Close() error { return in.file.Close() }

func closeAll(inputs []*input) {
	for _, in := range inputs {
		in.Close()
	}
}
