package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/answer"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/daemon"
)

func restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore [--config FILE]",
		Short: "Put the saved bans in force, at boot",
		Long: `Load the saved bans into the kernel and end. The boot unit calls this before
the network is up, so that no banned packet arrives before the daemon does. In
monitor mode it does nothing.`,
		Args: wants(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := daemon.Restore(daemon.Options{
				Load: func() (*config.Config, error) { return runSettings(cmd) },
				Log:  slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
			})
			if err != nil {
				return startError(err)
			}
			newOutput(cmd).Printf("%s in force\n", answer.Counted(loaded, "entry", "entries"))
			return nil
		},
	}
	addSettingsFlags(cmd)
	return cmd
}
