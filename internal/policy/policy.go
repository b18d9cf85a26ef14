// Package policy turns findings into bans. Only this room says "ban", and the
// never-ban fence stands here, at the last door before the table and the
// kernel.
package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
)

// The penalties. A drop of a proven source climbs the ladder; the count of
// earlier drops is kept for 30 days.
const (
	// limitTime is how long an unproven source is limited at a time.
	limitTime = time.Minute
	// hintTime is the most that a server's word alone may cost.
	hintTime = 10 * time.Minute
	// manyPorts is from how many source ports guesses come that a port's limit no
	// longer stops; patientPorts the same for tries that a broken phone may make,
	// whose router may give it a port each time.
	manyPorts    = 3
	patientPorts = 8
	// portTime is how long one source port of a shared address is slowed.
	portTime = 10 * time.Minute
	// goodTime is how long a right password shields its address.
	goodTime = 30 * 24 * time.Hour
	// contactTime is how long an answer to a call or ping of our server does.
	contactTime = 24 * time.Hour
)

// ladder is how long the first, second, … drop within 30 days lasts.
var ladder = []time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// budget is how many drops a minute may rest on grade C evidence; what
// exceeds it is limited instead (a forged log or a mirrored flood must not be
// able to fill the table).
const budget = 60

// Table is what the policy asks the ban table.
type Table interface {
	// Holds says that the entry with this key is in force.
	Holds(ban.Key, time.Time) bool
	// Drops counts the earlier drops of a prefix within 30 days, one in force not included.
	Drops(netip.Prefix, time.Time) int
	// Within says that a live entry of a kind lies inside a prefix.
	Within(netip.Prefix, ban.Kind, time.Time) bool
}

// Policy judges findings. It is safe for concurrent use by several lanes.
type Policy struct {
	table Table
	fence *Fence
	// jitter is the part by which durations vary, so that an attacker cannot
	// plan around them: 0.2 live, 0 in a replay.
	jitter float64
	// longest and scope are how far a drop may go, in time and in ports.
	longest time.Duration
	scope   ban.Scope

	mu     sync.Mutex
	random *rand.Rand
	minute time.Time
	spent  int
}

// Options sets up a Policy.
type Options struct {
	Table Table
	Fence *Fence
	// Jitter varies durations by up to this part, 0 to 0.2.
	Jitter float64
	Seed   uint64
	// Longest caps a drop; 0 means the ladder's own end, 7 days.
	Longest time.Duration
	// AllPorts makes drops of proven sources close every port.
	AllPorts bool
}

// New makes a Policy.
func New(o Options) *Policy {
	p := &Policy{table: o.Table, fence: o.Fence, jitter: o.Jitter, longest: o.Longest,
		random: rand.New(rand.NewPCG(o.Seed, 1))}
	if p.longest == 0 {
		p.longest = ladder[len(ladder)-1]
	}
	if o.AllPorts {
		p.scope = ban.ScopeAll
	}
	return p
}

// Judge says what a finding leads to.
func (p *Policy) Judge(f detect.Finding) ban.Ban {
	host := netip.PrefixFrom(f.Source, f.Source.BitLen())
	b := ban.Ban{
		Prefix: host, Rule: f.Rule, Class: string(f.Class), Proof: f.Proof.String(), Why: f.Why,
		By: ban.Self, Since: f.Time, Requests: f.Requests, Evidence: items(f.Items),
		Packet: f.Place.Packet, Line: f.Place.Line,
	}
	switch {
	case f.Class == detect.ClassGood:
		b.Action, b.Until = ban.Pass, f.Time.Add(contactTime)
		if f.AccountID != 0 {
			b.Until, b.Accounts = f.Time.Add(goodTime), []uint64{f.AccountID}
		}
	case f.Class == detect.ClassPort:
		b.Action, b.Port, b.Until = ban.Pass, f.Port, f.Time.Add(contactTime)
	case f.Class == detect.ClassProven:
		b.Action = ban.Lift
	case f.Spent:
		p.hold(&b, f)
	case p.shielded(host, f.Time):
		p.slowPort(&b, f)
	case f.Proof == event.None:
		b.Action, b.Until = ban.Limit, f.Time.Add(limitTime)
		p.limitHome(&b, f)
	case f.Evidence < detect.DropBound:
		b.Action, b.Until = ban.Slow, f.Time.Add(p.vary(limitTime))
	case f.Proof == event.GradeC && !f.Text:
		// What the packets repeat, others could know too (a nonce that went to
		// several addresses, a tag that can be computed): they may be forged.
		b.Action, b.Until = ban.Slow, f.Time.Add(p.vary(hintTime))
	case f.Proof == event.GradeC:
		p.hint(&b, f)
	default:
		b.Action, b.Scope = ban.Drop, p.scope
		p.widen(&b, f)
		length := ladder[min(p.table.Drops(b.Prefix, f.Time), len(ladder)-1)]
		b.Until = f.Time.Add(min(p.vary(length), p.longest))
	}
	return b
}

// shielded says that somebody at this address knew a secret lately.
func (p *Policy) shielded(host netip.Prefix, at time.Time) bool {
	return p.table.Holds(ban.Key{Prefix: host, Kind: ban.KindPass}, at)
}

// slowPort answers guessing from a known-good address with the narrowest
// measure: the offending source port. A port that itself serves several good
// accounts (an exchange, a proxy) is left alone, and so is everybody as long as
// less than grade B is proven: those packets may be forged. The finding stays
// as an alarm.
func (p *Policy) slowPort(b *ban.Ban, f detect.Finding) {
	if f.Proof < event.GradeB || f.Port == 0 || f.SharedPort {
		*b = ban.Ban{}
		return
	}
	if f.Ports >= manyPorts && !f.KnownAccount && !f.GoodPort {
		holdAddress(b, f, detect.ForeignPace)
		return
	}
	b.Port, b.Action, b.Until = f.Port, ban.Slow, f.Time.Add(p.vary(portTime))
	explain(b, "; others at this address know their passwords, so only its port "+fmt.Sprint(f.Port)+" is limited")
}

// hint drops on a server's word alone, for ten minutes at most and within the budget.
func (p *Policy) hint(b *ban.Ban, f detect.Finding) {
	p.mu.Lock()
	if f.Time.Sub(p.minute) >= time.Minute {
		p.minute, p.spent = f.Time, 0
	}
	p.spent++
	over := p.spent > budget
	p.mu.Unlock()
	b.Action, b.Until = ban.Drop, f.Time.Add(p.vary(hintTime))
	if over {
		b.Action = ban.Slow
		explain(b, "; too many bans rest on servers' words alone this minute, so it is only limited")
	}
}

// explain adds to the sentence about a ban, where the finding brought one.
func explain(b *ban.Ban, more string) {
	if b.Why != "" {
		b.Why += more
	}
}

// vary lengthens or shortens a duration at random within the jitter.
func (p *Policy) vary(d time.Duration) time.Duration {
	if p.jitter == 0 {
		return d
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return d + time.Duration((p.random.Float64()*2-1)*p.jitter*float64(d)).Round(time.Second)
}

func items(found []detect.Item) []ban.Item {
	if len(found) == 0 {
		return nil
	}
	kept := make([]ban.Item, len(found))
	for i, it := range found {
		kept[i] = ban.Item{
			Time: it.Time, Method: it.Method.String(), Account: it.Account, Status: it.Status,
			Proof: it.Proof.String(), What: it.What, Step: it.Step,
		}
	}
	return kept
}
