package freeswitch

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
)

const home = "etc/freeswitch"

// tree reads the files of an archive.
func tree(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, f := range archive.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return files
}

// run audits a tree of a release; "" is one that nobody knows.
func run(files fs.FS, version string) []check.Result {
	site := &check.Site{Files: files}
	if version != "" {
		site.Version = map[string]string{check.FreeSWITCH: version}
	}
	return Audit(site, settings.New(files), home)
}

// lines are the results that are not well, one a line, without the words.
func lines(results []check.Result) string {
	var b strings.Builder
	for _, r := range results {
		if r.State == check.Pass {
			continue
		}
		fmt.Fprintf(&b, "%s %s", r.ID, r.State)
		if r.Place.File != "" {
			fmt.Fprintf(&b, " %s:%d", strings.TrimPrefix(r.Place.File, home+"/"), r.Place.Line)
		}
		fmt.Fprintf(&b, " %s=%s", r.Setting, r.Value)
		if r.Edit != nil {
			fmt.Fprintf(&b, " -> %s", strings.TrimSpace(r.Edit.New))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestVanilla: what is told of the settings that FreeSWITCH comes with, place by
// place, is what the file beside them says.
func TestVanilla(t *testing.T) {
	got := lines(run(tree(t, "vanilla.txtar"), ""))
	want, err := os.ReadFile("testdata/vanilla.golden")
	if os.Getenv("UPDATE") != "" {
		err = os.WriteFile("testdata/vanilla.golden", []byte(got), 0o644)
		want = []byte(got)
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Error(d)
	}
}

// TestHardened: nothing is wrong with a server that somebody has hardened.
func TestHardened(t *testing.T) {
	for _, version := range []string{"", "1.8.7", "1.10.6", "1.10.12"} {
		if got := lines(run(tree(t, "hardened.txtar"), version)); got != "" {
			t.Errorf("version %q:\n%s", version, got)
		}
	}
}
