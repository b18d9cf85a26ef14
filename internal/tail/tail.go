// Package tail follows a log file and delivers every line exactly once.
//
// Logs are rotated by renaming, by copying and truncating, by compressing, with
// writers that go on using the old file for a minute, and all of that also
// while nobody is looking. So a file is known by its content, not by its name:
// by the first bytes and by the bytes before the read position. The inode is
// only a hint. Every look at the log answers three questions. Do the files in
// hand still hold what was read from them? Which of the files beside the log
// are old acquaintances under a new name, packed or copied? Which came and went
// unseen and have to be read from their beginning?
//
// What cannot be told apart: a file that was truncated and filled again with
// the very same first 256 bytes and the same 256 bytes before the old position.
package tail

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
)

// Options tune a Follower. The zero value is what a log wants.
type Options struct {
	// MaxLine is the longest line in bytes, without its newline; 0 means 64 KiB.
	// A longer line is delivered cut, its rest is skipped.
	MaxLine int
	// FromStart reads a log that is followed for the first time from its
	// beginning. Otherwise only lines completed after Open are delivered.
	FromStart bool
	// SettleTime is how long a rotated file that no process has open for
	// writing must be quiet before it is let go; 0 means 5 s.
	SettleTime time.Duration
	// HoldTime is the same for a rotated file that a process still has open, or
	// where that cannot be told; 0 means 5 min.
	HoldTime time.Duration
}

const (
	defaultMaxLine    = 64 << 10
	defaultSettleTime = 5 * time.Second
	defaultHoldTime   = 5 * time.Minute

	readSize   = 256 << 10 // bytes per read; larger reads are not faster
	stepBudget = 8 << 20   // bytes per step, so that Run notices its end in a long backlog
	maxOpen    = 64        // rotated files held open
	maxKnown   = 16        // files remembered without being open
)

// Line is one line of the log.
type Line struct {
	Text   []byte // without newline and CR; valid until the callback returns
	Offset int64  // of its first byte in the unpacked file
	Cut    bool   // longer than MaxLine; the rest was skipped
	File   string // the name under which the file was found
}

// Stats counts since Open, except for Open, which is a gauge.
type Stats struct {
	Lines       uint64 // delivered
	Bytes       uint64 // delivered, without newlines
	Cut         uint64 // lines longer than MaxLine
	Skipped     uint64 // bytes of cut lines
	Rotations   uint64 // times the path named another file
	Truncations uint64 // times a file did not hold any more what was read from it
	Open        int    // files held open, the live one included
	Err         error  // what the last look could not do; nil when all is well
}

// Follower follows one log. Poll, Run and Close belong to one goroutine;
// Checkpoint and Stats may be called from any, also from the callback.
type Follower struct {
	path string
	opt  Options
	buf  []byte

	files    []*file // oldest first, the live one last
	live     *file   // the one the path names; nil while it names none
	modified time.Time
	dirTime  time.Time // the directory's modification time when it was last searched
	search   bool      // search again whatever the directory's time says
	stats    Stats

	published atomic.Pointer[report]
}

// report is what other goroutines may see.
type report struct {
	checkpoint Checkpoint
	stats      Stats
}

// Open prepares to follow path. With a checkpoint the follower goes on where
// the checkpoint was made, through all rotations since. Neither the file nor
// its directory has to exist yet. The error wraps ErrCheckpoint when the
// checkpoint is at fault.
func Open(path string, from *Checkpoint, opt Options) (*Follower, error) {
	if opt.MaxLine == 0 {
		opt.MaxLine = defaultMaxLine
	}
	if opt.SettleTime == 0 {
		opt.SettleTime = defaultSettleTime
	}
	if opt.HoldTime == 0 {
		opt.HoldTime = defaultHoldTime
	}
	f := &Follower{path: filepath.Clean(path), opt: opt, search: true}
	f.buf = make([]byte, blockSize+max(readSize, opt.MaxLine+len("\r\n")))
	if from == nil {
		if err := f.begin(); err != nil {
			f.Close()
			return nil, fmt.Errorf("follow %s: %w", path, err)
		}
	} else {
		if err := from.check(); err != nil {
			return nil, fmt.Errorf("follow %s: %w", path, err)
		}
		f.modified = from.Modified
		for _, position := range from.Files {
			f.files = append(f.files, &file{Position: position, mtime: position.Modified})
		}
	}
	f.publish()
	return f, nil
}

// Close lets all files go. The checkpoint stays readable.
func (f *Follower) Close() {
	for _, fl := range f.files {
		fl.close()
	}
}

// Checkpoint covers exactly the lines delivered up to the end of the last
// step: after Poll all of them, in the callback perhaps fewer.
func (f *Follower) Checkpoint() Checkpoint { return f.published.Load().checkpoint }

// Stats returns the counters as of the end of the last step.
func (f *Follower) Stats() Stats { return f.published.Load().stats }

