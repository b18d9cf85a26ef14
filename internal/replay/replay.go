// Package replay judges recorded traffic: capture files and server logs walk
// through the same hall as live traffic, by their own clocks, with nothing in
// the kernel.
package replay

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/guard"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/source"
)

// Options says how to judge.
type Options struct {
	// Local is our own side's addresses; empty means: find out.
	Local []netip.Addr
	// Ports are the ports of SIP over UDP, Streams those over TCP and WebSocket;
	// both empty means any.
	Ports, Streams []uint16
	// Transports are those of the ports, as the settings name them: over TLS a server
	// says what nobody reads. Empty means that nothing is known of them.
	Transports []string
	// Never is the allow-list and the trunks.
	Never []policy.Post
	// Format and Zone read log lines; Now is the reference for stamps without a year.
	Format logline.Format
	Clock  logline.Clock
	// Report is told what comes out, in order; nil for who wants the summary only.
	Report Report
	// Messages asks for Report.Message calls.
	Messages bool
	// Read, if set, counts the bytes read from the files so far.
	Read *atomic.Int64
}

// Passes is how often Run reads each file.
func (o *Options) Passes() int64 {
	if len(o.Local) == 0 {
		return 2
	}
	return 1
}

// Report receives the results. It must not keep what it is shown.
type Report interface {
	Message(e *event.Event)
	Finding(f *detect.Finding)
	Ban(b *ban.Ban)
}

// Summary is what a replay saw in all.
type Summary struct {
	Packets  uint64       `json:"packets"`
	Messages uint64       `json:"messages"`
	Lines    uint64       `json:"lines,omitempty"`
	Events   uint64       `json:"events"`
	Findings uint64       `json:"findings"`
	Bans     uint64       `json:"bans"`
	Sources  int          `json:"sources"`
	Skipped  uint64       `json:"skipped"`
	Local    []netip.Addr `json:"local"`
	// Warnings are sentences about files that were not read to their end.
	Warnings []string `json:"-"`
}

// sourcesLimit bounds the count of different sources.
const sourcesLimit = 1 << 20

// pastPerSource is how many ended bans of a source a replay remembers: many more
// than the ladder of penalties has steps. Nobody asks it for the rest, and a log of
// weeks has hundreds of thousands.
const pastPerSource = 16

// fixedSeed makes every replay hash alike, so that verdicts repeat.
var fixedSeed = bounded.Seed{K0: 0x736970, K1: 0x77617264}

// Run judges the files, merged by time. It reads each one twice when it has
// to find out whose side is ours.
func Run(files []string, o Options) (Summary, error) {
	local := o.Local
	wire := false
	if len(local) == 0 {
		found, err := findLocal(files, o)
		if err != nil {
			return Summary{}, err
		}
		local = found
	}
	inputs, err := openAll(files, sidesOf(local, o), o)
	if err != nil {
		return Summary{}, err
	}
	defer closeAll(inputs)
	for _, in := range inputs {
		wire = wire || in.frames != nil
	}
	for _, in := range inputs {
		in.behind = wire && in.lines != nil
	}
	// Live, the machine's own addresses are on the list too; here as well a
	// forged packet may bear one.
	for _, ours := range local {
		o.Never = append(o.Never, policy.Post{Prefix: netip.PrefixFrom(ours, ours.BitLen()), Reason: "our own side"})
	}
	defer readAhead(inputs)()
	r := newRun(o, wire)
	r.summary.Local = local
	if err := r.all(inputs); err != nil {
		return Summary{}, err
	}
	return r.finish(inputs), nil
}

// run is one replay on its way.
type run struct {
	options Options
	hall    *guard.Guard
	lane    *guard.Lane
	sealed  bool // the hall knows that something is under TLS
	summary Summary
	// sources holds a hash of each address seen.
	sources map[uint64]struct{}
	// told is what was last reported of each entry in force; a ban that only lasts
	// longer is not told again.
	told map[uint64]told
	// finding and ban are what the report is being told: on the heap once.
	finding detect.Finding
	ban     ban.Ban
}

type told struct {
	action ban.Action
	since  time.Time
}

func newRun(o Options, wire bool) *run {
	fence := policy.NewFence()
	fence.Set(o.Never)
	table := ban.NewTable(ban.Limits{PerSource: pastPerSource})
	r := &run{options: o, sources: map[uint64]struct{}{}, told: map[uint64]told{}}
	g := guard.New(guard.Options{
		Policy: policy.New(policy.Options{Table: table, Fence: fence}), Fence: fence,
		Table: table, Kernel: enforce.DryRun{}, Witness: (*witness)(r), Seed: fixedSeed, Wire: wire, Bare: true, Mute: o.Report == nil,
	})
	r.lane, r.hall = g.Lane(0), g
	r.sealed = slices.Contains(o.Transports, "tls") || slices.Contains(o.Transports, "wss")
	g.Sealed(r.sealed)
	g.Blind(source.Unwatched(o.Transports)...)
	return r
}

