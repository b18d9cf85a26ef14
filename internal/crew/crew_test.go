package crew

import (
	"context"
	"errors"
	"testing"
)

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestCrew: the end is no failure, a failure before it raises the alarm, and
// only the first one is told.
func TestCrew(t *testing.T) {
	alarm := make(chan struct{}, 2)
	c := New(t.Context(), func() { alarm <- struct{}{} })
	c.Add(untilDone, untilDone, func(context.Context) error { return nil })
	if err := c.Dismiss(); err != nil || len(alarm) > 0 {
		t.Errorf("the end gives %v", err)
	}
	first := errors.New("the first")
	c = New(t.Context(), func() { alarm <- struct{}{} })
	c.Add(untilDone, func(context.Context) error { return first })
	<-alarm
	c.Add(func(context.Context) error { return errors.New("the second") })
	<-alarm
	if err := c.Dismiss(); !errors.Is(err, first) {
		t.Errorf("dismissed with %v", err)
	}
}
