package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// piece cuts a fragment out of what a whole IP packet carries; the one that reaches the end is the last.
func piece(whole []byte, id uint32, from, to int) []byte {
	last := to == len(whole)-headerOf(whole)
	return fragmentOf(whole, id, from, last, whole[headerOf(whole)+from:headerOf(whole)+to])
}

// fragmentOf makes a fragment with any content, to the addresses of a whole packet.
func fragmentOf(whole []byte, id uint32, offset int, last bool, data []byte) []byte {
	if whole[0]>>4 == 4 {
		place := uint16(offset / 8)
		if !last {
			place |= 0x2000
		}
		frame := join(whole[:20], data)
		binary.BigEndian.PutUint16(frame[2:], uint16(len(frame)))
		binary.BigEndian.PutUint16(frame[4:], uint16(id))
		binary.BigEndian.PutUint16(frame[6:], place)
		frame[10], frame[11] = 0, 0
		binary.BigEndian.PutUint16(frame[10:], checksum(frame[:20], 0))
		return frame
	}
	place := uint16(offset)
	if !last {
		place |= 1
	}
	frame := join(whole[:40], int(whole[6]), 0, place, uint16(id>>16), uint16(id), data)
	frame[6] = nextFragment
	binary.BigEndian.PutUint16(frame[4:], uint16(len(frame)-40))
	return frame
}

func headerOf(whole []byte) int {
	if whole[0]>>4 == 4 {
		return 20
	}
	return 40
}

// step is one fragment of a pattern and the verdict it must get. It carries the bytes that belong there, or others.
type step struct {
	from, to int
	last     bool
	forged   bool
	want     Verdict
}

// bytes is what the fragment carries: what belongs there, or that with other bytes behind the UDP header.
func (s step) bytes(whole []byte) []byte {
	data := slices.Clone(whole[headerOf(whole)+s.from : headerOf(whole)+s.to])
	for i := range data {
		if s.forged && s.from+i >= 8 {
			data[i] ^= 0x20
		}
	}
	return data
}

// The datagram of the patterns has 43 bytes with the UDP header: five blocks and a rest of three.
var patterns = []struct {
	name  string
	steps []step
}{
	{"gap", []step{{0, 16, false, false, Held}, {24, 43, true, false, Held}}},
	{"no first fragment", []step{{16, 24, false, false, Held}, {24, 43, true, false, Held}}},
	{"no last fragment", []step{{0, 16, false, false, Held}, {16, 40, false, false, Held}}},
	{"empty fragment alone", []step{{8, 8, false, false, Malformed}}},
	{"empty last fragment", []step{{0, 40, false, false, Held}, {40, 40, true, false, Malformed}}},
	{"overlap at the front, same bytes", []step{{0, 24, false, false, Held}, {16, 43, true, false, Overlap}}},
	{"overlap at the front, other bytes", []step{{0, 24, false, false, Held}, {16, 43, true, true, Overlap}}},
	{"overlap at the back, same bytes", []step{{16, 43, true, false, Held}, {0, 24, false, false, Overlap}}},
	{"overlap at the back, other bytes", []step{{16, 43, true, false, Held}, {0, 24, false, true, Overlap}}},
	{"one over all that came before", []step{{16, 24, false, false, Held}, {8, 43, true, true, Overlap}}},
	{"one across a gap", []step{{0, 8, false, false, Held}, {16, 43, true, false, Held}, {0, 24, false, true, Overlap}}},
	{"rewritten UDP header", []step{{0, 8, false, false, Held}, {0, 16, false, true, Overlap}, {8, 43, true, false, Held}}},
	{"second end before the first", []step{{24, 43, true, false, Held}, {16, 24, true, false, Overlap}}},
	{"second end behind the first", []step{{16, 24, true, false, Held}, {24, 43, true, false, Overlap}}},
	{"end before what is there", []step{{24, 40, false, false, Held}, {8, 16, true, false, Overlap}}},
	{"data behind the end", []step{{8, 16, true, false, Held}, {16, 40, false, false, Overlap}}},

	{"duplicate inside, other bytes: the first copy stays", []step{{0, 24, false, false, Held}, {8, 16, false, true, Overlap}, {24, 43, true, false, Datagram}}},
	{"duplicate last, other bytes: the first copy stays", []step{{24, 43, true, false, Held}, {24, 43, true, true, Overlap}, {0, 24, false, false, Datagram}}},
	{"duplicates", []step{{0, 24, false, false, Held}, {0, 24, false, false, Held}, {8, 16, false, false, Held}, {24, 43, true, false, Datagram}}},
	{"duplicate of the last", []step{{24, 43, true, false, Held}, {24, 43, true, false, Held}, {0, 24, false, false, Datagram}}},
	{"all again after an overlap", []step{{0, 24, false, true, Held}, {16, 43, true, true, Overlap}, {0, 24, false, false, Held}, {24, 43, true, false, Datagram}}},
	{"all again after the datagram", []step{{0, 24, false, true, Held}, {24, 43, true, false, Datagram}, {24, 43, true, false, Held}, {0, 24, false, false, Datagram}}},
	{"in order", []step{{0, 16, false, false, Held}, {16, 32, false, false, Held}, {32, 43, true, false, Datagram}}},
	{"backwards", []step{{32, 43, true, false, Held}, {16, 32, false, false, Held}, {0, 16, false, false, Datagram}}},
	{"last one first", []step{{40, 43, true, false, Held}, {0, 8, false, false, Held}, {8, 40, false, false, Datagram}}},
	{"UDP header in the second to come", []step{{8, 43, true, false, Held}, {0, 8, false, false, Datagram}}},
	{"tiny first", []step{{0, 8, false, false, Held}, {8, 43, true, false, Datagram}}},
	{"all tiny", []step{{0, 8, false, false, Held}, {16, 24, false, false, Held}, {32, 40, false, false, Held}, {8, 16, false, false, Held}, {24, 32, false, false, Held}, {40, 43, true, false, Datagram}}},
}

