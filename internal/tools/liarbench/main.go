// Liarbench floods the whole river, from the frame to the decision, with
// sources that do not exist, among phones that do and attackers that are real,
// and says what the river remembers of whom: its memory must not grow, no phone
// may be forgotten, and no attacker may hide. One core, frames made in memory,
// one result for one seed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/sipward/sipward/internal/bounded"
)

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the traffic and of the hashes")
	flag.IntVar(&o.sources, "sources", 10_000_000, "how many spoofed sources send one request each")
	flag.IntVar(&o.rate, "rate", 50_000, "how many of them a second")
	flag.IntVar(&o.phones, "phones", 20_000, "how many phones know their password")
	flag.IntVar(&o.attackers, "attackers", 1_000, "how many real attackers guess, once a second each")
	flag.Parse()
	if err := run(os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "liarbench:", err)
		os.Exit(1)
	}
}

type options struct {
	seed                             uint64
	sources, rate, phones, attackers int
}

const (
	// earlyPart of the sources have been seen when memory is measured first.
	earlyPart = 10
	// garbage is what the daemon grants it, in percent of what is in use.
	garbage = 25
	// mostGrowth and mostMemory are what is wanted of it after all of them.
	mostGrowth = 0.05
	mostMemory = 256 << 20
	// foundWithin is how long an attacker may go on, in event time.
	foundWithin = time.Minute
)

// run plays the flood, prints what came of it, and fails if that is not what
// is wanted.
func run(w io.Writer, o options) error {
	if o.length() > 45*time.Minute || o.sources < earlyPart || o.rate < 1 {
		// A phone is noted anew after an hour, which would look as if it had been forgotten.
		return fmt.Errorf("flood of %v: it must stay below 45 minutes", o.length())
	}
	debug.SetGCPercent(garbage)
	r := newRiver(o)
	c := newCrowd(o, r)
	c.gather()
	start, early := usage(), process{}
	began := r.messages
	for i := range o.sources {
		if i == o.sources/earlyPart {
			early = usage()
		}
		c.lie(i)
	}
	late := usage()
	told := r.messages - began
	c.disperse()

	cpu := late.cpu - start.cpu
	fmt.Fprintf(w, "sources      %d spoofed, %d a second for %v, seed %d\n", o.sources, o.rate, o.length(), o.seed)
	fmt.Fprintf(w, "speed        %d messages, %.0f a second of CPU, making them included\n", told, float64(told)/max(cpu.Seconds(), 0.01))
	growth := float64(late.memory-early.memory) / float64(max(early.memory, 1))
	fmt.Fprintf(w, "memory       %d MiB before, %d MiB after %d sources, %d MiB after all: %+.1f %%\n",
		start.memory>>20, early.memory>>20, o.sources/earlyPart, late.memory>>20, 100*growth)
	v := r.verdict()
	fmt.Fprintf(w, "phones       %d of %d forgotten, %d held up, %d accused\n", v.forgotten, o.phones, v.blocked, v.accused)
	fmt.Fprintf(w, "attackers    %d of %d found within %v, half of them within %v\n", v.found, o.attackers, foundWithin, v.median)
	fmt.Fprintf(w, "limits       %d of spoofed sources\n", v.limits)
	for _, g := range r.lane.Gauges() {
		table(w, &g)
	}
	var wrong []error
	wanted := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, errors.New(what))
		}
	}
	wanted(growth <= mostGrowth, "memory grows")
	wanted(late.memory <= mostMemory, "too much memory")
	wanted(v.forgotten+v.blocked+v.accused == 0, "phones suffer")
	wanted(v.found == o.attackers, "attackers hide")
	return errors.Join(wrong...)
}

func table(w io.Writer, g *bounded.Gauge) {
	fmt.Fprintf(w, "%-12s %d of %d entries, %d evicted, %d yielded\n", g.Name, g.Entries, g.Cap, g.Evicted, g.Yielded)
}

// length is how long the flood lasts.
func (o options) length() time.Duration {
	return time.Duration(o.sources) * time.Second / time.Duration(max(o.rate, 1))
}
