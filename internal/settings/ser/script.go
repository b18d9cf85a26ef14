// Package ser reads the scripts of Kamailio and OpenSIPS, which both come from
// the SIP Express Router: their settings, their modules' parameters, and their
// routes as trees of statements. It reads as the servers do, and runs nothing.
package ser

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Dialect is whose script it is.
type Dialect uint8

// Kamailio has a preprocessor; in OpenSIPS's scripts "#!" begins a comment.
const (
	Kamailio Dialect = iota
	OpenSIPS
)

// Bounds of one script, all its files together. The largest that are published
// have a tenth of it.
const (
	maxTokens     = 1 << 18
	maxDefined    = 1024
	maxExpansion  = 16 // of names inside names
	maxConditions = 512
	maxNesting    = 200 // of blocks, and of else-ifs after each other
	maxSubst      = 32
	maxText       = 1 << 16 // of one text that #!subst makes larger
	maxDoubts     = 16
)

// Script is what a script says.
type Script struct {
	tree    *settings.Tree
	dialect Dialect
	// File is the first file of the script, below the root.
	File string

	Loaded map[string]bool
	Settings
	// Off has what an #!ifdef leaves out.
	Off    Settings
	Routes []Route
	// Doubts are why something may be missing here that the server has: each is a
	// clause that ends a sentence.
	Doubts []string
	// Template is why the text is no script yet: something has to be made of it
	// first. Empty when it is one.
	Template string

	defines, offDefines []Define
	defined             map[string]int
	substitutions       []substitution
	holds               []bool // each open #!ifdef
	skipping            int    // how many of them do not hold
	offComment          int    // comments open in lines that are left out
	tokens, offTokens   []Token
	depth, spent        int
	full                bool
}

// Settings are what stands outside of routes, in the order of the script.
type Settings struct {
	Modules []Setting // loadmodule, Key being the module's name
	Params  []Param
	Globals []Setting
}

// Setting is "key = value" outside of routes. Its Value is without quotes.
type Setting struct {
	Key, Value string
	At         settings.Place
}

// Param is modparam("module", "name", value).
type Param struct {
	Module, Name, Value string
	At                  settings.Place
	// Define is the name whose value it is, if that is what it is.
	Define string
}

// Read reads a script of Kamailio and what it includes. The words are those of
// the command line's -A.
func Read(t *settings.Tree, name string, defined []string) *Script {
	return read(t, Kamailio, name, defined)
}

// ReadOpenSIPS reads a script of OpenSIPS.
func ReadOpenSIPS(t *settings.Tree, name string) *Script {
	return read(t, OpenSIPS, name, nil)
}

// read reads a script of either server; the dialect is what they differ in.
func read(t *settings.Tree, dialect Dialect, name string, defined []string) *Script {
	s := &Script{tree: t, dialect: dialect, File: name, defined: map[string]int{}, Loaded: map[string]bool{}}
	for _, d := range defined {
		key, value, _ := strings.Cut(d, "=")
		s.define("define", Define{Name: key, Value: value})
	}
	if s.Template = template(string(t.Read(name))); strings.HasSuffix(name, ".m4") {
		s.Template = "it is a template for m4"
	}
	s.file(name, settings.Place{File: name}, true)
	s.holds, s.skipping = nil, 0
	s.parse(s.offTokens, &s.Off)
	s.parse(s.tokens, &s.Settings)
	for _, m := range s.Modules {
		s.Loaded[m.Key] = true
	}
	s.tokens, s.substitutions = nil, nil // what is kept of the tokens is in the routes
	return s
}

// template tells text for m4, which quotes `so'.
func template(text string) string {
	for _, macro := range []string{"ifelse(`", "define(`", "include(`", "ifdef(`"} {
		if strings.Contains(text, macro) {
			return "it is a template for m4"
		}
	}
	return ""
}

// file reads one file; must says that the server does not start without it.
func (s *Script) file(name string, from settings.Place, must bool) {
	if s.depth > settings.MaxDepth {
		s.tree.Problem("/%s is not read: files include each other %d deep", name, s.depth)
		s.doubt(from, "files include each other too deep")
		return
	}
	text := s.tree.Read(name)
	if text == nil {
		if must {
			s.doubt(from, fmt.Sprintf("/%s could not be read", name))
		}
		return
	}
	if !s.tree.More(0) {
		s.stop("the script is too long")
		return
	}
	s.scan(&source{text: string(text), at: settings.Place{File: name, Line: 1}, spaced: true})
}

// doubt notes why something may be missing.
func (s *Script) doubt(at settings.Place, why string) {
	if at.Line > 0 {
		why += " (" + at.String() + ")"
	}
	if len(s.Doubts) < maxDoubts && !slices.Contains(s.Doubts, why) {
		s.Doubts = append(s.Doubts, why)
	}
}

// stop reads no further.
func (s *Script) stop(why string) {
	if s.full {
		return
	}
	s.full = true
	s.tree.Problem("/%s: %s, and not all of it is read", s.File, why)
	s.doubt(settings.Place{}, why)
}

// moduleName is "tm" of "/usr/lib/x/tm.so".
func moduleName(text string) string {
	return strings.TrimSuffix(path.Base(strings.TrimSpace(text)), ".so")
}

// Param gives a module's parameter in force; empty when it is not set.
func (s *Script) Param(module, name string) (string, settings.Place) {
	if p := s.Parameter(module, name); p != nil {
		return p.Value, p.At
	}
	return "", settings.Place{}
}

// Parameter is the last modparam in force of a module's parameter; nil when it
// is not set.
func (s *Script) Parameter(module, name string) *Param {
	for i := len(s.Params) - 1; i >= 0; i-- {
		if p := &s.Params[i]; p.Module == module && p.Name == name {
			return p
		}
	}
	return nil
}

// Setting is the last one in force of a name; nil when there is none.
func (s *Script) Setting(names ...string) *Setting {
	for i := len(s.Globals) - 1; i >= 0; i-- {
		if g := &s.Globals[i]; slices.Contains(names, g.Key) {
			return g
		}
	}
	return nil
}

// Global gives the last value in force of one of the names.
func (s *Script) Global(names ...string) string {
	if g := s.Setting(names...); g != nil {
		return g.Value
	}
	return ""
}

// LoadedAt is where a module is loaded.
func (s *Script) LoadedAt(module string) settings.Place {
	for _, m := range s.Modules {
		if m.Key == module {
			return m.At
		}
	}
	return settings.Place{}
}

// LeftOut are the tokens of the lines that an #!ifdef leaves out, one after the
// other: enough to look for a call.
func (s *Script) LeftOut() []Token { return s.offTokens }
