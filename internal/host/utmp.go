package host

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"runtime"
)

// utmpLayout is where a record of utmp(5) has its fields, in bytes. glibc keeps
// 32-bit times on the older architectures, so that both word sizes share one
// file; the others have a longer record.
type utmpLayout struct {
	size, address int
}

var (
	shortUtmp = utmpLayout{size: 384, address: 348}
	longUtmp  = utmpLayout{size: 400, address: 360}
)

func nativeUtmp() utmpLayout {
	if runtime.GOARCH == "arm64" {
		return longUtmp
	}
	return shortUtmp
}

// What all layouts share.
const (
	utmpLine, utmpLineEnd = 8, 40
	utmpUser, utmpUserEnd = 44, 76
	utmpHost, utmpHostEnd = 76, 332

	userProcess = 7 // somebody is logged in
)

// readUtmp gives the peers of the sessions in a utmp file. Where the record
// holds the peer's address in binary, its text, which may be a name from DNS,
// is not looked at.
func readUtmp(text []byte, layout utmpLayout) []claim {
	var claims []claim
	for ; len(text) >= layout.size && len(claims) < maxSessions; text = text[layout.size:] {
		record := text[:layout.size]
		user := cString(record[utmpUser:utmpUserEnd])
		if binary.NativeEndian.Uint16(record) != userProcess || user == "" {
			continue
		}
		address, ok := binaryAddress([16]byte(record[layout.address:]))
		if !ok {
			address, ok = literal(cString(record[utmpHost:utmpHostEnd]))
		}
		if ok && elsewhere(address) {
			claims = append(claims, claim{address, describe("ssh", user, cString(record[utmpLine:utmpLineEnd]))})
		}
	}
	return claims
}

// binaryAddress reads ut_addr_v6, in which an IPv4 address fills the first of
// four words. It is false when there is none.
func binaryAddress(b [16]byte) (netip.Addr, bool) {
	if b == [16]byte{} {
		return netip.Addr{}, false
	}
	if [12]byte(b[4:]) == [12]byte{} {
		return netip.AddrFrom4([4]byte(b[:4])), true
	}
	return netip.AddrFrom16(b).Unmap(), true
}

// cString is the text up to the first zero byte.
func cString(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text)
}
