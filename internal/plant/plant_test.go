package plant

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAll: files, links and command lines, and one text apart.
func TestAll(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "a.txtar")
	text := "-- etc/a.conf --\nx\n-- proc/7/cmdline --\nasterisk  -C file\n-- etc/b.conf --\n-> a.conf\n-- wanted --\ny\n"
	if err := os.WriteFile(archive, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, apart := All(t, archive, "wanted")
	if apart != "y\n" {
		t.Errorf("apart is %q", apart)
	}
	for name, want := range map[string]string{"etc/a.conf": "x\n", "etc/b.conf": "x\n", "proc/7/cmdline": "asterisk\x00-C\x00file\x00"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if target, err := os.Readlink(filepath.Join(dir, "etc/b.conf")); err != nil || target != "a.conf" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "wanted")); !os.IsNotExist(err) {
		t.Errorf("what is apart is there, too: %v", err)
	}
}
