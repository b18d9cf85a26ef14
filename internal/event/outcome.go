package event

import (
	"net/netip"
	"time"
)

// Grade says how well we know that a source address is real: that the far
// side receives what we send to the address it claims.
type Grade uint8

const (
	// None: nothing speaks for the address. One forged datagram looks like this.
	None Grade = iota
	// GradeC: a log line about a UDP source, or an echo the sender could compute.
	GradeC
	// GradeB: an established connection, or an echo of something hard to guess.
	GradeB
	// GradeA: it echoed our own unpredictable nonce, or knew the secret.
	GradeA
)

// String gives the grade as users see it: A, B, C or none.
func (g Grade) String() string { return [...]string{"none", "C", "B", "A"}[g] }

// Result is how a request ended.
type Result uint8

const (
	// Challenged: 401 or 407 to a request without credentials. Never evidence by itself.
	Challenged Result = iota + 1
	// Disregarded: a challenge or answer that its receiver ought to have reacted
	// to by now, and has not, while it went on to ask for something else.
	Disregarded
	// Followed: the challenge was answered with credentials after all.
	Followed
	// Failed: credentials were refused, and not for a stale nonce.
	Failed
	// Accepted: credentials were right.
	Accepted
	// UnknownUser: the server knows no such account.
	UnknownUser
	// Refused: turned away for another reason.
	Refused
	// Served: the server let a call through without asking for credentials.
	Served
	// Known: our own server called or asked it, unbidden, and it answered: it has
	// a contact there, a registered phone or a carrier.
	Known
	// Malformed: the server could not read the message; only its log says so.
	Malformed
	// Unanswered: the server said nothing for 32 s (RFC 3261 timer F).
	Unanswered
)

var results = [...]string{"", "challenged", "disregarded", "followed", "failed", "accepted", "unknown user", "refused", "served", "known", "malformed", "unanswered"}

// String names the result for people.
func (r Result) String() string { return results[r] }

// Outcome is how one request of Remote ended, judged by request and reply
// together.
type Outcome struct {
	Result Result
	// Remote asked; Port is its source port.
	Remote netip.Addr
	Port   uint16
	Time   time.Time
	Method Method
	// Proof is what this very request proves about Remote. A proof gained by
	// another request does not count: a forger could ride on it.
	Proof Grade
	// Account is the user asked for, perhaps shortened; a copy, so that it may
	// outlive the event. AccountID stands for the whole name.
	Account   string
	AccountID uint64
	// Status is the reply's status code, 0 when a log line told us.
	Status int
	// Requests counts the requests seen from Remote when this was settled.
	Requests uint32
	// Expires is the granted life of a registration in seconds, -1 when unknown.
	Expires int64
	// Text says it is known from a server's word alone, a log line or a report,
	// without a packet.
	Text bool
	// Hearsay says that nobody vouches for whoever told it.
	Hearsay bool
	// Show says that the request had credentials for show: they repeat no nonce of
	// ours that has lately left. A client may still hope for an old one.
	Show bool
}

// AccountID names an account in eight bytes, the same in every process, so
// that the journal may hold it (FNV-1a). It is 0 only for no account.
func AccountID(account []byte) uint64 {
	if len(account) == 0 {
		return 0
	}
	h := uint64(14695981039346656037)
	for _, c := range account {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return max(h, 1)
}
