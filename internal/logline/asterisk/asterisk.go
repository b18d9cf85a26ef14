// Package asterisk reads the lines of Asterisk: security events and notices of
// its SIP channels, IAX2, the administration port and the dial plan.
package asterisk

import (
	"bytes"
	"encoding/json"
	"net/netip"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

const (
	serverName = "asterisk"
	// quotedRule is the rule of lines inside a packet that the server quotes.
	quotedRule = "asterisk.quoted_packet"
	// securityFile writes the security events.
	securityFile = "res_security_log.c"
)

// record is one line of Asterisk's logger, taken apart (main/logger.c). All
// parts but message are the server's own words, with one exception: the file
// of a line that the dial plan wrote is the number somebody dialled.
type record struct {
	level, file, message []byte
	thread               uint32
	// dialplan says that the Log() application wrote the line.
	dialplan bool
	// escaped is line.Header.Escaped. dated says that the header has a time, so
	// that nobody asks for the message's.
	escaped, dated bool
}

// form is a message that can be told by its file, its start, or both.
type form struct {
	file, start string
	// read fills in a Reading that is empty, or leaves it so: another form.
	read func(record, *line.Reading)
}

// forms is every message we know. An empty file is any file: which one
// a message comes from changes between versions, and no outsider can write at
// the start of a message.
var forms = [...]form{
	{"", `SecurityEvent="`, readSecurityEvent},
	{"", "Request ", readRequestFailed},
	{"", "Registration from '", readRegistrationFailed},
	{"", "Call from '", readCallRejected},
	{"", "AOR '", readNoSuchAOR},
	{"", "Endpoint '", readEndpointWithoutAOR},
	{"", "Registration attempt from endpoint '", readTooManyContacts},
	{"", "hacking attempt detected '", readHackingAttempt},
	{"", "Failed to authenticate device ", readNamelessFailure},
	{"", "Failed to authenticate user ", readNamelessFailure},
	{"", "Sending fake auth rejection for ", readNamelessFailure},
	{"", "Host ", readIAXHost},
	{"", "Address ", readIAXHost},
	{"", "Rejected connect attempt from ", readIAXConnect},
	{"", "No registration for peer '", readIAXPeer},
	{"chan_iax2.c", "Peer '", readIAXStaticPeer},
	{"chan_iax2.c", "Empty registration from ", readIAXEmpty},
	{"manager.c", "", readManager},
	{"pjproject", "", readPJProject},
	{"res_pjsip_session.c", "", readNamedCallRejected},
	{"res_pjsip_outbound_registration.c", "", readOwnRegistration},
	{"res_pjsip_outbound_authenticator_digest.c", "", readOwnRegistration},
	{"", "Registration for '", readOwnRegistration},
	{"", "Registration of '", readOwnRegistration},
	{"", "Last Registration Attempt", readOwnRegistration},
	{"", "Forbidden - ", readOwnRegistration},
	{"", "Failed to authenticate on ", readOwnRegistration},
	{"", "Got SIP response ", readOwnRegistration},
	{"", "Got 4", readOwnRegistration},
	{"", "Call rejected by ", readOwnRegistration},
	{"", "-- Got SIP response ", readOwnRegistration},
	{"", "-- Registration for '", readOwnRegistration},
}

// formsByStart is the forms that a message may have, by its first byte and in
// their order.
var formsByStart = sortForms()

func sortForms() (sorted [256][]*form) {
	for first := range sorted {
		for i := range forms {
			if start := forms[i].start; start == "" || int(start[0]) == first {
				sorted[first] = append(sorted[first], &forms[i])
			}
		}
	}
	return sorted
}

// Read is the way in: one line, without its time stamp.
func Read(h line.Header, r *line.Reading) {
	if len(h.Text) > 0 && h.Text[0] == '{' && bytes.HasPrefix(h.Text, []byte(`{"hostname"`)) {
		readJSONRecord(h, r)
		return
	}
	var rec record
	if !rec.split(h.Text) {
		readLoose(h, r)
		return
	}
	rec.escaped, rec.dated = h.Escaped, !h.At.IsZero()
	readRecord(&rec, r)
}

// readRecord judges a message by the form it has.
func readRecord(rec *record, r *line.Reading) {
	matchRecord(rec, r)
	r.Whole, r.Thread = true, rec.thread
	r.Server = serverName
	if r.Verdict == event.Unknown && r.Quotes == (line.Quotation{}) && isNear(rec) {
		r.Verdict, r.Note = event.Near, "no known form"
	}
	if r.Open { // the line's beginning may be as foreign as its end
		r.Source = netip.AddrPort{}
	}
	if r.Breakable() && line.IsCut(len(rec.message), rec.escaped) {
		r.Source = netip.AddrPort{}
		r.Tamper("long enough to have been cut off")
	}
	if r.Verdict != event.Hostile && r.Verdict != event.Tampered && r.Kind != event.AuthOK {
		r.Source = netip.AddrPort{}
	}
}

// matchRecord fills in what the first form says that knows an answer. Where none
// does, the first one that a message begins as tells at least how it goes on.
func matchRecord(rec *record, r *line.Reading) {
	if rec.dialplan {
		readDialplan(*rec, r)
		return
	}
	message := line.SkipBlanks(rec.message)
	if isQuiet(rec.level) && !bytes.HasPrefix(message, []byte("-- ")) {
		r.Quotes = quotedPacket(message)
		return
	}
	var first byte // of an empty message: no form begins so
	if len(message) > 0 {
		first = message[0]
	}
	shaped := *rec
	for _, f := range formsByStart[first] {
		var ok bool
		if shaped.message, ok = line.CutPrefix(message, f.start); !ok || !line.HasSuffix(rec.file, f.file) {
			continue
		}
		if r.Clause == "" {
			f.read(shaped, r)
		} else if other := readAs(f, shaped); other.Verdict != event.Unknown {
			*r = other
		}
		if r.Verdict != event.Unknown {
			return
		}
	}
}

// readAs is for a form behind one that the message only begins as.
func readAs(f *form, rec record) line.Reading {
	var r line.Reading
	f.read(rec, &r)
	return r
}

// isQuiet says that lines of this level never speak about security first hand.
func isQuiet(level []byte) bool {
	switch string(level) {
	case "VERBOSE", "DEBUG", "DTMF", "TRACE":
		return true
	}
	return false
}

// isNear says that a message looks as if it were about security. A growing
// number of them means that the server has learned new words.
func isNear(rec *record) bool {
	if string(rec.level) == "SECURITY" || line.HasSuffix(rec.file, securityFile) {
		return true
	}
	return !isQuiet(rec.level) && line.Suspicious(rec.message)
}

// split takes the logger's prefix apart, in any of its shapes:
//
//	NOTICE[12][C-0a]  chan_sip.c: message                  a file
//	NOTICE[12][C-0a]: chan_sip.c:99 function: message      console, [plain]
//	NOTICE[12][C-0a]: chan_sip.c:99 in function: message   syslog
//
// with or without colours around the words.
func (rec *record) split(text []byte) bool {
	text = line.SkipColour(skipUnreadStamp(text))
	n := 0
	for n < len(text) && (text[n] >= 'A' && text[n] <= 'Z' || text[n] == '_') {
		n++
	}
	if n < 3 || n > 16 {
		return false
	}
	rec.level, text = text[:n], line.SkipColour(text[n:])
	if len(text) > 0 && text[0] == ' ' {
		text = text[1:]
	}
	thread, text, ok := bracketed(text)
	if !ok {
		return false
	}
	lwp, ok := line.Number(thread)
	if !ok {
		return false
	}
	rec.thread = uint32(lwp)
	if call, rest, ok := bracketed(text); ok && len(call) > 1 && call[0] == 'C' && call[1] == '-' {
		text = rest
	}
	if len(text) > 0 && text[0] == ':' {
		text = text[1:]
	}
	text = line.SkipColour(text)
	if len(text) == 0 || text[0] != ' ' {
		return false
	}
	return rec.splitFile(line.SkipColour(line.SkipBlanks(text)))
}

// splitFile reads the name of the source file, and line and function if given.
func (rec *record) splitFile(text []byte) bool {
	if rest, ok := line.CutPrefix(text, "Ext. "); ok {
		rec.dialplan, rec.message = true, rest
		return true
	}
	n := 0
	for n < len(text) && isFileByte[text[n]] {
		n++
	}
	rec.file = text[:n]
	text = line.SkipColour(text[n:])
	if len(rec.file) == 0 || len(text) == 0 || text[0] != ':' {
		return false
	}
	text = line.SkipColour(text[1:])
	if len(text) > 0 && text[0] == ' ' {
		rec.message = text[1:]
		return true
	}
	// A line number, a blank, perhaps "in", a function.
	for len(text) > 0 && line.IsDigit(text[0]) {
		text = text[1:]
	}
	text = bytes.TrimPrefix(line.SkipColour(text), []byte(" "))
	text = bytes.TrimPrefix(line.SkipColour(text), []byte("in "))
	n = 0
	for n < len(text) && (isFileByte[text[n]] || text[n] == '<' || text[n] == '?' || text[n] == '>') {
		n++
	}
	text, ok := line.CutPrefix(line.SkipColour(text[n:]), ":")
	rec.message = bytes.TrimPrefix(line.SkipColour(text), []byte(" "))
	return ok
}

// isFileByte is the characters of file names, and of what dials and functions are
// called.
var isFileByte = line.Bytes("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+")

// bracketed takes a short "[word]" off text.
func bracketed(text []byte) (word, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '[' {
		return nil, text, false
	}
	for end := 1; end < len(text) && end <= 16; end++ {
		if text[end] == ']' {
			return text[1:end], text[end+1:], true
		}
	}
	return nil, text, false
}

// skipUnreadStamp passes over a time stamp of a form we cannot read:
// logger.conf lets the administrator choose any.
func skipUnreadStamp(text []byte) []byte {
	if len(text) == 0 || text[0] != '[' {
		return text
	}
	end := bytes.Index(text, []byte("] "))
	if end < 0 || end > 48 {
		return text
	}
	return text[end+2:]
}

// jsonRecord is what Asterisk's [json] formatter writes.
type jsonRecord struct {
	Timestamp   string `json:"timestamp"`
	Identifiers struct {
		Thread uint32 `json:"lwp"`
	} `json:"identifiers"`
	Message struct {
		Location struct {
			File string `json:"filename"`
		} `json:"location"`
		Level string `json:"level"`
		Text  string `json:"message"`
	} `json:"logmsg"`
}

// readJSONRecord reads a line of the [json] formatter. Its quoting is sound, so
// a line break cannot end a record; the message inside is as forgeable as ever.
func readJSONRecord(h line.Header, r *line.Reading) {
	var parsed jsonRecord
	if err := json.Unmarshal(h.Text, &parsed); err != nil {
		// Asterisk cuts long records at the size of its buffer.
		*r = line.Reading{Whole: true, Log: event.Log{Verdict: event.Near, Server: serverName, Note: "broken JSON"}}
		return
	}
	rec := record{
		level: []byte(parsed.Message.Level), file: []byte(parsed.Message.Location.File),
		message: bytes.TrimSuffix([]byte(parsed.Message.Text), []byte("\n")), thread: parsed.Identifiers.Thread,
	}
	if exten, ok := line.CutPrefix(rec.file, "Ext. "); ok {
		rec.dialplan = true
		rec.message = append(append(exten, ": "...), rec.message...)
	}
	readRecord(&rec, r)
	r.Quotes, r.Open = line.Quotation{}, false // whatever it holds is inside the record
	if at, n := h.Clock.Stamp([]byte(parsed.Timestamp)); n > 0 {
		r.At = at
	}
}

// readLoose looks at a line without the server's prefix: foreign text, or the
// rest of a record with a line break in it. Nothing in it names a culprit.
func readLoose(h line.Header, r *line.Reading) {
	// Syslog escapes line breaks: behind its prefix is a line of another program.
	if h.Escaped || !looseClauses.In(h.Text) && !endsInReason(h.Text) {
		// A packet quoted without the server's prefix is not looked for: a line
		// break would be enough to begin one, and to blind us.
		return
	}
	r.Say(event.Tampered, event.KindOther, "asterisk.fragment")
	r.Server, r.Note = serverName, "a clause of the server without the server's prefix"
}

// looseClauses are clauses that the server writes after somebody else's text.
var looseClauses = line.NewWords(
	`SecurityEvent="`, `SessionID="`, `LocalAddress="`, `RemoteAddress="`, `",Challenge="`, `",Response="`, `",ExpectedResponse="`,
	`",ReceivedHash="`, `",RequestParams="`, failedFor, "' (from ", "' rejected because extension not found in context '",
	"' not found for endpoint '", "Rejecting unknown SIP connection from ",
)
