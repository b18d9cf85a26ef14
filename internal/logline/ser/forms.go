package ser

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// form is a message that we know. Its text is what the server writes, with a
// word in braces for each value:
//
//	{src}    the packet's source with its port, {ip} without one
//	{num}    a decimal number, {ptr} a pointer, {proto} what carried the packet
//	{word}   an outsider's text without blanks
//	{text}   an outsider's text; {uri} and {user} are kept, too
//	{tail}   whatever follows, to the end
//
// What stands behind an outsider's text must stand there once.
type form struct {
	// where is the module that writes it, empty for any.
	where, text string
	verdict     event.Verdict
	kind        event.LogKind
	// rule is the form's name behind that of the server.
	rule string
	note string
}

const noSourceNote = "no source in this line"

// sharedForms is what both servers write, or scripts for either.
var sharedForms = []form{
	{"", "PIKE - UNBLOCKing node {ptr}", event.Benign, event.KindOther, "pike.unblocked", noSourceNote},
	{script, "ALERT: pike blocking {word} from {uri} (IP:{src})", event.Hostile, event.RateBlocked, "script.pike_blocking", ""},
	{script, "ALERT: pike blocking {word} from {uri} (IP:{src}, {tail})", event.Hostile, event.RateBlocked, "script.pike_blocking", ""},
	{script, "request from blocked IP - {word} from {uri} (IP:{src})", event.Hostile, event.RateBlocked, "script.blocked_ip", ""},
	{script, "request from apiban.org blocked IP - {word} from {uri} (IP:{src})", event.Hostile, event.RateBlocked, "script.blocked_ip", ""},
	{script, "blocking {word} from {uri} (IP:{src})", event.Hostile, event.RateBlocked, "script.blocked_ip", ""},
	{script, "ALERT: blocking {word} from {uri} (IP:{src}), more than {num} failed auth requests!", event.Hostile, event.AuthFailed, "script.failed_auth_requests", ""},
	{script, "ALERT: Request to myself: {text} from {uri} (IP:{src}, {tail}), Blocking", event.Hostile, event.RequestRefused, "script.request_to_myself", ""},
	{script, "Blocking traffic from {ip}", event.Hostile, event.RateBlocked, "script.blocking_traffic", ""},
	{script, "Auth error for {text} from {ip} cause -2", event.Hostile, event.AuthFailed, "script.auth_error", ""},
	{script, "Auth error for {text} from {ip} cause -1", event.Hostile, event.UserUnknown, "script.auth_error", ""},
	// No credentials, or a nonce too old: everybody's first request.
	{script, "Auth error for {text} from {ip} cause {tail}", event.Benign, event.AuthChallenged, "script.auth_error", ""},
	{script, "Malformed SIP request from {src}", event.Hostile, event.RequestMalformed, "script.malformed", ""},
	{script, "Malformed SIP message from {src}", event.Hostile, event.RequestMalformed, "script.malformed", ""},
	{script, "malformed SIP message from {src}", event.Hostile, event.RequestMalformed, "script.malformed", ""},
	{script, "Malformed SIP from {src}", event.Hostile, event.RequestMalformed, "script.malformed", ""},
	// A reply comes from somebody whom we asked.
	{script, "Malformed SIP response from {src}", event.Benign, event.RequestMalformed, "script.malformed_reply", "a reply, not a request"},
	{script, "malformed SIP response from {src}", event.Benign, event.RequestMalformed, "script.malformed_reply", "a reply, not a request"},
	{script, "Kill-Vicious ! si : {ip} ru : {tail}", event.Hostile, event.Scan, "script.scanner", ""},
	{script, "FRIENDLY-SCANNER: UA: {text} IP SOURCE: {ip}", event.Hostile, event.Scan, "script.scanner", ""},
	{script, "{word} from {ip} blocked because UserAgent '{text}' is blacklisted", event.Hostile, event.Scan, "script.blacklisted", ""},
	{script, "{word} from {ip} blocked because IP address is blacklisted", event.Hostile, event.ACLDenied, "script.blacklisted", ""},
	{script, "{word} from {ip} blocked because Country '{text}' is blacklisted", event.Hostile, event.ACLDenied, "script.blacklisted", ""},
	{script, "{word} from {ip} blocked because {text} is blacklisted", event.Hostile, event.RequestRefused, "script.blacklisted", ""},
	{script, "{word} to {ip} blocked because {text} is blacklisted", event.Hostile, event.RequestRefused, "script.blacklisted", ""}, // the source, too
	// Phones that missed a message do this, too.
	{script, "In-Dialog {word} from {ip} (callid={text}) is not valid according to dialog", event.Benign, event.RequestRefused, "script.not_in_dialog", ""},
	{script, "Attempt to route with preloaded Route's [{tail}", event.Benign, event.RequestRefused, "script.preloaded_route", noSourceNote},
	{"core", "maximum number of connections exceeded{tail}", event.Benign, event.ServerOverload, "connections_exceeded", noSourceNote},
	{"registrar", "too many contacts {tail}", event.Benign, event.SessionLimit, "registrar.too_many_contacts", noSourceNote},
	{"registrar", "too many contacts for AOR <{user}> {tail}", event.Benign, event.SessionLimit, "registrar.too_many_contacts", noSourceNote},
}

