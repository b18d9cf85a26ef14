package logline

import (
	"bytes"

	"github.com/sipward/sipward/internal/event"
)

// leading reads an address at the start of text, up to a blank. Nothing that an
// outsider wrote can stand in front of it.
func (r *reading) leading(text []byte) (rest []byte, ok bool) {
	r.clause = "'"
	word, rest := token(text)
	r.Source, ok = plainEndpoint(bytes.TrimSuffix(word, []byte(",")))
	r.front = ok
	return rest, ok
}

// quoted reads a name between apostrophes, to the end of text. Anything else
// than a plain name makes the line tampered; its source stands.
func (r *reading) quoted(text []byte, escaped bool) {
	name, ok := bytes.CutSuffix(text, []byte("'"))
	r.User = name
	switch {
	case !ok:
		r.tamper("ends inside a value")
		r.open = true
	case bytes.IndexByte(name, '\'') >= 0:
		r.tamper("a delimiter inside a value")
	case hasControl(name, escaped):
		r.tamper("a control character inside a value")
	}
}

// readManager reads manager.c: logins to the administration port.
func readManager(rec record) reading {
	r := reading{Log: event.Log{Verdict: event.Hostile, Kind: event.AdminFailed}}
	rest, ok := r.leading(rec.message)
	if !ok {
		return reading{}
	}
	for _, form := range managerForms {
		if user, ok := cutPrefix(rest, form.text); ok {
			r.Rule = form.rule
			r.quoted(user, rec.escaped)
			return r
		}
	}
	return reading{}
}

var managerForms = [...]struct{ text, rule string }{
	{"failed to authenticate as '", "asterisk.ami.failed_to_authenticate"},
	{"tried to authenticate with nonexistent user '", "asterisk.ami.nonexistent_user"},
	{"failed to pass IP ACL as '", "asterisk.ami.acl"},
}

// readIAXHost reads what chan_iax2.c says after "Host " and "Address ".
func readIAXHost(rec record) reading {
	r := reading{Log: event.Log{Verdict: event.Hostile, Kind: event.AuthFailed}}
	rest, ok := r.leading(rec.message)
	if !ok {
		return reading{}
	}
	for _, form := range iaxForms {
		if tail, ok := cutPrefix(rest, form.text); ok {
			r.Kind, r.Rule = form.kind, form.rule
			r.User = quotedName(form.text, tail)
			if hasControl(tail, rec.escaped) {
				r.tamper("a control character inside a value")
			} else if len(tail) > 0 && !hasSuffix(tail, "'") && !hasSuffix(tail, ")") {
				r.tamper("ends inside a value")
				r.open = true
			}
			return r
		}
	}
	return reading{}
}

var iaxForms = [...]reason{
	{"failed to authenticate as '", event.AuthFailed, "asterisk.iax.failed_to_authenticate"},
	{"failed MD5 authentication for '", event.AuthFailed, "asterisk.iax.md5"},
	{"failed RSA authentication", event.AuthFailed, "asterisk.iax.rsa"},
	{"did not provide proper plaintext password for '", event.AuthFailed, "asterisk.iax.plaintext"},
	{"failed CallToken hash inspection", event.RequestRefused, "asterisk.iax.calltoken"},
	{"denied access to register peer '", event.ACLDenied, "asterisk.iax.acl"},
}

// quotedName gives the name between apostrophes; form may end in the first one.
func quotedName(form string, tail []byte) []byte {
	if form[len(form)-1] != '\'' {
		_, tail, _ = bytes.Cut(tail, []byte("'"))
	}
	name, _, ok := bytes.Cut(tail, []byte("'"))
	if !ok || len(name) == 0 {
		return nil
	}
	return name
}

// readIAXConnect reads, after "Rejected connect attempt from ", an address and
// what was wanted.
func readIAXConnect(rec record) reading {
	r := reading{Log: event.Log{Verdict: event.Hostile, Kind: event.CallRefused, Rule: "asterisk.iax.rejected_connect"}}
	text := rec.message
	word, rest := token(text)
	source, ok := plainEndpoint(bytes.TrimRight(word, ",:"))
	if !ok {
		return reading{}
	}
	r.Source, r.front = source, true
	r.clause = "'"
	r.User, _, _ = bytes.Cut(quotedName(" ", rest), []byte("@")) // "who was trying to reach '100@context'"
	if !hasSuffix(rest, "'") && !hasSuffix(rest, "' does not exist") && !contains(rest, "incompatible with our capability") {
		r.tamper("ends inside a value")
		r.open = true
	} else if hasControl(rest, rec.escaped) {
		r.tamper("a control character inside a value")
	}
	return r
}

// readIAXPeer reads, after "No registration for peer '", the caller's own
// text, and at the end "' (from 192.0.2.1)".
func readIAXPeer(rec record) reading {
	const from = "' (from "
	r := reading{clause: from, behind: true, Log: event.Log{Verdict: event.Hostile, Kind: event.UserUnknown, Rule: "asterisk.iax.no_registration"}}
	at, once := only(rec.message, from)
	if at < 0 {
		r.tamper("ends inside a value")
		r.open = true
		return r
	}
	text, ok1 := bytes.CutSuffix(rec.message[at+len(from):], []byte(")"))
	source, ok2 := plainEndpoint(text)
	if !once || !ok1 || !ok2 {
		r.tamper("a clause of the server inside a value")
		r.open = !ok1
		return r
	}
	r.Source, r.User = source, rec.message[:at]
	if hasControl(rec.message, rec.escaped) {
		r.tamper("a control character inside a value")
	} else if contains(r.User, "'") {
		r.tamper("a delimiter inside a value")
	}
	return r
}

