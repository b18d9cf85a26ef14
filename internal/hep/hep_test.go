package hep

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	phone  = netip.MustParseAddrPort("203.0.113.7:5071")
	server = netip.MustParseAddrPort("192.0.2.10:5061")
	phone6 = netip.MustParseAddrPort("[2001:db8::7]:5071")
	box6   = netip.MustParseAddrPort("[2001:db8::10]:5061")
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 250_000_000, time.UTC)
	words  = []byte("OPTIONS sip:x SIP/2.0\r\n\r\n")
)

// message is what a server tells of one message.
func message() *Packet {
	return &Packet{Src: phone, Dst: server, Time: noon, Carrier: TLS, Type: SIP, Payload: words}
}

// chunk writes one chunk by hand; a negative length is the true one.
func chunk(vendor, kind, length int, value string) string {
	if length < 0 {
		length = chunkHead + len(value)
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(vendor))
	b = binary.BigEndian.AppendUint16(b, uint16(kind))
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	return string(b) + value
}

// whole puts the head before chunks.
func whole(chunks ...string) []byte {
	body := strings.Join(chunks, "")
	b := binary.BigEndian.AppendUint16([]byte("HEP3"), uint16(packetHead+len(body)))
	return append(b, body...)
}

const (
	src4 = "\xcb\x00\x71\x07"
	dst4 = "\xc0\x00\x02\x0a"
	src6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"
)

// least is the fewest chunks that make a packet.
func least(more ...string) []byte {
	return whole(append([]string{chunk(0, 3, -1, src4), chunk(0, 4, -1, dst4), chunk(0, 15, -1, string(words))}, more...)...)
}

