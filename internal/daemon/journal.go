package daemon

import (
	"bytes"
	"context"
	"time"

	"github.com/sipward/sipward/internal/feeds"
	sdjournal "github.com/sipward/sipward/internal/journal"
)

// followJournal goes on behind the last entry of the last run. The cursor is
// all there is to remember.
func (d *Daemon) followJournal(f *logFollower) error {
	saved, err := d.store.Checkpoint(f.name())
	f.cursor, f.saved = string(saved), saved
	f.read = func(ctx context.Context) {
		feeds.FollowJournal(ctx, f.config.Journal, feeds.JournalOwner{
			Cursor: f.place, Entry: f.entry, Retry: d.retry(),
			Report: func(err error) { d.health.Report(f.thing(), "this log cannot be read", err) },
		})
	}
	return err
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
