package track

import (
	"bytes"

	"github.com/sipward/sipward/internal/event"
)

// echo is what the proof memory holds: that this string of ours went to this
// address. The port is left out, since NAT may change it.
func (t *Tracker) echo(e *event.Event, secret []byte) uint64 {
	return t.seed.More(t.seed.Addr(e.Remote.Addr()), secret)
}

// proofOf grades what a request proves about its source address by what it
// repeats of our own words.
func (t *Tracker) proofOf(e *event.Event, now int64) event.Grade {
	proof := event.None
	if e.Transport.Connected() {
		proof = event.GradeB
	}
	nonce := e.SIP.Auth.Nonce
	if e.SIP.Auth.Present && len(nonce) > 0 && t.proofs.Has(t.echo(e, nonce), now) {
		proof = max(proof, nonceGrade(nonce))
		// Who keeps using a nonce keeps it alive: it is known to be theirs.
		t.proofs.Add(t.echo(e, nonce), now)
	}
	return max(proof, t.tagProof(e, now))
}

// tagProof grades the To-tag of a request inside a dialog.
func (t *Tracker) tagProof(e *event.Event, now int64) event.Grade {
	if len(e.SIP.ToTag) == 0 || !t.proofs.Has(t.echo(e, e.SIP.ToTag), now) {
		return event.None
	}
	return t.tags.grade
}

// nonceGrade tells how hard a nonce is to guess for somebody who has not
// received it. PJSIP's is time "/" MD5(time : address : entity id : realm):
// whoever finds the entity id can compute the nonces of other addresses
// (res_pjsip_authenticator_digest.c, build_nonce).
func nonceGrade(nonce []byte) event.Grade {
	stamp, digest, found := bytes.Cut(nonce, []byte("/"))
	if found && len(digest) == 32 && allDigits(stamp) {
		return event.GradeB
	}
	return event.GradeA
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// tagWatch learns whether the server's To-tags can be computed by the sender.
// A stateless Kamailio answers with a fixed MD5 and a checksum of the request
// (core/tags.h), so two of its tags share most of their text; random tags
// share next to none.
type tagWatch struct {
	last  [64]byte
	size  int
	seen  int
	grade event.Grade
}

func (w *tagWatch) see(tag []byte) {
	if w.size == len(tag) && bytes.Equal(w.last[:w.size], tag) {
		return // the same dialog again
	}
	shared := 0
	for shared < w.size && shared < len(tag) && w.last[shared] == tag[shared] {
		shared++
	}
	switch {
	case w.seen == 0:
		w.grade = event.GradeC // one tag shows nothing yet
	case 2*shared > len(tag):
		w.grade = event.GradeC
		w.seen = 0 // and this verdict has to be outgrown
	case w.seen >= 4:
		w.grade = event.GradeB
	}
	w.seen++
	w.size = copy(w.last[:], tag)
}
