package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

func eventsCommand() *cobra.Command {
	since := span{length: time.Hour}
	cmd := daemonVerb(&cobra.Command{
		Use:   "events",
		Short: "Show what happened: findings, bans, changes",
		Long: `Show what happened in the last hour, or since --since: findings, bans, what
humans ordered, and what broke. With -f it goes on until you stop it.`,
		Example: `  sipward events --since 1d
  sipward events -f --json`,
		Args: wants(),
	})
	cmd.Flags().Var(&since, "since", "how far back")
	follow := cmd.Flags().BoolP("follow", "f", false, "go on with what happens next")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := untilInterrupted(cmd)
		defer stop()
		o := newOutput(cmd)
		query := control.EventQuery{Since: o.now.Add(-since.length), Follow: *follow}
		return client(cmd).Events(ctx, query, func(r control.EventRecord) error {
			if o.json {
				if err := o.object(&r); err != nil {
					return errors.Join(errors.New("print event"), err)
				}
				return nil
			}
			o.now = time.Now() // the day may change while we follow
			o.event(&r)
			return nil
		})
	}
	return cmd
}

// event prints one record; its sentence has a column of its own.
func (o *output) event(r *control.EventRecord) {
	who := ""
	switch {
	case r.Prefix.IsValid():
		who = prefixWord(r.Prefix)
	case r.Src.IsValid():
		who = r.Src.String()
	}
	colour := yellow
	switch r.Type {
	case "ban", "degraded":
		colour = red
	case "unban", "allow", "recovered", "start":
		colour = green
	}
	const whoWidth = 15 // an IPv4 address; longer ones get a line of their own
	clock := o.clock(r.Time)
	indent := len(clock) + 2 + 9 + 2 + whoWidth + 2
	lines := terminal.Wrap(terminal.Printable(eventText(r)), columns-indent)
	o.printf("%s  %s  %-*s", clock, o.paint(colour, fmt.Sprintf("%-9s", terminal.Printable(r.Type))), whoWidth, who)
	if len(who) > whoWidth {
		lines = append([]string{""}, lines...)
	}
	for i, line := range lines {
		switch {
		case line == "":
			o.printf("\n")
		case i == 0:
			o.printf("  %s\n", line)
		default:
			o.printf("%*s%s\n", indent, "", line)
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
		text = strings.TrimSpace(text + " for " + ago(time.Duration(r.Seconds)*time.Second))
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
