package logline_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/logtest"
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
		file, err := logline.NewFile(from, logline.Auto, logtest.Clock)
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
	if _, err := logline.NewFile(strings.NewReader("\x1f\x8bbroken"), logline.Auto, logtest.Clock); err == nil {
		t.Error("broken gzip is read")
	}
	if _, err := logline.NewFile(strings.NewReader(""), logline.Auto, logtest.Clock); err != nil {
		t.Errorf("empty file: %v", err)
	}
}

// TestFileGivesWhatSaysSomething: Next passes over the rest, and a file that
// breaks in the middle is an error after what came before.
func TestFileGivesWhatSaysSomething(t *testing.T) {
	evidence := stamp + "NOTICE[60] manager.c: 203.0.113.7 failed to authenticate as 'a'"
	text := strings.Join([]string{"nothing", evidence, "", "nothing", evidence + "\r", "nothing"}, "\n")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, text+"\n"+strings.Repeat(evidence+"\n", 100)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		from  io.Reader
		lines []uint64
		total uint64
		end   error
	}{
		"whole":       {strings.NewReader(text), []uint64{2, 5}, 6, io.EOF},
		"cut in gzip": {bytes.NewReader(packed.Bytes()[:packed.Len()-4]), nil, 0, io.ErrUnexpectedEOF},
	} {
		file, err := logline.NewFile(test.from, logline.Auto, logtest.Clock)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		e, err := file.Next()
		for ; err == nil; e, err = file.Next() {
			got = append(got, e.Place.Line)
			if e.Remote.Addr().String() != "203.0.113.7" || e.Kind != event.Line {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if !errors.Is(err, test.end) || test.lines != nil && (!slices.Equal(got, test.lines) || file.Lines() != test.total) {
			t.Errorf("%s: lines %v of %d, %v", name, got, file.Lines(), err)
		}
		if test.lines == nil && len(got) < 2 {
			t.Errorf("%s: only %d lines before the break", name, len(got))
		}
	}
}

// FuzzPassing: who wants only lines that say something gets the very events that
// a reader of every line gets, whatever is passed over on the way.
func FuzzPassing(f *testing.F) {
	corpus, err := os.ReadFile("asterisk/testdata/asterisk.txt")
	if err != nil {
		f.Fatal(err)
	}
	quiet := stamp + "VERBOSE[4711][C-00000001] pbx.c: Executing [100@a:1] Dial(\"PJSIP/1\", \"\") in new stack\n"
	for _, part := range strings.Split(string(corpus), "\n\n") {
		f.Add(part)
		f.Add(quiet + strings.ReplaceAll(part, "\n", "\n"+quiet) + "\n" + quiet)
	}
	f.Add(quiet + dump + "\r\nOPTIONS sip:x SIP/2.0\r\n" + quiet + endMark + "\r\n" + quiet + plain)
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range []logline.Format{logline.Auto, logline.Asterisk} {
			want, got := said(t, text, format, (*logline.File).NextLine), said(t, text, format, (*logline.File).Next)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q (-every line +what says something)\n%s", text, diff)
			}
		}
	})
}

// said prints every event of a log that says something.
func said(t *testing.T, text string, format logline.Format, next func(*logline.File) (*event.Event, error)) (all []string) {
	file, err := logline.NewFile(strings.NewReader(text), format, logtest.Clock)
	if err != nil {
		return nil // begins as a gzipped one
	}
	for {
		e, err := next(file)
		if errors.Is(err, io.EOF) {
			return append(all, fmt.Sprint(file.Lines(), " lines"))
		}
		if err != nil {
			return append(all, err.Error())
		}
		if e.Log.Verdict != event.Unknown {
			all = append(all, fmt.Sprintf("%+v", *e))
		}
		// The river writes into an Event; that must not show in the next one.
		e.Kind, e.Requests, e.Account, e.Proof, e.Outcomes = event.Copy, 9, 9, event.GradeA, make([]event.Outcome, 1)
	}
}
