// Parsebench compares our SIP reader with sipgo's in one run: the same messages, the same fields, and for us the flaws
// on top. Ratios are medians of interleaved pairs of processor time, so that a noisy machine disturbs both sides alike.
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

	ours "github.com/sipward/sipward/internal/sip"
	"github.com/sipward/sipward/internal/tools/cputime"
)

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the messages")
	flag.IntVar(&o.messages, "messages", 2000, "how many messages")
	flag.IntVar(&o.pairs, "pairs", 15, "interleaved pairs")
	flag.Parse()
	if err := run(os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "parsebench:", err)
		os.Exit(1)
	}
}

type options struct {
	seed     uint64
	messages int
	pairs    int
}

// result of one comparison: medians over all pairs.
type result struct {
	ours, theirs time.Duration
	ratio        float64
}

// run measures both readers on messages that differ, so that no cache of one
// message speaks for a reader.
func run(w io.Writer, o options) error {
	messages := corpus(o.seed, o.messages)
	parser := sip.NewParser()
	size := 0
	for _, b := range messages {
		size += len(b)
		if _, err := extractSipgo(parser, b); err != nil {
			return fmt.Errorf("read the corpus with sipgo: %w in %q", err, b)
		}
	}
	var m ours.Message
	var sink int
	readOurs := func() {
		for _, b := range messages {
			sink += extractOurs(&m, b)
		}
	}
	all := compare(o.pairs, readOurs, func() {
		for _, b := range messages {
			n, _ := extractSipgo(parser, b)
			sink += n
		}
	})
	n := time.Duration(o.messages)
	fmt.Fprintf(w, "messages        %d of %d bytes on average, seed %d\n", o.messages, size/o.messages, o.seed)
	fmt.Fprintf(w, "all fields      ours %d ns, sipgo %d ns\n", all.ours/n, all.theirs/n)
	fmt.Fprintf(w, "ratio           %.2f times as fast (median of %d pairs)\n", all.ratio, o.pairs)
	fmt.Fprintf(w, "allocations     %g per message\n\n", testing.AllocsPerRun(1, readOurs)/float64(o.messages))
	worst(w, parser, o.pairs)
	return nil
}

const (
	worstSize = 60_000
	// worstRounds makes a run of one datagram long enough for the clock.
	worstRounds = 10
)

// worst prints the dearest datagrams, and how our time grows when they are twice as long: by two if it is linear.
func worst(w io.Writer, parser *sip.Parser, pairs int) {
	var m ours.Message
	var most, sipgoMost time.Duration
	growth := 0.0
	fmt.Fprintf(w, "%-24s %9s %9s %7s\n", "60 KB of", "ours", "sipgo", "growth")
	half := worstCases(worstSize / 2)
	for i, c := range worstCases(worstSize) {
		r := compare(pairs, rounds(func() { extractOurs(&m, c.data) }), rounds(func() { extractSipgo(parser, c.data) }))
		// The shorter one is compared with itself: it is its time that is wanted.
		short := compare(pairs, rounds(func() { extractOurs(&m, half[i].data) }), func() {})
		grown := float64(r.ours) / float64(short.ours)
		fmt.Fprintf(w, "%-24s %6.0f µs %6.0f µs %7.1f\n", c.name, micros(r.ours), micros(r.theirs), grown)
		most, sipgoMost, growth = max(most, r.ours), max(sipgoMost, r.theirs), max(growth, grown)
	}
	fmt.Fprintf(w, "worst           ours %.0f µs, sipgo %.0f µs: 1/%.1f; growth at most %.1f\n",
		micros(most), micros(sipgoMost), float64(sipgoMost)/float64(most), growth)
}

// rounds repeats a measurement that would be too short for the clock.
func rounds(f func()) func() {
	return func() {
		for range worstRounds {
			f()
		}
	}
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / worstRounds }

// compare runs both in turn and returns the medians; one run of each beforehand warms the caches.
func compare(pairs int, a, b func()) result {
	a()
	b()
	var x, y []time.Duration
	var ratios []float64
	for range pairs {
		runtime.GC() // what b has left to collect must not be charged to a
		start := cputime.Used()
		a()
		middle := cputime.Used()
		b()
		end := cputime.Used()
		x, y = append(x, middle-start), append(y, end-middle)
		ratios = append(ratios, float64(end-middle)/float64(max(1, middle-start)))
	}
	slices.Sort(x)
	slices.Sort(y)
	slices.Sort(ratios)
	return result{x[pairs/2], y[pairs/2], ratios[pairs/2]}
}
