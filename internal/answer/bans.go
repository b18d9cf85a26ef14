package answer

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

// Rows prints entries of the table, or the sentence when there are none.
func (o *Output) Rows(rows []control.BanRow, none string) error {
	if o.JSON {
		for i := range rows {
			if err := o.Object(&rows[i]); err != nil {
				return fmt.Errorf("print entries: %w", err)
			}
		}
		return nil
	}
	if len(rows) == 0 {
		o.Printf("%s\n", none)
		return nil
	}
	address := len("ADDRESS")
	for i := range rows {
		address = max(address, utf8.RuneCountInString(rowName(&rows[i])))
	}
	// What is left of the line goes to the reason. A long IPv6 network leaves
	// little, so there the reason gets a line of its own.
	const rest = "  PROOF  ACTION  SINCE  LEFT     "
	why := Columns - address - len(rest)
	const least = 16
	if why < least {
		why = Columns - 2
		o.Printf("%-*s%s\n", address, "ADDRESS", strings.TrimRight(rest, " "))
	} else {
		o.Printf("%-*s%sWHY\n", address, "ADDRESS", rest)
	}
	for i := range rows {
		r := &rows[i]
		line := fmt.Sprintf("%-*s  %-5s  %-6s  %-5s  %-7s  ", address, rowName(r), dash(r.Proof), r.Action,
			brief(Ago(o.Now.Sub(r.Since))), brief(o.Left(r.Until)))
		// Where a trunk stands is at the end of its reason.
		if why == Columns-2 || r.Rule == control.TrunkRule && utf8.RuneCountInString(r.Why) > why {
			o.Printf("%s\n  %s\n", strings.TrimRight(line, " "), terminal.Fit(rowReason(r), Columns-2))
			continue
		}
		o.Printf("%s%s\n", line, terminal.Fit(rowReason(r), why))
	}
	return nil
}

// rowName is the prefix, with the source port where only that is meant.
func rowName(r *control.BanRow) string {
	name := Prefix(r.Prefix)
	if r.Port != 0 {
		name += fmt.Sprintf(" port %d", r.Port)
	}
	return name
}

// rowReason is the sentence, led by the human who ordered it.
func rowReason(r *control.BanRow) string {
	if r.Rule == "" {
		return terminal.Printable(strings.TrimSuffix("by "+r.By+": "+r.Why, ": "))
	}
	return terminal.Printable(r.Why)
}

// brief keeps the largest unit of a span: 6h12m becomes 6h.
func brief(span string) string {
	if i := strings.IndexAny(span, "wdhms"); i > 0 && span[0] >= '0' && span[0] <= '9' {
		return span[:i+1]
	}
	return span
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}
