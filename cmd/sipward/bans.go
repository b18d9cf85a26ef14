package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
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
			return newOutput(cmd).Rows(rows, "Nobody is banned.")
		},
	})
}
