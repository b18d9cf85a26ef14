package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/source"
)

// journalctl puts a program of this name before the real one. It writes its
// arguments down, then tells of one guess.
func journalctl(t *testing.T, account string) (arguments string) {
	t.Helper()
	dir := t.TempDir()
	arguments = filepath.Join(dir, "arguments")
	script := fmt.Sprintf(`#!/bin/sh
echo "$@" > %s
echo '{"__CURSOR":"s=1;i=%x","__REALTIME_TIMESTAMP":"1795351367000000","_SYSTEMD_UNIT":"asterisk.service","MESSAGE":"NOTICE[60] manager.c: 203.0.113.7 failed to authenticate as '"'%s'"'"}'
exec sleep 1000
`, arguments, account, account)
	if err := os.WriteFile(filepath.Join(dir, "journalctl"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return arguments
}

// TestAJournalIsFollowedOn: the entry counts when the journal pauses, with its
// own time, and a restart goes on behind it.
func TestAJournalIsFollowedOn(t *testing.T) {
	r := newRig(t, nil)
	r.config.Logs = []config.Log{{Journal: "asterisk.service", Format: "asterisk"}}
	for _, step := range []struct{ account, argument string }{{"a", "--lines=0"}, {"b", "--after-cursor=s=1;i=61"}} {
		arguments := journalctl(t, step.account)
		r.senses = &senses{sides: &source.Sides{}}
		r.senses.followLogs(r.Daemon)
		e := r.await()
		if string(e.Log.User) != step.account || !e.Time.Equal(time.UnixMicro(1795351367000000)) && !e.Time.Before(time.Now()) {
			t.Errorf("given %+v", e)
		}
		if got := r.sources()[1]; got.Name != "journal:asterisk.service" || got.Events != 1 {
			t.Errorf("source %+v", got)
		}
		r.senses.closeLogs()
		text, err := os.ReadFile(arguments)
		if err != nil || !strings.Contains(string(text), step.argument+" ") {
			t.Errorf("called with %s (%v), want %s", text, err, step.argument)
		}
	}
	if saved, err := r.store.Checkpoint("journal:asterisk.service"); err != nil || string(saved) != "s=1;i=62" {
		t.Errorf("saved %q, %v", saved, err)
	}
	r.sentences()
}

// TestAJournalWithoutAPlace: a cursor that is none is forgotten, and a journal
// that cannot be read is told of.
func TestAJournalWithoutAPlace(t *testing.T) {
	r := newRig(t, nil)
	r.config.Logs = []config.Log{{Journal: "asterisk.service", Format: "asterisk"}}
	if err := r.store.SaveCheckpoint("journal:asterisk.service", []byte("--broken")); err != nil {
		t.Fatal(err)
	}
	journalctl(t, "c")
	r.senses.followLogs(r.Daemon)
	if e := r.await(); string(e.Log.User) != "c" {
		t.Errorf("given %+v", e)
	}
	r.senses.closeLogs()
	r.sentences("not a journal cursor") // journalctl is thought well only after a while
}