// readDialplan reads lines that the dial plan writes with Log(), as the widely
// used one of FreePBX does. In front of ": " stands the number dialled, which
// is the caller's text; the address at the end is the server's.
func readDialplan(rec record) reading {
	text := rec.message
	for _, form := range dialplanForms {
		at, once := only(text, form.text)
		if at < 0 {
			continue
		}
		r := reading{clause: form.text, behind: true, Log: event.Log{Verdict: event.Hostile, Kind: form.kind, Rule: form.rule}}
		source, ok := plainEndpoint(bytes.TrimSuffix(bytes.TrimSpace(text[at+len(form.text):]), []byte(`"`)))
		if !once || !ok {
			r.tamper("a clause of the server inside a value")
			return r
		}
		r.Source = source
		// On a console the parts of the prefix have colours, the number among them.
		if !isExtension(text[:at]) && !contains(text[:at], "\x1b[", "#033[") {
			r.tamper("a number that nobody can dial")
		}
		return r
	}
	r := reading{clause: ": ", Log: event.Log{Kind: event.KindOther, Rule: "asterisk.dialplan"}}
	return r.broken(text, ":")
}

var dialplanForms = [...]reason{
	{"Rejecting unknown SIP connection from ", event.CallRefused, "asterisk.dialplan.unknown_connection"},
	{"Friendly Scanner from ", event.Scan, "asterisk.dialplan.friendly_scanner"},
}

// isExtension checks what stands in front of the clause: `s: "`, or with a
// priority and a context, `s:1 @ default: "`.
func isExtension(text []byte) bool {
	number, rest, ok := bytes.Cut(text, []byte(":"))
	for _, b := range number {
		if !isFileByte(b) && b != '*' && b != '#' {
			return false
		}
	}
	return ok && !contains(bytes.TrimSuffix(rest, []byte(`"`)), `"`, "'", "failed") && !hasControl(text, false)
}

// readPJProject reads what pjproject says through res_pjproject.c: a tab, the
// padded name of one of its own source files, and the message.
func readPJProject(rec record) reading {
	text := bytes.TrimLeft(rec.message, " \t")
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("#011")), " ")
	file, text := token(text)
	if !hasSuffix(file, ".c") {
		return reading{}
	}
	if rest, ok := cutPrefix(text, "Error processing packet from "); ok {
		return readBadPacket(rest, !rec.escaped)
	}
	if rest, ok := cutPrefix(text, "Dropping "); ok {
		return readDroppedPacket(rest, rec.escaped)
	}
	if bytes.HasPrefix(text, []byte("Error parsing ")) {
		return reading{Log: event.Log{
			Verdict: event.Benign, Kind: event.RequestMalformed, Rule: "asterisk.pjproject.parse_error", Note: "no source in this line",
		}}
	}
	return reading{}
}

// readBadPacket reads "192.0.2.1:5060: reason [code 171050]:". The packet
// itself follows, line by line, and then "-- end of packet.".
func readBadPacket(text []byte, quoted bool) reading {
	r := reading{Log: event.Log{Verdict: event.Hostile, Kind: event.RequestMalformed, Rule: "asterisk.pjproject.bad_packet"}}
	word, _, ok1 := bytes.Cut(text, []byte(": "))
	source, ok2 := endpoint(word)
	if !ok1 || !ok2 {
		return reading{}
	}
	r.Source, r.front = source, true
	switch {
	case quoted && hasSuffix(text, "]:"):
		r.quotes = quotation{end: "-- end of packet."}
	case !contains(text, "]:"):
		r.tamper("not as the server writes it")
		r.Source = noSource
	}
	return r
}

// readDroppedPacket reads "400 bytes packet from UDP 192.0.2.1:5060 : reason".
func readDroppedPacket(text []byte, escaped bool) reading {
	r := reading{Log: event.Log{Verdict: event.Hostile, Kind: event.RequestMalformed, Rule: "asterisk.pjproject.dropped_packet"}}
	size, text := token(text)
	text, ok := cutPrefix(text, "bytes packet from ")
	carrier, text := token(text)
	word, rest := token(text)
	source, ok2 := endpoint(word)
	if _, ok1 := number(size); !ok || !ok1 || !ok2 {
		return reading{}
	}
	r.Source, r.Transport, r.front = source, transport(carrier), true
	rest = bytes.TrimSuffix(rest, []byte("#012")) // the message's own line end, escaped
	if hasControl(rest, escaped) || !isPlace(rest) {
		r.tamper("not as the server writes it")
		r.Source = noSource
	}
	return r
}

// isPlace says that text ends as pjproject's complaints do: "line 3 col 7".
func isPlace(text []byte) bool {
	at := bytes.LastIndex(text, []byte(" col "))
	if at < 0 || !contains(text[:at], " on line ") {
		return false
	}
	_, ok := number(bytes.TrimPrefix(text[at+len(" col "):], []byte("-")))
	return ok
}

// quotedPacket knows the lines in front of a packet that SIP debugging prints.
func quotedPacket(text []byte) quotation {
	text = bytes.TrimSuffix(bytes.TrimLeft(text, " "), []byte(" "))
	if !bytes.HasPrefix(text, []byte("<--- ")) || !hasSuffix(text, "--->") {
		return quotation{}
	}
	if contains(text, "<--- SIP read from ") {
		return quotation{end: "<------------->"}
	}
	// "<--- Received SIP request (497 bytes) from UDP:192.0.2.1:5060 --->"
	_, rest, ok := bytes.Cut(text, []byte(" ("))
	digits, _, ok2 := bytes.Cut(rest, []byte(" bytes) "))
	if size, ok3 := number(digits); ok && ok2 && ok3 {
		return quotation{size: size}
	}
	return quotation{}
}
