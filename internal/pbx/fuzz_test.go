package pbx

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sipward/sipward/internal/settings"
)

// FuzzSettings reads any text as each of the files that there are. Whatever it
// says, it ends, keeps the bounds, makes nobody unbannable but single carriers,
// and prints nothing that steers a terminal.
func FuzzSettings(f *testing.F) {
	archives, _ := filepath.Glob("testdata/found/*.txtar")
	for _, archive := range archives {
		a, err := txtar.ParseFile(archive)
		must(f, err)
		for _, file := range a.Files {
			if strings.HasPrefix(file.Name, "etc/") || strings.HasPrefix(file.Name, "usr/") {
				f.Add(file.Data, []byte("[x]\n"))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text, other []byte) {
		files := fstest.MapFS{}
		for _, name := range []string{
			"asterisk/asterisk.conf", "asterisk/logger.conf", "asterisk/pjsip.conf", "asterisk/pjsip_wizard.conf", "asterisk/sip.conf",
			"asterisk/http.conf", "asterisk/extconfig.conf", "asterisk/sorcery.conf", "asterisk/modules.conf",
			"freeswitch/vars.xml", "freeswitch/autoload_configs/sofia.conf.xml", "freeswitch/autoload_configs/logfile.conf.xml",
			"freeswitch/autoload_configs/acl.conf.xml", "freeswitch/autoload_configs/modules.conf.xml", "kamailio/kamailio.cfg",
			"opensips/opensips.cfg", "kamailio/dispatcher.list", "rsyslog.conf",
		} {
			files["etc/"+name] = &fstest.MapFile{Data: text}
		}
		for _, name := range []string{"asterisk/x", "freeswitch/autoload_configs/x", "kamailio/x"} {
			files["etc/"+name] = &fstest.MapFile{Data: other}
		}
		for _, name := range names {
			tree := newTree(files)
			tree.readSettings(Running{Name: name, PID: 1})
			judge(t, tree)
		}
	})
}

// judge holds a tree to what must be true of any.
func judge(t *testing.T, tree *tree) {
	t.Helper()
	if len(tree.trunks) > maxTrunks || len(tree.Notes()) > settings.MaxWords || len(tree.Problems()) > settings.MaxWords || len(tree.ports) > maxTrunks {
		t.Errorf("%d trunks, %d notes, %d problems, %d ports", len(tree.trunks), len(tree.Notes()), len(tree.Problems()), len(tree.ports))
	}
	for _, n := range tree.trunks {
		switch p := n.Prefix; {
		case !p.IsValid():
			if n.Name == "" || len(n.Name) > 253 || !isName(n.Name) {
				t.Errorf("a trunk called %q", n.Name)
			}
		case n.Name != "":
			t.Errorf("a trunk of both kinds: %+v", n)
		case p.Addr().Is4() && p.Bits() < widest4 || p.Addr().Is6() && p.Bits() < widest6 || p.Addr().Is4In6():
			t.Errorf("a trunk as wide as %v", p)
		}
	}
	for _, s := range append(tree.Notes(), tree.Problems()...) {
		if strings.ContainsFunc(s, unicode.IsControl) {
			t.Errorf("says %q", s)
		}
	}
	for _, l := range tree.logs {
		if l.File != "" && !strings.HasPrefix(l.File, "/") {
			t.Errorf("a log at %q", l.File)
		}
	}
}
