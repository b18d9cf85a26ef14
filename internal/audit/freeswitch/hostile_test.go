package freeswitch

import (
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
)

// TestElsewhere: where a program is asked before the files are, or writes some
// of them, or the XML is broken, nobody is told that all is well.
func TestElsewhere(t *testing.T) {
	const modules = "autoload_configs/modules.conf.xml"
	curl := func(attributes string) []byte {
		return []byte(`<configuration name="xml_curl.conf"><bindings><binding name="a"><param name="gateway-url" value="http://192.0.2.1/"` + attributes + `/></binding></bindings></configuration>`)
	}
	lua := []byte(`<configuration name="lua.conf"><settings><param name="xml-handler-script" value="app.lua"/><param name="xml-handler-bindings" value="directory,dialplan"/></settings></configuration>`)
	for _, c := range []struct {
		name, module, file string
		text               []byte
		unknown            string // some of the checks that nobody can answer
		pass               string // and some that are as they were
	}{
		{"a web server without bindings", "mod_xml_curl", "autoload_configs/xml_curl.conf.xml", curl(""), "FS-01 FS-05 FS-09 FS-27 FS-28", ""},
		{"a web server for users", "mod_xml_curl", "autoload_configs/xml_curl.conf.xml", curl(` bindings="directory"`), "FS-01 FS-02 FS-03", "FS-05 FS-11 FS-28"},
		{"a web server that is not asked", "mod_other", "autoload_configs/xml_curl.conf.xml", curl(""), "", "FS-01 FS-05 FS-27"},
		{"a script", "mod_lua", "autoload_configs/lua.conf.xml", lua, "FS-01 FS-27 FS-09", "FS-05 FS-11"},
		{"a script without a word", "mod_lua", "autoload_configs/lua.conf.xml", []byte("<configuration name=\"lua.conf\"/>"), "", "FS-01 FS-05 FS-27"},
		{"a program", "mod_other", "directory/more.xml", []byte("<X-PRE-PROCESS cmd=\"exec\" data=\"users.sh\"/>\n"), "FS-01 FS-02", "FS-05 FS-28"},
		{"broken XML", "mod_other", "directory/more.xml", []byte("<user <<\n"), "FS-01 FS-05 FS-28", ""},
	} {
		files := tree(t, "hardened.txtar")
		plant(t, files, modules, "</modules>", `<load module="`+c.module+`"/></modules>`)
		files[home+"/"+c.file] = &fstest.MapFile{Data: c.text}
		state := map[string]check.State{}
		for _, r := range run(files, "") {
			state[r.ID] = r.State
			if r.State != check.Pass && r.State != check.Unknown {
				t.Errorf("%s: %s %s", c.name, r.ID, r.State)
			}
		}
		for _, id := range strings.Fields(c.unknown) {
			if state[id] != check.Unknown {
				t.Errorf("%s: %s is %s", c.name, id, state[id])
			}
		}
		for _, id := range strings.Fields(c.pass) {
			if state[id] != check.Pass {
				t.Errorf("%s: %s is %s", c.name, id, state[id])
			}
		}
	}
}

// TestOverruled: a bad value in a file that may not count is no failure.
func TestOverruled(t *testing.T) {
	files := tree(t, "vanilla.txtar")
	plant(t, files, "autoload_configs/modules.conf.xml", `<!-- <load module="mod_xml_curl"/> -->`, `<load module="mod_xml_curl"/>`)
	plant(t, files, "autoload_configs/xml_curl.conf.xml", `<!-- <param name="gateway-url"`, `<param name="gateway-url"`)
	plant(t, files, "autoload_configs/xml_curl.conf.xml", `bindings="dialplan"/> -->`, `bindings="directory|configuration"/>`)
	for _, r := range run(files, "") {
		if r.State == check.Fail {
			t.Errorf("%s fails: %+v", r.ID, r.Finding)
		}
	}
}

