package esl

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"
)

// maxLines bounds an event; mod_sofia writes some thirty lines, and a user's
// directory entry may add to them.
const maxLines = 500

// Event is one event of mod_sofia. Its slices are good until emit returns.
type Event struct {
	// Name is what happened: register, register_attempt, register_failure,
	// pre_register (a challenge was sent) or wrong_call_state (it was never
	// answered).
	Name string
	// Time is the server's own; zero when it cannot be read.
	Time time.Time
	// Remote is the packet's source; invalid where it is in doubt.
	Remote netip.AddrPort
	// User is the account tried: an outsider's text, as CallID and UserAgent are.
	User, CallID, UserAgent []byte
	// AuthResult of a register_attempt is SUCCESS, RENEWED, STALE or FORBIDDEN.
	// The event is written for requests with credentials, REGISTER or not.
	AuthResult []byte
	// Type of a register_failure is REGISTER or INVITE.
	Type []byte
	// Tampered says in a few words how an outsider shaped the event; empty when
	// nobody did.
	Tampered string
}

// names maps the subclass to the name.
var names = [...]struct{ subclass, name string }{
	{"sofia::register", "register"},
	{"sofia::register_attempt", "register_attempt"},
	{"sofia::register_failure", "register_failure"},
	{"sofia::pre_register", "pre_register"},
	{"sofia::wrong_call_state", "wrong_call_state"},
}

// header is a line that we read, as the SIP module spells it; wrong_call_state
// has a spelling of its own.
type header uint8

const (
	subclass header = iota
	timestamp
	networkIP
	networkPort
	username
	toUser
	fromUser
	callID
	userAgent
	authResult
	kind
	headers // how many there are
)

var headerNames = [headers][2]string{
	subclass: {"Event-Subclass"}, timestamp: {"Event-Date-Timestamp"},
	networkIP: {"network-ip", "network_ip"}, networkPort: {"network-port", "network_port"},
	username: {"username"}, toUser: {"to-user"}, fromUser: {"from-user", "from_user"}, callID: {"call-id"},
	userAgent: {"user-agent"}, authResult: {"auth-result"}, kind: {"registration-type"},
}

// read fills the event in; it says whether it is one of ours. The body is
// decoded in place.
func (e *Event) read(f *frame) bool {
	*e = Event{}
	if f.cut {
		e.Tampered = "too long"
		return true
	}
	var values [headers][]byte
	var seen [headers]int
	rest := f.body
	for lines := 0; len(rest) > 0 && rest[0] != '\n'; lines++ {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		name, value, ok := bytes.Cut(line, []byte(": "))
		if !ok || lines == maxLines {
			e.Tampered = "lines that no event has"
			return true
		}
		if h := headerOf(name); h < headers {
			values[h] = decode(value)
			seen[h]++
		}
	}
	if e.Name = nameOf(values[subclass]); e.Name == "" {
		return false
	}
	for _, n := range seen {
		if n > 1 {
			e.Tampered = "a line that stands there twice"
			return true
		}
	}
	e.fill(&values)
	return true
}

func headerOf(name []byte) header {
	for h := range headers {
		if string(name) == headerNames[h][0] || len(name) > 0 && string(name) == headerNames[h][1] {
			return h
		}
	}
	return headers
}

func nameOf(value []byte) string {
	for _, n := range names {
		if string(value) == n.subclass {
			return n.name
		}
	}
	return ""
}

func (e *Event) fill(values *[headers][]byte) {
	if n, err := strconv.ParseInt(string(values[timestamp]), 10, 64); err == nil {
		e.Time = time.UnixMicro(n)
	}
	e.CallID, e.UserAgent, e.AuthResult, e.Type = values[callID], values[userAgent], values[authResult], values[kind]
	// The name in the credentials comes first: it is the one that was tried.
	// "unknown" stands there when the server could not read them.
	for _, h := range []header{username, toUser, fromUser} {
		if len(values[h]) > 0 && string(values[h]) != "unknown" {
			e.User = values[h]
			break
		}
	}
	port, err := strconv.ParseUint(string(values[networkPort]), 10, 16)
	a, err2 := netip.ParseAddr(string(values[networkIP]))
	if err != nil || err2 != nil {
		e.Tampered = "an address that is none"
		return
	}
	e.Remote = netip.AddrPortFrom(a.WithZone("").Unmap(), uint16(port))
	for _, value := range values {
		if bytes.IndexFunc(value, isControl) >= 0 {
			e.Tampered = "a control character inside a value"
		}
	}
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// decode undoes percent-encoding, in place; what is no code stays as it is.
func decode(text []byte) []byte {
	out := text[:0]
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if n, err := strconv.ParseUint(string(text[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return out
}
