package daemon

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/crew"
)

// TestKnownGoodAfterARestart: the lanes of the next process know what the table
// of the last one knew of accounts and ports; what was over by then they do not.
func TestKnownGoodAfterARestart(t *testing.T) {
	settings := config.Default()
	settings.State = t.TempDir()
	start := func() *Daemon {
		d, err := build(Options{Root: t.TempDir(), Log: slog.New(slog.DiscardHandler)}, settings)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	stop := func(d *Daemon) {
		d.machine.Close()
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	}
	known := func(d *Daemon) (secrets, cases int) {
		for _, l := range d.lanes {
			for _, g := range l.hall.Gauges() {
				switch g.Name {
				case "secrets":
					secrets += g.Entries
				case "cases":
					cases += g.Entries
				}
			}
		}
		return secrets, cases
	}
	d := start()
	if secrets, cases := known(d); secrets+cases > 0 {
		t.Errorf("a new daemon knows %d secrets and %d sources", secrets, cases)
	}
	scribes := crew.New(context.Background(), func() {})
	scribes.Add(d.writer.Run)
	phone, over := entry(ban.Pass, "203.0.113.7", ban.Self), entry(ban.Pass, "203.0.113.8", ban.Self)
	phone.Accounts = []uint64{100, 200}
	port := phone
	port.Port, port.Accounts = 5071, nil
	over.Since, over.Until = over.Since.Add(-2*time.Hour), over.Since.Add(-time.Hour)
	for _, b := range []ban.Ban{phone, port, over} {
		d.guard.Do(b)
	}
	if err := scribes.Dismiss(); err != nil {
		t.Fatal(err)
	}
	stop(d)
	d = start()
	defer stop(d)
	if secrets, cases := known(d); secrets != 3 || cases != 1 {
		t.Errorf("after a restart it knows %d secrets of %d sources, want 3 of 1", secrets, cases)
	}
}