var kamailioOnly = []form{
	// Kamailio names the module; a script may print a User-Agent that says the same.
	{"pike", "PIKE - BLOCKing ip {ip}, node={ptr}", event.Hostile, event.RateBlocked, "pike.blocked", ""},
	{"core", "core parsing of SIP message failed ({src}/{proto})", event.Hostile, event.RequestMalformed, "core.parsing_failed", ""},
	{"core", "buffer overrun, dropping ([{ip}]:{num} -> {tail}", event.Hostile, event.RequestMalformed, "core.buffer_overrun", ""},
	{"core", "error reading: {tail}", event.Benign, event.KindOther, "core.connection_lost", ""},
	{"sl", "stateless error reply used: {tail}", event.Benign, event.KindOther, "sl.error_reply", noSourceNote},
	{"tls", "tls_accept: new connection from {src} using {tail}", event.Benign, event.KindOther, "tls.accepted", ""},
	{"tls", "source IP: {ip}", event.Benign, event.TransportRefused, "tls.source", "whether they called us or we them, the line does not tell"},
}

var opensipsOnly = []form{
	{"", "PIKE - BLOCKing ip {ip}, node={ptr}", event.Hostile, event.RateBlocked, "pike.blocked", ""},
	{"core", "Unable to parse msg received from [{src}]", event.Hostile, event.RequestMalformed, "core.parsing_failed", ""},
	{"", "New TLS connection from {src} accepted", event.Benign, event.KindOther, "tls.accepted", ""},
	{"", "New TLS connection from {src} failed to accept{tail}", event.Hostile, event.TransportRefused, "tls.failed_to_accept", ""},
	{script, "IP {ip} has been blocked", event.Hostile, event.RateBlocked, "script.pike_event", ""},
	{script, "E_PIKE_BLOCKED: {ip}", event.Hostile, event.RateBlocked, "script.pike_event", ""},
	{script, "E_PIKE_BLOCKED {ip}", event.Hostile, event.RateBlocked, "script.pike_event", ""},
	{script, "E_PIKE_BLOCKED ip={ip}", event.Hostile, event.RateBlocked, "script.pike_event", ""},
	{script, "E_PIKE_BLOCKED: ip={ip}", event.Hostile, event.RateBlocked, "script.pike_event", ""},
}

// kamailioForms and opensipsForms have whole rules: nothing is put together while
// a log is read.
var (
	kamailioForms = named(kamailioName, kamailioOnly, sharedForms)
	opensipsForms = named(opensipsName, opensipsOnly, sharedForms)
)

func named(server string, lists ...[]form) []form {
	var all []form
	for _, list := range lists {
		for _, f := range list {
			f.rule = server + "." + f.rule
			all = append(all, f)
		}
	}
	return all
}

func (rec *record) forms() []form {
	if rec.server == opensipsName {
		return opensipsForms
	}
	return kamailioForms
}

// found is what a form took from a message.
type found struct {
	source netip.AddrPort
	proto  event.Transport
	user   []byte
	// front says that no outsider's text stands before the source.
	front bool
}

// outcome is how well a message fits a form.
type outcome uint8

const (
	no    outcome = iota // another message
	yes                  // this form, and one way to read it
	wrong                // begins as this form and goes on otherwise
	twice                // what the server writes once stands there twice
)

// match reads text as the form.
func (f *form) match(text []byte) (values found, how outcome) {
	pattern, outsider := f.text, false
	how = no
	for {
		open := strings.IndexByte(pattern, '{')
		if open < 0 {
			open = len(pattern)
		}
		var ok bool
		if text, ok = line.CutPrefix(text, pattern[:open]); !ok {
			return values, how
		}
		if open >= shortest {
			how = wrong
		}
		if open == len(pattern) {
			if len(text) > 0 {
				return values, how
			}
			return values, yes
		}
		name, rest, _ := strings.Cut(pattern[open+1:], "}")
		pattern = rest
		value, behind, many := upTo(text, pattern)
		if value == nil && name != "tail" {
			return values, how
		}
		if many && isOutsiders(name) {
			return values, twice
		}
		outsider = outsider || isOutsiders(name)
		if !values.take(name, value, outsider) {
			return values, how
		}
		text = behind
	}
}

// shortest is how long the beginning of a form is, at least, that is no accident;
// unmistakable is how long it is when nobody else begins so.
const (
	shortest     = len("blocking ")
	unmistakable = len("FRIENDLY-SCANNER: UA: ")
)

