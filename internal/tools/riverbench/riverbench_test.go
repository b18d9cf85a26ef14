package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestRun: benign traffic gives no finding, and costs no allocation once the
// phones are known.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, options{seed: 2, phones: 40, rounds: 1}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"source ", "guard ", "the river ", "ratio ", "allocations "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing about %q in\n%s", want, out.String())
		}
	}
}

func TestNoAllocations(t *testing.T) {
	frames := traffic(3, 200)
	s := newStage("guard", frames)
	for range 3 {
		s.pass()
	}
	if n := testing.AllocsPerRun(3, s.pass); n > 0 {
		t.Errorf("%g allocations for %d messages", n, len(frames))
	}
}
