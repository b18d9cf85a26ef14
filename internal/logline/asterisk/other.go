package asterisk

import (
	"bytes"
	"net/netip"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// leading reads an address at the start of text, up to a blank. Nothing that an
// outsider wrote can stand in front of it.
func leading(r *line.Reading, text []byte) (rest []byte, ok bool) {
	r.Clause = "'"
	word, rest := line.Token(text)
	r.Source, ok = line.PlainEndpoint(bytes.TrimSuffix(word, []byte(",")))
	r.Front = ok
	return rest, ok
}

// quoted reads a name between apostrophes, to the end of text. Anything else
// than a plain name makes the line tampered; its source stands.
func quoted(r *line.Reading, text []byte, escaped bool) {
	name, ok := bytes.CutSuffix(text, []byte("'"))
	r.User = name
	switch {
	case !ok:
		r.Tamper("ends inside a value")
		r.Open = true
	case bytes.IndexByte(name, '\'') >= 0:
		r.Tamper("a delimiter inside a value")
	case line.HasControl(name, escaped):
		r.Tamper("a control character inside a value")
	}
}

// readManager reads manager.c: logins to the administration port.
func readManager(rec record, r *line.Reading) {
	rest, ok := leading(r, rec.message)
	for _, form := range managerForms {
		if user, begins := line.CutPrefix(rest, form.text); ok && begins {
			r.Say(event.Hostile, event.AdminFailed, form.rule)
			quoted(r, user, rec.escaped)
			return
		}
	}
	*r = line.Reading{}
}

var managerForms = [...]struct{ text, rule string }{
	{"failed to authenticate as '", "asterisk.ami.failed_to_authenticate"},
	{"tried to authenticate with nonexistent user '", "asterisk.ami.nonexistent_user"},
	{"failed to pass IP ACL as '", "asterisk.ami.acl"},
}

// readIAXHost reads what chan_iax2.c says after "Host " and "Address ".
func readIAXHost(rec record, r *line.Reading) {
	rest, ok := leading(r, rec.message)
	for _, form := range iaxForms {
		tail, begins := line.CutPrefix(rest, form.text)
		if !ok || !begins {
			continue
		}
		r.Say(event.Hostile, form.kind, form.rule)
		r.User = quotedName(form.text, tail)
		if line.HasControl(tail, rec.escaped) {
			r.Tamper("a control character inside a value")
		} else if bytes.Count(tail, []byte("'")) > closing(form.text) {
			r.Tamper("a delimiter inside a value")
		} else if len(tail) > 0 && !line.HasSuffix(tail, "'") && !line.HasSuffix(tail, ")") {
			r.Tamper("ends inside a value")
			r.Open = true
		}
		return
	}
	*r = line.Reading{}
}

var iaxForms = [...]reason{
	{"failed to authenticate as '", event.AuthFailed, "asterisk.iax.failed_to_authenticate"},
	{"failed MD5 authentication for '", event.AuthFailed, "asterisk.iax.md5"},
	{"failed RSA authentication", event.AuthFailed, "asterisk.iax.rsa"},
	{"did not provide proper plaintext password for '", event.AuthFailed, "asterisk.iax.plaintext"},
	{"failed CallToken hash inspection", event.RequestRefused, "asterisk.iax.calltoken"},
	{"denied access to register peer '", event.ACLDenied, "asterisk.iax.acl"},
}

// closing is how many apostrophes the server writes behind a form: those of one
// name, less the one that the form may end in.
func closing(form string) int {
	if form[len(form)-1] == '\'' {
		return 1
	}
	return 2
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
func readIAXConnect(rec record, r *line.Reading) {
	word, rest := line.Token(rec.message)
	source, ok := line.PlainEndpoint(bytes.TrimRight(word, ",:"))
	if !ok {
		return
	}
	r.Say(event.Hostile, event.CallRefused, "asterisk.iax.rejected_connect")
	r.Source, r.Front = source, true
	r.Clause = "'"
	r.User, _, _ = bytes.Cut(quotedName(" ", rest), []byte("@")) // "who was trying to reach '100@context'"
	if !line.HasSuffix(rest, "'") && !line.HasSuffix(rest, "' does not exist") && !line.Contains(rest, "incompatible with our capability") {
		r.Tamper("ends inside a value")
		r.Open = true
	} else if line.HasControl(rest, rec.escaped) {
		r.Tamper("a control character inside a value")
	} else if bytes.Count(rest, []byte("'")) > 2 {
		r.Tamper("a delimiter inside a value")
	}
}

// readIAXPeer reads, after "No registration for peer '", the caller's own
// text, and at the end "' (from 192.0.2.1)".
func readIAXPeer(rec record, r *line.Reading) {
	r.Say(event.Hostile, event.UserUnknown, "asterisk.iax.no_registration")
	readPeerFrom(rec, "' (from ", r)
}

// readIAXStaticPeer reads, after "Peer '", a registration to a peer that has a
// fixed address; other lines of the same file begin so, too.
func readIAXStaticPeer(rec record, r *line.Reading) {
	const from = "' is not dynamic (from "
	if line.Contains(rec.message, from) {
		r.Say(event.Hostile, event.RequestRefused, "asterisk.iax.peer_not_dynamic")
		readPeerFrom(rec, from, r)
	}
}

// readIAXEmpty reads, after "Empty registration from ", an address.
func readIAXEmpty(rec record, r *line.Reading) {
	if source, ok := line.PlainEndpoint(rec.message); ok {
		r.Say(event.Hostile, event.RequestMalformed, "asterisk.iax.empty_registration")
		r.Source, r.Front = source, true
	}
}

// readPeerFrom reads a peer's name, from, and an address in parentheses.
func readPeerFrom(rec record, from string, r *line.Reading) {
	r.Clause, r.Behind = from, true
	at, once := line.Only(rec.message, from)
	if at < 0 {
		r.Tamper("ends inside a value")
		r.Open = true
		return
	}
	text, ok1 := bytes.CutSuffix(rec.message[at+len(from):], []byte(")"))
	source, ok2 := line.PlainEndpoint(text)
	if !once || !ok1 || !ok2 {
		r.Tamper("a clause of the server inside a value")
		r.Open = !ok1
		return
	}
	r.Source, r.User = source, rec.message[:at]
	if line.HasControl(rec.message, rec.escaped) {
		r.Tamper("a control character inside a value")
	} else if line.Contains(r.User, "'") {
		r.Tamper("a delimiter inside a value")
	}
}

// readDialplan reads lines that the dial plan writes with Log(), as the widely
// used one of FreePBX does. In front of ": " stands the number dialled, which
// is the caller's text; the address at the end is the server's.
func readDialplan(rec record, r *line.Reading) {
	text := rec.message
	for _, form := range dialplanForms {
		at, once := line.Only(text, form.text)
		if at < 0 {
			continue
		}
		r.Clause, r.Behind = form.text, true
		r.Say(event.Hostile, form.kind, form.rule)
		source, ok := line.PlainEndpoint(bytes.TrimSuffix(bytes.TrimSpace(text[at+len(form.text):]), []byte(`"`)))
		if !once || !ok {
			r.Tamper("a clause of the server inside a value")
			return
		}
		r.Source = source
		// On a console the parts of the prefix have colours, the number among them.
		if !isExtension(text[:at]) && !line.Contains(text[:at], "\x1b[", "#033[") {
			r.Tamper("a number that nobody can dial")
		}
		return
	}
	r.Clause = ": "
	r.Say(event.Unknown, event.KindOther, "asterisk.dialplan")
	broken(r, text, ":")
	r.Open = r.Open && !rec.escaped // syslog keeps a record in one line
}

var dialplanForms = [...]reason{
	{"Rejecting unknown SIP connection from ", event.CallRefused, "asterisk.dialplan.unknown_connection"},
	{"Friendly Scanner from ", event.Scan, "asterisk.dialplan.friendly_scanner"},
}

// isExtension checks what stands in front of the Clause: `s: "`, or with a
// priority and a context, `s:1 @ default: "`.
func isExtension(text []byte) bool {
	number, rest, ok := bytes.Cut(text, []byte(":"))
	for _, b := range number {
		if !isFileByte[b] && b != '*' && b != '#' {
			return false
		}
	}
	return ok && !line.Contains(bytes.TrimSuffix(rest, []byte(`"`)), `"`, "'", "failed") && !line.HasControl(text, false)
}

// readPJProject reads what pjproject says through res_pjproject.c: a tab, the
// padded name of one of its own source files, and the message.
func readPJProject(rec record, r *line.Reading) {
	text := bytes.TrimLeft(rec.message, " \t")
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("#011")), " ")
	file, text := line.Token(text)
	if !line.HasSuffix(file, ".c") {
		return
	}
	if rest, ok := line.CutPrefix(text, "Error processing packet from "); ok {
		readBadPacket(rest, !rec.escaped, r)
	} else if rest, ok := line.CutPrefix(text, "Dropping "); ok {
		readDroppedPacket(rest, rec.escaped, r)
	} else if bytes.HasPrefix(text, []byte("Error parsing ")) {
		r.Say(event.Benign, event.RequestMalformed, "asterisk.pjproject.parse_error")
		r.Note = noSourceNote
	}
}

