package asterisk

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// spell writes sections in one line.
func spell(sections []Section) string {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "[%s]", s.Name)
		if s.Template {
			b.WriteString("!")
		}
		for _, line := range s.Settings {
			fmt.Fprintf(&b, " %s=%s", line.Key, line.Value)
		}
		b.WriteString("\n")
	}
	return strings.TrimSpace(strings.ReplaceAll(b.String(), "\n", " "))
}

// TestSections: as Asterisk's own reader has it.
func TestSections(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"junk", "\x00\xff=\n]\n][\n(\n", ""},
		{"outside of a section", "a=1\n[s]\nb=2", "[s] b=2"},
		{"no name", "[]\na=1\n[", "[] a=1 []"},
		{"not closed", "[s\na=1", "[s] a=1"},
		{"no value", "[s]\na\na=\n=\n=b", "[s] a= = =b"},
		{"comment", "[s] ; one\na=1;two\n;b=2\nc=3 ; x ; y", "[s] a=1 c=3"},
		{"escaped semicolon", `[s]` + "\n" + `a=sip:x\;lr\;y ; z`, "[s] a=sip:x;lr;y"},
		{"block comment", "[s]\na=1\n;-- from here\nb=2\n--;c=3\nd=4", "[s] a=1 c=3 d=4"},
		{"block comment in a line", "[s]\na=1;-- x --;2", "[s] a=12"},
		{"block comments inside each other", "[s]\n;--\n;--\na=1\n--;\nb=2\n--;\nc=3", "[s] c=3"},
		{"block comment without end", "[s]\n;--\na=1\n[t]\nb=2", "[s]"},
		{"a row of hyphens is no block", "[s]\n;----- title\na=1", "[s] a=1"},
		{"end without a block", "[s]\na=1\n--;\nb=2", "[s] a=1 b=2"},
		{"both arrows", "[s]\nA => 1\nb\t=\t2", "[s] a=1 b=2"},
		{"spaces", "  [ s ]  \n\t a = b c \r\n", "[ s ] a=b c"},
		{"template", "[t](!)\na=1\n[s](t)\nb=2", "[t]! a=1 [s] a=1 b=2"},
		{"templates in order", "[t](!)\na=1\n[u](!,t)\na=2\n[s](t,u)\na=3", "[t]! a=1 [u]! a=1 a=2 [s] a=1 a=1 a=2 a=3"},
		{"template that is not there", "[s](t)\na=1\n[t](!)\nb=2", "[s] a=1 [t]! b=2"},
		{"its own template", "[s](s)\na=1\n[s](s)", "[s] a=1 [s] a=1"},
		{"added to", "[s]\na=1\n[t]\nb=2\n[s](+)\nc=3", "[s] a=1 c=3 [t] b=2"},
		{"added to the last of the name", "[s]\na=1\n[s]\nb=2\n[s](+)\nc=3", "[s] a=1 [s] b=2 c=3"},
		{"added to nothing", "[s](+)\na=1", "[s] a=1"},
		{"include", "[s]\n#include \"b.conf\"\nc=3\n#include <b.conf>\n#tryinclude none.conf", "[s] b=2 c=3 b=2"},
		{"include in the middle of a section", "[s]\n#include d/*.conf\nz=1", "[s] [one] x=1 [two] y=1 z=1"},
		{"include of a folder, of nothing, of itself", "[s]\n#include d\n#include\n#include ''\n#include ../../../etc/b.conf\na=1", "[s] a=1"},
		{"unknown directive", "[s]\n#exec /bin/true\n#define x\n#\na=1", "[s] a=1"},
	} {
		tree := settings.New(fstest.MapFS{
			"etc/x/a.conf": {Data: []byte(c.text)}, "etc/x/b.conf": {Data: []byte("b=2")},
			"etc/x/d/1.conf": {Data: []byte("[one]\nx=1\n;--")}, "etc/x/d/2.conf": {Data: []byte("[two]\ny=1")}, "etc/x/d/.3.conf": {Data: []byte("[hidden]")},
		})
		if got := spell(Read(tree, "etc/x", "a.conf")); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if len(tree.Problems()) > 0 {
			t.Errorf("%s: %q", c.name, tree.Problems())
		}
	}
}

// TestEndlessSettings: a few lines that ask for more than there is.
func TestEndlessSettings(t *testing.T) {
	doubling := "[t0](!)\na=1\n"
	for i := range 64 {
		doubling += fmt.Sprintf("[t%d](!,t%d,t%d)\n", i+1, i, i)
	}
	for name, text := range map[string]string{
		"template":       doubling,
		"includes":       strings.Repeat("#include a.conf\n", 100) + "[s]\na=1\n",
		"a long line":    "[s]\na=" + strings.Repeat("x", settings.MaxFile/2) + "\n" + strings.Repeat("#include a.conf\n", 100),
		"a large file":   "[s]\n" + strings.Repeat("a=1\n", settings.MaxFile/4),
		"many sections":  strings.Repeat("[s](s)\n", 1<<18),
		"open comments":  strings.Repeat(";--", 1<<16),
		"many semicolon": "[s]\na=" + strings.Repeat(`\;`, 1<<16),
	} {
		tree := settings.New(fstest.MapFS{"a.conf": {Data: []byte(text)}})
		sections := Read(tree, "", "a.conf")
		lines := 0
		for _, s := range sections {
			lines += len(s.Settings)
		}
		if lines > settings.MaxSettings || len(sections) > settings.MaxSettings {
			t.Errorf("%s: %d sections, %d lines", name, len(sections), lines)
		}
		if name != "open comments" && name != "many semicolon" && len(tree.Problems()) == 0 {
			t.Errorf("%s: nothing is said of it", name)
		}
	}
}

func TestYes(t *testing.T) {
	for value, want := range map[string]bool{"": false, "no": false, "0": false, "yess": false, "off": false,
		"yes": true, "Yes": true, "TRUE": true, "1": true, "on": true, "y": true, "t": true} {
		if Yes(value) != want {
			t.Errorf("%q is taken for %v", value, !want)
		}
	}
}

// TestInForce: a list has all its lines, anything else its last one.
func TestInForce(t *testing.T) {
	tree := settings.New(fstest.MapFS{"a.conf": {Data: []byte("[t](!)\nhost=1\nmatch=a\n[s](t)\nhost=2\nmatch=b\nhost=3\n")}})
	sections := Read(tree, "", "a.conf")
	got := spell([]Section{{Name: "s", Settings: sections[1].InForce("match")}})
	if want := "[s] match=a match=b host=3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
