// Package track pairs SIP requests with their replies, so that the river
// reasons about outcomes ("wrong password", "accepted") and not about
// packets, and finds out what each request proves about its source address.
//
// A Tracker belongs to one lane and needs no lock: both directions of a
// remote address always reach the same lane.
package track

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
)

const (
	// answerTime is how long a request may stay without a final reply: timer F,
	// 64 x T1 (RFC 3261 17.1.2.2).
	answerTime = int64(32 * time.Second)
	// proofPeriod makes a nonce or tag of ours count for 16 to 32 s after it
	// left: a phone answers within a round trip, and an old nonce may have been
	// read by somebody else.
	proofPeriod = int64(16 * time.Second)
	// reactTime is how long a challenge may lie unheeded, while the very port it
	// went to already asks for another account, before that is held against the
	// source. It only has to outlast the moment in which a client with many
	// accounts speaks before the first reply is on the wire; a challenge answered
	// later takes the reproach back (Followed).
	reactTime = int64(4 * time.Millisecond)
	// roundTrip is the same where another port asks: many phones behind one
	// address start together, and each needs a round trip to answer.
	roundTrip = int64(300 * time.Millisecond)
	// joinTime is how far apart a log line and its packet may be.
	joinTime = int64(2 * time.Second)
)

// Options sizes a Tracker.
type Options struct {
	Seed bounded.Seed
	// Lanes is how many trackers share the machine's memory; each takes its part.
	Lanes int
	// Wire says that packets are captured too: a log line about a transport we
	// can see then counts only when it joins a packet.
	Wire bool
	// Nonces is what the lanes know together; nil makes one of its own.
	Nonces *Nonces
}

// Tracker remembers open requests, what our replies contained, and who heeded
// them. Its memory is fixed when it is made.
type Tracker struct {
	seed     bounded.Seed
	wire     bool
	sources  *bounded.Table[source]
	requests *bounded.Table[request]
	calls    *bounded.Table[call]
	tellings *bounded.Table[telling]
	proofs   *bounded.Generations
	waiting  queue
	nonces   *Nonces
	tags     tagWatch
	outcomes []event.Outcome
	// spelled is room to fold a name in; a message bounds its size.
	spelled []byte
}

// New makes a Tracker. With one lane it takes about 60 MB, and never more.
func New(o Options) *Tracker {
	lanes := max(o.Lanes, 1)
	if o.Nonces == nil {
		o.Nonces = NewNonces()
	}
	return &Tracker{
		nonces:   o.Nonces,
		seed:     o.Seed,
		wire:     o.Wire,
		sources:  bounded.NewTable[source](32768 / lanes),
		requests: bounded.NewTable[request](65536 / lanes),
		calls:    bounded.NewTable[call](65536 / lanes),
		tellings: bounded.NewTable[telling](16384 / lanes),
		proofs:   bounded.NewGenerations(8<<20/lanes, proofPeriod),
		waiting:  queue{ring: make([]waiter, 65536/lanes)},
	}
}

// source is what the tracker holds about one remote address.
type source struct {
	requests uint32
	last     uint64        // key of its latest request
	open     [16]challenge // challenges it has not heeded yet; a ring
	next     uint8
}

// challenge is a reply of ours that a well-meaning client reacts to.
type challenge struct {
	at      int64
	account uint64 // event.AccountID, 0 in an empty slot
	call    uint32 // short hash of the Call-ID
	nonce   uint32 // short hash of the nonce it asks for
	port    uint16
	method  event.Method
	proof   event.Grade // what its ACK proves: that the reply arrived
	counted bool        // already reported as Disregarded
	name    shortName
}

// request is one open or settled transaction of a remote address.
type request struct {
	at       int64
	content  uint64 // tells a retransmission from another try under the same ids
	account  uint64
	call     uint32 // short hash of the Call-ID
	branch   uint32 // short hash of the branch
	target   uint32 // short hash of the target
	name     name
	remote   [16]byte
	port     uint16
	attempts uint8 // tries without a final reply
	cancels  uint8 // CANCELs without a reply
	method   event.Method
	proof    event.Grade
	result   event.Result
	status   uint16
	creds    bool
	echoes   bool // the credentials repeat a nonce of ours
	asked    bool // the credentials answer a challenge of this very request
	checked  bool // they answer one of PJSIP's
	tagged   bool // it came with a To-tag, on any of its tries
	logged   bool // a log line about it has been counted
	reported bool // no packet of it was seen
	mixed    bool // its ids stand for several targets, or are not its own
}

// call finds the transaction that a log line speaks of.
type call struct {
	at      int64
	request uint64 // key in requests
}

// name and shortName are account names of bounded length without a pointer,
// for people to read; event.AccountID tells longer ones apart.
type (
	name      struct{ text [32]byte }
	shortName struct{ text [16]byte }
)

func (n *name) set(b []byte) { clear(n.text[copy(n.text[:], b):]) }

