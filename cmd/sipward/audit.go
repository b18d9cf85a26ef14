package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Say what is wrong with the SIP servers here",
		Long: `Read the settings of Asterisk, FreeSWITCH, Kamailio, OpenSIPS and this machine
as they do, and say what is wrong, why it matters and what to write instead.
Nothing is changed and nothing is run. With --root a tree of files is read
instead of this machine.`,
		Args: wants(),
		RunE: runAudit,
	}
	cmd.Flags().String("root", "", "read the tree below `DIR` instead of this machine")
	cmd.Flags().String("server", "", "only one of `asterisk|freeswitch|kamailio|opensips|host`")
	cmd.Flags().String("fail-on", "", "exit 10 if something fails that is at least `low|medium|high|critical`")
	return cmd
}

// servers are what --server may name.
var servers = []string{check.Asterisk, check.FreeSWITCH, check.Kamailio, check.OpenSIPS, check.Host}

func runAudit(cmd *cobra.Command, _ []string) error {
	least, err := failOn(cmd)
	if err != nil {
		return err
	}
	var only []string
	if name, _ := cmd.Flags().GetString("server"); name != "" {
		if !slices.Contains(servers, name) {
			return usageError(fmt.Sprintf("%q is no server that can be audited", name), "", "use one of asterisk, freeswitch, kamailio, opensips, host")
		}
		only = []string{name}
	}
	name, _ := cmd.Flags().GetString("root")
	dir := name
	if dir == "" {
		dir = "/"
	}
	// What is a link inside must not lead outside.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open tree: %w", err)
	}
	defer root.Close()
	site := &check.Site{Files: root.FS(), Live: name == ""}
	if site.Live {
		site = audit.Machine(os.DirFS("/"))
	}
	r := audit.Run(site, only...)
	for _, p := range r.Problems {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipward: "+p)
	}
	if err := newOutput(cmd).Audit(r); err != nil {
		return err
	}
	if worst, failed := r.Worst(); failed && least != nil && worst >= *least {
		return &exitError{code: exitFindings}
	}
	return nil
}

// failOn reads --fail-on; nil when it is not given.
func failOn(cmd *cobra.Command) (*check.Severity, error) {
	word, _ := cmd.Flags().GetString("fail-on")
	if word == "" {
		return nil, nil
	}
	least, err := check.ParseSeverity(word)
	if err != nil {
		return nil, usageError("--fail-on: "+err.Error(), "", "")
	}
	return &least, nil
}
