package logline

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/custom"
	"github.com/sipward/sipward/internal/logline/line"
)

// entry is one line of `journalctl -o json`.
type entry struct {
	// at is when journald took it.
	at time.Time
	// unit and comm are journald's own word about the writer; known says that it
	// has one. What else stands in an entry is the writer's claim.
	unit, comm string
	known      bool
	message    []byte
}

// openEntry reads a line of `journalctl -o json`; false for any other.
func openEntry(text []byte) (entry, bool) {
	if !bytes.HasPrefix(text, []byte(`{"`)) && !bytes.HasPrefix(text, []byte("{ \"")) || !line.Contains(text, `"__REALTIME_TIMESTAMP"`) {
		return entry{}, false
	}
	values, ok := line.Object(text, "__REALTIME_TIMESTAMP", "MESSAGE", "_SYSTEMD_UNIT", "_COMM")
	if !ok {
		return entry{}, false
	}
	var e entry
	stamp, ok := line.JSONText(values[0])
	micros := json.Number(stamp)
	n, err := micros.Int64()
	if !ok || err != nil {
		return entry{}, false
	}
	e.at = time.UnixMicro(n).UTC()
	e.message, _ = line.JSONText(values[1])
	unit, ok1 := line.JSONText(values[2])
	comm, ok2 := line.JSONText(values[3])
	e.unit, e.comm, e.known = string(unit), string(comm), ok1 || ok2
	return e, true
}

// Writer says which server wrote an entry of the journal, by journald's own word:
// the unit and the name of the program. It is empty for any other program. A
// program that somebody started in a session of his own may have any name.
func Writer(unit, comm string) Format {
	mine := strings.HasPrefix(unit, "session-") || strings.HasPrefix(unit, "user@")
	for _, name := range Names {
		if name != Auto && !mine && (strings.Contains(unit, string(name)) || strings.Contains(comm, string(name))) {
			return name
		}
	}
	if unit == "freepbx.service" {
		return Asterisk
	}
	return ""
}

// readEntry judges an entry's message. Where the server is not fixed, or another
// program wrote it, journald's word decides; a message of somebody else that
// looks like a server's is nobody's evidence, and foreign.
func readEntry(e *entry, format Format, clock *Clock, own *custom.Pattern) (r line.Reading, foreign bool) {
	writer := Writer(e.unit, e.comm)
	if format != Auto && (!e.known || format == writer || format == Custom || e.comm == "dockerd" || e.comm == "conmon") {
		writer = format // a container's output has no other name than its engine's
	} else if format != Auto {
		writer = ""
	}
	as := writer
	if as == "" {
		as = format
	}
	message := bytes.TrimSuffix(e.message, []byte("\n"))
	readText(message, as, clock, own, &r)
	if foreign = writer == ""; foreign {
		other := line.Reading{}
		if r.Verdict == event.Hostile || r.Verdict == event.Tampered {
			other.Log = event.Log{Verdict: event.Tampered, Kind: event.KindOther, Server: r.Server, Rule: "journal.writer", Note: "not written by the server"}
		}
		r = other
	}
	// The entry is whole, its text may not be. Without the number of a process in
	// front it came through syslog(3), in one piece.
	if bytes.IndexByte(message, '\n') >= 0 || r.Quotes.Loose && r.Thread == 0 {
		r.Open, r.Quotes = false, line.Quotation{}
	}
	r.At, r.Stamped, r.HasTime = e.at, true, true
	if r.Verdict != event.Hostile && r.Verdict != event.Tampered && r.Kind != event.AuthOK {
		r.Source = netip.AddrPort{}
	}
	return r, foreign
}
