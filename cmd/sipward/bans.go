package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

func bansCommand() *cobra.Command {
	return daemonVerb(&cobra.Command{
		Use:   "bans",
		Short: "List who is banned or limited",
		Long: `List who is banned or limited now, by address. "sipward why ADDRESS" explains
one of them, "sipward unban ADDRESS" lets it in again.`,
		Args: wants(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilInterrupted(cmd)
			defer stop()
			rows, err := client(cmd).Bans(ctx)
			if err != nil {
				return err
			}
			if len(rows) > 0 {
				// The table looks the same in every mode; its meaning does not.
				if s, err := client(cmd).Status(ctx); err == nil && s.Mode == control.ModeMonitor {
					fmt.Fprintln(cmd.ErrOrStderr(), "sipward: monitor mode: nobody here is really kept out")
				}
			}
			return newOutput(cmd).rows(rows, "Nobody is banned.")
		},
	})
}

// rows prints entries of the table, or the sentence when there are none.
func (o *output) rows(rows []control.BanRow, none string) error {
	if o.json {
		for i := range rows {
			if err := o.object(&rows[i]); err != nil {
				return fmt.Errorf("print entries: %w", err)
			}
		}
		return nil
	}
	if len(rows) == 0 {
		o.printf("%s\n", none)
		return nil
	}
	address := len("ADDRESS")
	for i := range rows {
		address = max(address, utf8.RuneCountInString(rowName(&rows[i])))
	}
	// What is left of the line goes to the reason. A long IPv6 network leaves
	// little, so there the reason gets a line of its own.
	const rest = "  PROOF  ACTION  SINCE  LEFT     "
	why := columns - address - len(rest)
	const least = 16
	if why < least {
		why = columns - 2
		o.printf("%-*s%s\n", address, "ADDRESS", strings.TrimRight(rest, " "))
	} else {
		o.printf("%-*s%sWHY\n", address, "ADDRESS", rest)
	}
	for i := range rows {
		r := &rows[i]
		line := fmt.Sprintf("%-*s  %-5s  %-6s  %-5s  %-7s  ", address, rowName(r), dash(r.Proof), r.Action,
			brief(ago(o.now.Sub(r.Since))), brief(o.left(r.Until)))
		// Where a trunk stands is at the end of its reason.
		if why == columns-2 || r.Rule == control.TrunkRule && utf8.RuneCountInString(r.Why) > why {
			o.printf("%s\n  %s\n", strings.TrimRight(line, " "), terminal.Fit(rowReason(r), columns-2))
			continue
		}
		o.printf("%s%s\n", line, terminal.Fit(rowReason(r), why))
	}
	return nil
}

// rowName is the prefix, with the source port where only that is meant.
func rowName(r *control.BanRow) string {
	name := prefixWord(r.Prefix)
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
