package freeswitch

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// TestTrue: what counts as yes, and what does not.
func TestTrue(t *testing.T) {
	for _, value := range []string{"", "no", "off", "false", "0", "deny", "tru", "1x", "yes "} {
		if True(value) {
			t.Errorf("%q counts as yes", value)
		}
	}
	for _, value := range []string{"yes", "On", "TRUE", "t", "enabled", "active", "allow", "1", "-7"} {
		if !True(value) {
			t.Errorf("%q counts as no", value)
		}
	}
}

// open reads files whose names are below the folder "f".
func open(files map[string]string) *Config {
	tree := fstest.MapFS{}
	for name, text := range files {
		tree["f/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Open(settings.New(tree), "f")
}

// whole is a freeswitch.xml with one document of all.
const whole = `<document>
<X-PRE-PROCESS cmd="include" data="vars.xml"/>
<section name="configuration">
<X-PRE-PROCESS cmd="include" data="autoload_configs/*.xml"/>
</section>
<section name="directory">
<X-PRE-PROCESS cmd="include" data="directory/*.xml"/>
</section>
</document>
`

// TestOpen: the first of a name counts, whatever its case, and nothing that is
// not there makes trouble.
func TestOpen(t *testing.T) {
	c := open(nil)
	if c.Section("other") != nil || c.File("sofia.conf").Child("x").Named("y", "z") != nil || len(c.Users()) != 0 || c.Broken != "" {
		t.Errorf("found in nothing: %+v", c.Root)
	}
	c.Root.Walk(func(n *Node) {
		if n.Name != "section" {
			t.Errorf("%+v", n)
		}
	})
	for _, broken := range []string{"<document><section", "<document>\n<a>\n", "</document>", strings.Repeat("<a>", 100)} {
		if c := open(map[string]string{"freeswitch.xml": broken}); c.Broken == "" || len(c.Tree.Problems()) != 1 {
			t.Errorf("%.20q: broken %q, %q", broken, c.Broken, c.Tree.Problems())
		}
	}
	c = open(map[string]string{"freeswitch.xml": whole, "autoload_configs/a.xml": `<configuration name="A.conf" x="1"/><configuration name="a.conf" x="2"/>`})
	if got := c.File("a.conf").Values["x"]; got != "1" {
		t.Errorf("got %q", got)
	}
}

// TestParam: a value that is all from a variable is known by it, and where that
// was set.
func TestParam(t *testing.T) {
	c := open(map[string]string{
		"freeswitch.xml": whole,
		"vars.xml":       "<X-PRE-PROCESS cmd=\"set\" data=\"a=1\"/>\n<X-PRE-PROCESS cmd=\"set\" data=\"b=$${a}2\"/>\n<X-PRE-PROCESS cmd=\"exec-set\" data=\"c=date\"/>\n",
		"autoload_configs/x.xml": `<configuration name="x">
<param name="own" value="1"/>
<param name="var" value="$${a}"/>
<param name="both" value="$${a}3"/>
<param name="chain" value="$${b}"/>
<param name="run" value="$${c}"/>
<param name="none" value="$${nobody}"/>
<param name="given" value="$${conf_dir}"/>
<param name="VAR" value="last"/>
</configuration>`,
	})
	params := c.Params(c.File("x"), "param")
	var got []string
	for _, p := range params {
		got = append(got, fmt.Sprintf("%s=%s %v %s %s", p.Name, strings.ReplaceAll(p.Value, Unset, "?"), p.Known(), p.Var, strings.ReplaceAll(p.From().String(), "/", " ")))
	}
	want := []string{
		"own=1 true   f autoload_configs x.xml line 2",
		"var=1 true a  f vars.xml line 1",
		"both=13 true   f autoload_configs x.xml line 4",
		"chain=12 true b  f vars.xml line 2",
		"run=? false c  f vars.xml line 3",
		"none=? false   f autoload_configs x.xml line 7",
		"given=/f true   f autoload_configs x.xml line 8",
		"VAR=last true   f autoload_configs x.xml line 9",
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
	if last, ok := Last(params, "var"); !ok || last.Value != "last" {
		t.Errorf("the last is %+v", last)
	}
	if _, ok := Last(params, "other"); ok {
		t.Error("one that is not there is found")
	}
}

// TestModules: lists, and none at all.
func TestModules(t *testing.T) {
	for _, c := range []struct{ name, pre, modules, want string }{
		{"no list: all that there are", "", "", "mod_a mod_b"},
		{"an empty one: all", "", `<modules/>`, "mod_a mod_b"},
		{"one", "", `<modules><load module="mod_a"/></modules>`, "mod_a"},
		{"in a comment", "", `<modules><load module="mod_b"/><!-- <load module="mod_a"/> --></modules>`, "mod_b"},
		{"by its file", "", `<modules><load module="/usr/lib/mod_b.so"/></modules>`, "mod_b"},
		{"before", `<modules><load module="mod_b"/></modules>`, `<modules><load module="mod_a"/></modules>`, "mod_a mod_b"},
		{"before alone", `<modules><load module="mod_b"/></modules>`, "", "mod_a mod_b"},
	} {
		files := map[string]string{"freeswitch.xml": whole}
		for name, text := range map[string]string{"pre_load_modules.conf": c.pre, "modules.conf": c.modules} {
			if text != "" {
				files["autoload_configs/"+name+".xml"] = `<configuration name="` + name + `">` + text + `</configuration>`
			}
		}
		m := open(files).Modules()
		var got []string
		for _, name := range []string{"mod_a", "mod_b"} {
			if m.Loaded(name) {
				got = append(got, name)
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: got %q, want %q", c.name, text, c.want)
		}
	}
}

// TestUsers: users have what their domain and groups give, unless they have
// their own; what one has is not another's.
func TestUsers(t *testing.T) {
	c := open(map[string]string{"freeswitch.xml": whole, "directory/a.xml": `
<domain name="one">
<params><param name="p" value="domain"/></params>
<variables><variable name="v" value="domain"/></variables>
<groups><group name="g">
<params><param name="p" value="group"/></params>
<users>
<user id="own"><params><param name="p" value="user"/></params><variables><variable name="V" value="user"/></variables></user>
<user id="none"/>
<user id="own" type="pointer"/>
</users>
</group></groups>
<user id="old"/>
</domain>
<domain name="two"><users><user id="else"><params><param name="q" value="1"/></params></user></users></domain>
`})
	var got []string
	for _, u := range c.Users() {
		p, _ := u.Param("p")
		v, _ := u.Variable("v")
		got = append(got, fmt.Sprintf("%s@%s p=%s v=%s line %d", u.ID, u.Domain, p.Value, v.Value, u.Node.At.Line))
	}
	want := "own@one p=user v=user line 8; none@one p=group v=domain line 9; old@one p=domain v=domain line 13; else@two p= v= line 15"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// TestBeside: files that nothing includes are seen apart, and broken ones among
// them break nothing.
func TestBeside(t *testing.T) {
	c := open(map[string]string{
		"freeswitch.xml":         whole,
		"autoload_configs/s.xml": "<configuration name=\"s\">\n<X-PRE-PROCESS cmd=\"include\" data=\"../p/in.xml\"/>\n</configuration>",
		"p/in.xml":               "<profile name=\"in\"/>\n", "p/out.xml": "<profile name=\"out\"/>\n", "p/z.xml": "<profile <\n",
	})
	var got []string
	for _, n := range c.Beside("p/*.xml") {
		for _, p := range n.All("profile") {
			got = append(got, p.Values["name"])
		}
	}
	if len(got) != 1 || got[0] != "out" || c.Broken != "" {
		t.Errorf("got %q, broken %q", got, c.Broken)
	}
}

// FuzzOpen reads any text as the settings, and as a file that they include.
// Whatever it says, it ends and keeps the bounds.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(whole), []byte("<a><X-PRE-PROCESS cmd=\"set\" data=\"a=b\"/><b x=\"$${a}\"/></a>"))
	f.Add([]byte("<!--#set \"a=b\"-->\n<!--#include \"*.xml\" -->\n"), []byte("<!--#comment\n-->"))
	f.Add([]byte("<X-PRE-PROCESS cmd='exec' data='x'/><include><?xml?>"), []byte("\xff\x00<"))
	f.Fuzz(func(t *testing.T, text, other []byte) {
		tree := settings.New(fstest.MapFS{
			"f/freeswitch.xml": {Data: text}, "f/vars.xml": {Data: other}, "f/autoload_configs/a.xml": {Data: other}, "f/directory/b.xml": {Data: other},
		})
		c := Open(tree, "f")
		c.Users()
		c.Modules()
		c.Beside("autoload_configs/*.xml")
		elements := 0
		c.Root.Walk(func(n *Node) {
			elements++
			c.Param(n, "value")
			if n.At.Line < 0 || n.Values == nil {
				t.Errorf("%+v", n)
			}
		})
		if elements > settings.MaxBytes/4 || len(tree.Problems()) > settings.MaxWords {
			t.Errorf("%d elements, %d problems", elements, len(tree.Problems()))
		}
	})
}
