package ser

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// parser makes settings and routes of tokens.
type parser struct {
	*Script
	tokens []Token
	i      int
	into   *Settings
	deep   bool // stopped at blocks or brackets that stand too deep
}

// parse reads tokens from the first to the last.
func (s *Script) parse(tokens []Token, into *Settings) {
	p := &parser{Script: s, tokens: tokens, into: into}
	for p.i < len(p.tokens) {
		p.top()
	}
}

// at is the token n ahead; an empty one past the end.
func (p *parser) at(n int) *Token {
	if p.i+n < len(p.tokens) {
		return &p.tokens[p.i+n]
	}
	return &Token{}
}

func (p *parser) is(text string) bool { return p.at(0).Is(text) }

// top reads one thing outside of routes.
func (p *parser) top() {
	t := p.at(0)
	switch {
	case t.Kind != Word:
		p.i++
	case p.into == &p.Settings && routeKind(t.Text) != "" && (p.at(1).Is("{") || p.at(1).Is("[")):
		p.route()
	case strings.HasPrefix(t.Text, "loadmodule"):
		p.loadmodule()
	case strings.HasPrefix(t.Text, "modparam"):
		p.modparam()
	case p.at(1).Is("=") || t.Text == "cfgengine":
		p.global()
	default:
		p.i++
	}
}

// line is what follows on the same line, up to a semicolon.
func (p *parser) line(at settings.Place) []Token {
	start := p.i
	for p.i < len(p.tokens) && p.at(0).At == at && !p.is(";") {
		p.i++
	}
	return p.tokens[start:p.i]
}

// keep counts a setting.
func (p *parser) keep() bool {
	return len(p.into.Params)+len(p.into.Globals)+len(p.into.Modules) < maxTokens/4
}

// loadmodule reads loadmodule "tm.so", with or without brackets.
func (p *parser) loadmodule() {
	at := p.at(0).At
	p.i++
	if p.is("(") {
		p.i++
	}
	name := ""
	if p.at(0).Kind == Text {
		name = p.at(0).Text
		p.i++
	} else {
		name = Join(p.line(at))
	}
	if name = moduleName(name); name == "." || name == "" || !p.keep() {
		return
	}
	p.into.Modules = append(p.into.Modules, Setting{Key: name, At: at})
}

// modparam reads ("one|two", "name", value).
func (p *parser) modparam() {
	at := p.at(0).At
	p.i++
	if !p.is("(") {
		return
	}
	args := Arguments(p.balanced())
	if len(args) < 3 || len(args[0]) == 0 || len(args[1]) == 0 || len(args[2]) == 0 {
		return
	}
	value := Join(args[2])
	if len(args) > 3 { // a value with commas and no quotes is none, but the eye sees it
		return
	}
	define := args[2][0].Define
	for module := range strings.SplitSeq(strings.Trim(Join(args[0]), "()"), "|") {
		if p.keep() {
			p.into.Params = append(p.into.Params, Param{Module: module, Name: Join(args[1]), Value: value, At: at, Define: define})
		}
	}
}

// global reads key = value. The value ends with its line.
func (p *parser) global() {
	key := p.at(0)
	p.i++
	if p.is("=") {
		p.i++
	}
	var value []Token
	if p.is("{") {
		value = p.balanced()
	} else if at := p.at(0).At; at == key.At || p.at(0).Kind == Text {
		value = p.line(at)
	}
	if p.keep() {
		p.into.Globals = append(p.into.Globals, Setting{Key: strings.ToLower(key.Text), Value: Join(value), At: key.At})
	}
}

// balanced takes what stands between a bracket and its match, and passes over
// both. Without a match it is all that is left.
func (p *parser) balanced() []Token {
	p.i++
	start, depth := p.i, 1
	for ; p.i < len(p.tokens); p.i++ {
		switch t := p.at(0); {
		case t.Is("(") || t.Is("[") || t.Is("{"):
			depth++
		case t.Is(")") || t.Is("]") || t.Is("}"):
			depth--
		}
		if depth == 0 {
			p.i++
			return p.tokens[start : p.i-1]
		}
		if p.tooDeep(depth) {
			break
		}
	}
	return p.tokens[start:p.i]
}

// tooDeep stops at brackets that no script needs.
func (p *parser) tooDeep(depth int) bool {
	if depth > maxNesting {
		p.deep = true
		p.stop(fmt.Sprintf("its brackets stand more than %d inside each other", maxNesting))
		p.i = len(p.tokens)
	}
	return depth > maxNesting
}

// Arguments divides tokens at the commas that stand in no brackets.
func Arguments(tokens []Token) [][]Token {
	if len(tokens) == 0 {
		return nil
	}
	var args [][]Token
	start, depth := 0, 0
	for i := range tokens {
		switch t := &tokens[i]; {
		case t.Is("(") || t.Is("[") || t.Is("{"):
			depth++
		case t.Is(")") || t.Is("]") || t.Is("}"):
			depth--
		case t.Is(",") && depth == 0:
			args = append(args, tokens[start:i])
			start = i + 1
		}
	}
	return append(args, tokens[start:])
}

// kinds are the kinds of routes, by the words that begin them.
var kinds = map[string]string{
	"route": "route", "request_route": RequestRoute, "reply_route": "onreply_route", "onreply_route": "onreply_route",
	"failure_route": "failure_route", "branch_route": "branch_route", "onsend_route": "onsend_route", "event_route": "event_route",
	"startup_route": "startup_route", "timer_route": "timer_route", "error_route": "error_route", "local_route": "local_route",
}

// RequestRoute is the kind of the one route that every request begins in.
const RequestRoute = "request_route"

func routeKind(word string) string { return kinds[word] }

// route reads route[NAME] { … }.
func (p *parser) route() {
	r := Route{Kind: routeKind(p.at(0).Text), At: p.at(0).At}
	p.i++
	if p.is("[") {
		name := p.balanced()
		if i := slices.IndexFunc(name, func(t Token) bool { return t.Is(",") }); i >= 0 {
			name = name[:i] // timer_route[x, 60]
		}
		r.Name = Join(name)
	}
	if !p.is("{") {
		return
	}
	p.i++
	if r.Kind == "route" && (r.Name == "" || r.Name == "0") {
		r.Kind, r.Name = RequestRoute, ""
	}
	r.Body = p.statements(0)
	p.Routes = append(p.Routes, r)
}
