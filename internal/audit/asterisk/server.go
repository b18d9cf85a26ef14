package asterisk

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// server is one Asterisk as its settings describe it. Each file is read once.
type server struct {
	site    *check.Site
	tree    *settings.Tree
	dir     string
	files   map[string]*asterisk.File
	modules *asterisk.Modules
	sip     *pjsip
	plan    *asterisk.Plan
}

// open reads what most checks need.
func open(site *check.Site, tree *settings.Tree, dir string) *server {
	s := &server{site: site, tree: tree, dir: dir, files: map[string]*asterisk.File{}}
	conf := s.file("asterisk.conf")
	if v := conf.Find("directories", "astetcdir").Value; v != "" && settings.Inside("/", v) != dir && tree.Folder(settings.Inside("/", v)) {
		s.dir, s.files = settings.Inside("/", v), map[string]*asterisk.File{"asterisk.conf": conf}
	}
	s.modules = asterisk.ModulesOf(tree, s.dir, conf)
	s.files["modules.conf"] = s.modules.File
	s.plan = asterisk.PlanOf(tree, s.dir)
	s.files["extensions.conf"] = s.plan.File
	s.sip = s.readPJSIP()
	return s
}

// file gives one of the files of settings.
func (s *server) file(name string) *asterisk.File {
	if s.files[name] == nil {
		s.files[name] = asterisk.Open(s.tree, s.dir, name)
	}
	return s.files[name]
}

// place is a file as a whole.
func (s *server) place(name string) settings.Place {
	return settings.Place{File: settings.Inside(s.dir, name)}
}

// major is the first number of the version; 0 when it is not known.
func (s *server) major() int {
	word := s.site.Version[check.Asterisk]
	if _, rest, epoch := strings.Cut(word, ":"); epoch {
		word = rest
	}
	end := strings.IndexFunc(word, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(word)
	}
	n, _ := strconv.Atoi(word[:end])
	return n
}

// needs says why a module's settings have no effect; "" when they have.
func (s *server) needs(modules ...string) string {
	for _, name := range modules {
		if !s.modules.Loaded(name) {
			return "the module " + name + " is not loaded"
		}
	}
	return ""
}

// of makes a look that knows its files: what cannot be read is unknown, and so is
// what a program or a database would tell.
func of(names string, look func(*server) []check.Finding) func(*server) []check.Finding {
	return func(s *server) []check.Finding {
		var blind []check.Finding
		for name := range strings.FieldsSeq(names) {
			f := s.file(name)
			if why := f.Blind(); why != "" {
				blind = append(blind, check.Finding{State: check.Unknown, Place: s.place(name), Why: why, Fix: "Look there yourself."})
			}
			if len(f.Unread) > 0 && !f.Present {
				return blind
			}
			if at, there := s.inDatabase(name); there {
				blind = append(blind, check.Finding{State: check.Unknown, Place: at, Why: name + " or a part of it is kept in a database, where nobody looks.",
					Fix: "Look there yourself."})
			}
		}
		return append(look(s), blind...)
	}
}

// databases are the names under which parts of a file may be kept elsewhere.
var databases = map[string][]string{
	"sip.conf": {"sippeers", "sipusers"}, "iax.conf": {"iaxusers", "iaxpeers"}, "voicemail.conf": {"voicemail"}, "extensions.conf": {"extensions"},
}

// inDatabase finds the line by which extconfig.conf or sorcery.conf keeps a file
// in a database.
func (s *server) inDatabase(name string) (settings.Place, bool) {
	if section := s.file("extconfig.conf").First("settings"); section != nil {
		for _, line := range section.Settings {
			if line.Key == name {
				return line.At, true
			}
			for _, family := range databases[name] {
				if line.Key == family {
					return line.At, true
				}
			}
		}
	}
	section := s.file("sorcery.conf").First("res_pjsip")
	if name != "pjsip.conf" || section == nil {
		return settings.Place{}, false
	}
	for _, line := range section.Settings {
		kind, _, _ := strings.Cut(line.Key, "/")
		switch kind {
		case "endpoint", "auth", "aor":
			if where, _, _ := strings.Cut(line.Value, ","); where == "realtime" || where == "astdb" {
				return line.At, true
			}
		}
	}
	return settings.Place{}, false
}

// at is a finding at a setting.
func at(line asterisk.Setting) check.Finding {
	return check.Finding{Place: line.At, Setting: line.Key, Value: line.Value}
}

// secret is a finding at a setting whose value is not told.
func secret(line asterisk.Setting) check.Finding {
	return check.Finding{Place: line.At, Setting: line.Key, Value: check.Hidden}
}

// unset is a finding at a setting that is missing, and has a default.
func unset(place settings.Place, key, fallback string) check.Finding {
	return check.Finding{Place: place, Setting: key, Value: "(not set: " + fallback + ")"}
}

// unless makes a finding latent for a reason; "" leaves it as it is.
func unless(f check.Finding, idle string) check.Finding {
	if idle != "" {
		f.State = check.Latent
		f.Why = "It has no effect now: " + idle + "."
		f.Edit = nil
	}
	return f
}

// why gives a finding words of its own: two lines at most.
func why(f check.Finding, format string, a ...any) check.Finding {
	f.Why = fmt.Sprintf(format, a...)
	return f
}

// address reads ADDRESS, ADDRESS:PORT or nothing, which is every address.
func address(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return netip.IPv4Unspecified(), true
	}
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap(), err == nil
}

// reach is how far away a socket can be reached from.
type reach int

const (
	loopback reach = iota // this machine
	private               // networks without a route from the internet
	public
)

// reachOf tells it by the address that a socket is bound to. A name counts as
// this machine's own when it says so, else as public.
func reachOf(text string) reach {
	a, ok := address(text)
	switch {
	case !ok && strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "localhost"):
		return loopback
	case !ok || a.IsUnspecified():
		return public
	case a.IsLoopback():
		return loopback
	case a.IsPrivate() || a.IsLinkLocalUnicast() || carrierNAT.Contains(a):
		return private
	}
	return public
}

// carrierNAT is RFC 6598's.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")
