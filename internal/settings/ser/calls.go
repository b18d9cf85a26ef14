package ser

import (
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Call is a function that a statement calls, or a variable that it sets, whose
// name then begins with "$".
type Call struct {
	Name string
	Args [][]Token
	At   settings.Place
}

// Calls are the functions in tokens, those inside arguments too, in their order.
func Calls(tokens []Token) []Call {
	var found []Call
	for i := range tokens {
		t := &tokens[i]
		if t.Kind == Word && i+1 < len(tokens) && tokens[i+1].Is("(") && !operator(t.Text) {
			p := &parser{Script: &Script{full: true}, tokens: tokens, i: i + 1}
			found = append(found, Call{Name: t.Text, Args: Arguments(p.balanced()), At: t.At})
		}
	}
	if len(tokens) > 1 && tokens[0].Kind == Variable && assigns(&tokens[1]) {
		found = append(found, Call{Name: tokens[0].Text, Args: [][]Token{tokens[2:]}, At: tokens[0].At})
	}
	return found
}

// operator tells words that a bracket may follow and that call nothing.
func operator(word string) bool {
	return binary[word] || word == "not" || word == "return" || word == "case" || word == "if"
}

// assigns: a value is given, not compared.
func assigns(t *Token) bool {
	switch t.Text {
	case "=", ":=", "+=", "-=", "*=", "/=":
		return t.Kind == Sign
	}
	return false
}

// Walk shows statements and all that stand inside them, outer ones first.
func Walk(list []Statement, show func(*Statement)) {
	for i := range list {
		show(&list[i])
		Walk(list[i].Body, show)
		Walk(list[i].Else, show)
	}
}

// Route is the first route of a kind and name; nil when there is none.
func (s *Script) Route(kind, name string) *Route {
	for i := range s.Routes {
		if r := &s.Routes[i]; r.Kind == kind && r.Name == name {
			return r
		}
	}
	return nil
}

// Reachable tells for each of Routes whether something leads to it: it is where
// messages or events begin, a reachable route names it, or a module's parameter
// does. A route named by a variable may be any.
func (s *Script) Reachable() []bool {
	waiting := map[string][]int{} // routes by the name that leads to them
	var queue []int
	for i := range s.Routes {
		if r := &s.Routes[i]; r.Name != "" && r.Kind != "event_route" && r.Kind != "timer_route" {
			waiting[r.Name] = append(waiting[r.Name], i)
		} else {
			queue = append(queue, i)
		}
	}
	named := func(name string) {
		queue = append(queue, waiting[name]...)
		delete(waiting, name)
	}
	for _, p := range s.Params {
		for _, word := range words(p.Value) {
			named(word)
		}
	}
	reached := make([]bool, len(s.Routes))
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		reached[i] = true
		Walk(s.Routes[i].Body, func(st *Statement) {
			if leads(st.Tokens, named) {
				for name := range waiting {
					named(name)
				}
			}
		})
	}
	return reached
}

// leads shows every text and word that may name a route. It returns true where
// a variable names one.
func leads(tokens []Token, named func(string)) bool {
	any := false
	for i, t := range tokens {
		if t.Kind == Text || t.Kind == Word {
			named(t.Text)
		}
		if t.Is("route") && i+2 < len(tokens) {
			any = any || tokens[i+2].Kind == Variable || tokens[i+2].Kind == Text && strings.HasPrefix(tokens[i+2].Text, "$")
		}
	}
	return any
}

// words are the parts of a parameter that may be names.
func words(text string) []string {
	var found []string
	start := -1
	for i := 0; i <= len(text); i++ {
		if in := i < len(text) && (wordByte(text[i]) || text[i] == '-'); in && start < 0 {
			start = i
		} else if !in && start >= 0 {
			found, start = append(found, text[start:i]), -1
		}
	}
	return found
}
