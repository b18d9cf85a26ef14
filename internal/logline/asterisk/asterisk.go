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
	read        func(record) line.Reading
}

// forms is every message we know. An empty file is any file: which one
// a message comes from changes between versions, and no outsider can write at
// the start of a message.
var forms = []form{
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
	{"", "", readOwnWords},
}

// Read is the way in: one line, without its time stamp.
func Read(h line.Header) line.Reading {
	if bytes.HasPrefix(h.Text, []byte(`{"hostname"`)) {
		return readJSONRecord(h)
	}
	rec, ok := splitRecord(h.Text)
	if !ok {
		return readLoose(h)
	}
	rec.escaped, rec.dated = h.Escaped, !h.At.IsZero()
	return readRecord(rec)
}

// readRecord judges a message by the form it has.
func readRecord(rec record) line.Reading {
	length := len(rec.message)
	r := matchRecord(rec)
	r.Whole, r.Thread = true, rec.thread
	r.Server = serverName
	if r.Verdict == event.Unknown && r.Quotes == (line.Quotation{}) && isNear(rec) {
		r.Verdict, r.Note = event.Near, "no known form"
	}
	if r.Open { // the line's beginning may be as foreign as its end
		r.Source = netip.AddrPort{}
	}
	if r.Breakable() && line.IsCut(length, rec.escaped) {
		r.Source = netip.AddrPort{}
		r.Tamper("long enough to have been cut off")
	}
	if r.Verdict != event.Hostile && r.Verdict != event.Tampered && r.Kind != event.AuthOK {
		r.Source = netip.AddrPort{}
	}
	return r
}

