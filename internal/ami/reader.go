package ami

import (
	"bytes"
	"errors"
	"io"

	"github.com/sipward/sipward/internal/link"
)

// What a block may hold at most. Asterisk's own security events stay far below.
const (
	maxLine  = 8 << 10
	maxBlock = 64 << 10
	maxKeys  = 100
	maxName  = 64 // bytes of a key
)

// errLine says that the greeting has no end.
var errLine = errors.New("a first line without an end")

var (
	lineEnd  = []byte("\r\n")
	blockEnd = []byte("\r\n\r\n")
)

// reader cuts a stream into blocks. Its buffer is all the memory it ever needs.
type reader struct {
	from       io.Reader
	buf        []byte
	start, end int  // what is read and not handed out
	scanned    int  // where the search for the end goes on
	skipping   bool // the block is too long and its beginning is gone
	current    block
}

func newReader(from io.Reader) reader {
	return reader{from: from, buf: make([]byte, maxBlock)}
}

// field is one line: a key and its value, both views of the buffer.
type field struct{ key, value []byte }

// block is what stands between two empty lines.
type block struct {
	fields []field
	// broken says in words what no server writes.
	broken string
}

// line reads one line, for the greeting.
func (r *reader) line() ([]byte, error) {
	for {
		if i := bytes.Index(r.buf[r.start:r.end], lineEnd); i >= 0 {
			text := r.buf[r.start : r.start+i]
			r.start += i + len(lineEnd)
			r.scanned = r.start
			return text, nil
		}
		if r.end-r.start > maxLine {
			return nil, errLine
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// block reads up to the next empty line. What it gives is good until the next
// call. A block that is too long is passed over and given as a broken one.
func (r *reader) block() (*block, error) {
	for {
		if bytes.HasPrefix(r.buf[r.start:r.end], lineEnd) && !r.skipping {
			r.advance(len(lineEnd)) // no line at all
			r.current = block{fields: r.current.fields[:0], broken: "an empty block"}
			return &r.current, nil
		}
		if i := bytes.Index(r.buf[r.scanned:r.end], blockEnd); i >= 0 {
			text := r.buf[r.start : r.scanned+i]
			r.advance(len(text) + len(blockEnd))
			r.current.split(text)
			if r.skipping {
				r.skipping = false
				r.current.broken = "too long"
			}
			return &r.current, nil
		}
		r.scanned = max(r.start, r.end-len(blockEnd)+1)
		if r.end-r.start == len(r.buf) {
			r.start, r.skipping = r.scanned, true
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

func (r *reader) advance(n int) {
	r.start += n
	r.scanned = r.start
}

// fill reads more. What was handed out before is overwritten by it.
func (r *reader) fill() error {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.scanned -= r.start
		r.start = 0
	}
	n, err := link.Fill(r.from, r.buf[r.end:])
	r.end += n
	return err
}

// split takes a block apart. A line feed or a carriage return alone ends no
// line: Asterisk ends its own with both.
func (b *block) split(text []byte) {
	b.fields, b.broken = b.fields[:0], ""
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, lineEnd)
		text = rest
		if len(line) > maxLine {
			b.broken = "a line that is too long"
			return
		}
		if len(b.fields) == maxKeys {
			b.broken = "too many lines"
			return
		}
		key, value, ok := bytes.Cut(line, []byte(": "))
		if !ok || !isKey(key) {
			b.broken = "a line without a key"
			return
		}
		b.fields = append(b.fields, field{key, value})
	}
}

func isKey(text []byte) bool {
	for _, c := range text {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return len(text) > 0 && len(text) <= maxName
}

// value finds a key that stands there once.
func (b *block) value(key string) (value []byte, once bool) {
	n := 0
	for _, f := range b.fields {
		if string(f.key) == key {
			value = f.value
			n++
		}
	}
	return value, n == 1
}

// answers says that a block is the answer to the action of this number.
func (b *block) answers(id string) bool {
	if len(b.fields) == 0 || string(b.fields[0].key) != "Response" {
		return false
	}
	value, _ := b.value("ActionID")
	return string(value) == id
}
