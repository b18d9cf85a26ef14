package tail

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const packedExt = ".gz"

// rotatedSuffix is what rotation puts behind a log's name, or before its
// extension: a number, a date, or "old". A single number after anything but a
// dot is more likely another log ("kamailio-2.log").
var rotatedSuffix = regexp.MustCompile(`^(\.\d{1,4}|[._-]\d[\dT:._-]{5,}|\.old)$`)

// timeSlack is how much older than the original a packed file may claim to be:
// some packers keep only whole seconds.
const timeSlack = time.Second

// begin starts without a checkpoint: what is there now is history, except for
// the live file when FromStart asks for it.
func (f *Follower) begin() error {
	live, err := openFile(f.path, 0)
	switch {
	case missing(err):
	case err != nil:
		return err
	default:
		f.files, f.live, f.modified = []*file{live}, live, live.mtime
		if !f.opt.FromStart {
			if err := live.toEnd(f.buf); err != nil {
				return err
			}
		}
	}
	history, err := f.rotated()
	if err != nil {
		return err
	}
	for _, fl := range history {
		if f.live == nil && fl.mtime.After(f.modified) {
			f.modified = fl.mtime
		}
	}
	// Older files are history by their time. One as young as the live file
	// could be taken for a file that came and went unseen, so it is read, silently.
	var errs []error
	for _, fl := range history {
		if !fl.mtime.Before(f.modified.Add(-timeSlack)) {
			errs = append(errs, f.remember(fl))
		}
		fl.close()
	}
	return errors.Join(errs...)
}

// remember takes a whole file as read.
func (f *Follower) remember(fl *file) error {
	if err := fl.toEnd(f.buf); err != nil {
		return err
	}
	_, err := fl.finish(silent(f.buf))
	f.files = slices.Insert(f.files, 0, fl)
	return err
}

// look finds out whether the path names another file now, and searches the
// directory when anything in it was created, renamed or removed.
func (f *Follower) look(now time.Time) error {
	info, err := os.Stat(f.path)
	if err != nil && !missing(err) {
		return fmt.Errorf("look at log: %w", err)
	}
	dirTime := f.directoryTime()
	moved := f.live != nil
	var next *file
	if info != nil {
		device, inode := identity(info)
		moved = f.live == nil || f.live.Device != device || f.live.Inode != inode
		if moved {
			if next, err = openFile(f.path, 0); err != nil && !missing(err) {
				return err
			}
		}
	}
	if !moved && !f.search && dirTime.Equal(f.dirTime) {
		return nil
	}
	if moved && f.live != nil {
		f.live.quiet = now
		f.live = nil
		f.stats.Rotations++
	}
	// Times on disk are coarse: a change right after this search may not move
	// the directory's time. So every change is answered by two searches.
	f.search = !dirTime.Equal(f.dirTime)
	f.dirTime = dirTime
	return f.recognise(next, now)
}

