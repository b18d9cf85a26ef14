package custom

import (
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

const good = `name: edge
kind: auth.failed
gate: "AUTH-FAIL user="
pattern: '^AUTH-FAIL user="(?P<user>[^"]*)" from (?P<src>[0-9a-fA-F.:]+):(?P<port>[0-9]+)/(?P<transport>udp|tcp)$'
match:
  - AUTH-FAIL user="100" from 203.0.113.7:5071/udp
  - 'Nov 22 10:00:00 edge proxy[7]: AUTH-FAIL user="" from 2001:db8::7:5071/tcp'
ignore:
  - AUTH-OK user="100" from 203.0.113.7:5071/udp
  - AUTH-FAIL user="100" from 203.0.113.7:5071/udp and more
`

// TestRefused: every flaw has an answer that says what to do.
func TestRefused(t *testing.T) {
	pattern := func(text string) string {
		start := strings.Index(good, "pattern: ")
		return good[:start] + "pattern: '" + text + "'" + good[start+strings.Index(good[start:], "\n"):]
	}
	tests := []struct{ name, text, want string }{
		{"empty", "", "name: give"},
		{"no YAML", "a: [", "read as YAML"},
		{"two files", "- a\n- b", "read as YAML"},
		{"an unknown key", good + "ban: 1h\n", `unknown field "ban"`},
		{"a key twice", good + "kind: scan\n", "already defined"},
		{"too large", good + "# " + strings.Repeat("x", MaxSize), "64 KiB"},
		{"an odd name", strings.Replace(good, "name: edge", "name: Edge.1", 1), "name: give"},
		{"an unknown kind", strings.Replace(good, "auth.failed", "auth.ok", 1), "kind: \"auth.ok\" is none; known: auth.failed"},
		{"no gate", strings.Replace(good, `"AUTH-FAIL user="`, `""`, 1), "gate: give at least 3"},
		{"a gate that is not in the samples", strings.Replace(good, `"AUTH-FAIL user="`, `"DENIED"`, 1), "match, sample 1: the gate"},
		{"no pattern", pattern(""), "pattern: give"},
		{"a long pattern", pattern("^" + strings.Repeat("a", 2000) + "$"), "at most 2000"},
		{"a broken pattern", pattern("^(?P<src>[0-9.]+$"), "missing closing )"},
		{"a look-behind", pattern("^(?<!x)(?P<src>[0-9.]+)$"), "pattern: "},
		{"no beginning", pattern("AUTH-FAIL from (?P<src>[0-9.]+)$"), "must begin with ^"},
		{"no end", pattern("^AUTH-FAIL from (?P<src>[0-9.]+)"), "must begin with ^"},
		{"an end in one branch", pattern("^AUTH-FAIL from (?P<src>[0-9.]+)|x$"), "must begin with ^"},
		{"lines in a line", pattern("(?m)^AUTH-FAIL from (?P<src>[0-9.]+)$"), "must begin with ^"},
		{"no source", pattern("^AUTH-FAIL (?P<user>[0-9.]+)$"), "needs a group (?P<src>"},
		{"a source that may be missing", pattern("^AUTH-FAIL( (?P<src>[0-9.]+))?$"), "needs a group (?P<src>"},
		{"a source in one branch", pattern("^AUTH-FAIL (?:(?P<src>[0-9.]+)|none)$"), "needs a group (?P<src>"},
		{"two sources", pattern("^AUTH-FAIL (?P<src>[0-9.]+) (?P<src>[0-9.]+)$"), "stands there twice"},
		{"an unknown group", pattern("^AUTH-FAIL (?P<host>[0-9.]+)$"), "group host is not known"},
		{"anything before the source", pattern("^AUTH-FAIL .* from (?P<src>[0-9.]+)$"), "stands before src"},
		{"anything in a group", pattern("^AUTH-FAIL (?P<user>.+) from (?P<src>[0-9.]+)$"), "stands before src"},
		{"anything, sparingly", pattern("^AUTH-FAIL .*? from (?P<src>[0-9.]+)$"), "stands before src"},
		{"all but the wrong sign", pattern(`^AUTH-FAIL user="(?P<user>[^\n]*)" from (?P<src>[0-9.]+)$`), "stands before src"},
		{"no blank, then a letter", pattern(`^AUTH-FAIL \S*from (?P<src>[0-9.]+)$`), "stands before src"},
		{"a case that folds", pattern(`^AUTH-FAIL [a-z]*(?i:X) (?P<src>[0-9.]+)$`), "stands before src"},
		{"up to the source", pattern(`^AUTH-FAIL [^ ]*(?P<src>[0-9.]+)$`), "stands before src"},
		{"repeated words", pattern(`^AUTH-FAIL (?:ab|c)* (?P<src>[0-9.]+)$`), "stands before src"},
		{"an optional value of any length", pattern(`^AUTH-FAIL (?:x[^ ]*)?(?P<src>[0-9.]+)$`), "stands before src"},
		{"no sample that matches", good[:strings.Index(good, "match:")] + "ignore: [x]\n", "match: give at least one"},
		{"no sample that must not", good[:strings.Index(good, "ignore:")], "ignore: give at least one"},
		{"a sample that does not match", strings.Replace(good, `user="100" from`, `user=100 from`, 1), "match, sample 1: the pattern does not match"},
		{"a sample without an address", strings.Replace(good, "from 203.0.113.7:5071", "from 203.0.113.777:5071", 1), "match, sample 1: an address that is none"},
		{"a sample that matches and must not", strings.Replace(good, "- AUTH-OK", "- AUTH-FAIL", 1), "ignore, sample 1: the pattern matches"},
	}
	for _, tt := range tests {
		if _, err := Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestAllowed: patterns that can be read in one way only.
func TestAllowed(t *testing.T) {
	for _, pattern := range []string{
		`^AUTH-FAIL (?P<src>[0-9.]+)$`, `^AUTH-FAIL +(?P<src>[0-9.]+)(?: .*)?$`, `^(?:REGISTER|INVITE) AUTH-FAIL (?P<src>[0-9.]+) (?P<user>.*)$`,
		`^\[[0-9]+\] AUTH-FAIL (?P<src>\S+)$`, `^AUTH-FAIL user=(?P<user>[^ ]*) (?P<src>[0-9.]+)$`, `^(?i)auth-fail [0-9]* (?P<src>[0-9.]+)$`,
		`^AUTH-FAIL x?[a-f]{2} (?P<src>[0-9.]+)$`,
	} {
		p := &Pattern{}
		if err := p.setPattern(pattern); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestRead(t *testing.T) {
	p, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		text    string
		verdict event.Verdict
		source  string
		user    string
	}{
		{`AUTH-FAIL user="1" from 192.0.2.66:1/udp" from 203.0.113.7:5071/udp`, event.Unknown, "", ""},
		{`AUTH-FAIL user="1" from 192.0.2.66:1/udp x`, event.Unknown, "", ""},
		{` AUTH-FAIL user="1" from 192.0.2.66:1/udp`, event.Unknown, "", ""},
		{`AUTH-FAIL user="1" from 192.0.2.666:1/udp`, event.Tampered, "", "1"},
		{`AUTH-FAIL user="1" from 192.0.2.66:99999/udp`, event.Tampered, "", "1"},
		{"AUTH-FAIL user=\"a\x1bb\" from 203.0.113.7:5071/udp", event.Tampered, "203.0.113.7:5071", "a\x1bb"},
		{`AUTH-FAIL user="" from 203.0.113.7:5071/udp`, event.Hostile, "203.0.113.7:5071", ""},
		{`AUTH-FAIL user="100" from 2001:db8::7:5071/udp`, event.Hostile, "[2001:db8::7]:5071", "100"},
	}
	for _, tt := range tests {
		r := p.Read(line.Header{Text: []byte(tt.text)})
		source := ""
		if r.Source.IsValid() {
			source = r.Source.String()
		}
		if r.Verdict != tt.verdict || source != tt.source || string(r.User) != tt.user || source != "" && (r.Transport != event.UDP || r.Server != "edge" || r.Rule != "custom.edge") {
			t.Errorf("%q: %v %s %v %q (%s)", tt.text, r.Verdict, source, r.Transport, r.User, r.Note)
		}
	}
	if p.Samples() != 4 {
		t.Errorf("%d samples", p.Samples())
	}
}

// FuzzCustom: no file makes us panic, and what is accepted reads its own samples.
func FuzzCustom(f *testing.F) {
	f.Add(good, `AUTH-FAIL user="100" from 2001:db8::7:5071/udp`)
	f.Add("name: a\nkind: scan\ngate: abc\npattern: '^abc (?P<src>.+)$'\nmatch: [abc 1.2.3.4]\nignore: [x]\n", "abc 1.2.3.4:5")
	f.Fuzz(func(t *testing.T, text, sample string) {
		p, err := Parse([]byte(text))
		if err != nil {
			return
		}
		r := p.Read(line.ReadHeader([]byte(sample), &line.Clock{}))
		if r.Source.IsValid() && r.Verdict != event.Hostile && r.Verdict != event.Tampered {
			t.Fatalf("%v with a source", r.Verdict)
		}
	})
}
