package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sipward/sipward/internal/scout"
)

// TestEmptySettings: on each of the machines that the finder is tested with, the
// daemon takes up the ports, logs and trunks that are to be found there, and
// nothing else. What is wanted stands in the archives.
func TestEmptySettings(t *testing.T) {
	archives, err := filepath.Glob("../pbx/testdata/found/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, archive := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			r := newRig(t, nil)
			root := t.TempDir()
			ports, logs, trunks := settle(t, archive, root)
			r.scout = scout.New(root).Look
			if r.look() != (len(trunks) > 0) {
				t.Error("says wrongly whether the trunks have changed")
			}
			var got []string
			for _, l := range r.servedPorts() {
				got = append(got, fmt.Sprintf("%d/%s", l.Port, l.Transport))
			}
			same(t, "ports", ports, got)
			got = nil
			for _, l := range r.serverLogs() {
				got = append(got, strings.TrimPrefix(l.File, root)+l.Journal+" "+l.Format)
			}
			same(t, "logs", logs, got)
			got = r.foundNames()
			for _, post := range r.trunkPosts() {
				got = append(got, post.Prefix.String())
			}
			same(t, "trunks", trunks, got)
			r.guard.Protect(r.posts(), time.Now())
			for _, post := range r.fence.Posts() {
				if post.Trunk && post.Prefix.Bits() < 16 {
					t.Errorf("never bans %v", post.Prefix)
				}
			}
		})
	}
}

// settle makes an archive's machine below root, and gives what is wanted of it.
func settle(t *testing.T, archive, root string) (ports, logs, trunks []string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		if f.Name != "wanted" {
			plantFile(t, filepath.Join(root, f.Name), string(f.Data))
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			words := strings.Fields(line)
			switch {
			case words[0] == "log":
				logs = append(logs, words[1]+" "+words[2])
			case words[0] == "trunk":
				trunks = append(trunks, words[1])
			case line[0] != ' ':
				for _, w := range words {
					if strings.ContainsAny(w[:1], "0123456789") && strings.Contains(w, "/") {
						ports = append(ports, w)
					}
				}
			}
		}
	}
	return ports, logs, trunks
}

// plantFile makes a file, a link where the text begins with "-> ", and parts the
// words of a command line as the kernel does.
func plantFile(t *testing.T, path, text string) {
	t.Helper()
	if filepath.Base(path) == "cmdline" {
		text = strings.Join(append(strings.Fields(text), ""), "\x00")
	}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if target, ok := strings.CutPrefix(text, "-> "); ok && err == nil {
		err = os.Symlink(strings.TrimSpace(target), path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
