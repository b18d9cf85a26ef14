package pbx

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// found writes the trunks of a tree, names and prefixes.
func (t *tree) found() string {
	var all []string
	for _, n := range t.trunks {
		if n.Prefix.IsValid() {
			all = append(all, n.Prefix.String())
		} else {
			all = append(all, n.Name)
		}
	}
	return strings.Join(all, " ")
}

// TestTrunk: what nobody can call a carrier is none, and what is too wide is
// said to be.
func TestTrunk(t *testing.T) {
	const wide, no = "too wide", "no network"
	for _, c := range []struct{ text, want, note string }{
		{"", "", ""},
		{" ", "", ""},
		{"dynamic host", "dynamic", ""}, // "dynamic" itself is sorted out where it has a meaning
		{"-", "", ""},
		{".", "", ""},
		{"a..b", "", ""},
		{"localhost", "", ""},
		{"host.invalid", "", ""},
		{"127.0.0.1", "", ""},
		{"127.0.0.0/16", "", ""},
		{"::1", "", ""},
		{"0.0.0.0", "", ""},
		{"255.255.255.255", "", ""},
		{"224.0.0.5", "", ""},
		{"999.1.1.1", "", ""},
		{"1.2.3", "", ""},
		{"$host", "", ""},
		{"müller.example", "", ""},
		{"bücher\x00.example", "", ""},
		{"sip:", "", ""},
		{"sip:@", "", ""},
		{"[", "", ""},
		{"[]:5060", "", ""},
		{"0.0.0.0/0", "", wide},
		{"::/0", "", wide},
		{"10.0.0.0/8", "", wide},
		{"1.2.3.4/0.0.0.0", "", wide},
		{"198.51.0.0/15", "", wide},
		{"2001:db8::/31", "", wide},
		{"::ffff:0.0.0.0/96", "", wide},
		{"1.2.3.4/33", "", no},
		{"1.2.3.4/-1", "", no},
		{"1.2.3.4/255.0.255.0", "", no},
		{"1.2.3.4/", "", no},
		{strings.Repeat("a", 64) + ".example", "", ""},
		{strings.Repeat("a.", 130) + "example", "", ""},

		{"198.51.0.0/16", "198.51.0.0/16", ""},
		{"2001:db8::/32", "2001:db8::/32", ""},
		{"198.51.100.20", "198.51.100.20/32", ""},
		{"198.51.100.20/24", "198.51.100.0/24", ""},
		{"198.51.100.0/255.255.255.0", "198.51.100.0/24", ""},
		{"198.51.100.1/255.255.255.255", "198.51.100.1/32", ""},
		{"::ffff:198.51.100.0/120", "198.51.100.0/24", ""},
		{"::ffff:198.51.100.9", "198.51.100.9/32", ""},
		{"192.168.7.7", "192.168.7.7/32", ""}, // the office's other exchange
		{"2001:db8::5", "2001:db8::5/128", ""},
		{"[2001:db8::5]", "2001:db8::5/128", ""},
		{"[2001:db8::5]:5060", "2001:db8::5/128", ""},
		{"sip:198.51.100.20:5060;transport=tcp", "198.51.100.20/32", ""},
		{"sips:[2001:db8::5];lr", "2001:db8::5/128", ""},
		{"SIP:User@SIP.Carrier.Example:5060;transport=tls?x=y", "sip.carrier.example", ""},
		{`sip:proxy.example\;lr`, "proxy.example", ""},
		{`"Name" <sip:u@gw.example;lr>;q=1`, "gw.example", ""},
		{"sip:user:pa@ss@gw.example", "gw.example", ""},
		{"sip.carrier.example.", "sip.carrier.example", ""},
		{"udp:gw.example:5060", "gw.example", ""},
		{"tls://gw.example:5061", "gw.example", ""},
		{"_sip._udp.gw.example", "_sip._udp.gw.example", ""},
		{"pbx2", "pbx2", ""},
	} {
		tree := newTree(fstest.MapFS{})
		tree.trunk(c.text, settings.Place{File: "x", Line: 1})
		note := strings.Join(tree.Notes(), "; ")
		if got := tree.found(); got != c.want || (c.note == "") != (note == "") || !strings.Contains(note, c.note) {
			t.Errorf("%q: got %q and %q, want %q and %q", c.text, got, note, c.want, c.note)
		}
	}
}

// TestTrunksAreBounded: each once, and not too many.
func TestTrunksAreBounded(t *testing.T) {
	tree := newTree(fstest.MapFS{})
	for i := range 2 * maxTrunks {
		tree.trunk(fmt.Sprintf("n%d.example", i), settings.Place{File: "x", Line: i})
		tree.trunk("n0.example", settings.Place{File: "x", Line: i})
	}
	if len(tree.trunks) != maxTrunks || len(tree.Problems()) != 1 {
		t.Errorf("%d trunks, %q", len(tree.trunks), tree.Problems())
	}
}

// TestBind: where a transport listens.
func TestBind(t *testing.T) {
	for _, c := range []struct {
		text      string
		transport Transport
		want      string
	}{
		{"", UDP, "5060/udp"}, {"", TLS, "5061/tls"}, {"0.0.0.0", UDP, "5060/udp"}, {"::", TLS, "5061/tls"}, {"[::]", TCP, "5060/tcp"},
		{"0.0.0.0:5070", UDP, "5070/udp"}, {"[::]:5071", TLS, "5071/tls"}, {"5072", TCP, "5072/tcp"}, {":7443", WSS, "7443/wss"},
		{"0.0.0.0:0", UDP, ""}, {"0.0.0.0:99999", UDP, "5060/udp"}, {"eth0:5073", UDP, "5073/udp"}, {"eth0", UDP, "5060/udp"},
	} {
		tree := newTree(fstest.MapFS{})
		tree.bind(c.text, c.transport)
		got := ""
		for _, p := range tree.ports {
			got += fmt.Sprintf("%d/%s", p.Port, p.Transport)
		}
		if got != c.want {
			t.Errorf("%q for %s: got %q, want %q", c.text, c.transport, got, c.want)
		}
	}
}

// TestWithSettings: what is open and named is SIP; what is only named is not
// open, and what is only guessed stays.
func TestWithSettings(t *testing.T) {
	guessed := []Port{{5060, UDP}, {5061, TCP}}
	open := []Port{{5060, UDP}, {5061, TCP}, {8089, TCP}, {9999, TCP}}
	named := []Port{{5061, TLS}, {8089, WSS}, {8089, WSS}, {5070, UDP}, {9999, UDP}}
	want := "[{5060 udp} {5061 tls} {8089 wss}]"
	if got := fmt.Sprint(withSettings(guessed, open, named)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if fmt.Sprint(guessed) != "[{5060 udp} {5061 tcp}]" {
		t.Errorf("what was guessed became %v", guessed)
	}
}
