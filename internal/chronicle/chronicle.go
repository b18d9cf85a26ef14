// Package chronicle keeps the stream of what happens: the hall tells it, the
// store keeps it, the log repeats what matters most, and people read it through
// the control socket.
package chronicle

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
	// longestQueue is how many records may wait for the disk.
	longestQueue = 1 << 16
	// leakGrace is how long after a drop answers to its source may still be on
	// their way out.
	leakGrace = 2 * time.Second
	// leakFor is how long a leak shows after its last sign.
	leakFor = time.Minute
	// pause is how long the store is left alone after it refused records.
	pause = time.Second
)

// Options says whom a chronicle works with.
type Options struct {
	Store  *store.Store
	Health *health.Health
	Clock  clock.Clock
	// Log is for whoever looks there first.
	Log *slog.Logger
	// Leak is called when a source that is dropped goes on being answered: kernel
	// and table ought to be compared. It must not wait.
	Leak func()
}

// Chronicle is the stream of what happens. It is the hall's witness, and its
// methods may be called from several goroutines at once.
type Chronicle struct {
	o Options

	mu      sync.Mutex
	waiting []control.EventRecord
	lost    uint64        // records that found no room
	grown   chan struct{} // closed and replaced when the store has more

	wake chan struct{} // holds one token when something waits
	// troubles counts the kernel's refusals; leaked is the UnixNano of the last
	// sign of a leak.
	troubles atomic.Uint64
	leaked   atomic.Int64
}

// New begins one that goes on where the store's records end.
func New(o Options) *Chronicle {
	return &Chronicle{o: o, grown: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// Add queues a record. One without a time happens now; one that finds no room is
// counted.
func (c *Chronicle) Add(r control.EventRecord) {
	if r.Time.IsZero() {
		r.Time = c.o.Clock.Now()
	}
	c.mu.Lock()
	if len(c.waiting) < longestQueue {
		c.waiting = append(c.waiting, r)
	} else {
		c.lost++
	}
	c.mu.Unlock()
	c.rouse()
}

// rouse leaves a token for Run unless there is one.
func (c *Chronicle) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Found implements guard.Witness.
func (c *Chronicle) Found(found detect.Finding) {
	if !found.Class.Attack() {
		return
	}
	c.Add(control.EventRecord{
		Time: found.Time, Type: "finding", Src: found.Source, Rule: found.Rule, Class: string(found.Class),
		Severity: string(found.Severity), Proof: found.Proof.String(), Account: found.Account,
		Requests: found.Requests, Why: found.Why,
	})
}

// Done implements guard.Witness.
func (c *Chronicle) Done(b ban.Ban) {
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
		r.TookMS = float64(c.o.Clock.Now().Sub(b.Since).Microseconds()) / 1000
	}
	c.Add(r)
}

// ended is the record of an entry's end: who ended it, not why it was made.
func ended(b *ban.Ban, how string) control.EventRecord {
	return control.EventRecord{Time: b.Ended, Type: how, Prefix: b.Prefix, Action: b.Action.String(), By: b.EndedBy}
}

// Again implements guard.Witness: a source that is dropped goes on being
// answered, so its packets still reach the server.
func (c *Chronicle) Again(b ban.Ban, at time.Time) {
	if b.Action == ban.Drop && at.Sub(b.Since) > leakGrace {
		c.leaked.Store(time.Now().UnixNano())
		c.o.Health.Set("leak", fmt.Sprintf("the server still answers %s, which is banned: packets pass by our table", b.Prefix))
		c.o.Leak()
	}
}

// ForgetLeak clears the complaint about a leak that shows no more.
func (c *Chronicle) ForgetLeak(now time.Time) {
	if now.Sub(time.Unix(0, c.leaked.Load())) > leakFor {
		c.o.Health.Clear("leak")
	}
}

// Fenced implements guard.Witness: an alarm, for nobody is kept out.
func (c *Chronicle) Fenced(b ban.Ban) {
	c.Add(control.EventRecord{
		Time: b.Since, Type: "alarm", Prefix: b.Prefix, Rule: b.Rule, Class: b.Class, Proof: b.Proof,
		Requests: b.Requests, Why: b.Why,
	})
}

// Trouble implements guard.Witness.
func (c *Chronicle) Trouble(err error) {
	c.troubles.Add(1)
	c.o.Health.Report("enforce", "the kernel refused an order", err)
}

// Troubles is how often the kernel has refused an order.
func (c *Chronicle) Troubles() uint64 { return c.troubles.Load() }

// Run writes what is queued, until ctx ends; then once more.
func (c *Chronicle) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			c.flush()
			return nil
		case <-c.wake:
		}
		if c.flush() {
			continue
		}
		// Every record that comes now would bring all that wait before the store.
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			c.rouse()
		}
	}
}

// flush gives the store what waits. When that fails, it waits on, as far as
// there is room.
func (c *Chronicle) flush() bool {
	c.mu.Lock()
	batch := c.waiting
	c.waiting = nil
	c.mu.Unlock()
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
	err := c.o.Store.AppendEvents(records)
	c.o.Health.Report("events", "the event stream is not saved", err)
	if err == nil {
		c.log(batch)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		room := min(longestQueue-len(c.waiting), len(batch))
		c.lost += uint64(len(batch) - room)
		c.waiting = append(batch[len(batch)-room:], c.waiting...)
	} else {
		close(c.grown)
		c.grown = make(chan struct{})
	}
	if c.lost > 0 {
		c.o.Health.Set("events lost", fmt.Sprintf("%d records of the event stream found no room and are lost", c.lost))
	}
	return err == nil
}

// log repeats the drops, and what people ordered, for whoever looks at the log
// first. Limits are left out: forged packets may cause any number of them.
func (c *Chronicle) log(batch []control.EventRecord) {
	for i := range batch {
		r := &batch[i]
		if r.Action == ban.Drop.String() || slices.Contains([]string{"unban", "allow", "disallow"}, r.Type) {
			c.o.Log.Info(r.Type, "prefix", r.Prefix, "action", r.Action, "seconds", r.Seconds, "by", r.By, "why", r.Why)
		}
	}
}

// Events implements control.Feed.
func (c *Chronicle) Events(since time.Time, after uint64, limit int) ([]control.EventRecord, uint64, error) {
	stored, err := c.o.Store.Events(store.Query{Since: since, After: int64(after), Limit: limit})
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
func (c *Chronicle) Wait(ctx context.Context, after uint64) error {
	for {
		c.mu.Lock()
		grown := c.grown
		c.mu.Unlock()
		if found, _, err := c.Events(time.Time{}, after, 1); err != nil || len(found) > 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}
