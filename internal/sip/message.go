// Package sip reads SIP messages as an attacker may send them. It never rejects and never allocates: it takes out every
// field that some server would read from the bytes, and notes what is wrong (see Flaws). It reads at two levels: Parse
// finds the lines and the known headers; the methods of Message take single fields apart when asked for.
//
// The work is linear in the size of the message, whatever is in it.
package sip

// Kind tells what was read.
type Kind uint8

// The kinds.
const (
	None     Kind = iota // not SIP
	Request              // a request
	Response             // a response
)

// String returns "none", "request" or "response".
func (k Kind) String() string { return [...]string{"none", "request", "response"}[k] }

// MaxBytes is the size up to which a message is read; no datagram is larger. Offsets are 16 bits wide.
const MaxBytes = 1<<16 - 1

// span is a place in the message.
type span struct{ start, end uint16 }

// entry says where the first value of a header stands, and how many lines there are.
type entry struct {
	first span
	count uint16
}

// Message is the index of one SIP message. It is owned by the caller and meant to be used again: Parse resets all of it.
// Every slice that its methods return is a view of the buffer given to Parse and valid as long as that buffer is. A
// Message must not be used by two goroutines at once, not even for reading: fields note their flaws when they are read.
type Message struct {
	buf     []byte
	flaws   Flaws
	order   uint64 // HeaderOrder
	checked uint64 // one bit for each Header whose value has been judged
	seen    uint64 // one bit for each Header
	kind    Kind
	status  uint16
	method  span
	uri     span // Request-URI, or the reason of a response
	body    int
	bodyEnd int
	length  uint32 // Content-Length
	index   [headerCount]entry
}

// Parse indexes the message in b, which must be one datagram or one message cut out of a stream, and tells what it is.
// It keeps b. What a former Parse left behind is gone.
func (m *Message) Parse(b []byte) Kind {
	*m = Message{buf: b[:len(b):len(b)]}
	if len(b) > MaxBytes {
		m.buf = b[:MaxBytes:MaxBytes]
		m.flaws |= OversizeMessage
	}
	l := lines{b: m.buf, odd: len(m.buf)}
	i := m.startLine(&l)
	if m.kind == None {
		return None
	}
	m.setBody(m.headers(&l, i), len(b))
	if l.odd < m.body {
		m.controls()
	}
	m.complete()
	return m.kind
}

// at returns a view that reaches, as far as its capacity goes, to the end of the message; see knownParam.
func (m *Message) at(s span) []byte { return m.buf[s.start:s.end] }

// Kind returns what Parse returned.
func (m *Message) Kind() Kind { return m.kind }

// Method returns the method of a request as spelled.
func (m *Message) Method() []byte { return m.at(m.method) }

// RequestURI returns the Request-URI of a request as spelled, blanks inside included.
func (m *Message) RequestURI() []byte {
	if m.kind != Request {
		return nil
	}
	return m.at(m.uri)
}

// Status returns the status code of a response, 0 if it is no number of three digits.
func (m *Message) Status() int { return int(m.status) }

// Reason returns the reason phrase of a response.
func (m *Message) Reason() []byte {
	if m.kind != Response {
		return nil
	}
	return m.at(m.uri)
}

// Header returns the first value of h without the blanks around it; where it is folded the line ends are still inside.
// It is nil if h is absent, and not nil if h is there but empty.
func (m *Message) Header(h Header) []byte {
	if m.index[h].count == 0 {
		return nil
	}
	return m.at(m.index[h].first)
}

// Count returns how many header lines are h.
func (m *Message) Count(h Header) int { return int(m.index[h].count) }

// Body returns what follows the empty line, at most Content-Length bytes.
func (m *Message) Body() []byte { return m.buf[m.body:m.bodyEnd:m.bodyEnd] }

// HeaderOrder is a hash of the names of the headers as spelled (of long ones the first 24 bytes) and in their order.
// Headers that depend on the way a message took or on a challenge (Route, Record-Route, credentials, all Via but the
// first) are left out, so that it stays the same for the messages of one program and is its fingerprint.
func (m *Message) HeaderOrder() uint64 { return m.order }

