package detect

import (
	"net/netip"

	"github.com/sipward/sipward/internal/event"
)

// neighbours adds up over an IPv6 /64 what novelIdentity and guessRate count for
// one address: a host owns the whole of it, and may guess from a new address
// each time. The steps and bounds are theirs; the larger sum of the two decides,
// which at most doubles alpha. Only what is proven counts.
//
// A /64 may also be an office. The finding names it as a whole only if three of
// its addresses are proven guessers and none ever knew a secret; else it speaks
// of the address that tried last.
type neighbours struct{}

// subnet is what the engine holds about one /64.
type subnet struct {
	novel tally
	// hosts are short hashes of the addresses that failed; a ring.
	hosts   [8]uint32
	next    uint8
	goodAt  int64
	weakest event.Grade
	// guess and rain are the sums for the account of the present sight.
	guess, rain float32
}

const (
	homeBits = 64
	// wholeHomeHosts is how many proven hosts make a finding about their /64.
	wholeHomeHosts = 3
)

// home is the key of the /64 of an address; IPv4 has none but its own.
func (d *Engine) home(addr netip.Addr, key uint64) uint64 {
	if !addr.Is6() || addr.Is4In6() {
		return key
	}
	p, _ := addr.WithZone("").Prefix(homeBits) // 64 bits are in every IPv6 address
	return d.seed.Mix(d.seed.Addr(p.Addr()), homeBits)
}

// Weigh implements Detector.
func (neighbours) Weigh(s *Sight) {
	o := s.Outcome
	if s.home == s.key || o == nil || o.Proof < event.GradeB {
		return
	}
	account := s.engine.seed.Mix(s.home, s.account)
	switch o.Result {
	case event.Accepted, event.Known:
		n, _ := s.engine.subnets.Put(s.home, s.now)
		s.engine.subnets.Protect(s.home, holdGood)
		n.goodAt = s.now
		if o.Result == event.Accepted {
			s.engine.guesses.Delete(account)
			if n.novel.novel(s.account) {
				n.novel.add(novelAccepted, s.now, novelHalfLife)
			}
		}
	case event.Failed, event.UnknownUser:
		if s.knows() || s.good() {
			return
		}
		n, _ := s.engine.subnets.Put(s.home, s.now)
		if n.goodAt == 0 {
			s.engine.subnets.Protect(s.home, holdProven)
		}
		n.fail(s, account)
		s.subnet = n
		if s.guessing != nil { // the account's sum over the /64 may have taken its place
			s.guessing = s.engine.guesses.Get(s.engine.seed.Mix(s.key^1, s.account))
		}
	}
}

// fail counts a failure of one of the hosts.
func (n *subnet) fail(s *Sight, account uint64) {
	if host := uint32(s.key) | 1; !n.holds(host) {
		n.hosts[n.next] = host
		n.next = (n.next + 1) % uint8(len(n.hosts))
	}
	if n.weakest == event.None || s.Outcome.Proof < n.weakest {
		n.weakest = s.Outcome.Proof
	}
	if n.novel.novel(s.account) {
		n.novel.add(novelFailed, s.now, novelHalfLife)
	}
	if s.Outcome.Result == event.UnknownUser && n.novel.novel(^s.account) {
		n.novel.add(novelUnknown-novelFailed, s.now, novelHalfLife)
	}
	n.guess, n.rain = 0, 0
	if s.Outcome.Result == event.Failed {
		g, _ := s.engine.guesses.Put(account, s.now)
		s.engine.guesses.Protect(account, holdProven)
		g.source = s.home
		g.add(s.now)
		n.guess, n.rain = g.slow, g.fast
	}
}

func (n *subnet) holds(host uint32) bool {
	for _, h := range n.hosts {
		if h == host {
			return true
		}
	}
	return false
}

// count is how many hosts failed, up to the size of the ring.
func (n *subnet) count() (count int) {
	for _, h := range n.hosts {
		if h != 0 {
			count++
		}
	}
	return count
}

// widen lets the sums of the /64 stand where they are larger.
func (s *Sight) widen(v *evidence) {
	if n := s.subnet; n != nil && n.count() > 1 {
		v.novel = max(v.novel, n.novel.value(s.now, novelHalfLife))
		v.guess, v.rain = max(v.guess, float64(n.guess)), max(v.rain, float64(n.rain))
	}
}

// wholeHome is the /64 to speak of as a whole; the zero Prefix if it is not.
func (s *Sight) wholeHome() (home netip.Prefix) {
	n := s.subnet
	if n == nil || n.count() < wholeHomeHosts || n.goodAt != 0 && s.now-n.goodAt < goodFor {
		return home
	}
	home, _ = s.Outcome.Remote.WithZone("").Prefix(homeBits)
	return home
}