// all takes the earliest event of all files until none is left.
func (r *run) all(inputs []*input) error {
	for {
		next := earliest(inputs)
		if next == nil {
			return nil
		}
		if !r.sealed && next.frames != nil && next.frames.Packets().Encrypted > 0 {
			r.sealed = true
			r.hall.Sealed(true)
		}
		r.see(next.head)
		if err := next.advance(); err != nil {
			return err
		}
	}
}

func (r *run) see(e *event.Event) {
	r.summary.Events++
	if (e.Inbound || e.Kind == event.Line) && e.Remote.IsValid() && len(r.sources) < sourcesLimit {
		r.sources[fixedSeed.Addr(e.Remote.Addr())] = struct{}{}
	}
	if r.options.Report != nil && r.options.Messages && (e.Kind == event.Request || e.Kind == event.Response) {
		r.options.Report.Message(e)
	}
	r.lane.See(e)
}

func (r *run) finish(inputs []*input) Summary {
	r.lane.Finish()
	s := r.summary
	s.Sources = len(r.sources)
	for _, in := range inputs {
		in.account(&s)
	}
	return s
}

// witness turns what the hall tells into the report.
type witness run

// Found implements guard.Witness.
func (w *witness) Found(f detect.Finding) {
	if !f.Class.Attack() {
		return
	}
	w.summary.Findings++
	if w.options.Report != nil {
		w.finding = f
		w.options.Report.Finding(&w.finding)
	}
}

// Done implements guard.Witness.
func (w *witness) Done(b ban.Ban) {
	if !b.Action.Blocks() {
		return
	}
	if !b.Ended.IsZero() {
		delete(w.told, b.ID)
		return
	}
	news := told{action: b.Action, since: b.Since}
	if w.told[b.ID] == news {
		return
	}
	w.told[b.ID] = news
	w.summary.Bans++
	if w.options.Report != nil {
		w.ban = b
		w.options.Report.Ban(&w.ban)
	}
}

// Again implements guard.Witness.
func (w *witness) Again(ban.Ban, time.Time) {}

// Fenced implements guard.Witness.
func (w *witness) Fenced(ban.Ban) {}

// Trouble implements guard.Witness; the dry run has none.
func (w *witness) Trouble(error) {}

// sidesOf builds the direction finder of a replay.
func sidesOf(local []netip.Addr, o Options) *source.Sides {
	ours := make(map[netip.Addr]bool, len(local))
	for _, a := range local {
		ours[a.Unmap()] = true
	}
	sides := &source.Sides{
		Local: func(a netip.Addr) bool { return ours[a] }, Ports: map[uint16]bool{}, Streams: map[uint16]bool{},
		AnyPort: len(o.Ports)+len(o.Streams) == 0,
	}
	for _, p := range o.Ports {
		sides.Ports[p] = true
	}
	for _, p := range o.Streams {
		sides.Streams[p] = true
	}
	if sides.AnyPort {
		sides.Ports[5060], sides.Streams[5060] = true, true
	}
	return sides
}

// findLocal reads the captures once to see whose side is ours.
func findLocal(files []string, o Options) ([]netip.Addr, error) {
	inputs, err := openAll(files, sidesOf(nil, o), o)
	if err != nil {
		return nil, err
	}
	defer closeAll(inputs)
	locals := source.NewLocals()
	for _, in := range inputs {
		for in.frames != nil && in.head != nil {
			locals.See(in.head)
			if err := in.advance(); err != nil {
				return nil, err
			}
		}
	}
	return locals.Addresses(), nil
}

// earliest picks the input whose next event is the oldest; of equals the first.
func earliest(inputs []*input) *input {
	var first *input
	for _, in := range inputs {
		if in.head != nil && (first == nil || in.due().Before(first.due())) {
			first = in
		}
	}
	return first
}

// ErrInput is wrapped by errors about a file that cannot be judged.
var ErrInput = errors.New("input cannot be read")

func inputError(file string, err error) error {
	return fmt.Errorf("replay %s: %w: %w", file, ErrInput, err)
}

// Seconds is how long a ban lasts from its decision, 0 for ever.
func Seconds(b *ban.Ban) int64 {
	if b.Until.IsZero() {
		return 0
	}
	return int64(b.Until.Sub(b.Since) / time.Second)
}
