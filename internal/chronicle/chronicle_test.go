package chronicle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/clock"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/health"
	"github.com/sipward/sipward/internal/store"
)

// rig is a chronicle with a real store, whose Run does not run.
type rig struct {
	*Chronicle
	t     *testing.T
	said  bytes.Buffer
	leaks int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t}
	s, err := store.Open(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	log := slog.New(slog.NewTextHandler(&r.said, nil))
	r.Chronicle = New(Options{Store: s, Health: health.New(log), Clock: clock.New(), Log: log, Leak: func() { r.leaks++ }})
	return r
}

// told gives what waits for the store, and empties it.
func (r *rig) told() []control.EventRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	records := r.waiting
	r.waiting = nil
	return records
}

// sentences fails the test unless exactly these complaints stand, each named by
// a few of its words.
func (r *rig) sentences(want ...string) {
	r.t.Helper()
	got := r.o.Health.Sentences()
	same := len(got) == len(want)
	for i := range want {
		same = same && strings.Contains(got[i], want[i])
	}
	if !same {
		r.t.Errorf("degraded: %q, want %q", got, want)
	}
}

func prefix(text string) netip.Prefix {
	a := netip.MustParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen())
}

func TestTellsOfTheTable(t *testing.T) {
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
		r := newRig(t)
		r.Done(test.entry)
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

func TestTellsOfFindings(t *testing.T) {
	r := newRig(t)
	r.Found(detect.Finding{Class: detect.ClassGood})
	r.Found(detect.Finding{Class: detect.ClassProven})
	if records := r.told(); len(records) > 0 {
		t.Errorf("told of what is in order: %+v", records)
	}
	r.Found(detect.Finding{Class: detect.ClassGuess, Rule: "guess", Account: "100"})
	r.Fenced(ban.Ban{Prefix: prefix("198.51.100.7"), Rule: "guess"})
	records := r.told()
	if len(records) != 2 || records[0].Type != "finding" || records[0].Account != "100" || records[1].Type != "alarm" {
		t.Errorf("told %+v", records)
	}
}

// TestALeak shows when a source is answered long after its drop, asks for a
// comparison, and is forgotten when it shows no more.
func TestALeak(t *testing.T) {
	r := newRig(t)
	drop, limit := ban.Ban{Prefix: prefix("203.0.113.7"), Action: ban.Drop, Since: time.Now()}, ban.Ban{Prefix: prefix("203.0.113.8"), Action: ban.Limit, Since: time.Now()}
	r.Again(drop, drop.Since.Add(leakGrace))     // answers were on their way
	r.Again(limit, limit.Since.Add(time.Minute)) // a limit lets some through
	r.sentences()
	if r.leaks > 0 {
		t.Error("a comparison was asked for")
	}
	r.Again(drop, drop.Since.Add(leakGrace+time.Second))
	r.Again(drop, drop.Since.Add(leakGrace+2*time.Second))
	r.sentences("203.0.113.7")
	if r.leaks == 0 {
		t.Error("no comparison was asked for")
	}
	r.ForgetLeak(time.Now())
	r.sentences("203.0.113.7")
	r.ForgetLeak(time.Now().Add(leakFor + time.Second))
	r.sentences()
}

// TestTrouble is counted, so that whoever gave an order can tell.
func TestTrouble(t *testing.T) {
	r := newRig(t)
	r.Trouble(errors.New("no buffer space"))
	r.sentences("no buffer space")
	if r.Troubles() != 1 {
		t.Errorf("%d troubles", r.Troubles())
	}
}

func TestIsRead(t *testing.T) {
	r := newRig(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r.Add(control.EventRecord{Time: noon, Type: "start"})
	r.Add(control.EventRecord{Time: noon.Add(time.Hour), Type: "reload"})
	if !r.flush() {
		t.Fatal("not saved")
	}
	if err := r.Wait(ctx, 0); err != nil {
		t.Errorf("wait for what is there: %v", err)
	}
	all, after, err := r.Events(time.Time{}, 0, 10)
	if err != nil || len(all) != 2 || all[0].Type != "start" || all[1].Seq != after || all[0].Seq >= all[1].Seq {
		t.Fatalf("read %+v up to %d, %v", all, after, err)
	}
	late, _, err := r.Events(noon.Add(time.Minute), 0, 10)
	if err != nil || len(late) != 1 || late[0].Type != "reload" {
		t.Errorf("since later: %+v, %v", late, err)
	}
	woken := make(chan error, 1)
	go func() { woken <- r.Wait(ctx, after) }()
	r.Add(control.EventRecord{Type: "finding"})
	r.flush()
	if err := <-woken; err != nil {
		t.Errorf("wait for the next: %v", err)
	}
	next, _, err := r.Events(time.Time{}, after, 10)
	if err != nil || len(next) != 1 || next[0].Type != "finding" || next[0].Time.IsZero() {
		t.Errorf("the next: %+v, %v", next, err)
	}
	stop()
	if err := r.Wait(ctx, next[0].Seq); !errors.Is(err, context.Canceled) {
		t.Errorf("wait given up: %v", err)
	}
}

// TestTheStoreRefuses: what waits goes on waiting, as far as there is room, and
// what is lost is told.
func TestTheStoreRefuses(t *testing.T) {
	r := newRig(t)
	if err := r.o.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for range longestQueue - 1 {
		r.Add(control.EventRecord{Type: "finding"})
	}
	if r.flush() {
		t.Fatal("a closed store has saved")
	}
	if n := len(r.waiting); n != longestQueue-1 {
		t.Errorf("%d wait, want %d", n, longestQueue-1)
	}
	r.sentences("the event stream is not saved")
	for range 3 {
		r.Add(control.EventRecord{Type: "alarm"})
	}
	if r.flush() {
		t.Fatal("a closed store has saved")
	}
	if n := len(r.waiting); n != longestQueue {
		t.Errorf("%d wait, want %d", n, longestQueue)
	}
	r.sentences("the event stream is not saved", "2 records")
}

// TestLog: drops and orders stand in the log, limits do not.
func TestLog(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	for i, action := range []ban.Action{ban.Drop, ban.Limit, ban.Allow} {
		address := netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		r.Done(ban.Ban{Prefix: netip.PrefixFrom(address, 32), Action: action, By: ban.Self, Since: now, Until: now.Add(time.Minute)})
	}
	r.flush()
	for text, want := range map[string]int{"203.0.113.0/32": 1, "203.0.113.1/32": 0, "203.0.113.2/32": 1} {
		if got := strings.Count(r.said.String(), text); got != want {
			t.Errorf("%s stands in the log %d times, want %d", text, got, want)
		}
	}
}
