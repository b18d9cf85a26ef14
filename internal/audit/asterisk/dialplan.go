package asterisk

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// dialplanRules judge extensions.conf.
var dialplanRules = []rule{
	{Check: check.Check{
		ID: "AST-20", Server: check.Asterisk, Severity: check.High,
		Title: "What is dialled is digits before it is passed on",
		Why: "The pattern takes any characters, and Dial gets them as they are:\n" +
			"with & or / in a number the caller dials other lines than you meant.",
		Fix:        "exten => _X.,1,Dial(PJSIP/${FILTER(0-9,${EXTEN})}@trunk)",
		References: []string{"README-SERIOUSLY.bestpractices, Filtering Data"},
	}, Look: of("extensions.conf", plan(dialInjection))},
	{Check: check.Check{
		ID: "AST-21", Server: check.Asterisk, Severity: check.Critical,
		Title: "No caller's words get into a command",
		Why: "What the caller sends as name or number becomes part of a shell command or of a path:\n" +
			"he runs commands on this machine.",
		Fix:        "exten => s,n,System(/usr/local/bin/log-call ${FILTER(0-9,${CALLERID(num)})})",
		References: []string{"README-SERIOUSLY.bestpractices, Filtering Data"},
	}, Look: of("extensions.conf", plan(shellInjection))},
	{Check: check.Check{
		ID: "AST-22", Server: check.Asterisk, Severity: check.Critical,
		Title: "Strangers and carriers cannot call out again",
		Why: "Calls that come in without a password get into a part of the dial plan that dials out:\n" +
			"anybody calls abroad at your cost.",
		Fix: "[from-carrier]        ; a context of its own, without include of outbound ones\n" +
			"exten => 4930123456,1,Goto(internal,100,1)",
		References: []string{"https://docs.asterisk.org/Configuration/Important-Security-Considerations/"},
	}, Look: of("extensions.conf pjsip.conf", plan(openOutbound))},
	{Check: check.Check{
		ID: "AST-23", Server: check.Asterisk, Severity: check.High,
		Title: "The context named default does not dial out",
		Why: "Whatever has no context of its own gets into default,\n" +
			"and default dials out.",
		Fix:        "[default]\nexten => _X.,1,Hangup(21)",
		References: []string{"https://docs.asterisk.org/Configuration/Important-Security-Considerations/"},
	}, Look: of("extensions.conf", plan(defaultOutbound))},
	{Check: check.Check{
		ID: "AST-24", Server: check.Asterisk, Severity: check.Low,
		Title: "The dial plan is not written back by the server",
		Why: "Whoever gets at the console or the manager interface changes the dial plan\n" +
			"and saves it, so that it stays after a restart.",
		Fix:        "[general]\nwriteprotect = yes",
		References: []string{"extensions.conf.sample, writeprotect"},
	}, Look: of("extensions.conf", writeProtect)},
}

// otherPlans are dial plans in other languages, with their modules.
var otherPlans = [][2]string{{"extensions.ael", "pbx_ael"}, {"extensions.lua", "pbx_lua"}}

// plan says of a check of extensions.conf what it does not see: dial plans in
// other languages, and what a switch asks for.
func plan(look func(*server) []check.Finding) func(*server) []check.Finding {
	return func(s *server) []check.Finding {
		found := look(s)
		var names []string
		for _, other := range otherPlans {
			if text := s.tree.Read(s.place(other[0]).File); len(text) > 0 && s.needs(other[1]) == "" {
				names = append(names, other[0])
			}
		}
		if len(names) > 0 {
			found = append(found, check.Finding{State: check.Unknown, Place: s.place(names[0]), Fix: "Look there yourself.",
				Why: "A dial plan in another language is not read: " + strings.Join(names, ", ") + "."})
		}
		for _, c := range s.plan.Contexts {
			for _, line := range c.Switches {
				if strings.HasPrefix(strings.ToLower(line.Value), "realtime") {
					f := at(line)
					f.State, f.Why, f.Fix = check.Unknown, "The context "+c.Name+" has extensions in a database, where nobody looks.", "Look there yourself."
					found = append(found, f)
				}
			}
		}
		return found
	}
}

// dials are applications that call somebody.
var dials = []string{"Dial", "RetryDial", "Originate"}

// dialInjection looks at the first argument of Dial, the channels. A pattern
// without "." or "!" takes digits only, and needs no filter.
func dialInjection(s *server) []check.Finding {
	var found []check.Finding
	s.eachStep(func(c *asterisk.Context, step *asterisk.Step, clean map[string]bool) {
		if !step.Is(dials...) || !asterisk.Endless(step.Exten) || clean[step.Exten] {
			return
		}
		if asterisk.Raw(step.Args()[0], "EXTEN") {
			// The text itself is not told: it may hold a secret of a trunk.
			f := check.Finding{Place: step.At, Setting: step.App, Value: "${EXTEN}"}
			f = why(f, "In %s, %s takes any characters and Dial gets them as they are:\nwith & or / in a number the caller dials other lines than you meant.", c.Name, step.Exten)
			found = append(found, unless(f, s.needs("pbx_config")))
		}
	})
	return found
}

