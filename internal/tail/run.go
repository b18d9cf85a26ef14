package tail

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// With inotify the poll is only a safety net; without it, it is all there is.
	watchedPoll   = time.Second
	unwatchedPoll = 250 * time.Millisecond
	// stepPause bounds the looks per second at a log that is written line by
	// line, and with it the delay of a line.
	stepPause = 5 * time.Millisecond
	// eventBuffer takes the events of one pause of a busy directory.
	eventBuffer = 1024
)

// Run follows the log until the context ends and returns the reason. What a
// look could not do stands in Stats().Err and is tried again. Lines written
// after the last look are left to the next start.
func (f *Follower) Run(ctx context.Context, emit func(Line)) error {
	w := &watch{follower: f}
	defer w.close()
	for ctx.Err() == nil {
		w.renew()
		if more, _ := f.step(time.Now(), emit); !more {
			w.wait(ctx)
		}
	}
	return context.Cause(ctx)
}

// watch wakes the follower when something happens in the log's directory.
type watch struct {
	follower *Follower
	notify   *fsnotify.Watcher // nil when the kernel grants none
	complete bool              // every directory is watched
	renewed  time.Time
}

// renew watches the directories, again and again, because they may appear
// late, be replaced, or lie behind a link that is pointed elsewhere.
func (w *watch) renew() {
	if time.Since(w.renewed) < unwatchedPoll {
		return
	}
	w.renewed = time.Now()
	w.complete = false
	if w.notify == nil {
		// Fails when fs.inotify.max_user_instances is reached.
		notify, err := fsnotify.NewBufferedWatcher(eventBuffer)
		if err != nil {
			return
		}
		w.notify = notify
	}
	for _, path := range w.follower.places() {
		// Fails when the directory is missing, and with ENOSPC when
		// fs.inotify.max_user_watches is reached.
		if err := w.notify.Add(filepath.Dir(path)); err != nil {
			return
		}
	}
	w.complete = true
}

// wait returns when there may be something new, but not before stepPause.
func (w *watch) wait(ctx context.Context) {
	pause := time.NewTimer(stepPause)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return
	case <-pause.C:
	}
	poll := unwatchedPoll
	var events chan fsnotify.Event
	var errs chan error
	if w.notify != nil {
		events, errs = w.notify.Events, w.notify.Errors
	}
	if w.complete {
		poll = watchedPoll
	}
	pause.Reset(poll)
	select {
	case <-ctx.Done():
	case <-pause.C:
	case <-events:
		for range len(events) { // one look answers all that happened so far
			<-events
		}
	case <-errs: // the queue ran over: something did happen
	}
}

func (w *watch) close() {
	if w.notify != nil {
		w.notify.Close()
	}
}