func matchRecord(rec record) line.Reading {
	if rec.dialplan {
		return readDialplan(rec)
	}
	message := bytes.TrimLeft(rec.message, " ")
	if isQuiet(rec.level) && !bytes.HasPrefix(message, []byte("-- ")) {
		return line.Reading{Quotes: quotedPacket(message)}
	}
	var near line.Reading
	for i := range forms {
		form := &forms[i]
		if !line.HasSuffix(rec.file, form.file) || len(message) < len(form.start) || string(message[:len(form.start)]) != form.start {
			continue
		}
		rec.message = message[len(form.start):]
		r := form.read(rec)
		if r.Verdict != event.Unknown {
			return r
		}
		if rec.message = message; near.Clause == "" {
			near = r
		}
	}
	return near
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
func isNear(rec record) bool {
	if string(rec.level) == "SECURITY" || line.HasSuffix(rec.file, securityFile) {
		return true
	}
	return !isQuiet(rec.level) && line.Suspicious(rec.message)
}

// splitRecord takes the logger's prefix apart, in any of its shapes:
//
//	NOTICE[12][C-0a]  chan_sip.c: message                  a file
//	NOTICE[12][C-0a]: chan_sip.c:99 function: message      console, [plain]
//	NOTICE[12][C-0a]: chan_sip.c:99 in function: message   syslog
//
// with or without colours around the words.
func splitRecord(text []byte) (record, bool) {
	var rec record
	text = line.SkipColour(skipUnreadStamp(text))
	n := 0
	for n < len(text) && (text[n] >= 'A' && text[n] <= 'Z' || text[n] == '_') {
		n++
	}
	if n < 3 || n > 16 {
		return rec, false
	}
	rec.level, text = text[:n], bytes.TrimPrefix(line.SkipColour(text[n:]), []byte(" "))
	thread, text, ok := bracketed(text)
	if !ok {
		return rec, false
	}
	lwp, ok := line.Number(thread)
	if !ok {
		return rec, false
	}
	rec.thread = uint32(lwp)
	if call, rest, ok := bracketed(text); ok && bytes.HasPrefix(call, []byte("C-")) {
		text = rest
	}
	text = line.SkipColour(bytes.TrimPrefix(text, []byte(":")))
	if len(text) == 0 || text[0] != ' ' {
		return rec, false
	}
	return rec, rec.splitFile(line.SkipColour(bytes.TrimLeft(text, " ")))
}

// splitFile reads the name of the source file, and line and function if given.
func (rec *record) splitFile(text []byte) bool {
	if rest, ok := line.CutPrefix(text, "Ext. "); ok {
		rec.dialplan, rec.message = true, rest
		return true
	}
	n := 0
	for n < len(text) && isFileByte(text[n]) {
		n++
	}
	rec.file = text[:n]
	text = line.SkipColour(text[n:])
	if len(rec.file) == 0 || len(text) == 0 || text[0] != ':' {
		return false
	}
	text = line.SkipColour(text[1:])
	if rest, ok := line.CutPrefix(text, " "); ok {
		rec.message = rest
		return true
	}
	// A line number, a blank, perhaps "in", a function.
	for len(text) > 0 && line.IsDigit(text[0]) {
		text = text[1:]
	}
	text = bytes.TrimPrefix(line.SkipColour(text), []byte(" "))
	text = bytes.TrimPrefix(line.SkipColour(text), []byte("in "))
	n = 0
	for n < len(text) && (isFileByte(text[n]) || text[n] == '<' || text[n] == '?' || text[n] == '>') {
		n++
	}
	text, ok := line.CutPrefix(line.SkipColour(text[n:]), ":")
	rec.message = bytes.TrimPrefix(line.SkipColour(text), []byte(" "))
	return ok
}

func isFileByte(b byte) bool {
	return b|0x20 >= 'a' && b|0x20 <= 'z' || line.IsDigit(b) || b == '_' || b == '.' || b == '/' || b == '-' || b == '+'
}

// bracketed takes a short "[word]" off text.
func bracketed(text []byte) (word, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '[' {
		return nil, text, false
	}
	end := bytes.IndexByte(text, ']')
	if end < 0 || end > 16 {
		return nil, text, false
	}
	return text[1:end], text[end+1:], true
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
func readJSONRecord(h line.Header) line.Reading {
	var parsed jsonRecord
	if err := json.Unmarshal(h.Text, &parsed); err != nil {
		// Asterisk cuts long records at the size of its buffer.
		return line.Reading{Whole: true, Log: event.Log{Verdict: event.Near, Server: serverName, Note: "broken JSON"}}
	}
	rec := record{
		level: []byte(parsed.Message.Level), file: []byte(parsed.Message.Location.File),
		message: bytes.TrimSuffix([]byte(parsed.Message.Text), []byte("\n")), thread: parsed.Identifiers.Thread,
	}
	if exten, ok := line.CutPrefix(rec.file, "Ext. "); ok {
		rec.dialplan = true
		rec.message = append(append(exten, ": "...), rec.message...)
	}
	r := readRecord(rec)
	r.Quotes, r.Open = line.Quotation{}, false // whatever it holds is inside the record
	if at, n := h.Clock.Stamp([]byte(parsed.Timestamp)); n > 0 {
		r.At = at
	}
	return r
}

// readLoose looks at a line without the server's prefix: foreign text, or the
// rest of a record with a line break in it. Nothing in it names a culprit.
func readLoose(h line.Header) line.Reading {
	// Syslog escapes line breaks: behind its prefix is a line of another program.
	if h.Escaped || !line.Contains(h.Text, looseClauses[:]...) && !endsInReason(h.Text) {
		// A packet quoted without the server's prefix is not looked for: a line
		// break would be enough to begin one, and to blind us.
		return line.Reading{}
	}
	return line.Reading{Log: event.Log{
		Verdict: event.Tampered, Server: serverName, Rule: "asterisk.fragment", Kind: event.KindOther,
		Note: "a clause of the server without the server's prefix",
	}}
}

// looseClauses are clauses that the server writes after somebody else's text.
var looseClauses = [...]string{
	`SecurityEvent="`, `SessionID="`, `LocalAddress="`, `RemoteAddress="`, `",Challenge="`, `",Response="`, `",ExpectedResponse="`,
	`",ReceivedHash="`, `",RequestParams="`, failedFor, "' (from ", "' rejected because extension not found in context '",
	"' not found for endpoint '", "Rejecting unknown SIP connection from ",
}
