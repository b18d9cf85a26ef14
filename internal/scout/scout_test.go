package scout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/pbx"
)

// TestSlowLook: a disk that does not answer keeps nobody waiting for long, and
// its answer is the next look's.
func TestSlowLook(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "proc"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := New(root)
	s.away = true // with an answer that does not come
	if _, err := s.Look(); !errors.Is(err, errSlow) || !s.away {
		t.Errorf("%v, away %t", err, s.away)
	}
	s.answers <- sighting{servers: []pbx.Server{{Name: "asterisk"}}}
	if found, err := s.Look(); err != nil || len(found) != 1 || s.away {
		t.Errorf("found %v, %v, away %t", found, err, s.away)
	}
	if found, _ := s.Look(); len(found) != 0 || s.away {
		t.Errorf("a machine without servers has %v", found)
	}
}

// TestTrunksComeAtOnceAndGoSlowly: an editor that is half-way through a file
// takes nobody off the never-ban list.
func TestTrunksComeAtOnceAndGoSlowly(t *testing.T) {
	a, b, c := pbx.Trunk{Name: "a", From: "x line 1"}, pbx.Trunk{Name: "b"}, pbx.Trunk{Name: "c"}
	moved := a
	moved.From = "x line 2"
	var many []pbx.Trunk
	for i := range 2 * maxFoundNames {
		many = append(many, pbx.Trunk{Name: fmt.Sprint("n", i)})
	}
	for _, test := range []struct {
		name   string
		looks  [][]pbx.Trunk
		unread bool
		want   string
	}{
		{"nothing", [][]pbx.Trunk{nil}, false, ""},
		{"gone for good", [][]pbx.Trunk{{a, b}, {b}, {b}}, false, "b"},
		{"all gone for good", [][]pbx.Trunk{{a, b}, nil, nil}, false, ""},
		{"gone once", [][]pbx.Trunk{{a, b}, {b}}, false, "b a"},
		{"gone once, and again later", [][]pbx.Trunk{{a}, nil, {a}, nil}, false, "a"},
		{"cannot be read", [][]pbx.Trunk{{a}, nil, nil, nil}, true, "a"},
		{"new", [][]pbx.Trunk{{a}, {a, c}}, false, "a c"},
		{"on another line", [][]pbx.Trunk{{a}, {moved}}, false, "a"},
		{"twice", [][]pbx.Trunk{{a, moved, a}}, false, "a"},
	} {
		var held []Held
		for _, look := range test.looks {
			held = Hold(held, []pbx.Server{{}, {Trunks: look}}, test.unread)
		}
		var got []string
		for _, h := range held {
			got = append(got, h.Name)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: holds %v, want %s", test.name, got, test.want)
		}
	}
	if held := Hold(nil, []pbx.Server{{Trunks: many}}, false); len(held) != maxFoundNames {
		t.Errorf("holds %d names", len(held))
	}
}
