package control

import (
	"fmt"
	"net/netip"
	"strings"
)

// ServerStatus is a SIP server that was found, and why it is known.
type ServerStatus struct {
	// Name is asterisk, freeswitch, kamailio, opensips or unknown; Process is
	// the program's own name, PID 0 when it does not run.
	Name    string `json:"name"`
	Process string `json:"process,omitempty"`
	PID     int    `json:"pid,omitempty"`
	Version string `json:"version,omitempty"`
	// Apart says where it runs if not simply here.
	Apart string `json:"apart,omitempty"`
	// Ports is where it serves SIP, as "5060/udp".
	Ports []string `json:"ports,omitempty"`
	// Settings is the file or folder that its settings were read from.
	Settings string     `json:"settings,omitempty"`
	Logs     []FoundLog `json:"logs,omitempty"`
	// Notes are sentences on what could not be told.
	Notes []string `json:"notes,omitempty"`
}

// FoundLog is where a server logs.
type FoundLog struct {
	// File is empty when the journal keeps the lines, under Unit.
	File string `json:"file,omitempty"`
	Unit string `json:"unit,omitempty"`
	// From is the line of the settings that says so; empty for the usual place.
	From string `json:"from,omitempty"`
	// Security says that failed passwords are in it.
	Security bool `json:"security"`
}

// TrunkStatus is a carrier from a server's settings.
type TrunkStatus struct {
	// Prefix or Name is what stands there; Addresses are what the name stands for.
	Prefix    netip.Prefix `json:"prefix,omitzero"`
	Name      string       `json:"name,omitempty"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// From is the line of the settings.
	From string `json:"from"`
	// Problem says what is wrong with the name.
	Problem string `json:"problem,omitempty"`
}

// String says it in one line for people.
func (s *ServerStatus) String() string {
	words := s.Name
	if s.Name == "unknown" {
		words = "a SIP server"
		if s.Process != "" {
			words += " called " + s.Process
		}
	}
	if s.Version != "" {
		words += " " + s.Version
	}
	switch {
	case s.PID != 0:
		words += fmt.Sprintf(", pid %d", s.PID)
	case s.Settings != "":
		words += ", not running"
	}
	if s.Apart != "" {
		words += " in " + s.Apart
	}
	if len(s.Ports) > 0 {
		words += ": " + strings.Join(s.Ports, " ")
	}
	if s.Settings != "" {
		words += "; settings " + s.Settings
	}
	return words
}

// String says it in one line for people.
func (l *FoundLog) String() string {
	words := l.File
	if words == "" {
		words = "the journal as " + l.Unit
	}
	if !l.Security {
		words += ", without security messages"
	}
	if l.From != "" {
		words += " (" + l.From + ")"
	}
	return words
}

// String says it in one line for people.
func (t *TrunkStatus) String() string {
	words := t.Name
	if t.Prefix.IsValid() {
		words = prefixText(t.Prefix)
	}
	switch {
	case t.Problem != "":
		words += ": " + t.Problem
	case t.Name != "" && len(t.Addresses) == 0:
		words += ", not resolved yet"
	case t.Name != "":
		words += " = " + t.Addresses[0].String()
		if more := len(t.Addresses) - 1; more > 0 {
			words += fmt.Sprintf(" and %d more", more)
		}
	}
	return words + " (from " + t.From + ")"
}
