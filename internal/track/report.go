package track

import "github.com/sipward/sipward/internal/event"

// reported is the secret's second part for all that servers report. It keeps
// reports and packets apart in every memory that proof comes from: whoever can
// invent reports could else tell of a challenge that was never sent, or answer
// a phone's own request with "wrong password", and its packets would bear the
// blame.
const reported = 0x686570

// apart turns a hash into that of the event's own world.
func (t *Tracker) apart(e *event.Event, h uint64) uint64 {
	if e.Reported {
		return t.seed.Mix(h, reported)
	}
	return h
}

// capped is what a proof is worth from this event: of what is reported we have
// seen nothing ourselves, whatever the message repeats and whatever carried it.
func capped(e *event.Event, proof event.Grade) event.Grade {
	if e.Reported {
		return min(proof, event.GradeC)
	}
	return proof
}

// seen says that a reported message's own packet has passed here. Then it is a
// copy, and counting it would count twice. A report that comes before its
// packet is not found out; it adds nothing to what the packet proves.
func (t *Tracker) seen(e *event.Event, now int64) bool {
	if !e.Reported {
		return false
	}
	packet := *e
	packet.Reported = false
	if e.Inbound == (e.Kind == event.Response) { // our server asks, its peer answers
		return t.proofs.Has(t.asked(&packet), now)
	}
	r := t.requests.Get(t.transaction(&packet))
	if r == nil || now-r.at > answerTime {
		return false
	}
	// An ACK, a CANCEL and a reply have the ids of the request they belong to.
	return e.Kind == event.Response || e.SIP.Method == event.ACK || e.SIP.Method == event.CANCEL ||
		r.content == t.content(e)
}
