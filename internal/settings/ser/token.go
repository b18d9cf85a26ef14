package ser

import (
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Kind is what a token is.
type Kind uint8

// A Word is a name or a number, a Text stood in quotes, a Variable begins with
// "$" or "@", a Sign is an operator or a bracket.
const (
	Word Kind = iota + 1
	Text
	Variable
	Sign
)

// Token is the smallest piece of a script.
type Token struct {
	Kind Kind
	// Spaced says that a blank or the end of a line stood before it.
	Spaced bool
	// Text is without the quotes of a Text; its escapes are read.
	Text string
	At   settings.Place
	// Define is the name whose value it comes from; empty where it stands itself.
	Define string
}

// Is compares a word or sign with text.
func (t *Token) Is(text string) bool { return (t.Kind == Word || t.Kind == Sign) && t.Text == text }

// Join writes tokens as they stood, quotes and needless blanks taken away.
func Join(tokens []Token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 && t.Spaced {
			b.WriteByte(' ')
		}
		b.WriteString(t.Text)
	}
	return b.String()
}

// signs are the operators of more than one byte, longest first.
var signs = []string{"<<", ">>", "==", "!=", "=~", "!~", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=", "=>", ":="}

// wordByte: bytes beyond ASCII are parts of words, as both servers have it.
func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c >= 0x80
}

// source is a text on its way into tokens: a file, or what a name was defined
// as, whose tokens all stand where the name does.
type source struct {
	text   string
	pos    int
	at     settings.Place
	define string
	depth  int  // of definitions inside definitions
	spaced bool // a blank came last
	off    bool // a line that the preprocessor leaves out
}

func (src *source) rest() string { return src.text[src.pos:] }

// skip passes over n bytes and counts their lines.
func (s *Script) skip(src *source, n int) {
	passed := src.text[src.pos : src.pos+n]
	src.pos += n
	if lines := strings.Count(passed, "\n"); lines > 0 && src.define == "" && !src.off {
		src.at.Line += lines
		for range lines {
			if !s.tree.More(len(passed) / lines) {
				s.stop("the script is too long")
				return
			}
		}
	}
}

// scan takes a text to pieces.
func (s *Script) scan(src *source) {
	for src.pos < len(src.text) && !s.full {
		rest, c := src.rest(), src.text[src.pos]
		verb := s.verb(src)
		switch {
		case !src.off && s.skipped():
			s.passOver(src)
		case src.off && s.offComment > 0 || strings.HasPrefix(rest, "/*"):
			s.comment(src)
		case verb != "":
			s.directive(src, verb)
		case c == '#' || s.dialect == Kamailio && strings.HasPrefix(rest, "//"):
			s.skip(src, lineEnd(rest))
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\b' || c == '\\' && strings.HasPrefix(rest, "\\\n"):
			src.spaced = true
			s.skip(src, 1)
		case c == '"' || c == '\'':
			s.quoted(src)
		case c == '$' || c == '@' && len(rest) > 1 && wordByte(rest[1]):
			s.add(src, Variable, variable(rest))
		case wordByte(c):
			s.word(src)
		default:
			s.add(src, Sign, sign(rest))
		}
	}
}

// lineEnd is where a line ends, its line break not counted.
func lineEnd(text string) int {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return i
	}
	return len(text)
}

// sign gives the longest sign that the text begins with.
func sign(text string) string {
	for _, s := range signs {
		if strings.HasPrefix(text, s) {
			return s
		}
	}
	return text[:1]
}

// variable is a name after "$" or "@" with its brackets: $rU, $(rU{s.len}),
// $sht(a=>$si), $avp(x)[0]. One without a closing bracket ends with its line.
func variable(text string) string {
	end := 1
	for end < len(text) && (wordByte(text[end]) || text[end] == '?' && end == 1) {
		end++
	}
	for end < len(text) && (text[end] == '(' || text[end] == '[' && text[0] == '@') {
		depth, i := 0, end
		for ; i < len(text) && text[i] != '\n'; i++ {
			if text[i] == '(' || text[i] == '[' {
				depth++
			} else if text[i] == ')' || text[i] == ']' {
				if depth--; depth == 0 {
					i++
					break
				}
			}
		}
		end = i
		if depth > 0 || text[0] == '$' {
			break
		}
	}
	return text[:end]
}

