// Package bounded holds the fixed-size memory of the river: a seeded
// set-associative table and a Bloom filter of two generations. Both are as
// large on the first packet as after ten million forged ones.
package bounded

import (
	"net/netip"

	"github.com/dchest/siphash"
)

// Seed keys every hash, so that nobody outside can choose what collides. A
// live process draws it at random; a replay hands in a fixed one.
type Seed struct{ K0, K1 uint64 }

// Addr hashes an address.
func (s Seed) Addr(a netip.Addr) uint64 {
	b := a.As16()
	return siphash.Hash(s.K0, s.K1, b[:])
}

// More hashes b on top of an earlier hash: More(More(0, a), b) differs from
// More(0, a+b), so parts cannot be shifted from one field into the next.
func (s Seed) More(earlier uint64, b []byte) uint64 {
	return siphash.Hash(s.K0^earlier, s.K1, b)
}

// Mix hashes a number on top of an earlier hash.
func (s Seed) Mix(earlier, number uint64) uint64 {
	var b [8]byte
	for i := range b {
		b[i] = byte(number >> (8 * i))
	}
	return siphash.Hash(s.K0^earlier, s.K1, b[:])
}
