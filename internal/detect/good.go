package detect

import (
	"math/bits"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// goodness notes who knew a secret, and whom our own server reaches by itself:
// its registered phones and its carriers. It is the only detector that speaks
// for a source: the policy shields known-good addresses, for 30 days after a
// right password and for a day after an answer to our server.
type goodness struct{}

const (
	// goodAgain is how often a success is worth a new finding.
	goodAgain = int64(time.Hour)
	// goodFor is how long a success speaks for an address; the policy shields it
	// for as long. Then somebody else may have the address.
	goodFor = int64(30 * 24 * time.Hour)
)

// How hard a case holds on to its place in memory. Forged packets make new
// cases without end, and they must not push out what rests on proof.
const (
	holdProven = 1
	holdGood   = 2
)

// good says that the source knew a secret within goodFor.
func (s *Sight) good() bool { return s.Case.goodAt != 0 && s.now-s.Case.goodAt < goodFor }

// Weigh implements Detector.
func (goodness) Weigh(s *Sight) {
	o := s.Outcome
	if o == nil || o.Result != event.Accepted && o.Result != event.Known || o.Proof < event.GradeC {
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
	c.goodAt = s.now
	s.engine.cases.Protect(s.key, holdGood)
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

// portFor is how long a success speaks for its source port.
const portFor = int64(24 * time.Hour)

// knows says that the source has authenticated as the outcome's account before.
// Of IPv6 the whole /64 has: its hosts change their addresses every day.
func (s *Sight) knows() bool {
	if s.account == 0 {
		return false
	}
	known := s.engine.secrets.Get(s.engine.seed.Mix(s.home, s.account))
	return known != nil && s.now-known.at < goodFor
}

// goodHere says that the outcome's port knew a secret within portFor.
func (s *Sight) goodHere() bool {
	p := s.engine.secrets.Get(s.engine.seed.Mix(s.key, uint64(s.Outcome.Port)))
	return p != nil && s.now-p.at < portFor
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
	if c := s.Case; c.shielded != 0 && s.now-c.shielded < portFor && s.now-p.named >= goodAgain {
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
		if p.source == s.key && p.port != 0 && s.now-p.at < portFor && s.now-p.named >= goodAgain {
			s.namePort(p)
		}
		return false
	})
}

// portSet counts different source ports, about: a bit for each, by hash.
type portSet struct {
	bits uint64
	from int64 // when counting began
}

// add counts a port, and begins anew after a day.
func (p *portSet) add(port uint16, now int64) {
	if p.from == 0 || now-p.from >= int64(24*time.Hour) {
		*p = portSet{from: now}
	}
	p.bits |= 1 << (uint64(port) * 0x9E3779B97F4A7C15 >> 58)
}

// size is how many there are, or a few less.
func (p *portSet) size() int { return bits.OnesCount64(p.bits) }
