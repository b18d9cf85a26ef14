// Package ban holds the river's last noun, the Ban, and the Table: who is out
// (or in), why, and until when. The table is the one truth; the kernel is kept
// equal to it and the journal follows it.
package ban

import (
	"errors"
	"net/netip"
	"time"
)

// Action is what is done to the packets of a Ban's prefix.
type Action uint8

const (
	// None does nothing; a fenced or withdrawn decision ends here.
	None Action = iota
	// Allow is a human's word: never banned, never limited.
	Allow
	// Pass shields a known-good source: it proved itself with the right secret.
	Pass
	// Limit lets a little through: a few requests at once, then one a second.
	Limit
	// Slow lets less through: one request in five seconds.
	Slow
	// Drop lets nothing through.
	Drop
	// Lift ends a Limit: the source has shown that its address is real.
	Lift
	// Hold lets nothing through for as long as it lasts, and then the next try: a
	// limit for rates too slow for a bucket of packets. With a Port it holds that
	// source port. Without one it holds the address, or, where that is known-good,
	// those of its source ports that have no Pass of their own.
	Hold
)

var actions = [...]string{"none", "allow", "pass", "limit", "limit", "drop", "lift", "limit"}

// String gives the action as users see it; all limits are "limit".
func (a Action) String() string { return actions[a] }

// Blocks says that the action takes something away from the source.
func (a Action) Blocks() bool { return a >= Limit && a <= Drop || a == Hold }

// strength orders the actions that can be entries. The numbers of the actions
// themselves stand in journals and stay what they are.
func (a Action) strength() int {
	if a == Hold {
		return int(Slow)*2 + 1
	}
	return int(a) * 2
}

// Scope is which packets of the prefix are meant.
type Scope uint8

const (
	// ScopeSIP means the protected SIP ports only.
	ScopeSIP Scope = iota
	// ScopeAll means every packet.
	ScopeAll
)

// String gives the scope as `--scope` spells it.
func (s Scope) String() string { return [...]string{"sip", "all"}[s] }

// Ban is one entry of the table. It is a value: copies share only Evidence
// and Accounts, which nobody changes after they are set.
type Ban struct {
	// Prefix is whom it concerns: a host (/32, /128) unless policy or a human says wider.
	Prefix netip.Prefix `json:"prefix"`
	// Port narrows a Limit, Slow, Hold or Pass to one source port of a shared address; 0 means all.
	Port   uint16 `json:"port,omitempty"`
	Action Action `json:"action"`
	Scope  Scope  `json:"scope"`
	// Rule is the detector that decided; Class the attack's class.
	Rule  string `json:"rule,omitempty"`
	Class string `json:"class,omitempty"`
	// Proof is the grade of the evidence: A, B, C or none.
	Proof string `json:"proof,omitempty"`
	// Why is one sentence for people.
	Why string `json:"why,omitempty"`
	// By is Self or the human who ordered it.
	By string `json:"by"`
	// Since is when it was decided; Until when it ends, zero for never.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Requests is how many SIP requests of the source had been seen by then.
	Requests uint32 `json:"requests,omitempty"`
	// Times counts how often this source was dropped in the last 30 days, this one included.
	Times int `json:"times,omitempty"`
	// Accounts are hashes of the accounts a Pass has authenticated as.
	Accounts []uint64 `json:"accounts,omitempty"`
	// Evidence is what `why` shows, as it stood when the decision fell.
	Evidence []Item `json:"evidence,omitempty"`
	// Packet and Line are the place in a replayed capture or log.
	Packet uint64 `json:"packet,omitempty"`
	Line   uint64 `json:"line,omitempty"`
	// Ended is set when it was lifted or ran out; the entry stays as history.
	Ended time.Time `json:"ended,omitzero"`
	// EndedBy is who lifted it; empty when it ran out.
	EndedBy string `json:"ended_by,omitempty"`
	// Seq is the table's change number of this entry; the table sets it.
	Seq uint64 `json:"seq"`
	// ID names the entry through all its changes; the table sets it.
	ID uint64 `json:"id"`
}

// Self is the By of what sipward decided without being told.
const Self = "sipward"

// Human says that somebody ordered it: such an order may also shorten or
// weaken, and is not refused for want of room.
func (b *Ban) Human() bool { return b.By != "" && b.By != Self }

// Item is one piece of evidence.
type Item struct {
	Time    time.Time `json:"time"`
	Method  string    `json:"method,omitempty"`
	Account string    `json:"account,omitempty"`
	Status  int       `json:"status,omitempty"`
	Proof   string    `json:"proof,omitempty"`
	// What says what it was: "failed", "unknown user", "tool mark: …".
	What string `json:"what"`
	// Step is what it added to the logarithm of the evidence, in nats.
	Step float64 `json:"step,omitempty"`
}

// Live says that the entry is in force at the given moment.
func (b *Ban) Live(at time.Time) bool {
	return b.Ended.IsZero() && (b.Until.IsZero() || at.Before(b.Until))
}

// Kind groups the actions that replace one another: a source has at most one
// live entry of each kind (and port).
type Kind uint8

// The kinds of entry.
const (
	KindAllow Kind = iota + 1
	KindPass
	KindBlock
)

// Key names an entry of the table.
type Key struct {
	Prefix netip.Prefix
	Port   uint16
	Kind   Kind
}

// Key gives the entry's name in the table.
func (b *Ban) Key() Key { return Key{Prefix: canonical(b.Prefix), Port: b.Port, Kind: b.kind()} }

func (b *Ban) kind() Kind {
	switch b.Action {
	case Allow:
		return KindAllow
	case Pass:
		return KindPass
	}
	return KindBlock
}

// canonical clears the host bits and unwraps IPv4 in IPv6, so that one network
// has one spelling. What is not a network becomes the zero Prefix.
func canonical(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// ErrLost is wrapped by a Journal's errors when it had to begin again. What it
// was given before is gone: Append must be given all of it once more.
var ErrLost = errors.New("journal begun again")

// Journal makes entries outlive the process. The store room implements it.
type Journal interface {
	// Append writes the entries as they now are, by their ID; they are durable
	// when it returns nil. It keeps none of the slices.
	Append(entries []Ban) error
	// Load gives back the last state of every entry that Append was given, one by
	// one and in any order. ErrLost says that the journal turned out to be damaged
	// and has been repaired: what was given counts no more, the next Load gives
	// what is sound.
	Load(give func(Ban)) error
}

// Inside says that the inner prefix is a part of the outer one, or equal. Both
// are masked.
func Inside(inner, outer netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}
