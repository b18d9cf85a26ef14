// Command logbench measures how fast a server's log is judged: `sipward replay`
// as a whole, the reading alone, and fail2ban-regex with its stock filter for
// Asterisk, where it is installed. All get the same log, of its own making.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.binary, "binary", "./sipward", "the sipward to measure")
	flag.Int64Var(&o.size, "size", 1_000_000_000, "how many bytes the log has")
	flag.Int64Var(&o.head, "fail2ban-bytes", 20_000_000, "how many of them fail2ban-regex gets, as it needs minutes for a gigabyte")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the log")
	flag.IntVar(&o.runs, "runs", 5, "how often we are measured; medians count")
	flag.StringVar(&o.keep, "keep", "", "write the log to this `FILE` and leave it there")
	flag.Float64Var(&o.reading, "reading", 100, "how many times the lines of fail2ban-regex per second of CPU are wanted of the reading alone; 0 for any")
	flag.Float64Var(&o.replay, "replay", 50, "how many times its lines per second are wanted of the replay; 0 for any")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "logbench:", err)
		os.Exit(1)
	}
}

type options struct {
	out        io.Writer
	binary     string
	size, head int64
	seed       uint64
	runs       int
	keep       string
	// reading and replay are what is wanted.
	reading, replay float64
}

// measured is one run: what it did and what it took.
type measured struct {
	lines     uint64
	wall, cpu time.Duration
	peak      int64 // KiB; 0 where it was not measured
}

// perSecond is lines per second of processor time, which other processes on the
// machine do not disturb as they do the time of day.
func (m measured) perSecond() float64 { return float64(m.lines) / m.cpu.Seconds() }

// run measures each in turn on the same log, and says whether it is fast enough.
func run(o options) error {
	dir, err := os.MkdirTemp("", "logbench")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	defer os.RemoveAll(dir)
	log, head := filepath.Join(dir, "asterisk.log"), filepath.Join(dir, "head.log")
	if o.keep != "" {
		log = o.keep
	}
	if err := writeLog(log, o.size, o.seed); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	if err := writeLog(head, min(o.head, o.size), o.seed); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	var whole, reading []measured
	for range o.runs { // in turn, so that a noisy machine disturbs both alike
		m, err := replay(o.binary, log)
		if err != nil {
			return err
		}
		n, err := read(log)
		if err != nil {
			return err
		}
		whole, reading = append(whole, m), append(reading, n)
	}
	river, reader := median(whole), median(reading)
	fmt.Fprintf(o.out, "log             %d MB, %d lines of %d bytes on average, seed %d\n",
		o.size/1e6, river.lines, uint64(o.size)/max(river.lines, 1), o.seed)
	o.print("sipward replay", river)
	o.print("reading alone", reader)
	theirs, ok, err := fail2ban(head)
	if err != nil {
		return err
	}
	if !ok {
		fmt.Fprintln(o.out, "fail2ban-regex  not installed: nothing to compare with")
		return nil
	}
	o.print("fail2ban-regex", theirs)
	return o.judge(river, reader, theirs)
}

// maxPeak is how much memory is allowed, in KiB.
const maxPeak = 128 << 10

// judge prints how we compare with fail2ban-regex, and is an error where that is
// less than wanted. The reading alone is one thread: its processor time counts, which
// a busy machine does not change. A replay may use more of them: what counts is how
// long one waits.
func (o *options) judge(river, reader, theirs measured) error {
	reading := reader.perSecond() / theirs.perSecond()
	replay := float64(river.lines) / river.wall.Seconds() / (float64(theirs.lines) / theirs.wall.Seconds())
	fmt.Fprintf(o.out, "ratio           reading %.0f times the lines of fail2ban-regex per second of CPU, %.0f wanted\n", reading, o.reading)
	fmt.Fprintf(o.out, "                replay %.0f times its lines per second, %.0f wanted (%.0f times per second of CPU)\n",
		replay, o.replay, river.perSecond()/theirs.perSecond())
	var faults []error
	if reading < o.reading {
		faults = append(faults, fmt.Errorf("the reading is %.1f times as fast, not %.0f", reading, o.reading))
	}
	if replay < o.replay {
		faults = append(faults, fmt.Errorf("the replay is %.1f times as fast, not %.0f", replay, o.replay))
	}
	if peak := max(river.peak, reader.peak); peak > maxPeak {
		faults = append(faults, fmt.Errorf("%d MB of memory, not %d", peak>>10, maxPeak>>10))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	fmt.Fprintln(o.out, "pass")
	return nil
}

func (o *options) print(name string, m measured) {
	fmt.Fprintf(o.out, "%-15s %d lines in %.2f s, %.2f s of CPU: %.0f lines/s, %.3f µs a line", name,
		m.lines, m.wall.Seconds(), m.cpu.Seconds(), m.perSecond(), 1e6/m.perSecond())
	if m.peak > 0 {
		fmt.Fprintf(o.out, ", peak %d MB", m.peak>>10)
	}
	fmt.Fprintln(o.out)
}

// median takes the run in the middle by processor time, with the highest peak of
// all: memory has no noise.
func median(runs []measured) measured {
	slices.SortFunc(runs, func(a, b measured) int { return int(a.cpu - b.cpu) })
	m := runs[len(runs)/2]
	for _, other := range runs {
		m.peak = max(m.peak, other.peak)
	}
	return m
}
