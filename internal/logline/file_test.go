package logline

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/event"
)

// TestFile reads a file as it comes from a disk: a line of a megabyte, bytes
// that are no text, and no line feed at the end; plain and gzipped.
func TestFile(t *testing.T) {
	evidence := stamp + "NOTICE[60] manager.c: 203.0.113.7 failed to authenticate as 'a'"
	text := strings.Join([]string{
		evidence, strings.Repeat("x", 1<<20), stamp + "NOTICE[60] manager.c: 203.0.113.7 failed to authenticate as '" + strings.Repeat("y", 1<<20) + "'",
		"\xff\xfe\x00", "", evidence,
	}, "\n")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]io.Reader{"plain": strings.NewReader(text), "gzip": &packed} {
		file, err := NewFile(from, Auto, testClock)
		if err != nil {
			t.Fatal(err)
		}
		var got []event.Verdict
		for {
			e, err := file.NextLine()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if int(e.Place.Line) != len(got)+1 {
				t.Errorf("%s: line %d is number %d", name, len(got)+1, e.Place.Line)
			}
			got = append(got, e.Log.Verdict)
		}
		want := []event.Verdict{event.Hostile, event.Unknown, event.Tampered, event.Unknown, event.Unknown, event.Hostile}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if _, err := NewFile(strings.NewReader("\x1f\x8bbroken"), Auto, testClock); err == nil {
		t.Error("broken gzip is read")
	}
	if _, err := NewFile(strings.NewReader(""), Auto, testClock); err != nil {
		t.Errorf("empty file: %v", err)
	}
}
