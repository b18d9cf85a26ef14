package sip

import (
	"bytes"
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

// name holds up to 24 bytes of a header name in three words, compared and hashed without a loop over its letters. It is
// no array because the compiler keeps only structs in registers.
type name struct{ a, b, c uint64 }

const (
	nameBytes = 24
	everyByte = 0x0101010101010101
	// nameFactor spreads the known names over headerTable so that no two of them meet; found by trying.
	nameFactor = 0xefb319dfbda1be81
	slotBits   = 7
)

// nameMasks[n] keeps the first n bytes of a name.
var nameMasks = func() (m [nameBytes + 1]name) {
	for n := range m {
		m[n] = nameAt(bytes.Repeat([]byte{0xff}, n))
	}
	return m
}()

// nameAt packs the first 24 bytes of b.
func nameAt(b []byte) name {
	if len(b) < nameBytes {
		var pad [nameBytes]byte
		copy(pad[:], b)
		b = pad[:]
	}
	return name{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}
}

// first keeps the first n bytes.
func (x name) first(n int) name {
	m := &nameMasks[n]
	return name{x.a & m.a, x.b & m.b, x.c & m.c}
}

// lower folds ASCII letters. Only bytes that have bit 6 can become letters, so no other byte is taken for one.
func (x name) lower() name {
	const bit6 = 0x40 * everyByte
	return name{x.a | x.a&bit6>>1, x.b | x.b&bit6>>1, x.c | x.c&bit6>>1}
}

// slot is the place of a lower-case name in headerTable.
func (x name) slot() uint64 { return (x.a*3 + x.b*5 + x.c*7) * nameFactor >> (64 - slotBits) }

// colon returns the place of the first colon, 24 if there is none.
func (x name) colon() int {
	return bits.TrailingZeros64(colonBits(x.a) | colonBits(x.b)<<8 | colonBits(x.c)<<16 | 1<<nameBytes)
}

// colonBits has one bit for each byte of w. The lowest set bit is a colon; those above it mean nothing, which saves two
// operations compared with zeroBytes.
func colonBits(w uint64) uint64 {
	w ^= ':' * everyByte
	w = (w - everyByte) & ^w & (0x80 * everyByte)
	return w >> 7 * 0x0102040810204080 >> 56
}

type headerSlot struct {
	name   name
	header Header
}

var headerTable = func() (t [1 << slotBits]headerSlot) {
	for h, names := range headerNames {
		for _, s := range names {
			if s == "" {
				continue
			}
			n := nameAt([]byte(s))
			if t[n.slot()].header != HeaderOther {
				panic("sip: two header names share a slot, choose another nameFactor")
			}
			t[n.slot()] = headerSlot{n, Header(h)}
		}
	}
	return t
}()

// lookup returns the header that a packed name of any case stands for.
func lookup(x name) Header {
	x = x.lower()
	s := &headerTable[x.slot()]
	if x != s.name {
		return HeaderOther
	}
	return s.header
}
