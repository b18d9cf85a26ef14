package line

import (
	"bytes"
	"time"
)

// Header is the part of a line that the logging machinery wrote.
type Header struct {
	// Clock reads the stamps of this log.
	Clock *Clock
	// Text is what follows; At is the header's time, zero for none.
	Text []byte
	At   time.Time
	// Escaped says that a syslog daemon handled the line: control characters
	// then look like "#012", a number sign and three octal digits.
	Escaped bool
	// Torn says that the line ended in a carriage return. No server writes one: it
	// is half a line break out of a value, or the file came through Windows.
	Torn bool
}

// ReadHeader takes off what syslog, journalctl or the server put in front: a
// priority, a time stamp, host and program, a second time stamp.
func ReadHeader(text []byte, clock *Clock) Header {
	h := Header{Clock: clock, Text: text}
	if len(text) == 0 || text[0] != '[' { // else the server wrote the file itself
		h.skipSyslog()
	}
	if len(h.Text) > 1 && h.Text[0] == '[' {
		if at, n := clock.Stamp(h.Text[1:]); n > 0 && n+1 < len(h.Text) && h.Text[n+1] == ']' {
			h.At = at
			h.Text = SkipBlanks(h.Text[n+2:])
		}
	}
	return h
}

// skipSyslog takes off what syslog and journalctl put in front.
func (h *Header) skipSyslog() {
	h.skipPriority()
	if at, n := h.Clock.Stamp(h.Text); n > 0 && n < len(h.Text) && h.Text[n] == ' ' {
		h.At = at
		h.Text = h.Text[n+1:]
		h.skipProgram()
	}
	h.Text = SkipColour(h.Text)
}

// skipPriority takes off "<165>", and the version of RFC 5424.
func (h *Header) skipPriority() {
	if len(h.Text) == 0 || h.Text[0] != '<' {
		return
	}
	end := bytes.IndexByte(h.Text, '>')
	if end < 2 || end > 4 {
		return
	}
	if _, ok := Number(h.Text[1:end]); ok {
		h.Text = bytes.TrimPrefix(h.Text[end+1:], []byte("1 "))
		h.Escaped = true
	}
}

// skipProgram takes off "host program[123]: " of RFC 3164 and journalctl, or
// "host program 123 id data " of RFC 5424. Where neither stands, nothing happens.
func (h *Header) skipProgram() {
	host, rest := Token(h.Text)
	tag, after := Token(rest)
	if n := len(host); n > 1 && host[n-1] == ':' && host[0] != '[' && !isLevel(host) {
		h.Text, h.Escaped = rest, true
		return
	}
	if len(host) == 0 || host[0] == '[' || bytes.IndexByte(host, '(') >= 0 || isLevel(host) || len(tag) < 2 {
		return
	}
	if tag[len(tag)-1] == ':' && !isLevel(tag) {
		h.Text, h.Escaped = after, true
		return
	}
	process, rest := Token(after)
	_, rest = Token(rest) // the message's type
	if _, ok := Number(process); !ok && string(process) != "-" || len(rest) == 0 || rest[0] != '-' && rest[0] != '[' {
		return
	}
	end := 1
	if rest[0] == '[' {
		end = bytes.Index(rest, []byte("] ")) + 1
	}
	if end > 0 {
		text := bytes.TrimPrefix(SkipBlanks(rest[end:]), []byte("\ufeff"))
		h.Text, h.Escaped = text, true
	}
}

// Token cuts text at the first run of blanks.
func Token(text []byte) (word, rest []byte) {
	i := bytes.IndexByte(text, ' ')
	if i < 0 {
		return text, nil
	}
	return text[:i], SkipBlanks(text[i:])
}

// SkipBlanks passes over blanks.
func SkipBlanks(text []byte) []byte {
	for len(text) > 0 && text[0] == ' ' {
		text = text[1:]
	}
	return text
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
