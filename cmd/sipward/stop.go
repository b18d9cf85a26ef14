package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// stopPatience is how long the daemon may take to put its things in order.
const stopPatience = 30 * time.Second

func stopCommand() *cobra.Command {
	cmd := daemonVerb(&cobra.Command{
		Use:   "stop",
		Short: "Stop the daemon; bans stay in the kernel",
		Long: `Stop the daemon and wait until it has ended. The bans stay in the kernel, each
until its own time is over, so that a restart opens no gap. With --clear they
are removed first. (Under systemd, "systemctl stop sipward" does the same
without --clear.)`,
		Args: wants(),
	})
	clearAll := cmd.Flags().Bool("clear", false, "remove the bans from the kernel first")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := untilInterrupted(cmd)
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, stopPatience)
		defer cancel()
		if err := client(cmd).Stop(ctx, *clearAll); err != nil {
			return err
		}
		o := newOutput(cmd)
		if o.json {
			return o.object(map[string]bool{"stopped": true, "cleared": *clearAll})
		}
		if *clearAll {
			o.printf("stopped; no ban of ours is left in the kernel\n")
		} else {
			o.printf("stopped; the bans stay in the kernel until they run out\n")
		}
		return nil
	}
	return cmd
}
