package source

import (
	"errors"
	"fmt"
	"io"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
)

// Capture is the stream of a capture file.
type Capture struct {
	reader  *pcap.Reader
	packets *Packets
	frame   pcap.Frame
	cut     error
}

// NewCapture reads a pcap or pcapng file, which may be gzipped. What a server
// told by HEP while the capture ran counts too.
func NewCapture(from io.Reader, sides *Sides) (*Capture, error) {
	reader, err := pcap.NewReader(from)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	c := &Capture{reader: reader, packets: NewPackets(sides)}
	c.packets.told = new(hep.Packet)
	return c, nil
}

// Next gives the next event, good until the call after it; the end is io.EOF. A
// file that ends inside a record ends there, and Cut says so: what came before it
// counts.
func (c *Capture) Next() (*event.Event, error) {
	if e := c.packets.Next(); e != nil {
		return e, nil // of the same frame
	}
	for {
		err := c.reader.Next(&c.frame)
		if errors.Is(err, pcap.ErrCut) {
			c.cut = err
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
		f := Frame{Time: c.frame.Time, Link: packet.LinkType(c.frame.Link), Data: c.frame.Data, Number: uint64(c.frame.Number)}
		if e := c.packets.Read(&f); e != nil {
			return e, nil
		}
	}
}

// Cut says where a file ended too early, or nil.
func (c *Capture) Cut() error { return c.cut }

// Packets gives the counters.
func (c *Capture) Packets() PacketStats { return c.packets.Stats() }

// Datagram is the datagram or segment of the last event.
func (c *Capture) Datagram() *packet.Packet { return c.packets.Packet() }
