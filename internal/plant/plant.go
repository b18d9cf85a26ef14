// Package plant lays out the files of a machine for tests: settings, logs and
// /proc, as an archive or a test names them.
package plant

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// File makes a file below dir, and its folders. A text that begins with "-> " is
// a link, and the words of a command line are parted as the kernel does it (NUL
// behind each, proc(5)).
func File(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	err := error(nil)
	if target, ok := strings.CutPrefix(text, "-> "); ok {
		err = os.Symlink(strings.TrimSpace(target), path)
	} else {
		if filepath.Base(name) == "cmdline" {
			text = strings.Join(append(strings.Fields(text), ""), "\x00")
		}
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// All makes the files of an archive in a folder of the test's own, but for the
// file named apart, whose text it gives: what is wanted, mostly.
func All(t testing.TB, archive, apart string) (dir, text string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, f := range a.Files {
		if f.Name == apart {
			text = string(f.Data)
			continue
		}
		File(t, dir, f.Name, string(f.Data))
	}
	return dir, text
}
