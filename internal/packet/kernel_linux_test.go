package packet

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// arena is a network namespace with nothing but a loopback, where fragments go to a UDP socket through the kernel.
type arena struct {
	raw, udp int
	to       unix.Sockaddr
	end      netip.AddrPort
}

const arenaPort = 5060

// openArena moves this goroutine's thread into a namespace of its own. The thread is never unlocked, so it ends with the
// test and takes the namespace along.
func openArena(t *testing.T, addr netip.Addr) *arena {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err == unix.EPERM {
		t.Skip("a network namespace of one's own needs CAP_SYS_ADMIN")
	} else if err != nil {
		t.Fatalf("make namespace: %v", err)
	}
	try := func(err error, doing string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", doing, err)
		}
	}
	a := &arena{end: netip.AddrPortFrom(addr, arenaPort)}
	var bind unix.Sockaddr = &unix.SockaddrInet4{Port: arenaPort, Addr: [4]byte{127, 0, 0, 1}}
	a.to = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	family := unix.AF_INET
	if addr.Is6() {
		bind, a.to = &unix.SockaddrInet6{Port: arenaPort, Addr: addr.As16()}, &unix.SockaddrInet6{Addr: addr.As16()}
		family = unix.AF_INET6
	}
	var err error
	a.udp, err = unix.Socket(family, unix.SOCK_DGRAM, 0)
	try(err, "open UDP socket")
	t.Cleanup(func() { unix.Close(a.udp) })
	request, err := unix.NewIfreq("lo")
	try(err, "name loopback")
	request.SetUint16(unix.IFF_UP)
	try(unix.IoctlIfreq(a.udp, unix.SIOCSIFFLAGS, request), "raise loopback")
	const udpNoCheck6RX = 102 // the forged datagrams have no checksum
	if addr.Is6() {
		try(unix.SetsockoptInt(a.udp, unix.IPPROTO_UDP, udpNoCheck6RX, 1), "accept datagrams without checksum")
	}
	try(unix.SetsockoptTimeval(a.udp, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}), "set deadline")
	try(unix.Bind(a.udp, bind), "bind UDP socket")
	a.raw, err = unix.Socket(family, unix.SOCK_RAW, unix.IPPROTO_RAW)
	try(err, "open raw socket")
	t.Cleanup(func() { unix.Close(a.raw) })
	return a
}

// deliver sends the frames and returns what the socket got of them; a last plain datagram shows that all have been seen.
func (a *arena) deliver(t *testing.T, frames [][]byte) (got [][]byte) {
	t.Helper()
	const marker = "that was all"
	for _, frame := range append(slices.Clip(frames), BuildUDP(a.end, a.end, []byte(marker))) {
		if err := unix.Sendto(a.raw, frame, 0, a.to); err != nil {
			t.Fatalf("send fragment of %d bytes: %v", len(frame), err)
		}
	}
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(a.udp, buf, 0)
		if err != nil {
			t.Fatalf("receive: %v", err)
		}
		if string(buf[:n]) == marker {
			return got
		}
		got = append(got, bytes.Clone(buf[:n]))
	}
}

// attack cuts a datagram into fragments, shuffles them and mixes in a few that overlap, contradict or repeat them.
func attack(rng *rand.Rand, whole []byte, id uint32) (frames [][]byte) {
	body := whole[headerOf(whole):]
	for from := 0; from < len(body); {
		to := min(from+8*(1+rng.IntN(4)), len(body))
		if from == 0 {
			to = min(to, len(body)-1) &^ 7 // never the whole datagram
		}
		frames = append(frames, piece(whole, id, from, to))
		from = to
	}
	rng.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
	for range rng.IntN(4) {
		from := 8 * rng.IntN(len(body)/8)
		to := from + 1 + rng.IntN(len(body)-from)
		last := from > 0 && rng.IntN(4) == 0
		if !last {
			to = min(from+max(8, (to-from)&^7), len(body)&^7)
		}
		data := bytes.Clone(body[from:to])
		if rng.IntN(2) == 0 {
			for i := range data {
				if from+i >= 8 { // the UDP header stays, or nobody would get it
					data[i] ^= 0x20
				}
			}
		}
		frames = slices.Insert(frames, rng.IntN(len(frames)+1), fragmentOf(whole, id, from, last, data))
	}
	return frames
}

// TestSeesWhatTheKernelDelivers is the reason for the rules about overlaps: whatever a Linux host would hand to its SIP
// server must come out of the decoder, byte for byte, or attackers could hide in the difference.
func TestSeesWhatTheKernelDelivers(t *testing.T) {
	const rounds = 400
	for _, addr := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")} {
		t.Run(addr.String(), func(t *testing.T) {
			a, rng := openArena(t, addr), rand.New(rand.NewPCG(30, uint64(addr.BitLen())))
			var delivered, more, overlaps int
			for round := range rounds {
				payload := make([]byte, 24+rng.IntN(100))
				for i := range payload {
					payload[i] = byte(rng.Uint32())
				}
				whole := BuildUDP(netip.AddrPortFrom(addr, 9), a.end, payload)
				whole[headerOf(whole)+6], whole[headerOf(whole)+7] = 0, 0
				frames := attack(rng, whole, uint32(round+1))
				var ours [][]byte
				d, p := NewDecoder(0), Packet{}
				for _, frame := range frames {
					switch d.Decode(start, RawIP, frame, &p) {
					case Datagram:
						ours = append(ours, bytes.Clone(p.Payload))
					case Overlap:
						overlaps++
					}
				}
				theirs := a.deliver(t, frames)
				for _, payload := range theirs {
					if !slices.ContainsFunc(ours, func(b []byte) bool { return bytes.Equal(b, payload) }) {
						t.Fatalf("round %d: the kernel delivered %d bytes that we did not see in %d fragments", round, len(payload), len(frames))
					}
				}
				delivered += len(theirs)
				more += len(ours) - len(theirs)
			}
			t.Logf("the kernel delivered %d of %d, we saw all of them and %d more, with %d overlaps flagged", delivered, rounds, more, overlaps)
			if delivered < rounds/4 || overlaps < rounds/4 {
				t.Errorf("only %d datagrams and %d overlaps of %d rounds: the attack proves nothing", delivered, overlaps, rounds)
			}
		})
	}
}

// TestKernelAgreesOnPatterns holds the table of patterns against the kernel: as many datagrams from each, no fewer, no more.
func TestKernelAgreesOnPatterns(t *testing.T) {
	a := openArena(t, netip.MustParseAddr("127.0.0.1"))
	whole := BuildUDP(netip.AddrPortFrom(a.end.Addr(), 9), a.end, invite)
	whole[26], whole[27] = 0, 0 // no checksum, or the forged ones would not count
	for i, tt := range patterns {
		var frames [][]byte
		datagrams := 0
		for _, s := range tt.steps {
			frames = append(frames, fragmentOf(whole, uint32(i+1), s.from, s.last, s.bytes(whole)))
			if s.want == Datagram {
				datagrams++
			}
		}
		if got := len(a.deliver(t, frames)); got != datagrams {
			t.Errorf("%s: the kernel delivered %d datagrams, we %d", tt.name, got, datagrams)
		}
	}
}
