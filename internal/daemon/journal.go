package daemon

import (
	"bytes"
	"context"
	"errors"
	"time"

	sdjournal "github.com/sipward/sipward/internal/journal"
)

// journalStarts is how long journalctl must have run to be thought well.
const journalStarts = 5 * time.Second

// followJournal goes on behind the last entry of the last run. The cursor is
// all there is to remember.
func (d *Daemon) followJournal(f *logFollower) error {
	saved, err := d.store.Checkpoint(f.name())
	f.cursor = string(saved)
	f.saved = saved
	f.read = f.readJournal
	return err
}

// readJournal starts journalctl again and again until ctx ends.
func (f *logFollower) readJournal(ctx context.Context) {
	report := func(err error) { f.daemon.health.report(f.thing(), "this log cannot be read", err) }
	retry().Run(ctx, report, func(ctx context.Context, works func()) error {
		well := make(chan struct{})
		timer := time.AfterFunc(journalStarts, func() { works(); close(well) })
		err := sdjournal.Run(ctx, sdjournal.Options{Units: []string{f.config.Journal}, Cursor: f.place()}, f.entry)
		if !timer.Stop() {
			<-well
		}
		if errors.Is(err, sdjournal.ErrCursor) {
			f.daemon.options.Log.Warn("begin the log anew", "log", f.config.Name(), "error", err)
			f.setPlace("")
		}
		return err
	})
}

// entry takes one entry of the journal.
func (f *logFollower) entry(e *sdjournal.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor = e.Cursor
	if e.Message == nil {
		return
	}
	f.lines.Add(1)
	f.last.Store(time.Now().UnixNano())
	f.reader.PutEntry(bytes.TrimRight(e.Message, "\r\n"), e.Time)
	f.give()
}

// place is the cursor to go on from.
func (f *logFollower) place() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cursor
}

func (f *logFollower) setPlace(cursor string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursor = cursor
}
