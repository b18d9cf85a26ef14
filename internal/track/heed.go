package track

import (
	"github.com/sipward/sipward/internal/event"
)

// await remembers a reply that its receiver should react to. A source that
// has more of them lying about than the ring holds has disregarded the oldest.
func (t *Tracker) await(e *event.Event, s *source, c challenge) {
	for i := range s.open {
		if s.open[i].account == c.account && s.open[i].method == c.method {
			c.counted = s.open[i].counted
			s.open[i] = c
			return
		}
	}
	last := &s.open[s.next]
	if last.account != 0 && !last.counted && c.at-last.at >= reactTime {
		t.outcomes = append(t.outcomes, t.about(e, s, last, event.Disregarded, last.proof))
	}
	*last = c
	s.next = (s.next + 1) % uint8(len(s.open))
}

// arrived notes that an ACK has confirmed a challenge: what follows, or does
// not, can no longer be blamed on a lost packet.
func (s *source) arrived(call uint32, proof event.Grade) {
	for i := range s.open {
		if s.open[i].account != 0 && s.open[i].call == call {
			s.open[i].proof = max(s.open[i].proof, proof)
		}
	}
}

// heed compares a new request with the challenges its sender still owes an
// answer. Credentials that echo our nonce settle the debt; going on to another
// account while a challenge lies there is what scanners do and phones do not.
func (t *Tracker) heed(e *event.Event, s *source, now int64, proof event.Grade) {
	account, call := t.accountID(e), t.short(e.SIP.CallID)
	nonce := t.short(e.SIP.Auth.Nonce)
	answers := e.Echoes
	for i := range s.open {
		c := &s.open[i]
		switch {
		case c.account == 0:
		case answers && (c.account == account || c.call == call && c.nonce == nonce):
			t.outcomes = append(t.outcomes, t.about(e, s, c, event.Followed, proof))
			*c = challenge{}
		case c.account != account && !c.counted && now-c.at >= patience(c, e):
			c.counted = true
			t.outcomes = append(t.outcomes, t.about(e, s, c, event.Disregarded, c.proof))
		}
	}
}

// patience is how long a challenge may wait while its receiver asks on.
func patience(c *challenge, e *event.Event) int64 {
	if c.port == e.Remote.Port() {
		return reactTime
	}
	return roundTrip
}

func (t *Tracker) about(e *event.Event, s *source, c *challenge, result event.Result, proof event.Grade) event.Outcome {
	return event.Outcome{
		Result: result, Remote: e.Remote.Addr(), Port: e.Remote.Port(), Time: e.Time, Method: c.method,
		Proof: proof, Account: c.name.String(), AccountID: c.account, Requests: s.requests, Expires: -1,
	}
}

// short is a 32-bit hash for comparing within one source; never 0.
func (t *Tracker) short(b []byte) uint32 { return uint32(t.seed.More(0, b)) | 1 }

// accountOf is whom a request is about: the user whose password it offers for a
// nonce of ours, the address of record it registers, or the target it asks for.
// Any other credentials may stand there to make many names look like one.
func accountOf(e *event.Event) []byte {
	switch {
	case e.Echoes && len(e.SIP.Auth.User) > 0:
		return e.SIP.Auth.User
	case e.SIP.Method == event.REGISTER:
		return e.SIP.ToUser
	}
	return e.SIP.Target
}

// transaction hashes what names a transaction for both sides (RFC 3261
// 17.1.3): the ACK of a refused INVITE and every reply carry the same.
func (t *Tracker) transaction(e *event.Event) uint64 {
	h := t.seed.Addr(e.Remote.Addr())
	h = t.seed.More(h, e.SIP.CallID)
	h = t.seed.More(h, e.SIP.Branch)
	return t.apart(e, t.seed.Mix(h, uint64(e.SIP.CSeq)))
}

// content hashes what a retransmission must repeat. Somebody who guesses under
// one Call-ID and branch would otherwise look like one who retransmits.
func (t *Tracker) content(e *event.Event) uint64 {
	h := t.seed.More(uint64(e.SIP.Method), e.SIP.Auth.Response)
	h = t.seed.More(h, e.SIP.Auth.Nonce)
	h = t.seed.More(h, e.SIP.Auth.User)
	for _, other := range e.SIP.Auth.Others {
		h = t.seed.More(h, other)
	}
	h = t.seed.More(h, e.SIP.ToUser)
	return t.seed.More(h, e.SIP.Target)
}
