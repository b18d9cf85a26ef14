// Package answer gives the verbs' answers their form: text for people, in lines
// that fit a terminal and cannot command it, or JSON Lines for scripts. It
// decides nothing and asks nobody; the verbs of cmd/sipward do.
package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/terminal"
)

// Columns is how wide an answer for people may be.
const Columns = 80

// Output is where a verb's answer goes, and in which form. It belongs to one
// goroutine.
type Output struct {
	W io.Writer
	// JSON asks for one object a line instead of text for people.
	JSON bool
	// Colour is set on a terminal that wants it.
	Colour bool
	// Now is the present, from which spans and days are told.
	Now time.Time
}

// Object prints one line of JSON. What would command a terminal or reorder its
// text is escaped, which JSON permits in any string.
func (o *Output) Object(v any) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := o.W.Write(terminal.EscapeJSON(line.Bytes()))
	return err
}

// Printf prints text of our own; what comes from elsewhere is made Printable first.
// An error shows where the writer is flushed or closed.
func (o *Output) Printf(format string, args ...any) { fmt.Fprintf(o.W, format, args...) }

// The colours that mean something: bad, good, worth a look.
const (
	Red    = "31"
	Green  = "32"
	Yellow = "33"
)

// Paint colours a text where colours are wanted.
func (o *Output) Paint(colour, text string) string {
	if !o.Colour {
		return text
	}
	return "\x1b[1;" + colour + "m" + text + "\x1b[0m"
}

// Field prints a label and a text that may take several lines.
func (o *Output) Field(label, text string) {
	const indent = 11
	for i, line := range terminal.Wrap(terminal.Printable(text), Columns-indent) {
		if i > 0 {
			label = ""
		}
		o.Printf("%-*s%s\n", indent, label, line)
	}
}

// Ago writes a span for people, in its two largest units.
func Ago(d time.Duration) string {
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

// Left writes how long until a time; zero is never.
func (o *Output) Left(until time.Time) string {
	if until.IsZero() {
		return "forever"
	}
	return Ago(until.Sub(o.Now))
}

// Clock writes a local time: without its date when that is today.
func (o *Output) Clock(t time.Time) string {
	t = t.Local()
	if y, m, d := t.Date(); !t.IsZero() {
		if ny, nm, nd := o.Now.Local().Date(); y == ny && m == nm && d == nd {
			return t.Format("15:04:05")
		}
	}
	return t.Format("2006-01-02 15:04:05")
}

// Grouped writes a number with commas.
func Grouped(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Counted writes a number with its noun.
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(uint64(max(0, n))) + " " + many
}

// Prefix writes a host without its length.
func Prefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// labelOnce labels the first of several lines.
func labelOnce(label string, i int) string {
	if i > 0 {
		return ""
	}
	return label
}
