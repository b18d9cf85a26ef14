// Package check has the nouns of an audit: a Check is one thing that can be
// wrong with a server, a Finding is what it says of one place, a Site is the
// machine or the tree that is looked at. The rooms beside it hold the checks
// themselves, one list for each server.
package check

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/settings"
)

// The servers that have checks of their own; Host is the machine they run on.
const (
	Asterisk   = "asterisk"
	FreeSWITCH = "freeswitch"
	Kamailio   = "kamailio"
	OpenSIPS   = "opensips"
	Host       = "host"
)

// State is how a check came out.
type State string

// A bad value that is in force fails. One that is there and has no effect, for
// its module is not loaded or its parent is switched off, is latent. Unknown
// says that it could not be told, and why.
const (
	Fail    State = "fail"
	Latent  State = "latent"
	Pass    State = "pass"
	Unknown State = "unknown"
)

// Severity is how bad it is when the check fails.
type Severity int

// Critical is remote control or toll fraud without a secret; High takes a
// guessable secret or one mistake more; Medium weakens a defence; Low discloses
// or clutters; Info is worth knowing.
const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
)

var severities = [...]string{"info", "low", "medium", "high", "critical"}

// String is the word that users know.
func (s Severity) String() string { return severities[s] }

// ParseSeverity reads such a word.
func ParseSeverity(word string) (Severity, error) {
	for i, known := range severities {
		if word == known {
			return Severity(i), nil
		}
	}
	return 0, fmt.Errorf("%q is no severity: use %s", word, strings.Join(severities[:], ", "))
}

// Check is one thing that can be wrong.
type Check struct {
	// ID is what people and baselines call it, such as AST-01.
	ID string
	// Server is one of the names above.
	Server   string
	Severity Severity
	// Title says in one line what is asked for: "Phones have long secrets".
	Title string
	// Why says in two plain lines why the bad value matters.
	Why string
	// Fix is what to write instead, as text for that very file.
	Fix string
	// References are documents that say so: sample files, advisories, URLs.
	References []string
}

// Finding is what a check says of one place. Its zero value is a check that
// fails in no particular place.
type Finding struct {
	State State
	// Place is where the value stands; the zero value when it stands nowhere, as
	// that which is missing does.
	Place settings.Place
	// Setting is the key, as the file spells it; Value is what it has. A secret is
	// never a Value.
	Setting, Value string
	// Why and Fix stand in for the check's own where this place needs words of its
	// own: a section's name, the reason why it is unknown.
	Why, Fix string
	// Edit mends it where that is safe to do without asking anybody; nil where a
	// person must decide.
	Edit *Edit
}

// Hidden is the Value of a setting that holds a secret.
const Hidden = "(hidden)"

// Edit changes the lines of one file. It is applied only if Old is what stands
// there.
type Edit struct {
	File string
	// Line is the first line, from 1. To go before it without a change of it, Old
	// is empty; a file's end is one more than its last line.
	Line int
	// Old and New are whole lines, each with its line break.
	Old, New string
}

// Replace is the edit that writes new for old in one line; nil if the line does
// not hold old exactly once, for then somebody has to look.
func Replace(tree *settings.Tree, at settings.Place, old, new string) *Edit {
	line := tree.Line(at)
	if old == "" || strings.Count(line, old) != 1 {
		return nil
	}
	return &Edit{File: at.File, Line: at.Line, Old: line, New: strings.Replace(line, old, new, 1)}
}

// Insert is the edit that puts whole lines before a place.
func Insert(at settings.Place, lines string) *Edit {
	return &Edit{File: at.File, Line: at.Line, New: lines}
}

// Result is a finding and the check that has it.
type Result struct {
	*Check
	Finding
	// Accepted is the reason why somebody lives with it; empty when nobody said so.
	Accepted string
}

// Site is what is looked at.
type Site struct {
	// Files is the machine's root or a tree that stands for it; nothing outside of
	// it is ever read.
	Files fs.FS
	// Live says that it is this very machine, whose sockets and processes count.
	Live bool
	// Now is the time by which certificates run out.
	Now time.Time
	// Words is the command line of each server that runs, by its name: it says
	// which settings are read. Nil in a tree.
	Words map[string][]string
	// Servers are those whose settings are there, by name.
	Servers map[string]Server
	// Version is each server's own, as its package or binary tells it; missing
	// when it is not known.
	Version map[string]string
	// Packages are the installed programs that advisories are about; nil when
	// nobody has looked.
	Packages []Package
}

// Server is what the settings of one server say beside what its own checks read.
type Server struct {
	// Home is the folder or file of its settings.
	Home string
	// Ports are those on which it speaks SIP.
	Ports []Port
	// Logs are the files it writes, the root included.
	Logs []string
}

// Port is where a server listens, for udp, tcp, tls, ws or wss.
type Port struct {
	Port      uint16
	Transport string
}

// Package is an installed program, and what is known of its holes.
type Package struct {
	Name, Version string
	// Open are the advisories whose hole is there, the worst first; Unsure is how
	// many could not be told.
	Open   []string
	Unsure int
	// Restart says that the program still runs from a file that was replaced.
	Restart bool
}

// Rule is a check and the way to tell how it stands with a server of the kind S.
// Look gives what is not well, and nothing when all is.
type Rule[S any] struct {
	Check
	Look func(S) []Finding
}

// Run applies all rules to a server, in their order. A rule that finds nothing
// passes.
func Run[S any](rules []Rule[S], server S) []Result {
	var results []Result
	for i := range rules {
		found := rules[i].Look(server)
		if len(found) == 0 {
			found = []Finding{{State: Pass}}
		}
		for _, f := range found {
			if f.State == "" {
				f.State = Fail
			}
			results = append(results, Result{Check: &rules[i].Check, Finding: f})
		}
	}
	return results
}

// List gives the checks of some rules, for people who want to know what is
// looked at.
func List[S any](rules []Rule[S]) []*Check {
	list := make([]*Check, len(rules))
	for i := range rules {
		list[i] = &rules[i].Check
	}
	return list
}

// Reason is why the result is as it is, in words.
func (r *Result) Reason() string {
	if r.Finding.Why != "" {
		return r.Finding.Why
	}
	return r.Check.Why
}

// Remedy is what to write instead.
func (r *Result) Remedy() string {
	if r.Finding.Fix != "" {
		return r.Finding.Fix
	}
	return r.Check.Fix
}
