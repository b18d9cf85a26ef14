package freeswitch

import (
	"bytes"
	"net/netip"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// fromIP is what stands between the outsider's last character and the address,
// and plainFrom is the same where a user is unknown.
const (
	fromIP    = "] from ip "
	plainFrom = "] from "
)

// readAuth reads, after "SIP auth ", what mod_sofia says when log-auth-failures
// is set:
//
//	failure (REGISTER) on sofia profile 'internal' for [user@host] from ip 192.0.2.1
//
// The same with "challenge" is in every healthy registration and call.
func readAuth(rec record) line.Reading {
	if rest, ok := line.CutPrefix(rec.message, "challenge ("); ok && line.Contains(rest, " on sofia profile '") {
		return line.Reading{Log: event.Log{Verdict: event.Benign, Kind: event.AuthChallenged, Rule: "freeswitch.auth_challenge"}}
	}
	text, ok := line.CutPrefix(rec.message, "failure (")
	method, text, ok2 := bytes.Cut(text, []byte(") "))
	if !ok || !ok2 || line.Contains(method, " ") {
		return line.Reading{}
	}
	if line.Contains(text[:min(len(text), 7)], "due to ") {
		return readPolicyFailure(text)
	}
	text, ok = line.CutPrefix(text, "on sofia profile '")
	_, text, ok2 = bytes.Cut(text, []byte("' for ["))
	if !ok || !ok2 {
		return line.Reading{}
	}
	r := line.Reading{Log: event.Log{Verdict: event.Hostile, Kind: event.AuthFailed, Rule: "freeswitch.auth_failure"}}
	readAccount(&r, text, fromIP, rec.escaped)
	return r
}

// readPolicyFailure knows failures that name nobody: too many phones of one
// user, and a User-Agent that the administrator does not want.
func readPolicyFailure(text []byte) line.Reading {
	r := line.Reading{Log: event.Log{Verdict: event.Benign, Kind: event.AuthFailed, Rule: "freeswitch.user_agent_filter", Note: "no source in this line"}}
	if line.Contains(text, "max allowed registrations") {
		r.Kind, r.Rule, r.Note = event.SessionLimit, "freeswitch.max_registrations", ""
	}
	return r
}

// readUnknownUser reads, after "Can't find user [",
//
//	user@domain] from 192.0.2.1
//
// Two lines of advice follow, which hold user and domain once more.
func readUnknownUser(rec record) line.Reading {
	r := line.Reading{Log: event.Log{Verdict: event.Hostile, Kind: event.UserUnknown, Rule: "freeswitch.unknown_user"}}
	text, once := cutAdvice(rec.message)
	if line.HasSuffix(text, "]") && !line.Contains(text, plainFrom) {
		return line.Reading{} // a version that prints no address
	}
	if readAccount(&r, text, plainFrom, rec.escaped); !once {
		r.Source = netip.AddrPort{}
		r.Tamper("a clause of the server inside a value")
	}
	return r
}

// cutAdvice takes off the lines of advice where a record is one line: through
// syslog, in the journal, as JSON. Where they begin twice, one is an outsider's.
func cutAdvice(text []byte) (head []byte, once bool) {
	at, once := line.Only(text, advice[0])
	if at < 0 {
		return text, true
	}
	head, ok1 := bytes.CutSuffix(text[:at], []byte("\n"))
	head, ok2 := bytes.CutSuffix(head, []byte("#012"))
	return head, once && ok1 != ok2
}

// readAccount reads "user@host", mark and an address at the end of text. User
// and host are an outsider's and may hold anything, the mark included; but the
// server writes the address last, and a line has one end. So the last mark is
// the server's own unless a line break stands in a value, which the lines after
// this one tell.
func readAccount(r *line.Reading, text []byte, mark string, escaped bool) {
	// mod_sofia keeps the line breaks of folded header lines, and leaves those that
	// are percent-escaped as they are.
	r.Clause, r.Behind, r.Folds = mark, true, true
	at := bytes.LastIndex(text, []byte(mark))
	if at < 0 {
		r.Tamper("ends inside a value")
		r.Open = true
		return
	}
	source, ok := line.Address(text[at+len(mark):])
	if !ok {
		r.Tamper("an address that is none")
		r.Open = true
		return
	}
	account := text[:at]
	r.Source = netip.AddrPortFrom(source, 0)
	user, host, _ := bytes.Cut(account, []byte("@"))
	r.User = user
	if len(user) == 0 {
		r.User = nil
	}
	switch {
	case line.HasControl(account, escaped):
		r.Tamper("a control character inside a value")
	case line.Contains(user, "[", "]") || !isHost(host):
		r.Tamper("a delimiter inside a value")
	case looseClauses.In(account) || line.Contains(account, " from ", "from ip", "sofia_reg.c"):
		r.Tamper("a clause of the server inside a value")
	}
}

// isHost allows brackets only around an IPv6 address.
func isHost(host []byte) bool {
	if _, ok := line.PlainEndpoint(host); ok {
		return true
	}
	return !line.Contains(host, "[", "]")
}

// readRefusedAddress reads, after "IP ",
//
//	192.0.2.1 Rejected by acl "name"
//	192.0.2.1 Rejected by register acl "name"
//	192.0.2.1 Rejected by user acl [name] and no proxy acl present
//
// The address stands first, and only the administrator's words follow.
func readRefusedAddress(rec record) line.Reading {
	word, rest := line.Token(rec.message)
	source, ok := line.Address(word)
	if !ok {
		return line.Reading{}
	}
	r := line.Reading{Log: event.Log{Verdict: event.Hostile, Kind: event.ACLDenied, Source: netip.AddrPortFrom(source, 0)}}
	for _, form := range refusals {
		if name, ok := line.CutPrefix(rest, form.start); ok && line.HasSuffix(name, form.end) {
			r.Rule = form.rule
			if !line.HasSuffix(rec.file, "_reg.c") && !line.HasSuffix(rec.file, "sofia.c") {
				r.Kind, r.Rule = event.AdminFailed, "freeswitch.event_socket_acl"
			}
			return r
		}
	}
	if line.Contains(rest[:min(len(rest), 21)], "Rejected by user acl ") {
		// Behind a proxy this is what a header says, and anybody may write headers.
		return line.Reading{Log: event.Log{Verdict: event.Benign, Kind: event.ACLDenied, Rule: "freeswitch.user_acl_behind_proxy", Note: "the address is a header's"}}
	}
	return line.Reading{}
}

var refusals = [...]struct{ start, end, rule string }{
	{`Rejected by acl "`, `"`, "freeswitch.acl"},
	{`Rejected by register acl "`, `"`, "freeswitch.register_acl"},
	{`Rejected by user acl [`, `] and no proxy acl present`, "freeswitch.user_acl"},
}

// readIncomplete reads the address and port of who sent a REGISTER without user
// or host.
func readIncomplete(rec record) line.Reading {
	source, ok := line.Endpoint(rec.message)
	if !ok {
		return line.Reading{}
	}
	return line.Reading{Log: event.Log{
		Verdict: event.Hostile, Kind: event.RequestMalformed, Rule: "freeswitch.incomplete_register", Source: source,
	}}
}

// readNoContact reads "192.0.2.1, port: 5060".
func readNoContact(rec record) line.Reading {
	host, digits, ok1 := bytes.Cut(rec.message, []byte(", port: "))
	addr, ok2 := line.Address(host)
	port, ok3 := line.Number(digits)
	if !ok1 || !ok2 || !ok3 || port >= 1<<16 {
		return line.Reading{}
	}
	return line.Reading{Log: event.Log{
		Verdict: event.Hostile, Kind: event.RequestMalformed, Rule: "freeswitch.no_contact", Source: netip.AddrPortFrom(addr, uint16(port)),
	}}
}

// readSourceless knows lines about failures that name no source.
func readSourceless(record) line.Reading {
	return line.Reading{Log: event.Log{Verdict: event.Benign, Kind: event.AuthFailed, Rule: "freeswitch.failed_without_source", Note: "no source in this line"}}
}

// readOwnRegistration knows what the server says when it is refused itself, as a
// customer of a carrier. The addresses are the carrier's.
func readOwnRegistration(rec record) line.Reading {
	if !line.Contains(rec.message, ownWords[:]...) {
		return line.Reading{}
	}
	return line.Reading{Log: event.Log{Verdict: event.Benign, Kind: event.KindOther, Rule: "freeswitch.outbound", Note: "the server's own request"}}
}

var ownWords = [...]string{
	" Failed Registration ", " Registration Failed with status ", "Ping failed ", "to complete an authentication request for realm '",
	"Error registering ", " Unregister",
}
