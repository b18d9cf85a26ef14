package tail

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

var (
	rotations = flag.Int("rotations", 10, "rotations of each kind in TestTorture")
	late      = flag.Duration("late", time.Second, "how long TestLateCloser's writer keeps a rotated file")
)

const (
	lineRate    = 20_000                 // lines per second
	rotateEvery = 150 * time.Millisecond // keeps ~33 rotated files open at a settle time of 5 s
)

// numbered makes the line that a lost, doubled or garbled one is known by.
func numbered(n int) string {
	text := fmt.Sprintf("%08d [2026-11-22 10:00:00] NOTICE[%d]: request from 192.0.2.%d failed", n, n*7919%65536, n%256)
	return fmt.Sprintf("%s %08x\n", text, crc32.ChecksumIEEE([]byte(text)))
}

// tally counts what happened to every numbered line.
type tally struct {
	mu               sync.Mutex
	seen             []string // the file it came from, by its number
	twice            []string // the first few
	got              int
	doubled, garbled int
}

func (c *tally) take(line Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var n int
	text := line.Text
	if len(text) > 9 {
		sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(text[:len(text)-9]))
		if _, err := fmt.Sscanf(string(text[:8]), "%d", &n); err == nil && sum == string(text[len(text)-8:]) {
			for len(c.seen) <= n {
				c.seen = append(c.seen, make([]string, 1<<16)...)
			}
			from := fmt.Sprintf("%s@%d", filepath.Base(line.File), line.Offset)
			if first := c.seen[n]; first == "" {
				c.seen[n] = from
				c.got++
				return
			} else if c.doubled++; len(c.twice) < 5 {
				c.twice = append(c.twice, fmt.Sprintf("%d: %s and %s", n, first, from))
			}
			return
		}
	}
	c.garbled++
}

func (c *tally) received() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got
}

// waitFor waits until want lines have arrived, or none has for many ticks.
func (c *tally) waitFor(want int, tick *time.Ticker) bool {
	last, idle := -1, 0
	for idle < 500 && c.received() < want {
		<-tick.C
		if now := c.received(); now != last {
			last, idle = now, 0
		}
		idle++
	}
	return c.received() >= want
}

// verdict waits for all lines written and reports.
func (c *tally) verdict(t *testing.T, what string, written int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	c.waitFor(written, tick)
	for range 15 { // a doubled line would come late
		<-tick.C
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lost := written - c.got
	t.Logf("%s: %d lines written, %d lost, %d doubled, %d garbled", what, written, lost, c.doubled, c.garbled)
	for _, line := range c.twice {
		t.Log(line)
	}
	if lost != 0 || c.doubled != 0 || c.garbled != 0 {
		t.Fail()
	}
}

// writer writes numbered lines at lineRate, one write call each.
type writer struct {
	mu      sync.Mutex
	path    string
	file    *os.File
	written atomic.Int64
	err     error
}

func (w *writer) run(ctx context.Context) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for last := time.Now(); ctx.Err() == nil; {
		now := <-tick.C
		due := int(now.Sub(last).Seconds() * lineRate)
		last = last.Add(time.Duration(due) * time.Second / lineRate)
		for range due {
			w.line()
		}
	}
}

func (w *writer) line() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.file.WriteString(numbered(int(w.written.Load()))); err != nil {
		w.err = err
		return
	}
	w.written.Add(1)
}

// paused runs do while no line is being written.
func (w *writer) paused(do func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := do(); err != nil && w.err == nil {
		w.err = err
	}
}

