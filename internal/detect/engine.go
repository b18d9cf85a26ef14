package detect

import (
	"math"
	"time"

	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
)

// Engine weighs events lane by lane: it keeps a case about each source, lets
// every detector add to it, and reports a Finding when the combined evidence
// crosses its bound. It belongs to one lane and needs no lock.
type Engine struct {
	seed      bounded.Seed
	detectors []Detector
	cases     *bounded.Table[Case]
	guesses   *bounded.Table[guessing]
	secrets   *bounded.Table[secret] // by (source, port) and by (source, account)
	subnets   *bounded.Table[subnet]
	diallings *bounded.Table[dialling]
	numbers   *bounded.Table[dialled]
	dossiers  *bounded.Files[Item]
	findings  []Finding
	sight     Sight              // the one being weighed; on the heap once
	bare      bool               // Options.Bare
	mute      bool               // Options.Mute
	unproven  *bounded.Allowance // see allows
	scratch   [longestText]byte  // where a detector folds text
	began     int64              // time of the first event
}

// Detector adds what it reads from a sight to the case about its source. It
// keeps its state in the Case, so that state has one cap and one home.
type Detector interface {
	Weigh(s *Sight)
}

// All is every detector there is, in the order they weigh.
func All() []Detector {
	return []Detector{
		goodness{},
		toolMarks{},
		novelIdentity{},
		guessRate{},
		guessBudget{},
		neighbours{},
		unprovenScan{},
		dialPlan{},
		protocolAbuse{},
	}
}

// Sight is one thing to weigh: a request of the source as it arrived (Outcome
// nil), or how one of its requests ended.
type Sight struct {
	Event   *event.Event
	Outcome *event.Outcome
	// Case is what is held about the source; Proven its part that rests on
	// proof of grade B or better.
	Case    *Case
	engine  *Engine
	key     uint64 // of the source
	home    uint64 // of its IPv6 /64; the same as key for IPv4
	now     int64
	account uint64   // hash of the outcome's account
	guess   float64  // evidence of guessing for this account, in nats
	rain    float64  // the same against a very fast guesser
	dial    *dialled // the number that this sight turned away; nil if none
	fault   *fault   // the heaviest fault of this sight; nil if none
	// faults are what is held against the source's messages with this one: all,
	// and those with proof.
	faults [2]float64
	// guessing is the state of this wrong password's account, waited the seconds
	// since the one before; nil for anything else. fresh says that the account
	// was new for the source.
	guessing *guessing
	waited   float64
	fresh    bool
	// subnet is the state of the IPv6 /64 about what is proven, around about what
	// is not; nil if it has nothing to say.
	subnet, around *subnet
}

// Case is what the engine holds about one source. It has no pointers, and it
// starts empty.
type Case struct {
	// novel and guess evidence is kept apart by what it rests on: text[0] is
	// grade C (a server's word alone), text[1] grade B and better.
	novel [2]tally
	scan  tally
	// marks are the tool marks seen, and their weight in nats; agent is the
	// User-Agent last judged.
	marks      uint16
	agent      uint32
	markWeight float32
	// goodAt is when it last knew a secret or answered our server, goodUntil how
	// long such a thing speaks for it.
	goodAt, goodUntil int64
	// from are the source ports of proven failures within a day, and shielded is
	// when its good ports were last named.
	from     bounded.Ports
	shielded int64
	// weakest is the lowest grade among the proven evidence so far.
	weakest event.Grade
	// proven is when it last answered a challenge of ours.
	proven int64
	// dropped and limited are when a finding of that strength was last reported.
	dropped, limited int64
	accounts         uint16
	// served counts calls that the server let through without a password.
	servedAt   int64
	servedLast uint32
	served     uint8
	told       uint8 // reasons told with the last limit
	// charges are the faults of its messages: all, and those with proof.
	charges [2]charges
	// unread is the sum over log lines about messages nobody could read.
	unreadAt int64
	unread   float32
}

// Options sizes an Engine.
type Options struct {
	Seed bounded.Seed
	// Lanes is how many engines share the machine's memory.
	Lanes int
	// Bare leaves Items out of the findings, for a replay, which shows none: they
	// are most of what a finding costs. Mute leaves out the sentences as well, where
	// findings are only counted.
	Bare, Mute bool
}

// NewEngine makes an Engine with the given detectors. With one lane it takes
// about 45 MB, and never more.
func NewEngine(o Options, detectors []Detector) *Engine {
	lanes := max(o.Lanes, 1)
	return &Engine{
		seed:      o.Seed,
		unproven:  bounded.NewAllowance(2*allowanceShares, allowanceMost/float64(lanes), allowanceRate/float64(lanes)),
		bare:      o.Bare,
		mute:      o.Mute,
		detectors: detectors,
		cases:     bounded.NewTable[Case](65536 / lanes),
		guesses:   bounded.NewTable[guessing](65536 / lanes),
		secrets:   bounded.NewTable[secret](131072 / lanes),
		subnets:   bounded.NewTable[subnet](16384 / lanes),
		diallings: bounded.NewTable[dialling](16384 / lanes),
		numbers:   bounded.NewTable[dialled](16384 / lanes),
		dossiers:  bounded.NewFiles[Item](8192 / lanes),
	}
}