func TestFragmentPatterns(t *testing.T) {
	for _, whole := range [][]byte{BuildUDP(phone4, server4, invite), BuildUDP(phone6, server6, invite)} {
		for _, tt := range patterns {
			t.Run(tt.name, func(t *testing.T) {
				d := NewDecoder(0)
				for i, s := range tt.steps {
					var p Packet
					v := d.Decode(start, RawIP, fragmentOf(whole, 77, s.from, s.last, s.bytes(whole)), &p)
					if v != s.want {
						t.Fatalf("IPv%c, step %d: %v, want %v", '0'+whole[0]>>4, i+1, v, s.want)
					}
					if v == Datagram && i > 1 && (!bytes.Equal(p.Payload, invite) || !p.Reassembled || p.Src.Port() != 5071) {
						t.Fatalf("datagram %q, %+v", p.Payload, p)
					}
				}
			})
		}
	}
}

// run decodes frames one after the other and returns the verdicts.
func run(d *Decoder, at time.Time, frames ...[]byte) (got []Verdict) {
	for _, frame := range frames {
		var p Packet
		got = append(got, d.Decode(at, RawIP, frame, &p))
	}
	return got
}

func TestFragmentsOfDifferentDatagrams(t *testing.T) {
	a, b := BuildUDP(phone4, server4, invite), BuildUDP(netip.MustParseAddrPort("192.0.2.8:5071"), server4, invite)
	c := BuildUDP(phone4, netip.MustParseAddrPort("198.51.100.11:5060"), invite)
	segment, err := Append(nil, &Packet{Src: phone4, Dst: server4, Proto: TCP, Payload: invite})
	if err != nil {
		t.Fatal(err)
	}
	six := BuildUDP(phone6, server6, invite)
	icmp6 := with(six, 6, 58)
	later := with(piece(six, 7, 16, len(six)-40), 40, 59) // a later fragment may lie about the next header
	big := BuildUDP(phone6, server6, make([]byte, 100))
	rest := func(whole []byte) []byte { return piece(whole, 7, 16, len(whole)-headerOf(whole)) }
	first := func(whole []byte) []byte { return piece(whole, 7, 0, 16) }
	atomic := fragmentOf(six, 7, 0, true, six[40:])
	tests := []struct {
		name   string
		frames [][]byte
		want   []Verdict
	}{
		{"nothing in common but the number", [][]byte{first(a), rest(b)}, []Verdict{Held, Held}},
		{"another number", [][]byte{piece(six, 7, 0, 16), piece(six, 7+1<<16, 16, len(six)-40)}, []Verdict{Held, Held}},
		{"two sources", [][]byte{first(a), first(b), rest(a), rest(b)}, []Verdict{Held, Held, Datagram, Datagram}},
		{"two destinations", [][]byte{first(a), rest(c), rest(a), first(c)}, []Verdict{Held, Held, Datagram, Datagram}},
		{"two protocols", [][]byte{first(a), first(segment), rest(segment), rest(a)}, []Verdict{Held, Held, Segment, Datagram}},
		{"other traffic between", [][]byte{first(a), a, six, rest(a)}, []Verdict{Held, Datagram, Datagram, Datagram}},
		{"lone IPv6 fragment of the same number", [][]byte{first(big), atomic, rest(big)}, []Verdict{Held, Datagram, Datagram}},
		{"IPv6, later next header differs", [][]byte{later, first(six)}, []Verdict{Held, Datagram}},
		{"ICMPv6", [][]byte{first(icmp6), rest(icmp6)}, []Verdict{Held, Other}},
		{"cut by the capture", [][]byte{first(a), rest(a)[:30], rest(a)}, []Verdict{Held, Truncated, Datagram}},
		{"cut by the capture, IPv6", [][]byte{first(six), rest(six)[:50], rest(six)}, []Verdict{Held, Truncated, Datagram}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := run(NewDecoder(0), start, tt.frames...); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// TestUDPHeaderInSecondFragment hides it behind destination options, which belong to what IPv6 fragments.
func TestUDPHeaderInSecondFragment(t *testing.T) {
	whole := chain(60, 17, 1, make([]byte, 14))
	d, p := NewDecoder(0), Packet{}
	if got := run(d, start, piece(whole, 7, 0, 8), piece(whole, 7, 8, 16)); !slices.Equal(got, []Verdict{Held, Held}) {
		t.Fatalf("options: %v, want both held", got)
	}
	if v := d.Decode(start, RawIP, piece(whole, 7, 16, len(whole)-40), &p); v != Datagram || !bytes.Equal(p.Payload, invite) {
		t.Errorf("%v with %q, want the INVITE", v, p.Payload)
	}
	nested := chain(44, 17, 0, make([]byte, 6))
	if got := run(d, start, piece(nested, 8, 0, 16), piece(nested, 8, 16, len(nested)-40)); got[1] != Malformed {
		t.Errorf("a fragment header inside fragments: %v, want it malformed", got)
	}
}

// TestOddMiddleFragment: Linux cuts it down to whole blocks in IPv4, so the rest may follow there.
func TestOddMiddleFragment(t *testing.T) {
	whole := BuildUDP(phone4, server4, invite)
	odd := fragmentOf(whole, 7, 0, false, whole[20:20+19])
	if got := run(NewDecoder(0), start, odd, piece(whole, 7, 16, len(whole)-20)); got[1] != Datagram {
		t.Errorf("%v, want a datagram", got)
	}
}

func TestLargestDatagram(t *testing.T) {
	v4, v6 := BuildUDP(phone4, server4, make([]byte, 65507)), BuildUDP(phone6, server6, make([]byte, 65527))
	for _, whole := range [][]byte{v4, v6} {
		d, p, verdict := NewDecoder(0), Packet{}, Held
		size := len(whole) - headerOf(whole)
		for from := 0; from < size; from += 1480 {
			verdict = d.Decode(start, RawIP, piece(whole, 9, from, min(from+1480, size)), &p)
		}
		if verdict != Datagram || len(p.Payload) != size-8 {
			t.Errorf("largest: %v with %d bytes, want %d", verdict, len(p.Payload), size-8)
		}
		beyond := fragmentOf(whole, 10, 65528, true, make([]byte, 8))
		if got := run(d, start, beyond); got[0] != Malformed {
			t.Errorf("fragment that ends at 65,536: %v, want malformed", got[0])
		}
	}
	if got := run(NewDecoder(0), start, fragmentOf(v4, 10, 65512, true, make([]byte, 4))); got[0] != Malformed {
		t.Errorf("with the IPv4 header one byte too long: %v, want malformed", got[0])
	}
}

func TestFragmentsExpire(t *testing.T) {
	v4, v6 := BuildUDP(phone4, server4, invite), BuildUDP(phone6, server6, invite)
	for _, tt := range []struct {
		whole []byte
		later time.Duration
		want  Verdict
	}{
		{v4, 31 * time.Second, Held},
		{v4, -31 * time.Second, Held},
		{v6, 61 * time.Second, Held},
		{v4, 30 * time.Second, Datagram},
		{v4, -time.Second, Datagram},
		{v6, 60 * time.Second, Datagram},
	} {
		d := NewDecoder(0)
		run(d, start, piece(v6, 1, 0, 8)) // an older one that waits longer must not keep the younger alive
		run(d, start.Add(1), piece(tt.whole, 7, 0, 16))
		got := run(d, start.Add(1+tt.later), piece(tt.whole, 7, 16, len(tt.whole)-headerOf(tt.whole)))
		if got[0] != tt.want {
			t.Errorf("IPv%c, %v later: %v, want %v", '0'+tt.whole[0]>>4, tt.later, got[0], tt.want)
		}
		run(d, start.Add(time.Hour), piece(v6, 2, 0, 8))
		if s := d.Stats(); s.Waiting != 1 || s.Bytes != assemblyCost+pageCost {
			t.Errorf("after an hour %d waiting with %d bytes, want only the new one", s.Waiting, s.Bytes)
		}
	}
}

// flood sends first fragments that never get company: for IPv4 from one source in a /24, each with its own number.
func flood(d *Decoder, n int, source func(int) netip.AddrPort) {
	for i := range n {
		whole := BuildUDP(source(i), server4, invite)
		run(d, start, piece(whole, uint32(i), 0, 16))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const limit = 1 << 20
	d := NewDecoder(limit)
	flood(d, 20000, func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
	})
	s := d.Stats()
	if s.Bytes > limit || s.Bytes < limit*9/10 {
		t.Errorf("%d bytes held, want nearly and at most %d", s.Bytes, limit)
	}
	if s.Evicted != uint64(20000-s.Waiting) || len(d.fragments.senders) != s.Waiting {
		t.Errorf("%d evicted, %d waiting, %d senders", s.Evicted, s.Waiting, len(d.fragments.senders))
	}
	if made := len(d.fragments.pages) + s.Waiting; made*pageCost > limit+pageCost {
		t.Errorf("%d pages were made, more than the limit allows", made)
	}
	run(d, start.Add(time.Hour), piece(BuildUDP(phone4, server4, invite), 7, 0, 16))
	if s := d.Stats(); s.Waiting != 1 || len(d.fragments.senders) != 1 {
		t.Errorf("%d waiting of %d senders after an hour, want 1 of 1", s.Waiting, len(d.fragments.senders))
	}
}

func TestOneSourceEvictsOnlyItself(t *testing.T) {
	victim := BuildUDP(phone4, server4, invite)
	for name, source := range map[string]func(int) netip.AddrPort{
		"one IPv4 address": func(int) netip.AddrPort { return netip.MustParseAddrPort("203.0.113.9:5060") },
		"two IPv4 addresses": func(i int) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i % 2)}), 1)
		},
	} {
		d := NewDecoder(0)
		run(d, start, piece(victim, 7, 0, 16))
		flood(d, 30000, source)
		if got := run(d, start, piece(victim, 7, 16, len(victim)-20)); got[0] != Datagram {
			t.Errorf("%s: the other's datagram is %v, want it whole", name, got[0])
		}
		if s := d.Stats(); s.Bytes > 2*d.fragments.share {
			t.Errorf("%s: %d bytes held, shares are %d", name, s.Bytes, d.fragments.share)
		}
	}
}

