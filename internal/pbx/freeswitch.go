package pbx

import (
	"path"
	"strings"
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
		return inside("/", dir)
	}
	for _, f := range freeswitchFolders {
		if t.folder(f.home) {
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
	r := &xmlReader{tree: t, vars: map[string]string{
		"conf_dir": "/" + home, "base_dir": path.Dir("/" + home), "log_dir": logs,
	}}
	r.load(inside(home, "vars.xml"))
	t.freeswitchLogs(r, inside(home, "autoload_configs/logfile.conf.xml"), logs)
	lists := t.freeswitchProfiles(r, home)
	t.freeswitchLists(r, inside(home, "autoload_configs/acl.conf.xml"), lists)
	t.freeswitchElsewhere(r, home)
}

// freeswitchLogs reads mod_logfile's settings. Without a name the log is
// freeswitch.log; a failed password is a warning.
func (t *tree) freeswitchLogs(r *xmlReader, name, logs string) {
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
	r.elements(r.load(name), func(e *element) {
		switch {
		case e.values == nil:
			if e.name == "profile" {
				add()
			}
		case e.name == "profile":
			l.From = e.at.String()
		case e.name == "param" && e.values["name"] == "logfile" && !strings.Contains(e.values["value"], unset):
			l.File = "/" + inside(logs, e.values["value"])
		case e.name == "map":
			levels := "," + strings.ReplaceAll(e.values["value"], " ", "") + ","
			quiet = quiet && !strings.Contains(levels, ",warning,") && !strings.Contains(levels, ",all,")
		}
	})
	if len(t.logs) > 0 && quiet {
		for i := range t.logs {
			t.logs[i].Security = false
		}
		t.note("its log gets no warnings (%s), so failed passwords are not in it", t.logs[0].From)
	}
}

// freeswitchProfiles reads the SIP profiles: their ports and their gateways. It
// gives the access lists whose members may call without a password.
func (t *tree) freeswitchProfiles(r *xmlReader, home string) []string {
	p := profiles{tree: t}
	r.elements(r.load(inside(home, "autoload_configs/sofia.conf.xml")), p.see)
	if p.users {
		for _, name := range t.match(inside(home, "directory/*.xml")) {
			r.elements(r.load(name), p.see)
		}
	}
	if p.quiet != "" {
		t.note("log-auth-failures is not on in the profile at %s: failed passwords are not logged", p.quiet)
	}
	return p.lists
}

// profiles follows sofia.conf.xml.
type profiles struct {
	tree  *tree
	lists []string
	quiet string // a profile that does not log failed passwords
	users bool   // users' own gateways count, too

	at          place
	values      map[string]string // of the profile
	gateway     map[string]string
	gatewayName string
	gatewayAt   place
}

func (p *profiles) see(e *element) {
	switch {
	case e.values == nil && e.name == "gateway":
		p.endGateway()
	case e.values == nil && e.name == "profile":
		p.endProfile()
	case e.values == nil:
	case e.name == "profile":
		p.at, p.values = e.at, map[string]string{}
	case e.name == "domain" && e.values["parse"] == "true":
		p.users = true
	case e.name == "gateway":
		p.gatewayName, p.gatewayAt, p.gateway = e.values["name"], e.at, map[string]string{}
	case e.name == "param" && e.inside("gateway") && p.gateway != nil:
		p.gateway[e.values["name"]] = e.values["value"]
	case e.name == "param" && e.inside("settings") && p.values != nil:
		p.values[e.values["name"]] = e.values["value"]
		if strings.HasPrefix(e.values["name"], "apply-inbound-acl") && len(p.lists) < maxMatches {
			p.lists = append(p.lists, e.values["value"])
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
		if strings.Contains(h, unset) {
			p.tree.note("the host of the gateway at %s is not known: a variable in it is not set in vars.xml", p.gatewayAt)
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
	if yes(v["tls"]) {
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
	if !yes(v["log-auth-failures"]) && p.quiet == "" {
		p.quiet = p.at.String()
	}
}

// freeswitchLists takes the allowed networks of the access lists that let
// callers in without a password. A list that allows by default names nobody.
func (t *tree) freeswitchLists(r *xmlReader, name string, lists []string) {
	wanted := false
	r.elements(r.load(name), func(e *element) {
		switch {
		case e.values == nil:
		case e.name == "list":
			wanted = e.values["default"] == "deny"
			found := false
			for _, l := range lists {
				found = found || l == e.values["name"]
			}
			wanted = wanted && found
		case e.name == "node" && wanted && e.values["type"] == "allow":
			host := e.values["cidr"]
			if host == "" && e.values["host"] != "" {
				host = e.values["host"] + "/" + e.values["mask"]
			}
			for one := range strings.SplitSeq(host, ",") {
				if !strings.Contains(one, unset) && one != "" {
					t.trunk(one, e.at)
				}
			}
		}
	})
}

// freeswitchElsewhere says which other sources of settings are in use.
func (t *tree) freeswitchElsewhere(r *xmlReader, home string) {
	loaded := map[string]bool{}
	r.elements(r.load(inside(home, "autoload_configs/modules.conf.xml")), func(e *element) {
		if e.name == "load" && e.values != nil {
			loaded[e.values["module"]] = true
		}
	})
	for _, s := range []struct{ module, file, param, what string }{
		{"mod_xml_curl", "xml_curl.conf.xml", "gateway-url", "a web server"},
		{"mod_lua", "lua.conf.xml", "xml-handler-script", "a script"},
	} {
		if !loaded[s.module] {
			continue
		}
		r.elements(r.load(inside(home, "autoload_configs/"+s.file)), func(e *element) {
			if e.name == "param" && e.values["name"] == s.param && e.values["value"] != "" {
				t.note("gateways that %s gives (%s) are not known: name them under trunks: in the settings", s.what, e.at)
			}
		})
	}
}
