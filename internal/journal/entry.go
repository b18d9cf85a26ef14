package journal

import (
	"encoding/json"
	"strconv"
	"time"
)

// Entry is one entry of the journal.
type Entry struct {
	// Cursor names the entry, for a later Run to go on behind it.
	Cursor string
	// Time is when journald got it.
	Time time.Time
	// Message is the writer's text. It may hold anything, line breaks too. Nil
	// when there is none, or several.
	Message []byte
	// Unit, Comm (the program's name) and Exe (its path) are journald's own word
	// about the writer; empty where it has none.
	Unit, Comm, Exe string
	// PID and UID are those of the writer; -1 where journald has none.
	PID, UID int
}

// line is an entry as journalctl writes it. Values are strings; lists of numbers
// where they are no text; null where they are too long; lists of these where a
// field stands there several times.
type line struct {
	Cursor  string          `json:"__CURSOR"`
	Time    string          `json:"__REALTIME_TIMESTAMP"`
	Message json.RawMessage `json:"MESSAGE"`
	Unit    json.RawMessage `json:"_SYSTEMD_UNIT"`
	Comm    json.RawMessage `json:"_COMM"`
	Exe     json.RawMessage `json:"_EXE"`
	PID     json.RawMessage `json:"_PID"`
	UID     json.RawMessage `json:"_UID"`
}

// parse reads one line of output.
func parse(text []byte) (Entry, bool) {
	var l line
	if json.Unmarshal(text, &l) != nil || l.Cursor == "" {
		return Entry{}, false
	}
	micros, err := strconv.ParseInt(l.Time, 10, 64)
	if err != nil {
		return Entry{}, false
	}
	return Entry{
		Cursor: l.Cursor, Time: time.UnixMicro(micros), Message: value(l.Message),
		Unit: string(value(l.Unit)), Comm: string(value(l.Comm)), Exe: string(value(l.Exe)),
		PID: number(l.PID), UID: number(l.UID),
	}, true
}

// value reads a field that stands there once; nil for any other. Which of two
// values a server meant nobody can tell.
func value(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return nil
	}
	if raw[0] == '"' {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return nil
		}
		return []byte(text)
	}
	// A list of bytes: into []byte the decoder would want base64.
	var numbers []uint16
	if json.Unmarshal(raw, &numbers) != nil || len(numbers) == 0 {
		return nil
	}
	out := make([]byte, 0, len(numbers))
	for _, n := range numbers {
		if n > 0xff {
			return nil
		}
		out = append(out, byte(n))
	}
	return out
}

func number(raw json.RawMessage) int {
	n, err := strconv.Atoi(string(value(raw)))
	if err != nil || n < 0 {
		return -1
	}
	return n
}
