package installed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// Bounds of what is read.
const (
	maxLinks   = 40 // links on one path, as the kernel counts them
	maxEntries = 1 << 12
)

// The errors of a file that is there and is not read.
var (
	errTooLarge   = errors.New("it is too large")
	errNoFile     = errors.New("it is no ordinary file")
	errManyLinks  = errors.New("too many links lead to it")
	errTooMany    = errors.New("there are too many files")
	errDamaged    = errors.New("it is damaged")
	errNoDatabase = errors.New("it is no database of this kind")
)

// A Tree is a machine's files: this one's, or those below a folder. Nothing
// outside of it is ever opened. A link is followed as the tree's own programs
// would: an absolute one begins at the tree's root.
type Tree struct {
	root *os.Root
}

// Open opens the tree below dir; "/" is this machine's own.
func Open(dir string) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open root: %w", err)
	}
	return &Tree{root}, nil
}

// Close lets go of the tree.
func (t *Tree) Close() error { return t.root.Close() }

// resolve follows the links of a path below the root, without leaving it. What
// it gives has no link in it; should somebody put one there meanwhile, os.Root
// still keeps to the tree.
func (t *Tree) resolve(name string) (string, fs.FileInfo, error) {
	done, todo, links := ".", path.Clean("/" + name)[1:], 0
	info, err := t.root.Lstat(done)
	for todo != "" && err == nil {
		var part string
		part, todo, _ = strings.Cut(todo, "/")
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done) // of "." it is "."
			info, err = t.root.Lstat(done)
			continue
		}
		next := path.Join(done, part)
		if info, err = t.root.Lstat(next); err != nil {
			break
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		// Circles end here, as they do in the kernel.
		if links++; links > maxLinks {
			return "", nil, errManyLinks
		}
		var target string
		if target, err = t.root.Readlink(next); err != nil {
			break
		}
		if path.IsAbs(target) {
			done = "."
		}
		// Links that each lengthen the path would grow it without end.
		if len(target)+len(todo) > 1<<14 {
			return "", nil, errManyLinks
		}
		todo = strings.Trim(target, "/") + "/" + todo
	}
	if err != nil {
		return "", nil, plain(err)
	}
	return done, info, nil
}

// plain is an error without the path around it.
func plain(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// open opens an ordinary file. Opening a FIFO does not wait for its writer.
func (t *Tree) open(name string) (*os.File, int64, error) {
	real, info, err := t.resolve(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errNoFile
	}
	f, err := t.root.OpenFile(real, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, plain(err)
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNoFile // it has been put there since
	}
	if err != nil {
		f.Close()
		return nil, 0, plain(err)
	}
	return f, info.Size(), nil
}

// read gives a whole file of at most so many bytes.
func (t *Tree) read(name string, most int64) ([]byte, error) {
	f, _, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, plain(err)
	}
	if int64(len(data)) > most {
		return nil, errTooLarge
	}
	return data, nil
}

// list names what is in a folder of at most so many files, in no order.
func (t *Tree) list(dir string, most int) ([]string, error) {
	real, info, err := t.resolve(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, errNoFile
	}
	f, err := t.root.Open(real)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(most + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, plain(err)
	}
	if len(names) > most {
		return nil, errTooMany
	}
	return names, nil
}

// missing says that there is nothing of that name.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
