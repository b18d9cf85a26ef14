package replay

import (
	"errors"
	"io"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
)

// copyOf keeps an event beyond the call that gave it.
func copyOf(e *event.Event) event.Event {
	kept, _ := e.Kept()
	return kept
}

// TestReadAheadChangesNothing holds the events of logs that are read ahead
// against those that are read in turn, whatever the size of a log.
func TestReadAheadChangesNothing(t *testing.T) {
	for _, name := range []string{"asterisk/testdata/asterisk.txt", "freeswitch/testdata/freeswitch.txt", "ser/testdata/kamailio.txt", "ser/testdata/opensips.txt"} {
		text, err := os.ReadFile("../logline/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, times := range []int{0, 1, 20} {
			open := func() *logline.File {
				f, err := logline.NewFile(strings.NewReader(strings.Repeat(string(text), times)), logline.Auto, logline.Clock{Now: time.Unix(1_790_000_000, 0), Zone: time.UTC})
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			var want []event.Event
			direct, count := open(), 0
			for e, err := direct.Next(); err == nil; e, err = direct.Next() {
				want = append(want, copyOf(e))
			}
			a := &ahead{from: open(), stop: make(chan struct{})}
			e, err := a.Next()
			for ; err == nil; e, err = a.Next() {
				if got := copyOf(e); count >= len(want) || !reflect.DeepEqual(got, want[count]) {
					t.Fatalf("%s: event %d is %+v", name, count, got)
				}
				count++
				e.Requests, e.Outcomes, e.Kind = 7, make([]event.Outcome, 1), event.Copy // as the river does
			}
			if _, again := a.Next(); count != len(want) || !errors.Is(err, io.EOF) || !errors.Is(again, io.EOF) {
				t.Errorf("%s %d times: %d events and %v, then %v, want %d", name, times, count, err, again, len(want))
			}
		}
	}
}

// endless is a log without end.
type endless struct{ event event.Event }

// Next implements stream.
func (s *endless) Next() (*event.Event, error) { return &s.event, nil }

func TestReadAheadStops(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for calls := range 3 {
		in := &input{lines: new(logline.File), stream: &endless{}}
		end := readAhead([]*input{in, {stream: &endless{}}})
		for range calls * blockLines {
			if _, err := in.stream.Next(); err != nil {
				t.Fatal(err)
			}
		}
		end() // it waits for the reader
	}
}
