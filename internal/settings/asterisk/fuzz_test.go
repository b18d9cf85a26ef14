package asterisk

import (
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// FuzzReader reads any text as a file of settings that includes another.
// Whatever they say, it ends, keeps the bounds, and every setting has its place.
func FuzzReader(f *testing.F) {
	f.Add("[a](!)\nx=1\n[b](a)\ny=>2\n#include \"b.conf\"\n;-- \n--;\n", "[b](+)\nz=1\n#tryinclude a.conf\n#exec x\n")
	f.Add("[modules]\nautoload=yes\nnoload=>a.so\nload=b", "[a](a,b,!)")
	f.Fuzz(func(t *testing.T, a, b string) {
		tree := settings.New(fstest.MapFS{"a.conf": {Data: []byte(a)}, "b.conf": {Data: []byte(b)}, "modules.conf": {Data: []byte(a)}})
		file := Open(tree, "", "a.conf")
		lines := 0
		for i := range file.Sections {
			for _, line := range file.Sections[i].Settings {
				if lines++; line.At.Line == 0 || line.At.File == "" {
					t.Fatalf("%+v has no place", line)
				}
			}
		}
		if lines > settings.MaxSettings || len(file.Sections) > settings.MaxSettings {
			t.Errorf("%d lines, %d sections", lines, len(file.Sections))
		}
		m := ModulesOf(tree, "", file)
		m.Loaded("a")
		m.Where("b")
	})
}

// FuzzPlan reads any text as a dial plan, and asks all that can be asked of it.
func FuzzPlan(f *testing.F) {
	f.Add("[a]\nexten => _X.,1,Dial(PJSIP/${FILTER(0-9,${EXTEN})}@b,20)\nsame => n(x),Goto(b,${EXTEN},1)\ninclude => b\n[b]\nswitch => Realtime/x\n", "00123")
	f.Add("[a]\nexten => _[1-9]Z!,1,System(\"x ${CALLERID(num)}\")\ninclude => a|9:00", "+")
	f.Fuzz(func(t *testing.T, text, number string) {
		p := PlanOf(settings.New(fstest.MapFS{"extensions.conf": {Data: []byte(text)}}), "")
		for _, c := range p.Contexts {
			if len(p.With(c.Name)) == 0 {
				t.Errorf("%q is not found", c.Name)
			}
			for i := range c.Steps {
				s := &c.Steps[i]
				if len(s.Args()) == 0 || s.At.Line == 0 || Free(s.Exten) > len(s.Exten) || Endless(s.Exten) && s.Exten == "" {
					t.Errorf("%+v", s)
				}
				Match(s.Exten, number)
				Raw(s.Data, "EXTEN")
			}
		}
	})
}
