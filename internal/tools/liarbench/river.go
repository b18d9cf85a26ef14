package main

import (
	"net/netip"
	"slices"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/guard"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/source"
)

// noon is when the event time of a run begins.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// river is all rooms of one lane, with a kernel that does nothing, and the
// witness of what they find.
type river struct {
	packets  *source.Packets
	lane     *guard.Lane
	table    *ban.Table
	messages int
	last     time.Duration

	phones    []record
	attackers []record
	limits    int
}

// record is what the river did about one phone or attacker.
type record struct {
	begins  time.Duration // an attacker's first message
	dropped time.Duration // and its drop, 0 if none
	learned int           // how often it was news that the source is good
	accused int
	blocked bool
}

func newRiver(o options) *river {
	r := &river{phones: make([]record, o.phones), attackers: make([]record, o.attackers), table: ban.NewTable(ban.Limits{})}
	r.packets = source.NewPackets(&source.Sides{
		Local: func(a netip.Addr) bool { return a == server.Addr() }, Ports: map[uint16]bool{server.Port(): true},
	})
	fence := policy.NewFence()
	r.lane = guard.New(guard.Options{
		Policy: policy.New(policy.Options{Table: r.table, Fence: fence}), Fence: fence, Table: r.table,
		Kernel: enforce.DryRun{}, Witness: r, Seed: bounded.Seed{K0: o.seed, K1: 2}, Wire: true,
	}).Lane(0)
	return r
}

// see walks one frame through the rooms.
func (r *river) see(at time.Duration, data []byte) {
	r.last = at
	f := source.Frame{Time: noon.Add(at), Link: packet.RawIP, Data: data}
	for e := r.packets.Read(&f); e != nil; e = r.packets.Next() {
		r.messages++
		r.lane.See(e)
	}
}

// recordOf finds who is meant, nil for a spoofed source.
func (r *river) recordOf(a netip.Addr) *record {
	if n := numberOf(a, firstPhone); n >= 0 && n < len(r.phones) {
		return &r.phones[n]
	}
	if n := numberOf(a, firstAttacker); n >= 0 && n < len(r.attackers) {
		return &r.attackers[n]
	}
	return nil
}

// verdict is what is wanted of the river.
type verdict struct {
	forgotten, blocked, accused, found, limits int
	median                                     time.Duration
}

func (r *river) verdict() verdict {
	v := verdict{limits: r.limits}
	for n := range r.phones {
		p := &r.phones[n]
		host := netip.PrefixFrom(address(firstPhone, n), 32)
		_, known := r.table.Get(ban.Key{Prefix: host, Kind: ban.KindPass})
		if !known || p.learned != 1 {
			v.forgotten++
		}
		if p.blocked {
			v.blocked++
		}
		if p.accused > 0 {
			v.accused++
		}
	}
	var took []time.Duration
	for n := range r.attackers {
		if a := &r.attackers[n]; a.dropped != 0 && a.dropped-a.begins <= foundWithin {
			took = append(took, a.dropped-a.begins)
		}
	}
	v.found = len(took)
	if slices.Sort(took); len(took) > 0 {
		v.median = took[len(took)/2]
	}
	return v
}

// Found implements guard.Witness.
func (r *river) Found(f detect.Finding) {
	switch who := r.recordOf(f.Source); {
	case who == nil:
	case f.Class == detect.ClassGood:
		who.learned++
	case f.Class.Attack():
		who.accused++
	}
}

// Done implements guard.Witness.
func (r *river) Done(b ban.Ban) {
	if !b.Action.Blocks() || !b.Ended.IsZero() {
		return
	}
	who := r.recordOf(b.Prefix.Addr())
	if who == nil {
		r.limits++
		return
	}
	who.blocked = true
	if b.Action == ban.Drop && who.dropped == 0 {
		who.dropped = r.last
	}
}

// Again implements guard.Witness.
func (*river) Again(ban.Ban, time.Time) {}

// Fenced implements guard.Witness.
func (*river) Fenced(ban.Ban) {}

// Trouble implements guard.Witness.
func (*river) Trouble(error) {}
