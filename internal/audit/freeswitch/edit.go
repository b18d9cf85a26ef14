package freeswitch

import (
	"regexp"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// valueOf is the value of a tag, quoted.
var valueOf = regexp.MustCompile(`\svalue\s*=\s*("[^"]*"|'[^']*')`)

// change is the edit that gives a value where it stands, in the tag or where its
// variable is set, if nothing else is on that line.
func (s *server) change(p freeswitch.Param, value string) *check.Edit {
	line := s.Tree.Line(p.From())
	if strings.Count(line, "<") != 1 || !strings.HasSuffix(line, "\n") {
		return nil
	}
	if p.Var != "" {
		set := regexp.MustCompile(`["']\s*` + regexp.QuoteMeta(p.Var) + `\s*=([^"']*)["']`)
		if m := set.FindStringSubmatch(line); m != nil {
			return check.Replace(s.Tree, p.From(), m[0], strings.TrimSuffix(m[0], m[1]+m[0][len(m[0])-1:])+value+m[0][len(m[0])-1:])
		}
		return nil
	}
	if m := valueOf.FindStringSubmatch(line); m != nil && strings.Contains(line, p.Name) {
		return check.Replace(s.Tree, p.At, m[0], strings.TrimSuffix(m[0], m[1])+`"`+value+`"`)
	}
	return nil
}

// add is the edit that puts a new setting first into an element, if its start tag
// ends its line.
func (s *server) add(n *freeswitch.Node, name, value string) *check.Edit {
	line := s.Tree.Line(n.At)
	if strings.TrimSpace(line) != "<"+n.Name+">" || !strings.HasSuffix(line, "\n") {
		return nil
	}
	indent := line[:strings.Index(line, "<")] + "  "
	next := settings.Place{File: n.At.File, Line: n.At.Line + 1}
	return check.Insert(next, indent+`<param name="`+name+`" value="`+value+"\"/>\n")
}
