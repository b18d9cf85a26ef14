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
	for _, fl := range history {
		if !fl.mtime.Before(f.modified.Add(-timeSlack)) {
			_, err = fl.finish(silent(f.buf))
			f.files = append([]*file{fl}, f.files...)
		}
		fl.close()
	}
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
	if next != nil {
		found = append(found, next)
	}
	var errs []error
	match := func(isKnown func(known, other *file) (bool, error)) {
		found = slices.DeleteFunc(found, func(other *file) bool {
			for _, known := range f.files {
				ok, err := isKnown(known, other)
				if err != nil {
					errs = append(errs, err)
					f.drop(other, next)
					return true
				}
				if ok {
					f.join(known, other, other == next, now)
					return true
				}
			}
			return false
		})
	}
	// The order matters: a log that repeats itself may look like a copy of
	// another, but not of one that has been found as itself.
	match(f.isItself)
	match(func(known, other *file) (bool, error) { return f.isCopy(known, other, other == next) })
	for _, fl := range found {
		f.admit(fl, fl == next, now)
	}
	return errors.Join(append(errs, err)...)
}
