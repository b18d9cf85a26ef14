// Package guard is the hall: it builds the rooms and holds the three doors.
// Sources enter at See, reports of others at Believe, people at Do; each door
// falls into the next, and no room calls another.
package guard

import (
	"sync"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/track"
)

// Guard joins the rooms. Its lanes see, its policy judges, its table remembers
// and its kernel acts.
type Guard struct {
	policy  *policy.Policy
	fence   *policy.Fence
	table   *ban.Table
	kernel  enforce.Backend
	witness Witness
	lanes   []*Lane
	nonces  *track.Nonces

	// doing keeps table and kernel in step: a decision reaches both before the
	// next one reaches either.
	doing sync.Mutex
	// posts is the never-ban list without what people allowed.
	posts []policy.Post
	// order is room for what the kernel is told, one at a time.
	order [1]ban.Ban
	// over is room for what has run out within a second.
	over []ban.Ban
}

// Witness is told what the hall finds and does. It must not block, and it may
// keep what it is given.
type Witness interface {
	// Found is called for every finding, before it is judged.
	Found(f detect.Finding)
	// Done is called for every change of the table, with the entry as it now
	// is; an entry that ended has Ended set.
	Done(b ban.Ban)
	// Again is called when evidence decides a drop, at the given time, for a
	// source whose entry has been in force since b.Since: that evidence is our
	// side's answers, so the server is still being reached. A limit may rest on
	// requests alone, which the capture sees before the kernel drops them.
	Again(b ban.Ban, at time.Time)
	// Fenced is called for a block that the never-ban fence turned away.
	Fenced(b ban.Ban)
	// Trouble is called when the kernel refused an order.
	Trouble(err error)
}

// Options says what the hall is built of.
type Options struct {
	Policy  *policy.Policy
	Fence   *policy.Fence
	Table   *ban.Table
	Kernel  enforce.Backend
	Witness Witness
	// Lanes is how many lanes see at the same time; 0 means 1.
	Lanes int
	// Seed keys the hashes: random live, fixed in a replay.
	Seed bounded.Seed
	// Wire says that packets are seen, so that a log line needs one to count.
	Wire bool
	// Bare is for who shows nobody the items of evidence: they are left out. Mute is
	// for who shows no sentences either.
	Bare, Mute bool
}

// New builds the hall.
func New(o Options) *Guard {
	g := &Guard{policy: o.Policy, fence: o.Fence, table: o.Table, kernel: o.Kernel, witness: o.Witness}
	g.nonces = track.NewNonces()
	for range max(o.Lanes, 1) {
		g.lanes = append(g.lanes, &Lane{
			guard:  g,
			track:  track.New(track.Options{Seed: o.Seed, Lanes: o.Lanes, Wire: o.Wire, Nonces: g.nonces}),
			detect: detect.NewEngine(detect.Options{Seed: o.Seed, Lanes: o.Lanes, Bare: o.Bare, Mute: o.Mute}, detect.All()),
		})
	}
	return g
}

// Sealed says whether our server speaks TLS somewhere, where nobody sees what it
// says.
func (g *Guard) Sealed(yes bool) { g.nonces.Sealed(yes) }

// Blind says on the ports of which transports nobody looks, so that a log line
// about one needs no packet.
func (g *Guard) Blind(to ...event.Transport) { g.nonces.Blind(to...) }

// Lane gives one of the lanes.
func (g *Guard) Lane(i int) *Lane { return g.lanes[i] }

// See pairs an event with what belongs to it, weighs it, and believes what
// the detectors find.
func (l *Lane) See(e *event.Event) {
	l.keepTime(e)
	l.track.Pair(e)
	found := l.detect.See(e)
	for i := range found {
		l.guard.Believe(found[i])
	}
}

// Believe judges a finding and does what follows from it.
func (g *Guard) Believe(f detect.Finding) {
	g.witness.Found(f)
	g.Do(g.policy.Judge(f))
}