// eachStep calls look for all steps. An extension is clean from where its number
// was put through FILTER: what does not pass there usually goes another way.
func (s *server) eachStep(look func(c *asterisk.Context, step *asterisk.Step, clean map[string]bool)) {
	for _, c := range s.plan.Contexts {
		clean := map[string]bool{}
		for i := range c.Steps {
			step := &c.Steps[i]
			look(c, step, clean)
			if strings.Contains(step.Data, "FILTER(") && strings.Contains(step.Data, "${EXTEN") && step.Is("GotoIf", "ExecIf", "GosubIf") {
				clean[step.Exten] = true
			}
		}
	}
}

// shellInjection looks for what callers choose freely: their name and number, and
// a number that a pattern leaves open.
func shellInjection(s *server) []check.Finding {
	var found []check.Finding
	s.eachStep(func(_ *asterisk.Context, step *asterisk.Step, clean map[string]bool) {
		var text string
		switch {
		case step.Is("System", "TrySystem", "MixMonitor", "Monitor"):
			text = step.Data
		case strings.Contains(step.Data, "SHELL("):
			text = step.Data[strings.Index(step.Data, "SHELL("):]
		}
		// Digits alone are harmless: a pattern without "." takes nothing else.
		caller := asterisk.Raw(text, "CALLERID")
		if caller || asterisk.Raw(text, "EXTEN") && asterisk.Endless(step.Exten) && !clean[step.Exten] {
			f := check.Finding{Place: step.At, Setting: step.App, Value: "${EXTEN}"}
			if caller {
				f.Value = "${CALLERID()}"
			}
			found = append(found, unless(f, s.needs("pbx_config")))
		}
	})
	return found
}

// openOutbound follows each way in that needs no password.
func openOutbound(s *server) []check.Finding {
	var found []check.Finding
	for _, from := range s.strangers() {
		if c, step := s.outbound(from.context); step != nil {
			f := check.Finding{Place: from.place, Setting: "context", Value: from.context}
			f = why(f, "%s gets into %s without a password, and from there %s at %s dials out:\nanybody calls abroad at your cost.",
				from.who, from.context, step.Exten+"@"+c.Name, step.At)
			found = append(found, unless(f, from.idle))
		}
	}
	return found
}

// stranger is a way in that asks for no password.
type stranger struct {
	who, context, idle string
	place              settings.Place
}

// strangers lists ways in with the context that they begin in. One that is not
// set is default.
func (s *server) strangers() []stranger {
	var all []stranger
	add := func(line asterisk.Setting, who, idle string) {
		if line.Value == "" {
			line.Value = "default"
		}
		all = append(all, stranger{who: who, context: line.Value, idle: idle, place: line.At})
	}
	for _, e := range s.sip.of("endpoint") {
		switch name, _, _ := strings.Cut(e.Name, "@"); {
		case name == "anonymous":
			idle := s.sip.idle
			if idle == "" {
				idle = s.needs("res_pjsip_endpoint_identifier_anonymous")
			}
			add(e.Find("context"), "Everybody", idle)
		case e.Get("auth") == "" && s.sip.trunks[e.Name]:
			add(e.Find("context"), "The trunk "+e.Name, s.sip.idle)
		}
	}
	if general := s.file("sip.conf").First("general"); general != nil && !asterisk.No(general.Get("allowguest")) {
		add(general.Find("context"), "Everybody", s.chanSIPIdle())
	}
	for _, user := range s.openIAX() {
		add(user.Find("context"), "The IAX user "+user.Name, s.needs("chan_iax2"))
	}
	return slices.DeleteFunc(all, func(x stranger) bool { return x.context == "default" && x.place.Line == 0 })
}

// defaultOutbound gives one finding, the first way out.
func defaultOutbound(s *server) []check.Finding {
	if c, step := s.outbound("default"); step != nil {
		f := check.Finding{Place: step.At, Setting: step.App, Value: step.Exten}
		f = why(f, "Whatever has no context of its own gets into default, and %s dials out.", step.Exten+"@"+c.Name)
		return []check.Finding{unless(f, s.needs("pbx_config"))}
	}
	return nil
}

// writeProtect knows that Asterisk saves a dial plan only with static=yes and
// without writeprotect, which is off when it is not set.
func writeProtect(s *server) []check.Finding {
	f := s.file("extensions.conf")
	static, protect := f.Find("general", "static"), f.Find("general", "writeprotect")
	switch {
	case asterisk.Yes(protect.Value) || protect.Value == "" && !asterisk.Yes(static.Value):
		return nil
	case protect.Value == "":
		return []check.Finding{unless(unset(static.At, "writeprotect", "no"), s.needs("pbx_config"))}
	}
	found := at(protect)
	found.Edit = check.Replace(s.tree, protect.At, protect.Value, "yes")
	idle := s.needs("pbx_config")
	if idle == "" && !asterisk.Yes(static.Value) {
		idle = "without static=yes nothing is saved"
	}
	return []check.Finding{unless(found, idle)}
}
