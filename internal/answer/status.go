package answer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

// Headline says in one line whether the server is protected.
func (o *Output) Headline(s *control.Status) {
	word, colour := "protecting", Green
	switch {
	case len(s.Degraded) > 0:
		word, colour = "degraded", Red
	case s.Mode != control.ModeEnforce:
		word, colour = "watching only", Yellow
	}
	parts := []string{o.Paint(colour, "● "+word), terminal.Printable(s.Mode)}
	if layers := layerWords(s.Layers); layers != "" {
		parts = append(parts, terminal.Fit(terminal.Printable(layers), 29))
	}
	if len(s.Listen) > 0 {
		parts = append(parts, terminal.Fit(terminal.Printable(strings.Join(s.Listen, " ")), 20))
	}
	o.Printf("%s\n", strings.Join(parts, " · "))
}

// Numbers says who is out and in, and what needs attention.
func (o *Output) Numbers(s *control.Status) {
	banned := "banned"
	if s.Mode == control.ModeMonitor {
		banned = "would be banned"
	}
	o.Field("now", fmt.Sprintf("%d %s · %d known-good · %d allowed", s.Bans, banned, s.KnownGood, s.Allowed))
	for i, sentence := range s.Degraded {
		o.Field(labelOnce("attention", i), sentence)
	}
}

// Status prints everything.
func (o *Output) Status(s *control.Status) {
	o.Headline(s)
	o.Numbers(s)
	o.Field("layers", layerWords(s.Layers))
	if len(s.Listen) > 0 {
		o.Field("ports", strings.Join(s.Listen, " "))
	}
	for i, source := range s.Sources {
		last := "nothing yet"
		if source.Age != nil {
			last = "last " + Ago(o.Now.Sub(source.Last)) + " ago"
		}
		o.Field(labelOnce("sources", i), fmt.Sprintf("%s %s: %s events, %s", source.Kind, source.Name, Grouped(source.Events), last))
	}
	for i, sentence := range s.Blind {
		o.Field(labelOnce("blind", i), sentence)
	}
	o.servers(s)
	o.Field("daemon", fmt.Sprintf("sipward %s, pid %d, up %s", s.Version, s.PID, Ago(o.Now.Sub(s.Since))))
	if s.State != "" {
		o.Field("state", s.State)
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
func (o *Output) servers(s *control.Status) {
	for _, server := range s.Servers {
		o.Field("found", server.String())
		for _, l := range server.Logs {
			o.Field("", "logs to "+l.String())
		}
		for _, note := range server.Notes {
			o.Field("", "note: "+note)
		}
	}
	const most = 20
	for i, t := range s.Trunks[:min(len(s.Trunks), most)] {
		o.Field(labelOnce("trunks", i), t.String())
	}
	if more := len(s.Trunks) - most; more > 0 {
		o.Field("", fmt.Sprintf("and %d more: sipward allow list", more))
	}
}
