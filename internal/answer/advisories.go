package answer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/advisory"
	"github.com/sipward/sipward/internal/terminal"
)

// Advisories prints what is known of packages: every record as JSON, or for each
// package a table of what is open and what is not known, the worst first.
func (o *Output) Advisories(records []advisory.Record) error {
	if o.JSON {
		for _, r := range records {
			if err := o.Object(r); err != nil {
				return err
			}
		}
		return nil
	}
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].Package == records[0].Package && records[n].Version == records[0].Version {
			n++
		}
		o.packageTable(records[:n])
		if records = records[n:]; len(records) > 0 {
			o.Printf("\n")
		}
	}
	return nil
}

// packageTable prints one package.
func (o *Output) packageTable(records []advisory.Record) {
	first := records[0]
	if first.Advisory == "" {
		o.Field(first.Package, strings.TrimSpace(first.Version+" not known: "+first.Why))
		return
	}
	count := map[advisory.State]int{}
	for _, r := range records {
		count[r.State]++
	}
	heading := fmt.Sprintf("%s %s: %d open, %d not known, %d fixed", first.Package, first.Version,
		count[advisory.Affected], count[advisory.Unknown], count[advisory.Fixed])
	for _, line := range terminal.Wrap(terminal.Printable(heading), Columns) {
		o.Printf("%s\n", line)
	}
	o.openTable(records)
	o.unknownTable(records)
}

// openTable lists what is open, in two lines each: what, and why it matters.
func (o *Output) openTable(records []advisory.Record) {
	headed := false
	for _, r := range records {
		if r.State != advisory.Affected {
			continue
		}
		if !headed {
			o.Printf("\n%-9s %-20s %s\n", "OPEN", "ADVISORY", "FIXED IN")
			headed = true
		}
		colour, text := Red, r.Summary
		if !r.Open() {
			colour = Yellow
		}
		// Where there is a version to upgrade to, that is all the why that people need.
		if r.FixedIn == "" || !r.Open() {
			text = strings.TrimPrefix(text+": "+r.Why, ": ")
		}
		o.Printf("%s %-20s %s\n", o.Paint(colour, fmt.Sprintf("%-9s", severity(r))),
			terminal.Fit(terminal.Printable(r.Advisory), 20), terminal.Fit(terminal.Printable(cmp.Or(r.FixedIn, "-")), 49))
		const indent = 10
		for _, line := range terminal.Wrap(terminal.Printable(text), Columns-indent) {
			o.Printf("%*s%s\n", indent, "", line)
		}
	}
}

// unknownTable lists what cannot be told, in a line each, under the reason.
func (o *Output) unknownTable(records []advisory.Record) {
	// Dozens of advisories share one reason, which is told once.
	var reasons []string
	for _, r := range records {
		if r.State == advisory.Unknown && !slices.Contains(reasons, r.Why) {
			reasons = append(reasons, r.Why)
		}
	}
	for _, why := range reasons {
		o.Printf("\n")
		for _, line := range terminal.Wrap("NOT KNOWN: "+terminal.Printable(why), Columns) {
			o.Printf("%s\n", line)
		}
		for _, r := range records {
			if r.State == advisory.Unknown && r.Why == why {
				o.Printf("%s %-20s %s\n", o.Paint(Yellow, fmt.Sprintf("%-9s", severity(r))),
					terminal.Fit(terminal.Printable(r.Advisory), 20), terminal.Fit(terminal.Printable(r.Summary), 49))
			}
		}
	}
}

// severity words what nobody has rated.
func severity(r advisory.Record) string { return cmp.Or(string(r.Severity), "unrated") }
