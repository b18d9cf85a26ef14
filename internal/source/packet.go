// Package source turns captured frames into Events, live or from a capture file.
// It knows who is on our side, and passes no judgement.
package source

import (
	"bytes"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/sip"
	"github.com/sipward/sipward/internal/stream"
)

// Packets makes an Event of every SIP message in a stream of frames. It
// belongs to one lane, and the Event it returns is good until the next call of
// Read or Next.
type Packets struct {
	sides   *Sides
	decoder *packet.Decoder
	packet  packet.Packet
	segment segment
	streams *stream.Streams // nil until the first segment
	message sip.Message
	event   event.Event
	escapes []byte   // unescaped user names of the current message
	answers [][]byte // nonces and responses of the current message
	stats   PacketStats
	// told is for HEP inside the frames; nil live, where servers send it to us.
	told *hep.Packet
}

// mostAnswers bounds how many nonces and responses of one message are looked
// at: each further one is a further chance for a forger.
const mostAnswers = 8

// PacketStats counts what the frames held.
type PacketStats struct {
	// Frames came in, which held so many Messages of SIP; Junk was something else
	// on a SIP port; KeepAlives are the empty lines phones send (RFC 5626 4.4.1).
	Frames, Messages, Junk, KeepAlives uint64
	// Overlaps are datagrams dropped because their fragments contradict each
	// other, and TCP segments that repeat bytes differently.
	Overlaps uint64
	// Encrypted are TCP connections with TLS, whose messages nobody can read.
	Encrypted uint64
	// Strays are TCP segments that no server would take, and packets in our name
	// that came from a network; Lost counts how often the thread of a connection
	// was lost.
	Strays, Lost uint64
	// Skipped are frames that could not be read: cut off, malformed, no IP.
	Skipped uint64
}

// Plus adds up what two sources have counted.
func (a PacketStats) Plus(b PacketStats) PacketStats {
	return PacketStats{
		Frames: a.Frames + b.Frames, Messages: a.Messages + b.Messages, Junk: a.Junk + b.Junk,
		KeepAlives: a.KeepAlives + b.KeepAlives, Overlaps: a.Overlaps + b.Overlaps, Skipped: a.Skipped + b.Skipped,
		Encrypted: a.Encrypted + b.Encrypted, Strays: a.Strays + b.Strays, Lost: a.Lost + b.Lost,
	}
}

// Frame is one captured frame as any wire delivers it.
type Frame struct {
	Time time.Time
	Link packet.LinkType
	Data []byte
	// Number is the frame's place in its capture file, 0 for live traffic.
	Number uint64
	// Arrived says that the frame came in from a network, where that is known: it
	// is not our own side's, whatever it says.
	Arrived bool
}

// NewPackets makes a source for one lane.
func NewPackets(sides *Sides) *Packets {
	return &Packets{sides: sides, decoder: packet.NewDecoder(0)}
}

// Stats gives the counters; call it from the lane's own goroutine.
func (p *Packets) Stats() PacketStats {
	s := p.stats
	if p.streams != nil {
		t := p.streams.Stats()
		s.KeepAlives += t.KeepAlives
		s.Overlaps += t.Conflicts
		s.Encrypted, s.Strays, s.Lost = t.Encrypted, s.Strays+t.Strays, t.Lost
	}
	return s
}

// Packet is the datagram or segment of the last frame, for a recorder.
func (p *Packets) Packet() *packet.Packet { return &p.packet }

// Read gives the first event of a frame, or nil when there is nothing to judge.
// A TCP segment may complete several messages: Next gives the others.
func (p *Packets) Read(f *Frame) *event.Event {
	p.stats.Frames++
	p.segment.on = false
	switch p.decoder.Decode(f.Time, f.Link, f.Data, &p.packet) {
	case packet.Datagram:
	case packet.Overlap:
		p.stats.Overlaps++
		return nil
	case packet.Segment:
		return p.readSegment(f)
	case packet.Held, packet.Other:
		return nil
	default:
		p.stats.Skipped++
		return nil
	}
	if p.told != nil && hep.Sniff(p.packet.Payload) {
		return p.unwrap(f)
	}
	if !p.sides.served(&p.packet) || p.pretends(f) {
		return nil
	}
	if len(bytes.Trim(p.packet.Payload, "\r\n\x00 ")) == 0 {
		p.stats.KeepAlives++
		return nil
	}
	kind := p.message.Parse(p.packet.Payload)
	if kind == sip.None && !p.sides.listed(&p.packet) {
		return nil
	}
	return p.tell(kind, event.Event{Time: f.Time, Place: event.Place{Packet: f.Number}, Transport: event.UDP})
}