// readBadPacket reads "192.0.2.1:5060: reason [code 171050]:". The packet
// itself follows, line by line, and then "-- end of packet.".
func readBadPacket(text []byte, quoted bool, r *line.Reading) {
	word, _, ok1 := bytes.Cut(text, []byte(": "))
	source, ok2 := line.Endpoint(word)
	if !ok1 || !ok2 {
		return
	}
	r.Say(event.Hostile, event.RequestMalformed, "asterisk.pjproject.bad_packet")
	r.Source, r.Front = source, true
	switch {
	case quoted && line.HasSuffix(text, "]:"):
		r.Quotes = line.Quotation{End: "-- end of packet.", Rule: quotedRule}
	case !line.Contains(text, "]:\n", "]:#012"):
		r.Tamper("not as the server writes it")
		r.Source = netip.AddrPort{}
	}
}

// readDroppedPacket reads "400 bytes packet from UDP 192.0.2.1:5060 : reason".
func readDroppedPacket(text []byte, escaped bool, r *line.Reading) {
	size, text := line.Token(text)
	text, ok := line.CutPrefix(text, "bytes packet from ")
	carrier, text := line.Token(text)
	word, rest := line.Token(text)
	source, ok2 := line.Endpoint(word)
	if _, ok1 := line.Number(size); !ok || !ok1 || !ok2 {
		return
	}
	r.Say(event.Hostile, event.RequestMalformed, "asterisk.pjproject.dropped_packet")
	r.Source, r.Transport, r.Front = source, line.Transport(carrier), true
	rest = bytes.TrimSuffix(rest, []byte("#012")) // the message's own line end, escaped
	if line.HasControl(rest, escaped) || !isPlace(rest) {
		r.Tamper("not as the server writes it")
		r.Source = netip.AddrPort{}
	}
}