// reopen is what a log's writer does on a signal from logrotate.
func (w *writer) reopen() error {
	if w.file != nil {
		w.file.Close()
	}
	var err error
	w.file, err = os.OpenFile(w.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return err
}

// shift renames log.1 to log.2 and so on, the oldest falls off.
func shift(path string) {
	const keep = 12
	for n := keep; n > 0; n-- {
		for _, ext := range []string{"", ".gz"} {
			from := fmt.Sprintf("%s.%d%s", path, n, ext)
			if n == keep {
				os.Remove(from) // may not exist, as below
			} else {
				os.Rename(from, fmt.Sprintf("%s.%d%s", path, n+1, ext))
			}
		}
	}
}

func create(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// turn is one way to rotate.
type turn func(w *writer)

func byRename(w *writer) {
	shift(w.path)
	w.paused(func() error { return os.Rename(w.path, w.path+".1") })
	w.paused(w.reopen)
}

// byRenameLate is what logrotate does with create and a postrotate script: the
// new file is there long before the writer hears of it.
func byRenameLate(w *writer) {
	shift(w.path)
	w.paused(func() error { return os.Rename(w.path, w.path+".1") })
	w.paused(func() error { return create(w.path) })
	<-time.After(60 * time.Millisecond)
	w.paused(w.reopen)
}

func byCompress(w *writer) {
	byRename(w)
	if err := pack(w.path + ".1"); err != nil {
		w.paused(func() error { return err })
	}
}

func byCopyTruncate(w *writer) {
	shift(w.path)
	w.paused(func() error {
		content, err := os.ReadFile(w.path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(w.path+".1", content, 0o600); err != nil {
			return err
		}
		return os.Truncate(w.path, 0)
	})
}

func byReplace(w *writer) {
	if err := create(w.path + ".new"); err != nil {
		w.paused(func() error { return err })
	}
	w.paused(func() error { return os.Rename(w.path+".new", w.path) })
	w.paused(w.reopen)
}

// followRun runs the follower's real loop; the function returned stops it and
// returns its checkpoint, as it would come back from the disk.
func followRun(t *testing.T, path string, from *Checkpoint, c *tally, opt Options) func() *Checkpoint {
	t.Helper()
	f, err := Open(path, from, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx, c.take) }()
	return func() *Checkpoint {
		cancel()
		<-done
		f.Close()
		if err := f.Stats().Err; err != nil {
			t.Errorf("last look: %v", err)
		}
		saved, err := json.Marshal(f.Checkpoint())
		if err != nil {
			t.Fatal(err)
		}
		back := new(Checkpoint)
		if err := json.Unmarshal(saved, back); err != nil {
			t.Fatal(err)
		}
		return back
	}
}

// habit is what else happens around the turns.
type habit int

const (
	following  habit = iota
	restarting       // the follower is down for some of the turns
	destroying       // a turn removes the file, so it must have been opened before
)

// torture writes while turns rotate.
func torture(t *testing.T, how habit, turns ...turn) {
	w := &writer{path: filepath.Join(t.TempDir(), "log")}
	w.paused(w.reopen)
	c := new(tally)
	stop := followRun(t, w.path, nil, c, Options{FromStart: true})
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() { w.run(ctx) })
	tick := time.NewTicker(rotateEvery)
	defer tick.Stop()
	before := 0
	for n := range *rotations {
		<-tick.C
		switch {
		case how == restarting && n%4 == 1:
			from := stop()
			for range rand.IntN(4) {
				turns[rand.IntN(len(turns))](w)
				<-tick.C
			}
			stop = followRun(t, w.path, from, c, Options{})
		case how == destroying && !c.waitFor(before+1, tick):
			t.Error("the new file was not followed")
		default:
			turns[n%len(turns)](w)
		}
		before = int(w.written.Load())
	}
	<-tick.C
	cancel()
	writing.Wait()
	if w.err != nil {
		t.Error(w.err)
	}
	c.verdict(t, t.Name(), int(w.written.Load()))
	stop()
	w.file.Close()
}

func TestTorture(t *testing.T) {
	for _, kind := range []struct {
		name  string
		how   habit
		turns []turn
	}{
		{"rename", following, []turn{byRename}},
		{"rename-late", following, []turn{byRenameLate}},
		{"create-compress", following, []turn{byCompress}},
		{"copytruncate", following, []turn{byCopyTruncate}},
		{"replace", destroying, []turn{byReplace}},
		{"restarts", restarting, []turn{byRename, byCopyTruncate, byCompress, byRenameLate}},
	} {
		t.Run(kind.name, func(t *testing.T) { torture(t, kind.how, kind.turns...) })
	}
}

// TestLateCloser has one writer keep the rotated file, silent for most of the
// time, while another writes to the new one.
func TestLateCloser(t *testing.T) {
	opt := Options{FromStart: true}
	if *late <= 2*defaultSettleTime {
		opt.SettleTime = *late / 10
	}
	w := &writer{path: filepath.Join(t.TempDir(), "log")}
	w.paused(w.reopen)
	c := new(tally)
	stop := followRun(t, w.path, nil, c, opt)
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() { w.run(ctx) })
	<-time.After(rotateEvery)

	var old *os.File
	w.paused(func() error {
		old, w.file = w.file, nil
		if err := os.Rename(w.path, w.path+".1"); err != nil {
			return err
		}
		return w.reopen()
	})
	writeOld := func() {
		for range lineRate / 20 {
			w.paused(func() error {
				_, err := old.WriteString(numbered(int(w.written.Load())))
				w.written.Add(1)
				return err
			})
		}
	}
	writeOld()
	<-time.After(*late)
	writeOld()
	w.paused(old.Close)
	<-time.After(rotateEvery)
	cancel()
	writing.Wait()
	if w.err != nil {
		t.Error(w.err)
	}
	c.verdict(t, fmt.Sprintf("closed %v late", *late), int(w.written.Load()))
	w.file.Close()
}

// TestTortureWithoutInotify repeats the torture in a user namespace in which
// the kernel grants no inotify instance.
func TestTortureWithoutInotify(t *testing.T) {
	const limit = "/proc/sys/user/max_inotify_instances"
	if os.Getenv("TAIL_WITHOUT_INOTIFY") != "" {
		if err := os.WriteFile(limit, []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		if w, err := fsnotify.NewWatcher(); err == nil {
			w.Close()
			t.Fatal("the kernel still grants inotify instances")
		}
		TestTorture(t)
		return
	}
	arguments := []string{"-test.run=^TestTortureWithoutInotify$", "-test.v", fmt.Sprintf("-rotations=%d", *rotations)}
	child := exec.Command(os.Args[0], arguments...)
	child.Env = append(os.Environ(), "TAIL_WITHOUT_INOTIFY=1")
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := child.CombinedOutput()
	if child.ProcessState == nil {
		t.Skipf("this kernel grants no user namespace: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
