package main

import (
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/answer"
)

func whyCommand() *cobra.Command {
	return daemonVerb(&cobra.Command{
		Use:   "why TARGET",
		Short: "Explain how an address is treated",
		Long: `Explain how an address is treated and why: the evidence as it stood when the
decision fell, what proves that the address is real, what was spared and why,
and how to take it back. It answers for addresses that are not blocked too.`,
		Example:           `  sipward why 203.0.113.7`,
		Args:              wants("TARGET"),
		ValidArgsFunction: bannedAddresses,
		RunE:              runWhy,
	})
}

func runWhy(cmd *cobra.Command, args []string) error {
	target := args[0]
	if _, err := netip.ParseAddr(target); err != nil && meantAsAddress(target) {
		prefix, err := prefixArgument(cmd, target)
		if err != nil {
			return err
		}
		target = answer.Prefix(prefix)
	}
	ctx, stop := untilInterrupted(cmd)
	defer stop()
	e, err := client(cmd).Why(ctx, target)
	if err != nil {
		return err
	}
	o := newOutput(cmd)
	if o.JSON {
		return o.Object(&e)
	}
	o.Explanation(&e)
	return nil
}

// meantAsAddress says that a word is no account's name: a slip in an address
// must not be answered with "not seen".
func meantAsAddress(target string) bool {
	dotted := strings.Trim(target, "0123456789./:") == "" && strings.ContainsAny(target, "./:")
	return dotted || strings.Count(target, ":") > 1 && strings.Trim(target, "0123456789abcdefABCDEF.:/[]%") == ""
}
