package answer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/dissect"
)

// Message prints the answer for the i-th file.
func (o *Output) Message(i int, p *dissect.Message) error {
	if o.JSON {
		return o.Object(p)
	}
	if i > 0 {
		o.Printf("\n")
	}
	verdict := o.Paint(Red, "not ok")
	if p.OK {
		verdict = o.Paint(Green, "ok")
	}
	o.Field("file", p.File)
	o.Printf("%-11s%s, %s\n", "kind", p.Kind, verdict)
	o.known("flaws", strings.Join(p.Flaws, " "))
	o.known("request", strings.TrimSpace(p.Method+" "+p.RequestURI))
	if p.Reason != nil {
		o.Field("response", fmt.Sprintf("%d %s", p.Status, *p.Reason))
	}
	o.party("from", p.From)
	o.party("to", p.To)
	o.party("contact", p.Contact)
	o.known("call-id", p.CallID)
	if c := p.CSeq; c != nil && c.Number != nil {
		o.Field("cseq", fmt.Sprintf("%d %s", *c.Number, c.Method))
	}
	o.via(p.Via)
	o.known("agent", p.UserAgent)
	o.known("server", p.Server)
	o.auth(p.Auth)
	if p.Expires != nil {
		o.Field("expires", fmt.Sprintf("%d s", *p.Expires))
	}
	if p.ContentLength != nil {
		o.Field("body", strings.TrimSpace(fmt.Sprintf("%d bytes %s", *p.ContentLength, *p.ContentType)))
	}
	return nil
}

// known prints a field unless it is empty.
func (o *Output) known(label, text string) {
	if text != "" {
		o.Field(label, text)
	}
}

// party prints an address in one line, without the syntax of the header.
func (o *Output) party(label string, p *dissect.Party) {
	if p == nil {
		return
	}
	text := strings.TrimPrefix(p.User+"@"+hostPort(p.Host, p.Port), "@")
	if p.Display != "" {
		text = strconv.Quote(p.Display) + " " + text
	}
	if p.Tag != "" {
		text += " tag " + p.Tag
	}
	o.Field(label, text)
}

// via prints where a response would go.
func (o *Output) via(v *dissect.Via) {
	if v == nil {
		return
	}
	text := v.Transport + " " + hostPort(v.Host, v.Port)
	for _, x := range [...][2]string{{"branch", v.Branch}, {"received", v.Received}, {"rport", v.RPort}} {
		if x[1] != "" {
			text += " " + x[0] + " " + x[1]
		}
	}
	o.Field("via", text)
}

// auth prints what matters of credentials; the counters of RFC 2617 are for scripts.
func (o *Output) auth(a *dissect.Auth) {
	if a == nil {
		return
	}
	text := a.Scheme
	for _, x := range [...][2]string{
		{"username", a.Username}, {"realm", a.Realm}, {"nonce", a.Nonce}, {"uri", a.URI}, {"response", a.Response},
		{"algorithm", a.Algorithm},
	} {
		if x[1] != "" {
			text += " " + x[0] + " " + x[1]
		}
	}
	o.Field("auth", text)
}

// hostPort puts an address together for people.
func hostPort(host string, port uint16) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port > 0 {
		host += ":" + strconv.Itoa(int(port))
	}
	return host
}
