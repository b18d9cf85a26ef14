package tail

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// rig is a log with its rotated files, and a follower on it with a clock that
// only the test moves.
type rig struct {
	t     judge
	path  string
	opt   Options
	f     *Follower
	saved []byte // the checkpoint while the follower is down
	now   time.Time
	got   []string
	where []string // for every line delivered: the file and the offset
	cut   int
}

// judge is what testing.T and rapid.T have in common and a rig needs.
type judge interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// newRig begins with an empty directory and a follower that reads all of it.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := newRigIn(t, t.TempDir())
	t.Cleanup(func() { r.f.Close() })
	return r
}

func newRigIn(t judge, dir string) *rig {
	t.Helper()
	r := &rig{t: t, path: filepath.Join(dir, "pbx.log"), now: time.Unix(1_000_000_000, 0)}
	r.opt.FromStart = true
	r.open(nil)
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) open(from *Checkpoint) {
	r.t.Helper()
	f, err := Open(r.path, from, r.opt)
	r.must(err)
	r.f = f
}

func (r *rig) emit(line Line) {
	r.got = append(r.got, string(line.Text))
	r.where = append(r.where, fmt.Sprintf("%.12q %s@%d", line.Text, filepath.Base(line.File), line.Offset))
	if line.Cut {
		r.cut++
	}
}

func (r *rig) poll() {
	r.t.Helper()
	r.must(r.f.Poll(r.now, r.emit))
}

// settle lets every rotated file that nobody holds go.
func (r *rig) settle() {
	r.t.Helper()
	r.poll()
	r.now = r.now.Add(defaultSettleTime)
	r.poll()
}

func (r *rig) stop() {
	r.t.Helper()
	saved, err := json.Marshal(r.f.Checkpoint())
	r.must(err)
	if len(saved) > 16<<10 {
		r.t.Fatalf("the checkpoint takes %d bytes", len(saved))
	}
	r.f.Close()
	r.saved = saved
}

func (r *rig) start() {
	r.t.Helper()
	var from Checkpoint
	r.must(json.Unmarshal(r.saved, &from))
	r.open(&from)
}

// name is the log's name with a suffix.
func (r *rig) name(suffix string) string { return r.path + suffix }

// hold opens a file as a log's writer does.
func (r *rig) hold(suffix string) *os.File {
	r.t.Helper()
	writer, err := os.OpenFile(r.name(suffix), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	r.must(err)
	return writer
}

func (r *rig) write(suffix, text string) {
	r.t.Helper()
	writer := r.hold(suffix)
	_, err := writer.WriteString(text)
	r.must(err)
	r.must(writer.Close())
}

func (r *rig) rename(from, to string) { r.t.Helper(); r.must(os.Rename(r.name(from), r.name(to))) }
func (r *rig) remove(suffix string)   { r.t.Helper(); r.must(os.Remove(r.name(suffix))) }
func (r *rig) truncate()              { r.t.Helper(); r.must(os.Truncate(r.path, 0)) }

func (r *rig) copy(from, to string) {
	r.t.Helper()
	content, err := os.ReadFile(r.name(from))
	r.must(err)
	r.must(os.WriteFile(r.name(to), content, 0o600))
}

// pack compresses a file as gzip does: the time stays, the original goes.
func (r *rig) pack(suffix string) { r.t.Helper(); r.must(pack(r.name(suffix))) }

func pack(name string) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(name + ".gz")
	if err != nil {
		return err
	}
	defer out.Close()
	gz := gzip.NewWriter(out)
	if _, err := io.Copy(gz, in); err != nil {
		return err
	}
	if err := gz.Close(); err != nil {
		return err
	}
	if err := os.Chtimes(name+".gz", time.Time{}, info.ModTime()); err != nil {
		return err
	}
	return os.Remove(name)
}

// want compares all lines delivered so far, in their order.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	if !slices.Equal(r.got, lines) {
		r.t.Fatalf("delivered\n%q\nwant\n%q\nfiles %+v", r.got, lines, r.f.files)
	}
}

// count makes n numbered lines, a little different in length.
func count(from, n int) string {
	var text []byte
	for i := from; i < from+n; i++ {
		text = fmt.Appendf(text, "%06d %.*s\n", i, i%40, "padding padding padding padding padding padding")
	}
	return string(text)
}