// upTo cuts text where the next literal of pattern begins, and says whether the
// literal stands there more than once.
func upTo(text []byte, pattern string) (value, rest []byte, many bool) {
	literal, _, _ := strings.Cut(pattern, "{")
	if literal == "" {
		return text, nil, false
	}
	at := bytes.Index(text, []byte(literal))
	if at < 0 {
		return nil, nil, false
	}
	return text[:at], text[at:], bytes.Contains(text[at+1:], []byte(literal))
}

// isOutsiders says that an outsider may have written a value. A blank ends a
// {word}, so more blanks behind it are no sign.
func isOutsiders(name string) bool {
	return name == "text" || name == "uri" || name == "user" || name == "tail"
}

// take keeps a value, and refuses one that the server would not have written.
func (v *found) take(name string, value []byte, outsider bool) (ok bool) {
	switch name {
	case "src":
		v.source, ok = line.Endpoint(value)
		v.front = !outsider
	case "ip":
		addr, isIP := line.Address(value)
		v.source, ok = netip.AddrPortFrom(addr, v.source.Port()), isIP
		v.front = !outsider
	case "num":
		var n int
		if n, ok = line.Number(value); ok && v.source.IsValid() && v.source.Port() == 0 && n < 1<<16 {
			v.source = netip.AddrPortFrom(v.source.Addr(), uint16(n))
		}
	case "ptr":
		ok = len(value) > 0 && len(value) <= 18 && len(bytes.Trim(value, "0123456789abcdefxnil()")) == 0
	case "proto":
		v.proto, ok = transport(value), len(value) > 0 && len(value) < 5
	case "word":
		ok = len(value) > 0 && bytes.IndexByte(value, ' ') < 0
	case "uri":
		v.user, ok = line.URIUser(value), true
	case "user":
		v.user, ok = value, true
	default:
		ok = true
	}
	return ok
}

func (f *form) hostile() bool { return f.verdict == event.Hostile }

// reading is the word of a message that has this form.
func (f *form) reading(rec *record, v *found) line.Reading {
	r := line.Reading{Front: v.front && len(rec.prefix) == 0, Clause: f.clause(), Behind: true, Log: event.Log{
		Verdict: f.verdict, Kind: f.kind, Rule: f.rule, Note: f.note, Source: v.source, Transport: v.proto, User: v.user,
	}}
	if len(r.User) == 0 {
		r.User = nil
	}
	if r.Kind == event.TransportRefused {
		r.Transport = event.TLS
	}
	switch {
	case !f.hostile():
	case line.HasControl(rec.message, rec.escaped) || line.HasControl(rec.prefix, rec.escaped):
		r.Tamper("a control character inside a value")
	case imitating.In(rec.prefix) || countImitations(rec.message) > 1 ||
		bytes.Count(rec.message, []byte("(IP:")) > 1 || line.Contains(rec.prefix, "(IP:"):
		r.Tamper("a clause of the server inside a value")
	}
	return r
}

// countImitations counts the clauses of which a message has one at most.
func countImitations(text []byte) int {
	n := 0
	for _, clause := range imitations {
		at, once := line.Only(text, clause)
		if at >= 0 {
			n++
		}
		if at >= 0 && !once {
			n++
		}
	}
	return n
}

// mismatch is the word of a message that begins as this form and goes on
// otherwise.
func (f *form) mismatch(rec *record, how outcome) line.Reading {
	r := line.Reading{Clause: f.clause(), Behind: true, Log: event.Log{Kind: f.kind, Rule: f.rule}}
	begin := strings.IndexByte(f.text, '{')
	switch {
	case how == twice:
		r.Tamper("a clause of the server inside a value")
	case f.where != script || begin >= unmistakable-1 && strings.Contains(f.text, "{uri}"):
		r.Tamper("not as the server writes it")
		r.Open = rec.raw && r.Clause != ""
	case line.Contains(rec.message[begin:], r.Clause) && strings.Contains(f.text[:strings.Index(f.text, r.Clause)], "{"):
		r.Tamper("not as the script writes it")
	default: // another script's words
		return line.Reading{}
	}
	return r
}

// clause is what the server writes in front of the source, behind the outsider's
// values.
func (f *form) clause() string {
	at := strings.Index(f.text, "{src}")
	if at < 0 {
		at = strings.Index(f.text, "{ip}")
	}
	if at < 0 {
		return ""
	}
	return f.text[strings.LastIndexByte(f.text[:at], '}')+1 : at]
}

// rules are names that no form has.
type rules struct {
	security, fragment, quoted, parse, credentials, own string
}

var (
	kamailioRules = rulesOf(kamailioName)
	opensipsRules = rulesOf(opensipsName)
)

func rulesOf(server string) rules {
	return rules{
		security: server + ".script.security", fragment: server + ".fragment", quoted: server + ".quoted_packet",
		parse: server + ".parse_error", credentials: server + ".auth.credentials", own: server + ".own_peer",
	}
}

func (rec *record) rules() *rules {
	if rec.server == opensipsName {
		return &opensipsRules
	}
	return &kamailioRules
}
