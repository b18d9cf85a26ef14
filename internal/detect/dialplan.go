package detect

import (
	"fmt"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// dialPlan finds who tries one number behind one prefix after the
// other (00, 011, 9, 900, +, 810 …), looking for the one that gets a call out
// at the owner's cost.
//
// The last eight digits dialled name the number: eight, because the shortest
// national numbers have so many, while numbers that agree in eight by chance
// are one in a hundred million. All in front of them is the prefix; whatever
// people write between digits for the eye (+44 20-7183…) is left out first.
// A prefix counts when the server turned the call away (403, 404, 410, 484,
// 603, 604, or "extension not found" in its log), and just as much when it
// asked for a password and never got one.
//
//	second prefix of a number      ln(0.99/0.01)     = +4.6
//	third, fourth … up to sixth    ln(0.99/0.00009)  = +9.3 each
//	a call that was let through    ln(0.05/0.90)     = -2.89, four at most
//
// A user mistypes one number in two ways, a carrier tries again in the other
// of its two forms; a third refused form of one number, from somebody who
// never knew a password, was in no benign traffic. So the third decides: with
// proof it drops, without it limits. Calls that are let through without a
// password speak for a carrier, of whose calls some go nowhere.
//
// Nothing counts against a source that knew a password within 30 days, and
// whoever answers the challenge is a user who dials. What the forms of one
// number say is forgotten a day after the last. A number tried from many
// addresses, one prefix each, is not seen.
type dialPlan struct{}

const (
	dialSecond = 4.595
	dialThird  = 9.306
	dialServed = -2.890
	// mostServed is how many served calls speak for a source.
	mostServed = 4
	dialFor    = int64(24 * time.Hour)
	// numberDigits is how many digits name a number.
	numberDigits = 8
)

// dialling is what a source dialled and has no answer to yet: the key of the
// number, and its prefix.
type dialling struct {
	number uint64
	prefix uint16
}

// dialled is the state of one (source, number): the forms in which it was
// refused, each with the best proof of one such request.
type dialled struct {
	source uint64
	at     int64
	form   [6]form
	n      uint8
}

type form struct {
	prefix uint16
	proof  event.Grade
}

// Weigh implements Detector.
func (dialPlan) Weigh(s *Sight) {
	switch o := s.Outcome; {
	case s.good():
	case o == nil:
		s.dials()
	case o.Result == event.Served:
		s.Case.serve(s)
	case o.Text && o.Result == event.Refused && s.Event.Log.Kind == event.CallRefused:
		if number, prefix, ok := splitNumber(s.Event.Log.Number); ok {
			s.refused(dialling{number: s.engine.seed.Mix(s.key, number), prefix: prefix})
		}
	case o.Method == event.INVITE:
		s.dialEnds(o)
	}
}

// dials notes what an INVITE dials. The outcome will name the account only,
// shortened for people; the number is at the end of it.
func (s *Sight) dials() {
	e := s.Event
	if e.SIP.Method != event.INVITE || e.Account == 0 || len(e.SIP.ToTag) > 0 || e.Echoes {
		return
	}
	number, prefix, ok := splitNumber(e.SIP.Target)
	if !ok {
		return
	}
	d, _ := s.engine.diallings.Put(s.engine.seed.Mix(s.key, e.Account), s.now)
	*d = dialling{number: s.engine.seed.Mix(s.key, number), prefix: prefix}
}

// dialEnds takes how such a call ended.
func (s *Sight) dialEnds(o *event.Outcome) {
	d := s.engine.diallings.Get(s.engine.seed.Mix(s.key, s.account))
	if d == nil {
		return
	}
	switch {
	case o.Result == event.Followed, o.Result == event.Accepted:
		s.engine.numbers.Delete(d.number)
	case o.Result == event.Disregarded, turnedAway(o.Status):
		s.refused(*d)
	case o.Result == event.Challenged && o.Proof > event.None:
		// The challenge has arrived. After two that were left lying for this very
		// number nobody waits to see a third one left.
		if n := s.engine.numbers.Get(d.number); n != nil && n.forms(o.Proof) >= 2 {
			s.refused(*d)
		}
	}
}

// turnedAway says that the status refuses the number dialled, and not the
// request or the moment.
func turnedAway(status int) bool {
	switch status {
	case 403, 404, 410, 484, 603, 604:
		return true
	}
	return false
}

// refused counts one more form of a number, or better proof of one.
func (s *Sight) refused(d dialling) {
	n, _ := s.engine.numbers.Put(d.number, s.now)
	if s.now-n.at > dialFor {
		*n = dialled{source: s.key}
	}
	n.at = s.now
	proof := s.Outcome.Proof
	if proof >= event.GradeB {
		s.engine.numbers.Protect(d.number, holdProven)
	}
	before := n.evidence(event.None)
	i := 0
	for i < int(n.n) && n.form[i].prefix != d.prefix {
		i++
	}
	if i == len(n.form) {
		return
	}
	n.n = max(n.n, uint8(i+1))
	n.form[i] = form{d.prefix, max(n.form[i].proof, proof)}
	s.dial = n
	if step := n.evidence(event.None) - before; step > 0 {
		s.note(fmt.Sprintf("number behind prefix %d: %v", n.n, s.Outcome.Result), step)
	}
}

// forms counts the forms with at least this proof.
func (n *dialled) forms(least event.Grade) (count int) {
	for _, f := range n.form[:n.n] {
		if f.proof >= least {
			count++
		}
	}
	return count
}

// weakest is the lowest proof among the forms of grade B and better.
func (n *dialled) weakest() event.Grade {
	weakest := event.GradeA
	for _, f := range n.form[:n.n] {
		if f.proof >= event.GradeB {
			weakest = min(weakest, f.proof)
		}
	}
	return weakest
}

// evidence is what the forms with at least this proof say, in nats.
func (n *dialled) evidence(least event.Grade) float64 {
	if count := n.forms(least); count >= 2 {
		return dialSecond + float64(count-2)*dialThird
	}
	return 0
}

// dialling is what the number of this sight says against the source.
func (s *Sight) dialling(least event.Grade) float64 {
	if s.dial == nil {
		return 0
	}
	return max(0, s.dial.evidence(least)+float64(s.Case.served)*dialServed)
}

// serve notes a call that the server let through; each number counts once in a
// row, and a day without any takes them all back.
func (c *Case) serve(s *Sight) {
	if c.servedAt != 0 && s.now-c.servedAt > dialFor {
		c.served = 0
	}
	if short := uint32(s.account); short != c.servedLast || c.served == 0 {
		c.served = min(c.served+1, mostServed)
		c.servedLast = short
	}
	c.servedAt = s.now
}

// splitNumber takes a dialled user part apart: a hash of its last eight digits
// and one of the prefix before them. Parameters of the user part (RFC 3966,
// ";phone-context=") and visual separators do not count. It is not ok if it
// ends in fewer digits.
func splitNumber(user []byte) (number uint64, prefix uint16, ok bool) {
	end := 0
	for end < len(user) && user[end] != ';' && user[end] != ',' {
		end++
	}
	var digits [numberDigits]byte
	i, left := end, numberDigits
	for left > 0 {
		if i--; i < 0 {
			return 0, 0, false
		}
		switch c := user[i]; {
		case '0' <= c && c <= '9':
			left--
			digits[left] = c
		case !separator(c):
			return 0, 0, false
		}
	}
	hash := event.AccountID(nil)
	for _, c := range user[:i] {
		if !separator(c) {
			hash = (hash ^ uint64(c)) * 0x9E3779B97F4A7C15
			hash ^= hash >> 29
		}
	}
	return event.AccountID(digits[:]), uint16(hash >> 13), true
}

// separator says that people write c between digits for the eye (RFC 3966 3).
func separator(c byte) bool {
	return c == '-' || c == '.' || c == '(' || c == ')' || c == ' '
}

// whyDialled is the sentence about it, for people.
func (s *Sight) whyDialled() string {
	if s.dial == nil {
		return "it looks for a prefix that gets calls out"
	}
	return fmt.Sprintf("it dialled one number behind %d prefixes, last %q, and none was let through", s.dial.n, s.lastDialled())
}

// lastDialled is what it dialled last, as text.
func (s *Sight) lastDialled() string {
	if s.Outcome.Text {
		return string(s.Event.Log.Number)
	}
	return s.Outcome.Account
}
