package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sipward/sipward/internal/answer"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
)

// addTo adds commands under a heading of the help.
func addTo(root *cobra.Command, heading string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: heading, Title: heading})
	for _, c := range commands {
		c.GroupID = heading
		root.AddCommand(c)
	}
}

// setUp gives the root what all verbs share.
func setUp(root *cobra.Command) {
	root.PersistentFlags().Bool("json", false, "print JSON Lines")
	root.PersistentFlags().Bool("no-color", false, "print without colour")
	addSocketFlag(root)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "help [VERB]", Short: "Explain a verb", RunE: func(cmd *cobra.Command, args []string) error {
		verb, rest, err := cmd.Root().Find(args)
		if err != nil || len(rest) > 0 {
			return noSuchCommand(cmd.Root(), args)
		}
		return verb.Help()
	}})
	root.SetHelpCommandGroupID("More:")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", answer.Columns)))
	root.SetFlagErrorFunc(flagError)
	// cobra checks these too, but its errors could not be told from a verb's own.
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
			return usageError(err.Error(), "", cmd.CommandPath()+" --help")
		}
		return nil
	}
}

func addSocketFlag(cmd *cobra.Command) {
	cmd.Flags().String("socket", control.DefaultSocket, "daemon at `PATH`")
}

// daemonVerb marks a verb that talks to the daemon.
func daemonVerb(cmd *cobra.Command) *cobra.Command {
	addSocketFlag(cmd)
	return cmd
}

// client gives the daemon that --socket names.
func client(cmd *cobra.Command) *control.Client {
	path, err := cmd.Flags().GetString("socket")
	if err != nil {
		panic("sipward: " + cmd.Name() + " has no --socket") // see daemonVerb
	}
	return control.NewClient(path)
}

// bannedAddresses completes an argument with whoever is banned now.
func bannedAddresses(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	rows, _ := client(cmd).Bans(context.Background()) // no daemon, no suggestions
	var names []string
	for _, r := range rows {
		names = append(names, answer.Prefix(r.Prefix))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// wants gives the rule for a verb's arguments: exactly the named ones, where a
// name in brackets may be left out.
func wants(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > len(names) {
			extra := args[len(names)]
			return usageError(fmt.Sprintf("%s does not take %q", cmd.CommandPath(), extra), "", cmd.UseLine())
		}
		for _, missing := range names[len(args):] {
			if !strings.HasPrefix(missing, "[") {
				return usageError(cmd.CommandPath()+" wants "+missing, "", cmd.UseLine())
			}
		}
		return nil
	}
}

// noSuchCommand refuses words that are no command of cmd.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	do := cmd.CommandPath() + " --help"
	if near := config.Nearest(args[0], names); near != "" {
		do = fmt.Sprintf("did you mean \"%s %s\"?", cmd.CommandPath(), near)
	}
	return usageError(fmt.Sprintf("%s has no verb %q", cmd.CommandPath(), args[0]), "", do)
}

// flagError puts pflag's complaint into our form.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	do := cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var mistake *config.Mistake
	switch {
	case errors.As(err, &mistake):
		name := "flag"
		if errors.As(err, &invalid) {
			name = "--" + invalid.GetFlag().Name
		}
		return usageError(fmt.Sprintf("cannot read %s: %q %s", name, mistake.Word, mistake.Why), "", mistake.Do)
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usageError(fmt.Sprintf("%s has no flag -%s", cmd.CommandPath(), name), "", do)
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := config.Nearest(name, names); near != "" {
			do = fmt.Sprintf("did you mean --%s?", near)
		}
		return usageError(fmt.Sprintf("%s has no flag --%s", cmd.CommandPath(), name), "", do)
	}
	return usageError(err.Error(), "", do)
}