// startLine reads the first line that is not empty and returns where the headers begin.
func (m *Message) startLine(l *lines) int {
	b := m.buf
	p, end := 0, 0
	for ok := true; ok; p = end + 1 {
		if end, ok = l.end(); !ok {
			end = len(b)
		}
		if end > p && !(end == p+1 && b[p] == '\r') {
			break
		}
		if ok {
			m.flaws |= LeadingCRLF
		}
	}
	if p >= len(b) {
		return p
	}
	next := end + 1
	if b[end-1] == '\r' {
		end--
	} else if end < len(b) {
		m.flaws |= BareLF
	}
	first := end
	for first > p && blank(b[first-1]) {
		first--
	}
	if isVersion(b[p:first]) {
		m.statusLine(p, first, end)
	} else {
		m.requestLine(p, first)
		if first < end {
			m.flaws |= BadStartLine
		}
	}
	return next
}

// isVersion tells whether b starts with "SIP/".
func isVersion(b []byte) bool {
	return len(b) >= 4 && b[0]|0x20 == 's' && b[1]|0x20 == 'i' && b[2]|0x20 == 'p' && b[3] == '/'
}

const version2 = "SIP/2.0"

// version notes a version other than 2.0. Its letters have no case (RFC 3261 section 7.1).
func (m *Message) version(b []byte) {
	if string(b) != version2 && !(len(b) == 7 && string(b[4:]) == "2.0") {
		m.flaws |= BadVersion
	}
}

// statusLine reads "SIP/2.0 200 OK".
func (m *Message) statusLine(p, end, untrimmed int) {
	b := m.buf
	m.kind = Response
	i := p
	for i < end && !blank(b[i]) {
		i++
	}
	m.version(b[p:i])
	code := skip(b[:end], i)
	last := code
	for last < end && !blank(b[last]) {
		last++
	}
	status, ok := number(b[code:last])
	if ok && last-code == 3 && status >= 100 && status < 700 {
		m.status = uint16(status)
	} else {
		m.flaws |= BadStatus
	}
	if code-i != 1 || last == untrimmed {
		m.flaws |= BadStartLine
	}
	reason := skip(b[:end], last)
	m.uri = span{uint16(reason), uint16(end)}
}

// requestLine reads "REGISTER sip:example.org SIP/2.0".
func (m *Message) requestLine(p, end int) {
	b := m.buf
	i, class := p, ^class(0)
	for i < end && b[i] != ' ' && b[i] != '\t' {
		class &= classes[b[i]]
		i++
	}
	last := end - len(version2)
	if last <= i || string(b[last:end]) != version2 || b[last-1] != ' ' {
		for last = end; last > i && b[last-1] != ' ' && b[last-1] != '\t'; {
			last--
		}
	}
	uri := skip(b[:end], i)
	uriEnd := last
	for uriEnd > uri && blank(b[uriEnd-1]) {
		uriEnd--
	}
	if uri-i != 1 || last-uriEnd != 1 || b[i] != ' ' || b[uriEnd] != ' ' {
		m.flaws |= BadStartLine
	}
	if !isVersion(b[last:end]) {
		// Without a version it is SIP only if it names a SIP URI; HTTP and RTSP never do.
		if class&inToken == 0 || !hasSIPScheme(b[uri:end]) {
			return
		}
		uriEnd, last = end, end
	}
	m.kind = Request
	m.version(b[last:end])
	if class&inToken == 0 || i == p {
		m.flaws |= BadMethod
	}
	m.method = span{uint16(p), uint16(i)}
	m.uri = span{uint16(uri), uint16(max(uri, uriEnd))}
}

// hasSIPScheme tells whether b starts with "sip:" or "sips:".
func hasSIPScheme(b []byte) bool {
	if len(b) < 5 || b[0]|0x20 != 's' || b[1]|0x20 != 'i' || b[2]|0x20 != 'p' {
		return false
	}
	return b[3] == ':' || b[3]|0x20 == 's' && b[4] == ':'
}

// setBody finds the body from i on and compares it with Content-Length; size is that of the whole datagram.
func (m *Message) setBody(i, size int) {
	m.body, m.bodyEnd = i, len(m.buf)
	if m.index[HeaderContentLength].count == 0 {
		return
	}
	length, ok := number(m.Header(HeaderContentLength))
	switch {
	case !ok || int64(length) > int64(size-i):
		m.flaws |= BadContentLength
	case int(length) < size-i:
		m.flaws |= ExtraBytes
		m.bodyEnd = min(m.bodyEnd, i+int(length))
	}
	if ok {
		m.length = length
		m.seen |= lengthKnown
	}
}
