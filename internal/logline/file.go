package logline

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/custom"
)

// maxLine is how much of a line is read; the rest up to its end is skipped.
const maxLine = 64 << 10

// File is the stream of a whole log file, which may be gzipped. Only lines
// that say something are events.
type File struct {
	from   *bufio.Reader
	reader Reader
	ended  error
}

// NewFile begins to read a log file.
func NewFile(from io.Reader, format Format, clock Clock) (*File, error) {
	buffered := bufio.NewReaderSize(from, maxLine)
	if head, _ := buffered.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		buffered = bufio.NewReaderSize(unzipped, maxLine)
	}
	return &File{from: buffered, reader: Reader{Format: format, Clock: clock}}, nil
}

// Use sets a pattern of the administrator's own, before the first line is read.
func (f *File) Use(own *custom.Pattern) { f.reader.Pattern = own }

// Next gives the next event, good until the call after it; the end is io.EOF. It
// passes over lines that say nothing.
func (f *File) Next() (*event.Event, error) {
	for {
		f.reader.skip()
		if e := f.reader.Next(); e != nil {
			return e, nil
		}
		if f.ended != nil {
			return nil, f.ended
		}
		f.readLine(f.reader.Take)
	}
}

// NextLine gives the event of every line, in order; the end is io.EOF.
func (f *File) NextLine() (*event.Event, error) {
	for {
		if e := f.reader.Next(); e != nil {
			return e, nil
		}
		if f.ended != nil {
			return nil, f.ended
		}
		f.readLine(f.reader.Put)
	}
}

// readLine gives the next line to put, or notes why there is none.
func (f *File) readLine(put func(text []byte, arrived time.Time)) {
	line, err := f.from.ReadSlice('\n')
	if len(line) > 0 {
		put(bytes.TrimSuffix(line, []byte("\n")), time.Time{})
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = f.from.ReadSlice('\n') // the rest of a line that is too long
	}
	if err != nil {
		f.reader.Flush()
		f.ended = err
	}
}

// Lines is how many lines were read.
func (f *File) Lines() uint64 { return f.reader.Lines() }
