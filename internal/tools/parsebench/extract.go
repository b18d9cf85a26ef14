package main

import (
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	ours "github.com/sipward/sipward/internal/sip"
)

// extractOurs reads every field that "sipward parse" prints and returns their total length, so that nothing can be left
// out by the compiler.
func extractOurs(m *ours.Message, b []byte) int {
	if m.Parse(b) == ours.None {
		return 0
	}
	n := len(m.Method()) + len(m.RequestURI()) + m.Status() + len(m.Reason())
	from, to, contact, via := m.From(), m.To(), m.Contact(), m.Via()
	n += addressLength(&from) + addressLength(&to) + addressLength(&contact)
	n += len(via.Transport) + len(via.Host) + int(via.Port) + len(via.Branch) + len(via.Received)
	cseq, _ := m.CSeq()
	n += len(m.CallID()) + int(cseq.Number&1) + len(cseq.Method)
	d, ok := m.Credentials()
	if !ok {
		d, _ = m.Challenge()
	}
	n += len(d.Scheme) + len(d.Username) + len(d.Realm) + len(d.Nonce) + len(d.URI) + len(d.Response) + len(d.Algorithm)
	expires, _ := m.Expires()
	length, _ := m.ContentLength()
	n += len(m.UserAgent()) + len(m.Server()) + len(m.ContentType()) + int(expires) + int(length) + len(m.Body())
	if m.Acceptable() {
		n++
	}
	return n
}

// addressLength adds up what is printed of an address.
func addressLength(a *ours.NameAddr) int {
	return len(a.Display) + len(a.Tag) + len(a.URI.User) + len(a.URI.Host)
}

// extractSipgo reads the same fields with sipgo. It has no flaws to give. A panic counts as a message not read.
func extractSipgo(p *sip.Parser, b []byte) (n int, err error) {
	defer func() {
		if recover() != nil {
			n = 0
		}
	}()
	msg, err := p.ParseSIP(b)
	if err != nil {
		return 0, err
	}
	var headers sipgoHeaders
	switch m := msg.(type) {
	case *sip.Request:
		n += len(m.Method) + len(m.Recipient.User) + len(m.Recipient.Host)
		headers = m
	case *sip.Response:
		n += m.StatusCode + len(m.Reason)
		headers = m
	}
	return n + headerLength(headers) + len(msg.Body()), nil
}

// sipgoHeaders is what requests and responses of sipgo have in common.
type sipgoHeaders interface {
	sip.Message
	GetHeader(name string) sip.Header
	Contact() *sip.ContactHeader
	ContentType() *sip.ContentTypeHeader
}

// headerLength adds up what is printed of the headers, as far as sipgo finds them.
func headerLength(m sipgoHeaders) (n int) {
	if h := m.From(); h != nil {
		tag, _ := h.Params.Get("tag")
		n += len(h.DisplayName) + len(h.Address.User) + len(h.Address.Host) + len(tag)
	}
	if h := m.To(); h != nil {
		tag, _ := h.Params.Get("tag")
		n += len(h.DisplayName) + len(h.Address.User) + len(h.Address.Host) + len(tag)
	}
	if h := m.Contact(); h != nil {
		n += len(h.DisplayName) + len(h.Address.User) + len(h.Address.Host)
	}
	if h := m.Via(); h != nil {
		branch, _ := h.Params.Get("branch")
		received, _ := h.Params.Get("received")
		rport, _ := h.Params.Get("rport")
		n += len(h.Transport) + len(h.Host) + h.Port + len(branch) + len(received) + len(rport)
	}
	if h := m.CallID(); h != nil {
		n += len(*h)
	}
	if h := m.CSeq(); h != nil {
		n += int(h.SeqNo&1) + len(h.MethodName)
	}
	if h := m.ContentType(); h != nil {
		n += len(*h)
	}
	if h := m.ContentLength(); h != nil {
		n += int(*h)
	}
	for _, name := range [...]string{"User-Agent", "Server", "Expires"} {
		if h := m.GetHeader(name); h != nil {
			n += len(h.Value())
		}
	}
	return n + authLength(m)
}

// authLength takes credentials apart with the package that sipgo itself uses for them.
func authLength(m sipgoHeaders) int {
	for _, name := range [...]string{"Authorization", "Proxy-Authorization"} {
		if h := m.GetHeader(name); h != nil {
			if c, err := digest.ParseCredentials(h.Value()); err == nil {
				return len(c.Username) + len(c.Realm) + len(c.Nonce) + len(c.URI) + len(c.Response) + len(c.Algorithm)
			}
		}
	}
	if h := m.GetHeader("WWW-Authenticate"); h != nil {
		if c, err := digest.ParseChallenge(h.Value()); err == nil {
			return len(c.Realm) + len(c.Nonce) + len(c.Algorithm)
		}
	}
	return 0
}