// Do puts a decision in force: fence, table, kernel. The journal follows, off
// the road. It returns the entry as it now is; its Action is None when the
// fence turned it away or nothing was to do.
func (g *Guard) Do(b ban.Ban) ban.Ban {
	g.doing.Lock()
	defer g.doing.Unlock()
	b.Prefix = b.Key().Prefix // one spelling, or the fence would not know it
	switch fenced := g.policy.Fence(b); {
	case b.Action == ban.None:
		return b
	case b.Action == ban.Lift:
		g.lift(b)
		return b
	case b.Action == ban.Pass && g.banned(b):
		b.Action = ban.None
		return b
	case fenced.Action == ban.None:
		g.witness.Fenced(fenced)
		return fenced
	}
	entry, changed := g.table.Put(b)
	if b.Action == ban.Drop && !b.Human() && entry.Since.Before(b.Since) && g.acts() {
		g.witness.Again(entry, b.Since)
	}
	if changed {
		g.order[0] = entry
		g.told(entry, g.kernel.Apply(g.order[:], g.yielding(b), b.Since))
	}
	if b.Action == ban.Allow {
		g.refence()
	}
	return entry
}

// acts says that the layer carries orders out. In a dry run everybody goes on
// being reached, and nothing follows from it.
func (g *Guard) acts() bool {
	_, dry := g.kernel.(enforce.DryRun)
	return !dry
}

// yielding ends the entries that a new one of another kind overrules, so that
// the kernel changes both in one transaction.
func (g *Guard) yielding(b ban.Ban) []ban.Ban {
	switch {
	case b.Action == ban.Allow:
		return g.ended(g.within(b, ban.KindBlock))
	case b.Action.Blocks() && b.Human():
		return g.ended(g.within(b, ban.KindPass))
	case b.Action == ban.Pass && b.Port == 0:
		return g.ended(g.endLimit(b))
	}
	return nil
}

// within ends the entries of a kind that lie inside the prefix of an order.
func (g *Guard) within(b ban.Ban, kind ban.Kind) []ban.Ban {
	ended := g.table.Remove(b.Prefix, kind, b.By, b.Since)
	if b.Prefix.IsSingleIP() {
		return ended // to walk a long table takes milliseconds
	}
	for entry := range g.table.Live(kind) {
		if ban.Inside(entry.Prefix, b.Prefix) {
			ended = append(ended, g.table.Remove(entry.Prefix, kind, b.By, b.Since)...)
		}
	}
	return ended
}

// banned says that a human has banned the source. What it knows does not
// overrule that: in the kernel a known-good address comes before the bans.
func (g *Guard) banned(b ban.Ban) bool {
	for _, entry := range g.table.Covering(b.Prefix.Addr()) {
		if entry.Action.Blocks() && entry.Human() && entry.Port == 0 && entry.Live(b.Since) {
			return true
		}
	}
	return false
}

// lift ends the limit of a source whose address has turned out to be real.
func (g *Guard) lift(b ban.Ban) {
	for _, entry := range g.ended(g.endLimit(b)) {
		g.told(entry, g.kernel.Apply(nil, []ban.Ban{entry}, b.Since))
	}
}

// endLimit ends an automatic limit of a whole address, which a success or a
// proof makes pointless; a slowed port, a hold or a drop stays.
func (g *Guard) endLimit(b ban.Ban) []ban.Ban {
	key := ban.Key{Prefix: b.Prefix, Kind: ban.KindBlock}
	limit, live := g.table.Get(key)
	if !live || limit.Action == ban.Drop || limit.Action == ban.Hold || limit.Human() {
		return nil
	}
	return g.table.End(key, ban.Self, b.Since)
}

func (g *Guard) ended(entries []ban.Ban) []ban.Ban {
	for _, entry := range entries {
		g.witness.Done(entry)
	}
	return entries
}

func (g *Guard) told(entry ban.Ban, err error) {
	if entry.Ended.IsZero() {
		g.witness.Done(entry)
	}
	if err != nil {
		g.witness.Trouble(err)
	}
}
