package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// broken are files written by hand, each with the mistake's line and what its
// error must say.
var broken = []struct {
	text string
	line int
	say  string
}{
	// Addresses.
	{"allow: [203.0.113.300]", 1, "300 is more than 255"},
	{"allow:\n  - 192.0.2.1\n  - 203.0.113.300/24", 3, "300 is more than 255"},
	{"allow: [192.0.2.5/24]", 1, `"192.0.2.0/24" or the address "192.0.2.5"`},
	{"allow: ['2001:db8::1/32']", 1, `"2001:db8::/32"`},
	{"allow: [0.0.0.0/0]", 1, "nothing would be protected"},
	{"allow: ['::/0']", 1, "nothing would be protected"},
	{"trunks: [128.0.0.0/1]", 1, "nothing would be protected"},
	{"allow: [192.0.2.0/33]", 1, "/32"},
	{"allow: ['2001:db8::/129']", 1, "/128"},
	{"allow: [192.0.2.0/-1]", 1, "/32"},
	{"allow: [192.0.2.0/]", 1, "/32"},
	{"allow: [192.0.2.0/024]", 1, "/32"},
	{"allow: [192.0.2.0/24/8]", 1, "/32"},
	{"allow: [192.0.2.0/255.255.255.0]", 1, `"192.0.2.0/24"`},
	{"allow: [192.0.2.0/255.0.255.0]", 1, "mask"},
	{"allow: [192.0.2.*]", 1, `"192.0.2.0/24"`},
	{"allow: [10.x.x.x]", 1, `"10.0.0.0/8"`},
	{"allow: [192.0.2]", 1, "four"},
	{"allow: [192.0.2.1.5]", 1, "four"},
	{"allow: [192.0.02.1]", 1, `"192.0.2.1"`},
	{"allow: [010.0.0.0/8]", 1, `"10.0.0.0/8"`},
	{"allow: ['192.0.2.1:5060']", 1, `"192.0.2.1"`},
	{"allow: ['[2001:db8::1]']", 1, `"2001:db8::1"`},
	{"allow: ['[2001:db8::1]:5060']", 1, `"2001:db8::1"`},
	{"allow: ['fe80::1%eth0']", 1, `"fe80::1"`},
	{"allow: ['::ffff:192.0.2.1']", 1, `"192.0.2.1"`},
	{"allow: [192.0.2.1-192.0.2.9]", 1, "range"},
	{"allow: [192.0.2.1-9]", 1, "range"},
	{"allow: [192.0.2.1 192.0.2.2]", 1, "a list"},
	{"allow: ['192.0.2.1, 192.0.2.2']", 1, "a list"},
	{"allow: [example.net]", 1, "is a name"},
	{"allow: [office]", 1, "is a name"},
	{"allow: ['']", 1, "empty"},
	{"allow: ['2001:db8:::1']", 1, "write 203.0.113.7"},
	{"allow: ['2001:db8::1::2']", 1, "write 203.0.113.7"},
	{"allow: ['2001:db8::12345']", 1, "write 203.0.113.7"},
	{"allow: [1234567890]", 1, "write 203.0.113.7"},
	{"allow: [yes]", 1, "write 203.0.113.7"},
	{"local: [192.0.2.0/24]", 1, "one by one"},
	{"local: [0.0.0.0]", 1, "own address"},
	{"local: [224.0.0.1]", 1, "own address"},
	{"local: [eth0]", 1, "is a name"},
	// Names of carriers.
	{"trunks: [203.0.113.300]", 1, "more than 255"},
	{"trunks: [1.2.3]", 1, "four"},
	{"trunks: ['sip:sip.example.net']", 1, `"sip.example.net"`},
	{"trunks: ['sip:100@sip.example.net:5060']", 1, `"sip.example.net"`},
	{"trunks: ['sip.example.net:5060']", 1, `"sip.example.net"`},
	{"trunks: ['https://sip.example.net/x']", 1, `"sip.example.net"`},
	{"trunks: ['*.example.net']", 1, "one by one"},
	{"trunks: [sip_1.example.net]", 1, "signs"},
	{"trunks: [sip..example.net]", 1, "empty part"},
	{"trunks: [-sip.example.net]", 1, "hyphen"},
	{"trunks: [sip-.example.net]", 1, "hyphen"},
	{"trunks: [bücher.example]", 1, "signs"},
	{"trunks: [" + strings.Repeat("a", 64) + ".example]", 1, "63"},
	{"trunks: [" + strings.Repeat("a.", 130) + "example]", 1, "253"},
	// Ports and transports.
	{"listen: [{port: 0, transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: 65536, transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: -1, transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: 5060.0, transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: 0x13c4, transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: 05060, transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: 5_060, transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: sip, transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: '', transport: udp}]", 1, "1 to 65535"},
	{"listen: [{port: '0.0.0.0:5060', transport: udp}]", 1, "without an address"},
	{"listen: [{port: [5060], transport: udp}]", 1, "port: 5060"},
	{"listen: [{port: 5060}]", 1, "udp, tcp, tls"},
	{"listen: [{transport: udp}]", 1, "port: 5060"},
	{"listen: [{}]", 1, "port: 5060"},
	{"listen: [5060]", 1, "{port: 5060, transport: udp}"},
	{"listen: 5060", 1, "{port: 5060, transport: udp}"},
	{"listen: {port: 5060, transport: udp}", 1, "{port: 5060, transport: udp}"},
	{"listen: [5060/udp]", 1, "{port: 5060, transport: udp}"},
	{"listen:\n  - {port: 5060, transport: udp}\n  - {port: 5060, transport: udp}", 3, "s.yaml:2 already"},
	{"listen: [{port: 5060, transport: UDP}]", 1, `"udp"`},
	{"listen: [{port: 5060, transport: sctp}]", 1, `"tcp"`},
	{"listen: [{port: 5060, transport: udp, address: 1.2.3.4}]", 1, "port, transport"},
	// Interfaces.
	{"interfaces: [eth0, eth0]", 1, "already"},
	{"interfaces: [averyverylongname]", 1, "ip link"},
	{"interfaces: [a/b]", 1, "ip link"},
	{"interfaces: ['']", 1, "ip link"},
	{"interfaces: ['..']", 1, "ip link"},
	{"interfaces: [eth0 eth1]", 1, "ip link"},
	{"interfaces: eth0", 1, "[eth0]"},
	// Logs.
	{"logs: [{file: security.log, format: asterisk}]", 1, `"/security.log"`},
	{"logs: [{file: '', format: asterisk}]", 1, "/var/log/"},
	{"logs: [{file: /, format: asterisk}]", 1, "/var/log/"},
	{"logs: [{format: asterisk}]", 1, "add file"},
	{"logs: [{file: /a, journal: a.service}]", 1, "either"},
	{"logs: [{journal: kamailio}]", 1, `"kamailio.service"`},
	{"logs: [{journal: 'a b.service'}]", 1, "systemctl"},
	{"logs: [{journal: --flush.service x}]", 1, "systemctl"},
	{"logs: [{journal: a.service}, {journal: a.service}]", 1, "already"},
	{"feeds: {ami: on}", 1, "{user: sipward"},
	{"feeds: {ami: {secret_file: /a}}", 1, "add user"},
	{"feeds: {ami: {user: a}}", 1, "only root"},
	{"feeds: {ami: {user: a, secret: b}}", 1, "secret_file"},
	{"feeds: {ami: {user: a, secret_file: b}}", 1, `"/b"`},
	{"feeds: {ami: {user: a, secret_file: /etc/sipward/sipward.yaml}}", 1, "of its own"},
	{"feeds: {ami: {user: a, secret_file: /a, ca_file: b}}", 1, `"/b"`},
	{"feeds: {ami: {user: \"a\\r\\nb\", secret_file: /a}}", 1, "add user"},
	{"feeds: {ami: {user: a, secret_file: /a, address: pbx.example.net:5038}}", 1, "127.0.0.1:5038"},
	{"feeds: {esl: {password_file: /a, address: 127.0.0.1}}", 1, "127.0.0.1:8021"},
	{"feeds: {esl: {password_file: /a, address: 127.0.0.1:0}}", 1, "127.0.0.1:8021"},
	{"feeds: {esl: {}}", 1, "only root"},
	{"feeds: {esl: {password: word}}", 1, "password_file"},
	{"feeds: []", 1, "esl:"},
	{"logs: [/var/log/asterisk/security.log]", 1, "{file: /var/log/"},
	{"logs: [{file: /a, format: asterix}]", 1, `"asterisk"`},
	{"logs: [{file: /a, format: syslog}]", 1, "known: auto, asterisk"},
	{"logs: [{file: /a}, {file: //a}]", 1, "already"},
	{"logs: [{file: /a, format: custom}]", 1, "needs a pattern"},
	{"logs: [{file: /a, pattern: edge.yaml}]", 1, `"/edge.yaml"`},
	{"logs: [{file: /a, pattern: ''}]", 1, "/etc/sipward/edge.yaml"},
	{"logs: [{file: /a, fromat: auto}]", 1, `"format"`},
	// HEP.
	{"hep: 9060", 1, "hep: {listen"},
	{"hep: [udp:127.0.0.1:9060]", 1, "hep: {listen"},
	{"hep: {listen: 'udp:127.0.0.1:9060'}", 1, "listen: ["},
	{"hep: {listen: [127.0.0.1:9060]}", 1, `"udp:127.0.0.1:9060"`},
	{"hep: {listen: ['9060']}", 1, "udp: or tcp:"},
	{"hep: {listen: ['tls:127.0.0.1:9060']}", 1, `"tcp"`},
	{"hep: {listen: ['UDP:127.0.0.1:9060']}", 1, `"udp"`},
	{"hep: {listen: ['udp:9060']}", 1, "address and port"},
	{"hep: {listen: ['udp::9060']}", 1, "address and port"},
	{"hep: {listen: ['udp:127.0.0.1']}", 1, "address and port"},
	{"hep: {listen: ['udp:localhost:9060']}", 1, "address and port"},
	{"hep: {listen: ['udp:127.0.0.1:0']}", 1, "port 0"},
	{"hep: {listen: ['udp:127.0.0.1:70000']}", 1, "address and port"},
	{"hep: {listen: ['udp:224.0.0.1:9060'], from: [192.0.2.1]}", 1, "to listen at"},
	{"hep: {listen: ['udp:0.0.0.0:9060']}", 1, "add from"},
	{"hep: {listen: ['udp:[::]:9060']}", 1, "add from"},
	{"hep: {listen: ['tcp:192.0.2.10:9060']}", 1, "add from"},
	{"hep: {listen: ['tcp:192.0.2.10:9060'], from: []}", 1, "add from"},
	{"hep:\n  listen:\n  - udp:127.0.0.1:9060\n  - udp:127.0.0.1:9060", 4, "s.yaml:3 already"},
	{"hep: {listen: [" + strings.TrimSuffix(strings.Repeat("'udp:127.0.0.1:9060', ", 9), ", ") + "]}", 1, "already"},
	{"hep: {listen: ['udp:127.0.0.1:1', 'udp:127.0.0.1:2', 'udp:127.0.0.1:3', 'udp:127.0.0.1:4', 'udp:127.0.0.1:5', 'udp:127.0.0.1:6', 'udp:127.0.0.1:7', 'udp:127.0.0.1:8', 'udp:127.0.0.1:9']}", 1, "the 8"},
	{"hep: {listen: ['udp:127.0.0.1:9060'], from: [0.0.0.0/0]}", 1, "nothing would be protected"},
	{"hep: {listen: ['udp:127.0.0.1:9060'], from: [pbx]}", 1, "is a name"},
	{"hep: {listen: ['udp:127.0.0.1:9060'], from: [192.0.2.1/24]}", 1, "192.0.2.0/24"},
	{"hep: {from: [192.0.2.1]}", 1, "without hep.listen"},
	{"hep: {key_file: /k}", 1, "without hep.listen"},
	{"hep: {listen: ['udp:127.0.0.1:9060'], key_file: hep.key}", 1, `"/hep.key"`},
	{"hep: {listen: ['udp:127.0.0.1:9060'], key_file: ''}", 1, "empty"},
	{"hep: {listen: ['udp:127.0.0.1:9060'], key_file: none}", 1, `"/none"`},
	{"hep: {listen: ['udp:127.0.0.1:9060'], key_file: /etc/sipward/sipward.yaml}", 1, "file of its own"},
	{"hep: {listen: ['udp:127.0.0.1:9060'], key: secret}", 1, "key_file"},
	{"hep: {lisen: ['udp:127.0.0.1:9060']}", 1, `"listen"`},
	{"homer: 127.0.0.1:9060", 1, `"hep.listen"`},
	// Single values.
	{"mode: on", 1, "known: monitor, enforce"},
	{"mode: true", 1, "known: monitor, enforce"},
	{"mode: ''", 1, "monitor"},
	{"mode:", 1, "mode: enforce"},
	{"mode: ~", 1, "mode: enforce"},
	{"mode: [enforce]", 1, "mode: enforce"},
	{"mode: {enforce: yes}", 1, "mode: enforce"},
	{"mode: enforce # yes\nmode: monitor", 2, "line 1 already"},
	{"enforce: nft", 1, "{backend: auto}"},
	{"enforce: [backend]", 1, "{backend: auto}"},
	{"enforce: {backend: iptables}", 1, "known: auto, xdp, nft, dryrun"},
	{"enforce: {backend: dry-run}", 1, `"dryrun"`},
	{"enforce: {backend: ebpf}", 1, "xdp"},
	{"enforce:\n  mode: nft", 2, `"mode" at the left margin`},
	{"ban: 7d", 1, "{longest: 7d}"},
	{"ban: {longest: 7}", 1, `"7s" or "7m"`},
	{"ban: {longest: 7 days}", 1, "write 30s"},
	{"ban: {longest: forever}", 1, "write 30s"},
	{"ban: {longest: 1s}", 1, "1m to 365d"},
	{"ban: {longest: 2000d}", 1, "1m to 365d"},
	{"ban: {longest: 4000d}", 1, "ten years"},
	{"ban: {scope: sips}", 1, `"sip"`},
	{"metrics: 9480", 1, "127.0.0.1:9480"},
	{"metrics: 0.0.0.0:9480", 1, "127.0.0.1:9480"},
	{"metrics: '[::]:9480'", 1, "127.0.0.1:9480"},
	{"metrics: 127.0.0.1:0", 1, "127.0.0.1:9480"},
	{"metrics: localhost:9480", 1, "127.0.0.1:9480"},
	{"metrics: ''", 1, "127.0.0.1:9480"},
	{"state: var/lib/sipward", 1, `"/var/lib/sipward"`},
	{"state: ~/sipward", 1, "absolute"},
	{"state: ''", 1, "/var/lib/sipward"},
	{"state: /", 1, "root"},
	{"state: /..", 1, "root"},
	// Keys.
	{"ignoreip: [192.0.2.1]", 1, `"allow"`},
	{"whitelist: [192.0.2.1]", 1, `"allow"`},
	{"backend: nft", 1, `"enforce.backend"`},
	{"bantime: 10m", 1, `"ban.longest"`},
	{"logpath: /var/log/x", 1, `"logs"`},
	{"Mode: enforce", 1, `"mode"`},
	{"m\u043ede: enforce", 1, `"m\u043ede" is not a key; did you mean "mode"?`},
	{"jail: sip", 1, "known: allow, ban"},
	{"'': x", 1, "known: allow, ban"},
	{"[mode]: enforce", 1, ""},
	{"mode.x: enforce", 1, "mode"},
	{"enforce.backend: nft", 1, "known"},
	// What is not YAML, or more of it than we take.
	{"enforce", 1, "mode: enforce"},
	{"- mode: enforce", 1, "mode: enforce"},
	{"42", 1, "mode: enforce"},
	{"mode enforce", 1, "mode: enforce"},
	{"mode:enforce", 1, "mode: enforce"},
	{"mode: \"enforce", 1, "double-quoted"},
	{"mode: 'enforce", 1, "single-quoted"},
	{"allow: [192.0.2.1\nmode: enforce", 2, "']'"},
	{"listen: [{port: 5060, transport: udp]", 1, ""},
	{"allow: 192.0.2.1]", 1, ""},
	{"allow: [192.0.2.1]]", 1, ""},
	{"{mode: enforce", 1, "'}'"},
	{"mode: enforce: now", 1, ""},
	{"mode: enforce\n  state: /x", 1, ""},
	{"  mode: enforce\nstate: /x", 2, ""},
	{"allow:\n  - 192.0.2.1\n state: /x", 3, ""},
	{"allow: - 192.0.2.1", 1, ""},
	{"mode: @enforce", 1, "reserved"},
	{"mode: `enforce`", 1, "reserved"},
	{"\tmode: enforce", 1, "tab"},
	{"enforce:\n\tbackend: nft", 2, "tab"},
	{"ban:\n  scope: sip\n \tlongest: 1d", 3, "tab"},
	{"mode: enforce\n---\nmode: monitor", 2, "second document"},
	{"---\nmode: enforce\n---\n", 3, "second document"},
	{"%YAML 1.2\n---\nmode: enforce", 1, "directives"},
	{"mode: &a enforce", 1, "anchors"},
	{"mode: *a", 1, "aliases"},
	{"mode: !!str enforce", 1, "tags"},
	{"<<: {mode: enforce}", 1, "merge keys"},
	{"? mode\n: enforce", 1, "complex keys"},
	{"state: |\n  /x", 1, "block text"},
	{"state: >\n  /x", 1, "folded text"},
	{"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]", 1, "anchors"},
	{"allow: " + strings.Repeat("[", 100000), 1, "nested"},
	{strings.Repeat("- ", 100000), 1, "nested"},
	{strings.Repeat("{a: ", 1000), 1, "nested"},
	{"mode: enf\x00orce", 1, "U+0000"},
	{"mode: enforce\nstate: \x1b[31m", 2, "U+001B"},
	{"mode: enforce\nstate: /\u0085", 2, "U+0085"},
	{"mode: enforce\nstate: /\x7f", 2, "U+007F"},
	{"mode: \ufeffenforce", 1, "U+FEFF"},
	{"mode: enforce\nstate: /\xff\xfe", 2, "UTF-8"},
	{"\x7fELF\x02\x01\x01\x00", 1, "U+007F"},
	{"\x1f\x8b\x08\x00", 1, "U+001F"},
	{"\xff\xfem\x00o\x00d\x00e\x00", 1, "UTF-8"},
	{"# " + strings.Repeat("x", maxBytes), 1, "1 MiB"},
	{"mode: " + strings.Repeat("x", 100000), 1, "xxx..."},
}

