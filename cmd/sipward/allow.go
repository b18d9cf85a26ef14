package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
)

func allowCommand() *cobra.Command {
	length := span{endless: true}
	cmd := daemonVerb(&cobra.Command{
		Use:   "allow PREFIX",
		Short: "Never ban an address or a network",
		Long: `Never ban and never limit an address or a network: for good, or as long as
--for says. What the settings allow is not listed here; it needs no entry. The
list shows the trunks, too: those of the settings, and those that the SIP
servers' own settings name.`,
		Example: `  sipward allow 192.0.2.0/24 --note "the office"
  sipward allow 198.51.100.7 --for 8h
  sipward allow list
  sipward allow remove 198.51.100.7`,
		Args: wants("PREFIX"),
	})
	cmd.Flags().Var(&length, "for", "how long: 8h, 7d, forever")
	note := cmd.Flags().String("note", "", "your note, for the record")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		prefix, err := prefixArgument(cmd, args[0])
		if err != nil {
			return err
		}
		ctx, stop := untilInterrupted(cmd)
		defer stop()
		receipt, err := client(cmd).Allow(ctx, control.Order{Prefix: prefix, Seconds: int64(length.length / time.Second), Note: *note})
		if err != nil {
			return err
		}
		receipt.Enforced = true // an allow holds in every mode: it stops decisions, not packets
		return printReceipt(newOutput(cmd), &receipt, "allowed")
	}
	cmd.AddCommand(allowListCommand(), allowRemoveCommand())
	return cmd
}

func allowListCommand() *cobra.Command {
	return daemonVerb(&cobra.Command{
		Use:   "list",
		Short: "List what humans have allowed, and the trunks",
		Args:  wants(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilInterrupted(cmd)
			defer stop()
			rows, err := client(cmd).Allowed(ctx)
			if err != nil {
				return err
			}
			return newOutput(cmd).Rows(rows, "Nothing is allowed beyond the settings.")
		},
	})
}

func allowRemoveCommand() *cobra.Command {
	return daemonVerb(&cobra.Command{
		Use:   "remove PREFIX",
		Short: "Take entries off the allow-list",
		Args:  wants("PREFIX"),
		RunE: func(cmd *cobra.Command, args []string) error {
			prefix, err := prefixArgument(cmd, args[0])
			if err != nil {
				return err
			}
			ctx, stop := untilInterrupted(cmd)
			defer stop()
			n, err := client(cmd).Disallow(ctx, prefix)
			if err != nil {
				return err
			}
			return newOutput(cmd).Lifted(n, "entry", "entries")
		},
	})
}
