// Package explain puts into words what one line of a log means, for people and
// for scripts.
package explain

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/terminal"
)

// Line is one line of the answer. An empty field is left out of the object.
type Line struct {
	Line      uint64 `json:"line"`
	Verdict   string `json:"verdict"`
	Server    string `json:"server,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Src       string `json:"src,omitempty"`
	Port      uint16 `json:"port,omitempty"`
	Transport string `json:"transport,omitempty"`
	User      string `json:"user,omitempty"`
	Time      string `json:"time,omitempty"`
	Rule      string `json:"rule,omitempty"`
	Note      string `json:"note"`
}

// Of puts an event into words. A source is named only where the line is evidence
// against it.
func Of(e *event.Event) Line {
	said := &e.Log
	x := Line{
		Line: e.Place.Line, Verdict: said.Verdict.String(), Server: said.Server, Kind: said.Kind.String(),
		User: string(said.User), Rule: said.Rule, Note: said.Note,
	}
	if said.Transport != 0 {
		x.Transport = said.Transport.String()
	}
	if said.HasTime {
		x.Time = e.Time.UTC().Format(time.RFC3339Nano)
	}
	if said.Source.IsValid() && (said.Verdict == event.Hostile || said.Verdict == event.Tampered) {
		x.Src, x.Port = said.Source.Addr().String(), said.Source.Port()
	}
	return x
}

// Detail is the kind, who and how, for people: what strangers wrote is harmless.
func (x *Line) Detail() string {
	text := fmt.Sprintf("%-17s %s", x.Kind, x.Src)
	if addr, err := netip.ParseAddr(x.Src); err == nil && x.Port != 0 {
		text = fmt.Sprintf("%-17s %s", x.Kind, netip.AddrPortFrom(addr, x.Port))
	}
	if x.Transport != "" {
		text += " " + x.Transport
	}
	if x.User != "" {
		text += " user " + terminal.Printable(x.User)
	}
	return text
}
