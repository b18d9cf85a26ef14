package feeds

import (
	"context"
	"errors"
	"time"

	"github.com/sipward/sipward/internal/journal"
)

// journalStarts is how long journalctl must have run to be thought well.
const journalStarts = 5 * time.Second

// JournalOwner is who follows the journal of a unit.
type JournalOwner struct {
	// Cursor gives the last entry that was handled; empty for none.
	Cursor func() string
	// Entry takes an entry, which is good until it returns.
	Entry func(*journal.Entry)
	// Report takes what does not work; nil means that it works.
	Report func(error)
	Retry  Retry
}

// FollowJournal follows what a unit writes to the systemd journal until ctx
// ends, however often journalctl does. A cursor that is none is left aside.
func FollowJournal(ctx context.Context, unit string, owner JournalOwner) {
	var wrong string
	owner.Retry.Run(ctx, owner.Report, func(ctx context.Context, works func()) error {
		cursor := owner.Cursor()
		if cursor == wrong {
			cursor = ""
		}
		well := make(chan struct{})
		timer := time.AfterFunc(journalStarts, func() { works(); close(well) })
		err := journal.Run(ctx, journal.Options{Units: []string{unit}, Cursor: cursor}, owner.Entry)
		if !timer.Stop() {
			<-well
		}
		if errors.Is(err, journal.ErrCursor) {
			wrong = cursor
		}
		return err
	})
}
