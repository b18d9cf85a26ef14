package event

import "net/netip"

// Verdict is what a log line means for the address in it.
type Verdict uint8

const (
	// Unknown: not a line about security.
	Unknown Verdict = iota
	// Hostile: evidence against the source the server printed.
	Hostile
	// Benign: recognised, and no evidence against anyone.
	Benign
	// Tampered: the line was shaped by an attacker.
	Tampered
	// Near: looks like a security line and matches nothing we know.
	Near
)

// String gives the verdict as `sipward explain` prints it.
func (v Verdict) String() string {
	return [...]string{"unknown", "hostile", "benign", "tampered", "near"}[v]
}

// LogKind is what happened, in the words of `sipward explain`.
type LogKind uint8

// The kinds of `sipward explain`.
const (
	KindNone LogKind = iota
	AuthFailed
	AuthOK
	AuthChallenged
	UserUnknown
	ACLDenied
	CallRefused
	RequestMalformed
	RequestRefused
	TransportRefused
	RateBlocked
	SessionLimit
	AdminFailed
	Scan
	ServerOverload
	KindOther
)

var logKinds = [...]string{
	"", "auth.failed", "auth.ok", "auth.challenged", "user.unknown", "acl.denied", "call.refused",
	"request.malformed", "request.refused", "transport.refused", "rate.blocked", "session.limit",
	"admin.failed", "scan", "server.overload", "other",
}

// String gives the kind as `sipward explain` prints it.
func (k LogKind) String() string { return logKinds[k] }

// Log is what one line of a server's log says. The slices are views of the
// line; an absent field is nil.
type Log struct {
	Verdict Verdict
	Kind    LogKind
	// Server is "asterisk", "freeswitch", "kamailio" or "opensips"; empty when unknown.
	Server string
	// Rule names the form that matched, as asterisk.pjsip.failed_to_authenticate.
	Rule string
	// Note explains a tampered or near verdict in a few words.
	Note string
	// Source is the packet's source as the server printed it; invalid unless
	// the verdict is Hostile, or Tampered and the source beyond doubt, or the
	// line is an AuthOK. Port 0 when not printed.
	Source netip.AddrPort
	// Transport is 0 when the line does not say.
	Transport Transport
	// User is the account the line is about.
	User []byte
	// Number is what a refused call dialled.
	Number []byte
	// CallID joins the line to its packet where the server prints it.
	CallID []byte
	// HasTime says that the line carries a usable stamp of its own.
	HasTime bool
}
