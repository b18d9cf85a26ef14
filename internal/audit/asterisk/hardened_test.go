package asterisk

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
)

const folder = "etc/asterisk"

// tree reads an archive of files that only their owner reads.
func tree(t testing.TB, archive string) fstest.MapFS {
	t.Helper()
	a, err := txtar.ParseFile("testdata/" + archive)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, f := range a.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o640}
	}
	files[folder] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
	return files
}

// results audits a tree as version 18, and gives what is not well.
func results(files fs.FS, version string) []check.Result {
	site := &check.Site{Files: files, Version: map[string]string{check.Asterisk: version}}
	return slices.DeleteFunc(Audit(site, settings.New(files), folder), func(r check.Result) bool { return r.State == check.Pass })
}

// spell writes results, one a line.
func spell(all []check.Result) string {
	var b strings.Builder
	for i := range all {
		r := &all[i]
		fmt.Fprintf(&b, "%s %s %s:%d %s = %s\n", r.ID, r.State, strings.TrimPrefix(r.Place.File, folder+"/"), r.Place.Line, r.Setting, r.Value)
	}
	return b.String()
}

// TestHardened: nothing is found where nothing is wrong.
func TestHardened(t *testing.T) {
	if got := spell(results(tree(t, "hardened.txtar"), "18.9.0")); got != "" {
		t.Errorf("found %s", got)
	}
}

// TestPlanted: each bad value alone gives its own id, in force, in the right
// file, with words that do not give a secret away.
func TestPlanted(t *testing.T) {
	text, err := os.ReadFile("testdata/planted.txt")
	if err != nil {
		t.Fatal(err)
	}
	planted := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); line[0] == '#' {
			continue
		}
		parts := strings.Split(line, " | ")
		if len(parts) != 4 {
			t.Fatalf("%s", line)
		}
		id, names := parts[0], strings.Split(parts[1], ",")
		planted[id] = true
		files := tree(t, "hardened.txtar")
		plant(t, files, names, parts[2], parts[3])
		got := results(files, "18.9.0")
		if len(got) == 0 {
			t.Errorf("%s: nothing is found", line)
		}
		for i := range got {
			r := &got[i]
			if r.ID != id || r.State != check.Fail {
				t.Errorf("%s: got %s", line, spell(got[i:i+1]))
			}
			judge(t, r)
			_, secret, _ := strings.Cut(parts[3], "password = ")
			if secret != "" && strings.Contains(r.Reason()+r.Value, secret) && secret != "panel" {
				t.Errorf("%s: the secret is told: %s %s", line, r.Reason(), r.Value)
			}
		}
	}
	for _, c := range Checks() {
		if !planted[c.ID] {
			t.Errorf("%s is not tested", c.ID)
		}
	}
	if len(planted) != 46 {
		t.Errorf("%d checks", len(planted))
	}
}

func plant(t *testing.T, files fstest.MapFS, names []string, old, new string) {
	t.Helper()
	unescape := strings.NewReplacer(`\n`, "\n")
	olds, news := []string{old}, []string{new}
	if len(names) > 1 {
		olds, news = strings.Split(old, ","), strings.Split(new, ",")
	}
	for i, name := range names {
		f := files[folder+"/"+name]
		if olds[i] == "mode" {
			mode, err := strconv.ParseUint(news[i], 8, 32)
			if err != nil {
				t.Fatal(err)
			}
			f.Mode = fs.FileMode(mode)
			continue
		}
		before := string(f.Data)
		if !strings.Contains(before, unescape.Replace(olds[i])) {
			t.Fatalf("%s does not have %q", name, olds[i])
		}
		f.Data = []byte(strings.Replace(before, unescape.Replace(olds[i]), unescape.Replace(news[i]), 1))
	}
}

// judge holds a result to what must be true of any.
func judge(t *testing.T, r *check.Result) {
	t.Helper()
	if lines := strings.Count(r.Reason(), "\n") + 1; r.Reason() == "" || lines > 2 {
		t.Errorf("%s: %d lines of why: %s", r.ID, lines, r.Reason())
	}
	if r.Remedy() == "" || r.Place.File == "" || len(r.References) == 0 || r.Title == "" {
		t.Errorf("%s lacks something: %+v", r.ID, r)
	}
	if strings.Contains(r.Setting, "password") && r.Value != check.Hidden {
		t.Errorf("%s: a secret is told: %s", r.ID, r.Value)
	}
}

// TestChecks: the list has all ids in order.
func TestChecks(t *testing.T) {
	for i, c := range Checks() {
		if want := fmt.Sprintf("AST-%02d", i+1); c.ID != want || c.Server != check.Asterisk || strings.Count(c.Why, "\n") != 1 {
			t.Errorf("check %d is %s, want %s: %q", i, c.ID, want, c.Why)
		}
	}
}
