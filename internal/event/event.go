// Package event holds the river's first noun: what was seen, before anybody
// thinks about it. It imports nothing of ours, so every room may know it.
package event

import (
	"net/netip"
	"time"
)

// Kind tells which part of an Event is filled in.
type Kind uint8

const (
	// Tick is one second of event time going by. Windows, time-outs and expiry
	// run on ticks, so a replayed capture behaves as the live traffic did.
	Tick Kind = iota + 1
	// Request is a SIP request, in either direction; Event.SIP is set.
	Request
	// Response is a SIP response, in either direction; Event.SIP is set.
	Response
	// Line is a line of a server's log; Event.Log is set.
	Line
	// Junk is a datagram on a SIP port that is not SIP.
	Junk
	// Pardon is an administrator's word: what is held against Remote is forgotten,
	// or against everybody when Remote is not valid.
	Pardon
	// Copy is a reported message whose packet has been seen, so that it says
	// nothing new. The track room finds that out.
	Copy
)

// Event is one thing seen. The source that made it owns it: an Event, and
// every byte slice in it, is valid until guard.See returns.
type Event struct {
	Kind Kind
	// Time is when it happened by the capture's or the log's own clock.
	Time time.Time
	// Place is where it can be found again.
	Place Place
	// Remote is the far side, the one that may be blocked; Local is ours.
	Remote, Local netip.AddrPort
	// Inbound says that Remote sent it.
	Inbound bool
	// Transport carried it.
	Transport Transport
	// Reported says that no packet was seen: a server told of the message, or
	// somebody who passed himself off as one. What it proves is grade C at most.
	Reported bool
	// Hearsay says of what is reported that its teller may be anybody: no key came
	// with it, and it did not come from this machine.
	Hearsay bool
	// Unproven says of a connection that nobody saw Remote acknowledge a number
	// of ours: it may be forged as a datagram may.
	Unproven bool
	// SIP is the message, for Request and Response.
	SIP SIP
	// Log is what the line says, for Line.
	Log Log
	// Requests counts the SIP requests seen from Remote so far, this one
	// included. The track room fills it in.
	Requests uint32
	// Account names whom a new request of Remote is about, as AccountID in its
	// Outcome will; 0 for ACK, CANCEL and retransmissions. Proof is what that
	// request, or an ACK, proves about Remote. The track room fills both in.
	Account uint64
	Proof   Grade
	// Echoes says that the credentials of a request repeat a nonce of ours.
	// Others are there for show. The track room fills it in.
	Echoes bool
	// Outcomes is what this event settled: usually nothing or one thing, on a
	// tick possibly many. The track room fills it in and owns the array.
	Outcomes []Outcome
}

// Place says where an event can be found again: frame Number of a capture,
// line Number of a log (both 1-based), or neither for live traffic.
type Place struct {
	Packet, Line uint64
}

// Transport is how SIP was carried.
type Transport uint8

// The transports of RFC 3261 and RFC 7118.
const (
	UDP Transport = iota + 1
	TCP
	TLS
	WS
	WSS
)

// String gives the transport as the JSON output spells it: lower case.
func (t Transport) String() string {
	return [...]string{"", "udp", "tcp", "tls", "ws", "wss"}[t]
}

// Connected says that the transport has a handshake that shows the source
// address to be real: everything but UDP. Of a packet, Event.Unproven says
// whether that handshake was seen.
func (t Transport) Connected() bool { return t > UDP }

// SIP is what the detectors need of a message. The slices are views of the
// packet; an absent field is nil.
type SIP struct {
	// Method is the request's method, or the CSeq's for a response.
	Method Method
	// MethodName is Method as the sender spelled it.
	MethodName []byte
	// Status is the response's status code, 0 for a request.
	Status int
	// CallID, Branch (top Via) and CSeq name the transaction, RFC 3261 17.1.3.
	CallID, Branch []byte
	CSeq           uint32
	// FromUser, FromTag, ToUser, ToTag are parts of From and To.
	FromUser, FromTag, ToUser, ToTag []byte
	// FromDisplay is the display name of From, without its quotes.
	FromDisplay []byte
	// Faults is what is wrong with a request; nothing is told of a response.
	Faults Faults
	// FromHost is the host of the From URI: text, never an address to act on.
	FromHost []byte
	// Target is the user part of the Request-URI, or its host when it has no user.
	Target []byte
	// SentBy is the host of the top Via.
	SentBy []byte
	// UserAgent is the User-Agent header, or Server in a response.
	UserAgent []byte
	// Auth is the Digest credentials of a request, or the challenge of a response.
	Auth Auth
	// Expires is the registration life asked for or granted, in seconds; -1 when unknown.
	Expires int64
}

// Auth is a Digest credential or challenge (RFC 3261 section 22, RFC 8760).
type Auth struct {
	// Present says that the message carries credentials or a challenge.
	Present bool
	// Stale is the challenge's own word that only the nonce was too old.
	Stale bool
	// User and Response are the credentials' own.
	User, Realm, Nonce, Response []byte
	// Others are all nonces and responses of a request that gives several: which
	// of them its server looks at, the server alone knows.
	Others [][]byte
}

// Method is a SIP method the rooms tell apart.
type Method uint8

// The methods of RFC 3261 and its extensions; Other is any other token.
const (
	Other Method = iota
	REGISTER
	INVITE
	ACK
	BYE
	CANCEL
	OPTIONS
	SUBSCRIBE
	NOTIFY
	MESSAGE
	REFER
	PRACK
	UPDATE
	INFO
	PUBLISH
)

// Methods gives each method's exact spelling (RFC 3261 7.1: methods are
// case-sensitive).
var Methods = [...]string{
	Other: "", REGISTER: "REGISTER", INVITE: "INVITE", ACK: "ACK", BYE: "BYE", CANCEL: "CANCEL",
	OPTIONS: "OPTIONS", SUBSCRIBE: "SUBSCRIBE", NOTIFY: "NOTIFY", MESSAGE: "MESSAGE",
	REFER: "REFER", PRACK: "PRACK", UPDATE: "UPDATE", INFO: "INFO", PUBLISH: "PUBLISH",
}

// String gives the method's exact spelling.
func (m Method) String() string { return Methods[m] }

// MethodOf finds the method a token spells, or Other.
func MethodOf(token []byte) Method {
	for m := REGISTER; int(m) < len(Methods); m++ {
		if string(token) == Methods[m] {
			return m
		}
	}
	return Other
}
