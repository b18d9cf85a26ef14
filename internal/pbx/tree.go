package pbx

import (
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
	maxBytes    = 32 << 20 // of all files together
	maxFile     = 8 << 20  // of one file
	maxFiles    = 1024
	maxMatches  = 256     // files of one pattern
	maxEntries  = 1 << 14 // of one folder
	maxDepth    = 10      // of files that include each other; Asterisk's own limit
	maxSettings = 1 << 18 // lines of settings, those copied from templates included
	maxTrunks   = 1024
	maxWords    = 64 // notes and problems
)

// tree reads the settings of one server, and remembers what it looked at, so
// that nothing is read again before something has changed.
type tree struct {
	files  fs.FS
	looked map[string]string // names, and how they were
	text   map[string][]byte

	bytes, opened, settings, size int  // so far
	full                          bool // nothing more is taken

	trunks   []Trunk
	known    map[Trunk]bool // the trunks without their places
	logs     []Log
	ports    []Port   // on which the settings have it serve SIP
	notes    []string // what a person should know
	problems []string // what could not be read
}

func newTree(files fs.FS) *tree {
	return &tree{files: files, looked: map[string]string{}, text: map[string][]byte{}, known: map[Trunk]bool{}}
}

// place is a line of a file.
type place struct {
	file string // below the root
	line int
}

// String names the place as people do.
func (p place) String() string { return fmt.Sprintf("/%s line %d", p.file, p.line) }

// inside makes a path of the settings one below the root. A relative one
// begins in dir.
func inside(dir, name string) string {
	if !path.IsAbs(name) {
		name = path.Join("/", dir, name)
	}
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}

// read gives the text of a file, nil if it is not there. Anything but a regular
// file is left alone: opening a FIFO would wait for its writer.
func (t *tree) read(name string) []byte {
	if text, known := t.text[name]; known {
		return text
	}
	info, err := t.look(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if t.opened++; err == nil && (t.opened > maxFiles || t.bytes >= maxBytes) {
		t.problem("/%s and more are not read: the settings are too large", name)
		return nil
	}
	text, err := t.load(name, err)
	if err != nil {
		t.problem("/%s cannot be read: %v", name, plain(err))
	}
	t.bytes += len(text)
	t.text[name] = text
	return text
}

func (t *tree) load(name string, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	f, err := t.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if len(text) == maxFile {
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

// look asks for a file and remembers the answer.
func (t *tree) look(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrNotExist
	}
	info, err := fs.Stat(t.files, name)
	t.looked[name] = state(info, err)
	return info, err
}

// state is a text that changes when the file does.
func state(info fs.FileInfo, err error) string {
	if err != nil {
		return plain(err).Error()
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano(), info.Mode())
}

// changed says that something is no longer as it was looked at.
func (t *tree) changed() bool {
	for name, before := range t.looked {
		if state(fs.Stat(t.files, name)) != before {
			return true
		}
	}
	return false
}

// folder says that a folder is there.
func (t *tree) folder(name string) bool {
	info, err := t.look(name)
	return err == nil && info.IsDir()
}

// match lists the files of a pattern in order. Wildcards count in the last part
// of the path and the one before.
func (t *tree) match(pattern string) []string {
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
	if len(found) > maxMatches {
		t.problem("/%s are too many files: only %d are read", pattern, maxMatches)
		found = found[:maxMatches]
	}
	return found
}

// entries lists what in a folder has a name of the pattern.
func (t *tree) entries(dir, pattern string) []string {
	if !t.folder(dir) {
		return nil
	}
	f, err := t.files.Open(dir)
	if err != nil {
		t.problem("/%s cannot be read: %v", dir, plain(err))
		return nil
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	list, _ := d.ReadDir(maxEntries) // an error means that there are no more
	var found []string
	for _, e := range list {
		if ok, _ := path.Match(pattern, e.Name()); ok && !strings.HasPrefix(e.Name(), ".") {
			found = append(found, path.Join(dir, e.Name()))
		}
	}
	slices.Sort(found)
	return found
}

// more counts another line of settings and its bytes, and refuses what would be
// too many: files that are included often count every time.
func (t *tree) more(size int) bool {
	t.settings++
	t.size += size
	if t.settings < maxSettings && t.size < maxBytes {
		return true
	}
	if !t.full {
		t.full = true
		t.problem("the settings are too long: not all of them are read")
	}
	return false
}

func (t *tree) problem(format string, a ...any) { t.problems = sentence(t.problems, format, a...) }

func (t *tree) note(format string, a ...any) { t.notes = sentence(t.notes, format, a...) }

// sentence adds a sentence to a list, once. It may quote settings, so nothing
// in it steers a terminal.
func sentence(list []string, format string, a ...any) []string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u202e' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(fmt.Sprintf(format, a...), "?"))
	if len(list) >= maxWords || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
