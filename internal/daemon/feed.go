package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/clock"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/health"
	"github.com/sipward/sipward/internal/store"
)

const (
	// feedQueue is how many records may wait for the disk.
	feedQueue = 1 << 16
	// leakGrace is how long after a drop answers to its source may still be on
	// their way out.
	leakGrace = 2 * time.Second
	// leakFor is how long a leak shows after its last sign.
	leakFor = time.Minute
	// feedPause is how long the store is left alone after it refused records.
	feedPause = time.Second
)

// feed is the stream of what happens: the hall tells it, the store keeps it,
// and the control socket reads it.
type feed struct {
	store  *store.Store
	health *health.Health
	clock  clock.Clock
	text   *slog.Logger // for whoever looks at the log first

	mu      sync.Mutex
	waiting []control.EventRecord
	lost    uint64        // records that found no room
	grown   chan struct{} // closed and replaced when the store has more

	wake chan struct{}
	// troubles counts the kernel's refusals; leaked is the UnixNano of the last
	// sign of a leak.
	troubles atomic.Uint64
	leaked   atomic.Int64
	// leaks asks for a comparison of kernel and table: a dropped source was answered.
	leaks chan struct{}
	// layerChanged tells that another layer is in use.
	layerChanged chan struct{}
}

func newFeed(s *store.Store, h *health.Health, c clock.Clock, text *slog.Logger) *feed {
	return &feed{
		store: s, health: h, clock: c, text: text, grown: make(chan struct{}), wake: make(chan struct{}, 1),
		leaks: make(chan struct{}, 1), layerChanged: make(chan struct{}, 1),
	}
}

// add queues a record.
func (f *feed) add(r control.EventRecord) {
	if r.Time.IsZero() {
		r.Time = f.clock.Now()
	}
	f.mu.Lock()
	if len(f.waiting) < feedQueue {
		f.waiting = append(f.waiting, r)
	} else {
		f.lost++
	}
	f.mu.Unlock()
	signal(f.wake)
}

// signal leaves a token unless there is one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Found implements guard.Witness.
func (f *feed) Found(found detect.Finding) {
	if !found.Class.Attack() {
		return
	}
	f.add(control.EventRecord{
		Time: found.Time, Type: "finding", Src: found.Source, Rule: found.Rule, Class: string(found.Class),
		Severity: string(found.Severity), Proof: found.Proof.String(), Account: found.Account,
		Requests: found.Requests, Why: found.Why,
	})
}

// Done implements guard.Witness.
func (f *feed) Done(b ban.Ban) {
	r := control.EventRecord{
		Time: b.Since, Type: "ban", Prefix: b.Prefix, Action: b.Action.String(), Rule: b.Rule, Class: b.Class,
		Proof: b.Proof, Requests: b.Requests, By: b.By, Why: b.Why,
	}
	if !b.Until.IsZero() {
		r.Seconds = int64(b.Until.Sub(b.Since) / time.Second)
	}
	switch {
	case b.Action == ban.Pass:
		return // a phone that registers is no news
	case !b.Ended.IsZero() && b.EndedBy == "":
		r = ended(&b, "expired")
	case b.EndedBy == ban.Self:
		r = ended(&b, "lifted")
	case !b.Ended.IsZero() && b.Action == ban.Allow:
		r = ended(&b, "disallow")
	case !b.Ended.IsZero():
		r = ended(&b, "unban")
	case b.Action == ban.Allow:
		r.Type = "allow"
	case b.Action.Blocks() && b.ID == b.Seq: // decided now, and not renewed
		r.TookMS = float64(f.clock.Now().Sub(b.Since).Microseconds()) / 1000
	}
	f.add(r)
}

// ended is the record of an entry's end: who ended it, not why it was made.
func ended(b *ban.Ban, how string) control.EventRecord {
	return control.EventRecord{Time: b.Ended, Type: how, Prefix: b.Prefix, Action: b.Action.String(), By: b.EndedBy}
}

