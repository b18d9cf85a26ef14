package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/sip"
)

func parseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "parse FILE...",
		Short: "Say what is in a SIP message",
		Long: `Say what is in each file, which holds one SIP message exactly as it arrived in
a datagram (- is standard input). Everything is read that some SIP server would
read, even from broken messages; what is wrong is listed as flaws. A message is
ok if RFC 3261 lets a server accept it. Bytes that are no UTF-8 are printed as
\xNN. Needs no daemon and no rights but to read the files.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd.CommandPath()+" wants a file", "", cmd.UseLine())
			}
			return nil
		},
		RunE: runParse,
	}
}

// parsed is the answer for one file. Fields that are not known are left out, but those that every message has in some
// way are there even if empty.
type parsed struct {
	File          string       `json:"file"`
	OK            bool         `json:"ok"`
	Kind          string       `json:"kind"`
	Method        string       `json:"method,omitempty"`
	RequestURI    string       `json:"request_uri,omitempty"`
	Status        int          `json:"status,omitempty"`
	Reason        *string      `json:"reason,omitempty"`
	From          *parsedParty `json:"from,omitempty"`
	To            *parsedParty `json:"to,omitempty"`
	CallID        string       `json:"call_id,omitempty"`
	CSeq          *parsedCSeq  `json:"cseq,omitempty"`
	Via           *parsedVia   `json:"via,omitempty"`
	Contact       *parsedParty `json:"contact,omitempty"`
	UserAgent     string       `json:"user_agent,omitempty"`
	Server        string       `json:"server,omitempty"`
	Auth          *parsedAuth  `json:"auth,omitempty"`
	Expires       *uint32      `json:"expires,omitempty"`
	ContentType   *string      `json:"content_type,omitempty"`
	ContentLength *uint32      `json:"content_length,omitempty"`
	Flaws         []string     `json:"flaws"`
}

// parsedParty is From, To or Contact. It is there, if empty, where the header could not be read.
type parsedParty struct {
	Display string `json:"display,omitempty"`
	User    string `json:"user,omitempty"`
	Host    string `json:"host,omitempty"`
	Port    uint16 `json:"port,omitempty"`
	Tag     string `json:"tag,omitempty"`
}

// parsedCSeq has no number if that does not fit 32 bits: 0 would be a guess.
type parsedCSeq struct {
	Number *uint32 `json:"number,omitempty"`
	Method string  `json:"method,omitempty"`
}

// parsedVia is the top Via. RPort is text because the parameter may be there without a value.
type parsedVia struct {
	Transport string `json:"transport"`
	Host      string `json:"host"`
	Port      uint16 `json:"port,omitempty"`
	Branch    string `json:"branch"`
	Received  string `json:"received"`
	RPort     string `json:"rport"`
}

// parsedAuth is an answer, or in a response the challenge.
type parsedAuth struct {
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

// runParse goes on after a file that cannot be read: the others may be what matters.
func runParse(cmd *cobra.Command, args []string) error {
	out := newOutput(cmd)
	var m sip.Message
	var failed bool
	for i, name := range args {
		data, err := readMessage(cmd.InOrStdin(), name)
		if err != nil {
			printError(cmd.ErrOrStderr(), unreadable(name, err))
			failed = true
			continue
		}
		m.Parse(data)
		if err := out.message(i, parsedMessage(name, &m)); err != nil {
			return fmt.Errorf("print message: %w", err)
		}
	}
	if failed {
		return &exitError{code: exitFailed} // each file has had its own words
	}
	return nil
}

// readMessage reads a file. What lies beyond a mebibyte is not read: no datagram is longer than 64 KiB, and the reader
// only has to see that there is more.
func readMessage(stdin io.Reader, name string) ([]byte, error) {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	return io.ReadAll(io.LimitReader(from, 1<<20))
}

// unreadable says what, why and what to do.
func unreadable(name string, err error) error {
	p := &control.Problem{What: "cannot read " + name, Why: err.Error(), Do: "name a file that holds one SIP message"}
	var path *fs.PathError
	if errors.As(err, &path) {
		p.Why = path.Err.Error()
	}
	if errors.Is(err, fs.ErrPermission) {
		p.Do = "run it as a user who may read the file"
	}
	return p
}

// parsedMessage takes out everything that is printed.
func parsedMessage(file string, m *sip.Message) *parsed {
	p := &parsed{File: plainText([]byte(file)), OK: m.Acceptable(), Kind: m.Kind().String(), Flaws: m.Flaws().Tokens()}
	if m.Kind() == sip.None {
		return p
	}
	// The order does not matter: the flaws above have made the reader look at everything already.
	p.Method, p.RequestURI, p.Status = plainText(m.Method()), plainText(m.RequestURI()), m.Status()
	if m.Kind() == sip.Response {
		reason := plainText(m.Reason())
		p.Reason = &reason
	}
	p.From = partyOf(m, sip.HeaderFrom, m.From())
	p.To = partyOf(m, sip.HeaderTo, m.To())
	p.Contact = partyOf(m, sip.HeaderContact, m.Contact())
	p.CallID, p.UserAgent, p.Server = plainText(m.CallID()), plainText(m.UserAgent()), plainText(m.Server())
	if cseq, ok := m.CSeq(); ok {
		p.CSeq = &parsedCSeq{&cseq.Number, plainText(cseq.Method)}
	} else if len(cseq.Method) > 0 {
		p.CSeq = &parsedCSeq{Method: plainText(cseq.Method)}
	}
	p.Via = viaOf(m)
	p.Auth = authOf(m)
	contentType := plainText(m.ContentType())
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
func partyOf(m *sip.Message, h sip.Header, a sip.NameAddr) *parsedParty {
	if m.Count(h) == 0 {
		return nil
	}
	return &parsedParty{
		Display: unquoted(a.Display), User: plainText(a.URI.User), Host: plainText(a.URI.Host), Port: a.URI.Port, Tag: plainText(a.Tag),
	}
}

// viaOf gives the top Via: the one of the hop that sent the message.
func viaOf(m *sip.Message) *parsedVia {
	if m.Count(sip.HeaderVia) == 0 {
		return nil
	}
	v := m.Via()
	p := &parsedVia{
		Transport: plainText(v.Transport), Host: plainText(v.Host), Port: v.Port, Branch: plainText(v.Branch), Received: plainText(v.Received),
	}
	if v.RPort > 0 {
		p.RPort = strconv.Itoa(int(v.RPort))
	}
	return p
}

// authOf gives the credentials of a request or the challenge of a response.
func authOf(m *sip.Message) *parsedAuth {
	d, ok := m.Credentials()
	if !ok {
		if d, ok = m.Challenge(); !ok {
			return nil
		}
	}
	return &parsedAuth{
		Scheme: plainText(d.Scheme), Username: unquoted(d.Username), Realm: unquoted(d.Realm), Nonce: plainText(d.Nonce),
		URI: plainText(d.URI), Response: plainText(d.Response), Algorithm: plainText(d.Algorithm), Opaque: plainText(d.Opaque),
		CNonce: plainText(d.CNonce), NC: plainText(d.NC), QOP: plainText(d.QOP),
	}
}

// unquoted resolves the quoted pairs of a quoted string.
func unquoted(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return plainText(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		out = append(out, b[i])
	}
	return plainText(out)
}

// plainText makes text of bytes from the wire: a folded line becomes one blank (RFC 3261 section 7.3.1), and each byte that
// is no UTF-8 becomes \xNN, for a JSON string cannot hold it.
func plainText(b []byte) string {
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

// message prints the answer for the i-th file.
func (o *output) message(i int, p *parsed) error {
	if o.json {
		return o.object(p)
	}
	if i > 0 {
		o.printf("\n")
	}
	verdict := o.paint(red, "not ok")
	if p.OK {
		verdict = o.paint(green, "ok")
	}
	o.field("file", p.File)
	o.printf("%-11s%s, %s\n", "kind", p.Kind, verdict)
	o.known("flaws", strings.Join(p.Flaws, " "))
	o.known("request", strings.TrimSpace(p.Method+" "+p.RequestURI))
	if p.Reason != nil {
		o.field("response", fmt.Sprintf("%d %s", p.Status, *p.Reason))
	}
	o.party("from", p.From)
	o.party("to", p.To)
	o.party("contact", p.Contact)
	o.known("call-id", p.CallID)
	if c := p.CSeq; c != nil && c.Number != nil {
		o.field("cseq", fmt.Sprintf("%d %s", *c.Number, c.Method))
	}
	o.via(p.Via)
	o.known("agent", p.UserAgent)
	o.known("server", p.Server)
	o.auth(p.Auth)
	if p.Expires != nil {
		o.field("expires", fmt.Sprintf("%d s", *p.Expires))
	}
	if p.ContentLength != nil {
		o.field("body", strings.TrimSpace(fmt.Sprintf("%d bytes %s", *p.ContentLength, *p.ContentType)))
	}
	return nil
}

// known prints a field unless it is empty.
func (o *output) known(label, text string) {
	if text != "" {
		o.field(label, text)
	}
}

// party prints an address in one line, without the syntax of the header.
func (o *output) party(label string, p *parsedParty) {
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
	o.field(label, text)
}

// via prints where a response would go.
func (o *output) via(v *parsedVia) {
	if v == nil {
		return
	}
	text := v.Transport + " " + hostPort(v.Host, v.Port)
	for _, x := range [...][2]string{{"branch", v.Branch}, {"received", v.Received}, {"rport", v.RPort}} {
		if x[1] != "" {
			text += " " + x[0] + " " + x[1]
		}
	}
	o.field("via", text)
}

// auth prints what matters of credentials; the counters of RFC 2617 are for scripts.
func (o *output) auth(a *parsedAuth) {
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
	o.field("auth", text)
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