// pretends says, and counts, that a packet bears our address and comes from a
// network. It was not sent by us, and our own word is believed: whoever is on our
// link could else answer others in our name, and have them banned.
func (p *Packets) pretends(f *Frame) bool {
	if !f.Arrived || !p.sides.Local(p.packet.Src.Addr()) || p.sides.Local(p.packet.Dst.Addr()) {
		return false
	}
	p.stats.Strays++
	return true
}

// tell completes an event by what the message says and, where that is not known
// yet, by which end is ours.
func (p *Packets) tell(kind sip.Kind, begun event.Event) *event.Event {
	p.event = begun
	p.escapes = p.escapes[:0]
	switch kind {
	case sip.Request:
		p.event.Kind = event.Request
		p.request()
	case sip.Response:
		p.event.Kind = event.Response
		p.response()
	default:
		p.stats.Junk++
		p.event.Kind = event.Junk
	}
	if p.event.Kind != event.Junk {
		p.stats.Messages++
	}
	if !begun.Remote.IsValid() {
		p.orient()
	}
	return &p.event
}

// orient says which end of the packet is ours.
func (p *Packets) orient() {
	e := &p.event
	e.Inbound = p.sides.inbound(&p.packet, e.Kind == event.Response)
	e.Remote, e.Local = p.packet.Dst, p.packet.Src
	if e.Inbound {
		e.Remote, e.Local = p.packet.Src, p.packet.Dst
	}
}

func (p *Packets) request() {
	s, m := &p.event.SIP, &p.message
	s.MethodName = m.Method()
	s.Method = event.MethodOf(s.MethodName)
	uri := sip.ParseURI(m.RequestURI())
	if s.Target = p.unescape(uri.User); len(s.Target) == 0 {
		s.Target = uri.Host
	}
	s.UserAgent = m.UserAgent()
	if d, ok := m.Credentials(); ok {
		s.Auth = event.Auth{Present: true, User: d.Username, Realm: d.Realm, Nonce: d.Nonce, Response: d.Response}
		if m.Repeated() {
			p.answers = m.Answers(p.answers[:0], mostAnswers)
			s.Auth.Others = p.answers
		}
	}
	p.common()
	s.Faults = faults(m)
}

func (p *Packets) response() {
	s, m := &p.event.SIP, &p.message
	s.Status = m.Status()
	if cseq, ok := m.CSeq(); ok {
		s.MethodName = cseq.Method
		s.Method = event.MethodOf(cseq.Method)
	}
	if s.UserAgent = m.Server(); s.UserAgent == nil {
		s.UserAgent = m.UserAgent()
	}
	if d, ok := m.Challenge(); ok {
		s.Auth = event.Auth{Present: true, Stale: d.Stale, Realm: d.Realm, Nonce: d.Nonce}
	}
	p.common()
}

// common fills in what requests and responses share.
func (p *Packets) common() {
	s, m := &p.event.SIP, &p.message
	from, to, via := m.From(), m.To(), m.Via()
	s.CallID = m.CallID()
	s.Branch, s.SentBy = via.Branch, via.Host
	if cseq, ok := m.CSeq(); ok {
		s.CSeq = cseq.Number
	}
	s.FromDisplay = from.Display
	s.FromUser, s.FromTag, s.FromHost = p.unescape(from.URI.User), from.Tag, from.URI.Host
	s.ToUser, s.ToTag = p.unescape(to.URI.User), to.Tag
	s.Expires = -1
	if seconds, ok := m.Expires(); ok {
		s.Expires = int64(seconds)
	}
}

// unescape decodes percent escapes, so that "100" and "%310%30" are the same
// account here as they are for the server (RFC 3261 19.1.4).
func (p *Packets) unescape(user []byte) []byte {
	if bytes.IndexByte(user, '%') < 0 {
		return user
	}
	start := len(p.escapes)
	for i := 0; i < len(user); i++ {
		if user[i] == '%' && i+2 < len(user) {
			if hi, lo := unhex(user[i+1]), unhex(user[i+2]); hi >= 0 && lo >= 0 {
				p.escapes = append(p.escapes, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		p.escapes = append(p.escapes, user[i])
	}
	return p.escapes[start:]
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
