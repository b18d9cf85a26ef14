package source

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/sip"
)

// Report gives the event of a message that a server tells of by HEP, or nil
// when that is no SIP. The server reads it on ports of its own choice, so every
// port counts. The time is the caller's: live it is ours, since a clock that is
// wrong elsewhere must not move ours.
func (p *Packets) Report(told *hep.Packet, at time.Time, place event.Place) *event.Event {
	transport, known := carriers[told.Carrier]
	if told.Type != hep.SIP || !known {
		return nil
	}
	p.packet = packet.Packet{Src: told.Src, Dst: told.Dst, Payload: told.Payload, Proto: packet.TCP}
	if transport == event.UDP {
		p.packet.Proto = packet.UDP
	}
	kind := p.message.Parse(told.Payload)
	if kind == sip.None {
		return nil
	}
	return p.tell(kind, event.Event{Time: at, Place: place, Transport: transport, Reported: true})
}

// carriers says what a server means by its protocol numbers. Some write TCP for
// TLS and WebSocket too, some TLS for WebSocket: for us they are all connected.
var carriers = map[uint8]event.Transport{hep.UDP: event.UDP, hep.TCP: event.TCP, hep.TLS: event.TLS}

// unwrap gives the event of a HEP packet inside a captured datagram.
func (p *Packets) unwrap(f *Frame) *event.Event {
	if hep.Decode(p.packet.Payload, p.told) != nil {
		p.stats.Skipped++
		return nil
	}
	return p.Report(p.told, f.Time, event.Place{Packet: f.Number})
}

// Dump is the stream of a file of HEP packets.
type Dump struct {
	reader  *hep.Reader
	packets *Packets
	told    hep.Packet
	last    time.Time
	cut     error
}

// NewDump reads HEP3 packets that follow one another.
func NewDump(from io.Reader, sides *Sides) *Dump {
	return &Dump{reader: hep.NewReader(from), packets: NewPackets(sides)}
}

// Next gives the next event, good until the call after it; the end is io.EOF. A
// file that ends inside a packet ends there, and Cut says so.
func (d *Dump) Next() (*event.Event, error) {
	for {
		err := d.reader.Next(&d.told)
		if errors.Is(err, hep.ErrCut) {
			d.cut = err
			return nil, io.EOF
		}
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("read dump: %w", err)
		}
		if !d.told.Time.IsZero() {
			d.last = d.told.Time
		}
		if e := d.packets.Report(&d.told, d.last, event.Place{Packet: uint64(d.reader.Number())}); e != nil {
			return e, nil
		}
	}
}

// Cut says where a file ended too early, or nil.
func (d *Dump) Cut() error { return d.cut }

// Packets gives the counters; a frame is a HEP packet here.
func (d *Dump) Packets() PacketStats {
	stats := d.packets.Stats()
	stats.Frames, stats.Skipped = uint64(d.reader.Number()), uint64(d.reader.Bad())
	return stats
}
