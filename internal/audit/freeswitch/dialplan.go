package freeswitch

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// context is a part of the dial plan: who enters it can dial what it has.
type context struct {
	name       string
	extensions []extension
}

// extension is one number or pattern and what happens then.
type extension struct {
	name    string
	at      settings.Place
	numbers []*regexp.Regexp // what the dialled number must fit, all of them
	unclear bool             // there are patterns that only FreeSWITCH understands
	guarded bool             // it asks who is calling
	barrier bool             // it turns away who has not authenticated, also for those after it
	actions []action
}

// action is what an extension does.
type action struct {
	application, data string
	at                settings.Place
}

var (
	// aclUse is ${acl(${network_addr} name)} in a condition.
	aclUse = regexp.MustCompile(`acl\(\s*\S+\s+([^)\s]+)`)
	// whoCalls are fields of conditions that strangers cannot choose.
	whoCalls = regexp.MustCompile(`sip_authorized|network_addr|network_ip|acl\(|sip_acl_`)
	// outwards is a bridge to a gateway, or to a host by its name, with a number that
	// the caller has a say in.
	outwards = regexp.MustCompile(`(?i)sofia/gateway/[^/|,]+/[^|,]*\$|sofia/[^/|,]+/[^|,@]*\$[^|,@]*@[^|,$]+|freetdm/[^|,]*\$|openzap/[^|,]*\$|\{lcr_auto_route`)
	// within is a bridge into a context of this very server.
	within = regexp.MustCompile(`^(?:\{[^}]*\})?loopback/([^/]+)/([^/|,\s]+)`)
	// chosen is a number that comes from the caller.
	chosen = regexp.MustCompile(`\$(\d|\{(destination_number|sip_req_user|sip_to_user)\b)`)
)

// foreign are numbers of every way to dial far away: who may dial one of them may
// dial what costs most.
var foreign = []string{
	"00442079460123", "011442079460123", "900442079460123", "9011442079460123", "+442079460123", "442079460123",
	"12125550123", "912125550123", "2125550123", "02079460123", "902079460123", "19005550123",
}

// readContexts reads the dial plan. Of two contexts of a name the first counts.
func (s *server) readContexts() {
	s.contexts = map[string]*context{}
	for _, n := range s.Section(dialplan).All("context") {
		name := n.Values["name"]
		if s.contexts[name] != nil {
			continue
		}
		c := &context{name: name}
		for _, e := range n.All("extension") {
			c.extensions = append(c.extensions, readExtension(e))
		}
		s.contexts[name] = c
	}
}

// readExtension takes the conditions and actions of one extension, however deep
// they lie.
func readExtension(n *freeswitch.Node) extension {
	e := extension{name: n.Values["name"], at: n.At}
	n.Walk(func(c *freeswitch.Node) {
		switch c.Name {
		case "condition":
			e.condition(c)
		case "action":
			e.actions = append(e.actions, action{c.Values["application"], c.Values["data"], c.At})
		}
	})
	return e
}

// condition reads a condition; several patterns may stand in it as <regex>.
func (e *extension) condition(c *freeswitch.Node) {
	tests := append(c.All("regex"), c)
	var any []string
	asks := false
	for _, t := range tests {
		field, expression := t.Values["field"], t.Values["expression"]
		asks = asks || whoCalls.MatchString(field)
		if strings.Contains(field, "destination_number") && expression != "" {
			// FreeSWITCH's patterns may stand between slashes.
			any = append(any, "(?:"+strings.TrimSuffix(strings.TrimPrefix(expression, "/"), "/")+")")
		}
	}
	if c.Values["regex"] == "any" && len(any) > 0 {
		any = []string{strings.Join(any, "|")}
	}
	for _, text := range any {
		if pattern, err := regexp.Compile(text); err == nil {
			e.numbers = append(e.numbers, pattern)
		} else {
			e.unclear = true
		}
	}
	refuses := refusing(c.All("anti-action"))
	if asks && strings.Contains(c.Values["expression"], "false") { // who is not authenticated
		asks, refuses = false, refusing(c.All("action"))
		e.barrier = e.barrier || refuses
	}
	// A condition after which it goes on all the same guards nothing by itself.
	e.guarded = e.guarded || asks && c.Values["break"] != "never"
	e.barrier = e.barrier || asks && refuses
}

// refusing says that one of some actions ends the call.
func refusing(actions []*freeswitch.Node) bool {
	for _, a := range actions {
		switch a.Values["application"] {
		case "respond", "hangup", "deflect", "redirect":
			return true
		}
	}
	return false
}

// far says that somebody far away can be dialled by an extension's patterns.
func (e *extension) far() bool {
	for _, number := range foreign {
		fits := true
		for _, pattern := range e.numbers {
			fits = fits && pattern.MatchString(number)
		}
		if fits {
			return true
		}
	}
	return false
}

// open gives the extensions that ask nobody who they are, up to one that does so
// for all that come after it.
func (c *context) open() []extension {
	var found []extension
	for _, e := range c.extensions {
		if e.barrier {
			return found
		}
		if !e.guarded {
			found = append(found, e)
		}
	}
	return found
}

