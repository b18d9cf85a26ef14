package tail

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// file is one file of the log: the live one, one that was rotated away and may
// still grow, or one that is only remembered (then content is nil).
type file struct {
	Position
	name    string
	handle  *os.File
	content io.ReaderAt // the unpacked bytes
	packed  bool
	unsure  bool // was empty when it was found rotated: may yet become a copy
	sparse  bool // was truncated: a writer that does not append leaves a hole at the head

	size  int64     // on disk, at the last look
	mtime time.Time // on disk, at the last look
	quiet time.Time // since when it has not grown, or is no longer the live file
}

// openFile opens a regular file without ever waiting for it: a log directory
// may belong to somebody who puts a FIFO there.
func openFile(name string, flags int) (*file, error) {
	handle, err := os.OpenFile(name, os.O_RDONLY|openFlags|flags, 0)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	info, err := handle.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		handle.Close()
		return nil, fmt.Errorf("open log: %w", err)
	}
	fl := &file{name: name, handle: handle, content: handle, size: info.Size(), mtime: info.ModTime()}
	fl.Device, fl.Inode = identity(info)
	fl.Modified = fl.mtime
	if filepath.Ext(name) == packedExt {
		fl.packed, fl.content = true, &unpacked{file: handle}
	}
	return fl, nil
}

func (fl *file) isOpen() bool { return fl.content != nil }

func (fl *file) close() {
	if fl.handle != nil {
		fl.handle.Close()
	}
	fl.handle, fl.content = nil, nil
}

// measure notes size and time on disk, and since when the file is quiet.
func (fl *file) measure(now time.Time) error {
	info, err := fl.handle.Stat()
	if err != nil {
		return fmt.Errorf("look at log: %w", err)
	}
	if info.Size() != fl.size {
		fl.quiet = now
	}
	fl.size, fl.mtime = info.Size(), info.ModTime()
	return nil
}

// sink is where lines go, with what it takes to cut them out of a file.
type sink struct {
	buf     []byte // at least blockSize + maxLine + 2
	maxLine int
	budget  int64 // bytes still to be read in this step
	emit    func(Line)
	stats   *Stats
}

// outcome says why reading stopped.
type outcome int

const (
	atEnd    outcome = iota // every whole line there is was delivered
	paused                  // the budget is used up
	replaced                // the file does not hold any more what was read from it
)

// read delivers every whole line from the position on. The position moves only
// over bytes delivered, so a partial last line is simply read again.
func (fl *file) read(to *sink) (outcome, error) {
	for {
		window, err := fl.window(to.buf)
		if err != nil {
			return atEnd, err
		}
		if window == nil {
			return replaced, nil
		}
		known := before(fl.Offset)
		used := fl.split(window[known:], to)
		fl.advance(window[:int(known)+used])
		if len(window) < len(to.buf) {
			return atEnd, nil
		}
		if to.budget -= int64(used); to.budget <= 0 {
			return paused, nil
		}
	}
}

// window reads the block before the position and what follows it. It checks
// the file's identity after the bytes were read, not before: what was read is
// then known to be the continuation of what was delivered, whatever happens to
// the file in between. A nil window means it is not.
func (fl *file) window(buf []byte) ([]byte, error) {
	known := before(fl.Offset)
	start := fl.Offset - known
	n, err := readAt(fl.content, buf, start)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", fl.name, err)
	}
	window := buf[:n]
	if start == 0 {
		if !bytes.HasPrefix(window, fl.Head) {
			return nil, nil
		}
		if len(fl.Head) < min(n, blockSize) {
			fl.Head = bytes.Clone(window[:min(n, blockSize)])
		}
		return window, nil
	}
	if int64(n) < known || fingerprint(window[:known]) != fl.Last {
		return nil, nil
	}
	if fl.packed {
		return window, nil // nobody writes to it, and its head is far back
	}
	var head [blockSize]byte
	if n, err = readAt(fl.content, head[:], 0); err != nil {
		return nil, fmt.Errorf("read %s: %w", fl.name, err)
	}
	if !bytes.HasPrefix(head[:n], fl.Head) {
		return nil, nil
	}
	return window, nil
}

// advance moves the position to the end of a window.
func (fl *file) advance(window []byte) {
	fl.Offset += int64(len(window)) - before(fl.Offset)
	fl.Last = fingerprint(window[int64(len(window))-before(fl.Offset):])
}

