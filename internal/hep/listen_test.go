package hep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"
)

var loopback = netip.MustParsePrefix("127.0.0.0/8")

// hearing is a listener at work.
type hearing struct {
	*Listener
	taken chan string // payloads, as many as there is room for
	done  chan error
	end   context.CancelFunc
}

// hear starts a listener with room for so many packets.
func hear(t *testing.T, c Config, room int) *hearing {
	t.Helper()
	c.At = netip.MustParseAddrPort("127.0.0.1:0")
	l, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	h := &hearing{Listener: l, taken: make(chan string, room), done: make(chan error, 1), end: end}
	go func() {
		h.done <- l.Run(ctx, func(p *Packet) bool {
			select {
			case h.taken <- string(p.Payload):
				return true
			default:
				return false
			}
		})
	}()
	t.Cleanup(func() {
		end()
		if err := <-h.done; err != nil {
			t.Errorf("the listener ended: %v", err)
		}
	})
	return h
}

// dial connects to the listener.
func (h *hearing) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial(h.config.Network, h.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, packets ...[]byte) {
	t.Helper()
	for _, b := range packets {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

// next waits for the next packet.
func (h *hearing) next(t *testing.T) string {
	t.Helper()
	select {
	case got := <-h.taken:
		return got
	case <-time.After(time.Minute):
		t.Fatalf("nothing arrived: %+v", h.Stats())
		return ""
	}
}

// counts are the stats without the time.
func (h *hearing) counts() Stats {
	s := h.Stats()
	s.Last = time.Time{}
	return s
}

func keyed(payload, key string) []byte {
	p := message()
	p.Payload, p.Key = []byte(payload), []byte(key)
	return Append(nil, p)
}

func TestListenBad(t *testing.T) {
	for name, c := range map[string]Config{
		"no network":          {At: netip.MustParseAddrPort("127.0.0.1:0")},
		"an unknown network":  {Network: "sctp", At: netip.MustParseAddrPort("127.0.0.1:0")},
		"not our address":     {Network: "udp", At: netip.MustParseAddrPort("192.0.2.1:9060")},
		"not our address TCP": {Network: "tcp", At: netip.MustParseAddrPort("192.0.2.1:9060")},
	} {
		if l, err := Listen(c); err == nil {
			t.Errorf("%s: it listens", name)
			l.Close()
		}
	}
}

// TestForeign: who is not on the list is not even read.
func TestForeign(t *testing.T) {
	nobody := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for _, network := range []string{"udp", "tcp"} {
		h := hear(t, Config{Network: network, From: nobody}, 1)
		conn := h.dial(t)
		send(t, conn, packet("hello"))
		h.count(t, Stats{Foreign: 1})
		if network == "tcp" {
			closed(t, conn)
		}
	}
	l, err := Listen(Config{Network: "udp", At: netip.MustParseAddrPort("[::]:0"), From: []netip.Prefix{loopback}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if !l.packets.heard(netip.MustParseAddr("::ffff:127.0.0.1")) {
		t.Error("an IPv4 sender at an IPv6 socket is not known")
	}
	if (&packets{}).heard(netip.MustParseAddr("127.0.0.1")) {
		t.Error("an empty list hears somebody")
	}
	own := packets{from: nobody, also: func(a netip.Addr) bool { return a == netip.MustParseAddr("198.51.100.1") }}
	if own.heard(netip.MustParseAddr("198.51.100.2")) || !own.heard(netip.MustParseAddr("::ffff:198.51.100.1")) || !own.heard(netip.MustParseAddr("192.0.2.9")) {
		t.Error("not those of the list and those beside it are heard")
	}
}

// count waits until the counts are right; a packet that is refused wakes nobody.
func (h *hearing) count(t *testing.T, want Stats) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); h.counts() != want; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("counted %+v, want %+v", h.counts(), want)
		}
	}
}

// closed waits for the other side to hang up.
func closed(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stays open: %v", err)
	}
}

