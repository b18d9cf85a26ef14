package detect

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/event"
)

const (
	// dropAgain and limitAgain keep a source that goes on from being reported
	// with every packet; both are shorter than the shortest penalty.
	dropAgain  = int64(30 * time.Second)
	limitAgain = int64(30 * time.Second)
	// provenFor is how long an answered challenge speaks for an address.
	provenFor = int64(32 * time.Second)
)

// judge combines the evidence after a sight and reports what crossed a bound.
func (d *Engine) judge(s *Sight) {
	c, o := s.Case, s.Outcome
	switch {
	case o != nil && o.Proof > event.None && (o.Result == event.Failed || o.Result == event.UnknownUser):
		d.judgeProven(s)
		return
	case s.dial != nil && o.Proof > event.None && d.judgeProven(s):
		return
	case s.fault != nil && s.proof() >= event.GradeB && d.judgeFaults(s):
		return
	case s.good(), o != nil && !against(o.Result) && s.dial == nil && s.fault == nil:
		return
	}
	v := evidence{scan: c.scan.value(s.now, scanHalfLife), marks: float64(c.markWeight), dial: s.dialling(event.None),
		faults: s.faults[0]}
	if c.proven != 0 && s.now-c.proven < provenFor {
		v.marks = 0 // marks limit only who is unproven
	}
	lnE, rule := combine(limitParts, &v)
	whole := lnE < LimitBound && s.rotates()
	if whole {
		v.scan = s.around.scan.value(s.now, scanHalfLife)
		lnE, rule = combine(limitParts, &v)
	}
	if lnE < LimitBound || whole && !s.mayLimitHome() || !whole && !d.mayLimit(c, s.Event, rule) {
		return
	}
	f := s.report(scanClass(s, rule))
	f.Rule, f.Evidence, f.Severity, f.Proof = rule, lnE, Medium, event.None
	if !d.mute {
		f.Why = whyScan(s, rule)
	}
	if whole {
		f.Home, f.Why = homeOf(f.Source), whyHome
	}
}

// mayLimit says that a limit of an unproven source is due: it was not reported
// lately, or not yet for a reason that says more than scanning does; and there
// are not too many of them.
func (d *Engine) mayLimit(c *Case, e *event.Event, rule string) bool {
	now, back := e.Time.UnixNano(), c.limited != 0 || e.Requests >= returning
	if c.limited == 0 || now-c.limited >= limitAgain {
		c.told = 0
	} else if tellings[rule]&^c.told == 0 {
		return false
	}
	if !d.allows(e.Remote.Addr(), back, now) {
		return false
	}
	c.told |= tellings[rule]
	c.limited = now
	return true
}

// A finding about an unproven source takes one forged packet, and becomes an
// entry of the table, an element in the kernel and records on disk: whoever
// forges a new address with every packet must not be able to fill them. So
// allowanceMost may come at once and allowanceRate follow a second, in all lanes
// together; real scanners come by one in some minutes. Half of it is for who is
// back with some requests more, or was limited before, which a flood of forged
// sources has to pay for many times over; and each half has shares, by the network,
// for a flood that comes out of few.
const (
	allowanceMost   = 4096
	allowanceRate   = 50
	allowanceShares = 16
	returning       = 4
)

// allows says whether there may be one more finding about an unproven source.
func (d *Engine) allows(a netip.Addr, back bool, now int64) bool {
	network := 48
	if a.Is4() {
		network = 24
	}
	p, _ := a.WithZone("").Prefix(network) // shorter than any address
	share := d.seed.Addr(p.Addr()) % allowanceShares
	if back {
		share += allowanceShares
	}
	return d.unproven.Take(share, now)
}

// tellings gives the rules that are told although a limit stands already.
var tellings = map[string]uint8{"dialplan": 1, "protocol": 2}

// against says that a result may count against its source.
func against(r event.Result) bool {
	return r == event.Disregarded || r == event.Failed || r == event.UnknownUser
}

// judgeProven judges evidence from a source of grade C or better, and says
// whether it reported something.
func (d *Engine) judgeProven(s *Sight) bool {
	c, o := s.Case, s.Outcome
	half := proven(o)
	if half == 1 && (c.weakest == event.None || o.Proof < c.weakest) {
		c.weakest = o.Proof
	}
	if half == 1 && !s.good() {
		d.cases.Protect(s.key, holdProven)
	}
	v := evidence{novel: c.novel[half].value(s.now, novelHalfLife), guess: s.guess, rain: s.rain}
	v.dial = s.dialling(event.GradeC)
	if half == 1 {
		v.dial = s.dialling(event.GradeB)
	}
	v.marks = min(float64(c.markWeight), markCap)
	s.widen(&v)
	lnE, rule := combine(dropParts, &v)
	grade := event.GradeC
	switch {
	case half == 1 && rule == "dialplan":
		grade = s.dial.weakest()
	case half == 1:
		grade = c.weakest
		if s.subnet != nil {
			grade = s.subnet.weakest
		}
	}
	if lnE < DropBound {
		if half == 1 {
			return false
		}
		// A server's word alone is worth a limit on the way.
		if lnE, rule = combine(limitParts, &v); lnE < LimitBound || s.now-c.limited < limitAgain && c.limited != 0 {
			return false
		}
		c.limited = s.now
	} else {
		if c.dropped != 0 && s.now-c.dropped < dropAgain {
			return true
		}
		c.dropped = s.now
	}
	ports := s.ports(rule)
	f := s.report(ClassGuess)
	f.Rule, f.Evidence, f.Proof, f.Ports = rule, lnE, grade, ports
	f.Home = s.wholeHome()
	f.Account, f.Severity = o.Account, High
	switch {
	case rule == "dialplan":
		f.Class = ClassDialPlan
	case rule == "enum" && o.Result == event.Failed:
		f.Class = ClassSpray
	case rule == "enum":
		f.Class = ClassEnum
	}
	if !d.mute {
		f.Why = whyProven(s, f)
	}
	if rule == "guess" {
		s.caughtGuessing()
	}
	return true
}

