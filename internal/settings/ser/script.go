// Package ser reads the scripts of Kamailio and OpenSIPS, which both come from
// the SIP Express Router.
package ser

import (
	"bytes"
	"path"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Script reads the settings of Kamailio or OpenSIPS: what stands outside of
// routes. It follows the preprocessor (#!define, #!ifdef) and includes, and
// passes over what it does not need.
type Script struct {
	tree    *settings.Tree
	defined map[string]string
	skip    []bool // for each open #!ifdef: its lines do not count
	comment bool   // inside /* … */

	Loaded  map[string]bool
	Params  []Param
	Globals []Setting
}

// maxDefined is how many names may be defined.
const maxDefined = 1024

// Setting is "key = value" outside of routes.
type Setting struct {
	Key, Value string
	At         settings.Place
}

// Param is modparam("module", "name", "value").
type Param struct {
	Module, Name, Value string
	At                  settings.Place
}

// Read reads a script and what it includes.
func Read(t *settings.Tree, name string, defined []string) *Script {
	s := &Script{tree: t, defined: map[string]string{}, Loaded: map[string]bool{}}
	for _, d := range defined {
		key, value, _ := strings.Cut(d, "=")
		s.defined[key] = value
	}
	s.file(name, 0)
	return s
}

func (s *Script) file(name string, depth int) {
	if depth > settings.MaxDepth {
		s.tree.Problem("/%s is not read: files include each other %d deep", name, depth)
		return
	}
	number := 0
	for line := range bytes.Lines(s.tree.Read(name)) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" {
			continue
		}
		if !s.tree.More(len(text)) {
			return
		}
		s.line(text, settings.Place{File: name, Line: number}, depth)
	}
}

func (s *Script) line(text string, at settings.Place, depth int) {
	if !s.comment && (strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "!!")) {
		s.directive(strings.Fields(text[2:]), at, depth)
		return
	}
	if s.skipped() {
		return
	}
	text = strings.TrimSpace(s.strip(text))
	word, rest := text, ""
	if i := strings.IndexAny(text, " \t=(:"); i >= 0 {
		word, rest = text[:i], strings.TrimSpace(text[i:])
	}
	switch strings.ToLower(word) {
	case "include_file", "import_file":
		s.include(rest, at, depth)
	case "loadmodule", "loadmodulex":
		s.Loaded[strings.TrimSuffix(path.Base(unquote(strings.Trim(rest, "()"))), ".so")] = true
	case "modparam", "modparamx":
		s.modparam(rest, at)
	default:
		if value, ok := strings.CutPrefix(rest, "="); ok && !strings.HasPrefix(value, "=") {
			value = strings.TrimSuffix(strings.TrimSpace(value), ";")
			s.Globals = append(s.Globals, Setting{strings.ToLower(word), s.value(value), at})
		}
	}
}

func (s *Script) skipped() bool {
	for _, skip := range s.skip {
		if skip {
			return true
		}
	}
	return false
}

// directive carries out the preprocessor's lines.
func (s *Script) directive(words []string, at settings.Place, depth int) {
	if len(words) == 0 {
		return
	}
	verb, name, value := strings.ToLower(words[0]), "", ""
	if len(words) > 1 {
		name = words[1]
	}
	if len(words) > 2 {
		value = strings.Join(words[2:], " ")
	}
	_, known := s.defined[name]
	last := len(s.skip) - 1
	switch verb {
	case "ifdef", "ifndef":
		s.skip = append(s.skip, known != (verb == "ifdef"))
	case "ifexp": // is calculated, and we do not
		s.skip = append(s.skip, false)
	case "else":
		if last >= 0 {
			s.skip[last] = !s.skip[last]
		}
	case "endif":
		s.skip = s.skip[:max(last, 0)]
	case "define", "trydef", "redefine", "defenv", "trydefenv":
		if !s.skipped() && len(s.defined) < maxDefined {
			s.defined[name] = value
		}
	case "include_file", "import_file":
		if !s.skipped() {
			s.include(strings.Join(words[1:], " "), at, depth)
		}
	}
}

// include reads another file, whose path begins in the folder of the first one
// or of the one that names it. It may be a pattern for OpenSIPS.
func (s *Script) include(rest string, at settings.Place, depth int) {
	for _, name := range s.tree.Match(settings.Inside(path.Dir(at.File), s.value(rest))) {
		s.file(name, depth+1)
	}
}

// strip takes comments away: "#" and "//" to the end of the line, and "/* … */"
// over lines. Inside quotes they are text.
func (s *Script) strip(text string) string {
	var kept strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case s.comment:
			if strings.HasPrefix(rest, "*/") {
				s.comment = false
				i++
			}
			continue
		case quote != 0:
			if text[i] == '\\' && i+1 < len(text) {
				kept.WriteByte(text[i])
				i++
			} else if text[i] == quote {
				quote = 0
			}
		case text[i] == '"' || text[i] == '\'':
			quote = text[i]
		case strings.HasPrefix(rest, "/*"):
			s.comment = true
			i++
			continue
		case text[i] == '#' || strings.HasPrefix(rest, "//"):
			return kept.String()
		}
		kept.WriteByte(text[i])
	}
	return kept.String()
}

// modparam reads ("one|two", "name", value).
func (s *Script) modparam(rest string, at settings.Place) {
	rest = strings.TrimSpace(strings.TrimSuffix(rest, ";"))
	parts := strings.SplitN(strings.TrimSuffix(strings.TrimPrefix(rest, "("), ")"), ",", 3)
	if len(parts) < 3 {
		return
	}
	value := s.value(parts[2])
	for module := range strings.SplitSeq(unquote(parts[0]), "|") {
		if len(s.Params) < settings.MaxSettings {
			s.Params = append(s.Params, Param{module, unquote(parts[1]), value, at})
		}
	}
}

// value takes quotes away, and puts in what a name was defined as.
func (s *Script) value(text string) string {
	plain := unquote(text)
	if defined, known := s.defined[strings.TrimSpace(text)]; known {
		return unquote(defined)
	}
	return plain
}

func unquote(text string) string {
	text = strings.TrimSpace(text)
	if len(text) >= 2 && (text[0] == '"' || text[0] == '\'') {
		if end := strings.IndexByte(text[1:], text[0]); end >= 0 {
			return text[1 : 1+end]
		}
	}
	return text
}

// Param gives a module's parameter; empty when it is not set.
func (s *Script) Param(module, name string) (string, settings.Place) {
	for i := len(s.Params) - 1; i >= 0; i-- {
		if p := s.Params[i]; p.Module == module && p.Name == name {
			return p.Value, p.At
		}
	}
	return "", settings.Place{}
}

// Global gives the last value of one of the names.
func (s *Script) Global(names ...string) string {
	for i := len(s.Globals) - 1; i >= 0; i-- {
		for _, n := range names {
			if s.Globals[i].Key == n {
				return s.Globals[i].Value
			}
		}
	}
	return ""
}
