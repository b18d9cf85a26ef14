package installed

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// padded puts a text into the middle of something like a program.
func padded(text string) string {
	return strings.Repeat("\x7fELF\x00\x90", 1000) + text + strings.Repeat("\x00\xcc", 1000)
}

func TestPrograms(t *testing.T) {
	for _, c := range []struct {
		name, file, text, version string
	}{
		{"no version", "usr/sbin/asterisk", padded(""), ""},
		{"two versions", "usr/sbin/asterisk", padded("Asterisk 20.9.1 Asterisk 20.9.2 "), ""},
		{"the printf format only", "usr/sbin/asterisk", padded("Asterisk %s built by %s\x00"), ""},
		{"a library's version", "usr/sbin/asterisk", padded("\x002.14.1\x00"), ""},
		{"in a sentence", "usr/local/sbin/asterisk", padded("Asterisk 20.9.1 "), "20.9.1"},
		{"in a sentence, twice", "usr/local/sbin/asterisk", padded("Asterisk 20.9.1 Asterisk PBX 20.9.1\x00"), "20.9.1"},
		{"on its own", "usr/local/sbin/asterisk", padded("\x0020.9.1\x00"), "20.9.1"},
		{"certified", "usr/local/sbin/asterisk", padded("\x00certified-20.7-cert3\x00"), "certified-20.7-cert3"},
		{"a candidate", "usr/local/sbin/asterisk", padded("Asterisk 22.0.0-rc1\x00"), "22.0.0-rc1"},
		{"across two pieces", "usr/local/sbin/asterisk", strings.Repeat("\x00", pieceSize-8) + "Asterisk 20.9.1 \x00", "20.9.1"},
		{"FreeSWITCH", "usr/local/freeswitch/bin/freeswitch", padded("\x001.10.12-release~64bit\x00"), "1.10.12"},
		{"Kamailio", "usr/local/sbin/kamailio", padded("Server: kamailio (5.6.3 (x86_64/linux))\x00kamailio 5.6.3 (x86_64/linux)\x00"), "5.6.3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := look(t, map[string]string{c.file: c.text})
			if len(r.Packages) != 1 || r.Packages[0].Version != c.version || r.Packages[0].Program != c.file {
				t.Errorf("%+v, want %q", r, c.version)
			}
			if (c.version == "") != (len(r.Problems) == 1) {
				t.Errorf("it says %q", r.Problems)
			}
		})
	}
}

// TestLibrary: FreeSWITCH's program is a door to its library.
func TestLibrary(t *testing.T) {
	r := look(t, map[string]string{
		"usr/local/freeswitch/bin/freeswitch":             padded(""),
		"usr/local/freeswitch/lib/libfreeswitch.so.1":     "-> libfreeswitch.so.1.0.0",
		"usr/local/freeswitch/lib/libfreeswitch.so.1.0.0": padded("FreeSWITCH-mod_sofia/1.10.11+git"),
	})
	if len(r.Packages) != 1 || r.Packages[0].Version != "1.10.11" || len(r.Problems) > 0 {
		t.Errorf("%+v", r)
	}
}

// TestOwnership: a program in the package manager's folders is its package's; one
// beside them is a program of its own, and a link is the same one again.
func TestOwnership(t *testing.T) {
	r := look(t, map[string]string{
		dpkgStatus:                stanza("asterisk", "1:20.6.0-1"),
		"usr/sbin/asterisk":       padded("Asterisk 20.6.0 "),
		"usr/local/sbin/asterisk": padded("Asterisk 22.1.0 "),
		"usr/sbin/kamailio":       "-> ../local/sbin/kamailio",
		"usr/local/sbin/kamailio": padded("kamailio 5.8.1 (x86_64/linux)"),
	})
	want := []Package{
		{Name: "asterisk", Binary: "asterisk", Version: "1:20.6.0-1", Manager: Dpkg, Siblings: []string{"asterisk"}},
		{Name: "asterisk", Binary: "asterisk", Version: "22.1.0", Program: "usr/local/sbin/asterisk"},
		{Name: "kamailio", Binary: "kamailio", Version: "5.8.1", Program: "usr/sbin/kamailio"},
	}
	if d := cmp.Diff(want, r.Packages); d != "" {
		t.Error(d)
	}
}

func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"nobody runs it", nil, false},
		{"it runs as it is", map[string]string{"proc/7/comm": "asterisk\n", "proc/7/exe": "-> /usr/sbin/asterisk"}, false},
		{"another program is gone", map[string]string{"proc/7/comm": "bash\n", "proc/7/exe": "-> /bin/bash (deleted)"}, false},
		{"no right to look", map[string]string{"proc/7/comm": "asterisk\n"}, false},
		{"a name that is no number", map[string]string{"proc/self/comm": "asterisk\n", "proc/self/exe": "-> /usr/sbin/asterisk (deleted)"}, false},
		{"its file is gone", map[string]string{"proc/7/comm": "asterisk\n", "proc/7/exe": "-> /usr/sbin/asterisk (deleted)"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{dpkgStatus: stanza("asterisk", "1:20.6.0-1") + stanza("kamailio", "5.6.3-2")}
			for n, text := range c.files {
				files[n] = text
			}
			r := look(t, files)
			if len(r.Packages) != 2 || r.Packages[0].Restart != c.want || r.Packages[1].Restart {
				t.Errorf("%+v", r.Packages)
			}
		})
	}
}

func FuzzProgram(f *testing.F) {
	f.Add([]byte(padded("Asterisk 20.9.1 ")), "asterisk")
	f.Add([]byte(padded("kamailio 5.6.3 (x86_64/linux)")), "kamailio")
	f.Fuzz(func(t *testing.T, data []byte, program string) {
		if v, err := findVersion(marks[program], strings.NewReader(string(data))); err != nil || v != "" && !clean(v) {
			t.Errorf("%q, %v", v, err)
		}
	})
}

func FuzzSystem(f *testing.F) {
	f.Add("ID=debian\nVERSION_ID=\"12\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		if s := readSystem(text); len(s.ID) > 384 || len(s.Release) > 128 {
			t.Errorf("%+v", s)
		}
	})
}
