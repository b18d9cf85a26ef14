package hep

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// mostConnections bounds the TCP senders; each costs a goroutine and a buffer of 64 KiB.
	mostConnections = 32
	// idleTime is how long a connection may say nothing: a small office says nothing at night. A dead one is found by
	// the kernel's keep-alives before.
	idleTime = 12 * time.Hour
	// packetTime is how long a packet may take from its first byte to its last.
	packetTime = 10 * time.Second
	// penalty is how long a connection that sent something wrong keeps its place: whoever comes again and again with
	// rubbish gets a few hundred buffers a second and no more.
	penalty = 100 * time.Millisecond
)

// runTCP serves connections until the listener is closed, and then ends them.
func (l *Listener) runTCP(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	places := make(chan struct{}, mostConnections)
	bad := 0
	for {
		conn, err := l.tcp.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil || !l.admit(conn, places) {
			// Without descriptors left, or with too many visitors, haste makes it worse.
			if bad++; err != nil || bad == badRun {
				bad = 0
				pause(ctx, rest)
			}
			continue
		}
		work.Go(func() {
			defer func() { <-places }()
			if !l.packets.serve(ctx, conn) {
				pause(ctx, penalty)
			}
		})
	}
}

// admit takes a place for a connection, or closes it.
func (l *Listener) admit(conn *net.TCPConn, places chan<- struct{}) bool {
	sender := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	if !l.packets.heard(sender) {
		conn.Close()
		return false
	}
	select {
	case places <- struct{}{}:
		return true
	default:
		l.packets.busy.Add(1)
		conn.Close()
		return false
	}
}

// serve reads one connection to its end. After anything wrong, which it reports, it is closed: there is no telling where
// the next packet begins, and a sender with a wrong key has no further one.
func (p *packets) serve(ctx context.Context, conn net.Conn) (fine bool) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	in := bufio.NewReaderSize(conn, MaxPacket+1)
	var packet Packet
	sender, _ := netip.ParseAddrPort(conn.RemoteAddr().String()) // what is no network has none
	for {
		b, err := p.next(conn, in)
		if errors.Is(err, ErrLength) {
			p.malformed.Add(1)
			return false
		}
		if err != nil {
			return true
		}
		if !p.judge(b, sender.Addr(), &packet) {
			return false
		}
		if _, err := in.Discard(len(b)); err != nil {
			return true
		}
	}
}

// next waits for a whole packet, which stays in the reader.
func (p *packets) next(conn net.Conn, in *bufio.Reader) ([]byte, error) {
	if err := conn.SetReadDeadline(time.Now().Add(idleTime)); err != nil {
		return nil, err
	}
	if _, err := in.Peek(1); err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(packetTime)); err != nil {
		return nil, err
	}
	head, err := in.Peek(packetHead)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(head[len(magic):]))
	if !Sniff(head) || length < packetHead {
		return nil, ErrLength
	}
	return in.Peek(length)
}
