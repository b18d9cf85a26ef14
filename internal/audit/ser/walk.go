// Package ser follows a request through the script of Kamailio or OpenSIPS, and
// holds the checks that both have in common. It runs nothing: what a condition
// would give is known, or it is not, and then both ways are followed.
package ser

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings/ser"
)

// truth is what is known of a condition.
type truth int8

// maybe is followed both ways.
const (
	no truth = iota - 1
	maybe
	yes
)

func known(b bool) truth {
	if b {
		return yes
	}
	return no
}

// request is the first request of a caller, and what the server would find out
// about it: it is well-formed, has no To tag, and its source is not blocked.
type request struct {
	Method string
	// Trusted says that it has the right password, or an address that is let in.
	Trusted bool
	// FromUs and ToUs say that the caller and the one called have our domain.
	FromUs, ToUs bool
	// Preloaded says that it brings a Route of its own.
	Preloaded bool
}

// step is a call or an assignment that the request comes to.
type step struct {
	ser.Call
	// Doubt is the condition that may keep the request from it and that the caller
	// has no hand in; nil if there is none.
	Doubt []ser.Token
}

// walk is the way of one request.
type walk struct {
	Steps []step
	// Cut says that the way is too long to be followed to its end.
	Cut bool
	// Lacks says that a route is named that is not there.
	Lacks bool

	script *ser.Script
	want   request
	doubts []doubt
	budget int
	depth  int
	last   truth // what the call before gave: $rc
	// lost notes a condition that could not be told while one is looked at.
	lost bool
}

// doubt is a condition that may have ended the request's way.
type doubt struct {
	tokens []ser.Token
	ends   end // what it would have ended
}

// Bounds of one way: statements, and routes inside each other.
const (
	maxSteps = 1 << 15
	maxDepth = 100
)

// end is how a list of statements ends.
type end uint8

const (
	onward  end = iota
	broken      // break: the loop or the switch
	back        // return: the route
	stopped     // exit: all
)

// follow follows a request from a route on.
func follow(script *ser.Script, route *ser.Route, r request) *walk {
	w := &walk{script: script, want: r, budget: maxSteps}
	if route != nil {
		w.list(route.Body)
	}
	return w
}

// list follows statements one after the other.
func (w *walk) list(list []ser.Statement) end {
	for i := range list {
		if w.budget--; w.budget < 0 {
			w.Cut = true
			return stopped
		}
		if e := w.statement(&list[i]); e != onward {
			return e
		}
	}
	return onward
}

// statement follows one statement, and tells whether the script goes on behind it.
func (w *walk) statement(st *ser.Statement) end {
	switch st.Form {
	case ser.If:
		return w.choice(st)
	case ser.Loop:
		w.condition(st.Tokens)
		w.guarded(st.Tokens, false, st.Body)
		return onward
	case ser.Switch:
		return w.cases(st)
	case ser.Block, ser.Case:
		return w.list(st.Body)
	}
	return w.plain(st.Tokens)
}

// choice follows an if: one way where its condition is known, else both.
func (w *walk) choice(st *ser.Statement) end {
	w.lost = false
	value := w.condition(st.Tokens)
	lost := w.lost
	switch value {
	case yes:
		return w.list(st.Body)
	case no:
		return w.list(st.Else)
	}
	then := w.guarded(st.Tokens, lost, st.Body)
	other := w.guarded(st.Tokens, lost, st.Else)
	if then != onward && other != onward {
		return min(then, other)
	}
	if e := max(then, other); e != onward && lost {
		w.doubts = append(w.doubts, doubt{st.Tokens, e})
	}
	return onward
}

// guarded follows statements that a condition keeps; lost says that the caller
// has no hand in it.
func (w *walk) guarded(condition []ser.Token, lost bool, list []ser.Statement) end {
	before := len(w.doubts)
	if lost {
		w.doubts = append(w.doubts, doubt{condition, broken})
	}
	e := w.list(list)
	if lost {
		w.doubts = slices.Delete(w.doubts, before, before+1)
	}
	return e
}

