package asterisk

import (
	"bytes"

	"github.com/sipward/sipward/internal/logline/line"
)

// Most lines of a busy server are talk about calls, at a level that never speaks
// about security. Quiet finds them by the server's own words in front of the
// message; that is cheaper than to read them, and they need no copy.

// Quiet says that Read would answer with a line that is whole and says nothing:
// Whole, Server and Thread are set, and nothing else. It may say no to such a
// line, and then Read has to look; it never says yes to another one.
func Quiet(h line.Header) (thread uint32, quiet bool) {
	var rec record
	// A line of the security log at such a level would be of a new kind.
	if !rec.split(h.Text) || rec.dialplan || !isQuiet(rec.level) || line.HasSuffix(rec.file, securityFile) {
		return 0, false
	}
	message := line.SkipBlanks(rec.message)
	switch {
	case bytes.HasPrefix(message, []byte("<--- ")): // perhaps a packet follows
		return 0, false
	case bytes.HasPrefix(message, []byte("-- ")):
		// The console's way to tell news. Two of the forms can begin so: the words
		// about our own requests, and whatever PJSIP says about sessions.
		if line.Contains(rec.file, "pjsip", "pjproject", "manager.c") || len(message) < 4 || message[3] == 'G' || message[3] == 'R' {
			return 0, false
		}
	}
	return rec.thread, true
}

// MayBeQuiet is a first glance at a line with everything in front of it: in the
// logger's usual shape the level begins behind the stamp, "[2026-11-22 10:00:00]
// VERBOSE[12]". Lines of other shapes are read in full.
func MayBeQuiet(text []byte) bool {
	end := len("[2026-11-22 10:00:00")
	if end >= len(text) || text[end] != ']' {
		end = bytes.IndexByte(text[:min(len(text), maxStamp)], ']')
	}
	if end < 0 || end+2 >= len(text) {
		return false
	}
	switch text[end+2] {
	case 'V', 'D', 'T': // VERBOSE, DEBUG, DTMF, TRACE
		return true
	}
	return false
}

// maxStamp is how long a stamp in brackets can be; that with a fraction and a
// zone has 31 bytes.
const maxStamp = 40
