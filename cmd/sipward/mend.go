package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/audit/mend"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

// takesEffect says how each server is asked whether it accepts its settings, and
// then told to read them. None of it is run by us.
var takesEffect = map[string][]string{
	check.Asterisk:   {`asterisk -rx "core reload"`, `systemctl restart asterisk   # for asterisk.conf, modules.conf and transports`},
	check.FreeSWITCH: {`fs_cli -x reloadxml`, `fs_cli -x "sofia profile internal rescan"`},
	check.Kamailio:   {`kamailio -c -f /etc/kamailio/kamailio.cfg`, `systemctl restart kamailio`},
	check.OpenSIPS:   {`opensips -C -f /etc/opensips/opensips.cfg`, `systemctl restart opensips`},
}

// runMending shows the changes that are safe, and makes them if it is told to.
func runMending(cmd *cobra.Command, root *os.Root, r *audit.Report) error {
	plan := mend.New(root.FS(), r)
	out := newOutput(cmd)
	if err := plan.Patch(out.W); err != nil {
		return err
	}
	for _, left := range plan.Left {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipward: by hand: "+terminal.Printable(left))
	}
	if len(plan.Files) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipward: there is nothing that can be changed without a question")
		return nil
	}
	yes, _ := cmd.Flags().GetBool("yes")
	if dry, _ := cmd.Flags().GetBool("dry-run"); dry && !yes {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipward: nothing is changed; --yes makes these changes")
		return nil
	}
	backups, _ := cmd.Flags().GetString("backups")
	kept, err := plan.Apply(root, backups, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "sipward: changed; the files as they were are in %s, and sipward audit --fix --undo puts them back\n", kept)
	var told []string
	for _, f := range plan.Files {
		for _, server := range f.Servers {
			for _, command := range takesEffect[server] {
				if !slices.Contains(told, command) {
					told = append(told, command)
					fmt.Fprintln(cmd.ErrOrStderr(), "     do: "+command)
				}
			}
		}
	}
	return nil
}

// undoMending takes the last changes back.
func undoMending(cmd *cobra.Command, root *os.Root) error {
	backups, _ := cmd.Flags().GetString("backups")
	names, err := mend.Undo(root, backups)
	if errors.Is(err, mend.ErrNothing) {
		return &control.Problem{What: err.Error(), Kind: control.ErrNotFound}
	}
	for _, name := range names {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipward: /"+terminal.Printable(name)+" is as it was")
	}
	return err
}
