package tail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stories tell what happened to a log; the bad ones come first.
var stories = []struct {
	name string
	tell func(r *rig)
}{
	{"truncated and grown past the old offset between two looks", func(r *rig) {
		r.write("", "a1\na2\n")
		r.poll()
		r.truncate()
		r.write("", "b1 is longer\nb2\nb3\n")
		r.poll()
		r.want("a1", "a2", "b1 is longer", "b2", "b3")
	}},
	{"truncated and grown to the same size", func(r *rig) {
		r.write("", "a1\na2\n")
		r.poll()
		r.truncate()
		r.write("", "b1\nb2\n")
		r.poll()
		r.want("a1", "a2", "b1", "b2")
	}},
	{"same head, another end", func(r *rig) {
		head := strings.Repeat("h", blockSize)
		r.write("", head+"\na1\n")
		r.poll()
		r.truncate()
		r.write("", head+"\nb1\nb2\n")
		r.poll()
		r.want(head, "a1", head, "b1", "b2")
	}},
	{"another head, the same end", func(r *rig) {
		long := strings.Repeat("l", 3*blockSize)
		r.write("", "a1\n"+long+"\n")
		r.poll()
		r.truncate()
		r.write("", "b1\n"+long+"\nb2\n")
		r.poll()
		r.want("a1", long, "b1", long, "b2")
	}},
	{"same head, another end while down", func(r *rig) {
		head := strings.Repeat("h", blockSize)
		r.write("", head+"\na1\n")
		r.poll()
		r.stop()
		r.truncate()
		r.write("", head+"\nb1\nb2\n")
		r.start()
		r.poll()
		r.want(head, "a1", head, "b1", "b2")
	}},
	{"an empty log, renamed to a name that nobody foresaw while down", func(r *rig) {
		r.write("", "")
		r.poll()
		r.stop()
		r.write("", "a1\n")
		r.rename("", ".before-upgrade")
		r.write("", "b1\n")
		r.start()
		r.settle()
		r.want("a1", "b1")
	}},
	{"every file begins with the same banner", func(r *rig) {
		banner := strings.Repeat("b", blockSize)
		r.write("", banner+"\na1\n")
		r.poll()
		r.stop()
		r.rename("", ".2")
		r.write("", banner+"\nb1\n")
		r.rename("", ".1")
		r.write("", banner+"\nc1\n")
		r.start()
		r.settle()
		r.want(banner, "a1", banner, "b1", banner, "c1")
	}},
	{"copytruncate before the end was read", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.write("", "a2\na3\n")
		r.copy("", ".1")
		r.truncate()
		r.write("", "b1\nb2\nb3\nb4\n")
		r.poll()
		r.want("a1", "a2", "a3", "b1", "b2", "b3", "b4")
	}},
	{"copytruncate twice while down, one copy packed", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.stop()
		r.write("", "a2\n")
		r.copy("", ".1")
		r.truncate()
		r.write("", "b1\n")
		r.rename(".1", ".2")
		r.copy("", ".1")
		r.truncate()
		r.write("", "c1\n")
		r.pack(".2")
		r.start()
		r.poll()
		r.want("a1", "a2", "b1", "c1")
	}},
	{"copytruncate while down, all read before", func(r *rig) {
		r.write("", "a1\na2\n")
		r.poll()
		r.stop()
		r.copy("", ".1")
		r.truncate()
		r.start()
		r.poll()
		r.write("", "b1\n")
		r.settle()
		r.want("a1", "a2", "b1")
	}},
	{"a copy seen while it is made", func(r *rig) {
		r.write("", "a1\na2\n")
		r.poll()
		copying := r.hold(".1")
		r.poll()
		_, err := copying.WriteString("a1\na2\na3\n")
		r.must(err)
		r.write("", "a3\n")
		r.poll()
		r.must(copying.Close())
		r.poll()
		r.truncate()
		r.write("", "b1\n")
		r.settle()
		r.want("a1", "a2", "a3", "b1")
	}},
	{"a hole left by a writer that does not append", func(r *rig) {
		r.write("", "a1\na2\n")
		r.poll()
		r.truncate()
		writer := r.hold("")
		r.must(writer.Close())
		writer, err := os.OpenFile(r.path, os.O_WRONLY, 0)
		r.must(err)
		_, err = writer.WriteAt([]byte("b1\nb2\n"), 100_000)
		r.must(err)
		r.must(writer.Close())
		r.poll()
		r.want("a1", "a2", "b1", "b2")
	}},
	{"a new file has the old inode", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.stop()
		r.write("", "a2\n")
		r.rename("", ".1")
		r.write("", "b1\nb2\nb3\n")
		info, err := os.Stat(r.path)
		r.must(err)
		r.editSaved(func(c *Checkpoint) { c.Files[0].Device, c.Files[0].Inode = identity(info) })
		r.start()
		r.poll()
		r.want("a1", "a2", "b1", "b2", "b3")
	}},
	{"the disk has another number after a reboot", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.stop()
		r.editSaved(func(c *Checkpoint) { c.Files[0].Device++ })
		r.write("", "a2\n")
		r.start()
		r.poll()
		r.want("a1", "a2")
	}},
	{"power failure took the end of the log", func(r *rig) {
		long := strings.Repeat("l", blockSize)
		r.write("", long+"\na1\na2\n")
		r.poll()
		r.stop()
		r.must(os.Truncate(r.path, blockSize+1+3))
		r.start()
		r.poll()
		r.write("", "b1\n")
		r.poll()
		r.want(long, "a1", "a2", "b1")
	}},
	{"three rotations and packing while down", func(r *rig) {
		r.write("", count(0, 40))
		r.poll()
		r.stop()
		r.write("", "end of a\n")
		r.rename("", ".1")
		r.write("", "b\n")
		r.pack(".1")
		r.rename(".1.gz", ".2.gz")
		r.rename("", ".1")
		r.write("", "c\n")
		r.rename(".2.gz", ".3.gz")
		r.rename(".1", ".2")
		r.pack(".2")
		r.rename("", ".1")
		r.write("", "d\n")
		r.start()
		r.poll()
		r.want(append(strings.Split(strings.TrimSuffix(count(0, 40), "\n"), "\n"), "end of a", "b", "c", "d")...)
	}},
	{"dated names, the extension kept", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.stop()
		r.write("", "a2\n")
		r.must(os.Rename(r.path, strings.TrimSuffix(r.path, ".log")+"-20261122.log"))
		r.write("", "b1\n")
		r.rename("", "-20261123")
		r.write("", "c1\n")
		r.start()
		r.poll()
		r.want("a1", "a2", "b1", "c1")
	}},
	{"renamed to a name that nobody foresaw while down", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.stop()
		r.write("", "a2\n")
		r.rename("", ".before-upgrade")
		r.write("", "b1\n")
		r.start()
		r.poll()
		r.want("a1", "a2", "b1")
	}},
	{"two rotations between two looks", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.write("", "a2\n")
		r.rename("", ".2")
		r.write("", "b1\n")
		r.rename("", ".1")
		r.write("", "c1\n")
		r.poll()
		r.want("a1", "a2", "b1", "c1")
	}},
	{"rotated and packed between two looks, before a byte was read", func(r *rig) {
		r.write("", "")
		r.poll()
		r.write("", "a1\n")
		r.rename("", ".1")
		r.pack(".1")
		r.write("", "b1\n")
		r.settle()
		r.want("a1", "b1")
	}},
	{"an empty log, rotated and packed while down", func(r *rig) {
		r.write("", "")
		r.poll()
		r.stop()
		r.write("", "a1\n")
		r.rename("", ".1")
		r.pack(".1")
		r.write("", "b1\n")
		r.start()
		r.poll()
		r.want("a1", "b1")
	}},
	{"packed slowly", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.stop()
		r.write("", "a2\n")
		r.rename("", ".1")
		r.copy(".1", ".2")
		r.pack(".2")
		content, err := os.ReadFile(r.name(".2.gz"))
		r.must(err)
		r.remove(".2.gz")
		r.must(os.WriteFile(r.name(".1.gz"), content[:len(content)/2], 0o600))
		r.start()
		r.poll()
		r.must(os.WriteFile(r.name(".1.gz"), content, 0o600))
		r.remove(".1")
		r.write("", "b1\n")
		r.settle()
		r.want("a1", "a2", "b1")
	}},
	{"another log beside it is none of our business", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.write("-2", "x\n")
		r.write(".bak", "x\n")
		r.must(os.Symlink(r.name("-2"), r.name(".7")))
		r.must(syscall.Mkfifo(r.name(".8"), 0o600))
		r.must(os.Mkdir(r.name(".9"), 0o700))
		r.rename("", ".1")
		r.write("", "b1\n")
		r.settle()
		r.want("a1", "b1")
	}},
	{"replaced by renaming over it", func(r *rig) {
		writer := r.hold("")
		_, err := writer.WriteString("a1\n")
		r.must(err)
		r.poll()
		r.write(".new", "b1\n")
		r.rename(".new", "")
		_, err = writer.WriteString("a2\n")
		r.must(err)
		r.must(writer.Close())
		r.poll()
		r.want("a1", "a2", "b1")
	}},
	{"the new file repeats the old one", func(r *rig) {
		r.write("", "a\na\n")
		r.poll()
		r.rename("", ".1")
		r.write("", "a\na\na\n")
		r.settle()
		r.want("a", "a", "a", "a", "a")
	}},
	{"renamed and renamed back", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.rename("", ".1")
		r.settle()
		r.rename(".1", "")
		r.write("", "a2\n")
		r.poll()
		r.want("a1", "a2")
	}},
	{"a link is pointed elsewhere", func(r *rig) {
		dir := filepath.Join(filepath.Dir(r.path), "deep")
		r.must(os.Mkdir(dir, 0o700))
		point := func(to string) {
			r.must(os.Symlink(filepath.Join(dir, to), r.name(".link")))
			r.rename(".link", "")
		}
		point("day1")
		r.write("", "a1\n")
		r.poll()
		r.write("", "a2\n")
		point("day2")
		r.write("", "b1\n")
		r.poll()
		r.stop()
		r.write("", "b2\n")
		point("day3")
		r.write("", "c1\n")
		r.start()
		r.settle()
		r.want("a1", "a2", "b1", "b2", "c1")
	}},
	{"the file is missing for a while", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.rename("", ".1")
		r.settle()
		r.write(".1", "a2\n")
		r.poll()
		r.write("", "b1\n")
		r.poll()
		r.want("a1", "a2", "b1")
	}},
	{"the directory is missing for a while", func(r *rig) {
		r.write("", "a1\n")
		r.poll()
		r.stop()
		dir := filepath.Dir(r.path)
		r.must(os.Rename(dir, dir+".away"))
		r.start()
		r.poll()
		r.must(os.Rename(dir+".away", dir))
		r.write("", "a2\n")
		r.poll()
		r.want("a1", "a2")
	}},
	{"a partial line waits, also over a restart", func(r *rig) {
		r.write("", "a1\na")
		r.poll()
		r.want("a1")
		r.stop()
		r.start()
		r.poll()
		r.want("a1")
		r.write("", "2\r\n")
		r.poll()
		r.want("a1", "a2")
	}},
	{"a rotated file without a last newline", func(r *rig) {
		r.write("", "a1\na2")
		r.rename("", ".1")
		r.write("", "b1\n")
		r.poll()
		r.want("a1", "b1")
		r.now = r.now.Add(defaultSettleTime - time.Second)
		r.poll()
		r.want("a1", "b1")
		r.settle()
		r.want("a1", "b1", "a2")
		r.stop()
		r.start()
		r.settle()
		r.want("a1", "b1", "a2")
	}},
	{"a writer keeps the rotated file for more than a minute", func(r *rig) {
		writer := r.hold("")
		_, err := writer.WriteString("a1\na2")
		r.must(err)
		r.poll()
		r.rename("", ".1")
		r.write("", "b1\n")
		for range 15 {
			r.settle()
		}
		r.want("a1", "b1")
		_, err = writer.WriteString(" too\na3\n")
		r.must(err)
		r.must(writer.Close())
		r.settle()
		r.want("a1", "b1", "a2 too", "a3")
		if open := r.f.Stats().Open; open != 1 {
			r.t.Fatalf("%d files open, want 1", open)
		}
	}},
	{"a writer keeps the rotated file for ever", func(r *rig) {
		writer := r.hold("")
		defer writer.Close()
		_, err := writer.WriteString("a1\na2")
		r.must(err)
		r.poll()
		r.rename("", ".1")
		r.write("", "b1\n")
		r.poll()
		r.now = r.now.Add(defaultHoldTime)
		r.poll()
		r.want("a1", "b1", "a2")
		if open := r.f.Stats().Open; open != 1 {
			r.t.Fatalf("%d files open, want 1", open)
		}
	}},
	{"zeros, bytes that are no text, empty lines", func(r *rig) {
		r.write("", "\x00\x00a\x00\n\xff\xfe\xc0\n\n\r\n\x1b[31m\r\r\n")
		r.poll()
		r.want("\x00\x00a\x00", "\xff\xfe\xc0", "", "", "\x1b[31m\r")
	}},
}