// dialsOut gives a place where strangers in a context dial far away; clear says
// that there is no doubt of it.
func (c *context) dialsOut() (at settings.Place, clear, ok bool) {
	if c == nil {
		return at, false, false
	}
	for _, e := range c.open() {
		for _, a := range e.actions {
			if a.application == "bridge" && outwards.MatchString(a.data) && e.far() && !clear {
				at, clear, ok = a.at, !e.unclear, true
			}
		}
	}
	return at, clear, ok
}

// entrance is a context that callers enter without a password, by a profile.
type entrance struct {
	profile *profile
	context string
	auth    freeswitch.Param // auth-calls
	// kept says what keeps strangers out; empty when nothing does.
	kept string
}

// entrances are the contexts of profiles that ask for no password. There an access
// list turns away who is not on it. It may name contexts for who is on it and who
// is not: list:pass:fail.
func (s *server) entrances() []entrance {
	var found []entrance
	for _, p := range s.profiles {
		auth, _ := p.get("auth-calls")
		if freeswitch.True(auth.Value) || !auth.Known() {
			continue
		}
		context := "default"
		if v, ok := p.get("context"); ok && v.Value != "" {
			context = v.Value
		}
		lists := p.lists("apply-inbound-acl")
		if len(lists) == 0 {
			found = append(found, entrance{p, context, auth, p.off})
		}
		for _, v := range lists {
			parts := strings.SplitN(v.Value+"::", ":", 4)
			into, kept := context, p.off
			if parts[1] != "" {
				into = parts[1]
			}
			if a := s.admits(parts[0]); kept == "" && !a.everyone && len(a.wider(tooWide4, tooWide6)) == 0 {
				kept = fmt.Sprintf("the access list %q turns strangers away", parts[0])
			}
			found = append(found, entrance{p, into, auth, kept})
			if parts[2] != "" {
				found = append(found, entrance{p, parts[2], auth, p.off})
			}
		}
	}
	return found
}

// freeCalls looks for profiles whose callers are asked for no password and can
// dial out at once.
func freeCalls(s *server) []check.Finding {
	var found []check.Finding
	for _, p := range s.profiles {
		if auth, _ := p.get("auth-calls"); !auth.Known() {
			found = append(found, latent(unset(auth), p.off))
		}
	}
	for _, e := range s.entrances() {
		at, clear, ok := s.contexts[e.context].dialsOut()
		if !ok {
			continue
		}
		f := latent(e.profile.found(e.auth), e.kept)
		if f.State == "" {
			f.Why = fmt.Sprintf("Anybody may call by the profile %s without a password, and its context %q\ndials out at your cost (%s).", e.profile.name, e.context, at)
		}
		if !clear {
			f = inDoubt(f)
		}
		found = append(found, f)
	}
	return found
}

// transfers looks for ways from a context that strangers enter into another one
// that dials out, with a number of their choice.
func transfers(s *server) []check.Finding {
	var found []check.Finding
	reasons := s.strangers()
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		if s.contexts[name] == nil {
			continue
		}
		for _, e := range s.contexts[name].open() {
			for _, a := range e.actions {
				into, ok := target(a)
				if !ok || into == name || s.contexts[into] == nil || !e.far() {
					continue
				}
				because := reasons[name]
				f := check.Finding{Place: a.at, Setting: a.application, Value: a.data,
					Why: fmt.Sprintf("Strangers in the context %q dial any number in %q, which calls out at your cost.\nOnly own extensions should be reached without a password.", name, into)}
				if _, _, dials := s.contexts[into].dialsOut(); !dials && because == "" {
					because = fmt.Sprintf("the context %q does not dial out", into)
				}
				if e.unclear {
					f = inDoubt(f)
				}
				found = append(found, latent(f, because))
			}
		}
	}
	return found
}

// inDoubt is a finding that hangs on a pattern nobody but FreeSWITCH understands.
func inDoubt(f check.Finding) check.Finding {
	if f.State == "" {
		f.State, f.Why = check.Unknown, "A pattern of this extension is of a kind that only FreeSWITCH understands.\nWhether numbers far away fit it cannot be told."
	}
	return f
}

// strangers are the contexts with a reason why strangers do not come there; it is
// empty where they do.
func (s *server) strangers() map[string]string {
	found := map[string]string{}
	for name := range s.contexts {
		if name == "public" {
			found[name] = "no profile lets strangers into it"
		}
	}
	for _, e := range s.entrances() {
		if old, ok := found[e.context]; !ok || old != "" {
			found[e.context] = e.kept
		}
	}
	return found
}

// target is the context that an action goes to with a number of the caller's.
func target(a action) (string, bool) {
	words := strings.Fields(a.data)
	if to := within.FindStringSubmatch(a.data); a.application == "bridge" && to != nil && chosen.MatchString(to[1]) {
		return to[2], true
	}
	if a.application != "transfer" && a.application != "execute_extension" || len(words) == 0 {
		return "", false
	}
	if words[0] == "-bleg" || words[0] == "-both" {
		words = words[1:]
	}
	if len(words) < 3 || !chosen.MatchString(words[0]) {
		return "", false
	}
	return words[2], true
}

// mentions says that the dial plan uses a variable.
func (s *server) mentions(name string) bool {
	found := false
	s.Section(dialplan).Walk(func(n *freeswitch.Node) {
		for _, value := range n.Values {
			found = found || strings.Contains(value, name)
		}
	})
	return found
}
