// Package nft keeps one nftables table in the kernel: who is never dropped,
// who is known to be good, who is dropped and who is limited.
//
// A source is an element of a set, never a rule, so a thousand sources cost
// what one costs. Elements carry their own kernel timeout: if this process
// dies, they stay and run out by themselves. Every change of rules or
// elements is one netlink transaction, which the kernel takes as a whole or
// not at all, so there is no moment at which a dropped source gets through.
//
// The table belongs to our netlink socket where the kernel can do that
// (flags owner and persist, Linux 6.9): other programs cannot change it, a
// foreign flush of the ruleset skips it, and the next process adopts it.
// Elsewhere it is an ordinary table, and Watch tells when somebody changed it.
// The package runs no external program and touches no other table.
package nft

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Errors to be told apart with errors.Is.
var (
	// ErrElement says that an element does not fit its set; nothing was changed.
	ErrElement = errors.New("element does not fit its set")
	// ErrOwned says that the table belongs to another living process.
	ErrOwned = errors.New("table belongs to another process")
	// ErrGone says that the table, or a part of it, is not in the kernel.
	ErrGone = errors.New("table is gone")
	// ErrChanged says that the table in the kernel is not the one we made.
	ErrChanged = errors.New("table was changed by somebody else")
)

// A Set names a group of sources and what happens to their packets. The
// constants are in the order in which the kernel asks: the first set that
// holds the source decides, with one exception. HoldPort, LimitPort, GoodPort
// and Hold also apply to a KnownGood source.
type Set uint8

// The sets.
const (
	// NeverBan passes everything; nothing below can touch it. Any prefix.
	NeverBan Set = iota + 1
	// KnownGood passes what HoldPort, LimitPort and Hold leave. Single addresses.
	KnownGood
	// DropAll drops every packet. Any prefix.
	DropAll
	// DropSIP drops packets to the protected ports. Any prefix.
	DropSIP
	// HoldPort drops packets of one source port to the protected ports.
	HoldPort
	// LimitPort limits one source port of one address, on the protected ports.
	LimitPort
	// GoodPort passes one source port of a KnownGood address by Hold.
	GoodPort
	// Hold drops packets to the protected ports that GoodPort does not pass.
	// Addresses and IPv6 /64s.
	Hold
	// Limit limits packets to the protected ports. Addresses and IPv6 /64s.
	Limit
	// LimitSlow is Limit with a slower rate.
	LimitSlow
)

// String returns the set's name, which is also how the kernel's sets begin.
func (s Set) String() string {
	names := [...]string{"", "never_ban", "known_good", "drop_all", "drop_sip", "hold_port", "limit_port", "good_port", "hold", "limit", "limit_slow"}
	if s == 0 || int(s) >= len(names) {
		return fmt.Sprintf("set(%d)", uint8(s))
	}
	return names[s]
}

// ported says that the set's elements are source ports of addresses.
func (s Set) ported() bool { return s == HoldPort || s == LimitPort || s == GoodPort }

// An Element is one source in one set.
type Element struct {
	Set     Set
	Prefix  netip.Prefix  // a single address is a /32 or /128
	Port    uint16        // the source port; HoldPort, LimitPort and GoodPort only
	Timeout time.Duration // from now; 0 means until it is removed
}

// An ElementState is an element as the kernel has it.
type ElementState struct {
	Element               // with the timeout it was last given
	Expires time.Duration // what is left of it; 0 means never
	Count                 // packets dropped because of it; see Table.Elements
}

// A Count is a number of packets and their bytes.
type Count struct {
	Packets, Bytes uint64
}

// A Rate is how much passes a limit: Burst packets at once, then Packets per
// Per. Each element has its own bucket.
type Rate struct {
	Packets uint32
	Per     time.Duration // second, minute, hour or day
	Burst   uint32
}

// Options say which table to keep and what it protects.
type Options struct {
	Table string // name of the inet table; "sipward" when empty
	// UDP and TCP are the protected ports. They can be changed later.
	UDP, TCP []uint16
	// The rates of the limiting sets; the zero Rate stands for the default:
	// Limit 1 per second, LimitSlow 12 per minute, LimitPort 4 per minute,
	// bursts 5, 5 and 4.
	Limit, LimitSlow, LimitPort Rate
	// Shared asks for an ordinary table even where the kernel could give us
	// one that nobody else can change.
	Shared bool
}

// withDefaults fills what was left out and refuses what the kernel cannot do.
func (o Options) withDefaults() (Options, error) {
	if o.Table == "" {
		o.Table = "sipward"
	}
	for rate, initial := range map[*Rate]Rate{
		&o.Limit:     {Packets: 1, Per: time.Second, Burst: 5},
		&o.LimitSlow: {Packets: 12, Per: time.Minute, Burst: 5},
		&o.LimitPort: {Packets: 4, Per: time.Minute, Burst: 4},
	} {
		if *rate == (Rate{}) {
			*rate = initial
		}
		if err := rate.check(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// check refuses rates that nft could not print, because an administrator
// must be able to list the table.
func (r Rate) check() error {
	units := []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}
	if !slices.Contains(units, r.Per) {
		return fmt.Errorf("check rate: %v is not a second, minute, hour or day", r.Per)
	}
	if r.Packets == 0 || r.Burst == 0 {
		return fmt.Errorf("check rate: %d packets with a burst of %d never let anything pass", r.Packets, r.Burst)
	}
	return nil
}

// subnet6 is the one prefix length besides a single address that has hash
// sets of its own: an IPv6 attacker owns a /64, so these are as common as hosts.
const subnet6 = 64

// canonical returns the element in the one form that stands for it, or
// ErrElement with the reason.
func (e Element) canonical() (Element, error) {
	refuse := func(reason string) (Element, error) {
		return e, fmt.Errorf("use %v in %v: %s: %w", e.Prefix, e.Set, reason, ErrElement)
	}
	if !e.Prefix.IsValid() {
		return refuse("not a prefix")
	}
	if a := e.Prefix.Addr(); a.Is4In6() {
		if e.Prefix.Bits() < 96 {
			return refuse("wider than all of IPv4")
		}
		e.Prefix = netip.PrefixFrom(a.Unmap(), e.Prefix.Bits()-96)
	}
	e.Prefix = netip.PrefixFrom(e.Prefix.Addr().WithZone(""), e.Prefix.Bits()).Masked()
	single := e.Prefix.IsSingleIP()
	subnet := e.Prefix.Addr().Is6() && e.Prefix.Bits() == subnet6
	switch {
	case e.Set < NeverBan || e.Set > LimitSlow:
		return refuse("no such set")
	case e.Timeout < 0:
		return refuse("its time is over")
	case e.Set.ported() != (e.Port != 0):
		return refuse("a source port belongs to hold_port, limit_port and good_port, and only there")
	case (e.Set == KnownGood || e.Set.ported()) && !single:
		return refuse("not a single address")
	case e.Set >= Hold && !single && !subnet:
		return refuse("neither a single address nor an IPv6 /64")
	}
	return e, nil
}

// A Change tells that somebody else committed a change to the table.
type Change struct {
	PID     uint32 // who did it, as the kernel says
	Process string // the name of that process
	Unsure  bool   // notifications were lost: something may have changed
}
