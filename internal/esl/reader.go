package esl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/sipward/sipward/internal/link"
)

// What a frame may hold at most. An event of mod_sofia has a kilobyte or two.
const (
	maxHead = 8 << 10
	maxBody = 64 << 10
)

// errFrame says that what came is no frame, so that nobody knows where the next
// one begins.
var errFrame = errors.New("a frame that is none")

// The kinds of frame that say something to us.
const (
	authRequest  = "auth/request"
	commandReply = "command/reply"
	eventPlain   = "text/event-plain"
	rudeWord     = "text/rude-rejection"
	lastWord     = "text/disconnect-notice"
)

// frame is one message of the server.
type frame struct {
	kind, reply string
	// body is a view of the reader's buffer.
	body []byte
	// cut says that the body was too long and is gone.
	cut bool
}

// goodbye is the error of a frame that ends the connection.
func (f *frame) goodbye() error {
	switch f.kind {
	case rudeWord:
		return ErrForbidden
	case lastWord:
		return ErrDisconnected
	}
	return nil
}

// reader cuts a stream into frames. Its buffer is all the memory it ever needs.
type reader struct {
	from       io.Reader
	buf        []byte
	start, end int // what is read and not handed out
	current    frame
	// skip is how much of a body that is too long is still to come.
	skip int64
}

func newReader(from io.Reader) reader {
	return reader{from: from, buf: make([]byte, maxHead+len("\n\n")+maxBody)}
}

// frame reads the next one, which is good until the call after it. When time
// runs out in between, the next call goes on.
func (r *reader) frame() (*frame, error) {
	for {
		if r.skip == 0 {
			if done, err := r.cut(); done || err != nil {
				return &r.current, err
			}
		}
		if r.skip > 0 {
			n := min(int64(r.end-r.start), r.skip)
			r.start += int(n)
			if r.skip -= n; r.skip == 0 {
				return &r.current, nil
			}
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// cut takes a frame off what is read, if it is there as a whole.
func (r *reader) cut() (done bool, err error) {
	for r.start < r.end && r.buf[r.start] == '\n' {
		r.start++ // nothing begins with an empty line
	}
	text := r.buf[r.start:r.end]
	n := bytes.Index(text, []byte("\n\n"))
	if n > maxHead || n < 0 && len(text) > maxHead {
		return false, fmt.Errorf("%w: its head has no end", errFrame)
	}
	if n < 0 {
		return false, nil
	}
	length, err := r.current.head(text[:n])
	if err != nil {
		return false, err
	}
	n += len("\n\n")
	if length > maxBody {
		r.current.cut, r.current.body = true, nil
		r.start += n
		r.skip = length
		return false, nil
	}
	if len(text) < n+int(length) {
		return false, nil
	}
	r.current.body = text[n : n+int(length)]
	r.start += n + int(length)
	return true, nil
}

// head reads the lines in front of a body, and gives the body's length.
func (f *frame) head(text []byte) (length int64, err error) {
	*f = frame{}
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		key, value, ok := bytes.Cut(line, []byte(": "))
		if !ok {
			return 0, fmt.Errorf("%w: a line without a key", errFrame)
		}
		switch string(key) {
		case "Content-Type":
			f.kind = string(value)
		case "Reply-Text":
			f.reply = string(value)
		case "Content-Length":
			n, err := strconv.ParseUint(string(value), 10, 31)
			if err != nil {
				return 0, fmt.Errorf("%w: a length that is none", errFrame)
			}
			length = int64(n)
		}
	}
	return length, nil
}

// fill reads more. What was handed out before is overwritten by it.
func (r *reader) fill() error {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	n, err := link.Fill(r.from, r.buf[r.end:])
	r.end += n
	return err
}
