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
	errs := []error{f.refresh(now)}
	found, err := f.rotated()
	errs = append(errs, err)
	if next != nil {
		found = append(found, next)
	}
	// The order matters: a log that repeats itself may look like a copy of
	// another, but not of one that has been found as itself.
	for _, match := range []matcher{f.itself, f.original, f.unread} {
		var unknown []*file
		for _, other := range found {
			ok, err := f.matched(other, other == next, now, match)
			errs = append(errs, err)
			if !ok {
				unknown = append(unknown, other)
			}
		}
		found = unknown
	}
	for _, other := range found {
		// Names change while we look, so one file may have been found twice.
		ok, err := f.matched(other, other == next, now, f.itself, f.original)
		errs = append(errs, err)
		switch {
		case ok:
		case other == next:
			f.begun(other, now)
		default:
			errs = append(errs, f.admit(other, now))
		}
	}
	f.order()
	return errors.Join(errs...)
}

// matcher finds the known file that other is, or is a copy of; nil if none.
// isNext says that the log's path names other.
type matcher func(other *file, isNext bool) (*file, error)

// matched joins other to the first known file that a matcher finds. A file that
// cannot be read is matched to nothing, and closed.
func (f *Follower) matched(other *file, isNext bool, now time.Time, by ...matcher) (bool, error) {
	for _, match := range by {
		known, err := match(other, isNext)
		if err != nil {
			other.close()
			return true, err
		}
		if known != nil {
			return true, f.join(known, other, isNext, now)
		}
	}
	return false, nil
}

// refresh learns the heads of files that have grown, so that a packed copy of
// one is recognised although none of its new lines has been read yet.
func (f *Follower) refresh(now time.Time) error {
	var errs []error
	for _, fl := range slices.Clone(f.files) {
		if !fl.isOpen() {
			continue
		}
		window, err := fl.window(f.buf[:2*blockSize])
		if err == nil && window == nil {
			f.truncated(fl, now)
			_, err = fl.window(f.buf[:2*blockSize])
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// itself finds the known file that other is, wherever it was moved to. The
// inode alone proves that only while the file is open; later the number may
// have been given to a new file, or the file may have been truncated.
func (f *Follower) itself(other *file, isNext bool) (*file, error) {
	for _, known := range f.files {
		if !known.isAt(other) {
			continue
		}
		if known.isOpen() {
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
		if known == other || isNext && (known.Done || known.isOpen()) ||
			best != nil && len(best.Head) > len(known.Head) {
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

// unread finds the known file that other is, when not a byte of it had been
// seen: then the inode is all there is to know it by.
func (f *Follower) unread(other *file, _ bool) (*file, error) {
	for _, known := range f.files {
		if known.isAt(other) && len(known.Head) == 0 {
			return known, nil
		}
	}
	return nil, nil
}

// isAt tells whether two files have, or had, the same inode.
func (fl *file) isAt(other *file) bool {
	return fl.Device == other.Device && fl.Inode == other.Inode
}

// join makes use of other, which is a known file or a copy of it.
func (f *Follower) join(known, other *file, isNext bool, now time.Time) error {
	if isNext {
		f.live = known
	}
	if known.isOpen() {
		if known != f.live {
			known.name = other.name // packed since it was opened
		}
		other.close()
		return nil
	}
	// Worth keeping open only if it holds more than was read, or may yet.
	var more [1]byte
	n, err := readAt(other.content, more[:], known.Offset)
	watch := known.isAt(other) && !known.Done && other.size >= known.Offset
	if err != nil || n == 0 && !isNext && !watch {
		other.close()
		return err
	}
	position := known.Position
	if isNext && other.size < position.Offset {
		if err := other.toEnd(f.buf); err != nil {
			other.close()
			return err
		}
		position = other.Position
	}
	position.Device, position.Inode, position.Modified, position.Done = other.Device, other.Inode, other.mtime, false
	*known = *other
	known.Position, known.quiet, known.unsure = position, now, !isNext && len(position.Head) == 0
	return nil
}

// begun takes a new live file.
func (f *Follower) begun(next *file, now time.Time) {
	next.quiet = now
	next.sparse = slices.ContainsFunc(f.files, next.isAt)
	f.files = append(f.files, next)
	f.live = next
}

// admit takes a rotated file that was never seen before, if it is so young that
// it must have come and gone since the last look.
func (f *Follower) admit(other *file, now time.Time) error {
	rotated := slices.ContainsFunc(f.places(), func(path string) bool {
		return isRotated(filepath.Base(path), filepath.Base(other.name))
	})
	if !rotated || other.older(f.modified) {
		other.close()
		return nil
	}
	if _, err := other.window(f.buf); err != nil { // takes note of its head
		other.close()
		return err
	}
	// Even if it has grown since: it was empty when it was compared.
	other.quiet, other.unsure = now, other.size == 0
	f.files = append(f.files, other)
	return nil
}

// sure decides what a rotated file is that was empty when it was found: it may
// be a copy that has only just been created, or belong to a late writer. It is
// let go when it is the former, or when nobody can write to it any more.
func (f *Follower) sure(fl *file, now time.Time) (bool, error) {
	free := released(fl.handle) || now.Sub(fl.quiet) >= f.opt.HoldTime
	if err := fl.measure(now); err != nil {
		return false, err
	}
	known, err := f.original(fl, false)
	if err != nil {
		return false, err
	}
	if known == nil && fl.size > 0 {
		fl.unsure = false
		return true, nil
	}
	if !free {
		return false, nil
	}
	f.files = slices.DeleteFunc(f.files, func(other *file) bool { return other == fl })
	if known == nil {
		fl.close()
		return false, nil
	}
	return false, f.join(known, fl, false, now)
}

// order puts the files into the order in which they were written, as far as
// their times tell; a file still being written to by a late writer has no place.
func (f *Follower) order() {
	slices.SortStableFunc(f.files, func(a, b *file) int {
		switch f.live {
		case a:
			return 1
		case b:
			return -1
		}
		return byAge(a, b)
	})
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
		if fl.Device != device || fl.Inode != inode || fl.Done {
			continue
		}
		if fl.isOpen() {
			fl.name = filepath.Join(filepath.Dir(path), entry.Name()) // renamed, perhaps
			return false
		}
		return true // looked for, whatever its name is now
	}
	return rotated && !info.ModTime().Before(since.Add(-timeSlack))
}

// byAge orders rotated files, the oldest first. Names decide only between files
// of one time: the higher number is the older one, the higher date the newer.
func byAge(a, b *file) int {
	return cmp.Or(
		a.mtime.Compare(b.mtime),
		cmp.Compare(rotationNumber(b.name), rotationNumber(a.name)),
		cmp.Compare(a.name, b.name),
	)
}

// rotationNumber is the number at the end of a rotated file's name, and 0 for
// a name without one: a file that was replaced while it was open, or a date,
// which is also what a longer number is.
func rotationNumber(name string) int {
	ext := filepath.Ext(strings.TrimSuffix(name, packedExt))
	number, err := strconv.Atoi(strings.TrimPrefix(ext, "."))
	if err != nil || len(ext) > len(".9999") {
		return 0
	}
	return number
}

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func sameDirectory(a, b string) bool {
	x, errX := os.Stat(filepath.Dir(a))
	y, errY := os.Stat(filepath.Dir(b))
	return errX == nil && errY == nil && os.SameFile(x, y)
}
