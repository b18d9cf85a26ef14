package logline

import (
	"testing"
	"time"
)

// TestEntriesHaveTheirOwnTimes, unlike the lines of a file, which share the time
// of the last one that has a stamp.
func TestEntriesHaveTheirOwnTimes(t *testing.T) {
	r := Reader{Format: Asterisk, Clock: Clock{Now: time.Unix(2e9, 0), Zone: time.UTC}}
	at := time.Unix(1795351367, 0).UTC()
	for i, text := range []string{
		"NOTICE[60] manager.c: 203.0.113.7 failed to authenticate as 'a'",
		"NOTICE[60] manager.c: 203.0.113.7 failed to authenticate as 'b'",
		"[2026-11-22 10:00:00] NOTICE[60] manager.c: 203.0.113.7 failed to authenticate as 'c'",
		"NOTICE[60] manager.c: 203.0.113.7 failed to authenticate as 'd'",
	} {
		r.PutEntry([]byte(text), at.Add(time.Duration(i)*time.Minute))
	}
	r.Flush()
	stamp := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i, want := range []time.Time{at, at.Add(time.Minute), stamp, at.Add(3 * time.Minute)} {
		if e := r.Next(); e == nil || !e.Time.Equal(want) || !e.Remote.IsValid() {
			t.Errorf("entry %d: %+v, want %v", i, e, want)
		}
	}
}
