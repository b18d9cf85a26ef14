package pcap

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)

// brokenPipe fails from a certain Write on.
type brokenPipe struct{ good int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.good--; b.good < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestWriterRefuses(t *testing.T) {
	tests := []struct {
		name  string
		at    time.Time
		frame []byte
	}{
		{"too long", start, make([]byte, maxFrame+1)},
		{"before 1970", time.Unix(-1, 0), nil},
		{"after 2106", time.Unix(1<<32, 0), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var file bytes.Buffer
			w, err := NewWriter(&file, 101)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(tt.at, tt.frame); !errors.Is(err, ErrWrite) {
				t.Errorf("Write = %v, want ErrWrite", err)
			}
			if file.Len() != fileHead {
				t.Errorf("%d bytes written, want the header's %d only", file.Len(), fileHead)
			}
		})
	}
}

func TestWriterPassesErrorsOn(t *testing.T) {
	if _, err := NewWriter(&brokenPipe{}, 1); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("NewWriter = %v, want the pipe's error", err)
	}
	w, err := NewWriter(&brokenPipe{good: 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(start, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write = %v, want the pipe's error", err)
	}
}

func TestWriterWritesEachFrameAtOnce(t *testing.T) {
	pipe := &brokenPipe{good: 3}
	w, err := NewWriter(pipe, 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Write(start, []byte("frame")); err != nil {
			t.Fatal(err)
		}
	}
	if pipe.good != 0 {
		t.Errorf("%d writes left of 3, want 0: one for the header, one for each frame", pipe.good)
	}
}

func TestReaderReadsWriter(t *testing.T) {
	frames := [][]byte{[]byte("first"), {}, bytes.Repeat([]byte{7}, maxFrame), []byte("last")}
	var file bytes.Buffer
	w, err := NewWriter(&file, 101)
	if err != nil {
		t.Fatal(err)
	}
	for i, frame := range frames {
		if err := w.Write(start.Add(time.Duration(i)*time.Nanosecond), frame); err != nil {
			t.Fatal(err)
		}
	}
	r, err := NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	for i, frame := range frames {
		if err := r.Next(&f); err != nil {
			t.Fatal(err)
		}
		want := start.Add(time.Duration(i) * time.Nanosecond)
		if f.Number != i+1 || !f.Time.Equal(want) || f.Link != 101 || f.Cut() || !bytes.Equal(f.Data, frame) {
			t.Errorf("frame %d = number %d, time %v, link %d, %d bytes, cut %v", i+1, f.Number, f.Time, f.Link, len(f.Data), f.Cut())
		}
	}
	if err := r.Next(&f); err != io.EOF {
		t.Errorf("Next at the end = %v, want io.EOF", err)
	}
}
