package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// small is a flood of a minute and a half that takes a second.
var small = options{seed: 3, sources: 90_000, rate: 1000, phones: 300, attackers: 20}

func TestRun(t *testing.T) {
	var first bytes.Buffer
	for _, seed := range []uint64{3, 3, 4} {
		o := small
		o.seed = seed
		r := newRiver(o)
		c := newCrowd(o, r)
		c.gather()
		for i := range o.sources {
			c.lie(i)
		}
		c.disperse()
		v := r.verdict()
		if v.forgotten+v.blocked+v.accused > 0 || v.found != o.attackers || v.median > 20*time.Second || v.limits == 0 {
			t.Errorf("seed %d: %+v", seed, v)
		}
		var out bytes.Buffer
		for _, g := range r.lane.Gauges() {
			table(&out, &g)
		}
		switch {
		case first.Len() == 0:
			first = out
		case (seed == small.seed) != (out.String() == first.String()):
			t.Errorf("seed %d gives\n%s, and seed %d\n%s", seed, &out, small.seed, &first)
		}
	}
}

func TestRefusesWhatProvesNothing(t *testing.T) {
	for _, o := range []options{
		{sources: 1, rate: 1}, {sources: 100_000, rate: 1}, {sources: 100, rate: 0},
	} {
		if err := run(new(bytes.Buffer), o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// TestReport: a run says everything; whether its memory grows, the many runs
// of a test do not tell.
func TestReport(t *testing.T) {
	var out bytes.Buffer
	o := small
	o.sources /= 10
	_ = run(&out, o)
	for _, want := range []string{"speed ", "memory ", "phones ", "attackers ", "cases ", "proofs "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing about %q in\n%s", want, out.String())
		}
	}
}
