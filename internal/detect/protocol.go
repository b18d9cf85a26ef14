package detect

import (
	"fmt"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// protocolAbuse finds who sends what no working device would, to
// see what breaks: broken messages, floods of headers, and text that is made
// for a database, a shell, a template, a browser or a log.
//
// Each fault weighs ln(1/share of benign sources that ever show it), capped
// where none did: neither 304 kinds of real devices, nor the messages of RFC
// 4475 and RFC 5118 that must be accepted, nor the calls of four servers show
// a fault of 4.6 or more but one NUL that RFC 4475 itself escapes. What devices
// do get wrong weighs nothing: a missing last line end, bare LF, folds, a "#"
// or a blank without its escape, names with apostrophes and accents.
//
// A message counts once, by its heaviest fault: what broke one thing often
// broke the next, and a gateway that breaks every message in one way shows one
// fault and no more. A fault counts once for a source; text counts again when
// it is another text, for that is somebody trying. The sum fades with a
// half-life of a day after the last.
//
// One message that no device writes (+9.3) limits, for it may be forged. Two
// of them drop, when each came with proof of the address. A source that knew a
// password within 30 days is not looked at; the text of one whose calls the
// server lets through is not, for a carrier passes on what strangers wrote.
type protocolAbuse struct{}

// The weights that the faults have, in nats.
const (
	faultDevice   = 0.7 // ln 2: half of all old gateways do something like it
	faultRare     = 2.3 // ln 10: broken firmware or a bad ALG might
	faultStrange  = 4.6 // ln 100: not seen in benign traffic, and imaginable
	faultAttack   = 9.3 // ln 11,000: nobody writes this by accident
	faultHalfLife = 24 * time.Hour
)

// fault is something wrong in a message.
type fault struct {
	name   string
	weight float64
	class  Class
}

// faults is the table of what is wrong with a message as such, by its bit in
// event.Faults, each with its reason.
var faults = []struct {
	bit event.Faults
	fault
}{
	{event.FaultSloppy, fault{"grammar that some old device breaks as well", faultDevice, ClassMalformed}},
	{event.FaultStartLine, fault{"a first line that is not SIP/2.0's", faultRare, ClassMalformed}},
	{event.FaultMissing, fault{"a whole message without a mandatory header", faultRare, ClassMalformed}},
	{event.FaultMethod, fault{"another method in CSeq", faultRare, ClassMalformed}},
	{event.FaultNumber, fault{"a CSeq beyond 32 bits", faultStrange, ClassMalformed}},
	{event.FaultLength, fault{"a Content-Length that no datagram can have", faultStrange, ClassMalformed}},
	{event.FaultControl, fault{"control characters among the headers", faultStrange, ClassMalformed}},
	{event.FaultManyHeaders, fault{"more than 64 headers", faultRare, ClassExploit}},
	{event.FaultHeaderFlood, fault{"more than 128 headers", faultAttack, ClassExploit}},
	{event.FaultManyVias, fault{"more than 20 Vias", faultRare, ClassExploit}},
	{event.FaultViaFlood, fault{"more Vias than Max-Forwards allows", faultAttack, ClassExploit}},
	{event.FaultHugeHeader, fault{"a header of more than 8 KiB", faultAttack, ClassExploit}},
	{event.FaultTwice, fault{"a second From, To, Call-ID or CSeq", faultAttack, ClassMalformed}},
}

// charges are the faults held against a source: which it showed, by their
// place in faults and, behind those, in signs; the texts it showed lately; and
// their weight.
type charges struct {
	seen   uint64
	text   [4]uint16
	next   uint8
	weight float32
	at     int64
}

// Weigh implements Detector.
func (protocolAbuse) Weigh(s *Sight) {
	if o := s.Outcome; o != nil {
		if o.Result == event.Malformed {
			s.unread(o)
		}
		return
	}
	if s.good() {
		return
	}
	halves := 1
	if s.Event.Proof >= event.GradeB {
		halves = 2
	}
	var shown [2]*fault
	for i := range faults {
		if f := &faults[i]; s.Event.SIP.Faults&f.bit != 0 {
			for half := range halves {
				heavier(&shown[half], &f.fault, s.Case.charges[half].fresh(i))
			}
			heavier(&s.fault, &f.fault, true)
		}
	}
	if c := s.Case; c.servedAt == 0 || s.now-c.servedAt > dialFor {
		s.text(halves, &shown)
	}
	if s.fault == nil {
		return
	}
	for half := range halves {
		c := &s.Case.charges[half]
		c.charge(shown[half], s.now)
		s.faults[half] = c.value(s.now)
	}
	if shown[0] != nil {
		s.note("message: "+shown[0].name, shown[0].weight)
	}
}

// text looks for signs of injection in what the request says.
func (s *Sight) text(halves int, shown *[2]*fault) {
	e := &s.Event.SIP
	for i, field := range [...][]byte{e.FromUser, e.ToUser, e.Target, e.Auth.User, e.FromDisplay, e.UserAgent, e.CallID, e.FromTag} {
		where := whole
		if i < decodedFields {
			where = decoded
		}
		n := signOf(field, where, &s.engine.scratch)
		if n < 0 {
			continue
		}
		f := &signs[n].fault
		short := uint16(event.AccountID(field)*0x9E3779B97F4A7C15>>48) | 1
		for half := range halves {
			c := &s.Case.charges[half]
			fresh := c.fresh(len(faults) + n)
			heavier(&shown[half], f, c.other(short) || fresh)
		}
		heavier(&s.fault, f, true)
	}
}

// heavier keeps the heavier of two faults, if the second counts.
func heavier(most **fault, f *fault, counts bool) {
	if counts && (*most == nil || (*most).weight < f.weight) {
		*most = f
	}
}

// fresh notes a fault and says whether it had not been seen.
func (c *charges) fresh(place int) bool {
	had := c.seen & (1 << place)
	c.seen |= 1 << place
	return had == 0
}

// other notes a text and says whether it had not been seen lately.
func (c *charges) other(short uint16) bool {
	for _, t := range c.text {
		if t == short {
			return false
		}
	}
	c.text[c.next] = short
	c.next = (c.next + 1) % uint8(len(c.text))
	return true
}

// charge adds the heaviest new fault of a message. One that repeats what is
// known keeps it fresh.
func (c *charges) charge(f *fault, now int64) {
	if f != nil {
		c.weight = float32(c.value(now) + f.weight)
	}
	c.at = now
}

// value is what the charges weigh now.
func (c *charges) value(now int64) float64 {
	t := tally{llr: c.weight, at: c.at}
	return t.value(now, faultHalfLife)
}

// notRead is what a server's log says of a message that nobody else saw.
var notRead = fault{"messages that the server could not read", faultRare, ClassMalformed}

// unread counts a log line about a malformed message. A broken phone sends one
// now and then for ever; so only their rate counts, as that of wrong passwords
// does in guessRate.
func (s *Sight) unread(o *event.Outcome) {
	c := s.Case
	waited := 0.0
	if c.unreadAt != 0 {
		waited = time.Duration(s.now - c.unreadAt).Seconds()
	}
	moved := step(&c.unread, guessSlow, waited)
	c.unreadAt = s.now
	s.fault = &notRead
	for half := range proven(o) + 1 {
		s.faults[half] = float64(c.unread)
	}
	s.note("message: "+notRead.name, moved)
}

// proof is what this sight proves about its source.
func (s *Sight) proof() event.Grade {
	if s.Outcome != nil {
		return s.Outcome.Proof
	}
	return s.Event.Proof
}

// judgeFaults judges the faults of messages that each proved their address, and
// says whether they decide.
func (d *Engine) judgeFaults(s *Sight) bool {
	c := s.Case
	v := evidence{novel: c.novel[1].value(s.now, novelHalfLife), faults: s.faults[1], marks: min(float64(c.markWeight), markCap)}
	lnE, rule := combine(dropParts, &v)
	if lnE < DropBound || rule != "protocol" {
		return false
	}
	if c.dropped != 0 && s.now-c.dropped < dropAgain {
		return true
	}
	c.dropped = s.now
	f := s.report(s.fault.class)
	f.Rule, f.Evidence, f.Severity, f.Proof = rule, lnE, High, s.proof()
	f.Why = s.whyFaults() + "; it received our answers, so the address is real"
	return true
}

// whyFaults is the sentence about it, for people.
func (s *Sight) whyFaults() string {
	if s.Outcome != nil {
		return "it sends " + s.fault.name
	}
	return fmt.Sprintf("no working device sends what it does, last %s in %s", s.fault.name, s.Event.SIP.Method)
}
