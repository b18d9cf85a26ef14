package daemon

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/detect"
)

// told gives what waits for the store, and empties it.
func (r *rig) told() []control.EventRecord {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	records := r.feed.waiting
	r.feed.waiting = nil
	return records
}

func TestFeedTellsOfTheTable(t *testing.T) {
	since := time.Now().Add(-time.Minute)
	until := since.Add(time.Hour)
	made := func(action ban.Action, by string) ban.Ban {
		return ban.Ban{Prefix: prefix("203.0.113.7"), Action: action, By: by, Since: since, Until: until, Why: "it guessed"}
	}
	ended := func(b ban.Ban, by string) ban.Ban {
		b.Ended, b.EndedBy = since.Add(time.Second), by
		return b
	}
	for _, test := range []struct {
		name    string
		entry   ban.Ban
		kind    string
		seconds int64
		by, why string
		took    bool
	}{
		{"a phone that registers is no news", made(ban.Pass, ban.Self), "", 0, "", "", false},
		{"nor is its end", ended(made(ban.Pass, ban.Self), ""), "", 0, "", "", false},
		{"a drop", made(ban.Drop, ban.Self), "ban", 3600, ban.Self, "it guessed", true},
		{"a limit", made(ban.Limit, ban.Self), "ban", 3600, ban.Self, "it guessed", true},
		{"an allow", made(ban.Allow, "alice"), "allow", 3600, "alice", "it guessed", false},
		{"it ran out", ended(made(ban.Drop, ban.Self), ""), "expired", 0, "", "", false},
		{"we lifted it", ended(made(ban.Limit, ban.Self), ban.Self), "lifted", 0, ban.Self, "", false},
		{"a human lifted it", ended(made(ban.Drop, ban.Self), "alice"), "unban", 0, "alice", "", false},
		{"an allow is taken back", ended(made(ban.Allow, "alice"), "bob"), "disallow", 0, "bob", "", false},
	} {
		r := newRig(t, nil)
		r.feed.Done(test.entry)
		records := r.told()
		if test.kind == "" {
			if len(records) > 0 {
				t.Errorf("%s: told %+v", test.name, records)
			}
			continue
		}
		if len(records) != 1 {
			t.Fatalf("%s: told %+v", test.name, records)
		}
		got := records[0]
		if got.Type != test.kind || got.Seconds != test.seconds || got.By != test.by || got.Why != test.why || got.TookMS > 0 != test.took {
			t.Errorf("%s: told %+v", test.name, got)
		}
		if got.Prefix != test.entry.Prefix || got.Action != test.entry.Action.String() || got.Time.Before(since) {
			t.Errorf("%s: told %+v", test.name, got)
		}
	}
}

func TestFeedTellsOfFindings(t *testing.T) {
	r := newRig(t, nil)
	r.feed.Found(detect.Finding{Class: detect.ClassGood})
	r.feed.Found(detect.Finding{Class: detect.ClassProven})
	if records := r.told(); len(records) > 0 {
		t.Errorf("told of what is in order: %+v", records)
	}
	r.feed.Found(detect.Finding{Class: detect.ClassGuess, Rule: "guess", Account: "100"})
	r.feed.Fenced(ban.Ban{Prefix: prefix("198.51.100.7"), Rule: "guess"})
	records := r.told()
	if len(records) != 2 || records[0].Type != "finding" || records[0].Account != "100" || records[1].Type != "alarm" {
		t.Errorf("told %+v", records)
	}
}

// TestALeak shows when a source is answered long after its drop, asks for a
// comparison, and is forgotten when it shows no more.
func TestALeak(t *testing.T) {
	r := newRig(t, nil)
	drop, limit := entry(ban.Drop, "203.0.113.7", ban.Self), entry(ban.Limit, "203.0.113.8", ban.Self)
	r.feed.Again(drop, drop.Since.Add(leakGrace))     // answers were on their way
	r.feed.Again(limit, limit.Since.Add(time.Minute)) // a limit lets some through
	r.sentences()
	if len(r.feed.leaks) > 0 {
		t.Error("a comparison was asked for")
	}
	r.feed.Again(drop, drop.Since.Add(leakGrace+time.Second))
	r.feed.Again(drop, drop.Since.Add(leakGrace+2*time.Second))
	r.sentences("203.0.113.7")
	if len(r.feed.leaks) != 1 {
		t.Error("no comparison was asked for")
	}
	r.feed.forgetLeak(time.Now())
	r.sentences("203.0.113.7")
	r.feed.forgetLeak(time.Now().Add(leakFor + time.Second))
	r.sentences()
}

// TestTrouble stands until kernel and table have been found equal.
func TestTrouble(t *testing.T) {
	r := newRig(t, nil)
	r.feed.Trouble(errors.New("no buffer space"))
	r.sentences("no buffer space")
	r.sync()
	r.sentences()
}

func TestFeedIsRead(t *testing.T) {
	r := newRig(t, nil)
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r.feed.add(control.EventRecord{Time: noon, Type: "start"})
	r.feed.add(control.EventRecord{Time: noon.Add(time.Hour), Type: "reload"})
	if !r.feed.flush() {
		t.Fatal("not saved")
	}
	if err := r.feed.Wait(ctx, 0); err != nil {
		t.Errorf("wait for what is there: %v", err)
	}
	all, after, err := r.feed.Events(time.Time{}, 0, 10)
	if err != nil || len(all) != 2 || all[0].Type != "start" || all[1].Seq != after || all[0].Seq >= all[1].Seq {
		t.Fatalf("read %+v up to %d, %v", all, after, err)
	}
	late, _, err := r.feed.Events(noon.Add(time.Minute), 0, 10)
	if err != nil || len(late) != 1 || late[0].Type != "reload" {
		t.Errorf("since later: %+v, %v", late, err)
	}
	woken := make(chan error, 1)
	go func() { woken <- r.feed.Wait(ctx, after) }()
	r.feed.add(control.EventRecord{Type: "finding"})
	r.feed.flush()
	if err := <-woken; err != nil {
		t.Errorf("wait for the next: %v", err)
	}
	next, _, err := r.feed.Events(time.Time{}, after, 10)
	if err != nil || len(next) != 1 || next[0].Type != "finding" || next[0].Time.IsZero() {
		t.Errorf("the next: %+v, %v", next, err)
	}
	stop()
	if err := r.feed.Wait(ctx, next[0].Seq); !errors.Is(err, context.Canceled) {
		t.Errorf("wait given up: %v", err)
	}
}

// TestTheStoreRefuses: what waits goes on waiting, as far as there is room, and
// what is lost is told.
func TestTheStoreRefuses(t *testing.T) {
	r := newRig(t, nil)
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	for range feedQueue - 1 {
		r.feed.add(control.EventRecord{Type: "finding"})
	}
	if r.feed.flush() {
		t.Fatal("a closed store has saved")
	}
	if n := len(r.feed.waiting); n != feedQueue-1 {
		t.Errorf("%d wait, want %d", n, feedQueue-1)
	}
	r.sentences("the event stream is not saved")
	for range 3 {
		r.feed.add(control.EventRecord{Type: "alarm"})
	}
	if r.feed.flush() {
		t.Fatal("a closed store has saved")
	}
	if n := len(r.feed.waiting); n != feedQueue {
		t.Errorf("%d wait, want %d", n, feedQueue)
	}
	r.sentences("the event stream is not saved", "2 records")
}