func TestStories(t *testing.T) {
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) { story.tell(newRig(t)) })
	}
}

// editSaved changes the checkpoint of a follower that is down.
func (r *rig) editSaved(edit func(*Checkpoint)) {
	r.t.Helper()
	var c Checkpoint
	r.must(json.Unmarshal(r.saved, &c))
	edit(&c)
	var err error
	r.saved, err = json.Marshal(c)
	r.must(err)
}

// TestLongLine cuts at the limit wherever the pieces and restarts fall.
func TestLongLine(t *testing.T) {
	const limit = 10
	for _, c := range []struct {
		text string
		want []string
		cut  int
	}{
		{"0123456789ab\nx\n", []string{"0123456789", "x"}, 1},
		{"0123456789a\nx\n", []string{"0123456789", "x"}, 1},
		{"0123456789a\r\nx\n", []string{"0123456789", "x"}, 1},
		{"0123456789\r\r\nx\n", []string{"0123456789", "x"}, 1},
		{"0123456789\r\nx\n", []string{"0123456789", "x"}, 0},
		{"0123456789\nx\n", []string{"0123456789", "x"}, 0},
		{"012345678\r\r\nx\n", []string{"012345678\r", "x"}, 0},
		{strings.Repeat("y", 5000) + "\nx\n", []string{"yyyyyyyyyy", "x"}, 1},
	} {
		for piece := 1; piece < 15; piece++ {
			r := newRig(t)
			r.f.Close()
			r.opt.MaxLine = limit
			r.open(nil)
			for part := range slices.Chunk([]byte(c.text), piece*piece) {
				r.write("", string(part))
				r.poll()
				r.stop()
				r.start()
			}
			if !slices.Equal(r.got, c.want) || r.cut != c.cut {
				t.Fatalf("%.20q in pieces of %d: %q, %d cut", c.text, piece*piece, r.got, r.cut)
			}
			r.f.Close()
		}
	}
}

