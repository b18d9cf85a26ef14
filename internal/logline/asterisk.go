package logline

import (
	"bytes"
	"encoding/json"

	"github.com/sipward/sipward/internal/event"
)

const asteriskName = "asterisk"

// record is one line of Asterisk's logger, taken apart (main/logger.c). All
// parts but message are the server's own words, with one exception: the file
// of a line that the dial plan wrote is the number somebody dialled.
type record struct {
	level, file, message []byte
	thread               uint32
	// dialplan says that the Log() application wrote the line.
	dialplan bool
	// escaped is header.escaped.
	escaped bool
}

// asteriskForm is a message that can be told by its file, its start, or both.
type asteriskForm struct {
	file, start string
	read        func(record) reading
}

// asteriskForms is every message we know. An empty file is any file: which one
// a message comes from changes between versions, and no outsider can write at
// the start of a message.
var asteriskForms = []asteriskForm{
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
	{"manager.c", "", readManager},
	{"pjproject", "", readPJProject},
	{"res_pjsip_session.c", "", readNamedCallRejected},
	{"res_pjsip_outbound_registration.c", "", readOwnRegistration},
	{"res_pjsip_outbound_authenticator_digest.c", "", readOwnRegistration},
	{"", "", readOwnWords},
}

// readAsterisk is the way in: one line, without its time stamp.
func readAsterisk(h header) reading {
	if bytes.HasPrefix(h.text, []byte(`{"hostname"`)) {
		return readJSONRecord(h)
	}
	rec, ok := splitRecord(h.text)
	if !ok {
		return readLoose(h)
	}
	rec.escaped = h.escaped
	return readRecord(rec)
}

// readRecord judges a message by the form it has.
func readRecord(rec record) reading {
	length := len(rec.message)
	r := matchRecord(rec)
	r.whole, r.thread = true, rec.thread
	r.Server = asteriskName
	if r.Verdict == event.Unknown && r.quotes == (quotation{}) && isNear(rec) {
		r.Verdict, r.Note = event.Near, "no known form"
	}
	if r.open { // the line's beginning may be as foreign as its end
		r.Source = noSource
	}
	if r.breakable() && isCut(length, rec.escaped) {
		r.Source = noSource
		r.tamper("long enough to have been cut off")
	}
	if r.Verdict != event.Hostile && r.Verdict != event.Tampered && r.Kind != event.AuthOK {
		r.Source = noSource
	}
	return r
}

// isCut says that the server or a syslog daemon may have cut the message: at
// 8 KiB (main/logger.c), and at 1 KiB where RFC 3164 is taken literally. A
// value of the right length then decides where a line ends.
func isCut(length int, escaped bool) bool {
	return length > 8000 || escaped && length > 900
}

