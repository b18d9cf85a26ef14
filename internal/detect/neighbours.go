package detect

import (
	"net/netip"

	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
)

// neighbours adds up over an IPv6 /64 what novelIdentity and guessRate count for
// one address: a host owns the whole of it, and may guess from a new address
// each time. The steps and bounds are theirs; the larger sum of the two decides,
// which at most doubles alpha. What is not proven is summed apart, as unprovenScan
// does it, and limits the /64 for who in it is not known to be good.
//
// A /64 may also be an office. The finding names it as a whole only if three of
// its addresses are proven guessers and none ever knew a secret; else it speaks
// of the address that tried last.
type neighbours struct{}

// subnet is what the engine holds about one /64.
type subnet struct {
	novel tally
	// failed are the proven addresses that did.
	failed    bounded.Few
	goodUntil int64
	weakest   event.Grade
	// guess and rain are the sums for the account of the present sight.
	guess, rain float32
	// scan is unprovenScan's sum over strangers, the addresses that have proven
	// nothing; limited is when they were last reported together.
	scan      tally
	strangers bounded.Few
	limited   int64
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
	return d.seed.Mix(d.seed.Addr(homeOf(addr).Addr()), homeBits)
}

func homeOf(addr netip.Addr) netip.Prefix {
	p, _ := addr.WithZone("").Prefix(homeBits) // 64 bits are in every IPv6 address
	return p
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
		n.goodUntil = max(n.goodUntil, s.speaks())
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
		if n.goodUntil == 0 {
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
	n.failed.Add(s.key)
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

// scanHome counts what unprovenScan reads for the /64, too.
func (s *Sight) scanHome(step float64, identity uint64) {
	if s.home == s.key {
		return
	}
	n, _ := s.engine.subnets.Put(s.home, s.now)
	if s.around = n; step > 0 {
		n.strangers.Add(s.key)
	}
	n.scan.once(identity, step, s.now)
}

// rotates says that several unproven addresses of the /64 speak against it.
func (s *Sight) rotates() bool {
	return s.around != nil && s.around.strangers.Count() >= wholeHomeHosts
}

// mayLimitHome is mayLimit for the /64.
func (s *Sight) mayLimitHome() bool {
	n := s.around
	if n.limited != 0 && s.now-n.limited < limitAgain || !s.engine.allows(s.Event.Remote.Addr(), true, s.now) {
		return false
	}
	n.limited = s.now
	return true
}

const whyHome = "addresses of its /64 take turns and heed no answer; none is proven, so they are only limited, together"

// widen lets the sums of the /64 stand where they are larger.
func (s *Sight) widen(v *evidence) {
	if n := s.subnet; n != nil && n.failed.Count() > 1 {
		v.novel = max(v.novel, n.novel.value(s.now, novelHalfLife))
		v.guess, v.rain = max(v.guess, float64(n.guess)), max(v.rain, float64(n.rain))
	}
}

// wholeHome is the /64 to speak of as a whole; the zero Prefix if it is not.
func (s *Sight) wholeHome() (home netip.Prefix) {
	n := s.subnet
	if n == nil || n.failed.Count() < wholeHomeHosts || s.now < n.goodUntil {
		return home
	}
	return homeOf(s.Outcome.Remote)
}
