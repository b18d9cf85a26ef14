package asterisk

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Plan is a dial plan as pbx_config reads it from extensions.conf.
type Plan struct {
	File     *File
	Contexts []*Context
	byName   map[string]*Context
}

// Context is a part of the plan. Sections of one name are one context.
type Context struct {
	Name     string
	At       settings.Place
	Includes []Setting // other contexts whose extensions count too
	Switches []Setting // places that have more extensions
	Steps    []Step    // in the order of the file
}

// Step is one priority of an extension.
type Step struct {
	Exten    string // as it is written: a number, "s", "_X."
	Priority string // a number, "n" or "hint"
	Label    string
	App      string // in the spelling of the file
	Data     string // what stands between its parentheses
	At       settings.Place
}

// PlanOf reads extensions.conf.
func PlanOf(t *settings.Tree, dir string) *Plan {
	p := &Plan{File: Open(t, dir, "extensions.conf"), byName: map[string]*Context{}}
	for i := range p.File.Sections {
		s := &p.File.Sections[i]
		if name := strings.ToLower(s.Name); s.Template || name == "general" || name == "globals" {
			continue
		}
		c := p.byName[s.Name]
		if c == nil {
			c = &Context{Name: s.Name, At: s.At}
			p.byName[s.Name] = c
			p.Contexts = append(p.Contexts, c)
		}
		c.read(s)
	}
	return p
}

// Context finds a context by its name; nil when there is none.
func (p *Plan) Context(name string) *Context { return p.byName[name] }

// read takes the lines of a context; "same" goes on with the extension before.
func (c *Context) read(s *Section) {
	exten := "" // of the line before, for "same"
	for _, line := range s.Settings {
		switch line.Key {
		case "exten":
			var rest string
			exten, rest, _ = strings.Cut(line.Value, ",")
			exten = strings.TrimSpace(exten)
			c.step(exten, rest, line.At)
		case "same":
			c.step(exten, line.Value, line.At)
		case "include":
			// Times may follow: they say when, and here only whether counts.
			line.Value, _, _ = strings.Cut(line.Value, ",")
			line.Value, _, _ = strings.Cut(line.Value, "|")
			line.Value = strings.TrimSpace(line.Value)
			c.Includes = append(c.Includes, line)
		case "switch", "lswitch", "eswitch":
			c.Switches = append(c.Switches, line)
		}
	}
}

// step reads "priority(label),Application(data)". The old way to write the
// application, "Application,data", is understood too.
func (c *Context) step(exten, text string, at settings.Place) {
	if exten == "" {
		return
	}
	// An extension may say for which caller it is: 100/555.
	exten, _, _ = strings.Cut(exten, "/")
	priority, action, ok := strings.Cut(text, ",")
	if !ok {
		return
	}
	step := Step{Exten: exten, At: at}
	step.Priority, step.Label, _ = strings.Cut(strings.TrimSpace(priority), "(")
	step.Label = strings.TrimSuffix(strings.TrimSpace(step.Label), ")")
	action = strings.TrimSpace(action)
	if i := strings.IndexAny(action, "(,"); i >= 0 {
		step.App, step.Data = action[:i], strings.TrimSuffix(action[i+1:], ")")
		if action[i] == ',' {
			step.Data = action[i+1:]
		}
	} else {
		step.App = action
	}
	step.App = strings.TrimSpace(step.App)
	c.Steps = append(c.Steps, step)
}

// Is says that the step's application has one of the names. Asterisk does not
// look at capitals here.
func (s *Step) Is(apps ...string) bool {
	return slices.ContainsFunc(apps, func(app string) bool { return strings.EqualFold(app, s.App) })
}

// Args splits the data at commas that stand outside of parentheses, braces and
// quotes.
func (s *Step) Args() []string {
	var args []string
	depth, from, quoted := 0, 0, false
	for i := range len(s.Data) {
		switch c := s.Data[i]; {
		case c == '"':
			quoted = !quoted
		case c == '(' || c == '{' || c == '[':
			depth++
		case c == ')' || c == '}' || c == ']':
			depth--
		case c == ',' && depth <= 0 && !quoted:
			args = append(args, s.Data[from:i])
			from = i + 1
		}
	}
	return append(args, s.Data[from:])
}

// With lists contexts and all that they include, each once.
func (p *Plan) With(names ...string) []*Context {
	var all []*Context
	seen := map[string]bool{}
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		c := p.byName[name]
		if seen[name] || c == nil {
			continue
		}
		seen[name] = true
		all = append(all, c)
		for _, include := range c.Includes {
			names = append(names, include.Value)
		}
	}
	return all
}