// TestHugeLine reads a line of 100 MB in bounded memory.
func TestHugeLine(t *testing.T) {
	r := newRig(t)
	writer := r.hold("")
	for range 100 {
		_, err := writer.WriteString(strings.Repeat("z", 1<<20))
		r.must(err)
	}
	_, err := writer.WriteString("\nnext\n")
	r.must(err)
	r.must(writer.Close())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.poll()
	runtime.ReadMemStats(&after)
	r.want(strings.Repeat("z", defaultMaxLine), "next")
	stats := r.f.Stats()
	if stats.Cut != 1 || stats.Skipped != 100<<20-defaultMaxLine || stats.Lines != 2 {
		t.Errorf("stats %+v", stats)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("allocated %d bytes", grown)
	}
}

// TestFirstStart reads no history, but no half line either.
func TestFirstStart(t *testing.T) {
	for _, c := range []struct {
		name, live string
		fromStart  bool
		want       []string
	}{
		{"no file", "", false, []string{"new"}},
		{"half a line", "old\nha", false, []string{"hanew"}},
		{"only half a line", "ha", false, []string{"hanew"}},
		{"much more than a buffer", count(0, 20_000), false, []string{"new"}},
		{"whole lines", "old\n", false, []string{"new"}},
		{"from the start", "old\n", true, []string{"old", "new"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.f.Close()
			// All of one time, as a set-up script makes them.
			r.write(".2", "ancient\n")
			r.pack(".2")
			r.write(".1", "very old\nold without newline")
			if c.live != "" {
				r.write("", c.live)
			}
			same := time.Now()
			for _, suffix := range []string{".2.gz", ".1", ""} {
				if err := os.Chtimes(r.name(suffix), same, same); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
			}
			r.opt.FromStart = c.fromStart
			r.open(nil)
			r.stop()
			r.start()
			r.poll()
			r.write("", "new\n")
			r.poll()
			r.rename(".1", ".3")
			r.rename("", ".1")
			r.settle()
			r.want(c.want...)
		})
	}
}

