package ser

import (
	"slices"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/ser"
)

// mostFound is how many places of one mistake are told.
const mostFound = 10

// OpenRegistration finds where a registration is saved that has no password and
// comes from an address nobody knows.
func (s *proxy) OpenRegistration() []check.Finding {
	return s.Unguarded(request{Method: "REGISTER", FromUs: true, ToUs: true}, []string{"save"}, func(*walk, int) bool { return true })
}

// OpenRelay finds where such requests are passed on that only the caller says
// where to.
func (s *proxy) OpenRelay(requests ...request) []check.Finding {
	var found []check.Finding
	for _, r := range requests {
		for _, f := range s.Unguarded(r, relays, relaysAnywhere) {
			if !slices.ContainsFunc(found, func(g check.Finding) bool { return g.Place == f.Place }) {
				found = append(found, f)
			}
		}
	}
	return found
}

// OpenCalls finds where calls are passed on that ask nobody for a password,
// whoever chose the destination.
func (s *proxy) OpenCalls(requests ...request) []check.Finding {
	for _, r := range requests {
		if found := s.Unguarded(r, relays, func(*walk, int) bool { return true }); len(found) > 0 {
			return found
		}
	}
	return nil
}

// relaysAnywhere says that nothing chose the destination before step i.
func relaysAnywhere(w *walk, i int) bool {
	if w.Before(i+1, destinations...) {
		return false
	}
	args := w.Steps[i].Args
	return len(args) == 0 || len(args[0]) == 0 || args[0][0].Kind == ser.Word || args[0][0].Kind == ser.Variable
}

// Unguarded finds steps that a request comes to, and that count.
func (s *proxy) Unguarded(r request, names []string, counts func(*walk, int) bool) []check.Finding {
	why, whole := s.Blind()
	if whole {
		return unclear(s.Start(), why)
	}
	w := s.Way(r)
	var found, doubtful []check.Finding
	for i := w.Find(0, names...); i >= 0; i = w.Find(i+1, names...) {
		step := &w.Steps[i]
		switch {
		case !counts(w, i):
		case w.Before(i, foreign...):
			doubtful = unclear(step.At, "a program in another language is asked before, and it is not read")
		case len(step.Doubt) > 0:
			doubtful = unclear(step.At, "it hangs on a condition ("+step.Doubt[0].At.String()+")")
		case len(found) < mostFound && !slices.ContainsFunc(found, func(f check.Finding) bool { return f.Place == step.At }):
			found = append(found, check.Finding{Place: step.At, Setting: step.Name, Value: argument(step)})
		}
	}
	if why != "" && (len(found) > 0 || w.Lacks) {
		return unclear(s.Start(), why)
	}
	if len(found) > 0 {
		return found
	}
	if w.Cut {
		return unclear(s.Start(), "the way of requests is too long to be followed")
	}
	return doubtful
}

// argument is the first argument of a step, as it stands.
func argument(step *step) string {
	if len(step.Args) == 0 {
		return ""
	}
	return ser.Join(step.Args[0])
}

// Skipped finds the first of some steps that a good request comes to with none
// of the wanted steps before.
func (s *proxy) Skipped(r request, steps, wanted []string) []check.Finding {
	why, whole := s.Blind()
	if whole {
		return unclear(s.Start(), why)
	}
	w := s.Way(r)
	i := w.Find(0, steps...)
	switch {
	case why != "" && (i >= 0 && !w.Before(i, wanted...) || i < 0 && w.Lacks):
		return unclear(s.Start(), why)
	case i < 0 || w.Before(i, wanted...):
		return nil
	}
	if w.Before(i, foreign...) {
		return unclear(w.Steps[i].At, "a program in another language is asked before, and it is not read")
	}
	return []check.Finding{{Place: w.Steps[i].At, Setting: w.Steps[i].Name, Value: argument(&w.Steps[i])}}
}

// Conditions shows the condition of every if and loop that messages come to.
func (s *proxy) Conditions(show func(tokens []ser.Token)) {
	for i, r := range s.Routes {
		if !s.reach[i] {
			continue
		}
		ser.Walk(r.Body, func(st *ser.Statement) {
			if st.Form == ser.If || st.Form == ser.Loop || st.Form == ser.Switch {
				show(st.Tokens)
			}
		})
	}
}

// From follows a message of another kind from its own route on, such as an
// event's; nil when the script has no such route.
func (s *proxy) From(kind, name string) *walk {
	route := s.Route(kind, name)
	if route == nil {
		return nil
	}
	return follow(s.Script, route, request{})
}

// At is a place of the script as a whole.
func (s *proxy) At() settings.Place { return settings.Place{File: s.File} }
