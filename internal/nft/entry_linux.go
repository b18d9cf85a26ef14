package nft

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// chunk is how many elements go into one message. The list's length is a
// 16-bit number; an IPv6 range with its timeout, the longest, takes 88 bytes.
const chunk = 500

// An entry is what the kernel stores for an element: one key, or the two ends
// of a range.
type entry struct {
	from, to netip.Addr // to: ranges only, included
	port     uint16     // pairs only
	timeout  time.Duration
}

// write appends the entry to a list of elements. Without timed, it names the
// element only.
func (e entry) write(list *attributes, s kernelSet, timed bool) {
	list.nest(unix.NFTA_LIST_ELEM, func(a *attributes) {
		writeKey(a, e.key(s))
		if timed && e.timeout > 0 {
			// The kernel counts in milliseconds and takes 0 for "never". Saying
			// what is left as well makes it refresh an element it already has.
			left := uint64(max(e.timeout.Milliseconds(), 1))
			a.u64(unix.NFTA_SET_ELEM_TIMEOUT, left)
			a.u64(unix.NFTA_SET_ELEM_EXPIRATION, left)
		}
	})
	if s.shape != ranges {
		return
	}
	// A range ends where the next address would begin; one that reaches the
	// last address has no end.
	if after := e.to.Next(); after.IsValid() {
		list.nest(unix.NFTA_LIST_ELEM, func(a *attributes) {
			writeKey(a, after.AsSlice())
			a.u32(unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END)
		})
	}
}

func writeKey(a *attributes, key []byte) {
	a.nest(unix.NFTA_SET_ELEM_KEY, func(a *attributes) { a.bytes(unix.NFTA_DATA_VALUE, key) })
}

// key returns the entry's key as the packet's bytes will look.
func (e entry) key(s kernelSet) []byte {
	key := e.from.AsSlice()
	if s.shape == pairs {
		key = binary.BigEndian.AppendUint16(key, e.port)
		key = append(key, 0, 0)
	}
	return key
}

// elementMessage makes the message that adds or deletes entries of a set.
func (l *layout) elementMessage(kind uint16, s kernelSet, entries []entry) netlink.Message {
	const most = 56 // of bytes for one source, but for a range of IPv6
	a := append(make(attributes, 0, most*len(entries)+128), l.begin(unix.NFTA_SET_ELEM_LIST_TABLE)...)
	a.text(unix.NFTA_SET_ELEM_LIST_SET, s.name)
	a.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(a *attributes) {
		for _, e := range entries {
			e.write(a, s, kind == unix.NFT_MSG_NEWSETELEM)
		}
	})
	if kind == unix.NFT_MSG_NEWSETELEM {
		return message(kind, netlink.Create, a)
	}
	return message(kind, 0, a)
}

// A kernelEntry is an element as a dump shows it: one key with its state.
type kernelEntry struct {
	addr    netip.Addr
	port    uint16
	end     bool // the address after a range
	timeout time.Duration
	expires time.Duration
	count   Count
}

// readEntry reads one element of a dump.
func readEntry(s kernelSet, list []byte) (kernelEntry, bool) {
	var k kernelEntry
	for kind, value := range each(list) {
		switch kind {
		case unix.NFTA_SET_ELEM_KEY:
			key := find(value, unix.NFTA_DATA_VALUE)
			if s.shape == pairs && len(key) > 4 {
				k.port = binary.BigEndian.Uint16(key[len(key)-4:])
				key = key[:len(key)-4]
			}
			k.addr, _ = netip.AddrFromSlice(key)
		case unix.NFTA_SET_ELEM_FLAGS:
			k.end = number32(value)&unix.NFT_SET_ELEM_INTERVAL_END != 0
		case unix.NFTA_SET_ELEM_TIMEOUT:
			k.timeout = time.Duration(number64(value)) * time.Millisecond
		case unix.NFTA_SET_ELEM_EXPIRATION:
			k.expires = time.Duration(number64(value)) * time.Millisecond
		case unix.NFTA_SET_ELEM_EXPR:
			k.count.read(value)
		case elementAttrExprs:
			for _, expression := range each(value) {
				k.count.read(expression)
			}
		}
	}
	return k, k.addr.IsValid()
}

// read takes the figures of an expression if it is a counter.
func (c *Count) read(expression []byte) {
	if text(find(expression, unix.NFTA_EXPR_NAME)) != "counter" {
		return
	}
	data := find(expression, unix.NFTA_EXPR_DATA)
	c.Packets += number64(find(data, unix.NFTA_COUNTER_PACKETS))
	c.Bytes += number64(find(data, unix.NFTA_COUNTER_BYTES))
}

// state makes the public form of a dumped element of a set without ranges.
func (k kernelEntry) state(s kernelSet) ElementState {
	bits := k.addr.BitLen()
	if s.shape == subnets {
		bits = subnet6
	}
	return ElementState{
		Element: Element{Set: s.set, Prefix: netip.PrefixFrom(k.addr, bits), Port: k.port, Timeout: k.timeout},
		Expires: k.expires,
		Count:   k.count,
	}
}
