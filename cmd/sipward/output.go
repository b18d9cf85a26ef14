package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/terminal"
)

// columns is how wide an answer for people may be.
const columns = 80

// output is where a verb's answer goes, and in which form.
type output struct {
	w    io.Writer
	json bool
	// colour is set on a terminal that wants it.
	colour bool
	now    time.Time
}

// newOutput follows the flags and the environment (no-color.org).
func newOutput(cmd *cobra.Command) *output {
	asJSON, _ := cmd.Flags().GetBool("json") // both flags are on the root
	plain, _ := cmd.Flags().GetBool("no-color")
	o := &output{w: cmd.OutOrStdout(), json: asJSON, now: time.Now()}
	if f, ok := o.w.(*os.File); ok && !plain && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		o.colour = term.IsTerminal(int(f.Fd()))
	}
	return o
}

// object prints one line of JSON. What would command a terminal or reorder its
// text is escaped, which JSON permits in any string.
func (o *output) object(v any) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := o.w.Write(terminal.EscapeJSON(line.Bytes()))
	return err
}

func (o *output) printf(format string, args ...any) { fmt.Fprintf(o.w, format, args...) }

// The colours that mean something: bad, good, worth a look.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (o *output) paint(colour, text string) string {
	if !o.colour {
		return text
	}
	return "\x1b[1;" + colour + "m" + text + "\x1b[0m"
}

// field prints a label and a text that may take several lines.
func (o *output) field(label, text string) {
	const indent = 11
	for i, line := range terminal.Wrap(terminal.Printable(text), columns-indent) {
		if i > 0 {
			label = ""
		}
		o.printf("%-*s%s\n", indent, label, line)
	}
}

// ago writes a span for people, in its two largest units.
func ago(d time.Duration) string {
	d = d.Round(time.Second)
	unit := time.Second
	switch {
	case d >= 24*time.Hour:
		unit = time.Hour
	case d >= time.Hour:
		unit = time.Minute
	}
	return config.FormatDuration(d.Truncate(unit))
}

// left writes how long until a time; zero is never.
func (o *output) left(until time.Time) string {
	if until.IsZero() {
		return "forever"
	}
	return ago(until.Sub(o.now))
}

// clock writes a local time: without its date when that is today.
func (o *output) clock(t time.Time) string {
	t = t.Local()
	if y, m, d := t.Date(); !t.IsZero() {
		if ny, nm, nd := o.now.Local().Date(); y == ny && m == nm && d == nd {
			return t.Format("15:04:05")
		}
	}
	return t.Format("2006-01-02 15:04:05")
}

// grouped writes a number with commas.
func grouped(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// counted writes a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(uint64(max(0, n))) + " " + many
}
