package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/terminal"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain [FILE|-]",
		Short: "Say what each line of a log means",
		Long: `Say for each line of a SIP server's log what it means: whether it is evidence
(hostile), no evidence against anybody (benign), shaped by an attacker
(tampered), perhaps about security but of no known form (near), or something
else (unknown). With - or no argument the log is read from standard input; it
may be gzipped. Needs no daemon and no rights but to read the file.`,
		Args: wants("[FILE]"),
		RunE: runExplain,
	}
	addLogFlags(cmd)
	return cmd
}

// explanation is one line of the answer.
type explanation struct {
	Line      uint64 `json:"line"`
	Verdict   string `json:"verdict"`
	Server    string `json:"server,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Src       string `json:"src,omitempty"`
	Port      uint16 `json:"port,omitempty"`
	Transport string `json:"transport,omitempty"`
	User      string `json:"user,omitempty"`
	Time      string `json:"time,omitempty"`
	Rule      string `json:"rule,omitempty"`
	Note      string `json:"note"`
}

func runExplain(cmd *cobra.Command, args []string) error {
	format, clock, err := logFlags(cmd)
	if err != nil {
		return err
	}
	from := cmd.InOrStdin()
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("open log: %w", err)
		}
		defer file.Close()
		from = file
	}
	log, err := logline.NewFile(from, format, clock)
	if err != nil {
		return unreadableLog(err)
	}
	out := newOutput(cmd)
	if from == cmd.InOrStdin() { // somebody may be typing, or following a log
		return out.explainLog(log)
	}
	buffered := bufio.NewWriterSize(out.w, 1<<16)
	out.w = buffered
	return errors.Join(out.explainLog(log), buffered.Flush())
}

// unreadableLog is input that is there and cannot be read: a directory, half a
// gzip.
func unreadableLog(err error) error {
	return &control.Problem{What: "read log: " + err.Error(), Do: "give a server's log, plain or gzipped", Kind: control.ErrInvalid}
}

func (o *output) explainLog(log *logline.File) error {
	for {
		e, err := log.NextLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadableLog(err)
		}
		if err := o.explain(e); err != nil {
			return err
		}
	}
}

// explain prints one object or, for people, one line and for what is worth a
// look a second one.
func (o *output) explain(e *event.Event) error {
	x := explainLine(e)
	if o.json {
		return o.object(x)
	}
	colour := map[string]string{"hostile": red, "tampered": red, "near": yellow, "benign": green}[x.Verdict]
	verdict := fmt.Sprintf("%-8s", x.Verdict)
	if colour != "" {
		verdict = o.paint(colour, verdict)
	}
	rest := fmt.Sprintf("%-17s %s", x.Kind, x.Src)
	if x.Port != 0 {
		rest = fmt.Sprintf("%-17s %s", x.Kind, netip.AddrPortFrom(e.Log.Source.Addr(), x.Port))
	}
	if x.Transport != "" {
		rest += " " + x.Transport
	}
	if x.User != "" {
		rest += " user " + terminal.Printable(x.User)
	}
	o.printf("%s\n", strings.TrimRight(fmt.Sprintf("%7d %s %s", x.Line, verdict, terminal.Fit(rest, columns-17)), " "))
	if why := strings.TrimSpace(x.Rule + "  " + x.Note); why != "" {
		o.printf("%17s%s\n", "", terminal.Fit(why, columns-17))
	}
	return nil
}

// explainLine puts an event into words. A source is named only where the line
// is evidence against it.
func explainLine(e *event.Event) explanation {
	said := &e.Log
	x := explanation{
		Line: e.Place.Line, Verdict: said.Verdict.String(), Server: said.Server, Kind: said.Kind.String(),
		Transport: transportWord(said.Transport), User: string(said.User), Rule: said.Rule, Note: said.Note,
	}
	if said.HasTime {
		x.Time = e.Time.UTC().Format(time.RFC3339Nano)
	}
	if said.Source.IsValid() && (said.Verdict == event.Hostile || said.Verdict == event.Tampered) {
		x.Src, x.Port = said.Source.Addr().String(), said.Source.Port()
	}
	return x
}

func transportWord(t event.Transport) string {
	if t == 0 {
		return ""
	}
	return t.String()
}