func TestBrokenByHand(t *testing.T) {
	for _, c := range broken {
		err := mustFail(t, c.text, c.line)
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), c.say) {
			t.Errorf("%.80q: %v\ndoes not say %q", c.text, err, c.say)
		}
		if len(err.Error()) > 400 {
			t.Errorf("%.80q: an error of %d bytes", c.text, len(err.Error()))
		}
	}
	t.Logf("%d files", len(broken))
}

// mustFail checks that text is refused with the place of the mistake and with
// advice, and gives the first mistake.
func mustFail(t *testing.T, text string, line int) *Error {
	t.Helper()
	_, err := parse(text)
	if err == nil {
		t.Errorf("%.80q is accepted", text)
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%.80q: no *Error but %v", text, err)
		return nil
	}
	if place := fmt.Sprintf("s.yaml:%d:", line); !strings.HasPrefix(err.Error(), place) {
		t.Errorf("%.80q: %v\nis not at %s", text, err, place)
	}
	if e.Column < 1 || e.Why == "" || e.Do == "" {
		t.Errorf("%.80q: column %d, why %q, do %q", text, e.Column, e.Why, e.Do)
	}
	return e
}

// TestBrokenBySlips breaks every word of a good file by every slip of the
// fingers and wants the right word suggested.
func TestBrokenBySlips(t *testing.T) {
	lines := strings.Split(every, "\n")
	known := slices.Concat(modes, transports, formats, backends, scopes, []string{
		"mode", "listen", "port", "transport", "interfaces", "allow", "trunks", "local", "logs", "file", "format",
		"journal", "feeds", "address", "user", "secret_file", "ca_file", "password_file",
		"enforce", "backend", "ban", "longest", "scope", "metrics", "state", "hep", "from", "key_file",
	})
	tried := 0
	for number, line := range lines {
		for _, word := range strings.FieldsFunc(line, func(c rune) bool { return (c < 'a' || c > 'z') && c != '_' }) {
			if !slices.Contains(known, word) || strings.Contains(line, "/"+word) || len(word) < 3 {
				continue
			}
			for _, slip := range slips(word) {
				if slices.Contains(known, slip) {
					continue
				}
				changed := slices.Clone(lines)
				changed[number] = strings.Replace(line, word, slip, 1)
				if changed[number] == line || !strings.Contains(changed[number], slip) {
					continue
				}
				tried++
				err := mustFail(t, strings.Join(changed, "\n"), number+1)
				if err != nil && !strings.Contains(err.Do, `"`+word+`"`) {
					t.Errorf("%q for %q: %v", slip, word, err)
				}
			}
		}
	}
	t.Logf("%d files", tried)
	if tried+len(broken) < 500 {
		t.Errorf("only %d files were tried", tried+len(broken))
	}
}

