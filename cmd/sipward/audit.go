package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/audit/paper"
	"github.com/sipward/sipward/internal/control"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Say what is wrong with the SIP servers here",
		Long: `Read the settings of Asterisk, FreeSWITCH, Kamailio, OpenSIPS and this machine
as they do, and say what is wrong, why it matters and what to write instead.
With --root a tree of files is read instead of this machine. Nothing is changed
and nothing is run, unless --fix is given: it shows the changes that are safe,
makes them with --yes, and takes the last ones back with --undo.`,
		Args: wants(),
		RunE: runAudit,
	}
	f := cmd.Flags()
	f.String("root", "", "read the tree below `DIR` instead of this machine")
	f.String("server", "", "only one of `asterisk|freeswitch|kamailio|opensips|host`")
	f.String("format", "table", "`table|json|sarif|html`")
	f.String("fail-on", "", "exit 10 if something fails that is at least `low|medium|high|critical`")
	f.String("baseline", "", "live with the findings that `FILE` accepts")
	f.Bool("fix", false, "show the changes that can be made without a question")
	f.Bool("dry-run", true, "with --fix: only show them")
	f.BoolP("yes", "y", false, "with --fix: make them, and keep the files as they were")
	f.Bool("undo", false, "with --fix: take the last changes back")
	f.String("backups", "/var/lib/sipward/mended", "with --fix: keep the files as they were in `DIR`")
	cmd.AddCommand(auditExplainCommand())
	return cmd
}

// servers are what --server may name.
var servers = []string{check.Asterisk, check.FreeSWITCH, check.Kamailio, check.OpenSIPS, check.Host}

func runAudit(cmd *cobra.Command, _ []string) error {
	least, err := failOn(cmd)
	if err != nil {
		return err
	}
	format, _ := cmd.Flags().GetString("format")
	if !slices.Contains([]string{"table", "json", "sarif", "html"}, format) {
		return usageError(fmt.Sprintf("%q is no format of an audit", format), "", "use table, json, sarif or html")
	}
	dir, _ := cmd.Flags().GetString("root")
	root, site, err := audit.Open(dir, time.Now())
	if err != nil {
		return err
	}
	defer root.Close()
	if undo, _ := cmd.Flags().GetBool("undo"); undo {
		return undoMending(cmd, root)
	}
	r, err := auditSite(cmd, site)
	if err != nil {
		return err
	}
	if fix, _ := cmd.Flags().GetBool("fix"); fix {
		return runMending(cmd, root, r)
	}
	if err := writeAudit(cmd, r, format); err != nil {
		return err
	}
	if worst, failed := r.Worst(); failed && least != nil && worst >= *least {
		return &exitError{code: exitFindings}
	}
	return nil
}

// auditSite runs the audit, and says on standard error what could not be read
// and which acceptances have run out.
func auditSite(cmd *cobra.Command, site *check.Site) (*audit.Report, error) {
	var only []string
	if name, _ := cmd.Flags().GetString("server"); name != "" {
		if !slices.Contains(servers, name) {
			return nil, usageError(fmt.Sprintf("%q is no server that can be audited", name), "", "use one of "+strings.Join(servers, ", "))
		}
		only = []string{name}
	}
	baseline, err := readBaseline(cmd)
	if err != nil {
		return nil, err
	}
	// Settings of the largest kind become garbage several times over.
	debug.SetMemoryLimit(audit.Memory)
	r := audit.Run(site, only...)
	for _, said := range append(slices.Clone(r.Problems), r.Accept(baseline, time.Now())...) {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipward: "+said)
	}
	if len(only) == 0 && slices.Equal(r.Servers, []string{check.Host}) {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipward: no settings of a SIP server were found here")
	}
	return r, nil
}

func readBaseline(cmd *cobra.Command) (*audit.Baseline, error) {
	name, _ := cmd.Flags().GetString("baseline")
	if name == "" {
		return &audit.Baseline{}, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open baseline: %w", err)
	}
	defer file.Close()
	b, err := audit.ReadBaseline(file)
	if err != nil {
		return nil, &control.Problem{What: name + ": " + err.Error(), Do: "mend the file; docs/audit.md shows its form", Kind: control.ErrInvalid}
	}
	return b, nil
}

func writeAudit(cmd *cobra.Command, r *audit.Report, format string) error {
	out := newOutput(cmd)
	switch format {
	case "sarif":
		return paper.SARIF(out.W, r, version)
	case "html":
		return paper.Page(out.W, r, out.Now)
	case "json":
		out.JSON = true
	}
	return out.Audit(r)
}

// failOn reads --fail-on; nil when it is not given.
func failOn(cmd *cobra.Command) (*check.Severity, error) {
	word, _ := cmd.Flags().GetString("fail-on")
	if word == "" {
		return nil, nil
	}
	least, err := check.ParseSeverity(word)
	if err != nil || least == check.Info {
		return nil, usageError(fmt.Sprintf("--fail-on: %q is not one of its words", word), "", "use low, medium, high or critical")
	}
	return &least, nil
}

func auditExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain ID",
		Short: "Say what a check looks at, why, and how to mend it",
		Args:  wants("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, c := range audit.Checks() {
				if strings.EqualFold(c.ID, args[0]) {
					return newOutput(cmd).Check(c)
				}
			}
			return &control.Problem{What: fmt.Sprintf("there is no check %q", args[0]), Do: "sipward audit lists those that fail", Kind: control.ErrNotFound}
		},
	}
}