// packed is a payload compressed.
func packed(t testing.TB, payload []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(payload); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// squeezed is a packet with a compressed payload.
func squeezed(t testing.TB, value string) []byte {
	t.Helper()
	return whole(chunk(0, 3, -1, src4), chunk(0, 4, -1, dst4), chunk(0, 16, -1, value))
}

func TestDecodeBad(t *testing.T) {
	good := Append(nil, message())
	longer := bytes.Clone(good)
	binary.BigEndian.PutUint16(longer[4:], uint16(len(good)+1))
	squeeze := packed(t, words)
	for _, test := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrFormat},
		{"SIP itself", words, ErrFormat},
		{"half the word", []byte("HEP"), ErrFormat},
		{"a later version", append([]byte("HEP4"), good[4:]...), ErrFormat},
		{"the word alone", []byte("HEP3"), ErrLength},
		{"half a length", []byte("HEP3\x00"), ErrLength},
		{"length 0", []byte("HEP3\x00\x00"), ErrLength},
		{"length 5", []byte("HEP3\x00\x05"), ErrLength},
		{"longer than it is", longer, ErrLength},
		{"bytes behind the end", append(bytes.Clone(good), 0), ErrLength},
		{"no chunks", whole(), ErrAbsent},
		{"half a chunk's head", whole("\x00\x00\x00\x01\x00"), ErrLength},
		{"a chunk of length 0", whole(chunk(0, 1, 0, "")), ErrLength},
		{"a chunk of length 5", whole(chunk(0, 1, 5, "")), ErrLength},
		{"a chunk longer than the packet", whole(chunk(0, 15, 100, "abc")), ErrLength},
		{"a vendor's chunk longer than the packet", whole(chunk(3, 15, 0xffff, "abc")), ErrLength},
		{"an address of three bytes", least(chunk(0, 5, -1, "abc")), ErrLength},
		{"an IPv6 address of four bytes", whole(chunk(0, 5, -1, src4), chunk(0, 6, -1, dst4), chunk(0, 15, -1, "x")), ErrLength},
		{"a port of four bytes", least(chunk(0, 7, -1, "\x00\x00\x13\xc4")), ErrLength},
		{"an empty family", least(chunk(0, 1, -1, "")), ErrLength},
		{"a second source", least(chunk(0, 3, -1, dst4)), ErrTwice},
		{"a second payload", least(chunk(0, 15, -1, "INVITE")), ErrTwice},
		{"a second key", least(chunk(0, 14, -1, "a"), chunk(0, 14, -1, "b")), ErrTwice},
		{"plain and compressed payload", least(chunk(0, 16, -1, squeeze)), ErrValue},
		{"IPv4 and IPv6", least(chunk(0, 5, -1, src6)), ErrValue},
		{"IPv6 addresses called IPv4", whole(chunk(0, 1, -1, "\x02"), chunk(0, 5, -1, src6), chunk(0, 6, -1, src6), chunk(0, 15, -1, "x")), ErrValue},
		{"IPv4 addresses called IPv6", least(chunk(0, 1, -1, "\x0a")), ErrValue},
		{"no source", whole(chunk(0, 4, -1, dst4), chunk(0, 15, -1, "x")), ErrAbsent},
		{"no destination", whole(chunk(0, 3, -1, src4), chunk(0, 15, -1, "x")), ErrAbsent},
		{"no payload", whole(chunk(0, 3, -1, src4), chunk(0, 4, -1, dst4)), ErrAbsent},
		{"an empty payload", whole(chunk(0, 3, -1, src4), chunk(0, 4, -1, dst4), chunk(0, 15, -1, "")), ErrAbsent},
		{"a vendor's payload only", whole(chunk(0, 3, -1, src4), chunk(0, 4, -1, dst4), chunk(2, 15, -1, "x")), ErrAbsent},
		{"a million microseconds", least(chunk(0, 9, -1, "\x6b\x02\xe3\x18"), chunk(0, 10, -1, "\x00\x0f\x42\x40")), ErrValue},
		{"compressed rubbish", squeezed(t, "rubbish"), ErrCompressed},
		{"compressed and cut", squeezed(t, squeeze[:len(squeeze)-5]), ErrCompressed},
		{"compressed with a wrong sum", squeezed(t, squeeze[:len(squeeze)-1]+"\x00"), ErrCompressed},
		{"compressed nothing", squeezed(t, packed(t, nil)), ErrCompressed},
		{"compressed, one byte too much", squeezed(t, packed(t, make([]byte, MaxPayload+1))), ErrCompressed},
		{"compressed, far too much", squeezed(t, packed(t, make([]byte, 30<<20))), ErrCompressed},
		{"HEP2 cut in its head", []byte{2, 16, 2, 17, 0x13}, ErrFormat},
		{"HEP2 cut in its addresses", []byte{2, 16, 2, 17, 0x13, 0xc4, 0x13, 0xc4, 1, 2, 3}, ErrLength},
		{"HEP2 without payload", make2(2, 16, family4, nil), ErrLength},
		{"HEP1 without payload", make2(1, 16, family4, nil), ErrLength},
		{"HEP1 that counts a time", make2(1, 28, family4, words), ErrFormat},
		{"HEP2 of IPv6 and IPv4 length", make2(2, 16, 10, words), ErrFormat},
		{"HEP2 with a million microseconds", bytes.Replace(make2(2, 16, family4, words), []byte{0x90, 0xd0, 3, 0}, []byte{0x40, 0x42, 0x0f, 0}, 1), ErrValue},
	} {
		var p Packet
		if err := Decode(test.b, &p); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// make2 writes HEP1 or HEP2 as the struct lies in memory.
func make2(version, length, family byte, payload []byte) []byte {
	b := []byte{version, length, family, UDP, 0x13, 0xcf, 0x13, 0xc5}
	if family == family4 {
		b = append(b, src4+dst4...)
	} else {
		b = append(b, src6+src6...)
	}
	if version == 2 {
		b = binary.LittleEndian.AppendUint32(b, uint32(noon.Unix()))
		b = binary.LittleEndian.AppendUint32(b, 250_000)
		b = append(b, 0xd1, 0x07, 0, 0)
	}
	return append(b, payload...)
}

// unhex reads a fixture, in which blanks are for people.
func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDecode reads packets in the forms in which servers send them.
func TestDecode(t *testing.T) {
	long := bytes.Repeat([]byte("a"), MaxPayload)
	for _, test := range []struct {
		name string
		b    []byte
		want Packet
	}{
		{"the least", least(), Packet{Src: netip.AddrPortFrom(phone.Addr(), 0), Dst: netip.AddrPortFrom(server.Addr(), 0), Version: 3, Payload: words}},
		{"what nobody knows yet", least(chunk(0, 0, -1, "x"), chunk(0, 0x12, -1, "\x00\x01"), chunk(0, 0x13, -1, ""), chunk(0, 0xffff, -1, "y")),
			Packet{Src: netip.AddrPortFrom(phone.Addr(), 0), Dst: netip.AddrPortFrom(server.Addr(), 0), Version: 3, Payload: words}},
		{"a vendor's chunks", least(chunk(1, 3, -1, "lies"), chunk(4, 14, -1, "key"), chunk(0xffff, 0xffff, -1, "")),
			Packet{Src: netip.AddrPortFrom(phone.Addr(), 0), Dst: netip.AddrPortFrom(server.Addr(), 0), Version: 3, Payload: words}},
		{"IPv6 that is IPv4", whole(chunk(0, 1, -1, "\x0a"), chunk(0, 5, -1, strings.Repeat("\x00", 10)+"\xff\xff"+src4), chunk(0, 6, -1, src6), chunk(0, 15, -1, "x")),
			Packet{Src: netip.AddrPortFrom(phone.Addr(), 0), Dst: netip.AddrPortFrom(phone6.Addr(), 0), Version: 3, Payload: []byte("x")}},
		{"compressed", squeezed(t, packed(t, words)), Packet{Src: netip.AddrPortFrom(phone.Addr(), 0), Dst: netip.AddrPortFrom(server.Addr(), 0), Version: 3, Payload: words}},
		{"compressed, as much as may be", squeezed(t, packed(t, long)), Packet{Src: netip.AddrPortFrom(phone.Addr(), 0), Dst: netip.AddrPortFrom(server.Addr(), 0), Version: 3, Payload: long}},
		{"Asterisk", unhex(t, `48455033 0076
			0000 0001 0007 02  0000 0002 0007 06  0000 0007 0008 13cf  0000 0008 0008 13c5  0000 0009 000a 6a62aa40  0000 000a 000a 0003d090
			0000 000b 0007 01  0000 000c 000a 000007d1  0000 0003 000a cb007107  0000 0004 000a c000020a
			0000 000e 0009 6b6579  0000 0011 0008 6331  0000 000f 0008 4849`),
			Packet{Src: phone, Dst: server, Time: time.Unix(0x6a62aa40, 250_000_000).UTC(), Carrier: TCP, Type: SIP, Agent: 2001, Version: 3,
				Key: []byte("key"), Correlation: []byte("c1"), Payload: []byte("HI")}},
		{"Kamailio", unhex(t, `48455033 0065
			0000 0001 0007 02  0000 0002 0007 16  0000 0003 000a cb007107  0000 0004 000a c000020a  0000 0007 0008 13cf  0000 0008 0008 13c5
			0000 0009 000a 6a62aa40  0000 000a 000a 0003d090  0000 000b 0007 01  0000 000c 000a 00000bb9  0000 000f 0008 4849`),
			Packet{Src: phone, Dst: server, Time: time.Unix(0x6a62aa40, 250_000_000).UTC(), Carrier: TLS, Type: SIP, Agent: 3001, Version: 3, Payload: []byte("HI")}},
		{"HEP1", make2(1, 16, family4, words), Packet{Src: phone, Dst: server, Carrier: UDP, Type: SIP, Version: 1, Payload: words}},
		{"HEP2 by Kamailio", make2(2, 16, family4, words), Packet{Src: phone, Dst: server, Time: noon, Carrier: UDP, Type: SIP, Version: 2, Agent: 2001, Payload: words}},
		{"HEP2 by FreeSWITCH", make2(2, 28, family4, words), Packet{Src: phone, Dst: server, Time: noon, Carrier: UDP, Type: SIP, Version: 2, Agent: 2001, Payload: words}},
		{"HEP2 of IPv6", make2(2, 40, 10, words), Packet{Src: phone6, Dst: netip.MustParseAddrPort("[2001:db8::7]:5061"), Time: noon, Carrier: UDP, Type: SIP, Version: 2, Agent: 2001, Payload: words}},
	} {
		var p Packet
		if err := Decode(test.b, &p); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if what := differ(&p, &test.want); what != "" {
			t.Errorf("%s: %s\nread %+v\nwant %+v", test.name, what, p, test.want)
		}
	}
}

// differ names the field in which two packets differ.
func differ(a, b *Packet) string {
	switch {
	case a.Src != b.Src || a.Dst != b.Dst:
		return "addresses"
	case !a.Time.Equal(b.Time):
		return "time"
	case a.Carrier != b.Carrier || a.Type != b.Type || a.Agent != b.Agent || a.Version != b.Version:
		return "numbers"
	case !bytes.Equal(a.Payload, b.Payload) || !bytes.Equal(a.Key, b.Key) || !bytes.Equal(a.Correlation, b.Correlation):
		return "bytes"
	}
	return ""
}

// TestReuse: nothing of one packet shows in the next.
func TestReuse(t *testing.T) {
	var p Packet
	for _, b := range [][]byte{
		least(chunk(0, 14, -1, "key"), chunk(0, 17, -1, "c"), chunk(0, 9, -1, "\x6a\x62\xaa\x40"), chunk(0, 12, -1, "\x00\x00\x00\x01")),
		squeezed(t, packed(t, []byte("first"))),
		squeezed(t, packed(t, []byte("second"))),
	} {
		if err := Decode(b, &p); err != nil {
			t.Fatal(err)
		}
	}
	if p.Key != nil || p.Correlation != nil || p.Agent != 0 || !p.Time.IsZero() || string(p.Payload) != "second" {
		t.Errorf("read %+v", p)
	}
	if err := Decode(least(), &p); err != nil || !bytes.Equal(p.Payload, words) {
		t.Errorf("%v: %q after a compressed one", err, p.Payload)
	}
}

func TestAppend(t *testing.T) {
	mixed, huge, none := message(), message(), message()
	mixed.Dst = box6
	huge.Payload = make([]byte, 1<<16)
	none.Src = netip.AddrPort{}
	for name, p := range map[string]*Packet{"two families": mixed, "too long": huge, "no address": none} {
		if b := Append(nil, p); b != nil {
			t.Errorf("%s: %d bytes", name, len(b))
		}
	}
	all := Packet{Src: phone6, Dst: box6, Time: noon, Carrier: UDP, Type: SIP, Agent: 7, Key: []byte("k"), Correlation: []byte("c"), Payload: words}
	b := Append([]byte("before"), &all)
	var p Packet
	if err := Decode(b[6:], &p); err != nil {
		t.Fatal(err)
	}
	all.Version = 3
	if what := differ(&p, &all); what != "" {
		t.Errorf("%s: read %+v", what, p)
	}
}

// TestNoAllocation: neither good packets nor a flood of bad ones cost memory.
func TestNoAllocation(t *testing.T) {
	var p Packet
	good, squeezed, old := Append(nil, message()), squeezed(t, packed(t, words)), make2(2, 16, family4, words)
	bad := [][]byte{good[:len(good)-1], least(chunk(0, 3, -1, src4)), words, whole(chunk(0, 1, 3, ""))}
	if err := Decode(squeezed, &p); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, b := range bad {
			if Decode(b, &p) == nil {
				t.Error("bad is good")
			}
		}
		if Decode(good, &p) != nil || Decode(old, &p) != nil {
			t.Error("good is bad")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	// The standard library makes a new checksum each time, of a few bytes.
	if n := testing.AllocsPerRun(100, func() { _ = Decode(squeezed, &p) }); n > 1 {
		t.Errorf("%v allocations for a compressed one", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	packet := Append(nil, message())
	var p Packet
	for b.Loop() {
		if err := Decode(packet, &p); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzDecode: no bytes break it; what is read lies in the input or is short, and says the same when written again.
func FuzzDecode(f *testing.F) {
	f.Add(Append(nil, message()))
	f.Add(least(chunk(0, 14, -1, "key"), chunk(9, 9, -1, "v"), chunk(0, 17, -1, "c")))
	f.Add(squeezed(f, packed(f, words)))
	f.Add(squeezed(f, packed(f, make([]byte, MaxPayload+1))))
	f.Add(make2(1, 16, family4, words))
	f.Add(make2(2, 40, 10, words))
	f.Add(least(chunk(0, 3, -1, src4)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again Packet
		if Decode(b, &p) != nil {
			return
		}
		if len(p.Payload) == 0 || len(p.Payload) > max(len(b), MaxPayload) || !p.Src.IsValid() || !p.Dst.IsValid() {
			t.Fatalf("read %+v", p)
		}
		p.Time = p.Time.Truncate(time.Microsecond)
		written := Append(nil, &p)
		if written == nil {
			if p.Src.Addr().Is4() == p.Dst.Addr().Is4() && len(b) < MaxPacket/2 && len(p.Payload) < MaxPacket/2 {
				t.Fatalf("cannot be written: %+v", p)
			}
			return
		}
		if err := Decode(written, &again); err != nil {
			t.Fatalf("%v after it was written again", err)
		}
		again.Version = p.Version
		if what := differ(&p, &again); what != "" {
			t.Fatalf("%s: read %+v, written again %+v", what, p, again)
		}
	})
}
