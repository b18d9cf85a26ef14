package asterisk

import (
	"bytes"
	"net/netip"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// securityKey is a key of a security event: ,Key="value".
type securityKey uint8

const (
	accountID securityKey = iota
	sessionID
	localAddress
	remoteAddress
	requestType
	authMethod
	usingPassword
	expectedAddress
	challenge
	response
	expectedResponse
	attemptedTransport
	module
	aclName
	sessionTV
	requestParams
	receivedChallenge
	receivedHash
	securityKeys // how many there are
)

var securityKeyNames = [securityKeys]string{
	"AccountID", "SessionID", "LocalAddress", "RemoteAddress", "RequestType", "AuthMethod", "UsingPassword",
	"ExpectedAddress", "Challenge", "Response", "ExpectedResponse", "AttemptedTransport", "Module", "ACLName",
	"SessionTV", "RequestParams", "ReceivedChallenge", "ReceivedHash",
}

// securityMarks is what stands in front of a value: ,Key=" and no blank.
var securityMarks = markKeys()

func markKeys() (marks [securityKeys]string) {
	for i, name := range securityKeyNames {
		marks[i] = "," + name + `="`
	}
	return marks
}

// securityForm is one of Asterisk's security events. Its keys come in a fixed
// order, first those that must be there, then those that may
// (main/security_events.c).
type securityForm struct {
	name     string
	verdict  event.Verdict
	kind     event.LogKind
	rule     string
	must     []securityKey
	optional []securityKey
}

var (
	common    = []securityKey{accountID, sessionID, localAddress, remoteAddress}
	afterward = []securityKey{module, sessionTV}
)

// with is the common keys and some more, in a slice of its own.
func with(more ...securityKey) []securityKey {
	return append(append([]securityKey{}, common...), more...)
}

// securityForms is all 15 events. SessionLimit is no evidence: it tells that a
// limit was reached, not who filled it, and a busy customer reaches it too.
// The two limits after it are the server's own trouble. The first are those of
// which logs are full.
var securityForms = [...]securityForm{
	{"ChallengeSent", event.Benign, event.AuthChallenged, "asterisk.security.challenge_sent", with(challenge), afterward},
	{"SuccessfulAuth", event.Benign, event.AuthOK, "asterisk.security.successful_auth", with(usingPassword), afterward},
	{"InvalidAccountID", event.Hostile, event.UserUnknown, "asterisk.security.invalid_account_id", common, afterward},
	{"ChallengeResponseFailed", event.Hostile, event.AuthFailed, "asterisk.security.challenge_response_failed", with(challenge, response, expectedResponse), afterward},
	{"InvalidPassword", event.Hostile, event.AuthFailed, "asterisk.security.invalid_password", common, []securityKey{module, sessionTV, challenge, receivedChallenge, receivedHash}},
	{"FailedACL", event.Hostile, event.ACLDenied, "asterisk.security.failed_acl", common, []securityKey{module, aclName, sessionTV}},
	{"SessionLimit", event.Benign, event.SessionLimit, "asterisk.security.session_limit", common, afterward},
	{"MemoryLimit", event.Benign, event.ServerOverload, "asterisk.security.memory_limit", common, afterward},
	{"LoadAverageLimit", event.Benign, event.ServerOverload, "asterisk.security.load_average_limit", common, afterward},
	{"RequestNotSupported", event.Hostile, event.RequestRefused, "asterisk.security.request_not_supported", with(requestType), afterward},
	{"RequestNotAllowed", event.Hostile, event.RequestRefused, "asterisk.security.request_not_allowed", with(requestType), []securityKey{module, sessionTV, requestParams}},
	{"AuthMethodNotAllowed", event.Hostile, event.AuthFailed, "asterisk.security.auth_method_not_allowed", with(authMethod), afterward},
	{"RequestBadFormat", event.Hostile, event.RequestMalformed, "asterisk.security.request_bad_format", []securityKey{sessionID, localAddress, remoteAddress, requestType}, []securityKey{module, sessionTV, accountID, requestParams}},
	{"UnexpectedAddress", event.Hostile, event.ACLDenied, "asterisk.security.unexpected_address", with(expectedAddress), afterward},
	{"InvalidTransport", event.Hostile, event.TransportRefused, "asterisk.security.invalid_transport", with(attemptedTransport), afterward},
}

// securityClause stands behind the first values of an outsider.
const securityClause = `RemoteAddress="`

// pairs is the value of each key; nil where the key is missing.
type pairs [securityKeys][]byte

// readSecurityEvent reads what follows SecurityEvent=". The values are not
// escaped (res/res_security_log.c), and AccountID, SessionID and whatever
// stands behind RemoteAddress may be an outsider's. As long as no value holds a
// quotation mark there is one way to read the line. With one it is tampered
// with, and names its source only if every key stands there once, in order.
func readSecurityEvent(rec record, r *line.Reading) {
	r.Clause, r.Long = securityClause, true
	name, rest := untilQuote(rec.message)
	form := securityFormOf(name)
	if form == nil {
		return
	}
	r.Behind = true
	r.Say(form.verdict, form.kind, form.rule)
	eventTV, rest, ok1 := cutPair(rest, `,EventTV="`)
	_, rest, ok2 := cutPair(rest, `,Severity="`)
	service, rest, ok3 := cutPair(rest, `,Service="`)
	_, rest, ok4 := cutPair(rest, `,EventVersion="`)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		r.Tamper("broken before the first value of an outsider")
		r.Open = true
		return
	}
	if !rec.dated {
		r.At = eventTime(eventTV)
	}
	var values pairs
	clean := form.pairs(rest, &values)
	if !clean {
		ok := form.onePossible(rest, &values)
		r.Tamper("a quotation mark or a second key inside a value")
		r.Open = !ok
		if !ok {
			return
		}
	}
	source, carrier, ok := securityAddress(values[remoteAddress])
	if !ok {
		r.Tamper("an address that is none")
		return
	}
	r.Source, r.Transport = source, carrier
	fill(r, form, service, &values)
	if clean && line.HasControl(rest, rec.escaped) {
		r.Tamper("a control character inside a value")
	} else if clean && values.holdKeys() {
		r.Tamper("a key inside a value")
	}
}

