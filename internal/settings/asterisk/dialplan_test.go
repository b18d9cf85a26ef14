package asterisk

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// planOf reads a dial plan.
func planOf(text string) *Plan {
	return PlanOf(settings.New(fstest.MapFS{"extensions.conf": {Data: []byte(text)}}), "")
}

// TestPlan: extensions as pbx_config has them.
func TestPlan(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no context", "exten => 1,1,Answer()", ""},
		{"no priority, no action, no extension", "[a]\nexten => 1\nexten => 1,1\nexten => ,1,Answer()\nsame => n,Answer()", "a:"},
		{"settings are no context", "[general]\nstatic=yes\n[Globals]\nX=1\n[t](!)\nexten => 1,1,A()", ""},
		{"plain", "[a]\nexten => 100,1,Answer()", "a: 100/1=Answer()"},
		{"same goes on", "[a]\nexten => 100,1,Answer()\nsame => n(go),Dial(PJSIP/100,20)", "a: 100/1=Answer() 100/n(go)=Dial(PJSIP/100,20)"},
		{"same in another context", "[a]\nexten => 100,1,Answer()\n[b]\nsame => n,Hangup()", "a: 100/1=Answer() b:"},
		{"no parentheses, old form", "[a]\nexten => 1,1,Answer\nexten => 1,2,Dial,PJSIP/1", "a: 1/1=Answer() 1/2=Dial(PJSIP/1)"},
		{"for one caller", "[a]\nexten => 1/555,1,Answer()", "a: 1/1=Answer()"},
		{"a hint", "[a]\nexten => 1,hint,PJSIP/1", "a: 1/hint=PJSIP/1()"},
		{"two sections of one name", "[a]\nexten => 1,1,A()\n[b]\n[a]\nexten => 2,1,B()", "a: 1/1=A() 2/1=B() b:"},
		{"equals sign", "[a]\nexten = 1,1,A()", "a: 1/1=A()"},
		{"comment and escaped semicolon", "[a]\nexten => 1,1,Set(a=1\\;2) ; x", "a: 1/1=Set(a=1;2)"},
		{"from a template", "[t](!)\nexten => 1,1,A()\n[a](t)\nexten => 2,1,B()", "a: 1/1=A() 2/1=B()"},
	} {
		var b strings.Builder
		for _, context := range planOf(c.text).Contexts {
			fmt.Fprintf(&b, " %s:", context.Name)
			for _, s := range context.Steps {
				label := ""
				if s.Label != "" {
					label = "(" + s.Label + ")"
				}
				fmt.Fprintf(&b, " %s/%s%s=%s(%s)", s.Exten, s.Priority, label, s.App, s.Data)
			}
		}
		if got := strings.TrimSpace(b.String()); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestWith: includes are followed once each, with their times.
func TestWith(t *testing.T) {
	p := planOf("[a]\ninclude => b\ninclude => c,9:00-17:00,mon-fri,*,*\n[b]\ninclude => a\ninclude => none\n[c]\nswitch => Realtime/x\n[d]\n")
	var names []string
	for _, c := range p.With("a", "none") {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "a b c" {
		t.Errorf("got %s", got)
	}
	if c := p.Context("c"); len(c.Switches) != 1 || c.At.Line != 7 || p.Context("none") != nil {
		t.Errorf("got %+v", c)
	}
}

// TestArgs: commas in functions and quotes do not split.
func TestArgs(t *testing.T) {
	for data, want := range map[string]string{
		"": "", "a": "a", "a,b,": "a|b|", "${FILTER(0-9,${EXTEN})},20": "${FILTER(0-9,${EXTEN})}|20",
		`"a,b",c`: `"a,b"|c`, "$[1,2],x": "$[1,2]|x", ")a,b": ")a|b",
	} {
		s := Step{Data: data}
		if got := strings.Join(s.Args(), "|"); got != want {
			t.Errorf("%q: got %q, want %q", data, got, want)
		}
	}
	if s := (Step{App: "dial"}); !s.Is("Goto", "Dial") || s.Is("DialX") {
		t.Error("applications are told apart wrongly")
	}
}

// TestMatch: patterns as Asterisk reads them.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		exten, number string
		want          bool
	}{
		{"", "1", false}, {"_", "1", false}, {"_", "", true}, {"_[", "1", false}, {"_[12", "1", false}, {"_X", "", false}, {"_X.", "1", false},
		{"100", "100", true}, {"100", "1000", false}, {"_1XX", "123", true}, {"_1XX", "12", false}, {"_1XX", "1234", false}, {"_1XX", "12a", false},
		{"_Z", "0", false}, {"_Z", "1", true}, {"_N", "1", false}, {"_n", "2", true}, {"_X.", "12", true}, {"_X!", "1", true}, {"_X!", "", false},
		{"_!", "", true}, {"_.", "x", true}, {"_[1-35]X", "20", true}, {"_[1-35]X", "40", false}, {"_[1-35]X", "50", true}, {"_[a-]", "-", true},
		{"_1-XX", "123", true}, {"_f[n]-.", "fnX", true}, {"_+X.", "+49", true}, {"_00X.", "004930", true},
	} {
		if got := Match(c.exten, c.number); got != c.want {
			t.Errorf("%s and %s: got %v", c.exten, c.number, got)
		}
	}
	for exten, want := range map[string]int{"100": 0, "_100": 0, "_1XX": 2, "_NXXNXXXXXX": 10, "_[1-9]X.": 2, "_25655511XX": 2} {
		if got := Free(exten); got != want {
			t.Errorf("%s: %d digits are free, want %d", exten, got, want)
		}
	}
	for exten, want := range map[string]bool{"": false, "a.b": false, "_1XX": false, "_[.!]": false, "_X.": true, "_X!": true, "_.": true} {
		if Endless(exten) != want {
			t.Errorf("%s: endless is %v", exten, !want)
		}
	}
}

