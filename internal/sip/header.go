package sip

import (
	"encoding/binary"
	"math/bits"
)

// Header names a header that the reader knows. All others are skipped over.
type Header uint8

// The known headers. The first ones may stand only once, up to and including HeaderServer.
const (
	HeaderOther Header = iota // any header not in this list
	HeaderFrom
	HeaderTo
	HeaderCallID
	HeaderCSeq
	HeaderMaxForwards
	HeaderContentLength
	HeaderContentType
	HeaderContentEncoding
	HeaderExpires
	HeaderMinExpires
	HeaderDate
	HeaderEvent
	HeaderReferTo
	HeaderSubject
	HeaderSessionExpires
	HeaderUserAgent
	HeaderServer
	HeaderVia
	HeaderContact
	HeaderRoute
	HeaderRecordRoute
	HeaderAuthorization
	HeaderProxyAuthorization
	HeaderWWWAuthenticate
	HeaderProxyAuthenticate
	HeaderSupported
	HeaderRequire
	HeaderAllow
	HeaderAllowEvents
	HeaderReason
	HeaderWarning
	HeaderPAssertedIdentity
	headerCount
)

// headerNames gives the full name and the compact form (RFC 3261 section 7.3.3 and the IANA registry), lower case.
var headerNames = [headerCount][2]string{
	HeaderFrom: {"from", "f"}, HeaderTo: {"to", "t"}, HeaderCallID: {"call-id", "i"}, HeaderCSeq: {"cseq"},
	HeaderMaxForwards: {"max-forwards"}, HeaderContentLength: {"content-length", "l"},
	HeaderContentType: {"content-type", "c"}, HeaderContentEncoding: {"content-encoding", "e"},
	HeaderExpires: {"expires"}, HeaderMinExpires: {"min-expires"}, HeaderDate: {"date"}, HeaderEvent: {"event", "o"},
	HeaderReferTo: {"refer-to", "r"}, HeaderSubject: {"subject", "s"}, HeaderSessionExpires: {"session-expires", "x"},
	HeaderUserAgent: {"user-agent"}, HeaderServer: {"server"}, HeaderVia: {"via", "v"}, HeaderContact: {"contact", "m"},
	HeaderRoute: {"route"}, HeaderRecordRoute: {"record-route"}, HeaderAuthorization: {"authorization"},
	HeaderProxyAuthorization: {"proxy-authorization"}, HeaderWWWAuthenticate: {"www-authenticate"},
	HeaderProxyAuthenticate: {"proxy-authenticate"}, HeaderSupported: {"supported", "k"}, HeaderRequire: {"require"},
	HeaderAllow: {"allow"}, HeaderAllowEvents: {"allow-events", "u"}, HeaderReason: {"reason"},
	HeaderWarning: {"warning"}, HeaderPAssertedIdentity: {"p-asserted-identity"},
}

// A name of up to 24 bytes is three words of eight, compared and hashed without a loop over its letters.
type name [3]uint64

const (
	nameBytes = 24
	everyByte = 0x0101010101010101
	colons    = ':' * everyByte
)

// nameMasks[n] keeps the first n bytes of a name.
var nameMasks = func() (m [nameBytes + 1]name) {
	for n := range m {
		for i := range n {
			m[n][i/8] |= 0xff << (8 * (i % 8))
		}
	}
	return m
}()

// lower folds ASCII letters. Only bytes that have bit 6 can become letters, so no other byte is taken for one.
func (n *name) lower() name {
	const bit6 = 0x40 * everyByte
	return name{n[0] | n[0]&bit6>>1, n[1] | n[1]&bit6>>1, n[2] | n[2]&bit6>>1}
}

// slot is the place of a lower-case name in headerTable; its constants were chosen so that no two known names meet.
func (n *name) slot() uint64 {
	return (n[0]*3 + n[1]*5 + n[2]*7) * nameFactor >> (64 - 7)
}

const nameFactor = 0xefb319dfbda1be81

type headerSlot struct {
	name   name
	header Header
}

var headerTable = func() (t [1 << 7]headerSlot) {
	for h, names := range headerNames {
		for _, s := range names {
			if s == "" {
				continue
			}
			n := nameOf([]byte(s))
			if t[n.slot()].header != HeaderOther {
				panic("sip: two header names share a slot, choose another nameFactor")
			}
			t[n.slot()] = headerSlot{n, Header(h)}
		}
	}
	return t
}()

// nameOf packs up to 24 bytes.
func nameOf(b []byte) (n name) {
	var pad [nameBytes]byte
	copy(pad[:], b)
	for i := range n {
		n[i] = binary.LittleEndian.Uint64(pad[8*i:])
	}
	return n
}

// colonMask has bit 7 set in the first byte of w that is a colon; bits above that one mean nothing.
func colonMask(w uint64) uint64 {
	w ^= colons
	return (w - everyByte) & ^w & (0x80 * everyByte)
}

// findColon returns the place of the first colon in n, or 24 or more.
func findColon(n *name) int {
	c0, c1, c2 := colonMask(n[0]), colonMask(n[1]), colonMask(n[2])
	switch {
	case c0 != 0:
		return bits.TrailingZeros64(c0) / 8
	case c1 != 0:
		return 8 + bits.TrailingZeros64(c1)/8
	}
	return 16 + bits.TrailingZeros64(c2)/8
}

// lookup returns the header that a packed name of any case stands for.
func lookup(n *name) Header {
	l := n.lower()
	s := &headerTable[l.slot()]
	if l != s.name {
		return HeaderOther
	}
	return s.header
}
