package pbx

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings/ser"
)

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
		notes := strings.Join(tree.Notes(), "; ")
		if got := tree.found(); got != c.want || (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: got %q and %q, want %q and %q", c.name, got, notes, c.want, c.note)
		}
	}
}

// TestProxyPorts: where a proxy listens, by its script.
func TestProxyPorts(t *testing.T) {
	for text, want := range map[string]string{
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
		tree := newTree(fstest.MapFS{"k.cfg": {Data: []byte(text)}})
		tree.proxyPorts(&script{ser.Read(tree.Tree, "k.cfg", nil), OpenSIPS})
		if got := fmt.Sprint(tree.ports); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
