// Package settings reads the text files that a program's settings are made of,
// below a root, and remembers what it looked at. Every reader of a server's
// settings stands on it: they share its bounds, so that no folder, however
// hostile, costs more than a fixed amount of memory and time.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Bounds of what is read of one server's settings. The largest real ones, of a
// FreePBX with thousands of phones, are a tenth of it.
const (
	MaxBytes    = 16 << 20 // of all files together
	MaxFile     = 8 << 20  // of one file
	MaxFiles    = 1024
	MaxMatches  = 256     // files of one pattern
	maxEntries  = 1 << 14 // of one folder
	MaxDepth    = 10      // of files that include each other; Asterisk's own limit
	MaxSettings = 1 << 17 // lines of settings, those copied from templates included
	MaxWords    = 64      // notes and problems
)

// Tree reads the settings of one server, and remembers what it looked at, so
// that nothing is read again before something has changed.
type Tree struct {
	files  fs.FS
	looked map[string]string // names, and how they were
	text   map[string][]byte
	listed map[string][]string // the names in folders
	seen   map[string]answer

	bytes, opened, settings, size int  // so far
	full                          bool // nothing more is taken

	notes    []string // what a person should know
	problems []string // what could not be read
}

// New reads below files, which is the caller's.
func New(files fs.FS) *Tree {
	return &Tree{files: files, looked: map[string]string{}, text: map[string][]byte{}, listed: map[string][]string{}, seen: map[string]answer{}}
}

// Rebase goes on with other files of the same names: a container's are opened
// anew for each look.
func (t *Tree) Rebase(files fs.FS) { t.files = files }

// Forget lets go of the texts. Whether they have changed can still be told.
func (t *Tree) Forget() { t.text, t.listed, t.seen = nil, nil, nil }

// Notes are sentences on what a person should know, Problems on what could not
// be read. Neither steers a terminal.
func (t *Tree) Notes() []string { return t.notes }

// Problems are described with Notes.
func (t *Tree) Problems() []string { return t.problems }

// Place is a line of a file.
type Place struct {
	File string // below the root
	Line int    // from 1; 0 when it is the file as a whole
}

// String names the place as people do.
func (p Place) String() string {
	if p.Line == 0 {
		return "/" + p.File
	}
	return fmt.Sprintf("/%s line %d", p.File, p.Line)
}

// Inside makes a path of the settings one below the root. A relative one
// begins in dir.
func Inside(dir, name string) string {
	if !path.IsAbs(name) {
		name = path.Join("/", dir, name)
	}
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}

// Read gives the text of a file, nil if it is not there. Anything but a regular
// file is left alone: opening a FIFO would wait for its writer.
func (t *Tree) Read(name string) []byte {
	if text, known := t.text[name]; known {
		return text
	}
	info, err := t.Look(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		t.text[name] = nil // files that include each other ask for it often
		return nil
	}
	if t.opened++; err == nil && (t.opened > MaxFiles || t.bytes >= MaxBytes) {
		t.Problem("/%s and more are not read: the settings are too large", name)
		return nil
	}
	text, err := t.load(name, err)
	if err != nil {
		t.Problem("/%s cannot be read: %v", name, plain(err))
	}
	t.bytes += len(text)
	t.text[name] = text
	return text
}

// Line is a line as it stands in its file, with its line break; empty if there is
// none.
func (t *Tree) Line(at Place) string {
	number := 0
	for line := range bytes.Lines(t.Read(at.File)) {
		if number++; number == at.Line {
			return string(line)
		}
	}
	return ""
}

// load reads a file that is there, as much of it as a file may have.
func (t *Tree) load(name string, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	f, err := t.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxFile))
	if len(text) == MaxFile {
		err = errors.New("it is too large")
	}
	return text, err
}

// plain is an error without the path that stands around it.
func plain(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Look asks for a file and remembers the answer.
func (t *Tree) Look(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrNotExist
	}
	if seen, known := t.seen[name]; known {
		return seen.info, seen.err
	}
	info, err := fs.Stat(t.files, name)
	t.looked[name], t.seen[name] = state(info, err), answer{info, err}
	return info, err
}

// answer is what was said of a file. It is asked for once: files that include
// each other may name it a hundred thousand times.
type answer struct {
	info fs.FileInfo
	err  error
}

// state is a text that changes when the file does.
func state(info fs.FileInfo, err error) string {
	if err != nil {
		return plain(err).Error()
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano(), info.Mode())
}

// Changed says that something is no longer as it was looked at.
func (t *Tree) Changed() bool {
	for name, before := range t.looked {
		if state(fs.Stat(t.files, name)) != before {
			return true
		}
	}
	return false
}

// Folder says that a folder is there.
func (t *Tree) Folder(name string) bool {
	info, err := t.Look(name)
	return err == nil && info.IsDir()
}

// Match lists the files of a pattern in order. Wildcards count in the last part
// of the path and the one before.
func (t *Tree) Match(pattern string) []string {
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}
	}
	dirs := []string{path.Dir(pattern)}
	if strings.ContainsAny(dirs[0], "*?[") {
		dirs = t.entries(path.Dir(dirs[0]), path.Base(dirs[0]))
	}
	var found []string
	for _, dir := range dirs {
		found = append(found, t.entries(dir, path.Base(pattern))...)
	}
	if len(found) > MaxMatches {
		t.Problem("/%s are too many files: only %d are read", pattern, MaxMatches)
		found = found[:MaxMatches]
	}
	return found
}

// entries lists what in a folder has a name of the pattern.
func (t *Tree) entries(dir, pattern string) []string {
	var found []string
	for _, name := range t.list(dir) {
		if ok, _ := path.Match(pattern, name); ok && !strings.HasPrefix(name, ".") {
			found = append(found, path.Join(dir, name))
		}
	}
	return found
}

// list gives the names in a folder in order. They are asked for once: a hostile
// file can name a folder a hundred thousand times.
func (t *Tree) list(dir string) []string {
	names, known := t.listed[dir]
	if !known {
		names = t.readDir(dir)
		t.listed[dir] = names
	}
	return names
}

// readDir lists a folder. What has more names than a folder may is cut.
func (t *Tree) readDir(dir string) []string {
	if !t.Folder(dir) {
		return nil
	}
	f, err := t.files.Open(dir)
	if err != nil {
		t.Problem("/%s cannot be read: %v", dir, plain(err))
		return nil
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	list, _ := d.ReadDir(maxEntries) // an error means that there are no more
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names
}

// More counts another line of settings and its bytes, and refuses what would be
// too many: files that are included often count every time.
func (t *Tree) More(size int) bool {
	t.settings++
	t.size += size
	if t.settings < MaxSettings && t.size < MaxBytes {
		return true
	}
	if !t.full {
		t.full = true
		t.Problem("the settings are too long: not all of them are read")
	}
	return false
}

// Problem adds a sentence to Problems.
func (t *Tree) Problem(format string, a ...any) { t.problems = Sentence(t.problems, format, a...) }

// Note adds a sentence to Notes.
func (t *Tree) Note(format string, a ...any) { t.notes = Sentence(t.notes, format, a...) }

// Sentence adds a sentence to a list, once. It may quote settings, so nothing
// in it steers a terminal.
func Sentence(list []string, format string, a ...any) []string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u202e' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(fmt.Sprintf(format, a...), "?"))
	if len(list) >= MaxWords || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
