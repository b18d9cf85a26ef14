package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/dissect"
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
		if err := out.message(i, dissect.Of(name, &m)); err != nil {
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

// message prints the answer for the i-th file.
func (o *output) message(i int, p *dissect.Message) error {
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
func (o *output) party(label string, p *dissect.Party) {
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
func (o *output) via(v *dissect.Via) {
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
func (o *output) auth(a *dissect.Auth) {
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
