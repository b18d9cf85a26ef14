package main

import (
	"net/netip"

	"github.com/spf13/cobra"
)

func unbanCommand() *cobra.Command {
	cmd := daemonVerb(&cobra.Command{
		Use:   "unban PREFIX|--all",
		Short: "Let an address or a network in again",
		Long: `Let an address, or every banned address inside a network, in again. What was
held against it is forgotten, even if its ban is over already, so its next
packet does not ban it anew; the history stays in "sipward why". To make sure it
is never banned again, use "sipward allow".`,
		Example: `  sipward unban 203.0.113.7
  sipward unban --all`,
		Args: wants("[PREFIX]"),
	})
	all := cmd.Flags().Bool("all", false, "let everybody in again")
	cmd.ValidArgsFunction = bannedAddresses
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *all == (len(args) == 1) {
			return usageError("sipward unban wants PREFIX or --all, and not both", "", cmd.UseLine())
		}
		var prefix netip.Prefix
		if !*all {
			var err error
			if prefix, err = prefixArgument(cmd, args[0]); err != nil {
				return err
			}
		}
		ctx, stop := untilInterrupted(cmd)
		defer stop()
		n, err := client(cmd).Unban(ctx, prefix)
		if err != nil {
			return err
		}
		return newOutput(cmd).Lifted(n, "ban", "bans")
	}
	return cmd
}