// TestRaw: what has gone through a filter is clean, and only that variable counts.
func TestRaw(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "EXTEN": false, "${EXTENSION}": false, "${FILTER(0-9,${EXTEN})}": false, "${MD5(${EXTEN})}": false, "${LEN(${EXTEN:1})}": false,
		"${": false, "${FILTER(": false, "}}}${FILTER(0-9,${X}${EXTEN})}": false,
		"${EXTEN}": true, "${EXTEN:1}": true, "a${EXTEN": true, "${CUT(EXTEN,*,1)}": false, "${CUT(${EXTEN},*,1)}": true,
		"${FILTER(0-9,${EXTEN})}${EXTEN}": true, "${TOUPPER(${EXTEN})}": true,
	} {
		if Raw(text, "EXTEN") != want {
			t.Errorf("%q: raw is %v", text, !want)
		}
	}
	if !Raw("x ${CALLERID(num)} y", "CALLERID") || Raw("${CALLERIDS}", "CALLERID") {
		t.Error("a function's name is read wrongly")
	}
}

// TestModules: what is loaded by which line, and what never is.
func TestModules(t *testing.T) {
	for _, c := range []struct {
		name, conf, folder string
		loaded, not        string
	}{
		{"no file says nothing", "", "", "chan_sip x", ""},
		{"nothing is asked for", "[modules]\n", "", "", "chan_sip"},
		{"another section", "[x]\nautoload=yes\n", "", "", "chan_sip"},
		{"all", "[modules]\nautoload=yes\nnoload => chan_sip.so\n", "", "chan_iax2", "chan_sip"},
		{"by name", "[modules]\nautoload=no\nload => a.so\npreload => b\nrequire = c.so\npreload-require = d\n", "", "a b c d", "e"},
		{"noload is stronger", "[modules]\nload => a.so\nnoload => a.so\n", "", "", "a"},
		{"not built", "[modules]\nautoload=yes\nload => b.so", "usr/lib/x86_64-linux-gnu/asterisk/modules/", "a pbx_x", "b c"},
		{"another folder", "[modules]\nautoload=yes", "opt/modules/", "a pbx_x", "b"},
		{"a folder without modules", "[modules]\nautoload=yes", "usr/lib/asterisk/", "a b", ""},
	} {
		files := fstest.MapFS{"etc/asterisk.conf": {Data: []byte("[directories](!)\nastmoddir => /nowhere\n")}}
		if c.conf != "" {
			files["etc/modules.conf"] = &fstest.MapFile{Data: []byte(c.conf)}
		}
		if c.folder != "" {
			files[c.folder+"a.so"], files[c.folder+"pbx_x.so"] = &fstest.MapFile{}, &fstest.MapFile{}
		}
		if c.folder == "opt/modules/" {
			files["etc/asterisk.conf"].Data = []byte("[directories]\nastmoddir => /opt/modules\n")
		}
		tree := settings.New(files)
		m := ModulesOf(tree, "etc", Open(tree, "etc", "asterisk.conf"))
		for _, name := range strings.Fields(c.loaded) {
			if !m.Loaded(name) {
				t.Errorf("%s: %s is not loaded", c.name, name)
			}
		}
		for _, name := range strings.Fields(c.not) {
			if m.Loaded(name) {
				t.Errorf("%s: %s is loaded", c.name, name)
			}
		}
	}
	tree := settings.New(fstest.MapFS{"modules.conf": {Data: []byte("[modules]\nautoload=yes\nload => a.so\n")}})
	m := ModulesOf(tree, "", Open(tree, "", "asterisk.conf"))
	if a, b := m.Where("a"), m.Where("b"); a.Line != 3 || b.Line != 2 {
		t.Errorf("loaded by %v, %v", a, b)
	}
}

// TestFile: which section counts, and what is not known.
func TestFile(t *testing.T) {
	files := fstest.MapFS{
		"a.conf": {Data: []byte("[general](!)\nx=0\n[General]\nx=1\nX=2\n[general]\nx=3\n#include \"b.conf\"\n")},
		"b.conf": {Data: []byte("y=1\n")}, "exec.conf": {Data: []byte("[s]\n#exec /bin/true\n")}, "d.conf/x": {},
	}
	tree := settings.New(files)
	f := Open(tree, "", "a.conf")
	if x := f.Find("GENERAL", "x"); x.Value != "2" || x.At.Line != 5 {
		t.Errorf("got %+v", x)
	}
	if x := f.Find("general", "z"); x.Value != "" || x.At.Line != 3 {
		t.Errorf("got %+v", x)
	}
	if x := f.Find("none", "z"); x.At.Line != 0 || x.At.File != "a.conf" {
		t.Errorf("got %+v", x)
	}
	if !f.Present || f.Blind() != "" || !slices.Equal(f.Files, []string{"a.conf", "b.conf"}) {
		t.Errorf("got %+v", f)
	}
	for name, want := range map[string]string{"none.conf": "", "d.conf": "", "exec.conf": "program"} {
		f := Open(tree, "", name)
		if f.Present != (name == "exec.conf") || !strings.Contains(f.Blind(), want) || want == "" && f.Blind() != "" {
			t.Errorf("%s: got %+v, %s", name, f, f.Blind())
		}
	}
	for value, want := range map[string]bool{"": false, "yes": false, "maybe": false, "No": true, "off": true, "0": true, "f": true} {
		if No(value) != want {
			t.Errorf("%q is no: %v", value, !want)
		}
	}
}