func TestBadCheckpoint(t *testing.T) {
	for _, bad := range []Position{{Offset: -1}, {Head: make([]byte, blockSize+1)}} {
		if _, err := Open("log", &Checkpoint{Files: []Position{bad}}, Options{}); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, bad := range []string{`"00"`, `"zz0000000000000000000000000000zz"`, `7`} {
		var c Checkpoint
		if err := json.Unmarshal(fmt.Appendf(nil, `{"files":[{"last":%s}]}`, bad), &c); err == nil {
			t.Errorf("%s is taken for a fingerprint", bad)
		}
	}
}

// TestNoRegularFile neither hangs nor gives up for good.
func TestNoRegularFile(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"fifo":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"loop":      func(path string) error { return os.Symlink(path, path) },
	} {
		r := newRig(t)
		r.must(make(r.path))
		if err := r.f.Poll(r.now, r.emit); err == nil || r.f.Stats().Err == nil {
			t.Errorf("%s: no error", name)
		}
		if f, err := Open(r.path, nil, Options{}); err == nil {
			f.Close()
			t.Errorf("%s: opened", name)
		}
		r.remove("")
		r.write("", "a1\n")
		r.poll()
		r.want("a1")
		if err := r.f.Stats().Err; err != nil {
			t.Errorf("%s: %v after it was mended", name, err)
		}
	}
}

