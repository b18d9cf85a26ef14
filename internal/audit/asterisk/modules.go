package asterisk

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
)

// moduleRules judge what is loaded.
var moduleRules = []rule{
	{Check: check.Check{
		ID: "AST-19", Server: check.Asterisk, Severity: check.Medium,
		Title: "Channel drivers that nobody uses are not loaded",
		Why: "The module listens on a port of its own and no device is set up for it:\n" +
			"its holes are open, and nobody would miss it.",
		Fix:        "[modules]\nnoload => chan_unistim.so",
		References: []string{"modules.conf.sample", "https://github.com/asterisk/asterisk/security/advisories"},
	}, Look: of("modules.conf", idleDrivers)},
}

// drivers are modules that listen, with the file that sets them up; last is the
// last version that has one, 0 when all have.
var drivers = []struct {
	module, file string
	last         int
}{
	{"chan_sip", "sip.conf", 20},
	{"chan_skinny", "skinny.conf", 20},
	{"chan_mgcp", "mgcp.conf", 20},
	{"chan_unistim", "unistim.conf", 0},
	{"chan_ooh323", "ooh323.conf", 0},
	{"pbx_dundi", "dundi.conf", 0},
	{"chan_iax2", "iax.conf", 0},
}

// idleDrivers finds modules that are loaded and listen for nobody. One without
// its file gives up when it is loaded, so it waits for the file to come.
func idleDrivers(s *server) []check.Finding {
	if !s.modules.File.Present {
		return nil
	}
	var found []check.Finding
	for _, d := range drivers {
		if !s.modules.Loaded(d.module) || d.last != 0 && s.major() > d.last || s.hasDevices(d.file) {
			continue
		}
		f := check.Finding{Place: s.modules.Where(d.module), Setting: "load", Value: d.module + ".so",
			Fix: "[modules]\nnoload => " + d.module + ".so"}
		if s.modules.All {
			f.Setting, f.Value = "autoload", "yes: "+d.module+".so"
		}
		f.Why = d.module + " is loaded and listens, and " + d.file + " has no device:\nits holes are open, and nobody would miss it."
		idle := ""
		if !s.file(d.file).Present {
			idle = "there is no " + d.file + ", so " + d.module + " does not start"
		}
		found = append(found, unless(f, idle))
	}
	return found
}

// hasDevices says that a file sets up more than the driver itself.
func (s *server) hasDevices(name string) bool {
	f := s.file(name)
	if _, there := s.inDatabase(name); there || f.Blind() != "" {
		return true // nobody knows
	}
	for i := range f.Sections {
		section := &f.Sections[i]
		own := slices.Contains([]string{"general", "mappings", "authentication", "callnumberlimits"}, strings.ToLower(section.Name))
		if !own && !section.Template && len(section.Settings) > 0 {
			return true
		}
	}
	// Carriers may be registered with in the general part; DUNDi has its numbers
	// in mappings.
	return f.Find("general", "register").Value != "" || name == "dundi.conf" && f.First("mappings") != nil && len(f.First("mappings").Settings) > 0
}