func TestUDP(t *testing.T) {
	h := hear(t, Config{Network: "udp", From: []netip.Prefix{loopback}}, 8)
	conn := h.dial(t)
	good := packet("one")
	send(t, conn, []byte("x"), good[:len(good)-1], words, squeezed(t, "rubbish"), squeezed(t, packed(t, make([]byte, 1<<20))), good, make2(2, 16, family4, []byte("old")))
	if got := h.next(t) + h.next(t); got != "oneold" {
		t.Errorf("took %q", got)
	}
	h.count(t, Stats{Good: 2, Malformed: 5})
	if h.Stats().Last.IsZero() {
		t.Error("no time of the last packet")
	}
}

func TestKey(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		h := hear(t, Config{Network: network, From: []netip.Prefix{loopback}, Key: []byte("secret")}, 8)
		wrong := [][]byte{packet("none"), keyed("empty", ""), keyed("short", "secre"), keyed("long", "secrets"), keyed("case", "Secret"), least()}
		if network == "udp" {
			wrong = append(wrong, make2(2, 16, family4, words)) // which has no place for a key
		}
		for _, b := range wrong {
			conn := h.dial(t)
			send(t, conn, b)
			if network == "tcp" {
				closed(t, conn)
			}
		}
		send(t, h.dial(t), keyed("right", "secret"))
		if got := h.next(t); got != "right" {
			t.Errorf("%s: took %q", network, got)
		}
		h.count(t, Stats{Good: 1, WrongKey: uint64(len(wrong))})
	}
}

// TestSender: whoever takes a packet learns who sent it.
func TestSender(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		l, err := Listen(Config{Network: network, At: netip.MustParseAddrPort("127.0.0.1:0"), From: []netip.Prefix{loopback}})
		if err != nil {
			t.Fatal(err)
		}
		senders, done := make(chan netip.Addr, 1), make(chan error, 1)
		go func() {
			done <- l.Run(t.Context(), func(p *Packet) bool { senders <- p.Sender; return true })
		}()
		conn, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		send(t, conn, packet("x"))
		if got := <-senders; got != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("%s: sent by %s", network, got)
		}
		conn.Close()
		l.Close()
		<-done
	}
}

// TestKeyBeforeUnpacking: who does not know the key cannot make us work.
func TestKeyBeforeUnpacking(t *testing.T) {
	p := packets{key: []byte("secret")}
	var packet Packet
	if p.judge(squeezed(t, packed(t, make([]byte, MaxPayload))), loopback.Addr(), &packet) || packet.inflater != nil || p.wrongKey.Load() != 1 {
		t.Errorf("unpacked for somebody without the key: %+v", packet)
	}
}

// TestNoRoom: what the taker has no room for is counted, and nobody waits.
func TestNoRoom(t *testing.T) {
	const sent, room = 100, 10
	for _, network := range []string{"udp", "tcp"} {
		h := hear(t, Config{Network: network, From: []netip.Prefix{loopback}}, room)
		conn := h.dial(t)
		for range sent {
			send(t, conn, packet("x"))
		}
		h.count(t, Stats{Good: room, Dropped: sent - room})
	}
}

