package answer

import (
	"fmt"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

// Event prints one record; its sentence has a column of its own.
func (o *Output) Event(r *control.EventRecord) {
	who := ""
	switch {
	case r.Prefix.IsValid():
		who = Prefix(r.Prefix)
	case r.Src.IsValid():
		who = r.Src.String()
	}
	colour := Yellow
	switch r.Type {
	case "ban", "degraded":
		colour = Red
	case "unban", "allow", "recovered", "start":
		colour = Green
	}
	const whoWidth = 15 // an IPv4 address; longer ones get a line of their own
	clock := o.Clock(r.Time)
	indent := len(clock) + 2 + 9 + 2 + whoWidth + 2
	lines := terminal.Wrap(terminal.Printable(eventText(r)), Columns-indent)
	o.Printf("%s  %s  %-*s", clock, o.Paint(colour, fmt.Sprintf("%-9s", terminal.Printable(r.Type))), whoWidth, who)
	if len(who) > whoWidth {
		lines = append([]string{""}, lines...)
	}
	for i, line := range lines {
		switch {
		case line == "":
			o.Printf("\n")
		case i == 0:
			o.Printf("  %s\n", line)
		default:
			o.Printf("%*s%s\n", indent, "", line)
		}
	}
}

// eventText gives class, length, reason and the human behind it.
func eventText(r *control.EventRecord) string {
	text := r.Class
	if r.Type == "ban" && r.Action != "" {
		text = strings.TrimSpace(r.Action + " " + text)
	}
	if r.Seconds > 0 && r.Type != "unban" {
		text = strings.TrimSpace(text + " for " + Ago(time.Duration(r.Seconds)*time.Second))
	}
	if text != "" && r.Why != "" {
		text += ": "
	}
	text += r.Why
	if r.By != "" && r.By != "sipward" {
		text = strings.TrimSpace(text + " (by " + r.By + ")")
	}
	return text
}
