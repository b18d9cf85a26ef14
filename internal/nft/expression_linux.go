package nft

import (
	"time"

	"golang.org/x/sys/unix"
)

// The registers that rules compute in. An IPv6 address fills one of the wide
// ones; the parts of a concatenated key follow each other.
const (
	registerVerdict = unix.NFT_REG_VERDICT
	register        = unix.NFT_REG_1
	registerAfter4  = unix.NFT_REG32_01 // right after 4 bytes in register
	registerAfter16 = unix.NFT_REG_2    // right after 16 bytes in register
)

// expression writes one expression of a rule or of a set element into list.
func expression(list *attributes, kind uint16, name string, fill func(*attributes)) {
	list.nest(kind, func(a *attributes) {
		a.text(unix.NFTA_EXPR_NAME, name)
		a.nest(unix.NFTA_EXPR_DATA, fill)
	})
}

// A rule is the list of its expressions, each of which narrows the match or
// does something.
type rule attributes

func (r *rule) add(name string, fill func(*attributes)) {
	expression((*attributes)(r), unix.NFTA_LIST_ELEM, name, fill)
}

// meta loads a property of the packet: its family or its transport protocol.
func (r *rule) meta(key uint32) {
	r.add("meta", func(a *attributes) {
		a.u32(unix.NFTA_META_KEY, key)
		a.u32(unix.NFTA_META_DREG, register)
	})
}

// equal goes on only if the register holds value.
func (r *rule) equal(value ...byte) {
	r.add("cmp", func(a *attributes) {
		a.u32(unix.NFTA_CMP_SREG, register)
		a.u32(unix.NFTA_CMP_OP, unix.NFT_CMP_EQ)
		a.nest(unix.NFTA_CMP_DATA, func(a *attributes) { a.bytes(unix.NFTA_DATA_VALUE, value) })
	})
}

// payload loads bytes of the packet.
func (r *rule) payload(base, offset, size, into uint32) {
	r.add("payload", func(a *attributes) {
		a.u32(unix.NFTA_PAYLOAD_DREG, into)
		a.u32(unix.NFTA_PAYLOAD_BASE, base)
		a.u32(unix.NFTA_PAYLOAD_OFFSET, offset)
		a.u32(unix.NFTA_PAYLOAD_LEN, size)
	})
}

// mask keeps the bits of the register that are set in mask.
func (r *rule) mask(mask []byte) {
	r.add("bitwise", func(a *attributes) {
		a.u32(unix.NFTA_BITWISE_SREG, register)
		a.u32(unix.NFTA_BITWISE_DREG, register)
		a.u32(unix.NFTA_BITWISE_LEN, uint32(len(mask)))
		a.nest(unix.NFTA_BITWISE_MASK, func(a *attributes) { a.bytes(unix.NFTA_DATA_VALUE, mask) })
		a.nest(unix.NFTA_BITWISE_XOR, func(a *attributes) { a.bytes(unix.NFTA_DATA_VALUE, make([]byte, len(mask))) })
	})
}

// lookup goes on only if the set holds what starts at the register. If the
// element found has a limit, also only if that limit is exceeded.
func (r *rule) lookup(set string) {
	r.add("lookup", func(a *attributes) {
		a.text(unix.NFTA_LOOKUP_SET, set)
		a.u32(unix.NFTA_LOOKUP_SREG, register)
	})
}

// count counts the packets that come this far.
func (r *rule) count() { r.add("counter", func(*attributes) {}) }

// verdict ends the rule.
func (r *rule) verdict(code uint32, chain string) {
	r.add("immediate", func(a *attributes) {
		a.u32(unix.NFTA_IMMEDIATE_DREG, registerVerdict)
		a.nest(unix.NFTA_IMMEDIATE_DATA, func(a *attributes) {
			a.nest(unix.NFTA_DATA_VERDICT, func(a *attributes) {
				a.u32(unix.NFTA_VERDICT_CODE, code)
				if chain != "" {
					a.text(unix.NFTA_VERDICT_CHAIN, chain)
				}
			})
		})
	})
}

const (
	verdictDrop   = 0
	verdictAccept = 1
	// verdictGoto is NFT_GOTO, -4.
	verdictGoto = 0xfffffffc
)

// overLimit is a token bucket that matches what is too much for it.
func overLimit(list *attributes, kind uint16, r Rate) {
	expression(list, kind, "limit", func(a *attributes) {
		a.u64(unix.NFTA_LIMIT_RATE, uint64(r.Packets))
		a.u64(unix.NFTA_LIMIT_UNIT, uint64(r.Per/time.Second))
		a.u32(unix.NFTA_LIMIT_BURST, r.Burst)
		a.u32(unix.NFTA_LIMIT_TYPE, unix.NFT_LIMIT_PKTS)
		a.u32(unix.NFTA_LIMIT_FLAGS, unix.NFT_LIMIT_F_INV)
	})
}

// counter is a counter for a set's elements.
func counter(list *attributes, kind uint16) {
	expression(list, kind, "counter", func(*attributes) {})
}
