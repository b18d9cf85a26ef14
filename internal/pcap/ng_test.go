package pcap

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// ng is a pcapng under construction, in the byte order of its latest section.
type ng struct{ file }

// put adds a block whose body is numbers.
func (n *ng) put(o order, kind uint32, body ...uint32) *ng {
	n.order = o
	return n.block(kind, (&file{order: o}).add(body...).bytes)
}

func (n *ng) block(kind uint32, body []byte) *ng {
	body = append(body, make([]byte, -len(body)&3)...)
	total := uint32(len(body) + blockFrame)
	n.add(kind, total).raw(string(body)).add(total)
	return n
}

// begin begins a section; its length stays unknown.
func (n *ng) begin(o order) *ng {
	version := o.AppendUint16(o.AppendUint16(nil, 1), 0)
	return n.put(o, blockSection, 0x1a2b3c4d, o.Uint32(version), 0xffffffff, 0xffffffff)
}

// device describes an interface; options are code and value in turn.
func (n *ng) device(link uint16, snaplen uint32, options ...any) *ng {
	body := n.AppendUint32(n.AppendUint16(n.AppendUint16(nil, link), 0), snaplen)
	for i := 0; i < len(options); i += 2 {
		value := options[i+1].([]byte)
		body = n.AppendUint16(n.AppendUint16(body, uint16(options[i].(int))), uint16(len(value)))
		body = append(append(body, value...), make([]byte, -len(value)&3)...)
	}
	return n.block(blockInterface, body)
}

// packet adds an enhanced packet.
func (n *ng) packet(device uint32, stamp uint64, onWire uint32, data string) *ng {
	body := (&file{order: n.order}).add(device, uint32(stamp>>32), uint32(stamp), uint32(len(data)), onWire).raw(data)
	return n.block(blockEnhanced, body.bytes)
}

// old adds a packet in the obsolete form, with 7 drops before it.
func (n *ng) old(device uint16, stamp uint64, data string) *ng {
	body := n.AppendUint16(n.AppendUint16(nil, device), 7)
	more := (&file{order: n.order}).add(uint32(stamp>>32), uint32(stamp), uint32(len(data)), uint32(len(data))).raw(data)
	return n.block(blockPacket, append(body, more.bytes...))
}

// simple adds a simple packet.
func (n *ng) simple(onWire uint32, data string) *ng {
	return n.block(blockSimple, append(n.AppendUint32(nil, onWire), data...))
}

// sample has one of everything in one section.
func sample(o order) *ng {
	n := new(ng).begin(o).device(1, 0).device(101, 0, 9, []byte{9})
	n.packet(0, 1000000, 5, "first").put(o, 5, 1, 2, 3)
	return n.packet(1, 2000000000, 9, "second").old(0, 3000000, "third").simple(6, "fourth")
}

func TestNG(t *testing.T) {
	for _, o := range orders {
		t.Run(o.String(), func(t *testing.T) {
			want(t, new(ng).begin(o).bytes, io.EOF)
			want(t, sample(o).bytes, io.EOF,
				`1 1970-01-01T00:00:01Z link 1 "first" of 5`,
				`2 1970-01-01T00:00:02Z link 101 "second" of 9`,
				`3 1970-01-01T00:00:03Z link 1 "third" of 5`,
				`4 1970-01-01T00:00:03Z link 1 "fourth" of 6`)
			simple := new(ng).begin(o).device(1, 4).simple(9, "cut_").simple(3, "abc")
			want(t, simple.bytes, io.EOF,
				`1 1970-01-01T00:00:00Z link 1 "cut_" of 9`,
				`2 1970-01-01T00:00:00Z link 1 "abc" of 3`)
		})
	}
}

