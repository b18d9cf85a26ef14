package hep

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// socketBuffer holds a burst while the listener is busy; what does not fit is dropped by the kernel.
	socketBuffer = 4 << 20
	// badRun bad packets without a good one between them make the listener rest for a moment, in which the kernel drops
	// what comes: so a flood of rubbish costs a few percent of one core, however fast it is.
	badRun = 128
	rest   = 5 * time.Millisecond
)

// Config says where to listen and to whom.
type Config struct {
	// Network is "udp" or "tcp".
	Network string
	// At is the address to listen at; port 0 lets the kernel choose.
	At netip.AddrPort
	// From are the senders, and whom Also, if set, says yes to. Nobody else is heard.
	From []netip.Prefix
	Also func(netip.Addr) bool
	// Key, if set, is what every packet must carry; then HEP1 and HEP2, which cannot, are refused.
	Key []byte
}

// Stats counts packets by what became of them.
type Stats struct {
	// Good were handed on; Dropped were as good, and whoever takes them had no room.
	Good, Dropped uint64
	// Malformed could not be read; WrongKey had another key or none; Foreign came from an address that is not in
	// Config.From nor one of Also's, of TCP each connection.
	Malformed, WrongKey, Foreign uint64
	// Busy are TCP connections turned away because there were mostConnections.
	Busy uint64
	// Last is when the last good one arrived; zero before the first.
	Last time.Time
}

// Listener takes HEP from the network. The work for a packet is small, and for one of a foreign sender next to nothing;
// its memory is one buffer of MaxPacket bytes for UDP, and for TCP one for each connection.
type Listener struct {
	config  Config
	udp     *net.UDPConn
	tcp     *net.TCPListener
	packets packets
}

// packets is what listener and connections share: the judge of every packet, and the counts.
type packets struct {
	from []netip.Prefix
	also func(netip.Addr) bool
	key  []byte

	good, dropped, malformed, wrongKey, foreign, busy atomic.Uint64

	last atomic.Int64 // UnixNano of the last good packet

	taking sync.Mutex // take is called by one at a time
	take   func(*Packet) bool
}

// Listen opens the socket; nothing is read before Run.
func Listen(c Config) (*Listener, error) {
	l := &Listener{config: c, packets: packets{from: c.From, also: c.Also, key: c.Key}}
	var err error
	switch c.Network {
	case "udp":
		if l.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(c.At)); err == nil {
			_ = l.udp.SetReadBuffer(socketBuffer) // the kernel gives what it may
		}
	case "tcp":
		l.tcp, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(c.At))
	default:
		err = net.UnknownNetworkError(c.Network)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for HEP: %w", err)
	}
	return l, nil
}

// Addr is where the listener listens.
func (l *Listener) Addr() netip.AddrPort {
	at := l.local()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

func (l *Listener) local() netip.AddrPort {
	if l.udp != nil {
		return l.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	return l.tcp.Addr().(*net.TCPAddr).AddrPort()
}

// Stats gives the counts so far.
func (l *Listener) Stats() Stats {
	p := &l.packets
	s := Stats{
		Good: p.good.Load(), Dropped: p.dropped.Load(), Malformed: p.malformed.Load(), WrongKey: p.wrongKey.Load(),
		Foreign: p.foreign.Load(), Busy: p.busy.Load(),
	}
	if at := p.last.Load(); at != 0 {
		s.Last = time.Unix(0, at)
	}
	return s
}

// Run hands every good packet to take, which says whether it had room for it, until ctx ends or the Listener is closed.
// Calls of take never overlap, and the packet is valid until take returns.
func (l *Listener) Run(ctx context.Context, take func(*Packet) bool) error {
	l.packets.take = take
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	run := l.runUDP
	if l.udp == nil {
		run = l.runTCP
	}
	if err := run(ctx); !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("receive HEP: %w", err)
	}
	return nil
}

// Close ends Run. It may be called more than once.
func (l *Listener) Close() error {
	if l.udp != nil {
		return l.udp.Close()
	}
	return l.tcp.Close()
}

func (l *Listener) runUDP(ctx context.Context) error {
	buffer := make([]byte, MaxPacket)
	var p Packet
	bad := 0
	for {
		n, sender, err := l.udp.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return err
		}
		if l.packets.heard(sender.Addr()) && l.packets.judge(buffer[:n], sender.Addr(), &p) {
			bad = 0
			continue
		}
		if bad++; bad == badRun {
			bad = 0
			pause(ctx, rest)
		}
	}
}

// pause waits that long, or less when ctx ends.
func pause(ctx context.Context, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// heard says that a sender is on the list.
func (p *packets) heard(sender netip.Addr) bool {
	sender = sender.Unmap()
	for _, prefix := range p.from {
		if prefix.Contains(sender) {
			return true
		}
	}
	if p.also != nil && p.also(sender) {
		return true
	}
	p.foreign.Add(1)
	return false
}

// judge reads one packet and hands it on. It says whether the sender is in good order; that a packet found no room is
// not his fault. A packet with a wrong key is not unpacked.
func (p *packets) judge(b []byte, sender netip.Addr, packet *Packet) bool {
	if read(b, packet) != nil {
		p.malformed.Add(1)
		return false
	}
	if len(p.key) > 0 && subtle.ConstantTimeCompare(packet.Key, p.key) != 1 {
		p.wrongKey.Add(1)
		return false
	}
	if packet.unpack() != nil {
		p.malformed.Add(1)
		return false
	}
	packet.Sender = sender.Unmap()
	p.taking.Lock()
	taken := p.take(packet)
	p.taking.Unlock()
	if !taken {
		p.dropped.Add(1)
		return true
	}
	p.good.Add(1)
	p.last.Store(time.Now().UnixNano())
	return true
}