// TestUsualLayout: without freeswitch.xml the usual files are read.
func TestUsualLayout(t *testing.T) {
	files := tree(t, "vanilla.txtar")
	before := lines(run(files, ""))
	delete(files, home+"/freeswitch.xml")
	if got := lines(run(files, "")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
	files[home+"/freeswitch.xml"] = &fstest.MapFile{Data: []byte("<document/>\n")}
	if got := lines(run(files, "")); got != before {
		t.Errorf("with an empty document:\n%s", got)
	}
}

// hostile are trees that somebody made to hurt.
func hostile() map[string]fstest.MapFS {
	one := func(text string) fstest.MapFS {
		return fstest.MapFS{home + "/freeswitch.xml": {Data: []byte(text)}}
	}
	users := strings.Repeat("<user id=\"1000\"><params><param name=\"vm-password\" value=\"1000\"/></params></user>\n", 5000)
	return map[string]fstest.MapFS{
		"nothing":       {},
		"empty":         one(""),
		"binary":        one(strings.Repeat("\x00\xff\xfe<\x01>&\ue000", 1000)),
		"a loop":        one("<document>\n<X-PRE-PROCESS cmd=\"include\" data=\"freeswitch.xml\"/>\n</document>\n"),
		"many loops":    one(strings.Repeat("<X-PRE-PROCESS cmd=\"include\" data=\"*.xml\"/>\n", 20)),
		"deep":          one(strings.Repeat("<section name=\"configuration\">", 10000)),
		"closed often":  one(strings.Repeat("</section>", 10000)),
		"a long line":   one("<document><section name=\"" + strings.Repeat("a", 1<<20) + "\"/></document>"),
		"a variable":    one(strings.Repeat("<X-PRE-PROCESS cmd=\"set\" data=\"n=$${n}xx$${n}\"/>\n", 50) + "<document/>"),
		"many users":    one("<document><section name=\"directory\"><domain name=\"a\">\n" + users + "</domain></section></document>\n"),
		"odd values":    one(`<document><section name="configuration"><configuration name="sofia.conf"><profiles><profile><settings><param/><param name="ws-binding" value=":"/><param name="nonce-ttl" value="99999999999999999999"/><param name="apply-inbound-acl" value=":::/:"/><param name="tls" value="$${"/></settings></profile><profile/></profiles></configuration><configuration name="acl.conf"><network-lists><list><node type="allow" cidr="1.2.3.4/999,/,x/8,::/-1"/><node type="allow" host="1.2.3.4" mask="255.0.255.0"/></list></network-lists></configuration></section><section name="dialplan"><context name="default"><extension><condition field="destination_number" expression="((((("/><action application="transfer" data="-bleg"/><action application="bridge" data="loopback//"/></extension></context></section></document>`),
		"outside":       one("<X-PRE-PROCESS cmd=\"include\" data=\"../../../../etc/shadow\"/>\n<X-PRE-PROCESS cmd=\"include\" data=\"/etc/freeswitch/[\"/>\n<document/>\n"),
		"two documents": one("<document/><document/>"),
	}
}

// TestHostile: no tree takes the audit down, and nothing is found without end.
func TestHostile(t *testing.T) {
	for name, files := range hostile() {
		results := run(files, "x.y")
		if len(results) < len(rules) || len(results) > len(rules)*mostFound {
			t.Errorf("%s: %d results", name, len(results))
		}
		for _, r := range results {
			if strings.ContainsAny(r.Value+r.Setting, "\x00\x1b\ue000") {
				t.Errorf("%s: %s says %q = %q", name, r.ID, r.Setting, r.Value)
			}
		}
	}
}

// TestMessages: each check says all that people and programs want to know.
func TestMessages(t *testing.T) {
	last := ""
	for _, c := range Checks() {
		if c.ID <= last || c.Server != check.FreeSWITCH || c.Title == "" || c.Why == "" || c.Fix == "" || len(c.References) == 0 {
			t.Errorf("%+v", c)
		}
		if n := strings.Count(c.Why, "\n"); n > 1 {
			t.Errorf("%s says why in %d lines", c.ID, n+1)
		}
		last = c.ID
	}
}

// TestEdits: an edit changes what it should and nothing else, and afterwards the
// check passes.
func TestEdits(t *testing.T) {
	files := tree(t, "hardened.txtar")
	plant(t, files, "sip_profiles/internal.xml", `log-auth-failures" value="true`, `log-auth-failures" value="false`)
	plant(t, files, "sip_profiles/internal.xml", `enable-3pcc" value="proxy`, `enable-3pcc"  value='true`)
	plant(t, files, "sip_profiles/internal.xml", `value='true"`, `value='true'`)
	plant(t, files, "vars.xml", "tlsv1.2,tlsv1.3", "tlsv1,tlsv1.2")
	plant(t, files, "autoload_configs/switch.conf.xml", `value="no"`, `value="yes"`)
	plant(t, files, "sip_profiles/carrier.xml", `    <param name="tls-version" value="tlsv1.2"/>`+"\n", "")
	edits := 0
	for _, r := range run(files, "") {
		if r.State == check.Pass {
			continue
		}
		if r.Edit == nil {
			t.Fatalf("%s has no edit", r.ID)
		}
		edits++
		f := files[r.Edit.File]
		all := strings.SplitAfter(string(f.Data), "\n")
		if r.Edit.Old != "" {
			if all[r.Edit.Line-1] != r.Edit.Old {
				t.Fatalf("%s: %q is not at line %d", r.ID, r.Edit.Old, r.Edit.Line)
			}
			all[r.Edit.Line-1] = r.Edit.New
		} else {
			all[r.Edit.Line-1] = r.Edit.New + all[r.Edit.Line-1]
		}
		files[r.Edit.File] = &fstest.MapFile{Data: []byte(strings.Join(all, ""))}
	}
	if got := lines(run(files, "")); got != "" || edits != 5 {
		t.Errorf("after %d edits:\n%s", edits, got)
	}
}

// FuzzAudit audits any text as each kind of file.
func FuzzAudit(f *testing.F) {
	for _, name := range []string{"vanilla.txtar", "hardened.txtar"} {
		for _, file := range tree(f, name) {
			f.Add(file.Data, []byte("<document/>"))
		}
	}
	f.Fuzz(func(t *testing.T, text, other []byte) {
		for _, name := range []string{"freeswitch.xml", "vars.xml", "autoload_configs/x.xml", "dialplan/x.xml"} {
			files := tree(t, "hardened.txtar")
			files[home+"/"+name] = &fstest.MapFile{Data: text}
			files[path.Join(home, "directory/y.xml")] = &fstest.MapFile{Data: other}
			results := Audit(&check.Site{Files: files}, settings.New(files), home)
			if len(results) < len(rules) || len(results) > len(rules)*mostFound {
				t.Errorf("%d results", len(results))
			}
		}
	})
}
