package logline_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// classes are the ways to turn a log's text against its reader: control characters
// and line breaks; a delimiter or a clause of the server inside a value; a second
// key, or a whole second record, inside a value.
var classes = []string{"control", "clause", "second"}

// tally is what a corpus holds.
type tally struct {
	lines, harmless int
	injections      map[string]int
}

func (t tally) injected() (n int) {
	for _, of := range t.injections {
		n += of
	}
	return n
}

// TestCorpora counts the lines beside the servers' rooms, whose verdicts the rooms'
// own tests compare: enough of them, of each class from every server, and none
// that accuses whom its injection names.
func TestCorpora(t *testing.T) {
	files, err := filepath.Glob("*/testdata/*.txt")
	if err != nil || len(files) != 4 {
		t.Fatalf("%d corpora: %v", len(files), err)
	}
	all := tally{injections: map[string]int{}}
	for _, file := range files {
		one := count(t, file)
		t.Logf("%s: %d lines, %d benign or look-alike, injections %v", file, one.lines, one.harmless, one.injections)
		all.lines += one.lines
		all.harmless += one.harmless
		for _, class := range classes {
			if one.injections[class] < 5 {
				t.Errorf("%s: only %d injections of class %s", file, one.injections[class], class)
			}
			all.injections[class] += one.injections[class]
		}
	}
	if all.lines < 500 || all.harmless < 150 || all.injected() < 100 {
		t.Errorf("%d lines, %d benign or look-alike, %d injections; want 500, 150, 100", all.lines, all.harmless, all.injected())
	}
}

// count reads the expectations of one corpus; each has its line below.
func count(t *testing.T, file string) tally {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := tally{injections: map[string]int{}}
	for _, row := range strings.Split(string(text), "\n") {
		expectation, ok := strings.CutPrefix(row, "# {")
		if !ok {
			continue
		}
		var want struct{ Verdict, Src, Class string }
		if err := json.Unmarshal([]byte("{"+expectation), &want); err != nil {
			t.Fatalf("%s: %s: %v", file, row, err)
		}
		found.lines++
		switch {
		case want.Class != "" && !slices.Contains(classes, want.Class), want.Class == "" && want.Verdict == "tampered":
			t.Errorf("%s: an injection of class %q: %s", file, want.Class, row)
		case want.Src == "192.0.2.66" || want.Src == "2001:db8::66":
			t.Errorf("%s: blames the victim: %s", file, row)
		case want.Class != "":
			found.injections[want.Class]++
		case want.Verdict != "hostile":
			found.harmless++
		}
	}
	return found
}
