package source

import (
	"net/netip"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/sip"
	"github.com/sipward/sipward/internal/stream"
)

// segment is the TCP segment whose messages are being told.
type segment struct {
	// on says that there is one: the frame was a segment on a port of ours.
	on            bool
	begun         event.Event
	remote, local netip.AddrPort
	message       stream.Message
}

// readSegment gives the first event that a TCP segment completes.
func (p *Packets) readSegment(f *Frame) *event.Event {
	if !p.sides.served(&p.packet) {
		return nil
	}
	if p.streams == nil {
		p.streams = stream.New(stream.Limits{})
	}
	if p.pretends(f) {
		return nil
	}
	g := &p.segment
	ours := p.sides.sender(&p.packet)
	g.on = true
	g.begun = event.Event{Time: f.Time, Place: event.Place{Packet: f.Number}}
	g.remote, g.local = p.packet.Src, p.packet.Dst
	if ours {
		g.remote, g.local = p.packet.Dst, p.packet.Src
	}
	p.streams.Add(f.Time, &stream.Segment{
		Src: p.packet.Src, Dst: p.packet.Dst, Payload: p.packet.Payload,
		Seq: p.packet.Seq, Ack: p.packet.Ack, Flags: p.packet.Flags, Ours: ours,
	})
	return p.Next()
}

// Next gives the next event of the frame that was read last, nil after the
// last. Only then may the next frame be read.
func (p *Packets) Next() *event.Event {
	g := &p.segment
	if !g.on {
		return nil
	}
	for p.streams.Next(&g.message) {
		m := &g.message
		kind := sip.None
		if !m.Junk {
			kind = p.message.Parse(m.Data)
		}
		if kind == sip.None && (m.Ours || !p.sides.listed(&p.packet)) {
			continue
		}
		e := g.begun
		e.Remote, e.Local, e.Inbound = g.remote, g.local, !m.Ours
		e.Transport, e.Unproven = event.TCP, !m.Proven
		if m.WebSocket {
			e.Transport = event.WS
		}
		return p.tell(kind, e)
	}
	return nil
}

// Segment says that the last frame was a TCP segment on a port of ours. All of
// them belong into a recording, with or without an event.
func (p *Packets) Segment() bool { return p.segment.on }