// Gauges says how full the tables are; for the lane's own goroutine.
func (d *Engine) Gauges() []bounded.Gauge {
	return []bounded.Gauge{
		d.cases.Gauge("cases"), d.guesses.Gauge("guesses"), d.secrets.Gauge("secrets"), d.subnets.Gauge("subnets"), d.diallings.Gauge("diallings"), d.numbers.Gauge("numbers"), d.dossiers.Gauge("dossiers"),
	}
}

// See weighs an event and its outcomes. The findings are good until the next call.
func (d *Engine) See(e *event.Event) []Finding {
	d.findings = d.findings[:0]
	switch e.Kind {
	case event.Pardon:
		d.forget(e)
	case event.Request:
		if e.Inbound {
			d.weigh(e, nil)
		}
	case event.Line:
		if e.Log.Verdict == event.Tampered && e.Log.Source.IsValid() {
			d.tampered(e)
		}
	}
	for i := range e.Outcomes {
		d.weigh(e, &e.Outcomes[i])
	}
	return d.findings
}

// weigh puts one sight before every detector and then judges the case.
func (d *Engine) weigh(e *event.Event, o *event.Outcome) {
	addr := e.Remote.Addr()
	if o != nil {
		addr = o.Remote
	}
	s := &d.sight
	*s = Sight{Event: e, Outcome: o, engine: d, key: d.seed.Addr(addr), now: e.Time.UnixNano()}
	s.home = d.home(addr, s.key)
	if d.began == 0 {
		d.began = s.now
	}
	s.Case, _ = d.cases.Put(s.key, s.now)
	if o != nil {
		s.account = o.AccountID
	}
	for _, detector := range d.detectors {
		detector.Weigh(s)
	}
	d.judge(s)
}

// forget drops everything held against a source that a human pardoned, so
// that its next packet does not ban it again. What speaks for it stays.
func (d *Engine) forget(e *event.Event) {
	if !e.Remote.IsValid() {
		d.forgetAll()
		return
	}
	key := d.seed.Addr(e.Remote.Addr())
	if c := d.cases.Get(key); c != nil {
		*c = Case{goodAt: c.goodAt, goodUntil: c.goodUntil}
	}
	home := d.home(e.Remote.Addr(), key)
	if n := d.subnets.Get(home); n != nil {
		*n = subnet{goodUntil: n.goodUntil}
	}
	d.dossiers.Drop(key)
	d.guesses.Clear(func(g *guessing) bool { return g.source == key || g.source == home })
	d.numbers.Clear(func(n *dialled) bool { return n.source == key })
}

// forgetAll is forget for every source.
func (d *Engine) forgetAll() {
	d.cases.Clear(func(c *Case) bool {
		*c = Case{goodAt: c.goodAt, goodUntil: c.goodUntil}
		return false
	})
	d.subnets.Clear(func(n *subnet) bool {
		*n = subnet{goodUntil: n.goodUntil}
		return false
	})
	d.dossiers.Clear()
	d.guesses.Clear(func(*guessing) bool { return true })
	d.numbers.Clear(func(*dialled) bool { return true })
}

// proven says which part of the case an outcome's evidence belongs to.
func proven(o *event.Outcome) int {
	if o.Proof >= event.GradeB {
		return 1
	}
	return 0
}

// tally is a reflected log-likelihood sum over novel outcomes: each identity
// counts once, and it forgets with a half-life.
type tally struct {
	llr  float32
	at   int64
	seen [16]uint16
	next uint8
}

// novel says whether an identity has not been counted lately, and counts it.
func (t *tally) novel(identity uint64) bool {
	// FNV mixes its low bits best; the multiplication (Knuth's golden ratio)
	// brings them up.
	short := uint16(identity*0x9E3779B97F4A7C15>>48) | 1
	for _, s := range t.seen {
		if s == short {
			return false
		}
	}
	t.seen[t.next] = short
	t.next = (t.next + 1) % uint8(len(t.seen))
	return true
}

// add moves the sum by step, after fading what is old, and never below zero:
// past goodness is not saved up (the CUSUM form, whose bound is n x alpha).
func (t *tally) add(step float64, now int64, halfLife time.Duration) {
	t.llr = float32(math.Max(0, t.value(now, halfLife)+step))
	t.at = now
}

// value is the sum as it stands now.
func (t *tally) value(now int64, halfLife time.Duration) float64 {
	if t.at == now || t.llr == 0 {
		return float64(t.llr)
	}
	return float64(t.llr) * math.Exp2(-float64(now-t.at)/float64(halfLife))
}