// Poll delivers every line there is and settles what has been rotated. Its
// clock is the one handed in. After an error it is safe, and right, to poll
// again: nothing is skipped, and what could be read was delivered.
func (f *Follower) Poll(now time.Time, emit func(Line)) error {
	for {
		more, err := f.step(now, emit)
		if !more {
			return err
		}
	}
}

// step does a bounded part of Poll; more says that it has to go on.
func (f *Follower) step(now time.Time, emit func(Line)) (more bool, err error) {
	defer func() {
		f.stats.Err = err
		f.publish()
	}()
	errs := []error{f.measure(now), f.look(now)}
	to := &sink{buf: f.buf, maxLine: f.opt.MaxLine, budget: stepBudget, emit: emit, stats: &f.stats}
	for _, fl := range slices.Clone(f.files) {
		end, err := f.visit(fl, to, now)
		errs = append(errs, err)
		switch end {
		case paused:
			return true, errors.Join(errs...)
		case replaced:
			f.truncated(fl, now)
			return true, errors.Join(errs...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return false, err
	}
	f.commit()
	return false, nil
}

// visit reads one file, and lets it go when it has settled.
func (f *Follower) visit(fl *file, to *sink, now time.Time) (outcome, error) {
	if !fl.isOpen() {
		f.forget(fl, now)
		return atEnd, nil
	}
	if fl.unsure {
		if sure, err := f.sure(fl, now); !sure {
			return atEnd, err
		}
	}
	end, err := fl.read(to)
	if err == nil && end == atEnd && f.settled(fl, now) {
		end, err = fl.finish(to)
	}
	// A broken packed file is tried again when the directory changes, for it
	// may just not be complete yet.
	if fl.Done || err != nil && fl.packed {
		fl.close()
	}
	return end, err
}

// measure asks the open files for their size and time. It comes before the
// search for unknown files: whatever the search does not find is then newer.
func (f *Follower) measure(now time.Time) error {
	var errs []error
	for _, fl := range f.files {
		if fl.isOpen() {
			errs = append(errs, fl.measure(now))
		}
	}
	return errors.Join(errs...)
}

// commit takes note of the times measured, once all has been read that was
// there when they were.
func (f *Follower) commit() {
	var newest time.Time
	for _, fl := range f.files {
		if !fl.isOpen() {
			continue
		}
		fl.Modified = fl.mtime
		if fl.mtime.After(newest) {
			newest = fl.mtime
		}
	}
	if !newest.IsZero() {
		f.modified = newest
	}
	f.prune()
}

// settled tells whether a rotated file can be let go.
func (f *Follower) settled(fl *file, now time.Time) bool {
	if fl == f.live {
		return false
	}
	if fl.packed || f.open() > maxOpen {
		return true
	}
	quiet := now.Sub(fl.quiet)
	if quiet < f.opt.SettleTime {
		return false
	}
	// Without a new file the writer may simply not have begun it yet.
	return released(fl.handle) || quiet >= f.opt.HoldTime && f.live != nil
}

// truncated deals with a file that holds other content now. What was read of
// the old content stays known, because copytruncate leaves a copy of it where
// the lines not yet read are; the file itself begins anew.
func (f *Follower) truncated(fl *file, now time.Time) {
	old := &file{Position: fl.Position, name: fl.name, mtime: fl.Modified, quiet: now}
	f.files = slices.Insert(f.files, slices.Index(f.files, fl), old)
	fl.Position = Position{Device: fl.Device, Inode: fl.Inode, Modified: fl.Modified}
	fl.sparse = true
	f.search = true
	f.stats.Truncations++
}

// forget stops looking for a file that has not turned up.
func (f *Follower) forget(fl *file, now time.Time) {
	if fl.quiet.IsZero() {
		fl.quiet = now
	}
	fl.Done = fl.Done || now.Sub(fl.quiet) >= f.opt.SettleTime
}

// prune bounds the memory: of the files that are not open only the newest few
// are of use, and a file that was finished without a byte is of none.
func (f *Follower) prune() {
	f.files = slices.DeleteFunc(f.files, func(fl *file) bool {
		return !fl.isOpen() && fl.Done && len(fl.Head) == 0
	})
	surplus := len(f.files) - f.open() - maxKnown
	f.files = slices.DeleteFunc(f.files, func(fl *file) bool {
		if fl.isOpen() || surplus <= 0 {
			return false
		}
		surplus--
		return true
	})
}

func (f *Follower) open() (n int) {
	for _, fl := range f.files {
		if fl.isOpen() {
			n++
		}
	}
	return n
}

func (f *Follower) publish() {
	f.stats.Open = f.open()
	r := &report{stats: f.stats, checkpoint: Checkpoint{Modified: f.modified, Files: make([]Position, len(f.files))}}
	for i, fl := range f.files {
		r.checkpoint.Files[i] = fl.Position
	}
	f.published.Store(r)
}
