// Package journal follows the systemd journal through journalctl, which reads
// it with every rotation, compression and format that this machine's systemd
// has. It runs as a child; its output is JSON, one entry a line.
//
// Whoever may write to the journal chooses the message and its syslog name.
// What journald itself says about the writer stands in fields that begin with an
// underscore, which it takes from nobody. So entries are picked by the unit in
// such a field, and looked at again here.
//
// Run is one child's life; when to start another is left to its owner, and so
// is the cursor to go on from.
package journal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Options says what to follow.
type Options struct {
	// Units are systemd units, such as kamailio.service; at least one.
	Units []string
	// Cursor is the last entry that was handled; empty to begin with whatever
	// comes from now on.
	Cursor string
	// Program is the path of journalctl; empty for the one of this machine.
	Program string
}

const (
	defaultProgram = "journalctl"
	// maxLine bounds a line of output. journalctl itself leaves out values of more
	// than 4 KiB, which as lists of numbers would be 16 KiB.
	maxLine = 64 << 10
	// maxCursor bounds a cursor; a real one has some 130 letters.
	maxCursor = 512
	// maxWords is how much of the child's complaints is kept.
	maxWords = 1 << 10
	// goodbye is how long a child may take to end when it is told to.
	goodbye = 2 * time.Second
)

var (
	// ErrUnit says that a unit cannot be one.
	ErrUnit = errors.New("not the name of a systemd unit")
	// ErrCursor says that a cursor cannot be one: begin without.
	ErrCursor = errors.New("not a journal cursor")
	// ErrEnded says that journalctl ended by itself.
	ErrEnded = errors.New("journalctl ended")
)

var (
	// unitName is what systemd allows, with a type at the end (systemd.unit(5)).
	unitName = regexp.MustCompile(`^[A-Za-z0-9:_.@\\-]{1,248}\.(service|scope|slice|socket)$`)
	// cursorForm is how journald writes its cursors: letters, numbers, ids.
	cursorForm = regexp.MustCompile(`^[a-z]=[0-9a-f-]+(;[a-z]=[0-9a-f-]+)*$`)
)

// ValidUnit says that a name can be that of a unit.
func ValidUnit(name string) bool { return unitName.MatchString(name) }

// Run starts journalctl and hands out entries until the child or ctx ends, and
// says why it did. The child has ended when Run returns. The Entry is good until
// emit returns.
func Run(ctx context.Context, o Options, emit func(*Entry)) error {
	args, err := arguments(o)
	if err != nil {
		return fmt.Errorf("follow journal: %w", err)
	}
	program := o.Program
	if program == "" {
		program = defaultProgram
	}
	own, end := context.WithCancel(ctx)
	defer end()
	child := exec.CommandContext(own, program, args...)
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = goodbye
	child.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	var words tailWriter
	child.Stderr = &words
	out, err := child.StdoutPipe()
	if err != nil {
		return fmt.Errorf("follow journal: %w", err)
	}
	if err := child.Start(); err != nil {
		return fmt.Errorf("follow journal: %w", err)
	}
	// Whoever else holds the other end of the pipe must not hold us.
	defer context.AfterFunc(own, func() { out.Close() })()
	readErr := read(out, o.Units, emit)
	if readErr != nil {
		end() // it would wait for a reader for ever
	}
	waitErr := child.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if readErr == nil {
		readErr = waitErr
	}
	return fmt.Errorf("follow journal: %w", errors.Join(ErrEnded, readErr, words.err()))
}

// arguments makes the command line. Nothing of it goes through a shell, and no
// value can be taken for an option.
func arguments(o Options) ([]string, error) {
	args := []string{"--output=json", "--follow", "--quiet", "--no-pager",
		"--output-fields=MESSAGE,_SYSTEMD_UNIT,_COMM,_EXE,_PID,_UID"}
	switch {
	case o.Cursor == "":
		args = append(args, "--lines=0")
	case len(o.Cursor) > maxCursor || !cursorForm.MatchString(o.Cursor):
		return nil, fmt.Errorf("%w: %.40q", ErrCursor, o.Cursor)
	default:
		args = append(args, "--no-tail", "--after-cursor="+o.Cursor)
	}
	if len(o.Units) == 0 {
		return nil, fmt.Errorf("%w: none is given", ErrUnit)
	}
	for _, unit := range o.Units {
		if !ValidUnit(unit) {
			return nil, fmt.Errorf("%w: %.40q", ErrUnit, unit)
		}
		// Matches of one field are alternatives. --unit would also give what others
		// say about the unit.
		args = append(args, "_SYSTEMD_UNIT="+unit)
	}
	return args, nil
}

// read hands out the entries of a stream. A line that is too long is passed
// over, as is one that is no entry or nobody's whom we follow.
func read(from io.Reader, units []string, emit func(*Entry)) error {
	lines := bufio.NewReaderSize(from, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		tooLong := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return nil // what has no end was not written to its end
		}
		if err != nil {
			return err
		}
		if tooLong {
			continue
		}
		if e, ok := parse(line); ok && slices.Contains(units, e.Unit) {
			emit(&e)
		}
	}
}

// tailWriter keeps the last words.
type tailWriter struct{ text []byte }

// Write implements io.Writer.
func (w *tailWriter) Write(p []byte) (int, error) {
	w.text = append(w.text, p...)
	if surplus := len(w.text) - maxWords; surplus > 0 {
		w.text = append(w.text[:0], w.text[surplus:]...)
	}
	return len(p), nil
}

// err is what the child complained of; nil when it did not.
func (w *tailWriter) err() error {
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(w.text, nil))), " ")
	if text == "" {
		return nil
	}
	return errors.New(text)
}
