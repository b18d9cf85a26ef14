package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
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
	if o.json {
		if err := o.object(s); err != nil {
			return fmt.Errorf("print status: %w", err)
		}
	} else {
		o.status(&s)
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
		o.printf("%s\n", strings.TrimSpace(howToBegin))
		return nil
	case err != nil:
		return err
	case o.json:
		return o.object(s)
	}
	o.headline(&s)
	o.numbers(&s)
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

// headline says in one line whether the server is protected.
func (o *output) headline(s *control.Status) {
	word, colour := "protecting", green
	switch {
	case len(s.Degraded) > 0:
		word, colour = "degraded", red
	case s.Mode != control.ModeEnforce:
		word, colour = "watching only", yellow
	}
	parts := []string{o.paint(colour, "● "+word), terminal.Printable(s.Mode)}
	if layers := layerWords(s.Layers); layers != "" {
		parts = append(parts, terminal.Fit(terminal.Printable(layers), 30))
	}
	if len(s.Listen) > 0 {
		parts = append(parts, terminal.Fit(terminal.Printable(strings.Join(s.Listen, " ")), 20))
	}
	o.printf("%s\n", strings.Join(parts, " · "))
}

// numbers says who is out and in, and what needs attention.
func (o *output) numbers(s *control.Status) {
	banned := "banned"
	if s.Mode == control.ModeMonitor {
		banned = "would be banned"
	}
	o.field("now", fmt.Sprintf("%d %s · %d known-good · %d allowed", s.Bans, banned, s.KnownGood, s.Allowed))
	for i, sentence := range s.Degraded {
		label := ""
		if i == 0 {
			label = "attention"
		}
		o.field(label, sentence)
	}
}

// status prints everything.
func (o *output) status(s *control.Status) {
	o.headline(s)
	o.numbers(s)
	o.field("layers", layerWords(s.Layers))
	if len(s.Listen) > 0 {
		o.field("ports", strings.Join(s.Listen, " "))
	}
	for i, source := range s.Sources {
		label := ""
		if i == 0 {
			label = "sources"
		}
		last := "nothing yet"
		if source.Age != nil {
			last = "last " + ago(o.now.Sub(source.Last)) + " ago"
		}
		o.field(label, fmt.Sprintf("%s %s: %s events, %s", source.Kind, source.Name, grouped(source.Events), last))
	}
	for _, sentence := range s.Blind {
		o.field("blind", sentence)
	}
	o.servers(s)
	o.field("daemon", fmt.Sprintf("sipward %s, pid %d, up %s", s.Version, s.PID, ago(o.now.Sub(s.Since))))
	if s.State != "" {
		o.field("state", s.State)
	}
}

// layerWords writes the layers by interface.
func layerWords(layers map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(layers)) {
		words = append(words, name+" "+layers[name])
	}
	return strings.Join(words, ", ")
}

// servers prints what was found of SIP servers and their carriers, and why.
func (o *output) servers(s *control.Status) {
	for _, server := range s.Servers {
		o.field("found", server.String())
		for _, l := range server.Logs {
			o.field("", "logs to "+l.String())
		}
		for _, note := range server.Notes {
			o.field("", "note: "+note)
		}
	}
	const most = 20
	for i, t := range s.Trunks[:min(len(s.Trunks), most)] {
		label := ""
		if i == 0 {
			label = "trunks"
		}
		o.field(label, t.String())
	}
	if more := len(s.Trunks) - most; more > 0 {
		o.field("", fmt.Sprintf("and %d more: sipward allow list", more))
	}
}
