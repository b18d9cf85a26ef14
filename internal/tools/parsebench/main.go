// Parsebench compares our SIP reader with sipgo's in one run: the same messages, the same fields. Ratios are medians of
// interleaved pairs, so that a noisy machine disturbs both sides alike.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	ours "github.com/sipward/sipward/internal/sip"
)

func main() {
	seed := flag.Uint64("seed", 1, "seed of the corpus")
	count := flag.Int("messages", 4000, "messages in the corpus")
	pairs := flag.Int("pairs", 9, "interleaved pairs")
	flag.Parse()
	if err := run(*seed, *count, *pairs); err != nil {
		fmt.Fprintln(os.Stderr, "parsebench:", err)
		os.Exit(1)
	}
}

// result of one comparison: medians over all pairs.
type result struct {
	ours, theirs time.Duration
	ratio        float64
}

func run(seed uint64, count, pairs int) error {
	messages := corpus(seed, count)
	parser := sip.NewParser()
	total := 0
	for _, b := range messages {
		total += len(b)
		if _, err := extractSipgo(parser, b); err != nil {
			return fmt.Errorf("read the corpus with sipgo: %w in %q", err, b)
		}
	}
	var m ours.Message
	var sink int
	all := compare(pairs, func() {
		for _, b := range messages {
			sink += extractOurs(&m, b)
		}
	}, func() {
		for _, b := range messages {
			n, _ := extractSipgo(parser, b)
			sink += n
		}
	})
	allocs := testing.AllocsPerRun(1, func() {
		for _, b := range messages {
			sink += extractOurs(&m, b)
		}
	})
	n := time.Duration(count)
	fmt.Printf("messages        %d, %d bytes on average, seed %d\n", count, total/count, seed)
	fmt.Printf("all fields      %d ns, sipgo %d ns: %.2f times as fast (median of %d pairs)\n", all.ours/n, all.theirs/n, all.ratio, pairs)
	fmt.Printf("allocations     %g per message\n", allocs/float64(count))
	worst(parser, pairs)
	return nil
}

// worst prints the dearest datagram of each reader.
func worst(parser *sip.Parser, pairs int) {
	var m ours.Message
	var most, sipgoMost result
	var name, sipgoName string
	fmt.Printf("\n%-22s %10s %10s\n", "60 KB of", "ours", "sipgo")
	for _, c := range worstCases(60_000) {
		r := compare(pairs, func() { extractOurs(&m, c.data) }, func() { extractSipgo(parser, c.data) })
		fmt.Printf("%-22s %7d µs %7d µs\n", c.name, r.ours.Microseconds(), r.theirs.Microseconds())
		if r.ours > most.ours {
			most, name = r, c.name
		}
		if r.theirs > sipgoMost.theirs {
			sipgoMost, sipgoName = r, c.name
		}
	}
	fmt.Printf("worst           %s %d µs, sipgo's %s %d µs: 1/%.1f\n", name, most.ours.Microseconds(),
		sipgoName, sipgoMost.theirs.Microseconds(), float64(sipgoMost.theirs)/float64(most.ours))
}

// compare runs both in turn and returns the medians; one run of each beforehand warms the caches.
func compare(pairs int, a, b func()) result {
	a()
	b()
	var x, y []time.Duration
	var ratios []float64
	for range pairs {
		start := time.Now()
		a()
		middle := time.Now()
		b()
		end := time.Now()
		x, y = append(x, middle.Sub(start)), append(y, end.Sub(middle))
		ratios = append(ratios, float64(end.Sub(middle))/float64(max(1, middle.Sub(start))))
	}
	slices.Sort(x)
	slices.Sort(y)
	slices.Sort(ratios)
	return result{x[pairs/2], y[pairs/2], ratios[pairs/2]}
}