// slips gives the word with a letter lost, doubled, swapped or mistyped.
func slips(word string) []string {
	var out []string
	for i := range word {
		out = append(out,
			word[:i]+word[i+1:],
			word[:i+1]+word[i:],
			word[:i]+"q"+word[i+1:])
		if i > 0 && word[i-1] != word[i] {
			out = append(out, word[:i-1]+word[i:i+1]+word[i-1:i]+word[i+1:])
		}
	}
	return append(out, strings.ToUpper(word), word+"s")
}

// TestBrokenAnywhere cuts, doubles and spoils a good file at every byte.
// Whatever comes of it, a refusal names a line of the file.
func TestBrokenAnywhere(t *testing.T) {
	refused := 0
	for i := range every {
		for _, text := range []string{
			every[:i],
			every[:i] + every[i+1:],
			every[:i] + "\t" + every[i:],
			every[:i] + "\"" + every[i:],
			every[:i] + "[" + every[i:],
			every[:i] + ": " + every[i:],
			every[:i] + "\n" + every[i:],
			every[:i] + "\x00" + every[i+1:],
			every[:i] + every[max(0, i-40):],
		} {
			if checkRefusal(t, text) {
				refused++
			}
		}
	}
	t.Logf("%d of %d files refused", refused, 9*len(every))
	if refused < 3*len(every) {
		t.Errorf("only %d files were refused", refused)
	}
}

// checkRefusal checks the form of an error, if there is one.
func checkRefusal(t *testing.T, text string) bool {
	t.Helper()
	c, err := parse(text)
	if err == nil {
		again, err := parse(c.Effective())
		if err != nil || !same(c, again) {
			t.Errorf("%q is accepted, and its effective form is not the same: %v\n%s", text, err, c.Effective())
		}
		return false
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%q: no *Error but %v", text, err)
	}
	if e.Line < 1 || e.Line > strings.Count(text, "\n")+1 || e.Column < 1 || e.Why == "" || e.Do == "" {
		t.Errorf("%q: %+v", text, e)
	}
	return true
}

// FuzzParse looks for texts that crash the reader, that are refused without a
// place, or whose effective form means something else.
func FuzzParse(f *testing.F) {
	f.Add(every)
	for _, c := range broken {
		if len(c.text) < 1000 {
			f.Add(c.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) { checkRefusal(t, text) })
}
