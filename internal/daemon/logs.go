package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/custom"
	"github.com/sipward/sipward/internal/tail"
)

// logQuiet is how long a log may pause before its last line is taken as complete.
const logQuiet = 200 * time.Millisecond

// logFollower follows one log and gives its lines to the lanes.
type logFollower struct {
	daemon   *Daemon
	config   config.Log
	follower *tail.Follower // nil for the journal
	read     func(ctx context.Context)
	lines    atomic.Uint64
	last     atomic.Int64 // UnixNano of the last line's arrival
	// near, refused and answered count lines for lookForDrift.
	near, refused, answered atomic.Uint64

	mu     sync.Mutex
	reader logline.Reader
	cursor string // of the journal's last entry
	saved  []byte // the checkpoint on disk
}

// followLog goes on where the last run stopped reading.
func (d *Daemon) followLog(l config.Log) (*logFollower, error) {
	f := &logFollower{daemon: d, config: l}
	f.reader = logline.Reader{Format: logline.Format(l.Format), Clock: logline.Clock{Now: time.Now(), Zone: time.Local}}
	if l.Pattern != "" {
		own, err := custom.Open(l.Pattern)
		d.health.Report("pattern "+l.Name(), "the pattern for "+l.Name()+" is not used", err)
		f.reader.Pattern = own
	} else {
		d.health.Clear("pattern " + l.Name()) // there may have been one before a reload
	}
	if l.Journal != "" {
		return f, d.followJournal(f)
	}
	return f, d.followFile(f)
}

func (d *Daemon) followFile(f *logFollower) error {
	f.read = func(ctx context.Context) {
		defer f.follower.Close()
		_ = f.follower.Run(ctx, f.line) // ends with ctx and gives its reason; what goes wrong meanwhile stands in Stats
	}
	var from *tail.Checkpoint
	saved, err := d.store.Checkpoint(f.name())
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	if len(saved) > 0 {
		from = new(tail.Checkpoint)
		if json.Unmarshal(saved, from) != nil {
			from = nil
		}
	}
	f.follower, err = tail.Open(f.config.File, from, tail.Options{})
	if errors.Is(err, tail.ErrCheckpoint) {
		d.options.Log.Warn("begin the log anew", "file", f.config.File, "error", err)
		f.follower, err = tail.Open(f.config.File, nil, tail.Options{})
	}
	return err
}

// name is that of the checkpoint.
func (f *logFollower) name() string {
	if f.config.Journal != "" {
		return f.config.Name()
	}
	return "tail:" + f.config.File
}

// thing is the log's name among what may not work.
func (f *logFollower) thing() string { return "log " + f.config.Name() }

// run follows until ctx ends.
func (f *logFollower) run(ctx context.Context) {
	settled := make(chan struct{})
	go func() { defer close(settled); f.settle(ctx) }()
	f.read(ctx)
	<-settled
	f.quiet()
}

// line takes one line of the log.
func (f *logFollower) line(l tail.Line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines.Add(1)
	f.last.Store(time.Now().UnixNano())
	f.reader.Take(l.Text, f.daemon.clock.Now())
	f.give()
}

// settle looks after a log that pauses.
func (f *logFollower) settle(ctx context.Context) {
	tick := time.NewTicker(logQuiet)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.quiet()
		}
	}
}

// quiet takes the last line as complete and remembers how far the log was read.
func (f *logFollower) quiet() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reader.Flush()
	f.give()
	body, err := []byte(f.cursor), error(nil)
	if f.follower != nil {
		f.daemon.health.Report(f.thing(), "this log cannot be read", f.follower.Stats().Err)
		body, err = json.Marshal(f.follower.Checkpoint())
	}
	if err == nil && !bytes.Equal(body, f.saved) {
		err = f.daemon.store.SaveCheckpoint(f.name(), body)
		f.saved = body
	}
	f.daemon.health.Report("checkpoint "+f.config.Name(), "how far the log was read is not saved", err)
}

// give hands what speaks about a source to the lane that knows it.
func (f *logFollower) give() {
	for e := f.reader.Next(); e != nil; e = f.reader.Next() {
		f.tally(&e.Log)
		if !e.Remote.IsValid() {
			continue
		}
		kept, _ := e.Kept()
		kept.Place = event.Place{}
		// A stamp in another zone than ours must not take the lane into the
		// future: there everything would seem to happen at once.
		if now := f.daemon.clock.Now(); kept.Time.After(now) {
			kept.Time = now
		}
		f.daemon.laneOf(e.Remote.Addr()).give(kept)
	}
}
