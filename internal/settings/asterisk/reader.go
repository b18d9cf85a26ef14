// Package asterisk reads Asterisk's settings as Asterisk's config.c does.
package asterisk

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Section is a part of an Asterisk file, with what its templates gave it.
type Section struct {
	Name     string
	Template bool // serves others only
	At       settings.Place
	Settings []Setting
}

// Setting is "key = value" or "key => value".
type Setting struct {
	Key, Value string
	At         settings.Place
}

// Get gives the last value of a key.
func (s *Section) Get(key string) string {
	for i := len(s.Settings) - 1; i >= 0; i-- {
		if s.Settings[i].Key == key {
			return s.Settings[i].Value
		}
	}
	return ""
}

// InForce lists the settings that count: all of the keys that make a list, of any
// other key the last one, which overrules those of templates.
func (s *Section) InForce(lists ...string) []Setting {
	last := map[string]int{}
	for i, line := range s.Settings {
		last[line.Key] = i
	}
	var counting []Setting
	for i, line := range s.Settings {
		if last[line.Key] == i || slices.Contains(lists, line.Key) {
			counting = append(counting, line)
		}
	}
	return counting
}

// Yes reads a switch as Asterisk does (ast_true).
func Yes(value string) bool {
	switch strings.ToLower(value) {
	case "yes", "true", "y", "t", "1", "on":
		return true
	}
	return false
}

// Read reads an Asterisk file and what it includes. Files it names are
// sought in dir.
func Read(t *settings.Tree, dir, name string) []Section { return Open(t, dir, name).Sections }

// Open does the same, and tells what could not be read.
func Open(t *settings.Tree, dir, name string) *File {
	r := iniReader{tree: t, dir: dir, current: -1, index: map[string]int{}}
	r.read.Path = settings.Inside(dir, name)
	r.file(r.read.Path, 0)
	r.read.Sections = r.sections
	return &r.read
}

// iniReader reads one file with its parts as Asterisk's config.c does.
type iniReader struct {
	tree     *settings.Tree
	dir      string
	sections []Section
	index    map[string]int // the last section of a name
	current  int            // -1 before the first
	nested   int            // open block comments
	read     File
}

// file reads one file at its place in those that include it.
func (r *iniReader) file(name string, depth int) {
	if depth > settings.MaxDepth {
		r.tree.Problem("/%s is not read: files include each other %d deep", name, depth)
		return
	}
	before := r.nested
	r.nested = 0 // a comment ends with its file
	text := r.tree.Read(name)
	if info, err := r.tree.Look(name); err == nil && info.Mode().IsRegular() {
		r.read.Present = true
		r.read.Files = append(r.read.Files, name)
		if text == nil && info.Size() > 0 {
			r.read.Unread = append(r.read.Unread, name)
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.read.Unread = append(r.read.Unread, name)
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		text := strings.TrimSpace(r.strip(string(line)))
		if text == "" {
			continue
		}
		if !r.tree.More(len(text)) {
			break
		}
		r.line(text, settings.Place{File: name, Line: number}, depth)
	}
	r.nested = before
}

// strip takes comments away: from a semicolon to the end, and what stands
// between ";--" and "--;", over lines too. "\;" is a semicolon.
func (r *iniReader) strip(line string) string {
	var kept strings.Builder
	for from := 0; ; {
		i := strings.IndexByte(line[from:], ';')
		if i < 0 {
			if r.nested == 0 {
				kept.WriteString(line[from:])
			}
			return kept.String()
		}
		i += from
		if r.nested == 0 {
			kept.WriteString(strings.TrimSuffix(line[from:i], `\`))
		}
		switch {
		case i > 0 && line[i-1] == '\\':
			if r.nested == 0 {
				kept.WriteByte(';')
			}
		case strings.HasPrefix(line[i:], ";--") && !strings.HasPrefix(line[i:], ";---"):
			r.nested++
			from = i + 3
			continue
		case r.nested > 0 && i >= 2 && line[i-2:i] == "--":
			r.nested--
		case r.nested == 0:
			return kept.String()
		}
		from = i + 1
	}
}

// line reads what is left of a line without its comments. Settings before the
// first section belong to none.
func (r *iniReader) line(text string, at settings.Place, depth int) {
	switch {
	case text[0] == '#':
		r.directive(text[1:], at, depth)
	case text[0] == '[':
		r.open(text[1:], at)
	case r.current >= 0:
		if key, value, ok := strings.Cut(text, "="); ok {
			value = strings.TrimPrefix(value, ">")
			s := &r.sections[r.current]
			s.Settings = append(s.Settings, Setting{strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value), at})
		}
	}
}

// directive carries out #include. A program that writes settings is not run.
func (r *iniReader) directive(text string, at settings.Place, depth int) {
	word, rest, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	switch strings.ToLower(word) {
	case "include", "tryinclude":
		name := strings.Trim(strings.TrimSpace(rest), `"<>'`)
		if name == "" {
			return
		}
		for _, name := range r.tree.Match(settings.Inside(r.dir, name)) {
			r.file(name, depth+1)
		}
	case "exec":
		r.tree.Note("what the program at %s writes is not known", at)
		r.read.Programs = append(r.read.Programs, at)
	}
}

// open begins "[name]", or goes on with an earlier one at "[name](+)".
func (r *iniReader) open(text string, at settings.Place) {
	name, rest, _ := strings.Cut(text, "]")
	s := Section{Name: name, At: at}
	options, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(rest), "("), ")")
	for option := range strings.SplitSeq(options, ",") {
		option = strings.TrimSpace(option)
		switch {
		case option == "":
		case option == "!":
			s.Template = true
		case option[0] == '+':
			if i, known := r.index[name]; known {
				r.current = i
				return
			}
		default:
			r.inherit(&s, option)
		}
	}
	r.sections = append(r.sections, s)
	r.current = len(r.sections) - 1
	r.index[name] = r.current
}

// inherit copies the settings of a template. Copies of copies count, or a few
// lines could ask for more memory than there is.
func (r *iniReader) inherit(s *Section, from string) {
	i, known := r.index[from]
	if !known {
		return
	}
	for _, copied := range r.sections[i].Settings {
		if !r.tree.More(0) {
			return
		}
		s.Settings = append(s.Settings, copied)
	}
}
