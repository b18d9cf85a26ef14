// Package logline turns lines of SIP servers' logs into Events: one file per server.
// It believes a line only where no outsider can have written it, and passes no
// judgement.
package logline

import (
	"bytes"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// Format names the server that wrote a log.
type Format string

// The servers whose logs have a name; Auto tries each line as every format.
const (
	Auto       Format = "auto"
	Asterisk   Format = "asterisk"
	FreeSWITCH Format = "freeswitch"
	Kamailio   Format = "kamailio"
	OpenSIPS   Format = "opensips"
)

// Names lists what a user may call a format.
var Names = []Format{Auto, Asterisk, FreeSWITCH, Kamailio, OpenSIPS}

// formats is every server whose lines we can read, and how: one file each.
var formats = []struct {
	name Format
	read func(header) reading
}{
	{Asterisk, readAsterisk},
}

// Readable says that lines of this format are more than text to us.
func Readable(format Format) bool {
	for _, f := range formats {
		if format == f.name {
			return true
		}
	}
	return format == Auto
}

// reading is what one line says, and what the lines around it have to know.
type reading struct {
	event.Log
	at time.Time
	// whole says that the line begins as the server begins its lines. Any other
	// line may be the rest of the one before it.
	whole bool
	// open says that the line begins a record and does not end it: a line break
	// stands inside a value, and the rest is to come.
	open bool
	// front says that the source stands before everything an outsider could
	// have written, so that no line break can move it.
	front bool
	// clause is what the server writes behind the outsider's first value. The
	// rest of an open record holds it. behind says that the source follows it.
	clause string
	behind bool
	// thread is the number of the server's thread. No outsider knows it.
	thread uint32
	// stamped says that the line's prefix has a time.
	stamped bool
	// quotes tells of a packet that follows word by word.
	quotes quotation
}

// quotation is a packet inside a log: text of an outsider until a line that is
// just the end mark, or for a number of bytes.
type quotation struct {
	end  string
	size int
}

// Classify says what one line of a log means, and when it was written: the zero
// time when the line does not tell. Lines that only their neighbours can
// explain need a Reader. The result is a view of line.
func Classify(line []byte, format Format, clock Clock) (event.Log, time.Time) {
	r := read(line, format, clock)
	return r.Log, r.at
}

func read(line []byte, format Format, clock Clock) reading {
	h := readHeader(bytes.TrimSuffix(line, []byte("\r")), clock)
	var result reading
	for i := range formats {
		if format != formats[i].name && format != Auto {
			continue
		}
		r := formats[i].read(h)
		if r.whole || result.Verdict == event.Unknown {
			result = r
		}
		if r.whole { // this server wrote it, whatever it says
			break
		}
	}
	// The prefix is the server's for certain; a time inside the message serves
	// where there is none.
	if result.stamped = !h.at.IsZero(); result.stamped {
		result.at = h.at
	}
	result.HasTime = !result.at.IsZero()
	return result
}

// header is the part of a line that the logging machinery wrote.
type header struct {
	clock Clock
	// text is what follows.
	text []byte
	at   time.Time
	// escaped says that a syslog daemon handled the line: control characters
	// then look like "#012", a number sign and three octal digits.
	escaped bool
}

// readHeader takes off what syslog, journalctl or the server put in front: a
// priority, a time stamp, host and program, a second time stamp.
func readHeader(text []byte, clock Clock) header {
	h := header{clock: clock, text: text}
	h.skipPriority()
	if at, n := clock.stamp(h.text); n > 0 && n < len(h.text) && h.text[n] == ' ' {
		h.at = at
		h.text = h.text[n+1:]
		h.skipProgram()
	}
	h.text = skipColour(h.text)
	if len(h.text) > 1 && h.text[0] == '[' {
		if at, n := clock.stamp(h.text[1:]); n > 0 && n+1 < len(h.text) && h.text[n+1] == ']' {
			h.at = at
			h.text = bytes.TrimLeft(h.text[n+2:], " ")
		}
	}
	return h
}

// skipPriority takes off "<165>", and the version of RFC 5424.
func (h *header) skipPriority() {
	end := bytes.IndexByte(h.text, '>')
	if len(h.text) == 0 || h.text[0] != '<' || end < 2 || end > 4 {
		return
	}
	if _, ok := number(h.text[1:end]); ok {
		h.text = bytes.TrimPrefix(h.text[end+1:], []byte("1 "))
		h.escaped = true
	}
}

// skipProgram takes off "host program[123]: " of RFC 3164 and journalctl, or
// "host program 123 id data " of RFC 5424. Where neither stands, nothing happens.
func (h *header) skipProgram() {
	host, rest := token(h.text)
	tag, after := token(rest)
	if n := len(host); n > 1 && host[n-1] == ':' && host[0] != '[' && !isLevel(host) {
		h.text, h.escaped = rest, true
		return
	}
	if len(host) == 0 || host[0] == '[' || isLevel(host) || len(tag) < 2 {
		return
	}
	if tag[len(tag)-1] == ':' && !isLevel(tag) {
		h.text, h.escaped = after, true
		return
	}
	process, rest := token(after)
	_, rest = token(rest) // the message's type
	if _, ok := number(process); !ok && string(process) != "-" || len(rest) == 0 || rest[0] != '-' && rest[0] != '[' {
		return
	}
	end := 1
	if rest[0] == '[' {
		end = bytes.Index(rest, []byte("] ")) + 1
	}
	if end > 0 {
		text := bytes.TrimPrefix(bytes.TrimLeft(rest[end:], " "), []byte("\ufeff"))
		h.text, h.escaped = text, true
	}
}

// token cuts text at the first run of blanks.
func token(text []byte) (word, rest []byte) {
	i := bytes.IndexByte(text, ' ')
	if i < 0 {
		return text, nil
	}
	return text[:i], bytes.TrimLeft(text[i:], " ")
}

// isLevel tells "NOTICE[123]:" from the name of a program.
func isLevel(word []byte) bool {
	i := bytes.IndexByte(word, '[')
	if i < 3 {
		return false
	}
	for _, b := range word[:i] {
		if b < 'A' || b > 'Z' {
			return false
		}
	}
	return true
}
