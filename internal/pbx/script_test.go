package pbx

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// TestScript: what counts of a proxy's script.
func TestScript(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"junk", "\x00\xff\n(\n\"\n=\n==\n;;;\n*/", "="},
		{"a comparison", "if (x == 1) {\nx == y\n", ""},
		{"globals", "port=5060\nlisten=udp:eth0:5070;\nlog_facility = \"LOG_LOCAL1\" # x\n", "port=5060 listen=udp:eth0:5070 log_facility=LOG_LOCAL1"},
		{"comments", "# a=1\n// b=2\n/* c=3\nd=4 */ e=5\nf=6 /* x */\ng=\"#//\" // h", "e=5 f=6 g=#//"},
		{"a comment without end", "a=1\n/* b=2\nc=3\n#!define X\n", "a=1"},
		{"quotes without end", "a=\"x # y\nb=1", "a=\"x # y b=1"},
		{"escaped quotes", `a="x\" # y" # z`, `a=x\`},
		{"modules", "loadmodule \"tm.so\"\nloadmodule \"/usr/lib/x/dispatcher.so\"\nloadmodule permissions\nloadmodule(\"uac\")\nloadmodule", "+ +dispatcher +permissions +tm +uac"},
		{"parameters", "modparam(\"a|b\", \"x\", \"1\")\nmodparam ( 'a' , 'y' , 2 ) ;\nmodparam(\"a\")\nmodparam", "a.x=1 b.x=1 a.y=2"},
		{"defined", "#!define DB \"mysql://x\"\n#!define N 5\n#!define\nmodparam(\"a\", \"db_url\", DB)\nport=N", "port=5 a.db_url=mysql://x"},
		{"given on the command line", "#!ifdef GIVEN\na=1\n#!else\nb=1\n#!endif\nc=VALUE", "a=1 c=7"},
		{"not defined", "#!ifdef NO\na=1\n#!define X\n#!else\nb=1\n#!endif\n#!ifdef X\nc=1\n#!endif\n#!ifndef X\nd=1\n#!endif", "b=1 d=1"},
		{"inside each other", "#!ifdef NO\n#!ifdef GIVEN\na=1\n#!else\nb=1\n#!endif\nc=1\n#!else\n#!ifdef GIVEN\nd=1\n#!endif\n#!endif\ne=1", "d=1 e=1"},
		{"ends without a beginning", "#!endif\n#!else\n#!\n#!ifdef\na=1\n#!endif\nb=1", "b=1"},
		{"commented out", "##!define X\n# #!define X\n#!ifdef X\na=1\n#!endif\nb=1", "b=1"},
		{"cannot be calculated", "#!ifexp KAMAILIO_VERSION >= 5\na=1\n#!else\nb=1\n#!endif", "a=1"},
		{"includes", "include_file \"sub/one.cfg\"\n#!include_file \"sub/one.cfg\"\nimport_file \"none.cfg\"\n#!ifdef NO\ninclude_file \"sub/one.cfg\"\n#!endif\n", "one=1 two=2 one=1 two=2"},
		{"not KAMAILIO's", "!!ifdef GIVEN\na=1\n!!endif", "a=1"},
	} {
		tree := newTree(fstest.MapFS{"k.cfg": {Data: []byte(c.text)},
			"sub/one.cfg": {Data: []byte("one=1\ninclude_file \"two.cfg\"")}, "sub/two.cfg": {Data: []byte("two=2")}})
		s := tree.readScript(Kamailio, "k.cfg", []string{"GIVEN", "VALUE=7"})
		var got []string
		for _, g := range s.globals {
			got = append(got, g.key+"="+g.value)
		}
		for _, p := range s.params {
			got = append(got, fmt.Sprintf("%s.%s=%s", p.module, p.name, p.value))
		}
		for _, m := range []string{"", "dispatcher", "permissions", "tm", "uac"} {
			if s.loaded[m] || s.loaded["."] && m == "" {
				got = append(got, "+"+m)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}

// TestEndlessScript: a script that includes itself ends, with a word about it.
func TestEndlessScript(t *testing.T) {
	tree := newTree(fstest.MapFS{"k.cfg": {Data: []byte(strings.Repeat("include_file \"k.cfg\"\na=1\n", 50))}})
	s := tree.readScript(Kamailio, "k.cfg", nil)
	if len(tree.problems) == 0 || len(s.globals) > maxSettings {
		t.Errorf("%d lines, %q", len(s.globals), tree.problems)
	}
}

// TestProxyTrunks: lists in files are read, and those in a database are said to
// be unknown.
func TestProxyTrunks(t *testing.T) {
	const list, addresses = "1 sip:198.51.100.1\n", "1 198.51.100.2\n(1, 198.51.100.64, 26)\n"
	for _, c := range []struct{ name, server, script, want, note string }{
		{"no module", Kamailio, `modparam("dispatcher", "list_file", "d.list")`, "", ""},
		{"beside the script", Kamailio, `loadmodule "dispatcher.so"`, "198.51.100.1/32", ""},
		{"named", Kamailio, "loadmodule \"dispatcher.so\"\nmodparam(\"dispatcher\", \"list_file\", \"/etc/lists/d.list\")", "198.51.100.3/32", ""},
		{"named and not there", Kamailio, "loadmodule \"dispatcher.so\"\nmodparam(\"dispatcher\", \"list_file\", \"/nowhere\")", "", ""},
		{"database", Kamailio, "loadmodule \"dispatcher.so\"\nmodparam(\"dispatcher\", \"db_url\", \"mysql://x\")", "", "line 2"},
		{"OpenSIPS has a database only", OpenSIPS, `loadmodule "dispatcher.so"`, "", "database and not known"},
		{"addresses", Kamailio, "loadmodule \"permissions.so\"\nmodparam(\"permissions\", \"address_file\", \"a.list\")", "198.51.100.2/32 198.51.100.64/26", ""},
		{"addresses not there", Kamailio, "loadmodule \"permissions.so\"\nmodparam(\"permissions\", \"address_file\", \"no.list\")", "", "is not there"},
		{"addresses in a database", OpenSIPS, "loadmodule \"permissions.so\"\nmodparam(\"permissions\", \"db_url\", \"x\")", "", "line 2"},
		{"nothing asked of permissions", Kamailio, `loadmodule "permissions.so"`, "", ""},
		{"routing in a database", Kamailio, "loadmodule \"drouting\"\nmodparam(\"drouting\", \"db_url\", \"x\")", "", "gateways of the module drouting"},
		{"registrations in a database", Kamailio, "loadmodule \"uac\"\nmodparam(\"uac\", \"reg_db_url\", \"x\")", "", "registrations of the module uac"},
		{"uac without registrations", Kamailio, `loadmodule "uac"`, "", ""},
	} {
		tree := newTree(fstest.MapFS{"etc/k/k.cfg": {Data: []byte(c.script)}, "etc/k/dispatcher.list": {Data: []byte(list)},
			"etc/k/a.list": {Data: []byte(addresses)}, "etc/lists/d.list": {Data: []byte("2 sip:198.51.100.3;x=y 1\n#3 sip:198.51.100.4\n5\n")}})
		tree.proxy(c.server, "etc/k/k.cfg", nil)
		notes := strings.Join(tree.notes, "; ")
		if got := tree.found(); got != c.want || (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: got %q and %q, want %q and %q", c.name, got, notes, c.want, c.note)
		}
	}
}

// TestProxyPorts: where a proxy listens, by its script.
func TestProxyPorts(t *testing.T) {
	for script, want := range map[string]string{
		"":                        "[]",
		"listen=":                 "[{5060 udp}]",
		"listen=udp:192.0.2.1":    "[{5060 udp}]",
		"listen=tls:192.0.2.1":    "[{5061 tls}]",
		"listen=192.0.2.1":        "[{5060 udp}]",
		"listen=eth0:5070":        "[{5070 udp}]",
		"port=5080\nlisten=udp:a": "[{5080 udp}]",
		"listen=sctp:a:5060":      "[{5060 udp}]", // which the sockets then do not confirm
		"listen=tcp:[2001:db8::1]:5071 advertise 1.2.3.4:5060": "[{5071 tcp}]",
		"socket=wss:*:8443 as x:443\nsocket=ws:*:8080":         "[{8443 wss} {8080 ws}]",
	} {
		tree := newTree(fstest.MapFS{"k.cfg": {Data: []byte(script)}})
		tree.proxyPorts(tree.readScript(OpenSIPS, "k.cfg", nil))
		if got := fmt.Sprint(tree.ports); got != want {
			t.Errorf("%q: got %s, want %s", script, got, want)
		}
	}
}