// report begins a finding about the sight's source.
func (s *Sight) report(class Class) *Finding {
	f := Finding{
		Source: s.Event.Remote.Addr(), Port: s.Event.Remote.Port(), Time: s.Event.Time, Place: s.Event.Place,
		Rule: string(class), Class: class, Severity: Info, Requests: s.Event.Requests, Expires: -1,
		Accounts: int(s.Case.accounts),
	}
	if o := s.Outcome; o != nil {
		f.Source, f.Port, f.Proof, f.Account, f.Text = o.Remote, o.Port, o.Proof, o.Account, o.Text
		f.AccountID = o.AccountID
		f.Requests, f.Expires = o.Requests, o.Expires
	}
	f.KnownAccount = s.knows()
	if p := s.engine.secrets.Get(s.engine.seed.Mix(s.key, uint64(f.Port))); p != nil {
		f.GoodPort, f.SharedPort = true, p.shared
	}
	if class.Attack() && !s.engine.bare {
		f.Items = s.engine.dossiers.Items(s.key)
	}
	s.engine.findings = append(s.engine.findings, f)
	return &s.engine.findings[len(s.engine.findings)-1]
}

// scanClass names the attack by what was asked.
func scanClass(s *Sight, rule string) Class {
	method := s.Event.SIP.Method
	if s.Outcome != nil {
		method = s.Outcome.Method
	}
	switch {
	case rule == "dialplan":
		return ClassDialPlan
	case rule == "protocol":
		return s.fault.class
	case rule == "tool" && s.Event.SIP.Method != event.OPTIONS:
		return ClassScanTool
	case method == event.OPTIONS:
		return ClassScanOptions
	case method == event.INVITE:
		return ClassScanInvite
	}
	return ClassScanRegister
}

func whyScan(s *Sight, rule string) string {
	switch rule {
	case "dialplan":
		return s.whyDialled() + "; its address is not proven, so it is only limited"
	case "protocol":
		return s.whyFaults() + "; one such message proves no address, so it is only limited"
	case "tool":
		return fmt.Sprintf("its requests carry the marks of an attack tool (%s); its address is not proven, so it is only limited", s.Case.markNames())
	}
	return fmt.Sprintf("it asked for %d accounts and heeded no answer; its address is not proven, so it is only limited", s.Case.accounts)
}

func whyProven(s *Sight, f *Finding) string {
	o := s.Outcome
	proof := "the server says so, no packet was seen"
	switch {
	case f.Proof >= event.GradeB:
		proof = "it received our challenges, so the address is real"
	case !f.Text:
		proof = "others could have sent this in its name, so it is only limited"
	}
	marks := ""
	if s.Case.marks != 0 {
		marks = "; its requests carry the marks of an attack tool (" + s.Case.markNames() + ")"
	}
	switch f.Rule {
	case "dialplan":
		return s.whyDialled() + marks + "; " + proof
	case "guess":
		return fmt.Sprintf("it tried %d wrong passwords for account %q within %s%s; %s",
			s.fails(), o.Account, s.span(), marks, proof)
	}
	return fmt.Sprintf("it tried %d accounts it never registered, last %q, none right%s; %s", s.Case.accounts, o.Account, marks, proof)
}

// fails counts the wrong passwords for the outcome's account.
func (s *Sight) fails() int {
	g := s.engine.guesses.Get(s.engine.seed.Mix(s.key^uint64(proven(s.Outcome)), s.account))
	if g == nil {
		return 1
	}
	return int(g.fails)
}

// span is how long the evidence at hand reaches back.
func (s *Sight) span() time.Duration {
	oldest := s.engine.dossiers.Oldest(s.key)
	if oldest == nil {
		return 0
	}
	return s.Event.Time.Sub(oldest.Time).Round(100 * time.Millisecond)
}

// tampered reports a log line that an attacker shaped, against the packet's
// source as far as that is beyond doubt. It is no proof of anything else.
func (d *Engine) tampered(e *event.Event) {
	if c, _ := d.cases.Put(d.seed.Addr(e.Remote.Addr()), e.Time.UnixNano()); !d.mayLimit(c, e, "tampered") {
		return
	}
	d.findings = append(d.findings, Finding{
		Source: e.Remote.Addr(), Port: e.Remote.Port(), Time: e.Time, Place: e.Place, Rule: "tampered",
		Class: ClassTampered, Severity: Medium, Proof: event.None, Evidence: LimitBound, Expires: -1, Text: true,
		Requests: e.Requests, Why: "it shaped a line of the server's log: " + e.Log.Note,
	})
}
