package mend

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reported is an audit whose findings have these edits.
func reported(edits ...check.Edit) *audit.Report {
	r := &audit.Report{}
	for i := range edits {
		r.Results = append(r.Results, check.Result{Check: &check.Check{ID: fmt.Sprintf("X-%02d", i), Server: "asterisk", Title: "t", Fix: "f"},
			Finding: check.Finding{State: check.Fail, Edit: &edits[i]}})
	}
	return r
}

// TestNotPlanned: what does not fit is left to a person, with the reason.
func TestNotPlanned(t *testing.T) {
	files := fstest.MapFS{"a": {Data: []byte("1\n2\n3")}, "link": {Mode: os.ModeSymlink}, "large": {Data: make([]byte, maxFile+1)}}
	for _, c := range []struct {
		name  string
		edits []check.Edit
		why   string
	}{
		{"not there", []check.Edit{{File: "b", Line: 1, Old: "1\n"}}, "look at file"},
		{"a link", []check.Edit{{File: "link", Line: 1, Old: "1\n"}}, "not a plain file"},
		{"a folder", []check.Edit{{File: ".", Line: 1, Old: "1\n"}}, "not a plain file"},
		{"too large", []check.Edit{{File: "large", Line: 1}}, "larger than"},
		{"another text", []check.Edit{{File: "a", Line: 2, Old: "1\n"}}, "line 2 is not what the audit saw"},
		{"no such line", []check.Edit{{File: "a", Line: 5, New: "x\n"}}, "line 5"},
		{"line 0", []check.Edit{{File: "a", Line: 0, New: "x\n"}}, "line 0"},
		{"two at one line", []check.Edit{{File: "a", Line: 1, Old: "1\n", New: "x\n"}, {File: "a", Line: 1, Old: "1\n", New: "y\n"}}, "line 1"},
		{"two that overlap", []check.Edit{{File: "a", Line: 1, Old: "1\n2\n"}, {File: "a", Line: 2, Old: "2\n"}}, "line 2"},
	} {
		p := New(files, reported(c.edits...))
		if len(p.Files) != 0 || len(p.Left) != 1 || !strings.Contains(p.Left[0], c.why) {
			t.Errorf("%s: %d files, %q", c.name, len(p.Files), p.Left)
		}
	}
	r := reported(check.Edit{File: "a", Line: 1, Old: "1\n"}, check.Edit{File: "a", Line: 2, Old: "2\n"}, check.Edit{})
	r.Results[0].Accepted, r.Results[1].State, r.Results[2].Edit = "known", check.Latent, nil
	if p := New(files, r); len(p.Files) != 0 || len(p.Left) != 1 {
		t.Errorf("accepted, latent, no edit: %d files, %q", len(p.Files), p.Left)
	}
}

// applied is what patch(1) makes of a text: an own, small reading of the form.
func applied(old, patch string) (string, error) {
	in, out := linesOf([]byte(old)), ""
	at := 0
	lines := linesOf([]byte(patch))
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], `\ No newline`) {
			line = strings.TrimSuffix(line, "\n")
		}
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "), line[0] == '\\':
		case line[0] == '@':
			var from, size, to, grown int
			if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &from, &size, &to, &grown); err != nil {
				return "", err
			}
			if size == 0 {
				from++
			}
			if grown == 0 {
				to++
			}
			out += strings.Join(in[at:from-1], "")
			at = from - 1
			if got := len(linesOf([]byte(out))) + 1; got != to {
				return "", fmt.Errorf("%s: is at line %d", line, got)
			}
		case line[0] == '+':
			out += line[1:]
		case at >= len(in) || in[at] != line[1:]:
			return "", fmt.Errorf("%q does not stand at line %d", line[1:], at+1)
		case line[0] == ' ':
			out += in[at]
			at++
		case line[0] == '-':
			at++
		}
	}
	return out + strings.Join(in[at:], ""), nil
}

// TestPlan: whatever the edits, the patch says what New makes.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "lines")
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprintf("line %d\n", i+1))
		}
		if n > 0 && rapid.Bool().Draw(t, "no line break at the end") {
			lines[n-1] = strings.TrimSuffix(lines[n-1], "\n")
		}
		old := strings.Join(lines, "")
		var edits []check.Edit
		want := ""
		for at := 0; ; {
			next := at + rapid.IntRange(0, 12).Draw(t, "gap")
			if next >= n {
				want += strings.Join(lines[at:], "")
				break
			}
			size := rapid.IntRange(0, min(3, n-next)).Draw(t, "old lines")
			fresh := strings.Repeat("new\n", rapid.IntRange(0, 3).Draw(t, "new lines"))
			again := len(edits) > 0 && edits[len(edits)-1].Line == next+1 // the same insertion twice is made once
			if size == 0 && (fresh == "" || again) {
				size = 1
			}
			edits = append(edits, check.Edit{File: "a", Line: next + 1, Old: strings.Join(lines[next:next+size], ""), New: fresh})
			want += strings.Join(lines[at:next], "") + fresh
			at = next + size
		}
		p := New(fstest.MapFS{"a": {Data: []byte(old)}}, reported(edits...))
		if len(edits) == 0 {
			return
		}
		if len(p.Files) != 1 {
			t.Fatalf("not planned: %q", p.Left)
		}
		if got := string(p.Files[0].New()); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		var patch bytes.Buffer
		if err := p.Patch(&patch); err != nil {
			t.Fatal(err)
		}
		if got, err := applied(old, patch.String()); err != nil || got != want {
			t.Fatalf("%v: the patch makes %q, want %q\n%s", err, got, want, &patch)
		}
	})
}

