package pbx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// folder is a tree of files in the folder srv.
func folder(files map[string]string) *tree {
	all := fstest.MapFS{}
	for name, text := range files {
		all["srv/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return newTree(all)
}

// served writes the ports of a tree, in the order of the settings.
func (t *tree) served() string {
	var all []string
	for _, p := range t.ports {
		all = append(all, fmt.Sprintf("%d/%s", p.Port, p.Transport))
	}
	return strings.Join(all, " ")
}

// reads is one set of files, and what must be read in them.
type reads struct {
	name          string
	files         map[string]string
	trunks, ports string
	notes         int
}

// brokenOff is said of XML that ends too early.
const brokenOff = "the XML is broken"

func (c *reads) check(t *testing.T, tree *tree) {
	t.Helper()
	if got := tree.found(); got != c.trunks {
		t.Errorf("%s: trunks %q, want %q", c.name, got, c.trunks)
	}
	if got := tree.served(); got != c.ports {
		t.Errorf("%s: ports %q, want %q", c.name, got, c.ports)
	}
	problems := slices.DeleteFunc(slices.Clone(tree.Problems()), func(p string) bool { return strings.Contains(p, brokenOff) })
	if len(tree.Notes()) != c.notes || len(problems) > 0 {
		t.Errorf("%s: notes %q, problems %q", c.name, tree.Notes(), problems)
	}
}

// TestAsterisk: who is a carrier in Asterisk's settings, and which ports are for
// SIP. A phone, a template and a driver that is not loaded name nobody.
func TestAsterisk(t *testing.T) {
	for _, c := range []reads{
		{"bad: nothing", nil, "", "", 0},
		{"bad: a template", map[string]string{"pjsip.conf": "[a](!)\ntype=identify\nmatch=198.51.100.1\n"}, "", "", 0},
		{"bad: match outside of an identify", map[string]string{"pjsip.conf": "[a]\ntype=endpoint\nmatch=198.51.100.1\n"}, "", "", 0},
		{"bad: a phone", map[string]string{"pjsip.conf": "[a]\ntype=aor\nmax_contacts=1\n"}, "", "", 0},
		{"bad: a transport nobody knows", map[string]string{"pjsip.conf": "[t]\ntype=transport\nprotocol=flow\n"}, "", "", 0},
		{"bad: a wizard's phone", map[string]string{"pjsip_wizard.conf": "[p]\ntype=wizard\naccepts_registrations=yes\n"}, "", "", 0},
		{"bad: no wizard", map[string]string{"pjsip_wizard.conf": "[p]\nremote_hosts=198.51.100.1\n"}, "", "", 0},
		{"bad: an old phone", map[string]string{"sip.conf": "[100]\nhost=Dynamic\n"}, "", "", 0},
		{"bad: the old driver is not loaded", map[string]string{"sip.conf": "[a]\nhost=198.51.100.1\n", "modules.conf": "[modules]\nnoload => chan_sip.so\n"}, "", "", 0},
		{"bad: a web server without SIP", map[string]string{"http.conf": "[general]\nenabled=yes\ntlsenable=yes\n"}, "", "", 0},
		{"bad: a web server that is off", map[string]string{"http.conf": "[general]\nenabled=no\n", "pjsip.conf": "[t]\ntype=transport\nprotocol=wss\n"}, "", "", 0},
		{"bad: a database of phones", map[string]string{"extconfig.conf": "[settings]\nps_auths => odbc,asterisk\n", "sorcery.conf": "[res_pjsip]\nauth=realtime,ps_auths\n"}, "", "", 0},

		{"identify", map[string]string{"pjsip.conf": "[a]\ntype=identify\nmatch=198.51.100.1,!198.51.100.2, 198.51.100.32/27\n"}, "198.51.100.1/32 198.51.100.32/27", "", 0},
		{"from a template", map[string]string{"pjsip.conf": "[c](!)\ntype=registration\n[a](c)\nserver_uri=sip:reg.example:5070\noutbound_proxy=sip:proxy.example\\;lr\n"}, "reg.example proxy.example", "", 0},
		{"a fixed contact", map[string]string{"pjsip.conf": "[a]\ntype=aor\ncontact=sip:198.51.100.1:5080\n[a]\ntype=endpoint\noutbound_proxy=sip:b.example\n"}, "198.51.100.1/32 b.example", "", 0},
		{"transports", map[string]string{"pjsip.conf": "[u]\ntype=transport\nbind=0.0.0.0:5070\n[t]\ntype=transport\nprotocol=TLS\nbind=[::]\n"}, "", "5070/udp 5061/tls", 0},
		{"a wizard's carrier", map[string]string{"pjsip_wizard.conf": "[c]\ntype=wizard\nremote_hosts=198.51.100.1:5060,gw.example\nidentify/match=198.51.100.2\nregistration/server_uri=sip:r.example\n"},
			"198.51.100.1/32 gw.example 198.51.100.2/32 r.example", "", 0},
		{"old peers", map[string]string{"sip.conf": "[general]\nregister => u:se@cret:n@reg.example:5080/100~60\n[a]\nhost=198.51.100.1\noutboundproxy=b.example\n"},
			"reg.example 198.51.100.1/32 b.example", "5060/udp", 0},
		{"old ports", map[string]string{"sip.conf": "[general]\nudpbindaddr=0.0.0.0:5070\ntcpenable=yes\ntcpbindaddr=0.0.0.0:5071\ntlsenable=yes\n"}, "", "5070/udp 5071/tcp 5061/tls", 0},
		{"WebSocket", map[string]string{"http.conf": "[general]\nenabled=yes\ntlsenable=yes\ntlsbindaddr=0.0.0.0:8090\n", "pjsip.conf": "[t]\ntype=transport\nprotocol=ws\n"}, "", "8088/ws 8090/wss", 0},
		{"old WebSocket", map[string]string{"http.conf": "[general]\nenabled=yes\nbindport=80\n", "sip.conf": "[100]\nhost=dynamic\ntransport=udp,ws\n"}, "", "80/ws", 0},
		{"databases", map[string]string{"extconfig.conf": "[settings]\nps_aors => odbc,asterisk\nsippeers => odbc,asterisk\n[x]\nps_aors => y\n",
			"sorcery.conf": "[res_pjsip]\nidentify/realtime=realtime,ps_endpoint_id_ips\n"}, "", "", 3},
		{"settings elsewhere", map[string]string{"asterisk.conf": "[directories]\nastetcdir => /srv/other\n", "other/sip.conf": "[a]\nhost=198.51.100.1\n", "sip.conf": "[a]\nhost=198.51.100.2\n"},
			"198.51.100.1/32", "", 0},
	} {
		tree := folder(c.files)
		tree.asterisk("srv", func() (string, error) { return "", errors.New("no name") })
		c.check(t, tree)
	}
}

// TestFreeSWITCH: its profiles' ports and gateways, and the access lists that let
// callers in without a password.
func TestFreeSWITCH(t *testing.T) {
	const head, tail = `<profiles><profile name="x"><settings><param name="log-auth-failures" value="true"/>`, `</settings></profile></profiles>`
	sofia := func(params string) string { return head + params + tail }
	list := func(kind, node string) string {
		return `<network-lists><list name="carriers" default="` + kind + `">` + node + `</list></network-lists>`
	}
	const applied = `<param name="apply-inbound-acl" value="carriers"/>`
	loads := func(module string) string { return `<modules><load module="` + module + `"/></modules>` }
	for _, c := range []reads{
		{"bad: nothing", nil, "", "", 0},
		{"bad: broken off", map[string]string{"sofia.conf.xml": `<profiles><profile name="x"><settings>`}, "", "", 0},
		{"bad: a list that nobody applies", map[string]string{"acl.conf.xml": list("deny", `<node type="allow" cidr="198.51.100.1/32"/>`)}, "", "", 0},
		{"bad: a list that lets everybody in", map[string]string{"sofia.conf.xml": sofia(applied), "acl.conf.xml": list("allow", `<node type="allow" cidr="198.51.100.1/32"/>`)}, "", "5060/udp 5060/tcp", 0},
		{"bad: whom it turns away", map[string]string{"sofia.conf.xml": sofia(applied), "acl.conf.xml": list("deny", `<node type="deny" cidr="198.51.100.1/32"/><node type="allow" domain="x"/>`)}, "", "5060/udp 5060/tcp", 0},
		{"bad: a module that is not loaded", map[string]string{"xml_curl.conf.xml": `<param name="gateway-url" value="http://x"/>`}, "", "", 0},
		{"bad: a module without an address", map[string]string{"modules.conf.xml": loads("mod_xml_curl"), "xml_curl.conf.xml": `<param name="gateway-url" value=""/>`}, "", "", 0},

		{"failed passwords are not logged", map[string]string{"sofia.conf.xml": `<profiles><profile name="x"><settings></settings></profile></profiles>`}, "", "5060/udp 5060/tcp", 1},
		{"ports", map[string]string{"sofia.conf.xml": sofia(`<param name="sip-port" value="5080"/><param name="tls" value="true"/><param name="wss-binding" value=":7443"/>`)}, "", "5080/udp 5080/tcp 5061/tls 7443/wss", 0},
		{"TLS elsewhere", map[string]string{"sofia.conf.xml": sofia(`<param name="tls" value="true"/><param name="tls-sip-port" value="5081"/>`)}, "", "5060/udp 5060/tcp 5081/tls", 0},
		{"an access list", map[string]string{"sofia.conf.xml": sofia(applied), "acl.conf.xml": list("deny", `<node type="allow" cidr="198.51.100.1/32,198.51.100.64/26"/><node type="allow" host="192.0.2.0" mask="255.255.255.0"/>`)},
			"198.51.100.1/32 198.51.100.64/26 192.0.2.0/24", "5060/udp 5060/tcp", 0},
		{"gateways of a web server", map[string]string{"modules.conf.xml": loads("mod_xml_curl"), "xml_curl.conf.xml": `<param name="gateway-url" value="http://x"/>`}, "", "", 1},
	} {
		files := map[string]string{}
		for name, text := range c.files {
			files["autoload_configs/"+name] = text
		}
		tree := folder(files)
		tree.freeswitch("srv", nil)
		c.check(t, tree)
	}
}

// TestProxies: what the scripts of Kamailio and OpenSIPS, and the lists beside
// them, say of carriers and ports.
func TestProxies(t *testing.T) {
	const dispatcher, permissions = "loadmodule \"dispatcher.so\"\n", "loadmodule \"permissions\"\nmodparam(\"permissions\", \"address_file\", \"addr\")\n"
	for _, c := range []struct {
		server string
		reads
	}{
		{Kamailio, reads{"bad: nothing", map[string]string{"s.cfg": ""}, "", "", 0}},
		{Kamailio, reads{"bad: a list without its module", map[string]string{"s.cfg": "", "dispatcher.list": "1 sip:198.51.100.1\n"}, "", "", 0}},
		{Kamailio, reads{"bad: a comment", map[string]string{"s.cfg": "#" + dispatcher, "dispatcher.list": "1 sip:198.51.100.1\n"}, "", "", 0}},
		{Kamailio, reads{"bad: no address", map[string]string{"s.cfg": dispatcher, "dispatcher.list": "1\n# 2 sip:198.51.100.1\n\n"}, "", "", 0}},
		{Kamailio, reads{"bad: a listening that is compared", map[string]string{"s.cfg": "if (listen == udp) {\n}\n"}, "", "", 0}},
		{Kamailio, reads{"bad: not that variant", map[string]string{"s.cfg": "#!ifdef WITH_X\nlisten=udp:0.0.0.0:5070\n#!endif\n"}, "", "", 0}},

		{Kamailio, reads{"ports", map[string]string{"s.cfg": "port=5064\nlisten=192.0.2.1\nlisten=tls:192.0.2.1:5071 advertise x.example\nlisten=udp:192.0.2.1:5070\n"}, "", "5064/udp 5071/tls 5070/udp", 0}},
		{OpenSIPS, reads{"sockets", map[string]string{"s.cfg": "socket=udp:0.0.0.0:5070\nsocket=wss:0.0.0.0:8443 use_workers 4\n"}, "", "5070/udp 8443/wss", 0}},
		{Kamailio, reads{"dispatcher", map[string]string{"s.cfg": dispatcher, "dispatcher.list": "1 sip:198.51.100.1:5060 0\n2 sip:gw.example # the other\n"}, "198.51.100.1/32 gw.example", "", 0}},
		{Kamailio, reads{"dispatcher elsewhere", map[string]string{"s.cfg": dispatcher + "modparam(\"dispatcher\", \"list_file\", \"/srv/d/list\")\n", "d/list": "1 sip:198.51.100.1\n"}, "198.51.100.1/32", "", 0}},
		{Kamailio, reads{"dispatcher in a database", map[string]string{"s.cfg": dispatcher + "modparam(\"dispatcher\", \"db_url\", \"mysql://x\")\n"}, "", "", 1}},
		{OpenSIPS, reads{"dispatcher of OpenSIPS", map[string]string{"s.cfg": dispatcher}, "", "", 1}},
		{Kamailio, reads{"permissions", map[string]string{"s.cfg": permissions, "addr": "(1, 198.51.100.1, 32, 0, x)\n1 198.51.100.64 26\n1 192.0.2.0/24 0\n2\n"}, "198.51.100.1/32 198.51.100.64/26 192.0.2.0/24", "", 0}},
		{Kamailio, reads{"permissions without their file", map[string]string{"s.cfg": permissions}, "", "", 1}},
		{Kamailio, reads{"permissions in a database", map[string]string{"s.cfg": "loadmodule \"permissions\"\nmodparam(\"permissions\", \"db_url\", \"mysql://x\")\n"}, "", "", 1}},
		{Kamailio, reads{"gateways in a database", map[string]string{"s.cfg": "loadmodule \"lcr.so\"\nloadmodule \"uac\"\nmodparam(\"uac\", \"reg_db_url\", \"mysql://x\")\n"}, "", "", 2}},
	} {
		tree := folder(c.files)
		tree.proxy(c.server, "srv/s.cfg", nil)
		c.check(t, tree)
	}
}
