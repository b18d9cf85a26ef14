package nft

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"

	"golang.org/x/sys/unix"
)

// attributes is a list of netlink attributes being written. Netfilter puts
// numbers in network byte order; only the attribute's own header is native.
type attributes []byte

const attributeHeader = 4

// bytes writes one attribute.
func (a *attributes) bytes(kind uint16, value []byte) {
	start := len(*a)
	*a = append(*a, 0, 0, 0, 0)
	*a = append(*a, value...)
	a.finish(start, kind)
}

func (a *attributes) text(kind uint16, value string) {
	a.bytes(kind, append([]byte(value), 0))
}

func (a *attributes) u32(kind uint16, value uint32) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], value)
	a.bytes(kind, b[:])
}

func (a *attributes) u64(kind uint16, value uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], value)
	a.bytes(kind, b[:])
}

// nest writes one attribute whose value is the list that fill writes.
func (a *attributes) nest(kind uint16, fill func(*attributes)) {
	start := len(*a)
	*a = append(*a, 0, 0, 0, 0)
	fill(a)
	a.finish(start, kind|unix.NLA_F_NESTED)
}

// finish writes the header of the attribute that began at start and pads it.
func (a *attributes) finish(start int, kind uint16) {
	size := len(*a) - start
	if size > 0xffff {
		// A longer one would be cut silently by its 16-bit length: elements
		// would be lost without an error. Lists are split long before this.
		panic("nft: netlink attribute longer than 65535 bytes")
	}
	binary.NativeEndian.PutUint16((*a)[start:], uint16(size))
	binary.NativeEndian.PutUint16((*a)[start+2:], kind)
	for len(*a)%4 != 0 {
		*a = append(*a, 0)
	}
}

// each yields the attributes of a received list as (kind, value). It stops
// at the first one that does not fit.
func each(list []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(list) >= attributeHeader {
			size := int(binary.NativeEndian.Uint16(list))
			kind := binary.NativeEndian.Uint16(list[2:])
			if size < attributeHeader || size > len(list) {
				return
			}
			if !yield(kind&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), list[attributeHeader:size]) {
				return
			}
			list = list[min((size+3)&^3, len(list)):]
		}
	}
}

// find returns the value at the path of attribute kinds, nil if there is none.
func find(list []byte, path ...uint16) []byte {
	for _, want := range path {
		var found []byte
		for kind, value := range each(list) {
			if kind == want {
				found = value
				break
			}
		}
		list = found
	}
	return list
}

// number32 reads a number in network byte order. What is too short is 0, as
// what is missing: the kernel leaves out what does not apply.
func number32(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

func number64(value []byte) uint64 {
	if len(value) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}

// text reads a name, which the kernel ends with a zero byte.
func text(value []byte) string {
	return string(bytes.TrimRight(value, "\x00"))
}

// holds says whether got has everything that want, a list written by us, has:
// the same attributes with the same values, in the same order where a kind
// repeats. The kernel adds attributes of its own (handles, use counts), which
// do not matter.
func holds(got, want []byte) bool {
	var kinds []uint16
	var values [][]byte
	for kind, value := range each(got) {
		kinds, values = append(kinds, kind), append(values, value)
	}
	for len(want) >= attributeHeader {
		size := int(binary.NativeEndian.Uint16(want))
		kind := binary.NativeEndian.Uint16(want[2:])
		value := want[attributeHeader:size]
		want = want[min((size+3)&^3, len(want)):]

		i := slices.Index(kinds, kind&^unix.NLA_F_NESTED)
		if i < 0 {
			return false
		}
		// Only our own writing tells a list from a value.
		same := bytes.Equal(values[i], value)
		if kind&unix.NLA_F_NESTED != 0 {
			same = holds(values[i], value)
		}
		if !same {
			return false
		}
		kinds, values = slices.Delete(kinds, i, i+1), slices.Delete(values, i, i+1)
	}
	return true
}

// count returns how many attributes a list has.
func count(list []byte) int {
	n := 0
	for range each(list) {
		n++
	}
	return n
}