// TestSections: each section has its own byte order and its own interfaces; numbers go on over all of them.
func TestSections(t *testing.T) {
	n := new(ng).begin(binary.LittleEndian).device(1, 0).packet(0, 1, 1, "a")
	n.begin(binary.BigEndian).device(113, 0, 9, []byte{0}).packet(0, 7, 1, "b")
	n.begin(binary.BigEndian).begin(binary.LittleEndian).device(276, 0).packet(0, 9, 1, "c")
	want(t, n.bytes, io.EOF,
		`1 1970-01-01T00:00:00.000001Z link 1 "a" of 1`,
		`2 1970-01-01T00:00:07Z link 113 "b" of 1`,
		`3 1970-01-01T00:00:00.000009Z link 276 "c" of 1`)
	want(t, n.begin(binary.BigEndian).packet(0, 1, 1, "of an interface of another section").bytes, ErrFormat,
		`1 1970-01-01T00:00:00.000001Z link 1 "a" of 1`,
		`2 1970-01-01T00:00:07Z link 113 "b" of 1`,
		`3 1970-01-01T00:00:00.000009Z link 276 "c" of 1`)
}

func TestClocks(t *testing.T) {
	const o = 1 << 10 // a binary resolution
	offset := func(seconds int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(seconds)) }
	tests := []struct {
		name    string
		options []any
		stamp   uint64
		want    string // empty: refused
	}{
		{"resolution 10^-20", []any{9, []byte{20}}, 0, ""},
		{"resolution 2^-64", []any{9, []byte{0x80 | 64}}, 0, ""},
		{"year 586524", nil, 1<<64 - 1, ""},
		{"year 10000", []any{9, []byte{0}}, 253402300800, ""},
		{"offset beyond all years", []any{14, offset(1<<63 - 1)}, 0, ""},
		{"offset before all years", []any{14, offset(-1 << 63)}, 0, ""},
		{"offset before 1970", []any{14, offset(-1)}, 999999, ""},
		{"sum beyond all years", []any{9, []byte{0}, 14, offset(1)}, 253402300799, ""},

		{"microseconds by default", nil, 1700000000123456, "2023-11-14T22:13:20.123456Z"},
		{"seconds", []any{9, []byte{0}}, 253402300799, "9999-12-31T23:59:59Z"},
		{"milliseconds", []any{9, []byte{3}}, 1700000000123, "2023-11-14T22:13:20.123Z"},
		{"nanoseconds", []any{9, []byte{9}}, 1700000000123456789, "2023-11-14T22:13:20.123456789Z"},
		{"picoseconds", []any{9, []byte{12}}, 1500000000007, "1970-01-01T00:00:01.5Z"},
		{"10^-19", []any{9, []byte{19}}, 1<<64 - 1, "1970-01-01T00:00:01.844674407Z"},
		{"2^-10", []any{9, []byte{0x80 | 10}}, 5*o + o/4, "1970-01-01T00:00:05.25Z"},
		{"2^-32", []any{9, []byte{0x80 | 32}}, 7<<32 | 1<<31, "1970-01-01T00:00:07.5Z"},
		{"2^-63", []any{9, []byte{0x80 | 63}}, 1<<64 - 1, "1970-01-01T00:00:01.999999999Z"},
		{"offset", []any{14, offset(1700000000)}, 5, "2023-11-14T22:13:20.000005Z"},
		{"offset back", []any{14, offset(-10)}, 12000000, "1970-01-01T00:00:02Z"},
		{"among others", []any{2, []byte("eth0"), 12, []byte("Linux"), 9, []byte{0}, 1, []byte("a comment")}, 3, "1970-01-01T00:00:03Z"},
		{"behind the last option", []any{0, []byte{}, 9, []byte{0}}, 3000000, "1970-01-01T00:00:03Z"},
		{"of a strange length", []any{9, []byte{0, 0}, 14, []byte{1}}, 3000000, "1970-01-01T00:00:03Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := new(ng).begin(binary.LittleEndian).device(1, 0, tt.options...).packet(0, tt.stamp, 1, "x")
			if tt.want == "" {
				want(t, n.bytes, ErrFormat)
				return
			}
			want(t, n.bytes, io.EOF, "1 "+tt.want+` link 1 "x" of 1`)
		})
	}
}

