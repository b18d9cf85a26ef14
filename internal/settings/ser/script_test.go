package ser

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// TestScript: what counts of a proxy's script.
func TestScript(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"junk", "\x00\xff\n(\n\"\n=\n==\n;;;\n*/", ""},
		{"a comparison", "if (x == 1) {\nx == y\n", ""},
		{"globals", "port=5060\nlisten=udp:eth0:5070;\nlog_facility = \"LOG_LOCAL1\" # x\n", "port=5060 listen=udp:eth0:5070 log_facility=LOG_LOCAL1"},
		{"comments", "# a=1\n// b=2\n/* c=3\nd=4 */ e=5\nf=6 /* x */\ng=\"#//\" // h", "e=5 f=6 g=#//"},
		{"a comment without end", "a=1\n/* b=2\nc=3\n#!define X\n", "a=1"},
		{"quotes without end", "a=\"x # y\nb=1", "a=x # y\nb=1"},
		{"escaped quotes", `a="x\" # y" # z`, `a=x" # y`},
		{"modules", "loadmodule \"tm.so\"\nloadmodule \"/usr/lib/x/dispatcher.so\"\nloadmodule permissions\nloadmodule(\"uac\")\nloadmodule", "+dispatcher +permissions +tm +uac"},
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
		tree := settings.New(fstest.MapFS{"k.cfg": {Data: []byte(c.text)},
			"sub/one.cfg": {Data: []byte("one=1\ninclude_file \"two.cfg\"")}, "sub/two.cfg": {Data: []byte("two=2")}})
		s := Read(tree, "k.cfg", []string{"GIVEN", "VALUE=7"})
		var got []string
		for _, g := range s.Globals {
			got = append(got, g.Key+"="+g.Value)
		}
		for _, p := range s.Params {
			got = append(got, fmt.Sprintf("%s.%s=%s", p.Module, p.Name, p.Value))
		}
		for _, m := range []string{"", "dispatcher", "permissions", "tm", "uac"} {
			if s.Loaded[m] || s.Loaded["."] && m == "" {
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
	tree := settings.New(fstest.MapFS{"k.cfg": {Data: []byte(strings.Repeat("include_file \"k.cfg\"\na=1\n", 50))}})
	s := Read(tree, "k.cfg", nil)
	if len(tree.Problems()) == 0 || len(s.Globals) > settings.MaxSettings {
		t.Errorf("%d lines, %q", len(s.Globals), tree.Problems())
	}
}
