package asterisk

import (
	"bytes"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// eventTime reads EventTV: ISO 8601 with a zone, or seconds and microseconds
// joined by a hyphen before Asterisk 12.
func eventTime(text []byte) time.Time {
	if len(text) == 17 && text[10] == '-' {
		seconds, ok1 := line.Number(text[:10])
		micros, ok2 := line.Number(text[11:])
		if ok1 && ok2 {
			return time.Unix(int64(seconds), int64(micros)*1000).UTC()
		}
	}
	at, _ := new(line.Clock).Stamp(text)
	return at
}

// reason is the end of a NOTICE about a refused request.
type reason struct {
	text string
	kind event.LogKind
	rule string
}

// requestReasons is what PJSIP's distributor says (res/res_pjsip/pjsip_distributor.c).
var requestReasons = [...]reason{
	{"Failed to authenticate", event.AuthFailed, "asterisk.pjsip.failed_to_authenticate"},
	{"No matching endpoint found", event.UserUnknown, "asterisk.pjsip.no_matching_endpoint"},
	{"Error to authenticate", event.AuthFailed, "asterisk.pjsip.error_to_authenticate"},
	{"Not match Endpoint ACL", event.ACLDenied, "asterisk.pjsip.endpoint_acl"},
	{"Not match Endpoint Contact ACL", event.ACLDenied, "asterisk.pjsip.endpoint_contact_acl"},
}

// registrationReasons is what chan_sip says about a refused REGISTER.
var registrationReasons = [...]reason{
	{"Wrong password", event.AuthFailed, "asterisk.sip.wrong_password"},
	{"No matching peer found", event.UserUnknown, "asterisk.sip.no_matching_peer"},
	{"Username/auth name mismatch", event.AuthFailed, "asterisk.sip.auth_name_mismatch"},
	{"Device does not match ACL", event.ACLDenied, "asterisk.sip.device_acl"},
	{"ACL error (permit/deny)", event.ACLDenied, "asterisk.sip.acl_error"},
	{"Peer is not supposed to register", event.RequestRefused, "asterisk.sip.peer_not_dynamic"},
	{"Not a local domain", event.RequestRefused, "asterisk.sip.not_local_domain"},
	{"Device not configured to use this transport type", event.TransportRefused, "asterisk.sip.transport"},
}

// find gives the reason that text is, all of it. One has figures at its end:
// "after 5 tries in 1.234 ms".
func find(reasons []reason, text []byte) *reason {
	if line.HasSuffix(text, " ms") {
		if at := bytes.Index(text, []byte(" after ")); at >= 0 && isTries(text[at+len(" after "):]) {
			text = text[:at]
		}
	}
	for i := range reasons {
		if string(text) == reasons[i].text {
			return &reasons[i]
		}
	}
	return nil
}

func isTries(text []byte) bool {
	tries, text, ok1 := bytes.Cut(text, []byte(" tries in "))
	millis, ok2 := bytes.CutSuffix(text, []byte(" ms"))
	whole, _, _ := bytes.Cut(millis, []byte("."))
	_, ok3 := line.Number(tries)
	_, ok4 := line.Number(whole)
	return ok1 && ok2 && ok3 && ok4 && len(bytes.Trim(millis, "0123456789.")) == 0
}

// endsInReason says that text ends as a record about a refused request does.
func endsInReason(text []byte) bool {
	at := line.LastIndex(text, " - ")
	if at < 1 || text[at-1] != ')' && text[at-1] != '\'' {
		return false
	}
	return find(requestReasons[:], text[at+3:]) != nil || find(registrationReasons[:], text[at+3:]) != nil
}

const failedFor = "' failed for '"

// readRequestFailed reads, after "Request ", what PJSIP's distributor writes:
//
//	'REGISTER' from '"display" <uri>' failed for '192.0.2.1:5060' (callid: id) - reason
//
// Display name and URI in front of the address and the Call-ID behind it are an
// outsider's. The server writes "' failed for '" once; where it stands twice,
// the line names nobody.
func readRequestFailed(rec record, r *line.Reading) {
	text := rec.message
	at, once := line.Only(text, failedFor)
	if at < 0 {
		if _, _, ok := cutFrom(text); ok { // a line break in the From header
			r.Clause, r.Behind = failedFor, true
			r.Say(event.Tampered, event.RequestRefused, requestFailedRule)
			r.Note, r.Open = "ends before the address", true
		}
		return
	}
	r.Clause, r.Behind = failedFor, true
	r.Say(event.Hostile, event.RequestRefused, requestFailedRule)
	if !once {
		r.Tamper("a clause of the server inside a value")
		return
	}
	method, from, ok1 := cutFrom(text[:at])
	source, tail, ok2 := bytes.Cut(text[at+len(failedFor):], []byte("' (callid: "))
	end := line.LastIndex(tail, ") - ")
	peer, ok3 := line.Endpoint(source)
	if !ok1 || !ok2 || !ok3 || end < 0 {
		r.Tamper("not as the server writes it")
		r.Open = end < 0
		return
	}
	why := find(requestReasons[:], tail[end+4:])
	if why == nil {
		*r = line.Reading{Clause: failedFor}
		return
	}
	r.Kind, r.Rule = why.kind, why.rule
	r.Source = peer
	r.CallID, r.User = tail[:end], line.URIUser(from)
	switch {
	case line.HasControl(text, rec.escaped):
		r.Tamper("a control character inside a value")
	case line.Contains(r.CallID, ")", "failed for") || line.Contains(from, "failed for", "(callid:"):
		r.Tamper("a delimiter or a clause of the server inside a value")
	case line.Contains(method, "'", " "):
		r.Tamper("a method that is none")
	}
}

const requestFailedRule = "asterisk.pjsip.request_failed"

// cutFrom takes "'REGISTER' from '" apart; before Asterisk 14 the method is missing.
func cutFrom(text []byte) (method, from []byte, ok bool) {
	if from, ok = line.CutPrefix(text, "from '"); ok {
		return nil, from, true
	}
	text, ok1 := line.CutPrefix(text, "'")
	method, from, ok2 := bytes.Cut(text, []byte("' from '"))
	return method, from, ok1 && ok2
}

// readRegistrationFailed reads, after "Registration from '", chan_sip's
//
//	"display" <uri>' failed for '192.0.2.1:5060' - reason
func readRegistrationFailed(rec record, r *line.Reading) {
	text := rec.message
	r.Clause, r.Behind = failedFor, true
	r.Say(event.Hostile, event.RequestRefused, "asterisk.sip.registration_failed")
	at, once := line.Only(text, failedFor)
	if at < 0 {
		r.Tamper("ends before the address")
		r.Open = true
		return
	}
	if !once {
		r.Tamper("a clause of the server inside a value")
		return
	}
	source, tail, ok1 := bytes.Cut(text[at+len(failedFor):], []byte("' - "))
	peer, ok2 := line.PlainEndpoint(source)
	if !ok1 || !ok2 {
		r.Tamper("not as the server writes it")
		return
	}
	why := find(registrationReasons[:], tail)
	if why == nil {
		*r = line.Reading{Clause: failedFor}
		return
	}
	r.Kind, r.Rule = why.kind, why.rule
	r.Source, r.User = peer, line.URIUser(text[:at])
	if line.HasControl(text, rec.escaped) {
		r.Tamper("a control character inside a value")
	} else if line.Contains(text[:at], "failed for") {
		r.Tamper("a clause of the server inside a value")
	}
}

// readCallRejected reads "Call from 'who' (UDP:192.0.2.1:5060) to extension ...".
func readCallRejected(rec record, r *line.Reading) {
	readExtension(rec, "' (", r)
}

// readNamedCallRejected reads "who: Call (UDP:192.0.2.1:5060) to extension ...",
// as newer versions of res_pjsip_session.c put it.
func readNamedCallRejected(rec record, r *line.Reading) {
	if line.Contains(rec.message, ": Call (") {
		readExtension(rec, ": Call (", r)
	}
}

// readExtension reads the common rest of both. In front of the address stands
// the name of an endpoint, in old versions a caller's; behind it the number
// dialled, with percent escapes resolved.
func readExtension(rec record, opening string, r *line.Reading) {
	const dialled, refused = ") to extension '", "' rejected because extension not found in context '"
	text := rec.message
	r.Clause = refused
	r.Say(event.Hostile, event.CallRefused, "asterisk.call.extension_not_found")
	at, once := line.Only(text, dialled)
	if at < 0 {
		broken(r, text, opening)
		return
	}
	r.Open = !line.HasSuffix(text, "'.")
	open := line.LastIndex(text[:at], opening)
	if !once || open < 0 {
		r.Tamper("a clause of the server inside a value")
		return
	}
	who := text[:open]
	peer, carrier, ok := line.CarriedEndpoint(text[open+len(opening) : at])
	if !ok {
		r.Tamper("an address that is none")
		return
	}
	r.Source, r.Transport = peer, carrier
	r.User = who
	odd := line.Contains(who, "'", "(")
	r.Front = !odd && bytes.Index(text, []byte(opening)) == open
	number := text[at+len(dialled):]
	end, once := line.Only(number, refused)
	switch {
	case end < 0 || r.Open:
		r.Tamper("ends inside the number dialled")
		r.Open = true
	case !once || line.Contains(number[:end], "'") || line.Contains(number[:end], "rejected because", "failed for"):
		r.Tamper("a delimiter or a clause of the server inside a value")
	case odd:
		r.Tamper("a delimiter inside a value")
	case line.HasControl(text, rec.escaped):
		r.Tamper("a control character inside a value")
	}
	if len(who) == 0 {
		r.User = nil
	}
	if end >= 0 {
		r.Number = number[:end]
	}
}

// broken is for a message that begins as a form does and lacks the middle. It
// stops inside its first value, or it is of another form; the next lines tell.
func broken(r *line.Reading, text []byte, end string) {
	if line.Contains(text, end) {
		*r = line.Reading{Clause: r.Clause, Behind: r.Behind, Open: true}
		return
	}
	r.Tamper("ends inside a value")
	r.Open = true
}

// readNoSuchAOR reads, after "AOR '", what res_pjsip_registrar.c writes about a
// REGISTER for something else than the endpoint's own:
//
//	name' not found for endpoint 'id' (192.0.2.1:5060)
func readNoSuchAOR(rec record, r *line.Reading) {
	const middle = "' not found for endpoint '"
	text := rec.message
	r.Clause, r.Behind = middle, true
	r.Say(event.Hostile, event.RequestRefused, "asterisk.pjsip.aor_not_found")
	at, once := line.Only(text, middle)
	if at < 0 {
		broken(r, text, "'")
		return
	}
	if !once {
		r.Tamper("a clause of the server inside a value")
		r.Open = !line.HasSuffix(text, ")")
		return
	}
	id, rest, ok1 := bytes.Cut(text[at+len(middle):], []byte("' ("))
	rest, ok2 := bytes.CutSuffix(rest, []byte(")"))
	peer, ok3 := line.Endpoint(rest)
	if !ok1 || !ok2 || !ok3 {
		r.Tamper("not as the server writes it")
		return
	}
	r.Source, r.User = peer, id
	if line.HasControl(text, rec.escaped) {
		r.Tamper("a control character inside a value")
	} else if line.Contains(text[:at], "'") {
		r.Tamper("a delimiter inside a value")
	}
}

// readEndpointWithoutAOR reads, after "Endpoint '",
//
//	id' (192.0.2.1:5060) has no configured AORs
//
// which is what a scanner's REGISTER gets from an anonymous endpoint. Before
// 2021 the address was missing.
func readEndpointWithoutAOR(rec record, r *line.Reading) {
	text, ok := bytes.CutSuffix(rec.message, []byte(" has no configured AORs"))
	if !ok {
		return
	}
	r.Say(event.Hostile, event.RequestRefused, "asterisk.pjsip.no_configured_aors")
	if id, ok := bytes.CutSuffix(text, []byte("'")); ok {
		r.Verdict, r.User, r.Note = event.Benign, id, noSourceNote
		return
	}
	id, rest, ok1 := bytes.Cut(text, []byte("' ("))
	rest, ok2 := bytes.CutSuffix(rest, []byte(")"))
	peer, ok3 := line.Endpoint(rest)
	if !ok1 || !ok2 || !ok3 || line.HasControl(text, rec.escaped) {
		r.Tamper("not as the server writes it")
		return
	}
	r.Source, r.User, r.Front = peer, id, true
}

const noSourceNote = "no source in this line"

// readTooManyContacts: the password was right, old contacts are in the way.
func readTooManyContacts(rec record, r *line.Reading) {
	if line.Contains(rec.message, " will exceed max contacts of ") {
		r.Say(event.Benign, event.SessionLimit, "asterisk.pjsip.max_contacts")
	}
}

// readHackingAttempt reads, after "hacking attempt detected '", an address.
func readHackingAttempt(rec record, r *line.Reading) {
	r.Say(event.Hostile, event.Scan, "asterisk.sip.hacking_attempt")
	text, ok1 := bytes.CutSuffix(rec.message, []byte("'"))
	peer, ok2 := line.PlainEndpoint(text)
	if !ok1 || !ok2 {
		r.Tamper("not as the server writes it")
		return
	}
	r.Source, r.Front = peer, true
}

// readNamelessFailure knows chan_sip's lines that print the From header and no
// source. The host in a From header is whatever the sender put there: tools
// that believed it have banned the PBX itself.
func readNamelessFailure(_ record, r *line.Reading) {
	r.Say(event.Benign, event.AuthFailed, "asterisk.sip.failed_without_source")
	r.Note = noSourceNote
}

// readOwnRegistration knows what the server says when it is refused itself,
// as a customer of a carrier. The address is the carrier's.
func readOwnRegistration(_ record, r *line.Reading) {
	r.Say(event.Benign, event.KindOther, "asterisk.outbound")
	r.Note = "the server's own request"
}
