package pbx

import (
	"path"
	"strings"

	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// freeswitchFolders are where FreeSWITCH's settings lie, each with its logs:
// the packages', and the source's old and new layout.
var freeswitchFolders = []struct{ home, logs string }{
	{"etc/freeswitch", "/var/log/freeswitch"},
	{"usr/local/freeswitch/conf", "/usr/local/freeswitch/log"},
	{"usr/local/freeswitch/etc/freeswitch", "/usr/local/freeswitch/var/log/freeswitch"},
	{"opt/freeswitch/conf", "/opt/freeswitch/log"},
}

// freeswitchHome finds the folder by the command line's -conf DIR, else by
// custom.
func (t *tree) freeswitchHome(words []string) string {
	if dir := option(words, "-conf"); dir != "" {
		return settings.Inside("/", dir)
	}
	for _, f := range freeswitchFolders {
		if t.Folder(f.home) {
			return f.home
		}
	}
	return ""
}

// freeswitch reads what FreeSWITCH's folder of settings says.
func (t *tree) freeswitch(home string, words []string) {
	logs := "/var/log/freeswitch"
	for _, f := range freeswitchFolders {
		if f.home == home {
			logs = f.logs
		}
	}
	if dir := option(words, "-log"); dir != "" {
		logs = dir
	}
	r := &freeswitch.Reader{Tree: t.Tree, Vars: map[string]string{
		"conf_dir": "/" + home, "base_dir": path.Dir("/" + home), "log_dir": logs,
	}}
	r.Load(settings.Inside(home, "vars.xml"))
	t.freeswitchLogs(r, settings.Inside(home, "autoload_configs/logfile.conf.xml"), logs)
	lists := t.freeswitchProfiles(r, home)
	t.freeswitchLists(r, settings.Inside(home, "autoload_configs/acl.conf.xml"), lists)
	t.freeswitchElsewhere(r, home)
}

// freeswitchLogs reads mod_logfile's settings. Without a name the log is
// freeswitch.log; a failed password is a warning.
func (t *tree) freeswitchLogs(r *freeswitch.Reader, name, logs string) {
	l := Log{Format: FreeSWITCH, Security: true, Notice: true}
	add := func() {
		if l.From != "" {
			if l.File == "" {
				l.File = path.Join(logs, "freeswitch.log")
			}
			t.logs = append(t.logs, l)
		}
		l.File, l.From = "", ""
	}
	quiet := true
	r.Elements(r.Load(name), func(e *freeswitch.Element) {
		switch {
		case e.Values == nil:
			if e.Name == "profile" {
				add()
			}
		case e.Name == "profile":
			l.From = e.At.String()
		case e.Name == "param" && e.Values["name"] == "logfile" && !strings.Contains(e.Values["value"], freeswitch.Unset):
			l.File = "/" + settings.Inside(logs, e.Values["value"])
		case e.Name == "map":
			levels := "," + strings.ReplaceAll(e.Values["value"], " ", "") + ","
			quiet = quiet && !strings.Contains(levels, ",warning,") && !strings.Contains(levels, ",all,")
		}
	})
	if len(t.logs) > 0 && quiet {
		for i := range t.logs {
			t.logs[i].Security = false
		}
		t.Note("its log gets no warnings (%s), so failed passwords are not in it", t.logs[0].From)
	}
}

// freeswitchProfiles reads the SIP profiles: their ports and their gateways. It
// gives the access lists whose members may call without a password.
func (t *tree) freeswitchProfiles(r *freeswitch.Reader, home string) []string {
	p := profiles{tree: t}
	r.Elements(r.Load(settings.Inside(home, "autoload_configs/sofia.conf.xml")), p.see)
	if p.users {
		for _, name := range t.Match(settings.Inside(home, "directory/*.xml")) {
			r.Elements(r.Load(name), p.see)
		}
	}
	if p.quiet != "" {
		t.Note("log-auth-failures is not on in the profile at %s: failed passwords are not logged", p.quiet)
	}
	return p.lists
}

// profiles follows sofia.conf.xml.
type profiles struct {
	tree  *tree
	lists []string
	quiet string // a profile that does not log failed passwords
	users bool   // users' own gateways count, too

	at          settings.Place
	values      map[string]string // of the profile
	gateway     map[string]string
	gatewayName string
	gatewayAt   settings.Place
}

func (p *profiles) see(e *freeswitch.Element) {
	switch {
	case e.Values == nil && e.Name == "gateway":
		p.endGateway()
	case e.Values == nil && e.Name == "profile":
		p.endProfile()
	case e.Values == nil:
	case e.Name == "profile":
		p.at, p.values = e.At, map[string]string{}
	case e.Name == "domain" && e.Values["parse"] == "true":
		p.users = true
	case e.Name == "gateway":
		p.gatewayName, p.gatewayAt, p.gateway = e.Values["name"], e.At, map[string]string{}
	case e.Name == "param" && e.Inside("gateway") && p.gateway != nil:
		p.gateway[e.Values["name"]] = e.Values["value"]
	case e.Name == "param" && e.Inside("settings") && p.values != nil:
		p.values[e.Values["name"]] = e.Values["value"]
		if strings.HasPrefix(e.Values["name"], "apply-inbound-acl") && len(p.lists) < settings.MaxMatches {
			p.lists = append(p.lists, e.Values["value"])
		}
	}
}

// endGateway takes the hosts of a gateway: its proxy is its realm, and its realm
// its name, unless said otherwise.
func (p *profiles) endGateway() {
	g := p.gateway
	if p.gateway = nil; g == nil {
		return
	}
	host := p.gatewayName
	for _, key := range []string{"realm", "proxy"} {
		if g[key] != "" {
			host = g[key]
		}
	}
	for _, h := range []string{host, g["register-proxy"], g["outbound-proxy"]} {
		if strings.Contains(h, freeswitch.Unset) {
			p.tree.Note("the host of the gateway at %s is not known: a variable in it is not set in vars.xml", p.gatewayAt)
		} else if h != "" {
			p.tree.trunk(h, p.gatewayAt)
		}
	}
}

// endProfile takes the ports of a profile.
func (p *profiles) endProfile() {
	v := p.values
	if p.values = nil; v == nil {
		return
	}
	port := v["sip-port"]
	if port == "" {
		port = "5060"
	}
	p.tree.bind(port, UDP)
	p.tree.bind(port, TCP)
	if asterisk.Yes(v["tls"]) {
		port := v["tls-sip-port"]
		if port == "" {
			port = "5061"
		}
		p.tree.bind(port, TLS)
	}
	for key, transport := range map[string]Transport{"ws-binding": WS, "wss-binding": WSS} {
		if v[key] != "" {
			p.tree.bind(v[key], transport)
		}
	}
	if !asterisk.Yes(v["log-auth-failures"]) && p.quiet == "" {
		p.quiet = p.at.String()
	}
}

// freeswitchLists takes the allowed networks of the access lists that let
// callers in without a password. A list that allows by default names nobody.
func (t *tree) freeswitchLists(r *freeswitch.Reader, name string, lists []string) {
	wanted := false
	r.Elements(r.Load(name), func(e *freeswitch.Element) {
		switch {
		case e.Values == nil:
		case e.Name == "list":
			wanted = e.Values["default"] == "deny"
			found := false
			for _, l := range lists {
				found = found || l == e.Values["name"]
			}
			wanted = wanted && found
		case e.Name == "node" && wanted && e.Values["type"] == "allow":
			host := e.Values["cidr"]
			if host == "" && e.Values["host"] != "" {
				host = e.Values["host"] + "/" + e.Values["mask"]
			}
			for one := range strings.SplitSeq(host, ",") {
				if !strings.Contains(one, freeswitch.Unset) && one != "" {
					t.trunk(one, e.At)
				}
			}
		}
	})
}

// freeswitchElsewhere says which other sources of settings are in use.
func (t *tree) freeswitchElsewhere(r *freeswitch.Reader, home string) {
	loaded := map[string]bool{}
	r.Elements(r.Load(settings.Inside(home, "autoload_configs/modules.conf.xml")), func(e *freeswitch.Element) {
		if e.Name == "load" && e.Values != nil {
			loaded[e.Values["module"]] = true
		}
	})
	for _, s := range []struct{ module, file, param, what string }{
		{"mod_xml_curl", "xml_curl.conf.xml", "gateway-url", "a web server"},
		{"mod_lua", "lua.conf.xml", "xml-handler-script", "a script"},
	} {
		if !loaded[s.module] {
			continue
		}
		r.Elements(r.Load(settings.Inside(home, "autoload_configs/"+s.file)), func(e *freeswitch.Element) {
			if e.Name == "param" && e.Values["name"] == s.param && e.Values["value"] != "" {
				t.Note("gateways that %s gives (%s) are not known: name them under trunks: in the settings", s.what, e.At)
			}
		})
	}
}
