package scenario

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/packet"
)

// Frame is one IP packet, as a capture of raw IP has it.
type Frame struct {
	Time time.Time
	Data []byte
}

// Piece is a part of what a connection carries, and how far behind the next
// byte to send it stands.
type Piece struct {
	Offset int
	Data   []byte
}

// Wire makes the packets that carry messages. Its connections are whole:
// handshake, acknowledgements and, for WebSocket, the upgrade.
type Wire struct {
	// Shape, if set, says in which segments bytes are sent.
	Shape func(b []byte) []Piece

	open   map[netip.AddrPort]*connection // by client, which has one at a time
	frames []Frame
}

// connection is one TCP connection: the client has opened it.
type connection struct {
	client, server netip.AddrPort
	sent           [2]uint32 // next sequence numbers of client and server
}

// Frames gives the packets of a scenario's messages, in the messages' order.
func (s *Scenario) Frames() ([]Frame, error) {
	var w Wire
	for i := range s.Messages {
		if err := w.Carry(&s.Messages[i]); err != nil {
			return nil, err
		}
	}
	return w.frames, nil
}

// Frames gives all packets so far.
func (w *Wire) Frames() []Frame { return w.frames }

// Carry makes the packets of the next message.
func (w *Wire) Carry(m *Message) error {
	if m.Transport == "udp" {
		return w.put(m.Time, &packet.Packet{Src: m.From, Dst: m.To, Proto: packet.UDP, Payload: m.Payload})
	}
	c, err := w.connection(m)
	if err != nil {
		return err
	}
	payload := m.Payload
	if m.Transport == "ws" {
		payload = webFrame(payload, m.From == c.client)
	}
	return w.send(m.Time, c, m.From == c.client, payload)
}

func (w *Wire) put(at time.Time, p *packet.Packet) error {
	data, err := packet.Append(nil, p)
	if err != nil {
		return fmt.Errorf("carry message from %s to %s: %w", p.Src, p.Dst, err)
	}
	w.frames = append(w.frames, Frame{Time: at, Data: data})
	return nil
}

// connection finds the connection of a message, or opens it.
func (w *Wire) connection(m *Message) (*connection, error) {
	for _, c := range []*connection{w.open[m.From], w.open[m.To]} {
		if c != nil && (c.client == m.From && c.server == m.To || c.client == m.To && c.server == m.From) {
			return c, nil
		}
	}
	if w.open == nil {
		w.open = map[netip.AddrPort]*connection{}
	}
	// The numbers wrap soon: that must not matter.
	c := &connection{client: m.From, server: m.To, sent: [2]uint32{0xffffff00, 0xfffffe00}}
	w.open[m.From] = c
	const syn, both, ack = packet.SYN, packet.SYN | packet.ACK, packet.ACK
	for _, step := range []packet.Packet{
		{Src: c.client, Dst: c.server, Seq: c.sent[0] - 1, Flags: syn},
		{Src: c.server, Dst: c.client, Seq: c.sent[1] - 1, Ack: c.sent[0], Flags: both},
		{Src: c.client, Dst: c.server, Seq: c.sent[0], Ack: c.sent[1], Flags: ack},
	} {
		step.Proto = packet.TCP
		if err := w.put(m.Time, &step); err != nil {
			return nil, err
		}
	}
	if m.Transport == "tcp" {
		return c, nil
	}
	if err := w.send(m.Time, c, true, []byte(upgrade)); err != nil {
		return nil, err
	}
	return c, w.send(m.Time, c, false, []byte(switched))
}

const (
	upgrade  = "GET /ws HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: c2lwd2FyZCBzY2VuYXJpbw==\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: c2lwd2FyZA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)

// send carries bytes of one side, which the other acknowledges.
func (w *Wire) send(at time.Time, c *connection, client bool, b []byte) error {
	from, to, me, you := c.client, c.server, 0, 1
	if !client {
		from, to, me, you = to, from, you, me
	}
	pieces := []Piece{{Data: b}}
	if w.Shape != nil {
		pieces = w.Shape(b)
	}
	for _, p := range pieces {
		err := w.put(at, &packet.Packet{
			Src: from, Dst: to, Proto: packet.TCP, Seq: c.sent[me] + uint32(p.Offset), Ack: c.sent[you],
			Flags: packet.ACK | packet.PSH, Payload: p.Data,
		})
		if err != nil {
			return err
		}
	}
	c.sent[me] += uint32(len(b))
	return w.put(at, &packet.Packet{Src: to, Dst: from, Proto: packet.TCP, Seq: c.sent[you], Ack: c.sent[me], Flags: packet.ACK})
}

// webFrame wraps a message into a WebSocket frame; clients mask theirs (RFC
// 6455 section 5.3).
func webFrame(payload []byte, masked bool) []byte {
	mask := [4]byte{0x73, 0x69, 0x70, 0x21}
	bit := byte(0x80)
	if !masked {
		mask, bit = [4]byte{}, 0
	}
	b := []byte{0x81}
	switch n := len(payload); {
	case n < 126:
		b = append(b, bit|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	}
	if masked {
		b = append(b, mask[:]...)
	}
	for i, x := range payload {
		b = append(b, x^mask[i%4])
	}
	return b
}
