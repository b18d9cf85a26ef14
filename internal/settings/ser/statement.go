package ser

import "github.com/sipward/sipward/internal/settings"

// Route is a block of statements: route[NAME], failure_route[NAME] and so on.
type Route struct {
	// Kind is "route" or that of its kind of messages; RequestRoute for the one
	// that requests begin in. reply_route is an onreply_route without a name.
	Kind, Name string
	At         settings.Place
	Body       []Statement
}

// Form is what a statement is.
type Form uint8

// A Plain statement is a call, an assignment, exit and so on. Case is one branch
// of a Switch.
const (
	Plain Form = iota
	If
	Loop
	Switch
	Case
	Block
)

// Statement is one step of a route.
type Statement struct {
	Form Form
	// Tokens are the statement, or the condition of those that have one.
	Tokens     []Token
	Body, Else []Statement
}

// statements reads up to the closing bracket, and passes over it.
func (p *parser) statements(depth int) []Statement {
	var list []Statement
	for p.i < len(p.tokens) {
		if p.is("}") {
			p.i++
			return list
		}
		if s, ok := p.statement(depth); ok {
			list = append(list, s)
		}
	}
	return list
}

// statement reads one; false for a semicolon that stands alone.
func (p *parser) statement(depth int) (Statement, bool) {
	if p.tooDeep(depth) {
		return Statement{}, false
	}
	switch t := p.at(0); {
	case t.Is(";"):
		p.i++
		return Statement{}, false
	case t.Is("{"):
		p.i++
		return Statement{Form: Block, Body: p.statements(depth + 1)}, true
	case t.Is("if"):
		p.i++
		s := Statement{Form: If, Tokens: p.condition()}
		s.Body = p.body(depth)
		for p.is(";") && p.at(1).Is("else") {
			p.i++
		}
		if p.is("else") {
			p.i++
			s.Else = p.body(depth)
		}
		return s, true
	case t.Is("while") || t.Is("for") || t.Is("foreach"):
		p.i++
		s := Statement{Form: Loop, Tokens: p.condition()}
		s.Body = p.body(depth)
		return s, true
	case t.Is("switch"):
		p.i++
		s := Statement{Form: Switch, Tokens: p.condition()}
		if p.is("{") {
			p.i++
			s.Body = p.cases(depth + 1)
		}
		return s, true
	}
	return Statement{Tokens: p.plain()}, true
}

// body is what an if or a loop holds: a block's statements, or one.
func (p *parser) body(depth int) []Statement {
	if p.is("{") {
		p.i++
		return p.statements(depth + 1)
	}
	if p.is("}") {
		return nil
	}
	if s, ok := p.statement(depth + 1); ok {
		return []Statement{s}
	}
	return nil
}

// cases reads the branches of a switch; what stands before the first is none.
func (p *parser) cases(depth int) []Statement {
	var list []Statement
	for p.i < len(p.tokens) {
		switch {
		case p.is("}"):
			p.i++
			return list
		case p.is("case") || p.is("default"):
			start := p.i
			for p.i < len(p.tokens) && !p.is(":") && !p.is("}") {
				p.i++
			}
			list = append(list, Statement{Form: Case, Tokens: p.tokens[start:p.i]})
			if p.is(":") {
				p.i++
			}
		default:
			s, ok := p.statement(depth)
			if last := len(list) - 1; ok && last >= 0 {
				list[last].Body = append(list[last].Body, s)
			}
		}
	}
	return list
}

// plain reads a statement up to its semicolon. One that lacks it ends where its
// block does, or with an else.
func (p *parser) plain() []Token {
	start, depth := p.i, 0
	for ; p.i < len(p.tokens); p.i++ {
		switch t := p.at(0); {
		case depth == 0 && t.Is(";"):
			p.i++
			return p.tokens[start : p.i-1]
		case depth == 0 && (t.Is("}") || t.Is("else")) && p.i > start:
			return p.tokens[start:p.i]
		case t.Is("(") || t.Is("[") || t.Is("{"):
			depth++
		case t.Is(")") || t.Is("]") || t.Is("}"):
			depth = max(depth-1, 0)
		}
		if p.tooDeep(depth) {
			return nil
		}
	}
	return p.tokens[start:p.i]
}

// binary are the operators between two halves of an expression.
var binary = map[string]bool{
	"&&": true, "||": true, "and": true, "or": true, "==": true, "!=": true, "=~": true, "!~": true, "<": true, ">": true, "<=": true, ">=": true,
	"+": true, "-": true, "*": true, "/": true, "%": true, "mod": true, "&": true, "|": true, "^": true, "<<": true, ">>": true,
	"eq": true, "ne": true, "ieq": true, "ine": true,
}

// condition reads an expression, which may do without brackets.
func (p *parser) condition() []Token {
	start := p.i
	for p.i < len(p.tokens) {
		for p.is("!") || p.is("not") || p.is("-") || p.is("~") {
			p.i++
		}
		p.primary()
		if t := p.at(0); t.Kind == 0 || t.Kind == Text || t.Kind == Variable || !binary[t.Text] {
			break
		}
		p.i++
	}
	if p.deep {
		return nil
	}
	return p.tokens[start:p.i]
}

// primary reads one operand.
func (p *parser) primary() {
	if p.is("(") {
		cast := (p.at(1).Is("int") || p.at(1).Is("str")) && p.at(2).Is(")")
		p.balanced()
		if !cast {
			return
		}
	}
	if p.is("{") || p.is("}") || p.is(";") {
		return
	}
	p.i++
	for p.is("(") || p.is("[") || p.is(":") && !p.at(0).Spaced && p.at(1).Kind == Word {
		if p.is(":") { // uri:host, 2001:db8::1
			p.i += 2
			continue
		}
		p.balanced()
	}
}
