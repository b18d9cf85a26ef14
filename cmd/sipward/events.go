package main

import (
	"errors"
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
		query := control.EventQuery{Since: o.Now.Add(-since.length), Follow: *follow}
		return client(cmd).Events(ctx, query, func(r control.EventRecord) error {
			if o.JSON {
				if err := o.Object(&r); err != nil {
					return errors.Join(errors.New("print event"), err)
				}
				return nil
			}
			o.Now = time.Now() // the day may change while we follow
			o.Event(&r)
			return nil
		})
	}
	return cmd
}
