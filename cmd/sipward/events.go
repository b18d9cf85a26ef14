package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
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

// event prints one record, indented where it goes on.
func (o *output) event(r *control.EventRecord) {
	who := ""
	switch {
	case r.Prefix.IsValid():
		who = prefixWord(r.Prefix)
	case r.Src.IsValid():
		who = r.Src.String()
	}
	words := []string{r.Why}
	if r.Seconds > 0 {
		words = append([]string{"for " + ago(time.Duration(r.Seconds)*time.Second)}, words...)
	}
	if r.Class != "" {
		words = append([]string{r.Class}, words...)
	}
	if r.By != "" {
		words = append([]string{"by " + r.By}, words...)
	}
	colour := yellow
	switch r.Type {
	case "ban", "degraded":
		colour = red
	case "unban", "allow", "recovered", "start":
		colour = green
	}
	head := fmt.Sprintf("%s  ", o.clock(r.Time))
	text := fmt.Sprintf("%-15s  %s", printable(who), printable(strings.Join(words, "  ")))
	kind := fmt.Sprintf("%-9s", printable(r.Type))
	width := columns - len(head) - 11
	for i, line := range wrapKeep(text, width) {
		if i == 0 {
			o.printf("%s%s  %s\n", head, o.paint(colour, kind), line)
			continue
		}
		o.printf("%*s%s\n", len(head)+11, "", line)
	}
}

// wrapKeep is wrap, with the blanks of a text that fits in one line kept.
func wrapKeep(text string, width int) []string {
	text = strings.TrimRight(text, " ")
	if len([]rune(text)) <= width {
		return []string{text}
	}
	return wrap(text, width)
}
