package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/answer"
	"github.com/sipward/sipward/internal/control"
)

func banCommand() *cobra.Command {
	length := span{length: time.Hour, endless: true}
	scope := choice{word: "sip", words: []string{"sip", "all"}}
	cmd := daemonVerb(&cobra.Command{
		Use:   "ban PREFIX",
		Short: "Keep an address or a network out",
		Long: `Keep an address or a network out, for an hour unless --for says otherwise.
Networks wider than /24 (IPv6: /48) need --accept-risk=wide-ban. An address on
the never-ban list (this machine's own, trunks, the SSH session you sit in) is
refused. In monitor mode the ban is recorded and not enforced: exit 9.`,
		Example: `  sipward ban 203.0.113.7
  sipward ban 203.0.113.0/24 --for 7d --reason "scanner farm"
  sipward ban 2001:db8::7 --for forever --scope all`,
		Args: wants("PREFIX"),
	})
	cmd.Flags().Var(&length, "for", "how long: 10m, 1h30m, 7d, 2w, forever")
	cmd.Flags().Var(&scope, "scope", "close the SIP ports or all")
	reason := cmd.Flags().String("reason", "", "your reason, for the record")
	risks := cmd.Flags().StringSlice("accept-risk", nil, "override the safety rule `ID`: wide-ban")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		prefix, err := prefixArgument(cmd, args[0])
		if err != nil {
			return err
		}
		for _, risk := range *risks {
			if risk != control.WideBan {
				return usageError(fmt.Sprintf("there is no risk %q", risk), "", "known: "+control.WideBan)
			}
		}
		ctx, stop := untilInterrupted(cmd)
		defer stop()
		receipt, err := client(cmd).Ban(ctx, control.Order{
			Prefix: prefix, Seconds: int64(length.length.Seconds()), Scope: scope.word, Note: *reason, AcceptRisk: *risks,
		})
		if err != nil {
			return err
		}
		return printReceipt(newOutput(cmd), &receipt, "banned")
	}
	return cmd
}

// printReceipt says what became of an order; one that is not enforced is only
// partly done.
func printReceipt(o *answer.Output, r *control.Receipt, done string) error {
	if err := o.Receipt(r, done); err != nil {
		return fmt.Errorf("print receipt: %w", err)
	}
	if r.Enforced {
		return nil
	}
	return &exitError{exitPartly, &control.Problem{What: "recorded, not enforced: " + r.Reason,
		Do: "see \"mode\" and \"enforce\" in the settings, then sipward reload"}}
}
