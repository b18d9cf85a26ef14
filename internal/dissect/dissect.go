// Package dissect takes a SIP message apart for people and scripts: what
// `sipward parse` says of it.
package dissect

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sipward/sipward/internal/sip"
)

// Message is the answer for one file. Fields that are not known are left out,
// but those that every message has in some way are there even if empty.
type Message struct {
	File          string   `json:"file"`
	OK            bool     `json:"ok"`
	Kind          string   `json:"kind"`
	Method        string   `json:"method,omitempty"`
	RequestURI    string   `json:"request_uri,omitempty"`
	Status        int      `json:"status,omitempty"`
	Reason        *string  `json:"reason,omitempty"`
	From          *Party   `json:"from,omitempty"`
	To            *Party   `json:"to,omitempty"`
	CallID        string   `json:"call_id,omitempty"`
	CSeq          *CSeq    `json:"cseq,omitempty"`
	Via           *Via     `json:"via,omitempty"`
	Contact       *Party   `json:"contact,omitempty"`
	UserAgent     string   `json:"user_agent,omitempty"`
	Server        string   `json:"server,omitempty"`
	Auth          *Auth    `json:"auth,omitempty"`
	Expires       *uint32  `json:"expires,omitempty"`
	ContentType   *string  `json:"content_type,omitempty"`
	ContentLength *uint32  `json:"content_length,omitempty"`
	Flaws         []string `json:"flaws"`
}

// Party is From, To or Contact. It is there, if empty, where the header could not be read.
type Party struct {
	Display string `json:"display,omitempty"`
	User    string `json:"user,omitempty"`
	Host    string `json:"host,omitempty"`
	Port    uint16 `json:"port,omitempty"`
	Tag     string `json:"tag,omitempty"`
}

// CSeq has no number if that does not fit 32 bits: 0 would be a guess.
type CSeq struct {
	Number *uint32 `json:"number,omitempty"`
	Method string  `json:"method,omitempty"`
}

// Via is the top Via. RPort is text because the parameter may be there without a value.
type Via struct {
	Transport string `json:"transport"`
	Host      string `json:"host"`
	Port      uint16 `json:"port,omitempty"`
	Branch    string `json:"branch"`
	Received  string `json:"received"`
	RPort     string `json:"rport"`
}

// Auth is an answer, or in a response the challenge.
type Auth struct {
	Scheme    string `json:"scheme"`
	Username  string `json:"username,omitempty"`
	Realm     string `json:"realm,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
	URI       string `json:"uri,omitempty"`
	Response  string `json:"response,omitempty"`
	Algorithm string `json:"algorithm,omitempty"`
	Opaque    string `json:"opaque,omitempty"`
	CNonce    string `json:"cnonce,omitempty"`
	NC        string `json:"nc,omitempty"`
	QOP       string `json:"qop,omitempty"`
}

// Of takes everything out of a message that is printed. It copies; the result
// outlives the message.
func Of(file string, m *sip.Message) *Message {
	p := &Message{File: plain([]byte(file)), OK: m.Acceptable(), Kind: m.Kind().String(), Flaws: m.Flaws().Tokens()}
	if m.Kind() == sip.None {
		return p
	}
	// The order does not matter: the flaws above have made the reader look at everything already.
	p.Method, p.RequestURI, p.Status = plain(m.Method()), plain(m.RequestURI()), m.Status()
	if m.Kind() == sip.Response {
		reason := plain(m.Reason())
		p.Reason = &reason
	}
	p.From = partyOf(m, sip.HeaderFrom, m.From())
	p.To = partyOf(m, sip.HeaderTo, m.To())
	p.Contact = partyOf(m, sip.HeaderContact, m.Contact())
	p.CallID, p.UserAgent, p.Server = plain(m.CallID()), plain(m.UserAgent()), plain(m.Server())
	if cseq, ok := m.CSeq(); ok {
		p.CSeq = &CSeq{&cseq.Number, plain(cseq.Method)}
	} else if len(cseq.Method) > 0 {
		p.CSeq = &CSeq{Method: plain(cseq.Method)}
	}
	p.Via = viaOf(m)
	p.Auth = authOf(m)
	contentType := plain(m.ContentType())
	p.ContentType = &contentType
	if n, ok := m.Expires(); ok {
		p.Expires = &n
	}
	if n, ok := m.ContentLength(); ok {
		p.ContentLength = &n
	}
	return p
}

// partyOf tells an absent header from one that says nothing.
func partyOf(m *sip.Message, h sip.Header, a sip.NameAddr) *Party {
	if m.Count(h) == 0 {
		return nil
	}
	return &Party{
		Display: unquoted(a.Display), User: plain(a.URI.User), Host: plain(a.URI.Host), Port: a.URI.Port, Tag: plain(a.Tag),
	}
}

// viaOf gives the top Via: the one of the hop that sent the message.
func viaOf(m *sip.Message) *Via {
	if m.Count(sip.HeaderVia) == 0 {
		return nil
	}
	v := m.Via()
	p := &Via{
		Transport: plain(v.Transport), Host: plain(v.Host), Port: v.Port, Branch: plain(v.Branch), Received: plain(v.Received),
	}
	if v.RPort > 0 {
		p.RPort = strconv.Itoa(int(v.RPort))
	}
	return p
}

// authOf gives the credentials of a request or the challenge of a response.
func authOf(m *sip.Message) *Auth {
	d, ok := m.Credentials()
	if !ok {
		if d, ok = m.Challenge(); !ok {
			return nil
		}
	}
	return &Auth{
		Scheme: plain(d.Scheme), Username: unquoted(d.Username), Realm: unquoted(d.Realm), Nonce: plain(d.Nonce),
		URI: plain(d.URI), Response: plain(d.Response), Algorithm: plain(d.Algorithm), Opaque: plain(d.Opaque),
		CNonce: plain(d.CNonce), NC: plain(d.NC), QOP: plain(d.QOP),
	}
}

// unquoted resolves the quoted pairs of a quoted string.
func unquoted(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return plain(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		out = append(out, b[i])
	}
	return plain(out)
}

// plain makes text of bytes from the wire: a folded line becomes one blank (RFC 3261 section 7.3.1), and each byte that
// is no UTF-8 becomes \xNN, for a JSON string cannot hold it.
func plain(b []byte) string {
	if utf8.Valid(b) && bytes.IndexByte(b, '\n') < 0 {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		if n := foldLength(b); n > 0 {
			s.WriteByte(' ')
			b = b[n:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&s, `\x%02x`, b[0])
		} else {
			s.Write(b[:n])
		}
		b = b[n:]
	}
	return s.String()
}

// foldLength returns the length of the blanks at the start of b if a line ends among them.
func foldLength(b []byte) int {
	n := 0
	for n < len(b) && (b[n] == ' ' || b[n] == '\t' || b[n] == '\r' || b[n] == '\n') {
		n++
	}
	if bytes.IndexByte(b[:n], '\n') < 0 {
		return 0
	}
	return n
}