// isPlace says that text ends as pjproject's complaints do: "line 3 col 7".
func isPlace(text []byte) bool {
	at := bytes.LastIndex(text, []byte(" col "))
	if at < 0 || !line.Contains(text[:at], " on line ") {
		return false
	}
	_, ok := line.Number(bytes.TrimPrefix(text[at+len(" col "):], []byte("-")))
	return ok
}

// quotedPacket knows the lines in front of a packet that SIP debugging prints.
func quotedPacket(text []byte) line.Quotation {
	text = bytes.TrimSuffix(bytes.TrimLeft(text, " "), []byte(" "))
	if !bytes.HasPrefix(text, []byte("<--- ")) || !line.HasSuffix(text, "--->") {
		return line.Quotation{}
	}
	if line.Contains(text, "<--- SIP read from ") {
		return line.Quotation{End: "<------------->", Rule: quotedRule}
	}
	// "<--- Received SIP request (497 bytes) from UDP:192.0.2.1:5060 --->"
	_, rest, ok := bytes.Cut(text, []byte(" ("))
	digits, _, ok2 := bytes.Cut(rest, []byte(" bytes) "))
	if size, ok3 := line.Number(digits); ok && ok2 && ok3 {
		return line.Quotation{Size: size, Rule: quotedRule}
	}
	return line.Quotation{}
}
