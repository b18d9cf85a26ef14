package pbx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/plant"
)

// look gives what a finder sees, with nothing running.
func look(root string, f *Finder) string { return describe(root, f.Look(nil)) }

// TestNothing: an empty machine has nothing.
func TestNothing(t *testing.T) {
	if servers := Open(t.TempDir()).Look(nil); len(servers) != 0 {
		t.Errorf("found %v", servers)
	}
}

// TestLooksAgain: settings are read again when they have changed in any way,
// and only then.
func TestLooksAgain(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("etc/asterisk/pjsip.conf", "[a]\ntype=identify\nmatch=198.51.100.1\n#include d/*.conf\n#include later.conf\n")
	f := Open(root)
	key := fmt.Sprint(Asterisk, 0, []string(nil))
	want := "198.51.100.1/32"
	for i, change := range []func(){
		func() {},
		func() { write("etc/asterisk/later.conf", "match=198.51.100.2\n"); want += " 198.51.100.2/32" },
		func() {
			write("etc/asterisk/d/a.conf", "match=198.51.100.3\n")
			want = "198.51.100.1/32 198.51.100.3/32 198.51.100.2/32"
		},
		func() {
			write("etc/asterisk/d/b.conf", "match=198.51.100.4\n")
			want = "198.51.100.1/32 198.51.100.3/32 198.51.100.4/32 198.51.100.2/32"
		},
		func() {
			must(t, os.Remove(filepath.Join(root, "etc/asterisk/later.conf")))
			want = strings.TrimSuffix(want, " 198.51.100.2/32")
		},
		func() { must(t, os.RemoveAll(filepath.Join(root, "etc/asterisk/d"))); want = "198.51.100.1/32" },
		func() { must(t, os.RemoveAll(filepath.Join(root, "etc/asterisk"))); want = "" },
	} {
		change()
		got := ""
		for _, s := range f.Look(nil) {
			got = (&tree{trunks: s.Trunks}).found()
		}
		if got != want {
			t.Errorf("change %d: found %q, want %q", i, got, want)
		}
		before := f.read[key]
		f.Look(nil)
		if f.read[key] != before {
			t.Errorf("change %d: read again without need", i)
		}
	}
}

// TestForgets: what a finder remembers of a server goes with it.
func TestForgets(t *testing.T) {
	root := t.TempDir()
	plant.File(t, root, "etc/asterisk/pjsip.conf", "")
	f := Open(root)
	for pid := range 100 {
		f.Look([]Running{{Name: Asterisk, PID: pid + 1}})
	}
	if len(f.read) > 5 { // one for each name, and the packages
		t.Errorf("remembers %d", len(f.read))
	}
}

// TestUnreadable: a sentence, and the rest is read.
func TestUnreadable(t *testing.T) {
	root := t.TempDir()
	plant.File(t, root, "etc/asterisk/pjsip.conf", "-> pjsip.conf")
	plant.File(t, root, "etc/asterisk/sip.conf", "[a]\nhost=198.51.100.1\n")
	plant.File(t, root, "etc/asterisk/logger.conf/folder", "")
	plant.File(t, root, "etc/asterisk/asterisk.conf", "-> nowhere")
	got := look(root, Open(root))
	for _, want := range []string{"trunk 198.51.100.1/32", "problem /etc/asterisk/pjsip.conf cannot be read"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "logger.conf") || strings.Contains(got, "asterisk.conf") {
		t.Error(got)
	}
}

// TestOption: command lines as people write them.
func TestOption(t *testing.T) {
	for _, c := range []struct{ words, name, want string }{
		{"", "-f", ""}, {"-f", "-f", ""}, {"-D -f x", "-f", "x"}, {"-fx", "-f", "x"}, {"-conf /c -log /l", "-conf", "/c"},
		{"-confused", "-conf", ""}, {"-C /a -C /b", "-C", "/a"},
	} {
		if got := option(strings.Fields(c.words), c.name); got != c.want {
			t.Errorf("%q %s: got %q, want %q", c.words, c.name, got, c.want)
		}
	}
}

