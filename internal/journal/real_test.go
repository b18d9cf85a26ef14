package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"testing"
	"time"
)

// TestRealJournal follows this machine's own journal behind an entry of some
// unit, and is given that unit's next one.
func TestRealJournal(t *testing.T) {
	out, err := exec.Command(defaultProgram, "--output=json", "--lines=300", "--quiet", "--no-pager").Output()
	if err != nil || !hasPair(out) {
		t.Skip("no journal with two entries of a unit can be read")
	}
	before, after := pair(out)
	if after.Cursor == "" {
		t.Fatal("the journal has two entries of a unit, and we read none")
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var got Entry
	err = Run(ctx, Options{Units: []string{before.Unit}, Cursor: before.Cursor}, func(e *Entry) {
		if got.Cursor == "" {
			got = *e
		}
		stop()
	})
	if got.Cursor != after.Cursor || got.Unit != after.Unit || !got.Time.Equal(after.Time) {
		t.Errorf("behind %+v came %+v, want %+v; %v", before, got, after, err)
	}
}

// hasPair is the probe: two entries of one unit, told without our own reader,
// whose faults must not look like a machine without a journal.
func hasPair(out []byte) bool {
	seen := map[string]bool{}
	for line := range bytes.Lines(out) {
		var entry struct {
			Unit string `json:"_SYSTEMD_UNIT"`
		}
		if json.Unmarshal(line, &entry) != nil || !ValidUnit(entry.Unit) {
			continue
		}
		if seen[entry.Unit] {
			return true
		}
		seen[entry.Unit] = true
	}
	return false
}

// pair finds the last two entries of a unit that has two.
func pair(out []byte) (before, after Entry) {
	last := map[string]Entry{}
	for line := range bytes.Lines(out) {
		e, ok := parse(line)
		if !ok || !ValidUnit(e.Unit) {
			continue
		}
		if earlier, ok := last[e.Unit]; ok {
			before, after = earlier, e
		}
		last[e.Unit] = e
	}
	return before, after
}
