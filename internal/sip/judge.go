package sip

import "bytes"

// mandatory pairs each header that every message needs (RFC 3261 section 8.1.1) with the flaw of its absence.
var mandatory = [...]struct {
	header Header
	flaw   Flaws
}{
	{HeaderVia, NoVia}, {HeaderFrom, NoFrom}, {HeaderTo, NoTo}, {HeaderCallID, NoCallID}, {HeaderCSeq, NoCSeq},
}

// complete notes the headers that are missing.
func (m *Message) complete() {
	// Nearly always nothing is missing, and one comparison says so.
	const all = 1<<HeaderVia | 1<<HeaderFrom | 1<<HeaderTo | 1<<HeaderCallID | 1<<HeaderCSeq
	if m.seen&all != all {
		for _, x := range mandatory {
			if m.index[x.header].count == 0 {
				m.flaws |= x.flaw
			}
		}
	}
	if m.kind == Request && m.index[HeaderMaxForwards].count == 0 {
		m.flaws |= NoMaxForwards
	}
}

// Acceptable reports whether RFC 3261, with RFC 4475 and RFC 5118 as judges, lets a server accept the message. It judges
// the message as such, not whether a server knows its method, its scheme or its extensions.
func (m *Message) Acceptable() bool {
	return m.kind != None && m.Flaws().Unacceptable() == 0
}

// Flaws returns everything that is wrong or odd. Values that nobody has asked for yet are judged now.
func (m *Message) Flaws() Flaws {
	if m.kind == None {
		return m.flaws | BadStartLine
	}
	open := m.seen &^ m.checked
	m.checked |= m.seen | bit(HeaderOther)
	if open&structured != 0 {
		m.judgeStructured(open)
	}
	if open&bit(HeaderCallID) != 0 && !callIDOK(m.CallID()) {
		m.flaws |= BadCallID
	}
	if open&credentials != 0 {
		m.judgeCredentials(open)
	}
	if open&scalars != 0 {
		m.judgeScalars(open)
	}
	m.judgeURI()
	return m.flaws
}

const (
	structured  = 1<<HeaderFrom | 1<<HeaderTo | 1<<HeaderContact | 1<<HeaderVia | 1<<HeaderCSeq
	credentials = 1<<HeaderAuthorization | 1<<HeaderProxyAuthorization | 1<<HeaderWWWAuthenticate | 1<<HeaderProxyAuthenticate
	scalars     = 1<<HeaderMaxForwards | 1<<HeaderExpires | 1<<HeaderMinExpires | 1<<HeaderDate
)

// judgeStructured reads the headers that are taken apart, for the flaws only.
func (m *Message) judgeStructured(open uint64) {
	for _, h := range [...]Header{HeaderFrom, HeaderTo, HeaderContact} {
		if open&bit(h) != 0 {
			m.address(h)
		}
	}
	if open&bit(HeaderVia) != 0 {
		m.Via()
	}
	if open&bit(HeaderCSeq) != 0 {
		m.CSeq()
	}
}

// judgeCredentials judges the first of each. Further ones, for other realms, are legal, and no field is read from them.
func (m *Message) judgeCredentials(open uint64) {
	var d Digest
	for h := HeaderAuthorization; h <= HeaderProxyAuthenticate; h++ {
		if open&bit(h) != 0 {
			m.flaws |= d.parse(m.at(m.index[h].first))
		}
	}
}

// judgeScalars judges numbers and the date. Of these only a bad date is more than odd: RFC 4475 section 3.1.2.4 lets a
// server treat the numbers as absent, while section 3.1.2.12 answers 400.
func (m *Message) judgeScalars(open uint64) {
	if open&bit(HeaderMaxForwards) != 0 {
		if n, ok := number(m.Header(HeaderMaxForwards)); !ok || n > 255 {
			m.flaws |= BadMaxForwards
		}
	}
	for _, h := range [...]Header{HeaderExpires, HeaderMinExpires} {
		if open&bit(h) != 0 {
			if _, ok := number(m.Header(h)); !ok {
				m.flaws |= BadExpires
			}
		}
	}
	if open&bit(HeaderDate) != 0 && !dateOK(m.Header(HeaderDate)) {
		m.flaws |= BadDate
	}
}

// judgeURI looks at the Request-URI. RFC 3261 section 19.1.1 has no place for headers there.
func (m *Message) judgeURI() {
	if m.kind != Request {
		return
	}
	var u URI
	flaws := u.parse(m.at(m.uri))
	if flaws&withHeaders != 0 {
		flaws ^= withHeaders | BadURI
	}
	m.flaws |= flaws
}

// repeated judges a further line of Via or Contact.
func (m *Message) repeated(h Header, value span) {
	v := m.at(value)
	if h == HeaderVia {
		var a Via
		n, flaws := a.parse(v)
		m.flaws |= flaws | viasOK(v[n:])
		return
	}
	var a NameAddr
	n, flaws := a.parse(v, true)
	m.flaws |= flaws | contactsOK(v[n:])
}

// controls notes the control characters among the headers. A quoted pair may hold one (RFC 3261 section 25.1).
func (m *Message) controls() {
	b := m.buf[:m.body]
	for i, c := range b {
		switch {
		case classes[c]&inText != 0, c == '\r' && i+1 < len(b) && b[i+1] == '\n':
		case i > 0 && b[i-1] == '\\':
			m.flaws |= EscapedControl
		default:
			m.flaws |= ControlChar
		}
	}
}

// callIDOK checks word ["@" word].
func callIDOK(b []byte) bool {
	if at := bytes.IndexByte(b, '@'); at >= 0 {
		return wordOK(b[:at]) && wordOK(b[at+1:])
	}
	return wordOK(b)
}

// wordOK checks one word (RFC 3261 section 25.1): a token with brackets, quotes and colons.
func wordOK(b []byte) bool { return len(b) > 0 && all(b)&inWord != 0 }

// dateOK checks "Sat, 13 Nov 2010 23:29:00 GMT" (RFC 3261 section 20.17: always GMT, never folded).
func dateOK(b []byte) bool {
	const pattern = "Aaa, 00 Aaa 0000 00:00:00 GMT"
	if len(b) != len(pattern) {
		return false
	}
	for i, c := range b {
		lower := c | 0x20
		switch p := pattern[i]; {
		case p == '0' && (c < '0' || c > '9'), p|0x20 == 'a' && i < 11 && (lower < 'a' || lower > 'z'):
			return false
		case p != '0' && p|0x20 != 'a' && c != p:
			return false
		}
	}
	return true
}
