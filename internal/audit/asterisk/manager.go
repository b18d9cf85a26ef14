package asterisk

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/secrets"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// managerRules judge the manager interface (AMI).
var managerRules = []rule{
	{Check: check.Check{
		ID: "AST-25", Server: check.Asterisk, Severity: check.High,
		Title: "The manager interface is not open to the internet",
		Why: "The manager interface listens on every address: attackers find port 5038 by scanning,\n" +
			"and who guesses a secret there rules the server.",
		Fix:        "[general]\nbindaddr = 127.0.0.1",
		References: []string{"manager.conf.sample, bindaddr"},
	}, Look: of("manager.conf", managerBind)},
	{Check: check.Check{
		ID: "AST-26", Server: check.Asterisk, Severity: check.Medium,
		Title: "Each manager user has a list of addresses",
		Why: "The secret may be tried from any address that reaches the interface,\n" +
			"and one that leaked is of use from there.",
		Fix:        "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255",
		References: []string{"manager.conf.sample, permit and deny"},
	}, Look: of("manager.conf", managerLists)},
	{Check: check.Check{
		ID: "AST-27", Server: check.Asterisk, Severity: check.High,
		Title: "Manager users may do no more than they need",
		Why: "With system, command, originate, config or all, the secret of this user is a shell:\n" +
			"it runs programs, rewrites settings and makes calls.",
		Fix:        "write = reporting        ; only the classes that the program needs",
		References: []string{"README-SERIOUSLY.bestpractices, Manager Class Authorizations"},
	}, Look: of("manager.conf", managerRights)},
	{Check: check.Check{
		ID: "AST-28", Server: check.Asterisk, Severity: check.High,
		Title: "Manager users have long secrets",
		Why: "The secret can be guessed or stands in a sample,\n" +
			"and who has it rules the server.",
		Fix:        "secret = TWELVE-OR-MORE-RANDOM-CHARACTERS",
		References: []string{"manager.conf.sample"},
	}, Look: of("manager.conf", managerSecrets)},
	{Check: check.Check{
		ID: "AST-29", Server: check.Asterisk, Severity: check.Medium,
		Title: "The manager interface is encrypted where others reach it",
		Why: "The interface is bound beyond this machine without TLS:\n" +
			"secrets and commands can be read on the way.",
		Fix:        "[general]\ntlsenable = yes\ntlsbindaddr = 192.0.2.10:5039\ntlscertfile = FILE",
		References: []string{"manager.conf.sample, tlsenable"},
	}, Look: of("manager.conf", managerClear)},
	{Check: check.Check{
		ID: "AST-30", Server: check.Asterisk, Severity: check.High,
		Title: "The manager interface is not on the web",
		Why: "The manager interface is served by the web server, which others can reach:\n" +
			"secrets are guessed there, and its parser has a history of overflows.",
		Fix:        "[general]\nwebenabled = no",
		References: []string{"manager.conf.sample, webenabled"},
	}, Look: of("manager.conf http.conf", managerWeb)},
}

// managerOff says why manager.conf has no effect.
func (s *server) managerOff() string {
	if asterisk.Yes(s.file("manager.conf").Find("general", "enabled").Value) {
		return ""
	}
	return "the manager interface is off (enabled = no)"
}

// managerUsers are the sections of users.
func (s *server) managerUsers() []*asterisk.Section {
	var users []*asterisk.Section
	sections := s.file("manager.conf").Sections
	for i := range sections {
		if u := &sections[i]; !u.Template && !strings.EqualFold(u.Name, "general") {
			users = append(users, u)
		}
	}
	return users
}

// managerBind leaves private addresses alone. Without bindaddr the interface
// listens on every address.
func managerBind(s *server) []check.Finding {
	line := s.file("manager.conf").Find("general", "bindaddr")
	switch {
	case reachOf(line.Value) != public:
		return nil
	case line.Value != "":
		return []check.Finding{unless(at(line), s.managerOff())}
	case s.managerOff() != "":
		return nil
	}
	return []check.Finding{unset(line.At, "bindaddr", "0.0.0.0")}
}

