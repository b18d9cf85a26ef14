// Package logline turns lines of SIP servers' logs into Events: one room per server.
// It believes a line only where no outsider can have written it, and passes no
// judgement.
package logline

import (
	"bytes"
	"slices"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/asterisk"
	"github.com/sipward/sipward/internal/logline/custom"
	"github.com/sipward/sipward/internal/logline/freeswitch"
	"github.com/sipward/sipward/internal/logline/line"
	"github.com/sipward/sipward/internal/logline/ser"
)

// Clock fills in what a log's time stamps leave out.
type Clock = line.Clock

// Format names the server that wrote a log.
type Format string

// The servers whose logs have a name; Auto tries each line as every format.
const (
	Auto       Format = "auto"
	Asterisk   Format = "asterisk"
	FreeSWITCH Format = "freeswitch"
	Kamailio   Format = "kamailio"
	OpenSIPS   Format = "opensips"
	// Custom is a log that only a pattern of the administrator can read.
	Custom Format = "custom"
)

// Names lists what a user may call a format of a server.
var Names = []Format{Auto, Asterisk, FreeSWITCH, Kamailio, OpenSIPS}

// Reserved says that a server tells of refused logins only when it is asked to:
// FreeSWITCH by log-auth-failures, the proxies by their scripts.
func (f Format) Reserved() bool { return f == FreeSWITCH || f == Kamailio || f == OpenSIPS }

// formats is every server whose lines we can read, and how: one room each.
var formats = []struct {
	name Format
	read func(line.Header, *line.Reading)
}{
	{Asterisk, asterisk.Read},
	{FreeSWITCH, freeswitch.Read},
	{Kamailio, ser.Kamailio},
	{OpenSIPS, ser.OpenSIPS},
}

// Readable says that lines of this format are more than text to us.
func Readable(format Format) bool {
	return format == Custom || slices.Contains(Names, format)
}

// Classify says what one line of a log means, and when it was written: the zero
// time when the line does not tell. Lines that only their neighbours can
// explain need a Reader. The result is a view of text.
func Classify(text []byte, format Format, clock Clock) (event.Log, time.Time) {
	if e, ok := openEntry(text); ok {
		r, _ := readEntry(&e, format, &clock, nil)
		return r.Log, r.At
	}
	var r line.Reading
	readText(text, format, &clock, nil, &r)
	return r.Log, r.At
}

// readText asks the servers' readers, and where they know no answer, the
// administrator's own pattern, if any. The Reading is empty before.
func readText(text []byte, format Format, clock *Clock, own *custom.Pattern, r *line.Reading) {
	whole, torn := bytes.CutSuffix(text, []byte("\r"))
	h := line.ReadHeader(whole, clock)
	h.Torn = torn
	for i := range formats {
		if format != formats[i].name && format != Auto {
			continue
		}
		if r.Verdict == event.Unknown {
			formats[i].read(h, r)
		} else if other := readAs(formats[i].read, h); other.Whole {
			*r = other
		}
		if r.Whole { // this server wrote it, whatever it says
			break
		}
	}
	if own != nil && (r.Verdict == event.Unknown || r.Verdict == event.Near) {
		if other := own.Read(h); other.Verdict != event.Unknown {
			other.Thread = r.Thread
			*r = other
		}
	}
	// The prefix is the server's for certain; a time inside the message serves
	// where there is none.
	if !h.At.IsZero() {
		r.At, r.Stamped = h.At, true
	}
	r.HasTime = !r.At.IsZero()
}

// readAs is for a line that looks like the rest of one server's record, and may be
// another server's own.
func readAs(read func(line.Header, *line.Reading), h line.Header) line.Reading {
	var r line.Reading
	read(h, &r)
	return r
}
