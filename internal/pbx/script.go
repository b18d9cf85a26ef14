package pbx

import (
	"bytes"
	"path"
	"strings"
)

// script reads the settings of Kamailio or OpenSIPS: what stands outside of
// routes. It follows the preprocessor (#!define, #!ifdef) and includes, and
// passes over what it does not need.
type script struct {
	tree    *tree
	server  string
	defined map[string]string
	skip    []bool // for each open #!ifdef: its lines do not count
	comment bool   // inside /* … */

	loaded  map[string]bool
	params  []param
	globals []setting
}

// param is modparam("module", "name", "value").
type param struct {
	module, name, value string
	at                  place
}

// readScript reads a script and what it includes.
func (t *tree) readScript(server, name string, defined []string) *script {
	s := &script{tree: t, server: server, defined: map[string]string{}, loaded: map[string]bool{}}
	for _, d := range defined {
		key, value, _ := strings.Cut(d, "=")
		s.defined[key] = value
	}
	s.file(name, 0)
	return s
}

func (s *script) file(name string, depth int) {
	if depth > maxDepth {
		s.tree.problem("/%s is not read: files include each other %d deep", name, depth)
		return
	}
	number := 0
	for line := range bytes.Lines(s.tree.read(name)) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" {
			continue
		}
		if !s.tree.more(len(text)) {
			return
		}
		s.line(text, place{name, number}, depth)
	}
}

func (s *script) line(text string, at place, depth int) {
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
		s.loaded[strings.TrimSuffix(path.Base(unquote(strings.Trim(rest, "()"))), ".so")] = true
	case "modparam", "modparamx":
		s.modparam(rest, at)
	default:
		if value, ok := strings.CutPrefix(rest, "="); ok && !strings.HasPrefix(value, "=") {
			value = strings.TrimSuffix(strings.TrimSpace(value), ";")
			s.globals = append(s.globals, setting{strings.ToLower(word), s.value(value), at})
		}
	}
}

func (s *script) skipped() bool {
	for _, skip := range s.skip {
		if skip {
			return true
		}
	}
	return false
}

// directive carries out the preprocessor's lines.
func (s *script) directive(words []string, at place, depth int) {
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
		if !s.skipped() && len(s.defined) < maxTrunks {
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
func (s *script) include(rest string, at place, depth int) {
	for _, name := range s.tree.match(inside(path.Dir(at.file), s.value(rest))) {
		s.file(name, depth+1)
	}
}

// strip takes comments away: "#" and "//" to the end of the line, and "/* … */"
// over lines. Inside quotes they are text.
func (s *script) strip(text string) string {
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
func (s *script) modparam(rest string, at place) {
	rest = strings.TrimSpace(strings.TrimSuffix(rest, ";"))
	parts := strings.SplitN(strings.TrimSuffix(strings.TrimPrefix(rest, "("), ")"), ",", 3)
	if len(parts) < 3 {
		return
	}
	value := s.value(parts[2])
	for module := range strings.SplitSeq(unquote(parts[0]), "|") {
		if len(s.params) < maxSettings {
			s.params = append(s.params, param{module, unquote(parts[1]), value, at})
		}
	}
}

// value takes quotes away, and puts in what a name was defined as.
func (s *script) value(text string) string {
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

// param gives a module's parameter; empty when it is not set.
func (s *script) param(module, name string) (string, place) {
	for i := len(s.params) - 1; i >= 0; i-- {
		if p := s.params[i]; p.module == module && p.name == name {
			return p.value, p.at
		}
	}
	return "", place{}
}

// global gives the last value of one of the names.
func (s *script) global(names ...string) string {
	for i := len(s.globals) - 1; i >= 0; i-- {
		for _, n := range names {
			if s.globals[i].key == n {
				return s.globals[i].value
			}
		}
	}
	return ""
}