// fill copies account and call, and knows the special cases.
func fill(r *line.Reading, form *securityForm, service []byte, values *pairs) {
	r.User = accountName(values[accountID])
	if string(service) == "PJSIP" { // chan_sip prints a pointer here
		r.CallID = values[sessionID]
	}
	if string(service) == "AMI" && form.verdict == event.Hostile {
		r.Kind = event.AdminFailed
	}
	// Raised after the password was right: a phone whose old contacts are still there.
	if string(values[aclName]) == "registrar_attempt_exceeds_maximum_configured_contacts" && r.Verdict == event.Hostile {
		r.Verdict, r.Kind = event.Benign, event.SessionLimit
	}
}

func securityFormOf(name []byte) *securityForm {
	for i := range securityForms {
		if string(name) == securityForms[i].name {
			return &securityForms[i]
		}
	}
	return nil
}

// untilQuote cuts text at the first quotation mark.
func untilQuote(text []byte) (word, rest []byte) {
	end := bytes.IndexByte(text, '"')
	if end < 0 {
		return text, nil
	}
	return text[:end], text[end+1:]
}

// cutPair takes mark and a value off text; a value ends at the first quotation mark.
func cutPair(text []byte, mark string) (value, rest []byte, ok bool) {
	n := len(mark)
	if len(text) < n || string(text[:n]) != mark {
		return nil, text, false
	}
	end := bytes.IndexByte(text[n:], '"')
	if end < 0 {
		return nil, text[n:], false
	}
	return text[n : n+end], text[n+end+1:], true
}

// pairs reads text as the event's keys in their order and nothing else.
func (f *securityForm) pairs(text []byte, values *pairs) bool {
	for _, key := range f.must {
		value, rest, ok := cutPair(text, securityMarks[key])
		if !ok {
			return false
		}
		values[key], text = value, rest
	}
	for _, key := range f.optional {
		if len(text) == 0 {
			break
		}
		if value, rest, ok := cutPair(text, securityMarks[key]); ok {
			values[key], text = value, rest
		}
	}
	return len(text) == 0
}

// onePossible looks for the keys in a text whose values hold quotation marks.
// It answers only if each key that must be there is there exactly once, in
// order, and the line is complete: then there is one possible address, and that is
// all it gives.
func (f *securityForm) onePossible(text []byte, values *pairs) bool {
	*values = pairs{}
	if !line.HasSuffix(text, `"`) {
		return false
	}
	whole := text
	for _, key := range f.must {
		at, once := line.Only(whole, securityMarks[key])
		if passed := len(whole) - len(text); !once || at < passed {
			return false
		}
		text = whole[at+len(securityMarks[key]):]
		if key == remoteAddress {
			values[key] = text
		}
	}
	remote, rest, found := bytes.Cut(values[remoteAddress], []byte(`"`))
	values[remoteAddress] = remote
	return found && (len(rest) == 0 || rest[0] == ',') && bytes.Count(whole, []byte("RemoteAddress=")) == 1
}

// holdKeys says that a value tries to look like a key and a value of its own.
func (p *pairs) holdKeys() bool {
	for _, key := range [...]securityKey{accountID, sessionID, challenge, response, requestParams} {
		value := p[key]
		if len(value) == 0 || bytes.IndexByte(value, '=') < 0 {
			continue
		}
		if line.Contains(value, "Address=") || key == accountID && line.Contains(value, "SessionID=") {
			return true
		}
	}
	return false
}

// accountName makes one spelling of the account: chan_sip writes a URI here at
// times, and PJSIP "<unknown>" for nobody.
func accountName(account []byte) []byte {
	if len(account) == 0 || string(account) == "<unknown>" {
		return nil
	}
	if bytes.HasPrefix(account, []byte("sip:")) || bytes.HasPrefix(account, []byte("sips:")) {
		if user := line.URIUser(account); user != nil {
			return user
		}
	}
	return account
}

// securityAddress reads IPV4/UDP/192.0.2.1/5060. The transport is 0 where the
// server does not name one that we know.
func securityAddress(text []byte) (netip.AddrPort, event.Transport, bool) {
	rest, four := line.CutPrefix(text, "IPV4/")
	if !four {
		var six bool
		if rest, six = line.CutPrefix(text, "IPV6/"); !six {
			return netip.AddrPort{}, 0, false
		}
	}
	first := bytes.IndexByte(rest, '/')
	second := bytes.IndexByte(rest[first+1:], '/') + first + 1
	if first < 0 || second == first {
		return netip.AddrPort{}, 0, false
	}
	addr, ok1 := line.Address(rest[first+1 : second])
	port, ok2 := line.Number(rest[second+1:])
	ok := ok1 && ok2 && port < 1<<16 && (!four || addr.Is4())
	return netip.AddrPortFrom(addr, uint16(port)), line.Transport(rest[:first]), ok
}
