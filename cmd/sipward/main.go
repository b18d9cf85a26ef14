// Command sipward keeps SIP attacks away from a Linux server. This file is the
// table of contents: each verb has a file of its own.
package main

import (
	"os"

	"github.com/spf13/cobra"
)

func main() {
	cobra.EnableCommandSorting = false // the list below is in the order of use
	root := rootCommand()
	os.Exit(report(root, root.Execute()))
}

// rootCommand lists the verbs as `sipward help` shows them.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "sipward",
		Short: "Keep SIP attacks away from this server",
		Long: `sipward keeps SIP attacks away from a Linux server: it watches the wire and
the logs, believes only what it can prove, and keeps attackers out in the
kernel. Without a verb it says in short how things stand.`,
		Args:          noSuchCommand,
		RunE:          runShortStatus,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	addTo(root, "Daily:",
		statusCommand(), whyCommand(), bansCommand(), banCommand(), unbanCommand(), allowCommand(), eventsCommand())
	addTo(root, "Look closer:",
		explainCommand(), parseCommand(), replayCommand(), uaCommand())
	addTo(root, "Before an attack:",
		auditCommand(), advisoriesCommand())
	addTo(root, "The daemon:",
		runCommand(), restoreCommand(), stopCommand(), reloadCommand(), configCommand())
	addTo(root, "More:",
		versionCommand(), completionCommand())
	setUp(root)
	return root
}