// split delivers the whole lines of data, which begins at the position, and
// returns how many bytes they took. A line is cut as soon as it is known to be
// too long, so no line needs more memory than the buffer.
func (fl *file) split(data []byte, to *sink) (used int) {
	if fl.sparse {
		used = len(data) - len(bytes.TrimLeft(data, "\x00"))
		fl.sparse = used == len(data)
	}
	for used < len(data) {
		rest := data[used:]
		if fl.Skipping {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				to.stats.Skipped += uint64(len(rest))
				return len(data)
			}
			to.stats.Skipped += uint64(end)
			fl.Skipping = false
			used += end + 1
			continue
		}
		// The longest whole line has maxLine bytes, CR and LF.
		longest := to.maxLine + len("\r\n")
		end := bytes.IndexByte(rest[:min(len(rest), longest)], '\n')
		switch {
		case end >= 0:
			fl.deliver(rest[:end], used, to)
			used += end + 1
		case len(rest) >= longest:
			fl.deliver(rest[:longest], used, to)
			fl.Skipping = true
			used += to.maxLine
		default:
			return used
		}
	}
	return used
}

// deliver hands one line out; at is where it begins, counted from the position.
func (fl *file) deliver(text []byte, at int, to *sink) {
	line := Line{Text: bytes.TrimSuffix(text, []byte("\r")), Offset: fl.Offset + int64(at), File: fl.name}
	if len(line.Text) > to.maxLine {
		line.Text, line.Cut = line.Text[:to.maxLine], true
		to.stats.Cut++
	}
	to.stats.Lines++
	to.stats.Bytes += uint64(len(line.Text))
	to.emit(line)
}

// finish reads the file a last time and delivers what stands after the last
// newline too: nobody is left to complete it.
func (fl *file) finish(to *sink) (outcome, error) {
	end, err := fl.read(to)
	if err != nil || end != atEnd {
		return end, err
	}
	window, err := fl.window(to.buf)
	if err != nil {
		return atEnd, err
	}
	if window == nil {
		return replaced, nil
	}
	rest := window[before(fl.Offset):]
	if bytes.IndexByte(rest, '\n') >= 0 || fl.Skipping && len(rest) > 0 {
		return atEnd, nil // it has grown in this very moment: not finished at all
	}
	if len(rest) > 0 {
		fl.deliver(rest, 0, to)
		fl.advance(window)
	}
	fl.Done = true
	return atEnd, nil
}

// toEnd moves the position behind the last whole line without delivering
// anything: the history of a log that is followed for the first time.
func (fl *file) toEnd(buf []byte) error {
	// Only the last buffer full matters. Skipping drops the line it begins in.
	if at := fl.size - int64(len(buf)-blockSize); at > 0 && !fl.packed {
		if err := fl.seek(at); err != nil {
			return err
		}
		fl.Skipping = true
	}
	_, err := fl.read(silent(buf))
	return err
}

// silent is a sink for lines that are nobody's business any more.
func silent(buf []byte) *sink {
	return &sink{buf: buf, maxLine: len(buf) - blockSize - 2, budget: math.MaxInt64, emit: func(Line) {}, stats: new(Stats)}
}

// seek takes the content before an offset as read.
func (fl *file) seek(offset int64) error {
	var block [blockSize]byte
	n, err := readAt(fl.content, block[:], 0)
	if err != nil {
		return fmt.Errorf("read %s: %w", fl.name, err)
	}
	head := bytes.Clone(block[:n])
	last := block[:before(offset)]
	if n, err = readAt(fl.content, last, offset-int64(len(last))); err != nil {
		return fmt.Errorf("read %s: %w", fl.name, err)
	}
	if n < len(last) {
		return fmt.Errorf("read %s: shorter than %d bytes", fl.name, offset)
	}
	fl.Head, fl.Offset, fl.Last = head, offset, fingerprint(last)
	return nil
}

// isRotated tells whether name is a rotated or packed form of the log base.
func isRotated(base, name string) bool {
	name = strings.TrimSuffix(name, packedExt)
	if rest, ok := strings.CutPrefix(name, base); ok {
		return rotatedSuffix.MatchString(rest)
	}
	ext := filepath.Ext(base)
	rest, isStem := strings.CutPrefix(name, strings.TrimSuffix(base, ext))
	rest, isExt := strings.CutSuffix(rest, ext)
	return ext != "" && isStem && isExt && rotatedSuffix.MatchString(rest)
}
