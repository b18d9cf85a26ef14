package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sipward/sipward/internal/advisory"
	"github.com/sipward/sipward/internal/answer"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/installed"
	"github.com/sipward/sipward/internal/terminal"
)

// advisoriesCommand asks nobody but the files, so it works in a rescue system and on
// an image of a machine that is switched off.
func advisoriesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "advisories [--package NAME=VERSION]... [--root DIR]",
		Short: "Say which known holes are in the SIP servers here",
		Long: `Say for every known advisory about the SIP servers of this machine whether it
is open (affected), fixed, or whether nobody here can tell (unknown). Packages
of dpkg and rpm are read from their lists, other programs' versions from the
programs; nothing is run and nobody is asked. Fixes that a distribution carried
back count. Needs no daemon.`,
		Args: wants(),
		RunE: runAdvisories,
	}
	cmd.Flags().StringArray("package", nil, "judge `NAME=VERSION` instead of what is installed")
	cmd.Flags().String("root", "/", "look at the machine whose files are in `DIR`")
	cmd.Flags().String("data", "", "add advisories of `FILE|DIR`: OSV, or the Debian security tracker's JSON")
	cmd.Flags().Var(&choice{words: []string{"low", "medium", "high", "critical"}}, "fail-on", "exit with 10 if one as bad as this is open")
	cmd.Flags().Bool("plan", false, "print the commands that upgrade, and nothing else")
	cmd.Flags().Bool("apply", false, "print them, ask, and run them")
	cmd.MarkFlagsMutuallyExclusive("apply", "package")
	cmd.MarkFlagsMutuallyExclusive("apply", "root")
	return cmd
}

// judged is what the verb found out.
type judged struct {
	packages []installed.Package
	records  []advisory.Record
}

// runAdvisories prints the whole answer before the exit code says that it is bad.
func runAdvisories(cmd *cobra.Command, _ []string) error {
	known, err := advisoryData(cmd)
	if err != nil {
		return err
	}
	out := newOutput(cmd)
	named, _ := cmd.Flags().GetStringArray("package")
	j, err := judgePackages(cmd, known, named, out.Now)
	if err != nil {
		return err
	}
	plan, _ := cmd.Flags().GetBool("plan")
	apply, _ := cmd.Flags().GetBool("apply")
	switch {
	case plan || apply:
		err = upgrade(cmd, out, j, apply)
	default:
		err = out.Advisories(j.records)
	}
	if err != nil {
		return err
	}
	if least := cmd.Flags().Lookup("fail-on").Value.String(); least != "" {
		for i := range j.records {
			if r := &j.records[i]; r.Open() && r.Severity.AtLeast(advisory.Severity(least)) {
				return &exitError{code: exitFindings}
			}
		}
	}
	return nil
}

// advisoryData reads the data that comes with us, and what --data adds.
func advisoryData(cmd *cobra.Command) (*advisory.Database, error) {
	name, _ := cmd.Flags().GetString("data")
	if name == "" {
		return advisory.Embedded(), nil
	}
	known, err := advisory.Load(name)
	if errors.Is(err, advisory.ErrInvalid) {
		return nil, &control.Problem{What: "these advisories cannot be used", Why: err.Error(),
			Do: "give OSV records or the Debian security tracker's JSON", Kind: control.ErrInvalid}
	}
	if err != nil {
		return nil, &control.Problem{What: "cannot read " + name, Why: reason(err), Kind: cmp.Or(kindOf(err), control.ErrInvalid)}
	}
	return known, nil
}

// kindOf keeps the kinds of error that have exit codes of their own.
func kindOf(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return control.ErrNotPermitted
	}
	return nil
}