func (f *Follower) directoryTime() time.Time {
	info, err := os.Stat(filepath.Dir(f.path))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// recognise sorts what is there now into what is known: next is what the path
// names, if that is not the live file; the rest are its rotated siblings.
func (f *Follower) recognise(next *file, now time.Time) error {
	found, err := f.rotated()
	errs := []error{err}
	if next != nil {
		found = append(found, next)
	}
	// The order matters: a log that repeats itself may look like a copy of
	// another, but not of one that has been found as itself.
	for _, isKnown := range []func(other *file, isNext bool) (*file, error){f.itself, f.original} {
		var unknown []*file
		for _, other := range found {
			known, err := isKnown(other, other == next)
			switch {
			case err != nil:
				errs = append(errs, err)
				other.close()
			case known != nil:
				errs = append(errs, f.join(known, other, other == next, now))
			default:
				unknown = append(unknown, other)
			}
		}
		found = unknown
	}
	for _, other := range found {
		if other == next {
			f.begun(other, now)
		} else {
			errs = append(errs, f.admit(other, now))
		}
	}
	return errors.Join(errs...)
}

// itself finds the known file that other is, wherever it was moved to. The
// inode alone proves that only while the file is open; later the number may
// have been given to a new file, or the file may have been truncated.
func (f *Follower) itself(other *file, isNext bool) (*file, error) {
	for _, known := range f.files {
		if known.Device != other.Device || known.Inode != other.Inode {
			continue
		}
		if known.isOpen() || len(known.Head) == 0 {
			return known, nil
		}
		likeness, err := known.compare(other.content)
		if err != nil {
			return nil, err
		}
		// A live file that lost its end but kept its head was cut by a power
		// failure, unless we were there to see it happen.
		cut := likeness == beginning && isNext && !known.Done && other.size >= blockSize
		if likeness == same || cut {
			return known, nil
		}
	}
	return nil, nil
}

// original finds the known file that other is a copy of: packed, or made by
// copytruncate. The longest common head decides, for a short one proves little.
func (f *Follower) original(other *file, isNext bool) (*file, error) {
	var best *file
	for _, known := range f.files {
		// A new file at the path that looks like an old one just repeats it,
		// unless the old one is nowhere to be found.
		if isNext && (known.Done || known.isOpen()) || best != nil && len(best.Head) > len(known.Head) {
			continue
		}
		likeness, err := known.compare(other.content)
		if err != nil {
			return nil, err
		}
		if likeness == same || likeness == beginning && !isNext {
			best = known
		}
	}
	return best, nil
}

// join makes use of other, which is a known file or a copy of it.
func (f *Follower) join(known, other *file, isNext bool, now time.Time) error {
	if isNext {
		f.live = known
		f.files = append(slices.DeleteFunc(f.files, func(fl *file) bool { return fl == known }), known)
	}
	if known.isOpen() {
		other.close()
		return nil
	}
	isItself := known.Device == other.Device && known.Inode == other.Inode
	if !isNext && (known.Done || !isItself) {
		// Worth opening only if it holds more than was read.
		var more [1]byte
		n, err := readAt(other.content, more[:], known.Offset)
		if err != nil || n == 0 {
			other.close()
			return err
		}
	}
	position := known.Position
	if !other.packed && other.size < position.Offset {
		if err := other.toEnd(f.buf); err != nil {
			other.close()
			return err
		}
		position = other.Position
	}
	position.Device, position.Inode, position.Done = other.Device, other.Inode, false
	*known = *other
	known.Position, known.quiet = position, now
	return nil
}

// begun takes a new live file.
func (f *Follower) begun(next *file, now time.Time) {
	next.quiet = now
	next.sparse = slices.ContainsFunc(f.files, func(fl *file) bool {
		return fl.Device == next.Device && fl.Inode == next.Inode
	})
	f.files = append(f.files, next)
	f.live = next
}

// admit takes a rotated file that was never seen before, if it is so young that
// it must have come and gone since the last look.
func (f *Follower) admit(other *file, now time.Time) error {
	rotated := slices.ContainsFunc(f.places(), func(path string) bool {
		return isRotated(filepath.Base(path), filepath.Base(other.name))
	})
	if !rotated || other.size == 0 || other.older(f.modified) {
		other.close()
		return nil
	}
	other.quiet = now
	if _, err := other.window(f.buf); err != nil { // takes note of its head
		other.close()
		return err
	}
	end := len(f.files)
	if f.live != nil {
		end--
	}
	f.files = slices.Insert(f.files, end, other)
	return nil
}

// older tells whether the file was last written before a time.
func (fl *file) older(than time.Time) bool {
	if fl.packed {
		than = than.Add(-timeSlack)
	}
	return fl.mtime.Before(than)
}

// rotated opens the log's rotated siblings that may hold lines not yet read,
// the oldest first.
func (f *Follower) rotated() ([]*file, error) {
	var found []*file
	var errs []error
	for _, path := range f.places() {
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil && !missing(err) {
			errs = append(errs, fmt.Errorf("search rotated logs: %w", err))
		}
		names := make(map[string]bool, len(entries))
		for _, entry := range entries {
			names[entry.Name()] = true
		}
		for _, entry := range entries {
			// A packed file beside its original is still being written.
			original, packed := strings.CutSuffix(entry.Name(), packedExt)
			if entry.Name() == filepath.Base(path) || packed && names[original] || !f.wanted(path, entry) {
				continue
			}
			fl, err := openFile(filepath.Join(filepath.Dir(path), entry.Name()), noFollow)
			if missing(err) {
				f.search = true // renamed while we looked
				continue
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			found = append(found, fl)
		}
	}
	slices.SortFunc(found, byAge)
	return found, errors.Join(errs...)
}

// places are the names whose directories hold rotated files: the path and, when
// that is a link, what it points to.
func (f *Follower) places() []string {
	target, err := filepath.EvalSymlinks(f.path)
	if err != nil || filepath.Base(target) == filepath.Base(f.path) && sameDirectory(target, f.path) {
		return []string{f.path}
	}
	return []string{f.path, target}
}

// wanted tells whether a directory entry may hold lines not yet read.
func (f *Follower) wanted(path string, entry fs.DirEntry) bool {
	rotated := isRotated(filepath.Base(path), entry.Name())
	since, lost := f.modified, false
	for _, fl := range f.files {
		if fl.isOpen() || fl.Done {
			continue
		}
		lost = true
		if fl.Modified.Before(since) {
			since = fl.Modified
		}
	}
	if !rotated && !lost {
		return false
	}
	info, err := entry.Info()
	if err != nil || !info.Mode().IsRegular() {
		f.search = f.search || err != nil
		return false
	}
	device, inode := identity(info)
	for _, fl := range f.files {
		if fl.Device == device && fl.Inode == inode && !fl.Done {
			return !fl.isOpen() // looked for, whatever its name is now
		}
	}
	return rotated && !info.ModTime().Before(since.Add(-timeSlack))
}

// byAge orders rotated files, the oldest first. Names decide only between files
// of one time: the higher number is the older one, the higher date the newer.
func byAge(a, b *file) int {
	if order := a.mtime.Compare(b.mtime); order != 0 {
		return order
	}
	x, errX := rotationNumber(a.name)
	y, errY := rotationNumber(b.name)
	if errX == nil && errY == nil {
		return cmp.Compare(y, x)
	}
	return cmp.Compare(a.name, b.name)
}

func rotationNumber(name string) (int, error) {
	name = strings.TrimSuffix(name, packedExt)
	return strconv.Atoi(strings.TrimPrefix(filepath.Ext(name), "."))
}

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func sameDirectory(a, b string) bool {
	x, errX := os.Stat(filepath.Dir(a))
	y, errY := os.Stat(filepath.Dir(b))
	return errX == nil && errY == nil && os.SameFile(x, y)
}