// managerLists asks for a list also where only this machine reaches the
// interface: it holds when bindaddr is changed.
func managerLists(s *server) []check.Finding {
	var found []check.Finding
	for _, u := range s.managerUsers() {
		if u.Get("deny") == "" && u.Get("permit") == "" && u.Get("acl") == "" {
			f := check.Finding{Place: u.At, Setting: "permit"}
			f = why(f, "The user %s may log in from any address that reaches the interface.", u.Name)
			found = append(found, unless(f, s.managerOff()))
		}
	}
	return found
}

// rulers are the classes that amount to a shell on the machine.
var rulers = []string{"system", "command", "originate", "config", "all"}

// managerRights looks at write only: to read events changes nothing.
func managerRights(s *server) []check.Finding {
	var found []check.Finding
	for _, u := range s.managerUsers() {
		line := u.Find("write")
		words := strings.FieldsFunc(strings.ToLower(line.Value), func(r rune) bool { return r == ',' || r == ' ' })
		if slices.ContainsFunc(words, func(word string) bool { return slices.Contains(rulers, word) }) {
			found = append(found, unless(at(line), s.managerOff()))
		}
	}
	return found
}

// managerSecrets judges plain secrets.
func managerSecrets(s *server) []check.Finding {
	var found []check.Finding
	for _, u := range s.managerUsers() {
		line := u.Find("secret")
		if line.Value == "" {
			continue // who has no secret cannot log in
		}
		if weak := secrets.Weakness(line.Value, u.Name); weak != "" {
			found = append(found, unless(why(secret(line), "The secret of the manager user %s is weak: %s.", u.Name, weak), s.managerOff()))
		}
	}
	return found
}

// managerClear has nothing to say of what this machine alone reaches.
func managerClear(s *server) []check.Finding {
	f := s.file("manager.conf")
	bind, tls := f.Find("general", "bindaddr"), f.Find("general", "tlsenable")
	if reachOf(bind.Value) == loopback || asterisk.Yes(tls.Value) || s.managerOff() != "" && tls.Value == "" {
		return nil
	}
	found := at(tls)
	if tls.Value == "" {
		found = unset(bind.At, "tlsenable", "no")
	}
	return []check.Finding{unless(found, s.managerOff())}
}

// managerWeb matters where the web server is reached from beyond this machine.
func managerWeb(s *server) []check.Finding {
	line := s.file("manager.conf").Find("general", "webenabled")
	if !asterisk.Yes(line.Value) {
		return nil
	}
	idle := s.managerOff()
	switch web := s.web(); {
	case idle != "":
	case web.off():
		idle = "the web server is off"
	case web.clear == loopback && web.tls == loopback:
		idle = "only this machine reaches the web server"
	}
	return []check.Finding{unless(at(line), idle)}
}

// web is Asterisk's own web server.
type web struct {
	on, secure bool           // which of its two sockets are open
	bind       settings.Place // of the line that binds it
	clear, tls reach          // how far each is reached from; loopback when it is not open
}

// off says that nothing listens for HTTP at all.
func (w web) off() bool { return !w.on && !w.secure }

// web reads http.conf. Plain HTTP is off by default, and listens everywhere when
// it is on without bindaddr; TLS is switched apart from it.
func (s *server) web() web {
	f := s.file("http.conf")
	bind := f.Find("general", "bindaddr")
	w := web{on: asterisk.Yes(f.Find("general", "enabled").Value), secure: asterisk.Yes(f.Find("general", "tlsenable").Value), bind: bind.At}
	if w.on {
		w.clear = reachOf(bind.Value)
	}
	if w.secure {
		address := f.Find("general", "tlsbindaddr").Value
		if address == "" {
			address = bind.Value
		}
		w.tls = reachOf(address)
	}
	return w
}