// reason is why a file cannot be read, without its name.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// judgePackages judges what was typed, or what is installed.
func judgePackages(cmd *cobra.Command, known *advisory.Database, named []string, now time.Time) (judged, error) {
	var j judged
	root, _ := cmd.Flags().GetString("root")
	var report installed.Report
	// A version that was typed is judged without looking at this machine, unless a
	// root is named: then its distribution is the one that is meant.
	if len(named) == 0 || cmd.Flags().Changed("root") {
		tree, err := installed.Open(root)
		if err != nil {
			return j, &control.Problem{What: "cannot look into " + root, Why: reason(err), Kind: kindOf(err)}
		}
		defer tree.Close()
		report = tree.Look(advisory.Wanted())
	}
	if len(named) > 0 {
		for _, n := range named {
			name, version, ok := strings.Cut(n, "=")
			if !ok || name == "" || version == "" {
				return j, usageError(fmt.Sprintf("cannot read --package: %q has not the form NAME=VERSION", n), "", "write --package asterisk=20.9.1")
			}
			s := advisory.Named(name, version, report.System)
			j.packages = append(j.packages, advisory.Typed(s))
			j.records = append(j.records, known.Judge(s, now)...)
		}
	} else {
		j.packages = report.Packages
		for _, p := range report.Packages {
			j.records = append(j.records, known.Judge(advisory.Installed(p, report.System), now)...)
		}
		j.records = append(j.records, unread(report)...)
		// What could not be read stands on standard error in words, and below as a
		// record for scripts: silence would pass for "nothing is open".
		warn(cmd, report.Problems...)
		if len(j.records) == 0 {
			warn(cmd, "no SIP server was found: no package of one, and no program in the usual places")
		}
	}
	warn(cmd, staleness(known, j.packages, now)...)
	return j, nil
}

// unread makes a record of each package manager whose list could not be read:
// what it has installed is not known.
func unread(report installed.Report) []advisory.Record {
	var all []advisory.Record
	for _, manager := range report.Unread {
		all = append(all, advisory.Record{Package: manager, State: advisory.Unknown,
			Why: "the list of installed packages cannot be read: " + strings.Join(report.Problems, "; ")})
	}
	return all
}

// staleness says once for each program that what is known is old or nothing.
func staleness(known *advisory.Database, packages []installed.Package, now time.Time) []string {
	var all []string
	for _, p := range packages {
		if s := known.Stale(p.Name, now); s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// warn prints sentences on standard error.
func warn(cmd *cobra.Command, sentences ...string) {
	for _, s := range sentences {
		for i, line := range terminal.Wrap(terminal.Printable(s), answer.Columns-len("warning: ")) {
			label := "warning: "
			if i > 0 {
				label = strings.Repeat(" ", len(label))
			}
			fmt.Fprintln(cmd.ErrOrStderr(), label+line)
		}
	}
}

// upgrade prints the package manager's commands, and runs them when somebody at
// a terminal says so.
func upgrade(cmd *cobra.Command, out *answer.Output, j judged, apply bool) error {
	commands, by := advisory.Plan(j.packages, j.records)
	for _, program := range by {
		warn(cmd, program+" is from no package: get the new release where you got this one")
	}
	for _, c := range commands {
		if out.JSON {
			if err := out.Object(map[string]any{"command": c}); err != nil {
				return err
			}
			continue
		}
		out.Printf("%s\n", strings.Join(c, " ")) // names of packages need no quotes
	}
	if !apply || len(commands) == 0 {
		return nil
	}
	if !confirmed(cmd, "Run these commands now? [y/N] ") {
		return &exitError{code: exitNotConfirmed, err: errors.New("nothing was run: it was not confirmed at a terminal")}
	}
	// No shell is between: the words are the words.
	for _, c := range commands {
		run := exec.CommandContext(cmd.Context(), c[0], c[1:]...)
		run.Stdin, run.Stdout, run.Stderr = os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr()
		if err := run.Run(); err != nil {
			return fmt.Errorf("run %s: %w", strings.Join(c, " "), err)
		}
	}
	return nil
}

// confirmed asks at the terminal; without one the answer is no.
func confirmed(cmd *cobra.Command, question string) bool {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false
	}
	fmt.Fprint(cmd.ErrOrStderr(), question)
	line, _ := bufio.NewReader(in).ReadString('\n') // none is no
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line)))
}