// String gives the account as text.
func (n *name) String() string { return string(bytes.TrimRight(n.text[:], "\x00")) }

// String gives the account as text.
func (n *shortName) String() string { return string(bytes.TrimRight(n.text[:], "\x00")) }

// Gauges says how full the tables are; for the lane's own goroutine.
func (t *Tracker) Gauges() []bounded.Gauge {
	return []bounded.Gauge{
		t.sources.Gauge("sources"), t.requests.Gauge("requests"), t.calls.Gauge("calls"), t.tellings.Gauge("tellings"), t.proofs.Gauge("proofs"),
	}
}

// Pair works out what the event settles and leaves it in e.Outcomes, which is
// good until the next call.
func (t *Tracker) Pair(e *event.Event) {
	t.outcomes = t.outcomes[:0]
	now := e.Time.UnixNano()
	if t.seen(e, now) {
		e.Kind = event.Copy
	}
	switch e.Kind {
	case event.Request:
		if e.Inbound {
			t.request(e, now)
		} else {
			t.ownRequest(e, now)
		}
	case event.Response:
		if e.Inbound {
			t.ownReply(e, now)
		} else {
			t.reply(e, now)
		}
	case event.Line:
		t.line(e, now)
	case event.Tick:
		t.expire(e, now)
	case event.Junk, event.Copy:
		e.Requests = t.source(e, now).requests
	}
	e.Outcomes = t.outcomes
}

func (t *Tracker) source(e *event.Event, now int64) *source {
	s, _ := t.sources.Put(t.seed.Addr(e.Remote.Addr()), now)
	return s
}

// request notes a request of the far side.
func (t *Tracker) request(e *event.Event, now int64) {
	s := t.source(e, now)
	s.requests++
	e.Requests = s.requests
	if e.SIP.Method == event.ACK {
		t.ack(e, s, now)
		return
	}
	key := t.transaction(e)
	if e.SIP.Method == event.CANCEL {
		if r := t.requests.Get(key); r != nil { // it has the ids of what it cancels
			r.cancels = min(r.cancels, 254) + 1
			r.tagged = r.tagged || len(e.SIP.ToTag) > 0
		}
		return
	}
	content := t.content(e)
	r, fresh := t.requests.Put(key, now)
	r.tagged = r.tagged || len(e.SIP.ToTag) > 0
	if !fresh && r.content == content {
		return // a retransmission (RFC 3261 17.2.2)
	}
	proof, asked := t.proofOf(e, now)
	account, target := accountOf(e), t.short(e.SIP.Target)
	e.Account, e.Proof = t.accountID(e), proof
	*r = request{
		at: now, content: content, account: e.Account,
		call: t.short(e.SIP.CallID), branch: t.short(e.SIP.Branch), target: target,
		remote: e.Remote.Addr().As16(), port: e.Remote.Port(),
		attempts: min(r.attempts, 254) + 1, method: e.SIP.Method, proof: proof,
		creds: e.SIP.Auth.Present, reported: e.Reported, asked: asked, echoes: e.Echoes, tagged: r.tagged, cancels: r.cancels,
		mixed:   !fresh && (r.mixed || r.target != target),
		checked: asked && len(e.SIP.Auth.Others) == 0 && pjsipNonce(e.SIP.Auth.Nonce),
	}
	r.name.set(account)
	s.last = key
	t.waiting.push(waiter{key: key, at: now})
	t.noteCall(e, key, now)
	// A request inside a dialog opens no new account; REGISTER has no dialogs.
	if len(e.SIP.ToTag) == 0 || e.SIP.Method == event.REGISTER {
		t.heed(e, s, now, proof)
	}
}

// reply settles the request that our side answers.
func (t *Tracker) reply(e *event.Event, now int64) {
	s := t.sources.Get(t.seed.Addr(e.Remote.Addr()))
	if s != nil {
		e.Requests = s.requests
	}
	r := t.asker(e, s, now)
	if e.SIP.Auth.Present {
		t.challenged(e, r, now)
	}
	if r == nil {
		return // not one we saw asked
	}
	if e.SIP.Method == event.CANCEL && r.cancels > 0 {
		r.cancels-- // this is the CANCEL's own reply (RFC 3261 9.2)
		return
	}
	t.tagged(e, r, now)
	if e.SIP.Status < 200 || r.attempts == 0 || s == nil {
		return // not the end, or answered already
	}
	r.attempts--
	r.status = uint16(e.SIP.Status)
	r.result = resultOf(e, r)
	t.settle(e, r, s.requests, r.proof)
	if r.result == event.Accepted || r.creds && r.proof > event.None {
		return
	}
	switch {
	case r.result == event.Challenged, r.result == event.Failed, r.method == event.OPTIONS:
		c := challenge{at: now, account: r.account, call: t.short(e.SIP.CallID), nonce: t.short(e.SIP.Auth.Nonce), port: r.port, method: r.method}
		copy(c.name.text[:], r.name.text[:])
		t.await(e, s, c)
	}
}