// planted lays files out and plans a change of the first line of each.
func planted(t *testing.T, names ...string) (root *os.Root, backups string, p *Plan) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { root.Close() })
	var edits []check.Edit
	for _, name := range names {
		must(t, root.WriteFile(name, []byte("old\nrest\n"), 0o640))
		edits = append(edits, check.Edit{File: name, Line: 1, Old: "old\n", New: "new\n"})
	}
	return root, filepath.Join(t.TempDir(), "kept"), New(root.FS(), reported(edits...))
}

func text(t *testing.T, root *os.Root, name string) string {
	t.Helper()
	b, err := root.ReadFile(name)
	must(t, err)
	return string(b)
}

// TestUndo: a change can be taken back byte for byte, with the file's rights,
// and only once.
func TestUndo(t *testing.T) {
	root, backups, p := planted(t, "a", "b")
	before, err := root.Stat("a")
	must(t, err)
	_, err = p.Apply(root, backups, noon)
	must(t, err)
	after, err := root.Stat("a")
	must(t, err)
	if text(t, root, "a") != "new\nrest\n" || text(t, root, "b") != "new\nrest\n" || before.Mode() != after.Mode() {
		t.Errorf("changed to %q, %q, %v", text(t, root, "a"), text(t, root, "b"), after.Mode())
	}
	names, err := Undo(root, backups)
	must(t, err)
	if len(names) != 2 || text(t, root, "a") != "old\nrest\n" || text(t, root, "b") != "old\nrest\n" {
		t.Errorf("%q undone: %q, %q", names, text(t, root, "a"), text(t, root, "b"))
	}
	if _, err := Undo(root, backups); !errors.Is(err, ErrNothing) {
		t.Errorf("undone twice: %v", err)
	}
	if left, _ := os.ReadDir(backups); len(left) != 0 {
		t.Errorf("%d copies are left", len(left))
	}
}

// TestUndoOrder: the last change goes first, and another tree's stays.
func TestUndoOrder(t *testing.T) {
	root, backups, p := planted(t, "a")
	other, _, q := planted(t, "a")
	_, err := p.Apply(root, backups, noon)
	must(t, err)
	again := New(root.FS(), reported(check.Edit{File: "a", Line: 2, Old: "rest\n", New: "more\n"}))
	_, err = again.Apply(root, backups, noon.Add(time.Second))
	must(t, err)
	_, err = q.Apply(other, backups, noon.Add(time.Minute))
	must(t, err)
	for _, want := range []string{"new\nrest\n", "old\nrest\n"} {
		_, err := Undo(root, backups)
		must(t, err)
		if got := text(t, root, "a"); got != want {
			t.Errorf("undone to %q, want %q", got, want)
		}
	}
	if text(t, other, "a") != "new\nrest\n" {
		t.Error("another tree's change was taken back")
	}
}

// TestMeanwhile: what somebody else has written is left alone.
func TestMeanwhile(t *testing.T) {
	root, backups, p := planted(t, "a", "b")
	must(t, root.WriteFile("b", []byte("theirs\n"), 0o640))
	if _, err := p.Apply(root, backups, noon); err == nil || !strings.Contains(err.Error(), "changed meanwhile") {
		t.Errorf("changed over another change: %v", err)
	}
	if text(t, root, "a") != "old\nrest\n" || text(t, root, "b") != "theirs\n" {
		t.Errorf("half a change is left: %q, %q", text(t, root, "a"), text(t, root, "b"))
	}
	if _, err := Undo(root, backups); !errors.Is(err, ErrNothing) {
		t.Errorf("a change that was not made can be undone: %v", err)
	}
	root, backups, p = planted(t, "a", "b")
	dir, err := p.Apply(root, backups, noon)
	must(t, err)
	must(t, root.WriteFile("b", []byte("theirs\n"), 0o640))
	if _, err := Undo(root, backups); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "001")) {
		t.Errorf("undone over another change: %v", err)
	}
	if text(t, root, "a") != "new\nrest\n" || text(t, root, "b") != "theirs\n" {
		t.Error("half of it is undone")
	}
	if _, err := (&Plan{}).Apply(root, backups, noon); err == nil {
		t.Error("nothing was applied")
	}
}
