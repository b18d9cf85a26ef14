package ser

import (
	"path"
	"regexp"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Define is a name that stands for a value.
type Define struct {
	Name, Value string
	At          settings.Place
	// Off says that the line is left out by an #!ifdef.
	Off bool
}

// substitution changes the texts in quotes.
type substitution struct {
	from *regexp.Regexp
	to   string
	all  bool
}

// verbs are the preprocessor's words, and what they are short for.
var verbs = map[string]string{
	"define": "define", "def": "define", "trydefine": "trydef", "trydef": "trydef", "redefine": "redef", "redef": "redef",
	"defenv": "define", "defenvs": "define", "trydefenv": "trydef", "trydefenvs": "trydef", "defexp": "define", "defexps": "define",
	"ifdef": "ifdef", "ifndef": "ifndef", "ifexp": "ifexp", "else": "else", "endif": "endif",
	"subst": "subst", "substdef": "substdef", "substdefs": "substdefs",
	"include_file": "include_file", "import_file": "import_file",
}

// verb is the preprocessor's word that begins here; empty when none does.
// OpenSIPS has no preprocessor: "#!" begins a comment there.
func (s *Script) verb(src *source) string {
	if s.dialect != Kamailio || src.define != "" || src.off {
		return ""
	}
	rest := src.rest()
	if !strings.HasPrefix(rest, "#!") && !strings.HasPrefix(rest, "!!") {
		return ""
	}
	rest = rest[2:]
	end := 0
	for end < len(rest) && (rest[end] >= 'a' && rest[end] <= 'z' || rest[end] == '_') {
		end++
	}
	return verbs[rest[:end]]
}

// skipped says that the preprocessor leaves this part out.
func (s *Script) skipped() bool { return s.skipping > 0 }

// directive carries out a line of the preprocessor.
func (s *Script) directive(src *source, verb string) {
	at := src.at
	line := s.logicalLine(src)
	words := strings.Fields(line)
	name := ""
	if len(words) > 1 {
		name = words[1]
	}
	switch verb {
	case "define", "trydef", "redef":
		_, value, _ := strings.Cut(line, name)
		if name != "" {
			s.define(verb, Define{Name: name, Value: strings.TrimSpace(value), At: at})
		}
	case "subst", "substdef", "substdefs":
		_, text, _ := strings.Cut(line, words[0])
		s.subst(verb, unquote(text), at)
	case "include_file", "import_file":
		_, text, _ := strings.Cut(line, words[0])
		s.include(text, at, verb == "include_file")
	default:
		s.condition(verb, line, at)
	}
}

// logicalLine takes a line whose end may be escaped, but not its line break.
func (s *Script) logicalLine(src *source) string {
	line := ""
	for {
		end := lineEnd(src.rest())
		part := strings.TrimRight(src.rest()[:end], "\r")
		s.skip(src, end)
		whole, more := strings.CutSuffix(part, `\`)
		line += whole
		if !more || src.pos >= len(src.text) || len(line) > maxText || s.full {
			return line
		}
		s.skip(src, 1)
	}
}

// define keeps a name, as the verb allows where it is known already.
func (s *Script) define(verb string, d Define) {
	i, known := s.defined[d.Name]
	switch {
	case known && verb == "redef":
		s.defines[i] = d
	case known: // Kamailio does not start with a name defined twice
	case len(s.defines) >= maxDefined:
		s.stop("too many names are defined")
	default:
		s.defined[d.Name] = len(s.defines)
		s.defines = append(s.defines, d)
	}
}

// Name gives what a name is defined as.
func (s *Script) Name(name string) (Define, bool) {
	if i, known := s.defined[name]; known {
		return s.defines[i], true
	}
	return Define{}, false
}

// subst reads what to look for, what to put there and flags, divided by their
// first byte, which is mostly a slash.
func (s *Script) subst(verb, text string, at settings.Place) {
	if text == "" {
		return
	}
	parts := strings.Split(text[1:], text[:1])
	if len(parts) < 2 || parts[0] == "" || len(s.substitutions) >= maxSubst {
		return
	}
	if verb != "subst" {
		value := parts[1]
		if verb == "substdefs" {
			value = `"` + value + `"`
		}
		s.define("define", Define{Name: parts[0], Value: value, At: at})
	}
	flags := ""
	if len(parts) > 2 {
		flags = parts[2]
	}
	pattern := parts[0]
	if strings.Contains(flags, "i") {
		pattern = "(?i)" + pattern
	}
	from, err := regexp.Compile(pattern)
	if err != nil {
		s.doubt(at, "a #!subst cannot be followed")
		return
	}
	s.substitutions = append(s.substitutions, substitution{from, strings.ReplaceAll(parts[1], "$", "$$"), strings.Contains(flags, "g")})
}

// substitute applies the #!subst lines so far to a text.
func (s *Script) substitute(text string) string {
	for _, sub := range s.substitutions {
		if len(text) > maxText {
			break
		}
		if sub.all {
			text = sub.from.ReplaceAllString(text, sub.to)
		} else if at := sub.from.FindStringIndex(text); at != nil {
			text = text[:at[0]] + sub.from.ReplaceAllString(text[at[0]:at[1]], sub.to) + text[at[1]:]
		}
	}
	return text
}

// condition opens, turns and closes what counts only if something holds.
func (s *Script) condition(verb, line string, at settings.Place) {
	last := len(s.holds) - 1
	switch verb {
	case "else":
		if last >= 0 {
			s.hold(last, !s.holds[last])
		}
		return
	case "endif":
		if last >= 0 {
			s.hold(last, true)
			s.holds = s.holds[:last]
		}
		return
	}
	if len(s.holds) >= maxConditions {
		s.stop("too many #!ifdef stand inside each other")
		return
	}
	holds := true
	_, rest, _ := strings.Cut(line, " ")
	if words := strings.Fields(rest); verb == "ifexp" {
		var known bool
		if holds, known = s.calculate(rest); !known {
			holds = true
			s.doubt(at, "an #!ifexp cannot be calculated")
		}
	} else if len(words) > 0 {
		_, defined := s.defined[words[0]]
		holds = defined == (verb == "ifdef")
	} else {
		holds = verb == "ifndef"
	}
	s.holds = append(s.holds, true)
	s.hold(len(s.holds)-1, holds)
}

// hold notes whether condition i holds, and how many do not.
func (s *Script) hold(i int, holds bool) {
	if s.holds[i] == holds {
		return
	}
	s.holds[i] = holds
	if holds {
		s.skipping--
	} else {
		s.skipping++
	}
}

// passOver takes a line that is left out. What it would say is kept apart.
func (s *Script) passOver(src *source) {
	line := src.rest()[:lineEnd(src.rest())]
	trimmed := strings.TrimLeft(line, " \t")
	inner := source{text: trimmed, at: src.at}
	switch verb := s.verb(&inner); verb {
	case "ifdef", "ifndef", "ifexp":
		if len(s.holds) >= maxConditions {
			s.stop("too many #!ifdef stand inside each other")
			return
		}
		s.holds = append(s.holds, true) // whatever it says, the outer one does not hold
	case "else", "endif":
		s.condition(verb, trimmed, src.at)
	case "define", "trydef", "redef":
		if words := strings.Fields(trimmed); len(words) > 2 && len(s.offDefines) < maxDefined {
			s.offDefines = append(s.offDefines, Define{Name: words[1], Value: strings.Join(words[2:], " "), At: src.at, Off: true})
		}
	case "":
		s.scan(&source{text: line, at: src.at, off: true, spaced: true})
	}
	s.skip(src, len(line))
	if src.pos < len(src.text) {
		s.skip(src, 1)
	}
}

// Defines are the names that stand for values; those left out by an #!ifdef
// come last.
func (s *Script) Defines() []Define {
	return append(s.defines[:len(s.defines):len(s.defines)], s.offDefines...)
}

// include reads another file. Its path begins in the folder of the one that
// names it.
func (s *Script) include(text string, at settings.Place, must bool) {
	text = unquote(strings.TrimSuffix(strings.TrimSpace(text), ";"))
	if text == "" {
		return
	}
	pattern := settings.Inside(path.Dir(at.File), s.substitute(text))
	for _, name := range s.tree.Match(pattern) {
		s.depth++
		s.file(name, at, must)
		s.depth--
	}
}

// unquote takes what the first pair of quotes holds.
func unquote(text string) string {
	text = strings.TrimSpace(text)
	if len(text) >= 2 && (text[0] == '"' || text[0] == '\'') {
		if end := strings.IndexByte(text[1:], text[0]); end >= 0 {
			return text[1 : 1+end]
		}
	}
	return text
}
