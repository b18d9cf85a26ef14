package afpacket

import (
	"encoding/binary"
	"net/netip"
)

// LaneOf says on which of so many lanes the packets of a remote address
// arrive under a salt. It is what the fanout program computes, so that what is
// known of a source from elsewhere can be brought to the same lane.
func LaneOf(remote netip.Addr, lanes int, salt uint32) int {
	var hash uint32
	if remote = remote.Unmap(); remote.Is4() {
		b := remote.As4()
		hash = binary.BigEndian.Uint32(b[:])
	} else {
		b := remote.As16() // its /64
		hash = mix(binary.BigEndian.Uint32(b[:4])) ^ binary.BigEndian.Uint32(b[4:8])
	}
	return int(mix(hash^salt) % uint32(lanes))
}

// mix is lowbias32, as in the program.
func mix(a uint32) uint32 {
	a ^= a >> 16
	a *= 0x7feb352d
	a ^= a >> 15
	a *= 0x846ca68b
	return a ^ a>>16
}
