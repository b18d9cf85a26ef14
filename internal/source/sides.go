package source

import (
	"net/netip"
	"slices"
	"sort"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/packet"
)

// Sides says which addresses and ports are ours.
type Sides struct {
	// Local tells our own addresses; live, its answers change with the machine.
	Local func(netip.Addr) bool
	// Ports are the UDP ports on which SIP is served, Streams the TCP ports.
	Ports, Streams map[uint16]bool
	// AnyPort takes SIP on other ports too, as a replay of an unknown capture must.
	AnyPort bool
}

// ports are those of the packet's transport.
func (s *Sides) ports(p *packet.Packet) map[uint16]bool {
	if p.Proto == packet.TCP {
		return s.Streams
	}
	return s.Ports
}

// listed says that one end of the packet is a SIP port of ours.
func (s *Sides) listed(p *packet.Packet) bool {
	ports := s.ports(p)
	return ports[p.Dst.Port()] || ports[p.Src.Port()]
}

// served says that the packet may be SIP for us.
func (s *Sides) served(p *packet.Packet) bool { return s.AnyPort || s.listed(p) }

// inbound decides the direction: by our own address, and where that does not
// tell (both ends are ours, or neither), by the port that is served and by who
// asks whom.
func (s *Sides) inbound(p *packet.Packet, response bool) bool {
	from, to := s.Local(p.Src.Addr()), s.Local(p.Dst.Addr())
	if from != to {
		return to
	}
	if from, to = s.Ports[p.Src.Port()], s.Ports[p.Dst.Port()]; from != to {
		return to
	}
	return !response
}

// sender says that our side sent a TCP segment: by the same signs, and where
// nothing tells by the lower port, so that a connection keeps its sides.
func (s *Sides) sender(p *packet.Packet) bool {
	from, to := s.Local(p.Src.Addr()), s.Local(p.Dst.Addr())
	if from != to {
		return from
	}
	if from, to = s.Streams[p.Src.Port()], s.Streams[p.Dst.Port()]; from != to {
		return from
	}
	if p.Src.Port() != p.Dst.Port() {
		return p.Src.Port() < p.Dst.Port()
	}
	return p.Src.Addr().Less(p.Dst.Addr())
}

// Locals finds out which side of a capture is ours, for replays of other
// machines' traffic: addresses that answer a REGISTER or challenge somebody,
// else the destinations of requests on the ports where SIP is served.
type Locals struct {
	answers, asked map[netip.Addr]int
}

// localsLimit bounds what a hostile capture can make Locals remember.
const localsLimit = 4096

// NewLocals begins a search.
func NewLocals() *Locals {
	return &Locals{answers: map[netip.Addr]int{}, asked: map[netip.Addr]int{}}
}

// See takes one event of the capture into account.
func (l *Locals) See(e *event.Event) {
	from, to := e.Local, e.Remote
	if e.Inbound {
		from, to = e.Remote, e.Local
	}
	switch e.Kind {
	case event.Response:
		challenges := (e.SIP.Status == 401 || e.SIP.Status == 407) && e.SIP.Auth.Present
		if challenges || e.SIP.Method == event.REGISTER && e.SIP.Status >= 200 {
			count(l.answers, from.Addr())
		}
	case event.Request:
		count(l.asked, to.Addr())
	}
}

func count(seen map[netip.Addr]int, a netip.Addr) {
	if _, known := seen[a]; known || len(seen) < localsLimit {
		seen[a]++
	}
}

// Addresses gives what was found, in order. An address that only asks is
// never among them; where nobody answered, whoever was asked most is ours.
func (l *Locals) Addresses() []netip.Addr {
	found := busiest(l.answers)
	if len(found) == 0 {
		found = busiest(l.asked)
	}
	list := make([]netip.Addr, 0, len(found))
	for a := range found {
		list = append(list, a)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Less(list[j]) })
	return list
}

// busiest keeps the addresses with at least a tenth of the busiest one's
// count: a carrier that challenges our own registration now and then, or an
// attacker who forges an answer, is not the server.
func busiest(seen map[netip.Addr]int) map[netip.Addr]int {
	most := 0
	for _, n := range seen {
		most = max(most, n)
	}
	kept := map[netip.Addr]int{}
	for a, n := range seen {
		if n*10 >= most {
			kept[a] = n
		}
	}
	return kept
}

// Unwatched lists the transports that could be read and that no port serves, of
// the transports that the watched ports have, as the settings name them. Without
// any, nothing is known and nothing is listed.
func Unwatched(served []string) []event.Transport {
	if len(served) == 0 {
		return nil
	}
	var list []event.Transport
	for _, t := range []event.Transport{event.UDP, event.TCP, event.WS} {
		if !slices.Contains(served, t.String()) {
			list = append(list, t)
		}
	}
	return list
}