// TestBrokenArchive reads the rest of a packed file when it has been mended.
func TestBrokenArchive(t *testing.T) {
	r := newRig(t)
	r.write("", "a1\n")
	r.poll()
	r.stop()
	r.write("", count(0, 5000))
	r.rename("", ".1")
	r.pack(".1")
	content, err := os.ReadFile(r.name(".1.gz"))
	r.must(err)
	r.must(os.WriteFile(r.name(".1.gz"), content[:len(content)-20], 0o600))
	r.write("", "b1\n")
	r.start()
	if err := r.f.Poll(r.now, r.emit); err == nil {
		t.Error("no error")
	}
	r.must(os.WriteFile(r.name(".1.tmp"), content, 0o600))
	r.rename(".1.tmp", ".1.gz")
	r.poll()
	if got := r.f.Stats(); len(r.got) != 5002 || got.Err != nil {
		t.Errorf("%d lines, want 5002; %+v", len(r.got), got)
	}
	slices.Sort(r.got)
	if doubled := len(r.got) - len(slices.Compact(slices.Clone(r.got))); doubled != 0 {
		t.Errorf("%d lines doubled", doubled)
	}
}

// TestBounds: neither open nor remembered files pile up.
func TestBounds(t *testing.T) {
	r := newRig(t)
	var want []string
	for i := range 3 * maxOpen {
		line := fmt.Sprintf("%06d", i)
		want = append(want, line)
		writer := r.hold("")
		defer writer.Close() // never lets go
		_, err := writer.WriteString(line + "\n")
		r.must(err)
		r.poll()
		r.rename("", fmt.Sprintf(".%d", 1000-i))
		r.now = r.now.Add(time.Second)
	}
	r.poll()
	r.want(want...)
	if open := r.f.Stats().Open; open > maxOpen+1 {
		t.Errorf("%d files open", open)
	}
	if known := len(r.f.Checkpoint().Files); known > maxOpen+maxKnown+1 {
		t.Errorf("%d files in the checkpoint", known)
	}
}

