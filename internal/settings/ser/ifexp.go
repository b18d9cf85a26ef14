package ser

import (
	"strconv"
	"strings"
)

// expression calculates what #!ifexp asks, as far as it can be known without
// the server: of names that are defined, numbers and texts.
type expression struct {
	*Script
	tokens  []Token
	i       int
	unknown bool
}

// calculate tells whether an expression holds; known is false if it cannot be
// told.
func (s *Script) calculate(text string) (holds, known bool) {
	inner := &Script{tree: s.tree, dialect: OpenSIPS, defined: map[string]int{}} // names are not replaced yet
	inner.scan(&source{text: text, define: "#!ifexp"})
	e := &expression{Script: s, tokens: inner.tokens}
	value := e.or(0)
	return truth(value), !e.unknown && e.i == len(e.tokens)
}

// truth is Kamailio's: an empty text and 0 are false.
func truth(value string) bool { return value != "" && value != "0" }

func number(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func (e *expression) take(texts ...string) string {
	if e.i < len(e.tokens) {
		for _, t := range texts {
			if e.tokens[e.i].Is(t) {
				e.i++
				return t
			}
		}
	}
	return ""
}

func (e *expression) or(depth int) string {
	left := e.and(depth)
	for e.take("||", "or") != "" {
		right := e.and(depth)
		left = number(truth(left) || truth(right))
	}
	return left
}

func (e *expression) and(depth int) string {
	left := e.compare(depth)
	for e.take("&&", "and") != "" {
		right := e.compare(depth)
		left = number(truth(left) && truth(right))
	}
	return left
}

// compare: numbers are compared as numbers, anything else as text.
func (e *expression) compare(depth int) string {
	left := e.one(depth)
	sign := e.take("==", "!=", "<=", ">=", "<", ">")
	if sign == "" {
		return left
	}
	right := e.one(depth)
	order := strings.Compare(left, right)
	if a, err := strconv.ParseFloat(left, 64); err == nil {
		if b, err := strconv.ParseFloat(right, 64); err == nil {
			order = int(max(min(a-b, 1), -1))
			if a != b && order == 0 {
				order = map[bool]int{true: -1, false: 1}[a < b]
			}
		}
	}
	return number(sign == "==" && order == 0 || sign == "!=" && order != 0 || sign == "<" && order < 0 ||
		sign == "<=" && order <= 0 || sign == ">" && order > 0 || sign == ">=" && order >= 0)
}

// one is a single value, a negation or a bracket.
func (e *expression) one(depth int) string {
	if e.i >= len(e.tokens) || depth > maxExpansion {
		e.unknown = true
		return ""
	}
	if e.take("!", "not") != "" {
		return number(!truth(e.one(depth + 1)))
	}
	if e.take("(") != "" {
		value := e.or(depth + 1)
		if e.take(")") == "" {
			e.unknown = true
		}
		return value
	}
	t := e.tokens[e.i]
	e.i++
	d, defined := e.Name(t.Text)
	switch {
	case t.Kind == Text || t.Kind == Word && t.Text[0] >= '0' && t.Text[0] <= '9':
		return t.Text
	case t.Kind == Word && defined:
		if d.Value == "" {
			return "1"
		}
		return unquote(d.Value)
	}
	e.unknown = true // KAMAILIO_VERSION and the like are the server's own
	return ""
}