func TestNGHostile(t *testing.T) {
	o := binary.LittleEndian
	begin := func() *ng { return new(ng).begin(o).device(1, 0).packet(0, 0, 1, "x") }
	const first = `1 1970-01-01T00:00:00Z link 1 "x" of 1`
	tests := []struct {
		name string
		data []byte
		end  error
	}{
		{"block of no length", begin().add(99, 0, 0).bytes, ErrFormat},
		{"block of 8 bytes", begin().add(99, 8, 8).bytes, ErrFormat},
		{"block of odd length", begin().add(99, 13).raw("xxxxx").bytes, ErrFormat},
		{"unknown block of 4 GB", begin().add(99, 0xfffffffc, 0).bytes, ErrCut},
		{"unknown block, other length at the end", begin().add(99, 12, 16).bytes, ErrFormat},
		{"unknown block cut before its end", begin().add(99, 16, 0).bytes, ErrCut},
		{"interface of 4 GB", begin().add(blockInterface, 0xfffffffc, 0).bytes, ErrFormat},
		{"interface without a body", begin().put(o, blockInterface).bytes, ErrFormat},
		{"interface option longer than its block", begin().put(o, blockInterface, 1, 0, 9|200<<16).bytes, ErrFormat},
		{"packet of 4 GB", begin().add(blockEnhanced, 0xfffffffc, 0).bytes, ErrFormat},
		{"packet without a body", begin().put(o, blockEnhanced, 0, 0, 0, 0).bytes, ErrFormat},
		{"packet longer than allowed", begin().put(o, blockEnhanced, 0, 0, 0, 0xffffffff, 1).bytes, ErrFormat},
		{"packet longer than its block", begin().put(o, blockEnhanced, 0, 0, 0, 1, 1).bytes, ErrFormat},
		{"packet of no interface", begin().packet(1, 0, 1, "y").bytes, ErrFormat},
		{"packet of interface 4294967295", begin().packet(0xffffffff, 0, 1, "y").bytes, ErrFormat},
		{"packet, other length at the end", append(begin().bytes, with(new(ng).begin(o).packet(0, 0, 1, "y").bytes[28:], -4)...), ErrFormat},
		{"old packet of no interface", begin().old(1, 0, "y").bytes, ErrFormat},
		{"simple packet of no interface", begin().begin(o).simple(1, "y").bytes, ErrFormat},
		{"simple packet without a body", begin().put(o, blockSimple).bytes, ErrFormat},
		{"simple packet longer than allowed", begin().simple(maxFrame+4, strings.Repeat("y", maxFrame+4)).bytes, ErrFormat},
		{"section without a byte order", begin().add(blockSection, 28, 0).bytes, ErrFormat},
		{"cut in a head", begin().add(99, 12).bytes, ErrCut},
		{"text at the end", begin().raw("and so on and on").bytes, ErrFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { want(t, tt.data, tt.end, first) })
	}
}

// with returns a copy with another byte at an offset from the end.
func with(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[len(data)+at] ^= 4
	return data
}

func TestUnknownBlocksAreSkipped(t *testing.T) {
	n := new(ng).begin(binary.LittleEndian).device(1, 0)
	n.block(10, bytes.Repeat([]byte("secret"), bufferSize)).packet(0, 0, 1, "x").put(n.order, 0xbad, 1).put(n.order, 4)
	want(t, n.bytes, io.EOF, `1 1970-01-01T00:00:00Z link 1 "x" of 1`)
}

func TestInterfacesAreBounded(t *testing.T) {
	n := new(ng).begin(binary.LittleEndian)
	for range maxInterfaces + 1 {
		n.device(1, 0)
	}
	want(t, n.bytes, ErrFormat)
}