func TestLine(t *testing.T) {
	r := newRig(t)
	r.write("", "one\r\ntwo\n")
	r.rename("", ".1")
	r.pack(".1")
	r.write("", "three\n")
	var got []string
	r.must(r.f.Poll(r.now, func(line Line) {
		got = append(got, fmt.Sprintf("%s %d %s", filepath.Base(line.File), line.Offset, line.Text))
	}))
	want := []string{"pbx.log.1.gz 0 one", "pbx.log.1.gz 5 two", "pbx.log 0 three"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestIsRotated(t *testing.T) {
	for _, c := range []struct {
		base, name string
		want       bool
	}{
		{"full", "full", false},
		{"full", "full.bak", false},
		{"full", "full-2", false},
		{"full", "full2", false},
		{"full", "fuller.1", false},
		{"full", "full.gz", false},
		{"full", "full.1.swp", false},
		{"pbx.log", "pbx-2.log", false},
		{"pbx.log", "pbx2.log.1", false},
		{"pbx.log", "pbx.log.1.log", false},
		{"full", "full.0", true},
		{"full", "full.1", true},
		{"full", "full.12.gz", true},
		{"full", "full.old", true},
		{"full", "full.1764000000", true},
		{"full", "full-20261122", true},
		{"full", "full-20261122.gz", true},
		{"full", "full-20261122-1764000000.gz", true},
		{"pbx.log", "pbx.log.2026-11-22-10-00-00.1", true},
		{"pbx.log", "pbx-20261122.log.gz", true},
		{"pbx.log", "pbx.3.log", true},
	} {
		if got := isRotated(c.base, c.name); got != c.want {
			t.Errorf("%s beside %s: %v", c.name, c.base, got)
		}
	}
}

func TestByAge(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	want := []*file{
		{name: "log.1", mtime: early},
		{name: "log.10.gz", mtime: late},
		{name: "log.9", mtime: late},
		{name: "log.1", mtime: late},
		{name: "log", mtime: late}, // replaced while it was open
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, byAge)
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	for older, newer := range map[string]string{"log-20261122": "log-20261123.gz", "log.1764000000": "log.1764000001"} {
		if byAge(&file{name: older}, &file{name: newer}) >= 0 {
			t.Errorf("%s is taken for newer than %s", older, newer)
		}
	}
}

// TestRun waits for a directory that does not exist yet, and ends when told to.
func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "var", "log")
	f, err := Open(filepath.Join(dir, "log"), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	lines := make(chan string)
	done := make(chan error)
	go func() { done <- f.Run(ctx, func(line Line) { lines <- string(line.Text) }) }()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first", "second"} {
		writer, err := os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(writer, want)
		writer.Close()
		select {
		case got := <-lines:
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q has not arrived", want)
		}
	}
	cancel(reason)
	if err := <-done; !errors.Is(err, reason) {
		t.Errorf("Run ended with %v", err)
	}
}
