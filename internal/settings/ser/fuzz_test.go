package ser

import (
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// FuzzScript: no text of a script, and of a file that it includes, makes the
// reader panic or go on for ever, and nothing it keeps is beyond its bounds.
func FuzzScript(f *testing.F) {
	for _, text := range hostile() {
		if len(text) < 1<<12 {
			f.Add([]byte(text), []byte("a=1\n"))
		}
	}
	f.Add([]byte("#!define A \"a\"\n#!ifexp A == \"a\"\ninclude_file \"b.cfg\"\n#!endif\nroute { if (!f(A)) { exit; } else switch ($rm) { case \"X\": g(); } }"), []byte("modparam(\"a|b\", \"c\", A)\n"))
	f.Fuzz(func(t *testing.T, text, other []byte) {
		files := fstest.MapFS{"k.cfg": {Data: text}, "b.cfg": {Data: other}}
		for _, s := range []*Script{Read(settings.New(files), "k.cfg", []string{"B=1"}), ReadOpenSIPS(settings.New(files), "k.cfg")} {
			if len(s.Reachable()) != len(s.Routes) || len(s.Doubts) > maxDoubts || len(s.Defines()) > 2*maxDefined {
				t.Errorf("%d routes, %d doubts", len(s.Routes), len(s.Doubts))
			}
			for _, r := range s.Routes {
				Walk(r.Body, func(st *Statement) { Calls(st.Tokens) })
			}
		}
		tree := settings.New(files)
		ReadProfiles(tree, "k.cfg")
		ReadAddresses(tree, "k.cfg")
		ReadVariables(tree, "b.cfg")
	})
}
