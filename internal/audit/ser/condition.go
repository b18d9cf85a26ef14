package ser

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings/ser"
)

// condition calculates an expression and takes the steps that it holds.
func (w *walk) condition(tokens []ser.Token) truth {
	e := &expression{walk: w, tokens: tokens}
	value := e.or(0)
	for e.i < len(tokens) { // what could not be read is looked at all the same
		before := e.i
		e.or(0)
		value = maybe
		if e.i == before {
			e.i++
		}
	}
	return value
}

// expression calculates tokens. What a known half makes needless is passed over
// without its steps, as the servers do.
type expression struct {
	*walk
	tokens []ser.Token
	i      int
	idle   bool // nothing is taken: it is not reached
}

// peek never gives nil, so that a script which is broken off ends quietly.
func (e *expression) peek() *ser.Token {
	if e.i < len(e.tokens) {
		return &e.tokens[e.i]
	}
	return &ser.Token{}
}

// take passes over one of the texts if it is next.
func (e *expression) take(texts ...string) string {
	for _, t := range texts {
		if e.peek().Is(t) {
			e.i++
			return t
		}
	}
	return ""
}

// or is as true as its truest half; the second one is read and not weighed where
// the server would not come to it.
func (e *expression) or(depth int) truth {
	value := e.and(depth)
	for e.take("||", "or") != "" {
		value = max(value, e.half(depth, value == yes, e.and))
	}
	return value
}

// and is as true as its falsest half.
func (e *expression) and(depth int) truth {
	value := e.not(depth)
	for e.take("&&", "and") != "" {
		value = min(value, e.half(depth, value == no, e.not))
	}
	return value
}

// half calculates the second operand, which is idle if the first decides.
func (e *expression) half(depth int, decided bool, operand func(int) truth) truth {
	before, lost := e.idle, e.lost
	e.idle = e.idle || decided
	value := operand(depth)
	if e.idle = before; decided {
		e.lost = lost
	}
	return value
}

func (e *expression) not(depth int) truth {
	if e.take("!", "not") != "" {
		return -e.not(depth)
	}
	return e.compare(depth)
}

var comparisons = []string{"==", "!=", "=~", "!~", "<=", ">=", "<", ">", "eq", "ne", "ieq", "ine"}

// compare calculates one operand, or the comparison of two.
func (e *expression) compare(depth int) truth {
	start := e.i
	value := e.primary(depth)
	left := e.tokens[start:e.i]
	sign := ""
	if t := e.peek(); t.Kind != ser.Text && slices.Contains(comparisons, t.Text) {
		sign = t.Text
		e.i++
	}
	if sign == "" {
		if len(left) > 0 && left[len(left)-1].Kind != ser.Sign {
			value = e.alone(left)
		}
		return value
	}
	start = e.i
	e.primary(depth)
	right := e.tokens[start:e.i]
	negative := sign == "!=" || sign == "!~" || sign == "ne" || sign == "ine"
	result := e.compared(left, right, sign, value)
	if negative {
		return -result
	}
	return result
}

// primary passes over one operand of a comparison, sums and the like included,
// and takes its steps.
func (e *expression) primary(depth int) truth {
	value := maybe
	for {
		e.take("-", "~")
		value = e.operand(depth)
		if e.take("+", "-", "*", "/", "%", "mod", "&", "|", "^", "<<", ">>") == "" {
			return value
		}
	}
}

// operand: what cannot be known before a request comes is maybe.
func (e *expression) operand(depth int) truth {
	if e.i >= len(e.tokens) {
		return maybe
	}
	t := e.peek()
	e.i++
	if t.Is("(") {
		return e.inner(e.bracket(), depth)
	}
	for e.peek().Is(":") && !e.peek().Spaced { // uri:host, 2001:db8::1
		e.i += 2
	}
	e.i = min(e.i, len(e.tokens))
	if t.Kind == ser.Word && e.peek().Is("(") {
		e.i++
		start := e.i - 2
		e.bracket()
		return e.call(e.tokens[start:e.i])
	}
	for e.peek().Is("[") {
		e.i++
		e.bracket()
	}
	return maybe
}

