package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/daemon"
)

// stopPatience is how long the daemon may take to put its things in order.
const stopPatience = 30 * time.Second

func stopCommand() *cobra.Command {
	cmd := daemonVerb(&cobra.Command{
		Use:   "stop",
		Short: "Stop the daemon; bans stay in the kernel",
		Long: `Stop the daemon and wait until it has ended. The bans stay in the kernel, each
until its own time is over, so that a restart opens no gap. With --clear they
are removed, even when no daemon runs any more; the next start brings back those
whose time is not over, and "sipward unban --all" ends them for good. (Under
systemd, "systemctl stop sipward" does the same without --clear.)`,
		Args: wants(),
	})
	clearAll := cmd.Flags().Bool("clear", false, "remove the bans from the kernel too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := untilInterrupted(cmd)
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, stopPatience)
		defer cancel()
		err := client(cmd).Stop(ctx, *clearAll)
		if *clearAll && errors.Is(err, control.ErrUnreachable) {
			err = startError(daemon.Clear())
		}
		if err != nil {
			return err
		}
		o := newOutput(cmd)
		if o.JSON {
			return o.Object(map[string]bool{"stopped": true, "cleared": *clearAll})
		}
		if *clearAll {
			o.Printf("stopped; no ban of ours is left in the kernel\n")
		} else {
			o.Printf("stopped; the bans stay in the kernel until they run out\n")
		}
		return nil
	}
	return cmd
}