// asker finds the request that a reply answers. A message that says its ids
// twice is read in different ways: where the server repeats another id than the
// one we took, the source's latest open request must be meant. What it proves
// counts only if one of the ids is the same, for a forger may have asked too.
func (t *Tracker) asker(e *event.Event, s *source, now int64) *request {
	key := t.transaction(e)
	if r := t.requests.Get(key); r != nil || s == nil {
		return r
	}
	last := t.requests.Get(s.last)
	if last == nil || last.reported != e.Reported || last.attempts == 0 || now-last.at > answerTime || e.SIP.Status < 200 {
		return nil
	}
	meant := *last
	if meant.call != t.short(e.SIP.CallID) && meant.branch != t.short(e.SIP.Branch) {
		if meant.method != e.SIP.Method {
			return nil
		}
		meant.proof, meant.asked, meant.checked = event.None, false, false
	}
	// Under these ids the reply may come again; its tag may be anybody's.
	meant.attempts, meant.tagged, meant.mixed = 1, true, true
	r, _ := t.requests.Put(key, now)
	*r = meant
	return r
}

// resultOf judges a final reply together with its request.
func resultOf(e *event.Event, r *request) event.Result {
	status := e.SIP.Status
	switch {
	case status < 300 && r.creds && r.asked:
		// Credentials that no challenge of ours asked for show nothing: a server
		// that trusts the address lets a forged request with invented ones in.
		return event.Accepted
	case status < 300 && r.method == event.INVITE:
		return event.Served
	case (status == 401 || status == 407) && r.creds && !e.SIP.Auth.Stale:
		return event.Failed
	case status == 401 || status == 407:
		return event.Challenged
	case r.checked && !r.mixed && (status == 403 || status == 404):
		// PJSIP answers a wrong password with 401 and nothing else. What it refuses
		// after that is the phone whose old contacts are still there, or whose address
		// of record is not: a whole office, when its power comes back
		// (res_pjsip_registrar.c, max_contacts without remove_existing).
		return event.Refused
	case status == 403 && r.creds:
		return event.Failed
	case status == 404 && (r.method == event.REGISTER || !r.echoes), status == 604 && !r.echoes:
		return event.UnknownUser
	case status >= 400 && status < 500 && status != 480 && status != 486 && status != 487,
		status == 603, status == 606:
		return event.Refused
	}
	return 0 // busy, away, redirected, overloaded: says nothing about the caller
}

// settle reports how a request ended.
func (t *Tracker) settle(e *event.Event, r *request, requests uint32, proof event.Grade) {
	if r.result == 0 {
		return
	}
	if r.result == event.Accepted {
		proof = event.GradeA // it knew the secret
	}
	proof = capped(e, proof)
	t.outcomes = append(t.outcomes, event.Outcome{
		Result: r.result, Remote: e.Remote.Addr(), Port: r.port, Time: e.Time, Method: r.method,
		Proof: proof, Account: r.name.String(), AccountID: r.account, Status: int(r.status),
		Requests: requests, Expires: e.SIP.Expires, Text: r.reported, Hearsay: e.Hearsay, Show: r.creds && !r.echoes,
	})
}

// ack lets an ACK vouch for the INVITE it closes: it echoes our To-tag, which
// only the receiver of our reply has seen (RFC 3261 17.1.1.3).
func (t *Tracker) ack(e *event.Event, s *source, now int64) {
	proof := t.tagProof(e, now)
	e.Proof = proof
	if e.Transport.Connected() && !e.Unproven {
		e.Proof = capped(e, max(proof, event.GradeB))
	}
	s.arrived(t.short(e.SIP.CallID), proof)
	r := t.requests.Get(t.transaction(e))
	if proof == event.None || r == nil || r.method != event.INVITE || r.proof >= proof || r.result == event.Accepted {
		return
	}
	r.proof = proof
	t.settle(e, r, s.requests, proof)
}

// expire reports requests that nobody answered in time.
func (t *Tracker) expire(e *event.Event, now int64) {
	for {
		w, ok := t.waiting.pop(now - answerTime)
		if !ok {
			return
		}
		r := t.requests.Get(w.key)
		if r == nil || r.at != w.at || r.attempts == 0 {
			continue
		}
		r.attempts = 0
		r.result = event.Unanswered
		remote := netip.AddrFrom16(r.remote).Unmap()
		o := event.Outcome{
			Result: r.result, Remote: remote, Port: r.port, Time: e.Time, Method: r.method,
			Proof: r.proof, Account: r.name.String(), AccountID: r.account, Expires: -1, Text: r.reported,
		}
		if s := t.sources.Get(t.seed.Addr(remote)); s != nil {
			o.Requests = s.requests
		}
		t.outcomes = append(t.outcomes, o)
	}
}
