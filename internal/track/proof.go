package track

import (
	"bytes"
	"slices"

	"github.com/sipward/sipward/internal/event"
)

// echo is what the proof memory holds: that this string of ours went to this
// address. The port is left out, since NAT may change it.
func (t *Tracker) echo(e *event.Event, secret []byte) uint64 {
	return t.apart(e, t.seed.More(t.seed.Addr(e.Remote.Addr()), secret))
}

// proofOf grades what a request proves about its source address by what it
// repeats of our own words, and says whether its credentials answer a challenge
// of its method.
func (t *Tracker) proofOf(e *event.Event, now int64) (proof event.Grade, asked bool) {
	if e.Transport.Connected() && !e.Unproven {
		proof = event.GradeB
	}
	if e.SIP.Auth.Present {
		grade, answers := t.nonceProof(e, e.SIP.Auth.Nonce, now)
		proof, asked = max(proof, grade), answers
		e.Echoes = grade > event.None
		for _, nonce := range e.SIP.Auth.Others {
			grade, answers = t.nonceProof(e, nonce, now)
			proof, asked = max(proof, grade), asked || answers
			e.Echoes = e.Echoes || grade > event.None
		}
	}
	return capped(e, max(proof, t.tagProof(e, now))), asked
}

// tagged notes a To-tag of ours on its way to the far side. One that the far
// side can tell beforehand is no secret: the server repeats a To-tag that the
// request had already (RFC 3261 8.2.6.2), and PJSIP makes it of the branch
// (sip_util.c, pjsip_endpt_create_response).
func (t *Tracker) tagged(e *event.Event, r *request, now int64) {
	tag := e.SIP.ToTag
	if len(tag) == 0 || r.tagged || bytes.Equal(tag, e.SIP.Branch) {
		return
	}
	if e.Reported { // it may be another server's
		t.proofs.Add(t.echo(e, tag), now)
		return
	}
	t.tags.see(tag)
	if !t.tags.computed(tag) {
		t.proofs.Add(t.echo(e, tag), now)
	}
}

// tagProof grades the To-tag of a request inside a dialog.
func (t *Tracker) tagProof(e *event.Event, now int64) event.Grade {
	if len(e.SIP.ToTag) == 0 || !t.proofs.Has(t.echo(e, e.SIP.ToTag), now) {
		return event.None
	}
	return capped(e, t.tags.grade)
}

// nonceGrade tells how hard a nonce is to guess for somebody who has not
// received it. Whoever finds the entity id of a PJSIP can compute the nonces of
// other addresses.
func nonceGrade(nonce []byte) event.Grade {
	if pjsipNonce(nonce) {
		return event.GradeB
	}
	return event.GradeA
}

// pjsipNonce knows Asterisk's PJSIP by its nonces, which are time "/" MD5(time :
// address : entity id : realm) (res_pjsip_authenticator_digest.c, build_nonce).
func pjsipNonce(nonce []byte) bool {
	stamp, digest, found := bytes.Cut(nonce, []byte("/"))
	return found && len(digest) == 32 && allDigits(stamp)
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
//
// A proxy passes on the tags of others too, and whoever makes them take turns
// never shows two of its own in a row. So the halves of long tags are kept: a tag
// that shares one with an earlier tag is no proof, whatever came between.
type tagWatch struct {
	last  [64]byte
	size  int
	seen  int
	grade event.Grade
	// halves are those of the latest long tags, fixed those that several shared.
	halves      [64]tagHalf
	fixed       [8]uint64
	next, fixes uint8
}

// tagHalf is a hash of a tag's first half, and one of all of it.
type tagHalf struct{ half, whole uint64 }

// longTag is from which length on no two random tags share their first half.
const longTag = 24

// computed says that a tag begins as another one did, and keeps its half.
func (w *tagWatch) computed(tag []byte) bool {
	if len(tag) < longTag {
		return false
	}
	h := tagHalf{event.AccountID(tag[:len(tag)/2+1]), event.AccountID(tag)}
	if slices.Contains(w.fixed[:], h.half) {
		return true
	}
	for _, other := range w.halves {
		switch {
		case other == h:
			return false // the same dialog again
		case other.half == h.half:
			w.fixed[w.fixes] = h.half
			w.fixes = (w.fixes + 1) % uint8(len(w.fixed))
			return true
		}
	}
	w.halves[w.next] = h
	w.next = (w.next + 1) % uint8(len(w.halves))
	return false
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