// TestSlash64IsOneSource: whoever has one IPv6 address has 2^64 of them.
func TestSlash64IsOneSource(t *testing.T) {
	d := NewDecoder(0)
	for i := range 30000 {
		addr := server6.Addr().As16()
		binary.BigEndian.PutUint64(addr[8:], uint64(i))
		whole := BuildUDP(netip.AddrPortFrom(netip.AddrFrom16(addr), 1), server6, invite)
		run(d, start, piece(whole, 7, 0, 16))
	}
	if s := d.Stats(); s.Bytes > d.fragments.share || len(d.fragments.senders) != 1 {
		t.Errorf("%d bytes of %d senders, want one share of %d", s.Bytes, len(d.fragments.senders), d.fragments.share)
	}
}

// TestSparseFragmentsAreCheap: a few bytes at the far end must not cost 64 KiB.
func TestSparseFragmentsAreCheap(t *testing.T) {
	d := NewDecoder(0)
	whole := BuildUDP(phone4, server4, invite)
	run(d, start, fragmentOf(whole, 1, 65496, false, make([]byte, 8)))
	if got := d.Stats().Bytes; got != assemblyCost+pageCost {
		t.Errorf("%d bytes for one fragment, want %d", got, assemblyCost+pageCost)
	}
}

func TestSmallLimitHasRoomForTheLargest(t *testing.T) {
	d, p := NewDecoder(1), Packet{}
	whole := BuildUDP(phone4, server4, make([]byte, 65507))
	size, verdict := len(whole)-20, Held
	for from := 0; from < size; from += 1480 {
		flood(d, 3, func(i int) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1) })
		verdict = d.Decode(start, RawIP, piece(whole, 9, from, min(from+1480, size)), &p)
	}
	if verdict != Datagram {
		t.Errorf("largest datagram with the smallest limit: %v", verdict)
	}
}