// inner calculates what stands in brackets.
func (e *expression) inner(tokens []ser.Token, depth int) truth {
	if depth > maxDepth {
		return maybe
	}
	in := &expression{walk: e.walk, tokens: tokens, idle: e.idle}
	value := in.or(depth + 1)
	if in.i < len(tokens) {
		return maybe
	}
	return value
}

// bracket is what stands up to the closing bracket, which is passed over.
func (e *expression) bracket() []ser.Token {
	start, depth := e.i, 1
	for ; e.i < len(e.tokens); e.i++ {
		switch t := e.peek(); {
		case t.Is("(") || t.Is("["):
			depth++
		case t.Is(")") || t.Is("]"):
			depth--
		}
		if depth == 0 {
			e.i++
			return e.tokens[start : e.i-1]
		}
	}
	return e.tokens[start:]
}

// call takes the steps of a call, inner ones first, and tells what it gives.
func (e *expression) call(tokens []ser.Token) truth {
	calls := ser.Calls(tokens)
	if e.idle || len(calls) == 0 {
		return maybe
	}
	if tokens[0].Is("route") {
		e.route(tokens)
		e.lost = e.lost || e.last == maybe
		return e.last
	}
	for _, c := range slices.Backward(calls) {
		e.step(c)
	}
	value, innocent := e.gives(&calls[0])
	if value == maybe && !innocent {
		e.lost = true
	}
	e.last = value
	return value
}

// alone tells what a single word or variable gives as a condition.
func (e *expression) alone(tokens []ser.Token) truth {
	text := ser.Join(tokens)
	switch {
	case text == "1" || text == "true":
		return yes
	case text == "0" || text == "false":
		return no
	}
	return e.compared(tokens, nil, "", maybe)
}

// compared tells what "left == right" gives, whatever the sign.
func (e *expression) compared(left, right []ser.Token, sign string, value truth) truth {
	l, r := ser.Join(left), ser.Join(right)
	if r == "myself" || l == "myself" {
		return e.ours(l + r)
	}
	quoted := len(right) == 1 && right[0].Kind != ser.Variable
	switch {
	case (l == "method" || l == "$rm") && quoted:
		return e.matches(r, sign == "=~" || sign == "!~")
	case l == "src_ip" || l == "$si" || strings.HasPrefix(l, "$(si"):
		return known(e.want.Trusted)
	case l == "$rd" || l == "uri:host" || (l == "uri" || l == "$ru") && strings.ContainsAny(r, "@."):
		return known(e.want.ToUs)
	case l == "$fd" || (l == "from_uri" || l == "$fu") && strings.Contains(r, "@"):
		return known(e.want.FromUs)
	case strings.HasPrefix(l, "$sht(") && strings.Contains(l, "$si"): // the source is in no table
		if r == "$null" {
			return yes
		}
		return no
	case l == "$retcode" || l == "$rc" || l == "$?":
		return e.returned(r, sign)
	case value != maybe && len(left) > 1: // a call's value compared with a number
		return e.number(value, r, sign)
	}
	if !innocent(l) {
		e.lost = true
	}
	return maybe
}

// ours tells whether something is the server's own, named by what stands before
// or behind "== myself".
func (e *expression) ours(text string) truth {
	switch {
	case strings.Contains(text, "from_uri"):
		return known(e.want.FromUs)
	case strings.Contains(text, "src_ip"):
		return no
	case strings.Contains(text, "dst_ip"):
		return yes
	case strings.Contains(text, "to_uri"):
		return maybe
	}
	return known(e.want.ToUs)
}

// returned tells what the call before gave.
func (e *expression) returned(right, sign string) truth {
	if e.last == maybe {
		e.lost = true
		return maybe
	}
	return e.number(e.last, right, sign)
}

// number compares what a call gave, 1 or something below 0, with a number.
func (e *expression) number(value truth, right, sign string) truth {
	negative := strings.HasPrefix(right, "-")
	switch {
	case sign == "<" || sign == "<=":
		return known(value == no)
	case sign == ">" || sign == ">=":
		return known(value == yes)
	case negative && value == yes || !negative && value == no:
		return no
	case negative: // which of its numbers below 0 it is, is not known
		e.lost = true
		return maybe
	}
	return known(right == "1")
}
