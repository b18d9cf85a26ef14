package nft

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestHolds(t *testing.T) {
	build := func(f func(a *attributes)) attributes {
		var a attributes
		f(&a)
		return a
	}
	want := build(func(a *attributes) {
		a.text(1, "sipward")
		a.nest(2, func(a *attributes) { a.u32(1, 7); a.u32(1, 8) })
	})
	tests := []struct {
		name string
		got  attributes
		same bool
	}{
		{"nothing", nil, false},
		{"another value", build(func(a *attributes) {
			a.text(1, "other")
			a.nest(2, func(a *attributes) { a.u32(1, 7); a.u32(1, 8) })
		}), false},
		{"another value inside", build(func(a *attributes) {
			a.text(1, "sipward")
			a.nest(2, func(a *attributes) { a.u32(1, 7); a.u32(1, 9) })
		}), false},
		{"another order inside", build(func(a *attributes) {
			a.text(1, "sipward")
			a.nest(2, func(a *attributes) { a.u32(1, 8); a.u32(1, 7) })
		}), false},
		{"one less inside", build(func(a *attributes) {
			a.text(1, "sipward")
			a.nest(2, func(a *attributes) { a.u32(1, 7) })
		}), false},
		{"truncated", want[:len(want)-4], false},
		{"the same", want, true},
		{"another order, and more", build(func(a *attributes) {
			a.u64(9, 1)
			a.nest(2, func(a *attributes) { a.u32(3, 1); a.u32(1, 7); a.u32(1, 8) })
			a.text(1, "sipward")
		}), true},
	}
	for _, tt := range tests {
		if got := holds(tt.got, want); got != tt.same {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.same)
		}
	}
}

// TestLongList would lose elements in silence if it went through.
func TestLongList(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an attribute longer than its length field was written")
		}
	}()
	var a attributes
	a.nest(1, func(a *attributes) { a.bytes(1, make([]byte, 65_530)) })
}

// TestLongestChunk builds the longest list there is.
func TestLongestChunk(t *testing.T) {
	o, err := Options{Table: strings.Repeat("t", 255)}.withDefaults()
	must(t, err)
	l := newLayout(o, capability{owner: true, several: true})
	for i, s := range l.sets {
		e := element(s.set, "2001:db8::", 1<<62)
		list := make([]entry, chunk)
		for j := range list {
			list[j] = entry{from: e.Prefix.Addr(), to: e.Prefix.Addr(), port: 1, timeout: e.Timeout}
		}
		m := l.elementMessage(unix.NFT_MSG_NEWSETELEM, s, list)
		elements := find(m.Data[familyHeader:], unix.NFTA_SET_ELEM_LIST_ELEMENTS)
		if n := count(elements); n != chunk && n != 2*chunk {
			t.Errorf("set %d: %d elements in the message", i, n)
		}
	}
}

// FuzzAttributes reads what no kernel would send.
func FuzzAttributes(f *testing.F) {
	l := newLayout(Options{Table: "sipward"}, capability{owner: true, several: true})
	for _, s := range l.sets[:6] {
		f.Add([]byte(l.describe(s)))
	}
	f.Add([]byte{3, 0, 1, 0})
	f.Add([]byte{255, 255, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		for _, s := range l.sets {
			readEntry(s, data)
		}
		find(data, 1, 2, 1)
		holds(data, l.describe(l.sets[0]))
		var rest attributes
		for kind, value := range each(data) {
			rest.bytes(kind, value)
		}
		if !holds(rest, rest) || !bytes.Equal(data, before) {
			t.Errorf("%x: not equal to itself", data)
		}
	})
}
