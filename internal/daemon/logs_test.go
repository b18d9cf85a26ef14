package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/event"
)

// failed is what Asterisk writes of a guess at its manager interface, which
// needs no packet to be believed.
func failed(source, account string) string {
	return fmt.Sprintf("[2026-11-22 10:00:00] NOTICE[60] manager.c: %s failed to authenticate as '%s'\n", source, account)
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// follow reads a log until the lanes have been given so many events, and gives
// the accounts that those speak of, sorted.
func (r *rig) follow(l config.Log, events int) []string {
	r.t.Helper()
	f, err := r.followLog(l)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer stop()
	done := make(chan struct{})
	go func() { defer close(done); f.run(ctx) }()
	given := make(chan event.Event)
	for _, l := range r.lanes {
		go func() {
			for {
				select {
				case e := <-l.inbox:
					if l != r.laneOf(e.Remote.Addr()) {
						r.t.Errorf("lane %d was given %v", l.number, e.Remote)
					}
					given <- e
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	var accounts []string
	for len(accounts) < events {
		select {
		case e := <-given:
			accounts = append(accounts, string(e.Log.User))
		case <-ctx.Done():
			r.t.Fatalf("only %q came", accounts)
		}
	}
	stop()
	<-done
	slices.Sort(accounts)
	return accounts
}

// TestALogIsFollowedOn: the last line counts when the log pauses, a restart
// goes on behind it, and a log without a usable place is begun anew.
func TestALogIsFollowedOn(t *testing.T) {
	r := newRig(t, nil)
	file := filepath.Join(t.TempDir(), "messages")
	l := config.Log{File: file, Format: "asterisk"}
	appendTo(t, file, "")
	if got := r.follow(l, 0); len(got) > 0 {
		t.Errorf("an empty log gave %q", got)
	}
	appendTo(t, file, failed("203.0.113.7", "a")+"nothing that names a source\n"+failed("203.0.113.8", "b"))
	if got, want := r.follow(l, 2), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("followed %q, want %q", got, want)
	}
	appendTo(t, file, failed("203.0.113.9", "c"))
	if got, want := r.follow(l, 1), []string{"c"}; !slices.Equal(got, want) {
		t.Errorf("after a restart %q, want %q", got, want)
	}
	if err := r.store.SaveCheckpoint("tail:"+file, []byte("{broken")); err != nil {
		t.Fatal(err)
	}
	r.follow(l, 0)
	r.sentences()
}

// TestGivenLinesAreOurs: what a lane is given does not change when the reader
// goes on, and says nothing of a place in a file.
func TestGivenLinesAreOurs(t *testing.T) {
	r := newRig(t, nil)
	file := filepath.Join(t.TempDir(), "messages")
	appendTo(t, file, "")
	f, err := r.followLog(config.Log{File: file, Format: "asterisk"})
	if err != nil {
		t.Fatal(err)
	}
	defer f.follower.Close()
	for i := range 20 {
		line := failed("203.0.113.7", fmt.Sprintf("user%02d", i))
		f.reader.Put([]byte(line[:len(line)-1]), time.Now())
		f.give()
	}
	f.quiet()
	l := r.laneOf(netip.MustParseAddr("203.0.113.7"))
	if len(l.inbox) != 20 {
		t.Fatalf("%d events, want 20", len(l.inbox))
	}
	for i := range 20 {
		e := <-l.inbox
		if want := fmt.Sprintf("user%02d", i); string(e.Log.User) != want || e.Place != (event.Place{}) {
			t.Errorf("event %d is of %q at %+v, want %q", i, e.Log.User, e.Place, want)
		}
	}
}

// TestForgottenLogs: what was wrong with a log is over when the settings name
// another one, and a pattern's mistake when they name none.
func TestForgottenLogs(t *testing.T) {
	r := newRig(t, nil)
	stays := config.Log{File: filepath.Join(t.TempDir(), "stays"), Format: "custom", Pattern: "/none"}
	goes := config.Log{File: "/goes", Format: "asterisk"}
	for _, thing := range []string{"log /goes", "pattern /goes", "checkpoint /goes", "log " + stays.File} {
		r.health.Set(thing, thing)
	}
	for range 2 { // the second time there is nothing to forget
		r.forgetLogs([]config.Log{goes, stays}, []config.Log{stays})
		r.sentences("log " + stays.File)
	}
	follow := func(l config.Log) {
		f, err := r.followLog(l)
		if err != nil {
			t.Fatal(err)
		}
		f.follower.Close()
	}
	follow(stays)
	r.sentences("log "+stays.File, "the pattern for "+stays.File+" is not used")
	stays.Format, stays.Pattern = "asterisk", ""
	follow(stays)
	r.sentences("log " + stays.File)
}

func TestALogThatIsNotThere(t *testing.T) {
	r := newRig(t, nil)
	f, err := r.followLog(config.Log{File: filepath.Join(t.TempDir(), "none"), Format: "asterisk"})
	if err != nil {
		t.Fatalf("a log that may yet come: %v", err)
	}
	f.follower.Close()
}