// comment passes over "/* … */". They stand inside each other, for both servers.
func (s *Script) comment(src *source) {
	nest, rest, i := 0, src.rest(), 0
	if src.off {
		nest = s.offComment
	}
	for i < len(rest) {
		switch {
		case strings.HasPrefix(rest[i:], "/*"):
			nest++
			i += 2
		case nest > 0 && strings.HasPrefix(rest[i:], "*/"):
			nest--
			i += 2
		default:
			i++
		}
		if nest == 0 {
			break
		}
	}
	if src.off {
		s.offComment = nest
	}
	src.spaced = true
	s.skip(src, i)
}

// quoted reads a text in quotes. Only in double ones a backslash counts; and
// for Kamailio several in a row are one.
func (s *Script) quoted(src *source) {
	var text strings.Builder
	at, spaced, quote := src.at, src.spaced, src.text[src.pos]
	for {
		rest := src.rest()
		end := 1
		for end < len(rest) && rest[end] != quote {
			if quote == '"' && rest[end] == '\\' && end+1 < len(rest) {
				end++
				text.WriteByte(escaped(rest[end]))
			} else {
				text.WriteByte(rest[end])
			}
			end++
		}
		if end >= len(rest) && !src.off && src.define == "" {
			s.tree.Problem("%s: the quotes do not end", at)
		}
		s.skip(src, min(end+1, len(rest)))
		rest = src.rest()
		between := len(rest) - len(strings.TrimLeft(rest, " \t\r\n\b"))
		if quote != '"' || s.dialect != Kamailio || between >= len(rest) || rest[between] != '"' || s.full {
			break
		}
		s.skip(src, between)
	}
	token := Token{Kind: Text, Spaced: spaced, Text: s.substitute(text.String()), At: at, Define: src.define}
	s.put(src, token)
}

func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// word reads a name. One that is defined stands for its value, which is read in
// its place; one that includes a file is followed by its name.
func (s *Script) word(src *source) {
	rest, end := src.rest(), 0
	for end < len(rest) && wordByte(rest[end]) {
		end++
	}
	word := rest[:end]
	if src.off {
		s.add(src, Word, word)
		return
	}
	if (word == "include_file" || word == "import_file") && src.define == "" {
		line := lineEnd(rest)
		at := src.at
		s.skip(src, line)
		s.include(rest[end:line], at, word == "include_file")
		return
	}
	d, known := s.defined[word]
	if !known {
		s.add(src, Word, word)
		return
	}
	src.pos += end
	// A definition that holds itself would go on for ever; with the server it does.
	if s.spent++; src.depth >= maxExpansion || s.spent > maxTokens {
		return
	}
	name := src.define
	if name == "" {
		name = word
	}
	s.scan(&source{text: s.defines[d].Value, at: src.at, define: name, depth: src.depth + 1, spaced: src.spaced})
	src.spaced = false
}

func (s *Script) add(src *source, kind Kind, text string) {
	s.put(src, Token{Kind: kind, Spaced: src.spaced, Text: text, At: src.at, Define: src.define})
	src.pos += len(text)
}

// put keeps a token: apart where the preprocessor leaves it out, so that a check
// can say that something is there and off.
func (s *Script) put(src *source, t Token) {
	if len(s.tokens)+len(s.offTokens) >= maxTokens {
		s.stop("the script is too long")
		return
	}
	src.spaced = false
	if src.off {
		s.offTokens = append(s.offTokens, t)
	} else {
		s.tokens = append(s.tokens, t)
	}
}
