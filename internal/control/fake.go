package control

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// Fake is a Guard and a Feed that keeps everything in memory and touches no
// kernel. Tests of whatever talks to a daemon stand on it.
type Fake struct {
	// Answer is the status; Bans, Allowed and KnownGood are counted.
	Answer Status
	// NeverBan is what the fence refuses to ban.
	NeverBan []netip.Prefix

	mu      sync.Mutex
	entries []ban.Ban
	records []EventRecord
	// changed is closed and replaced whenever a record is added.
	changed chan struct{}
}

// NewFake makes a Fake in the given mode.
func NewFake(mode string) *Fake {
	return &Fake{
		Answer: Status{
			Version: "0.0.0-fake", Mode: mode, Since: time.Now().Add(-time.Hour),
			Layers: map[string]string{"eth0": "dryrun"}, Listen: []string{"5060/udp"},
		},
		changed: make(chan struct{}),
	}
}

// Put adds an entry as if sipward itself had decided it.
func (f *Fake) Put(b ban.Ban) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries = append(f.entries, b)
	f.note(EventRecord{Time: b.Since, Type: "ban", Prefix: b.Prefix, Rule: b.Rule, Class: b.Class, Why: b.Why, By: b.By})
}

// Note adds a record to the stream.
func (f *Fake) Note(r EventRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note(r)
}

func (f *Fake) note(r EventRecord) {
	r.Seq = uint64(len(f.records)) + 1
	f.records = append(f.records, r)
	close(f.changed)
	f.changed = make(chan struct{})
}

// Order implements Guard.
func (f *Fake) Order(b ban.Ban) (Receipt, error) {
	if b.Action == ban.Drop && slices.ContainsFunc(f.NeverBan, b.Prefix.Overlaps) {
		return Receipt{}, fmt.Errorf("it is this machine's own: %w", ErrRefused)
	}
	f.Put(b)
	return Receipt{Prefix: b.Prefix, Action: b.Action.String(), Scope: b.Scope.String(), Since: b.Since, Until: b.Until,
		Enforced: f.Answer.Mode == ModeEnforce}, nil
}

// Lift implements Guard.
func (f *Fake) Lift(q Lift) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lifted := 0
	for i := range f.entries {
		b := &f.entries[i]
		if b.Ended.IsZero() && q.Matches(b) {
			b.Ended, b.EndedBy = time.Now(), q.By
			f.note(EventRecord{Time: b.Ended, Type: "unban", Prefix: b.Prefix, By: q.By})
			lifted++
		}
	}
	return lifted, nil
}

// Bans implements Guard.
func (f *Fake) Bans() []BanRow {
	f.mu.Lock()
	defer f.mu.Unlock()
	var rows []BanRow
	for i := range f.entries {
		if f.entries[i].Live(time.Now()) {
			rows = append(rows, Row(&f.entries[i], 0))
		}
	}
	return rows
}

// Status implements Guard.
func (f *Fake) Status() Status {
	s := f.Answer
	for _, row := range f.Bans() {
		switch {
		case row.Blocks():
			s.Bans++
		case row.Action == ban.Allow.String():
			s.Allowed++
		default:
			s.KnownGood++
		}
	}
	return s
}

// Why implements Guard.
func (f *Fake) Why(target string) (Explanation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := Explanation{Target: target, Verdict: NotSeen, Mode: f.Answer.Mode}
	address, err := netip.ParseAddr(target)
	if err != nil {
		return e, nil
	}
	if slices.ContainsFunc(f.NeverBan, func(p netip.Prefix) bool { return p.Contains(address) }) {
		e.Verdict, e.Why = NeverBan, "it is this machine's own"
	}
	for i := len(f.entries) - 1; i >= 0; i-- {
		b := &f.entries[i]
		if !b.Prefix.Contains(address) {
			continue
		}
		row := FullRow(b, 0)
		if !b.Live(time.Now()) {
			e.Entries = append(e.Entries, row)
			continue
		}
		e.Entries = slices.Insert(e.Entries, 0, row)
		e.Verdict, e.Layers = map[string]string{"drop": Blocked, "limit": Limited, "allow": Allowed, "pass": KnownGood}[row.Action], f.Answer.Layers
	}
	if e.Verdict == NotSeen && len(e.Entries) > 0 {
		e.Verdict = NotBlocked
	}
	return e, nil
}

// Events implements Feed.
func (f *Fake) Events(since time.Time, after uint64, limit int) ([]EventRecord, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []EventRecord
	for ; after < uint64(len(f.records)) && len(out) < limit; after++ {
		if r := f.records[after]; !r.Time.Before(since) {
			out = append(out, r)
		}
	}
	return out, after, nil
}

// Wait implements Feed.
func (f *Fake) Wait(ctx context.Context, after uint64) error {
	for {
		f.mu.Lock()
		more, changed := uint64(len(f.records)) > after, f.changed
		f.mu.Unlock()
		if more {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
