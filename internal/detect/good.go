package detect

import (
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// goodness notes who knew a secret, and whom our own server reaches by itself:
// its registered phones and its carriers. It is the only detector that speaks
// for a source: the policy shields known-good addresses, for 30 days after a
// right password and for a day after an answer to our server. Hearsay makes nobody
// good: a forger could be.
type goodness struct{}

const (
	// goodAgain is how often a success is worth a new finding.
	goodAgain = int64(time.Hour)
	// goodFor is how long a right password speaks for an address, and contactFor
	// how long it does for a source port, and an answer to our server for both; the
	// policy shields them for as long. Then somebody else may have the address.
	goodFor    = int64(30 * 24 * time.Hour)
	contactFor = int64(24 * time.Hour)
)

// How hard a case holds on to its place in memory. Forged packets make new
// cases without end, and they must not push out what rests on proof.
const (
	holdProven = 1
	holdGood   = 2
)

// good says that something speaks for the source.
func (s *Sight) good() bool { return s.now < s.Case.goodUntil }

// speaks is until when the outcome, a success, speaks for its source.
func (s *Sight) speaks() int64 {
	if s.Outcome.Result == event.Accepted {
		return s.now + goodFor
	}
	return s.now + contactFor
}

// Weigh implements Detector.
func (goodness) Weigh(s *Sight) {
	o := s.Outcome
	if o == nil || o.Result != event.Accepted && o.Result != event.Known || o.Proof < event.GradeC || o.Hearsay {
		return
	}
	c := s.Case
	fresh := s.account != 0 && !s.knows()
	s.goodPort()
	if s.account != 0 {
		key := s.engine.seed.Mix(s.home, s.account)
		known, _ := s.engine.secrets.Put(key, s.now)
		*known = secret{at: s.now}
		s.engine.secrets.Protect(key, holdGood)
	}
	if fresh || s.now-c.goodAt >= goodAgain {
		s.report(ClassGood)
	}
	c.goodAt, c.goodUntil = s.now, max(c.goodUntil, s.speaks())
	s.engine.cases.Protect(s.key, holdGood)
}

// Recall takes up what an earlier process knew to be good until a time: the
// accounts of an address, or one of its source ports.
func (d *Engine) Recall(from netip.AddrPort, accounts []uint64, now, until time.Time) {
	key, at := d.seed.Addr(from.Addr()), now.UnixNano()
	if port := from.Port(); port != 0 {
		p, _ := d.secrets.Put(d.seed.Mix(key, uint64(port)), at)
		*p = secret{source: key, port: port, at: until.UnixNano() - contactFor}
		return
	}
	c, _ := d.cases.Put(key, at)
	c.goodUntil = until.UnixNano()
	c.goodAt = c.goodUntil - goodFor
	d.cases.Protect(key, holdGood)
	home := d.home(from.Addr(), key)
	for _, account := range accounts {
		account = d.seed.Mix(home, account)
		known, _ := d.secrets.Put(account, at)
		known.at = max(known.at, c.goodAt)
		d.secrets.Protect(account, holdGood)
	}
	if home != key {
		n, _ := d.subnets.Put(home, at)
		n.goodUntil = max(n.goodUntil, c.goodUntil)
		d.subnets.Protect(home, holdGood)
	}
}

// secret says when a source port, or an account of a source, last knew one.
type secret struct {
	source  uint64 // of a port
	at      int64
	named   int64  // when the port was last reported
	account uint64 // the last one the port authenticated as
	port    uint16 // 0 for an account
	shared  bool   // the port has authenticated as several
}

// knows says that the source has authenticated as the outcome's account before.
// Of IPv6 the whole /64 has: its hosts change their addresses every day.
func (s *Sight) knows() bool {
	if s.account == 0 {
		return false
	}
	known := s.engine.secrets.Get(s.engine.seed.Mix(s.home, s.account))
	return known != nil && s.now-known.at < goodFor
}

// goodHere says that the outcome's port knew a secret within contactFor.
func (s *Sight) goodHere() bool {
	p := s.engine.secrets.Get(s.engine.seed.Mix(s.key, uint64(s.Outcome.Port)))
	return p != nil && s.now-p.at < contactFor
}

// goodPort notes that the outcome's port knew a secret. While others of its
// address are held, or may be, the policy must hear of it.
func (s *Sight) goodPort() {
	key := s.engine.seed.Mix(s.key, uint64(s.Outcome.Port))
	p, _ := s.engine.secrets.Put(key, s.now)
	s.engine.secrets.Protect(key, holdProven) // less than accounts: ports come and go
	p.shared = p.shared || p.account != 0 && s.account != 0 && p.account != s.account
	if s.account != 0 {
		p.account = s.account
	}
	p.source, p.port, p.at = s.key, s.Outcome.Port, s.now
	if c := s.Case; c.shielded != 0 && s.now-c.shielded < contactFor && s.now-p.named >= goodAgain {
		s.namePort(p)
	}
}

func (s *Sight) namePort(p *secret) {
	f := s.report(ClassPort)
	f.Port, f.Account, f.AccountID = p.port, "", 0
	p.named = s.now
}

// namePorts reports every port of the source that knew a secret lately. It
// walks the whole table, so it is for the rare moment in which an address
// with good phones is about to be held.
func (s *Sight) namePorts() {
	if s.Case.shielded != 0 && s.now-s.Case.shielded < goodAgain {
		return
	}
	s.Case.shielded = s.now
	s.engine.secrets.Clear(func(p *secret) bool {
		if p.source == s.key && p.port != 0 && s.now-p.at < contactFor && s.now-p.named >= goodAgain {
			s.namePort(p)
		}
		return false
	})
}
