package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// known are the directories at the root of a file system that a Linux machine
// has of itself, and the paths that sipward serves over HTTP.
var known = []string{
	"etc", "var", "usr", "run", "proc", "sys", "dev", "tmp", "opt", "srv", "lib", "bin", "sbin", "boot", "nonexistent",
	"metrics", "readyz", "v1", "v2", "Linux",
}

var (
	// absolutePath finds paths in running text: not after a letter, which would
	// make it a relative one, nor after "//", which would make it an address.
	absolutePath = regexp.MustCompile("(?:^|[\\s\"'`(=:,])/([A-Za-z][\\w.-]*)/[\\w.-]+")
	// document pages are written in capitals.
	pageName = regexp.MustCompile(`\b[A-Z][A-Z_]{2,}\.md\b`)
	// pageReference finds a section of a page that is only known by its name in
	// capitals, and so to nobody; RFCs are public, and shorter.
	pageReference = regexp.MustCompile(`\b[A-Z]{5,} (?:section|row|page|chapter) \d`)
)

// TestSpeaksOfItself: the text of the project makes sense to somebody who has
// nothing but the project: no path of a developer's machine, no page that is
// not here, no word about who wrote it with what.
func TestSpeaksOfItself(t *testing.T) {
	walkText(t, func(path, text string) {
		for number, line := range numbered(text) {
			for _, m := range absolutePath.FindAllStringSubmatch(line, -1) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("%s:%d: a path of somebody's machine: %s", path, number, strings.TrimSpace(m[0]))
				}
			}
			for _, name := range pageName.FindAllString(line, -1) {
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Errorf("%s:%d: speaks of %s, which is not here", path, number, name)
				}
			}
			if m := pageReference.FindString(line); m != "" {
				t.Errorf("%s:%d: refers to a page that is not here: %s", path, number, m)
			}
		}
	})
}

// TestMarkers: work that is not done is written in an issue, not left in the code.
func TestMarkers(t *testing.T) {
	markers := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	walkText(t, func(path, text string) {
		for number, line := range numbered(text) {
			if m := markers.FindString(line); m != "" {
				t.Errorf("%s:%d: %s", path, number, m)
			}
		}
	})
}

// walkText calls see for every text that people read: not for test data, which
// others wrote, nor for what was built.
func walkText(t *testing.T, see func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "testdata", "dist"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil || slices.Contains([]string{"go.sum", "LICENSE", "sipward", ".git"}, d.Name()) || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && utf8.Valid(text) {
			see(filepath.ToSlash(relative), string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// numbered gives the lines of a text with their numbers.
func numbered(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			if !yield(number, strings.TrimRight(line, "\n")) {
				return
			}
		}
	}
}
