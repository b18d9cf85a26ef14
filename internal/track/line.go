package track

import (
	"math"
	"strings"

	"github.com/sipward/sipward/internal/event"
)

func (t *Tracker) noteCall(e *event.Event, key uint64, now int64) {
	c, _ := t.calls.Put(t.apart(e, t.callKey(e, e.SIP.CallID)), now)
	*c = call{at: now, request: key}
}

// callKey names a call of a source. Another source may use the same Call-ID,
// and must not get between a line and its packet.
func (t *Tracker) callKey(e *event.Event, call []byte) uint64 {
	return t.seed.More(t.seed.Addr(e.Remote.Addr()), call)
}

// callOf finds the call that a line is about: one that we saw, else one that the
// server reported as well, or what it tells twice would count twice. About an
// established connection a line is worth more than the report, and stays alone.
func (t *Tracker) callOf(e *event.Event) *call {
	if len(e.Log.CallID) == 0 {
		return nil
	}
	key := t.callKey(e, e.Log.CallID)
	if c := t.calls.Get(key); c != nil || e.Log.Transport.Connected() {
		return c
	}
	told := event.Event{Reported: true}
	return t.calls.Get(t.apart(&told, key))
}

// line takes what a log line says. A line that one of our packets explains
// only adds what the packet could not show (that the account does not exist);
// the packet names the source. A line alone is a hint of grade C, or B where
// the server writes about an established connection.
func (t *Tracker) line(e *event.Event, now int64) {
	if e.Log.Verdict == event.Tampered && e.Log.Source.IsValid() {
		t.shaped(e, now)
	}
	success := e.Log.Verdict == event.Benign && e.Log.Kind == event.AuthOK
	if e.Log.Verdict != event.Hostile && !success {
		return
	}
	if c := t.callOf(e); c != nil {
		t.join(e, c, now)
		return
	}
	if t.sees(e.Log.Transport) {
		return // we watch this transport and saw no such packet
	}
	s := t.source(e, now)
	result := lineResult(e.Log.Kind)
	if t.toldTwice(e, result, now) {
		return
	}
	s.requests++
	e.Requests = s.requests
	if result == 0 {
		return
	}
	proof := event.GradeC
	if e.Log.Transport.Connected() {
		proof = event.GradeB
	}
	var account name // a line may be long, and evidence is kept
	account.set(e.Log.User)
	t.outcomes = append(t.outcomes, event.Outcome{
		Result: result, Remote: e.Remote.Addr(), Port: e.Remote.Port(), Time: e.Time, Proof: proof,
		Account: account.String(), AccountID: event.AccountID(t.fold(e.Log.User, false)), Requests: s.requests, Expires: -1, Text: true,
	})
}

// shaped counts the request behind a line that an attacker shaped, unless its
// packet has been counted.
func (t *Tracker) shaped(e *event.Event, now int64) {
	s := t.source(e, now)
	if !t.sees(e.Log.Transport) {
		s.requests++
	}
	e.Requests = s.requests
}

// join adds what only the server knew to a request that we saw.
func (t *Tracker) join(e *event.Event, c *call, now int64) {
	r := t.requests.Get(c.request)
	s := t.sources.Get(t.seed.Addr(e.Remote.Addr()))
	if r == nil || s == nil || r.logged ||
		now-c.at > joinTime || c.at-now > joinTime {
		return
	}
	e.Requests = s.requests
	if e.Log.Kind != event.UserUnknown || r.result == event.UnknownUser {
		return
	}
	r.logged = true
	t.outcomes = append(t.outcomes, event.Outcome{
		Result: event.UnknownUser, Remote: e.Remote.Addr(), Port: r.port, Time: e.Time, Method: r.method,
		Proof: r.proof, Account: r.name.String(), AccountID: r.account, Status: int(r.status),
		Requests: s.requests, Expires: -1, Text: r.reported,
	})
}

func lineResult(kind event.LogKind) event.Result {
	switch kind {
	case event.AuthFailed, event.AdminFailed:
		return event.Failed
	case event.UserUnknown:
		return event.UnknownUser
	case event.AuthOK:
		return event.Accepted
	case event.ACLDenied, event.CallRefused, event.RequestRefused:
		return event.Refused
	case event.RequestMalformed:
		return event.Malformed
	}
	return 0
}

// telling counts the lines about one kind of event, by the channel they came from.
type telling struct {
	channel [3]uint16 // notices, security events, the server's own feed
	told    uint16
}

// toldTwice says that the line repeats what another channel of the same server
// has told: with notices and security events in one file, Asterisk writes
// every failure twice, and tells it a third time over its manager.
func (t *Tracker) toldTwice(e *event.Event, result event.Result, now int64) bool {
	key := t.seed.More(t.seed.Mix(t.seed.Addr(e.Remote.Addr()), uint64(result)), e.Log.User)
	c, _ := t.tellings.Put(key, now)
	channel := 0
	switch {
	case strings.Contains(e.Log.Rule, ".security."):
		channel = 1
	case strings.Contains(e.Log.Rule, ".ami."), strings.Contains(e.Log.Rule, ".esl."):
		channel = 2
	}
	if c.channel[channel] == math.MaxUint16 {
		*c = telling{}
	}
	c.channel[channel]++
	if c.channel[channel] <= c.told {
		return true
	}
	c.told = c.channel[channel]
	return false
}