// cases follows a switch: the one branch where its value is known, else all.
func (w *walk) cases(st *ser.Statement) end {
	value, is := w.text(st.Tokens)
	w.condition(st.Tokens)
	running := !is
	ends := make([]end, 0, len(st.Body))
	for i := range st.Body {
		c := &st.Body[i]
		label := ""
		if len(c.Tokens) > 1 {
			label = c.Tokens[len(c.Tokens)-1].Text
		}
		if is && !running && label != "" && label != value {
			continue
		}
		running = true
		e := w.guarded(st.Tokens, !is, c.Body)
		if is && e != onward {
			if e == broken {
				return onward
			}
			return e
		}
		ends = append(ends, e)
	}
	if !is && len(ends) > 0 && slices.Max(ends) > broken {
		w.doubts = append(w.doubts, doubt{st.Tokens, slices.Max(ends)})
	}
	return onward
}

// plain follows a call, an assignment, or an end.
func (w *walk) plain(tokens []ser.Token) end {
	if len(tokens) == 0 {
		return onward
	}
	switch {
	case tokens[0].Is("exit") || tokens[0].Is("drop"):
		return stopped
	case tokens[0].Is("return"):
		w.last = maybe
		if value := ser.Join(tokens[1:]); value != "" && strings.Trim(value, "()-0123456789") == "" {
			w.last = known(!strings.HasPrefix(strings.Trim(value, "()"), "-"))
		}
		return back
	case tokens[0].Is("break"):
		return broken
	case tokens[0].Is("route") && len(tokens) > 2:
		return w.route(tokens)
	}
	if len(tokens) > 2 && tokens[0].Kind == ser.Variable && tokens[1].Is("=") {
		w.condition(tokens[2:]) // what is called for its value
	} else {
		w.condition(tokens)
	}
	for _, c := range ser.Calls(tokens) {
		if strings.HasPrefix(c.Name, "$") {
			w.step(c)
		}
	}
	return onward
}

// route follows route(NAME).
func (w *walk) route(tokens []ser.Token) end {
	args := ser.Calls(tokens)
	if len(args) == 0 || len(args[0].Args) == 0 {
		return onward
	}
	r := w.script.Route("route", ser.Join(args[0].Args[0]))
	if r == nil {
		w.Lacks = true
		return onward
	}
	if w.depth >= maxDepth {
		w.Cut = true
		return stopped
	}
	w.depth++
	before := len(w.doubts)
	e := w.list(r.Body)
	w.depth--
	// What would have ended that route alone no longer stands in the way.
	kept := slices.DeleteFunc(w.doubts[before:], func(d doubt) bool { return d.ends == back })
	w.doubts = w.doubts[:before+len(kept)]
	if e == stopped {
		return stopped
	}
	return onward
}

// step notes a call, with the doubt whether the script comes to it.
func (w *walk) step(c ser.Call) {
	s := step{Call: c}
	if n := len(w.doubts); n > 0 {
		s.Doubt = w.doubts[n-1].tokens
	}
	w.Steps = append(w.Steps, s)
}

// Find is the first step of one of the names from step i on; -1 if there is none.
func (w *walk) Find(i int, names ...string) int {
	for ; i < len(w.Steps); i++ {
		if slices.Contains(names, w.Steps[i].Name) {
			return i
		}
	}
	return -1
}

// Before says that a step of one of the names comes before step i.
func (w *walk) Before(i int, names ...string) bool {
	j := w.Find(0, names...)
	return j >= 0 && j < i
}

// text gives what a variable holds that the request decides.
func (w *walk) text(tokens []ser.Token) (string, bool) {
	for len(tokens) > 2 && tokens[0].Is("(") {
		tokens = tokens[1 : len(tokens)-1]
	}
	if len(tokens) == 1 && (tokens[0].Is("method") || tokens[0].Text == "$rm") {
		return w.want.Method, true
	}
	return "", false
}

// matches compares the request's method with what a script writes: "INVITE",
// "INVITE|ACK", or a regular expression.
func (w *walk) matches(text string, pattern bool) truth {
	if !pattern {
		return known(slices.Contains(strings.Split(strings.ToUpper(text), "|"), w.want.Method))
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return maybe
	}
	return known(re.MatchString(w.want.Method))
}
