package main

import (
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/guard"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/source"
	"github.com/sipward/sipward/internal/track"
)

// stage is the river up to a room: each has the rooms before it and one more.
type stage struct {
	name    string
	frames  []frame
	packets *source.Packets
	see     func(*event.Event)
	begins  time.Time // of the next pass: the capture is played again later
	witness witness
}

// pause lies between two passes, so that no answer of one meets the next.
const pause = 2 * time.Minute

var seed = bounded.Seed{K0: 1, K1: 2}

// newStage builds the rooms up to and with the one that is measured.
func newStage(name string, frames []frame) *stage {
	s := &stage{name: name, frames: frames, begins: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	s.packets = source.NewPackets(&source.Sides{
		Local: func(a netip.Addr) bool { return a == server.Addr() }, Ports: map[uint16]bool{server.Port(): true},
	})
	tracker := track.New(track.Options{Seed: seed, Wire: true, Nonces: track.NewNonces()})
	engine := detect.NewEngine(detect.Options{Seed: seed}, detect.All())
	switch name {
	case "source":
		s.see = func(*event.Event) {}
	case "track":
		s.see = func(e *event.Event) { tracker.Pair(e) }
	case "detect":
		s.see = func(e *event.Event) {
			tracker.Pair(e)
			engine.See(e)
		}
	default:
		s.see = s.hall().See
	}
	return s
}

// hall is all of the river, with a kernel that does nothing.
func (s *stage) hall() *guard.Lane {
	table, fence := ban.NewTable(ban.Limits{}), policy.NewFence()
	return guard.New(guard.Options{
		Policy: policy.New(policy.Options{Table: table, Fence: fence}), Fence: fence, Table: table,
		Kernel: enforce.DryRun{}, Witness: &s.witness, Seed: seed, Wire: true,
	}).Lane(0)
}

// pass plays the capture once.
func (s *stage) pass() {
	for i := range s.frames {
		f := source.Frame{Time: s.begins.Add(s.frames[i].at), Link: packet.RawIP, Data: s.frames[i].data}
		for e := s.packets.Read(&f); e != nil; e = s.packets.Next() {
			s.see(e)
		}
	}
	s.begins = s.begins.Add(s.frames[len(s.frames)-1].at + pause)
}

// witness counts what speaks against somebody.
type witness struct{ findings int }

// Found implements guard.Witness.
func (w *witness) Found(f detect.Finding) {
	if f.Class.Attack() {
		w.findings++
	}
}

// Done implements guard.Witness.
func (*witness) Done(ban.Ban) {}

// Again implements guard.Witness.
func (*witness) Again(ban.Ban, time.Time) {}

// Fenced implements guard.Witness.
func (*witness) Fenced(ban.Ban) {}

// Trouble implements guard.Witness.
func (*witness) Trouble(error) {}
