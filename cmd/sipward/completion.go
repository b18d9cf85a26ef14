package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/config"
)

// shells are the ones cobra can write completions for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a completion script for your shell",
		Long: `Print a completion script for your shell.

  bash   sipward completion bash > /etc/bash_completion.d/sipward
  zsh    sipward completion zsh > "${fpath[1]}/_sipward"
  fish   sipward completion fish > ~/.config/fish/completions/sipward.fish`,
		Args:      wants("SHELL"),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := writeCompletion(cmd.Root(), args[0], cmd.OutOrStdout()); err != nil {
				return err
			}
			return nil
		},
	}
}

func writeCompletion(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	}
	do := "known: bash, zsh, fish, powershell"
	if near := config.Nearest(shell, shells); near != "" {
		do = "did you mean " + near + "?"
	}
	return usageError(fmt.Sprintf("there is no completion for %q", shell), "", do)
}
