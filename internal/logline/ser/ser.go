// Package ser reads the lines of Kamailio and of OpenSIPS. Both grew out of SIP
// Express Router and still say many things in the same words; only the beginnings
// of their lines differ.
//
// Neither has words of its own for a wrong password: that is for the script to
// log. So the forms are the texts of both servers and of the scripts that come
// with them. From, Call-ID, User-Agent and Request-URI are printed as they came,
// often in front of the address, and Kamailio's log_prefix puts a Call-ID in front
// of the whole message.
package ser

import (
	"bytes"
	"net/netip"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

const (
	kamailioName = "kamailio"
	opensipsName = "opensips"
)

// script is the module of what the routing script prints with xlog().
const script = "script"

var scriptModule = []byte(script)

// record is one line, taken apart. All but prefix and message are the server's
// own words.
type record struct {
	server string
	level  []byte
	// module is the part of the server that speaks, without angle brackets; file
	// (Kamailio) and function narrow it down.
	module, file, function []byte
	// prefix is Kamailio's log_prefix, which may hold an outsider's text.
	prefix, message []byte
	// process is the number of the process, 0 where the line has none.
	process uint32
	// escaped is line.Header.Escaped. raw says that a line break of an outsider
	// would be one in the log, torn that the line ends in half of one.
	escaped, raw, torn bool
}

// judge gives the word of a record by the form it has.
func judge(rec record) line.Reading {
	r := match(&rec)
	r.Whole, r.Thread, r.Server = true, rec.process, rec.server
	r.Long = true // lines of stderr and of syslog may follow each other
	if rec.raw {
		r.Front, r.Folds = false, true
		r.Trails = rec.process > 0 && string(rec.module) == script && r.Verdict == event.Unknown
	}
	if r.Verdict == event.Unknown && isNear(&rec) {
		r.Verdict, r.Note = event.Near, "no known form"
	}
	if r.Source.IsValid() && isCut(&rec) {
		r.Source = netip.AddrPort{}
		r.Tamper("long enough to have been cut off")
	}
	if rec.raw {
		r.Quotes = quoted(&rec, r.Source.IsValid() && r.Rule != rec.rules().security)
	}
	if rec.torn && rec.raw {
		r.Source = netip.AddrPort{}
		if r.Verdict == event.Hostile {
			r.Tamper("half a line break at the end")
		}
	}
	if r.Verdict != event.Hostile && r.Verdict != event.Tampered {
		r.Source = netip.AddrPort{}
	}
	return r
}

// isCut says that the record may have been cut: by a syslog daemon that takes RFC
// 3164 literally, or at the 4096 bytes of xlog's buffer. A value of the right
// length then decides where a line ends.
func isCut(rec *record) bool {
	n := len(rec.prefix) + len(rec.message)
	return n > 3900 || rec.escaped && n > 900
}

// match looks for the form that a message has.
func match(rec *record) line.Reading {
	if isQuiet(rec.level) {
		return line.Reading{}
	}
	if rest, ok := line.CutPrefix(rec.message, "SECURITY "); ok && string(rec.module) == script {
		if r := readSecurity(rec, rest); r.Verdict != event.Unknown {
			return r
		}
	}
	var wrong line.Reading
	for i := range rec.forms() {
		f := &rec.forms()[i]
		if f.text[0] != '{' && (len(rec.message) == 0 || f.text[0] != rec.message[0]) {
			continue // most of them, without a closer look
		}
		if f.where != "" && f.where != string(rec.module) {
			continue
		}
		found, outcome := f.match(rec.message)
		switch {
		case outcome == yes:
			return f.reading(rec, &found)
		case outcome != no && f.hostile() && wrong.Verdict == event.Unknown:
			wrong = f.mismatch(rec, outcome)
		}
	}
	if wrong.Verdict != event.Unknown {
		return wrong
	}
	if imitating.In(rec.message) || imitating.In(rec.prefix) {
		r := line.Reading{Log: event.Log{Kind: event.KindOther, Rule: rec.rules().fragment}}
		r.Tamper("a clause of the server inside a value")
		return r
	}
	return readSourceless(rec)
}

// imitations are clauses of the server that no other message has, short enough
// to be compared without a copy.
var imitations = [...]string{
	"PIKE - BLOCKing ip ", "parsing of SIP message failed (", "to parse msg received from [", "ALERT: pike blocking ",
	"request from blocked IP - ", "Blocking traffic from ", "SECURITY auth_failed si=",
}

var imitating = line.NewWords(imitations[:]...)

// isQuiet says that lines of this level never speak about security.
func isQuiet(level []byte) bool { return string(level) == "DEBUG" || string(level) == "DBG" }

// isNear says that a message looks as if it were about security. A growing
// number of them means that a server or a script has learned new words.
func isNear(rec *record) bool {
	if isQuiet(rec.level) || string(rec.level) == "INFO" {
		return false
	}
	return line.HasAddress(rec.message) && nearWords.In(rec.message)
}

var nearWords = line.NewWords(
	"lock", "anned", "ailed", "ejected", "efused", "enied", "ttack", "lood", "nauthorized", "orbidden", "canner", "alformed", "uspicious", "limit", "raud",
	"lacklist",
)

// quoted says that an outsider's text may go on in the next lines: of a packet
// that is printed as it came, or of a value that is not closed in this line. A
// record that is complete ends as the server ends it, whatever is in its values.
func quoted(rec *record, complete bool) line.Quotation {
	q := line.Quotation{Size: maxPacket, Rule: rec.rules().quoted, Loose: true}
	message := rec.message
	switch {
	case rec.torn || line.HasSuffix(message, " buf:"):
		q.End = never
	case line.Contains(message, "message=<"):
		q.End = ">"
		q.Closed = line.HasSuffix(message, ">") // unless it is the packet's own
	case complete || line.HasSuffix(message, ")"):
		return line.Quotation{}
	case bytes.LastIndexByte(message, '<') > bytes.LastIndexByte(message, '>'):
		q.End = ">"
	case bytes.LastIndexByte(message, '[') > bytes.LastIndexByte(message, ']'):
		q.End = "]"
	case bytes.Count(message, []byte(`"`))%2 == 1 && (!line.HasSuffix(message, `"`) || line.HasSuffix(message, `="`)):
		q.End = `"`
	default:
		return line.Quotation{}
	}
	return q
}

const (
	// maxPacket is the longest message that either server reads.
	maxPacket = 64 << 10
	// never is an end mark that no line can be.
	never = "\n"
)

// readSecurity reads, after "SECURITY ", the line that our pages propose for
// scripts:
//
//	auth_failed si=192.0.2.1 sp=5060 proto=udp method=REGISTER user=100 ua="…"
//
// The source stands in front of everything that came from outside.
func readSecurity(rec *record, text []byte) line.Reading {
	word, rest := line.Token(text)
	var kind event.LogKind
	for _, k := range securityKinds {
		if k.word == string(word) {
			kind = k.kind
		}
	}
	rest, ok := line.CutPrefix(rest, "si=")
	if kind == 0 || !ok {
		return line.Reading{}
	}
	r := line.Reading{Front: true, Log: event.Log{Verdict: event.Hostile, Kind: kind, Rule: rec.rules().security}}
	host, rest := line.Token(rest)
	port, rest := line.Token(rest)
	addr, ok1 := line.Address(host)
	digits, ok2 := line.CutPrefix(port, "sp=")
	number, ok3 := line.Number(digits)
	if !ok1 || !ok2 || !ok3 || number >= 1<<16 {
		r.Front = false
		r.Tamper("not as the script writes it")
		return r
	}
	r.Source = netip.AddrPortFrom(addr, uint16(number))
	if proto, tail := line.Token(rest); bytes.HasPrefix(proto, []byte("proto=")) {
		r.Transport, rest = transport(proto[len("proto="):]), tail
	}
	if at, once := line.Only(rest, " user="); once {
		r.User = rest[at+len(" user="):]
		if end := bytes.Index(r.User, []byte(` ua="`)); end >= 0 {
			r.User = r.User[:end]
		}
	}
	switch {
	case line.HasControl(rec.message, rec.escaped) || line.HasControl(rec.prefix, rec.escaped):
		r.Tamper("a control character inside a value")
	case line.Contains(rest, "si=", "sp=", "SECURITY ") || bytes.Count(rest, []byte(" user=")) > 1:
		r.Tamper("a second key inside a value")
	}
	return r
}

var securityKinds = [...]struct {
	word string
	kind event.LogKind
}{
	{"auth_failed", event.AuthFailed}, {"unknown_user", event.UserUnknown}, {"scanner", event.Scan}, {"malformed", event.RequestMalformed},
	{"not_found", event.CallRefused}, {"call_refused", event.CallRefused}, {"acl_denied", event.ACLDenied}, {"rate_blocked", event.RateBlocked},
}

// transport knows the names and, as core lines print them, the numbers.
func transport(name []byte) event.Transport {
	switch string(name) {
	case "udp", "UDP", "1":
		return event.UDP
	case "tcp", "TCP", "2":
		return event.TCP
	case "tls", "TLS", "3":
		return event.TLS
	case "ws", "WS", "5":
		return event.WS
	case "wss", "WSS", "6":
		return event.WSS
	}
	return 0
}
