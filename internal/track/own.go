package track

import "github.com/sipward/sipward/internal/event"

// ownRequest notes what our own server asks of somebody unbidden: a ping or a
// call that opens a dialog. It only does so to contacts it has, registered
// phones and carriers; no stranger can bring it to.
func (t *Tracker) ownRequest(e *event.Event, now int64) {
	if unbidden(e) && len(e.SIP.ToTag) == 0 {
		t.proofs.Add(t.asked(e), now)
	}
}

// ownReply notes who answers. What it refuses says nothing: a failing
// registration of ours at a carrier is never evidence against the carrier.
func (t *Tracker) ownReply(e *event.Event, now int64) {
	if !unbidden(e) || e.SIP.Status < 200 || e.SIP.Status > 299 || !t.proofs.Has(t.asked(e), now) {
		return
	}
	s := t.source(e, now)
	t.outcomes = append(t.outcomes, event.Outcome{
		Result: event.Known, Remote: e.Remote.Addr(), Port: e.Remote.Port(), Time: e.Time,
		Method: e.SIP.Method, Proof: capped(e, event.GradeB), Text: e.Reported, Hearsay: e.Hearsay, Requests: s.requests, Expires: -1,
	})
}

func unbidden(e *event.Event) bool {
	return e.SIP.Method == event.OPTIONS || e.SIP.Method == event.INVITE
}

// asked is what the memory holds of our own request: no To-tag or nonce of
// ours looks the same, since the Call-ID stands behind our branch.
func (t *Tracker) asked(e *event.Event) uint64 {
	return t.seed.More(t.echo(e, e.SIP.Branch), e.SIP.CallID)
}