func matchRecord(rec record) reading {
	if rec.dialplan {
		return readDialplan(rec)
	}
	message := bytes.TrimLeft(rec.message, " ")
	if isQuiet(rec.level) && !bytes.HasPrefix(message, []byte("-- ")) {
		return reading{quotes: quotedPacket(message)}
	}
	var near reading
	for i := range asteriskForms {
		form := &asteriskForms[i]
		if !hasSuffix(rec.file, form.file) || len(message) < len(form.start) || string(message[:len(form.start)]) != form.start {
			continue
		}
		rec.message = message[len(form.start):]
		r := form.read(rec)
		if r.Verdict != event.Unknown {
			return r
		}
		if rec.message = message; near.clause == "" {
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
	if string(rec.level) == "SECURITY" || hasSuffix(rec.file, "res_security_log.c") {
		return true
	}
	return !isQuiet(rec.level) && contains(rec.message, nearWords[:]...) && hasAddress(rec.message)
}

var nearWords = [...]string{
	"ailed", "ejected", "efused", "enied", "ttack", "uthenticat", "nauthorized", "orbidden", "acking", "ntrusion", "canner", "ACL",
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
	text = skipColour(skipUnreadStamp(text))
	n := 0
	for n < len(text) && (text[n] >= 'A' && text[n] <= 'Z' || text[n] == '_') {
		n++
	}
	if n < 3 || n > 16 {
		return rec, false
	}
	rec.level, text = text[:n], bytes.TrimPrefix(skipColour(text[n:]), []byte(" "))
	thread, text, ok := bracketed(text)
	if !ok {
		return rec, false
	}
	lwp, ok := number(thread)
	if !ok {
		return rec, false
	}
	rec.thread = uint32(lwp)
	if call, rest, ok := bracketed(text); ok && bytes.HasPrefix(call, []byte("C-")) {
		text = rest
	}
	text = skipColour(bytes.TrimPrefix(text, []byte(":")))
	if len(text) == 0 || text[0] != ' ' {
		return rec, false
	}
	return rec, rec.splitFile(skipColour(bytes.TrimLeft(text, " ")))
}

// splitFile reads the name of the source file, and line and function if given.
func (rec *record) splitFile(text []byte) bool {
	if rest, ok := cutPrefix(text, "Ext. "); ok {
		rec.dialplan, rec.message = true, rest
		return true
	}
	n := 0
	for n < len(text) && isFileByte(text[n]) {
		n++
	}
	rec.file = text[:n]
	text = skipColour(text[n:])
	if len(rec.file) == 0 || len(text) == 0 || text[0] != ':' {
		return false
	}
	text = skipColour(text[1:])
	if rest, ok := cutPrefix(text, " "); ok {
		rec.message = rest
		return true
	}
	// A line number, a blank, perhaps "in", a function.
	for len(text) > 0 && isDigit(text[0]) {
		text = text[1:]
	}
	text = bytes.TrimPrefix(skipColour(text), []byte(" "))
	text = bytes.TrimPrefix(skipColour(text), []byte("in "))
	n = 0
	for n < len(text) && (isFileByte(text[n]) || text[n] == '<' || text[n] == '?' || text[n] == '>') {
		n++
	}
	text, ok := cutPrefix(skipColour(text[n:]), ":")
	rec.message = bytes.TrimPrefix(skipColour(text), []byte(" "))
	return ok
}

func isFileByte(b byte) bool {
	return b|0x20 >= 'a' && b|0x20 <= 'z' || isDigit(b) || b == '_' || b == '.' || b == '/' || b == '-' || b == '+'
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
func readJSONRecord(h header) reading {
	var line jsonRecord
	if err := json.Unmarshal(h.text, &line); err != nil {
		// Asterisk cuts long records at the size of its buffer.
		return reading{whole: true, Log: event.Log{Verdict: event.Near, Server: asteriskName, Note: "broken JSON"}}
	}
	rec := record{
		level: []byte(line.Message.Level), file: []byte(line.Message.Location.File),
		message: bytes.TrimSuffix([]byte(line.Message.Text), []byte("\n")), thread: line.Identifiers.Thread,
	}
	if exten, ok := cutPrefix(rec.file, "Ext. "); ok {
		rec.dialplan = true
		rec.message = append(append(exten, ": "...), rec.message...)
	}
	r := readRecord(rec)
	r.quotes = quotation{} // the packet is inside the record
	if at, n := h.clock.stamp([]byte(line.Timestamp)); n > 0 {
		r.at = at
	}
	return r
}

// readLoose looks at a line without the server's prefix: foreign text, or the
// rest of a record with a line break in it. Nothing in it names a culprit.
func readLoose(h header) reading {
	// Syslog escapes line breaks: behind its prefix is a line of another program.
	if h.escaped || !contains(h.text, looseClauses[:]...) && !endsInReason(h.text) {
		// A packet quoted without the server's prefix is not looked for: a line
		// break would be enough to begin one, and to blind us.
		return reading{}
	}
	return reading{Log: event.Log{
		Verdict: event.Tampered, Server: asteriskName, Rule: "asterisk.fragment", Kind: event.KindOther,
		Note: "a clause of the server without the server's prefix",
	}}
}

// looseClauses are clauses that the server writes after somebody else's text.
var looseClauses = [...]string{
	`SecurityEvent="`, `SessionID="`, `LocalAddress="`, `RemoteAddress="`, `",Challenge="`, `",Response="`, `",ExpectedResponse="`,
	`",ReceivedHash="`, `",RequestParams="`, failedFor, "' (from ", "' rejected because extension not found in context '",
	"' not found for endpoint '", "Rejecting unknown SIP connection from ",
}