// TestReassemblyReusesMemory: once warm, fragments cost no allocation but the sender's books.
func TestReassemblyReusesMemory(t *testing.T) {
	whole := BuildUDP(phone4, server4, make([]byte, 3000))
	frames := [][]byte{piece(whole, 7, 0, 1480), piece(whole, 7, 1480, 2960), piece(whole, 7, 2960, 3008)}
	d, p := NewDecoder(0), Packet{}
	got := testing.AllocsPerRun(100, func() {
		for _, frame := range frames {
			d.Decode(start, RawIP, frame, &p)
		}
	})
	if got > 1 {
		t.Errorf("%v allocations a datagram, want at most 1", got)
	}
}

// TestRandomFragmentation: however a datagram is cut, shuffled and repeated, the same comes out as without cutting.
func TestRandomFragmentation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 1, 9000).Draw(t, "payload")
		whole := BuildUDP(phone4, server4, payload)
		if rapid.Bool().Draw(t, "ipv6") {
			whole = BuildUDP(phone6, server6, payload)
		}
		var want Packet
		NewDecoder(0).Decode(start, RawIP, whole, &want)

		size := len(whole) - headerOf(whole)
		cuts := rapid.SliceOfNDistinct(rapid.IntRange(1, (size-1)/8), 1, -1, rapid.ID).Draw(t, "cuts")
		slices.Sort(cuts)
		var frames [][]byte
		from := 0
		for _, cut := range cuts {
			frames = append(frames, piece(whole, 7, from, cut*8))
			from = cut * 8
		}
		frames = append(frames, piece(whole, 7, from, size))
		frames = rapid.Permutation(frames).Draw(t, "order")
		again := rapid.IntRange(0, len(frames)-2).Draw(t, "again") // not the one that completes it
		frames = slices.Insert(frames, again, frames[again])

		d, got := NewDecoder(0), Packet{}
		for i, frame := range frames {
			v, expect := d.Decode(start, RawIP, frame, &got), Held
			if i == len(frames)-1 {
				expect = Datagram
			}
			if v != expect {
				t.Fatalf("fragment %d of %d: %v, want %v", i+1, len(frames), v, expect)
			}
		}
		if got.Src != want.Src || got.Dst != want.Dst || !bytes.Equal(got.Payload, want.Payload) {
			t.Fatalf("%v > %v with %d bytes, want %v > %v with %d", got.Src, got.Dst, len(got.Payload), want.Src, want.Dst, len(want.Payload))
		}
		if s := d.Stats(); s.Waiting != 0 || s.Bytes != 0 {
			t.Fatalf("%d waiting, %d bytes left behind", s.Waiting, s.Bytes)
		}
	})
}
