package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
)

func statusCommand() *cobra.Command {
	return daemonVerb(&cobra.Command{
		Use:   "status",
		Short: "Say how things stand",
		Long: `Say how things stand: what is protected and how, where events come from, who
is banned, and what does not work. Exits 0 when all is well, 11 when the daemon
runs but something is degraded, and 3 when no daemon answers.`,
		Args: wants(),
		RunE: runStatus,
	})
}

func runStatus(cmd *cobra.Command, _ []string) error {
	ctx, stop := untilInterrupted(cmd)
	defer stop()
	s, err := client(cmd).Status(ctx)
	if err != nil {
		return err
	}
	o := newOutput(cmd)
	if o.JSON {
		if err := o.Object(s); err != nil {
			return fmt.Errorf("print status: %w", err)
		}
	} else {
		o.Status(&s)
	}
	if len(s.Degraded) > 0 {
		return &exitError{code: exitDegraded}
	}
	return nil
}

// runShortStatus answers a bare `sipward`: people type it to see whether the
// thing is alive, so a missing daemon is an answer here and not a failure.
func runShortStatus(cmd *cobra.Command, _ []string) error {
	ctx, stop := untilInterrupted(cmd)
	defer stop()
	o := newOutput(cmd)
	s, err := client(cmd).Status(ctx)
	switch {
	case errors.Is(err, control.ErrUnreachable):
		o.Printf("%s\n", strings.TrimSpace(howToBegin))
		return nil
	case err != nil:
		return err
	case o.JSON:
		return o.Object(s)
	}
	o.Headline(&s)
	o.Numbers(&s)
	return nil
}

const howToBegin = `
sipward keeps SIP attacks away from this server. No daemon is running here.

  sudo systemctl start sipward            protect this server
  sudo sipward run --monitor              watch first, ban nobody
  sipward replay FILE                     what would it have done?
  sipward config validate                 are the settings right?
  sipward help                            every verb
`
