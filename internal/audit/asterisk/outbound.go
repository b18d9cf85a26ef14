package asterisk

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings/asterisk"
)

// mostContexts bounds a walk through the dial plan.
const mostContexts = 4096

// outbound finds a step by which somebody who chooses the number he dials, and
// begins in a context, calls out. Only what is plain counts: a Dial whose number
// stands in a variable of another name is not followed.
func (s *server) outbound(context string) (*asterisk.Context, *asterisk.Step) {
	queue, seen := []string{context}, map[string]bool{context: true}
	add := func(name string) {
		if name != "" && !seen[name] {
			seen[name] = true
			queue = append(queue, name)
		}
	}
	for n := 0; n < len(queue) && n < mostContexts; n++ {
		c := s.plan.Context(queue[n])
		if c == nil {
			continue
		}
		for i := range c.Steps {
			if callsOut(&c.Steps[i]) {
				return c, &c.Steps[i]
			}
			add(s.leads(&c.Steps[i]))
		}
		for _, include := range c.Includes {
			add(include.Value)
		}
	}
	return nil, nil
}

// abroad is how the numbers begin that cost most.
var abroad = []string{"00", "011", "9011", "+"}

// chosen is how many digits of a pattern make it one for numbers of the public
// network, not for one's own phones.
const chosen = 6

// callsOut says that a step sends a number of the caller's choice to a trunk.
func callsOut(step *asterisk.Step) bool {
	if !step.Is(dials...) || !choice(step.Exten) {
		return false
	}
	for target := range strings.SplitSeq(step.Args()[0], "&") {
		tech, resource, ok := strings.Cut(target, "/")
		before, behind, found := around(resource, "EXTEN")
		if !ok || !found || strings.EqualFold(tech, "Local") {
			continue
		}
		// PJSIP/NUMBER is a phone here; NUMBER@TRUNK, TRUNK/NUMBER, DAHDI/g1/NUMBER
		// and ${TRUNK}/NUMBER are not.
		if strings.HasPrefix(behind, "@") || strings.Contains(before, "/") || strings.Contains(tech, "$") {
			return true
		}
	}
	return false
}

// around gives what stands before and behind the outermost variable that has a
// name in it: ${EXTEN:1}, ${FILTER(0-9,${EXTEN})}.
func around(text, name string) (before, behind string, found bool) {
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "${") || strings.HasPrefix(text[i:], "$["):
			if depth == 0 {
				from = i
			}
			depth++
			i++
		case (text[i] == '}' || text[i] == ']') && depth > 0:
			if depth--; depth == 0 && strings.Contains(text[from:i], name) {
				return text[:from], text[i+1:], true
			}
		}
	}
	return "", "", false
}

// choice says that the caller chooses a number of the public network.
func choice(exten string) bool {
	pattern := strings.TrimPrefix(exten, "_")
	for _, prefix := range abroad {
		if pattern != exten && strings.HasPrefix(pattern, prefix) {
			return true
		}
	}
	return asterisk.Endless(exten) || asterisk.Free(exten) >= chosen
}

// leads gives the context to which a step goes on with a number that the caller
// chooses: it takes the number along, or asks for one there.
func (s *server) leads(step *asterisk.Step) string {
	var target string
	args := step.Args()
	switch {
	case step.Is("Goto", "Gosub"):
		target = step.Data
	case step.Is("GotoIf", "GosubIf"):
		for _, way := range strings.Split(after(step.Data, '?'), ":") {
			if next := s.goes(step, strings.Split(way, ",")); next != "" {
				return next
			}
		}
		return ""
	case step.Is("DISA") && len(args) > 1 && strings.EqualFold(args[0], "no-password"):
		return strings.TrimSpace(args[1])
	case step.Is(dials...) && strings.HasPrefix(args[0], "Local/"):
		number, context, _ := strings.Cut(strings.TrimPrefix(args[0], "Local/"), "@")
		context, _, _ = strings.Cut(context, "/")
		return s.goes(step, []string{context, number, "1"})
	default:
		return ""
	}
	return s.goes(step, strings.Split(target, ","))
}

// goes gives the context of context,extension,priority; "" when it is the same,
// or leads to an extension that the caller has not chosen.
func (s *server) goes(step *asterisk.Step, to []string) string {
	if len(to) < 3 || strings.Contains(to[0], "$") {
		return ""
	}
	context, exten := strings.TrimSpace(to[0]), to[1]
	if strings.Contains(exten, "EXTEN") {
		if choice(step.Exten) {
			return context
		}
		return ""
	}
	if c := s.plan.Context(context); c != nil && slices.ContainsFunc(c.Steps, func(next asterisk.Step) bool { return next.Is("WaitExten", "Background") }) {
		return context // the caller is asked there
	}
	return ""
}

// after is the rest of a text behind a character.
func after(text string, c byte) string {
	return text[strings.IndexByte(text, c)+1:]
}