// Again implements guard.Witness: a source that is dropped goes on being
// answered, so its packets still reach the server.
func (f *feed) Again(b ban.Ban, at time.Time) {
	if b.Action == ban.Drop && at.Sub(b.Since) > leakGrace {
		f.leaked.Store(time.Now().UnixNano())
		f.health.Set("leak", fmt.Sprintf("the server still answers %s, which is banned: packets pass by our table", b.Prefix))
		signal(f.leaks)
	}
}

// forgetLeak clears the complaint about a leak that shows no more.
func (f *feed) forgetLeak(now time.Time) {
	if now.Sub(time.Unix(0, f.leaked.Load())) > leakFor {
		f.health.Clear("leak")
	}
}

// Fenced implements guard.Witness.
func (f *feed) Fenced(b ban.Ban) {
	f.add(control.EventRecord{
		Time: b.Since, Type: "alarm", Prefix: b.Prefix, Rule: b.Rule, Class: b.Class, Proof: b.Proof,
		Requests: b.Requests, Why: b.Why,
	})
}

// Trouble implements guard.Witness.
func (f *feed) Trouble(err error) {
	f.troubles.Add(1)
	f.health.Report("enforce", "the kernel refused an order", err)
}

// run writes what is queued, until ctx ends; then once more.
func (f *feed) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			f.flush()
			return nil
		case <-f.wake:
		}
		if f.flush() {
			continue
		}
		// Every record that comes now would bring all that wait before the store.
		select {
		case <-ctx.Done():
		case <-time.After(feedPause):
			signal(f.wake)
		}
	}
}

// flush gives the store what waits. When that fails, it waits on, as far as
// there is room.
func (f *feed) flush() bool {
	f.mu.Lock()
	batch := f.waiting
	f.waiting = nil
	f.mu.Unlock()
	if len(batch) == 0 {
		return true
	}
	records := make([]store.Record, 0, len(batch))
	for i := range batch {
		body, err := json.Marshal(&batch[i])
		if err != nil {
			panic("sipward: an event record does not marshal: " + err.Error())
		}
		records = append(records, store.Record{Time: batch[i].Time, Body: body})
	}
	err := f.store.AppendEvents(records)
	f.health.Report("events", "the event stream is not saved", err)
	if err == nil {
		f.log(batch)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		room := min(feedQueue-len(f.waiting), len(batch))
		f.lost += uint64(len(batch) - room)
		f.waiting = append(batch[len(batch)-room:], f.waiting...)
	} else {
		close(f.grown)
		f.grown = make(chan struct{})
	}
	if f.lost > 0 {
		f.health.Set("events lost", fmt.Sprintf("%d records of the event stream found no room and are lost", f.lost))
	}
	return err == nil
}

// log repeats the drops, and what people ordered, for whoever looks at the log
// first. Limits are left out: forged packets may cause any number of them.
func (f *feed) log(batch []control.EventRecord) {
	for i := range batch {
		r := &batch[i]
		if r.Action == ban.Drop.String() || slices.Contains([]string{"unban", "allow", "disallow"}, r.Type) {
			f.text.Info(r.Type, "prefix", r.Prefix, "action", r.Action, "seconds", r.Seconds, "by", r.By, "why", r.Why)
		}
	}
}

// Events implements control.Feed.
func (f *feed) Events(since time.Time, after uint64, limit int) ([]control.EventRecord, uint64, error) {
	stored, err := f.store.Events(store.Query{Since: since, After: int64(after), Limit: limit})
	if err != nil {
		return nil, after, err
	}
	records := make([]control.EventRecord, 0, len(stored))
	for _, s := range stored {
		after = uint64(s.ID)
		var r control.EventRecord
		if json.Unmarshal(s.Body, &r) != nil {
			continue // a later version's record; its number is passed all the same
		}
		r.Seq = uint64(s.ID)
		records = append(records, r)
	}
	return records, after, nil
}

// Wait implements control.Feed.
func (f *feed) Wait(ctx context.Context, after uint64) error {
	for {
		f.mu.Lock()
		grown := f.grown
		f.mu.Unlock()
		if found, _, err := f.Events(time.Time{}, after, 1); err != nil || len(found) > 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}
