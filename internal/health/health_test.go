package health

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestHealth says a thing once, in the order of the things' names, and tells
// when it is over.
func TestHealth(t *testing.T) {
	var log bytes.Buffer
	h := New(slog.New(slog.NewTextHandler(&log, nil)))
	wrong := func(want ...string) {
		t.Helper()
		got := h.Sentences()
		same := len(got) == len(want)
		for i := range want {
			same = same && strings.Contains(got[i], want[i])
		}
		if !same {
			t.Errorf("wrong is %q, want %q", got, want)
		}
	}
	broken := errors.New("broken")
	h.Report("b", "the second does not work", nil)
	wrong()
	h.Report("b", "the second does not work", broken)
	h.Report("b", "the second does not work", broken)
	h.Report("a", "the first does not work", broken)
	wrong("the first does not work: broken", "the second does not work: broken")
	if n := strings.Count(log.String(), "the second does not work"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	h.Report("b", "the second does not work", errors.New("worse"))
	wrong("the first does not work: broken", "the second does not work: worse")
	h.List("c", []string{"this", "that"})
	wrong("the first", "the second", "this; that")
	h.List("c", nil)
	h.Report("b", "the second does not work", errors.Join(broken, errors.New("worse")))
	wrong("the first", "the second does not work: broken; worse") // in one line
	h.Report("a", "the first does not work", nil)
	h.Clear("b")
	h.Clear("b")
	wrong()
	if n := strings.Count(log.String(), "works again"); n != 3 {
		t.Errorf("said %d times that something works again", n)
	}
}
