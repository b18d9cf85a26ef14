package daemon

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
)

// TestHealth: one sentence for each thing that is wrong, in one line, and none
// when it works again.
func TestHealth(t *testing.T) {
	h := newHealth(slog.New(slog.DiscardHandler))
	h.report("settings", "the old ones stay", errors.Join(errors.New("line 2: unknown key"), errors.New("line 3: no prefix")))
	h.report("disk", "nothing is saved", errors.New("full"))
	want := []string{"nothing is saved: full", "the old ones stay: line 2: unknown key; line 3: no prefix"}
	if got := h.sentences(); !slices.Equal(got, want) {
		t.Errorf("wrong is %q, want %q", got, want)
	}
	h.report("disk", "nothing is saved", nil)
	if got := h.sentences(); !slices.Equal(got, want[1:]) {
		t.Errorf("after the repair, wrong is %q, want %q", got, want[1:])
	}
}