// TestFlood counts a flood of rubbish to the last packet: none is missing, none costs memory.
func TestFlood(t *testing.T) {
	p := packets{from: []netip.Prefix{loopback}, key: []byte("secret"), take: func(*Packet) bool { return true }}
	good, bad := keyed("x", "secret"), make([][]byte, 0, 1000)
	for i := range len(good) {
		damaged := bytes.Clone(good)
		damaged[i] ^= 0x5a
		bad = append(bad, damaged, good[:i])
	}
	var packet Packet
	fine, refused := 0, 0
	const rounds = 100
	if n := testing.AllocsPerRun(rounds-1, func() {
		for _, b := range bad {
			if p.heard(phone.Addr()) {
				t.Error("a foreigner is heard")
			}
			if p.judge(b, loopback.Addr(), &packet) {
				fine++ // the damage is in a value: in an address, or in the message
			} else {
				refused++
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if int(p.good.Load()) != fine || int(p.malformed.Load()+p.wrongKey.Load()) != refused || fine+refused != rounds*len(bad) ||
		int(p.foreign.Load()) != fine+refused || fine > refused/2 {
		t.Errorf("%d fine and %d refused, counted %d good, %d malformed, %d with a wrong key, %d foreign",
			fine, refused, p.good.Load(), p.malformed.Load(), p.wrongKey.Load(), p.foreign.Load())
	}
}

// TestFloodRests: in a flood of rubbish the listener rests, and a good packet is heard all the same.
func TestFloodRests(t *testing.T) {
	h := hear(t, Config{Network: "udp", From: []netip.Prefix{loopback}}, 1)
	conn := h.dial(t)
	for range 4 * badRun {
		send(t, conn, words)
	}
	for len(h.taken) == 0 { // until one finds room in the socket
		send(t, conn, packet("still here"))
		if h.Stats().Good > 0 {
			break
		}
	}
	if got := h.next(t); got != "still here" {
		t.Errorf("took %q", got)
	}
	if n := h.Stats().Malformed; n == 0 || n > 4*badRun {
		t.Errorf("%d malformed ones of %d", n, 4*badRun)
	}
}

func TestTCP(t *testing.T) {
	h := hear(t, Config{Network: "tcp", From: []netip.Prefix{loopback}}, 64)
	one, long := packet("one"), packet(string(bytes.Repeat([]byte("y"), 65000)))
	for _, b := range [][]byte{words, []byte("HEP3\x00\x05"), squeezed(t, "rubbish"), make2(1, 16, family4, words), whole()} {
		conn := h.dial(t)
		send(t, conn, append(bytes.Clone(b), one...)) // what follows is not read
		closed(t, conn)
	}
	conn := h.dial(t)
	send(t, conn, one[:3], one[3:7], one[7:], bytes.Join([][]byte{one, long, one, one[:9]}, nil), one[9:])
	var got []string
	for range 5 {
		got = append(got, fmt.Sprint(len(h.next(t))))
	}
	if !slices.Equal(got, []string{"3", "3", "65000", "3", "3"}) {
		t.Errorf("took packets of %v", got)
	}
	cut := h.dial(t)
	send(t, cut, one[:20])
	cut.Close()
	h.count(t, Stats{Good: 5, Malformed: 5})
}

// TestConnections: no more than so many at a time, and a place is free again when one leaves.
func TestConnections(t *testing.T) {
	h := hear(t, Config{Network: "tcp", From: []netip.Prefix{loopback}}, 2*mostConnections)
	var all []net.Conn
	for range mostConnections {
		all = append(all, h.dial(t))
		send(t, all[len(all)-1], packet("x"))
		h.next(t)
	}
	late := h.dial(t)
	closed(t, late)
	h.count(t, Stats{Good: mostConnections, Busy: 1})
	all[0].Close()
	for h.Stats().Good == mostConnections { // until the place is free
		again := h.dial(t)
		if _, err := again.Write(packet("y")); err == nil {
			_ = again.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			_, _ = io.ReadFull(again, make([]byte, 1))
		}
	}
	if got := h.next(t); got != "y" {
		t.Errorf("took %q", got)
	}
}

// TestEnd: connections end with the listener, and a closed one does not run.
func TestEnd(t *testing.T) {
	h := hear(t, Config{Network: "tcp", From: []netip.Prefix{loopback}}, 1)
	conn := h.dial(t)
	send(t, conn, packet("x"))
	h.next(t)
	h.end()
	closed(t, conn)
	l, err := Listen(Config{Network: "udp", At: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Run(t.Context(), func(*Packet) bool { return true }); err != nil {
		t.Errorf("run after the end: %v", err)
	}
}
