package ser

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/ser"
)

// proxy is a server as its script describes it.
type proxy struct {
	*ser.Script
	Site *check.Site
	Tree *settings.Tree
	// Calls are all calls of the script, and where they stand.
	Calls []placed

	main  *ser.Route
	ways  map[request]*walk
	reach []bool
}

// placed is a call of the script.
type placed struct {
	ser.Call
	// Reached says that messages come to it; otherwise its route has no way in, or
	// an #!ifdef leaves it out.
	Reached bool
}

// open looks at a script.
func open(site *check.Site, tree *settings.Tree, script *ser.Script) *proxy {
	s := &proxy{Script: script, Site: site, Tree: tree, ways: map[request]*walk{}, main: script.Route(ser.RequestRoute, "")}
	s.reach = script.Reachable()
	for i, r := range script.Routes {
		ser.Walk(r.Body, func(st *ser.Statement) {
			for _, c := range ser.Calls(st.Tokens) {
				s.Calls = append(s.Calls, placed{c, s.reach[i]})
			}
		})
	}
	for _, c := range ser.Calls(script.LeftOut()) {
		s.Calls = append(s.Calls, placed{c, false})
	}
	return s
}

// Unread is why nothing at all can be told of the server; empty when something
// can.
func (s *proxy) Unread() string {
	if s.Template != "" {
		return s.Template
	}
	if len(s.Doubts) > 0 && len(s.Routes) == 0 && len(s.Modules) == 0 && len(s.Globals) == 0 {
		return s.Doubts[0]
	}
	return ""
}

// nothing gives every check of a server of which nothing can be told.
func nothing(checks []*check.Check, file, why string) []check.Result {
	results := make([]check.Result, len(checks))
	for i, c := range checks {
		results[i] = check.Result{Check: c, Finding: check.Finding{State: check.Unknown, Place: settings.Place{File: file}, Why: "This could not be told: " + why + "."}}
	}
	return results
}

// Blind is why the way of requests cannot be told; empty when it can. With whole
// there is nothing to be followed, else only a part may be missing.
func (s *proxy) Blind() (why string, whole bool) {
	if engine := s.Global("cfgengine"); engine != "" && engine != "native" && engine != "default" {
		return "requests are routed by a program in " + engine + ", which is not read", true
	}
	if len(s.Doubts) > 0 {
		return s.Doubts[0], s.main == nil
	}
	if s.main == nil {
		return "the script has no request_route", true
	}
	return "", false
}

// Way follows a request through the script.
func (s *proxy) Way(r request) *walk {
	if s.ways[r] == nil {
		s.ways[r] = follow(s.Script, s.main, r)
	}
	return s.ways[r]
}

// Start is where requests begin, the place of what they lack.
func (s *proxy) Start() settings.Place {
	if s.main == nil {
		return settings.Place{File: s.File}
	}
	return s.main.At
}

// unclear is a finding of what could not be told.
func unclear(at settings.Place, why string) []check.Finding {
	return []check.Finding{{State: check.Unknown, Place: at, Why: "This could not be told: " + why + "."}}
}

// Missing gives what is missing, unless it may stand in what is not read.
func (s *proxy) Missing(found ...check.Finding) []check.Finding {
	if why, _ := s.Blind(); why != "" {
		return unclear(s.Start(), why)
	}
	return found
}

// Reaches gives the first call of one of the names that messages come to; nil
// when there is none.
func (s *proxy) Reaches(names ...string) *placed {
	for i := range s.Calls {
		if c := &s.Calls[i]; c.Reached && slices.Contains(names, c.Name) {
			return c
		}
	}
	return nil
}

// inForce is check.Fail for what is in force, else check.Latent.
func inForce(force bool) check.State {
	if force {
		return check.Fail
	}
	return check.Latent
}

// Params gives every modparam of a module's parameters, and whether it is in
// force: its module is loaded and nothing leaves it out.
func (s *proxy) Params(show func(p *ser.Param, force bool)) {
	for i := range s.Script.Params {
		p := &s.Script.Params[i]
		show(p, s.Loaded[p.Module])
	}
	for i := range s.Off.Params {
		show(&s.Off.Params[i], false)
	}
}

// on reads a number or yes as the servers do.
func on(value string) bool {
	switch strings.ToLower(value) {
	case "yes", "true", "on", "enable", "enabled":
		return true
	}
	n, err := strconv.ParseInt(value, 0, 64)
	return err == nil && n != 0
}

// numeral reads a number; false when it is none.
func numeral(value string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 0, 64)
	return n, err == nil
}

// loopback tells an address that no other machine reaches, by a host with or
// without a port.
func loopback(address string) bool {
	return strings.HasPrefix(address, "127.") || strings.HasPrefix(address, "localhost") || strings.HasPrefix(address, "[::1]") || address == "::1"
}

// Replace is the edit that puts a new value in the place of an old one, in one
// line of a file; nil unless the old one stands there once.
func (s *proxy) Replace(at settings.Place, old, value string) *check.Edit {
	line := s.line(at)
	if old == "" || strings.Count(line, old) != 1 {
		return nil
	}
	return &check.Edit{File: at.File, Line: at.Line, Old: line, New: strings.Replace(line, old, value, 1)}
}

// Insert is the edit that puts a line before another; nil when there is none.
func (s *proxy) Insert(at settings.Place, line string) *check.Edit {
	if at.Line == 0 {
		return nil
	}
	return &check.Edit{File: at.File, Line: at.Line, New: line + "\n"}
}

// line is a whole line of a file, with its line break.
func (s *proxy) line(at settings.Place) string {
	number := 0
	for line := range strings.Lines(string(s.Tree.Read(at.File))) {
		if number++; number == at.Line {
			return line
		}
	}
	return ""
}
