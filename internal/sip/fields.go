package sip

import "bytes"

// CSeq is the value of a CSeq header.
type CSeq struct {
	Number uint32
	Method []byte // as spelled, a view
}

// note remembers that the value of h has been judged and what was wrong with it.
func (m *Message) note(h Header, flaws Flaws) {
	m.checked |= bit(h)
	m.flaws |= flaws
}

// CallID returns the Call-ID, nil if there is none.
func (m *Message) CallID() []byte { return m.Header(HeaderCallID) }

// UserAgent returns the User-Agent header, nil if there is none.
func (m *Message) UserAgent() []byte { return m.Header(HeaderUserAgent) }

// Server returns the Server header, nil if there is none.
func (m *Message) Server() []byte { return m.Header(HeaderServer) }

// ContentType returns the Content-Type header, nil if there is none.
func (m *Message) ContentType() []byte { return m.Header(HeaderContentType) }

// ContentLength returns the value of Content-Length, false if it is absent or no 32-bit number.
func (m *Message) ContentLength() (uint32, bool) { return m.length, m.seen&lengthKnown != 0 }

// Expires returns the value of the Expires header in seconds, false if it is absent or no 32-bit number.
func (m *Message) Expires() (uint32, bool) { return number(m.Header(HeaderExpires)) }

// From returns the From header, empty if there is none.
func (m *Message) From() NameAddr { return m.address(HeaderFrom) }

// To returns the To header, empty if there is none.
func (m *Message) To() NameAddr { return m.address(HeaderTo) }

// Contact returns the first Contact, empty if there is none or it is "*".
func (m *Message) Contact() NameAddr { return m.address(HeaderContact) }

func (m *Message) address(h Header) (a NameAddr) {
	if m.index[h].count == 0 {
		return a
	}
	v := m.at(m.index[h].first)
	// "*" removes all contacts (RFC 3261 section 10.2.2); it is no address.
	if h == HeaderContact && len(v) == 1 && v[0] == '*' {
		return a
	}
	end, flaws := a.parse(v, h == HeaderContact)
	if end < len(v) {
		if h == HeaderContact {
			flaws |= contactsOK(v[end:])
		} else {
			flaws |= BadAddress
		}
	}
	if h == HeaderFrom && a.Tag == nil {
		flaws |= NoFromTag
	}
	m.note(h, flaws)
	return a
}

// contactsOK judges the contacts of a list from its first comma on. The first unacceptable one decides, which also keeps
// a list of unclosed quotes and brackets from being searched to its end again and again.
func contactsOK(v []byte) (flaws Flaws) {
	var a NameAddr
	for len(v) > 0 && v[0] == ',' && flaws.Unacceptable() == 0 {
		v = v[skip(v, 1):]
		n, f := a.parse(v, true)
		flaws |= f
		v = v[n:]
	}
	return flaws
}

// Via returns the top Via: the one that was put on last. It is empty if there is none.
func (m *Message) Via() (a Via) {
	if m.index[HeaderVia].count == 0 {
		return a
	}
	v := m.at(m.index[HeaderVia].first)
	end, flaws := a.parse(v)
	if end < len(v) {
		flaws |= viasOK(v[end:])
	}
	m.note(HeaderVia, flaws)
	return a
}

// viasOK judges the further values of a Via list from its first comma on, as contactsOK does.
func viasOK(v []byte) (flaws Flaws) {
	var a Via
	for len(v) > 0 && v[0] == ',' && flaws.Unacceptable() == 0 {
		v = v[skip(v, 1):]
		n, f := a.parse(v)
		flaws |= f
		v = v[n:]
	}
	return flaws
}

// CSeq returns sequence number and method, false if there is no CSeq or it cannot be read. The method is returned even
// if the number does not fit 32 bits.
func (m *Message) CSeq() (CSeq, bool) {
	v := m.Header(HeaderCSeq)
	if v == nil {
		return CSeq{}, false
	}
	n, i := digitsAt(v, 0)
	ok := i > 0
	if i == len(v) || !blank(v[i]) { // more than eight digits, or something else
		for i < len(v) && !blank(v[i]) {
			i++
		}
		n, ok = number(v[:i])
	}
	c := CSeq{Number: n, Method: v[skip(v, i):]}
	if m.kind == Request && bytes.Equal(c.Method, m.Method()) && ok {
		m.note(HeaderCSeq, 0) // a bad method is the flaw of the first line
		return c, true
	}
	var flaws Flaws
	if !ok || len(c.Method) == 0 || all(c.Method)&inToken == 0 {
		ok = false
		flaws = BadCSeq
	}
	if m.kind == Request && !bytes.Equal(c.Method, m.Method()) {
		flaws |= CSeqMismatch
	}
	m.note(HeaderCSeq, flaws)
	return c, ok
}

// Credentials returns Authorization or else Proxy-Authorization, false if there is neither.
func (m *Message) Credentials() (Digest, bool) {
	return m.digest(HeaderAuthorization, HeaderProxyAuthorization)
}

// Challenge returns WWW-Authenticate or else Proxy-Authenticate, false if there is neither.
func (m *Message) Challenge() (Digest, bool) {
	return m.digest(HeaderWWWAuthenticate, HeaderProxyAuthenticate)
}

// digest reads the first header of a kind, or else that of the other.
func (m *Message) digest(first, second Header) (d Digest, ok bool) {
	h := first
	if m.index[h].count == 0 {
		h = second
	}
	if m.index[h].count == 0 {
		return d, false
	}
	m.note(h, d.parse(m.at(m.index[h].first)))
	return d, true
}
