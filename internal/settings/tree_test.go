package settings

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// TestInside: no name leads out of the root.
func TestInside(t *testing.T) {
	for _, c := range []struct{ dir, name, want string }{
		{"", "", "."}, {"etc/x", "", "etc/x"}, {"etc/x", "../../../../a", "a"}, {"etc/x", "/../../a", "a"}, {"etc/x", "/", "."},
		{"etc/x", "a.conf", "etc/x/a.conf"}, {"etc/x", "/srv//a.conf", "srv/a.conf"}, {"etc/x", "./d/*.conf", "etc/x/d/*.conf"},
	} {
		if got := Inside(c.dir, c.name); got != c.want {
			t.Errorf("%q in %q: got %q, want %q", c.name, c.dir, got, c.want)
		}
	}
}

// TestManyFiles: no more than a bound are listed, read and spoken of.
func TestManyFiles(t *testing.T) {
	files := fstest.MapFS{}
	for i := range 6 * MaxMatches {
		files[fmt.Sprintf("%d/%06d.conf", i%6, i)] = &fstest.MapFile{Data: []byte("a=1\n")}
	}
	for i := range 10 {
		files[fmt.Sprintf("0/0x%d.conf", i)] = &fstest.MapFile{Data: []byte("a=1\n")}
	}
	tree := New(files)
	read := 0
	for dir := range 6 {
		for _, name := range tree.Match(fmt.Sprintf("%d/*.conf", dir)) {
			if tree.Read(name) != nil {
				read++
			}
		}
	}
	if read != MaxFiles || len(tree.Problems()) == 0 {
		t.Errorf("%d files, %q", read, tree.Problems())
	}
	for i := range 2 * MaxWords {
		tree.Note("note %d\x1b[31m\u202e\xff", i)
	}
	if len(tree.Notes()) != MaxWords || tree.Notes()[0] != "note 0?[31m??" {
		t.Errorf("%d notes, the first %q", len(tree.Notes()), tree.Notes()[0])
	}
}

// TestReadOnce: a file is read once, its change is noticed, and texts can go.
func TestReadOnce(t *testing.T) {
	files := fstest.MapFS{"d/a": {Data: []byte("1")}, "large": {Data: make([]byte, MaxFile)}}
	tree := New(files)
	if got := string(tree.Read("d/a")); got != "1" {
		t.Errorf("read %q", got)
	}
	for _, name := range []string{"none", "d", "../d/a", "/x", ""} {
		if text := tree.Read(name); text != nil {
			t.Errorf("%q is read: %q", name, text)
		}
	}
	for n, want := range []string{"", "1", ""} {
		if got := tree.Line(Place{"d/a", n}); got != want {
			t.Errorf("line %d is %q", n, got)
		}
	}
	if !tree.Folder("d") || tree.Folder("d/a") || tree.Folder("none") {
		t.Error("folders are told wrongly")
	}
	if tree.Changed() {
		t.Error("changed, though nothing was")
	}
	files["none"] = &fstest.MapFile{}
	if !tree.Changed() {
		t.Error("a file that was missing has come, and nothing is said")
	}
	tree.Forget()
	tree.Rebase(fstest.MapFS{})
	if !tree.Changed() {
		t.Error("all files are gone, and nothing is said")
	}
	if tree := New(files); len(tree.Read("large")) > MaxFile || !strings.Contains(strings.Join(tree.Problems(), ""), "too large") {
		t.Errorf("a large file: %q", tree.Problems())
	}
	for tree, n := New(files), 0; ; n++ {
		if !tree.More(1 << 10) {
			if n > MaxSettings || len(tree.Problems()) != 1 {
				t.Errorf("%d lines, %q", n, tree.Problems())
			}
			break
		}
	}
}