// TestHomes: a command line leads to other settings than the usual ones.
func TestHomes(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"etc/asterisk", "opt/a"} {
		plant.File(t, root, dir+"/sip.conf", "[s]\nhost="+strings.ReplaceAll(dir, "/", "-")+".example\n")
	}
	for _, dir := range []string{"etc/freeswitch", "opt/fs"} {
		plant.File(t, root, filepath.Join(dir, "autoload_configs/sofia.conf.xml"), "<profile><gateways><gateway name=\""+strings.ReplaceAll(dir, "/", "-")+".example\"></gateway></gateways></profile>")
		plant.File(t, root, filepath.Join(dir, "autoload_configs/logfile.conf.xml"), "<profiles><profile name=\"d\"><settings/></profile></profiles>")
	}
	plant.File(t, root, "opt/log/freeswitch.log", "")
	plant.File(t, root, "opt/k.cfg", "loadmodule \"dispatcher\"\n")
	plant.File(t, root, "opt/dispatcher.list", "1 sip:k.example\n")
	plant.File(t, root, "usr/local/etc/opensips/opensips.cfg", "socket=udp:a:1\n")
	for _, c := range []struct{ name, words, settings, trunk, log string }{
		{Asterisk, "", "/etc/asterisk", "etc-asterisk.example", ""},
		{Asterisk, "-C /opt/a/asterisk.conf", "/opt/a", "opt-a.example", ""},
		{FreeSWITCH, "-nc", "/etc/freeswitch", "etc-freeswitch.example", ""},
		{FreeSWITCH, "-conf /opt/fs -log /opt/log", "/opt/fs", "opt-fs.example", "/opt/log/freeswitch.log"},
		{Kamailio, "", "", "", ""},
		{Kamailio, "-f /opt/k.cfg", "/opt/k.cfg", "k.example", ""},
		{OpenSIPS, "", "/usr/local/etc/opensips/opensips.cfg", "", ""},
		{Unknown, "", "", "", ""},
	} {
		s := Open(root).Look([]Running{{Name: c.name, PID: 7, Process: "x", Words: strings.Fields(c.words)}})[0]
		log := ""
		if len(s.Logs) > 0 {
			log = strings.TrimPrefix(s.Logs[0].File, root)
		}
		if got := (&tree{trunks: s.Trunks}).found(); s.Settings != c.settings || got != c.trunk || log != c.log {
			t.Errorf("%s %s: settings %s, trunk %s, log %s", c.name, c.words, s.Settings, got, log)
		}
	}
}

// TestAsteriskLogs: which file gets which messages.
func TestAsteriskLogs(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "[]"},
		{"no files", "[general]\nsecurity.log => security", "[]"},
		{"no use", "[logfiles]\nconsole => notice,security\nsyslog.local0 => notice,security\ndebug => debug,verbose(5)\nx =>\n => security", "[/var/log/asterisk security]"},
		{"one each", "[logfiles]\na => SECURITY\nb => [json]notice , warning\n", "[/var/log/asterisk/a security /var/log/asterisk/b notice]"},
		{"all", "[logfiles]\nfull => *", "[/var/log/asterisk/full security notice]"},
		{"elsewhere", "[logfiles]\n/srv/log/x => [default]security", "[/srv/log/x security]"},
		{"with the host's name", "[general]\nappendhostname=yes\n[logfiles]\na => notice", "[/var/log/asterisk/a.pbx1 notice]"},
		{"with the host's name, too late", "[logfiles]\na => notice\n[general]\nappendhostname=yes", "[/var/log/asterisk/a notice]"},
	} {
		tree := newTree(fstest.MapFS{"e/logger.conf": {Data: []byte(c.text)}})
		tree.asteriskLogs("e", "/var/log/asterisk", func() (string, error) { return "pbx1", nil })
		var got []string
		for _, l := range tree.logs {
			got = append(got, l.File)
			if l.Security {
				got = append(got, "security")
			}
			if l.Notice {
				got = append(got, "notice")
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: got %v, want %s", c.name, got, c.want)
		}
	}
	tree := newTree(fstest.MapFS{"e/logger.conf": {Data: []byte("[general]\nappendhostname=yes\n[logfiles]\na => notice")}})
	tree.asteriskLogs("e", "/var/log", func() (string, error) { return "", errors.New("no name") })
	if tree.logs[0].File != "/var/log/a" {
		t.Errorf("got %s", tree.logs[0].File)
	}
}

// TestOnce: no message is read twice.
func TestOnce(t *testing.T) {
	logs := map[string]Log{"s": {File: "s", Security: true}, "n": {File: "n", Notice: true}, "b": {File: "b", Security: true, Notice: true}}
	for given, want := range map[string]string{"": "", "s": "s", "n": "n", "n s": "s n", "n n s s": "s n", "s n b": "b", "b b": "b"} {
		var all []Log
		for _, name := range strings.Fields(given) {
			all = append(all, logs[name])
		}
		var got []string
		for _, l := range once(all) {
			got = append(got, l.File)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: follows %v, want %s", given, got, want)
		}
	}
}

// TestVersions: of the installed packages only, and of packages only.
func TestVersions(t *testing.T) {
	status := "Package: asterisk\nStatus: install ok installed\nVersion: 1:20\x1b[0m\n\nPackage: kamailio\nStatus: deinstall ok config-files\nVersion: 5\n\n" +
		"Package: opensips\nVersion: 3\n\nVersion: 9\nStatus: install ok installed\n\nPackage: freeswitch\nStatus: install ok installed\nVersion: 1.10"
	tree := newTree(fstest.MapFS{dpkgStatus: {Data: []byte(status)}})
	if got, want := string(tree.versions()), "asterisk 1:20?[0m\nfreeswitch 1.10\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
