package pbx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plant makes files below dir. A text that begins with "-> " is a link, and the
// words of a command line are parted as the kernel does it.
func plant(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	if target, ok := strings.CutPrefix(text, "-> "); ok {
		must(t, os.Symlink(strings.TrimSpace(target), path))
		return
	}
	if filepath.Base(name) == "cmdline" {
		text = strings.Join(append(strings.Fields(text), ""), "\x00")
	}
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// plantAll makes the files of an archive but those named apart, whose text it
// returns.
func plantAll(t testing.TB, archive, apart string) (dir, text string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	must(t, err)
	dir = t.TempDir()
	for _, f := range a.Files {
		if f.Name == apart {
			text = string(f.Data)
			continue
		}
		plant(t, dir, f.Name, string(f.Data))
	}
	return dir, text
}
