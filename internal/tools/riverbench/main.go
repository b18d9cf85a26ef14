// Riverbench measures what the whole river costs a benign message, from the
// frame to the decision, against what sipgo needs to parse the message alone:
// one core, one in-memory capture, one run, interleaved.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipward/sipward/internal/tools/cputime"
)

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the traffic")
	flag.IntVar(&o.phones, "phones", 5000, "how many phones register and call")
	flag.IntVar(&o.rounds, "rounds", 9, "interleaved rounds")
	flag.Parse()
	if err := run(os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "riverbench:", err)
		os.Exit(1)
	}
}

type options struct {
	seed           uint64
	phones, rounds int
}

// run prints the medians of all rounds.
func run(w io.Writer, o options) error {
	runtime.GOMAXPROCS(1)
	frames := traffic(o.seed, o.phones)
	parser := sip.NewParser()
	for i := range frames {
		if _, err := parser.ParseSIP(frames[i].message); err != nil {
			return fmt.Errorf("parse with sipgo: %w in %q", err, frames[i].message)
		}
	}
	stages := []*stage{newStage("source", frames), newStage("track", frames), newStage("detect", frames), newStage("guard", frames)}
	last := stages[len(stages)-1]
	costs := make([][]time.Duration, len(stages)+1)
	ratios := make([]float64, 0, o.rounds)
	for round := range o.rounds + 2 {
		var took []time.Duration
		for _, s := range stages {
			took = append(took, timed(s.pass))
		}
		took = append(took, timed(func() {
			for i := range frames {
				_, _ = parser.ParseSIP(frames[i].message)
			}
		}))
		if round < 2 {
			continue // the phones become known, and the caches warm
		}
		for i, t := range took {
			costs[i] = append(costs[i], t)
		}
		ratios = append(ratios, float64(took[len(stages)])/float64(took[len(stages)-1]))
	}
	slices.Sort(ratios)
	n := time.Duration(len(frames))
	fmt.Fprintf(w, "capture      %d messages of %d phones, seed %d\n", len(frames), o.phones, o.seed)
	before := time.Duration(0)
	for i, s := range stages {
		cost := median(costs[i]) / n
		fmt.Fprintf(w, "%-12s %5d ns a message\n", s.name, cost-before)
		before = cost
	}
	fmt.Fprintf(w, "the river    %5d ns a message, sipgo's parser %d ns\n", before, median(costs[len(stages)])/n)
	fmt.Fprintf(w, "ratio        1/%.1f of sipgo's parser alone (median of %d rounds)\n", ratios[len(ratios)/2], o.rounds)
	fmt.Fprintf(w, "allocations  %g a message\n", testing.AllocsPerRun(3, last.pass)/float64(len(frames)))
	if last.witness.findings > 0 {
		return fmt.Errorf("%d findings in benign traffic", last.witness.findings)
	}
	return nil
}

// timed is the processor time that f takes. What was left to collect before is
// not charged to it.
func timed(f func()) time.Duration {
	runtime.GC()
	began := cputime.Used()
	f()
	return cputime.Used() - began
}

// median: a mean would let one pause of the machine speak for all rounds.
func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}
