package freeswitch

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// TestElements: FreeSWITCH's files as its preprocessor leaves them.
func TestElements(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no XML", "hello\n", ""},
		{"element", `<a x="1"/>`, "a1"},
		{"lines", "\n<a/>\n\n<b\n x='1'/>", "a2 b5"},
		{"comment", "<!-- <a/> -->\n<b/>", "b2"},
		{"broken", "<a/><b", "a1 broken"},
		{"not closed", "<a><b><c>", "a1 b1 c1 broken"},
		{"closed too often", "</a></b><c/>", "broken"},
		{"set and use", "<X-PRE-PROCESS cmd=\"set\" data=\"n=v\"/>\n<a x=\"$${n}\"/>", "a2=v"},
		{"set in a comment, as FreeSWITCH has it", "<!--<X-PRE-PROCESS cmd=\"set\" data=\"n=v\"/>-->\n<a x=\"$${n}\"/>", "a2=v"},
		{"not set", "<a x=\"$${n}\"/>", "a1=?"},
		{"a comment does not hold a command back", "<!--<X-PRE-PROCESS cmd=\"include\" data=\"d/1.xml\"/>-->\n<z/>", "one1 z2"},
		{"a comment of several lines holds elements back", "<!--\n<X-PRE-PROCESS cmd=\"include\" data=\"d/1.xml\"/>\n-->\n<z/>", "z4"},
		{"no tag", "<!--X-PRE-PROCESS cmd=\"set\" data=\"n=v\"/>-->\n<a x=\"$${n}\"/>", "a2=?"},
		{"spaces", "<X-PRE-PROCESS cmd=\"set\" data=\"n =  v w\"/>\n<a x=\"$${n}\"/>", "a2=v w"},
		{"no value", "<X-PRE-PROCESS cmd=\"set\" data=\"n\"/><X-PRE-PROCESS data=\"n=1\"/>\n<a x=\"$${n}\"/>", "a2=?"},
		{"across lines", "<X-PRE-PROCESS\ncmd=\"set\" data=\"n=v\"/>\n<a x=\"$${n}\"/>", "a3=?"},
		{"known at run time only", "<X-PRE-PROCESS cmd=\"exec-set\" data=\"n=date\"/>\n<X-PRE-PROCESS cmd=\"env-set\" data=\"m=HOME\"/>\n<a x=\"$${n}$${m}\"/>", "a3=??"},
		{"exec", "<X-PRE-PROCESS cmd=\"exec\" data=\"cat x\"/>\n<b/>", "exec1 b2"},
		{"later wins", "<X-PRE-PROCESS cmd=\"set\" data=\"n=v\"/>\n<a x=\"$${n}\"/>\n<X-PRE-PROCESS cmd=\"set\" data=\"n=w\"/>\n<a x=\"$${n}\"/>", "a2=v a4=w"},
		{"older form", "<!--#set \"n=v\"-->\n<!--#include \"d/1.xml\" -->\n<!--#comment\n<b/>\n--><a x=\"$${n}\"/>", "one1 a5=v"},
		{"wrapping", "<?xml version=\"1.0\" encoding=\"latin\"?><include>\n<a/></include><b/>", "a2 b2"},
		{"bytes that are no text", "<a x=\"\xff\x01\x00\ue000\"/>", "a1=????"},
		{"elements around an include", "<a><X-PRE-PROCESS cmd=\"include\" data=\"d/1.xml\"/></a><z/>", "a1 one1 z1"},
		{"two on a line", "<X-PRE-PROCESS cmd=\"set\" data=\"n=v\"/><x-pre-process cmd='SET' data='m=w'/><b/>\n<a x=\"$${n}$${m}\"/>", "b1 a2=vw"},
		{"own variables stay", "<a x=\"${n}\"/>", "a1=${n}"},
		{"not carried out", "<X-NO-PRE-PROCESS cmd=\"set\" data=\"n=v\"/>\n<a x=\"$${n}\"/>", "X-NO-PRE-PROCESS1 a2=?"},
		{"include", "<a/>\n<X-PRE-PROCESS cmd=\"include\" data=\"d/*.xml\"/>\n<z/>", "a1 one1 two2 z3"},
		{"include from above", "<X-PRE-PROCESS cmd=\"include\" data=\"../up.xml\"/><z/>", "up1 z1"},
		{"include of nothing", "<X-PRE-PROCESS cmd=\"include\" data=\"none.xml\"/><X-PRE-PROCESS cmd=\"include\" data=\"\"/>", ""},
		{"deep", strings.Repeat("<a>", 100), "deep"},
	} {
		tree := settings.New(fstest.MapFS{"f/c/a.xml": {Data: []byte(c.text)}, "f/up.xml": {Data: []byte("<up/>\n")},
			"f/c/d/1.xml": {Data: []byte("<one/>\n")}, "f/c/d/2.xml": {Data: []byte("\n<two/>\n")}})
		r := &Reader{Tree: tree, Vars: map[string]string{}}
		var got []string
		r.Elements(r.Load("f/c/a.xml"), func(e *Element) {
			if e.Values == nil || len(got) > 20 {
				return
			}
			word := fmt.Sprint(e.Name, e.At.Line)
			if v := e.Values["x"]; v != "" && v != "1" {
				word += "=" + strings.ReplaceAll(v, Unset, "?")
			}
			got = append(got, word)
		})
		for _, p := range tree.Problems() {
			got = append(got, strings.Fields(p[strings.Index(p, ": ")+2:])[3])
		}
		text := strings.NewReplacer("broken,", "broken").Replace(strings.Join(got, " "))
		if c.want == "deep" {
			if len(tree.Problems()) != 1 {
				t.Errorf("%s: %q", c.name, tree.Problems())
			}
			continue
		}
		if text != c.want {
			t.Errorf("%s: got %s, want %s", c.name, text, c.want)
		}
	}
}

// TestEndlessXML: files that include each other without end, and a variable
// that grows.
func TestEndlessXML(t *testing.T) {
	for name, text := range map[string]string{
		"itself":   strings.Repeat("<a/>\n<X-PRE-PROCESS cmd=\"include\" data=\"a.xml\"/>\n", 30),
		"variable": strings.Repeat("<X-PRE-PROCESS cmd=\"set\" data=\"n=$${n}x$${n}\"/>\n", 100),
		"long":     strings.Repeat("<X-PRE-PROCESS cmd=\"include\" data=\"a.xml\"/>", 64) + strings.Repeat(" ", 1<<20) + "\n",
	} {
		tree := settings.New(fstest.MapFS{"a.xml": {Data: []byte(text)}})
		r := &Reader{Tree: tree, Vars: map[string]string{"n": "x"}}
		d := r.Load("a.xml")
		if d.text.Len() > 2*settings.MaxBytes || len(d.lines) > settings.MaxSettings {
			t.Errorf("%s: %d bytes, %d lines", name, d.text.Len(), len(d.lines))
		}
	}
}
