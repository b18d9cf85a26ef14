package ami

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"
)

// Event is one security event. Its slices are good until emit returns.
type Event struct {
	// Name is what happened, one of Names; empty when a block was too broken to
	// tell.
	Name string
	// Time is the server's own (EventTV); zero when it cannot be read.
	Time time.Time
	// Service is who says so: PJSIP, SIP, IAX2, AMI.
	Service []byte
	// Account is who the remote side claims to be: an outsider's text. Session
	// is PJSIP's Call-ID, an outsider's too, and a pointer elsewhere.
	Account, Session []byte
	// Local and Remote are the ends of the connection. Remote is invalid where an
	// outsider may have written it.
	Local, Remote netip.AddrPort
	// Transport is UDP, TCP, TLS, WS or WSS as the server spells it, or another
	// word of its own.
	Transport []byte
	// RequestType, ACL and Severity as the server gives them; nil when it does not.
	RequestType, ACL, Severity []byte
	// Tampered says in a few words how an outsider shaped the event; empty when
	// nobody did.
	Tampered string
}

// key is a key of a security event.
type key uint8

const (
	eventTV key = iota
	severity
	service
	eventVersion
	accountID
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
	keys // how many there are
)

var keyNames = [keys]string{
	"EventTV", "Severity", "Service", "EventVersion", "AccountID", "SessionID", "LocalAddress", "RemoteAddress",
	"RequestType", "AuthMethod", "UsingPassword", "ExpectedAddress", "Challenge", "Response", "ExpectedResponse",
	"AttemptedTransport", "Module", "ACLName", "SessionTV", "RequestParams", "ReceivedChallenge", "ReceivedHash",
}

// form is the keys of one event, as main/security_events.c writes them: first
// those that must be there, then those that may, both in this order.
type form struct {
	name     string
	must     []key
	optional []key
}

var (
	head      = []key{eventTV, severity, service, eventVersion}
	common    = with(head, accountID, sessionID, localAddress, remoteAddress)
	afterward = []key{module, sessionTV}
)

func with(first []key, more ...key) []key {
	return append(append([]key{}, first...), more...)
}

var forms = [...]form{
	{"FailedACL", common, []key{module, aclName, sessionTV}},
	{"InvalidAccountID", common, afterward},
	{"SessionLimit", common, afterward},
	{"MemoryLimit", common, afterward},
	{"LoadAverageLimit", common, afterward},
	{"RequestNotSupported", with(common, requestType), afterward},
	{"RequestNotAllowed", with(common, requestType), []key{module, sessionTV, requestParams}},
	{"AuthMethodNotAllowed", with(common, authMethod), afterward},
	{"RequestBadFormat", with(head, sessionID, localAddress, remoteAddress, requestType), []key{module, sessionTV, accountID, requestParams}},
	{"SuccessfulAuth", with(common, usingPassword), afterward},
	{"UnexpectedAddress", with(common, expectedAddress), afterward},
	{"ChallengeResponseFailed", with(common, challenge, response, expectedResponse), afterward},
	{"InvalidPassword", common, []key{module, sessionTV, challenge, receivedChallenge, receivedHash}},
	{"ChallengeSent", with(common, challenge), afterward},
	{"InvalidTransport", with(common, attemptedTransport), afterward},
}

// Names lists the events there are.
func Names() []string {
	names := make([]string, 0, len(forms))
	for i := range forms {
		names = append(names, forms[i].name)
	}
	return names
}

// fit says how a block and the events we know go together.
type fit uint8

const (
	foreign fit = iota // an answer, or an event of another class
	broken             // no server wrote it like this
	whole              // exactly the lines of its kind
)

// read fills the event in from a block.
func (e *Event) read(b *block) fit {
	*e = Event{}
	if b.broken != "" {
		e.disown(b.broken)
		return broken
	}
	switch string(b.fields[0].key) {
	case "Response":
		return foreign
	case "Event":
	default:
		e.disown("a block without a beginning")
		return broken
	}
	f := formOf(b.fields[0].value)
	if f == nil {
		return foreign
	}
	e.Name = f.name
	values, ok := f.values(b.fields)
	if !ok {
		e.disown("lines that this event does not have")
		return broken
	}
	e.fill(&values)
	if !e.Remote.IsValid() {
		e.disown("an address that is none")
		return broken
	}
	for k := range values {
		if shaped(values[k]) {
			e.Tampered = "a line break or a key inside a value"
		}
	}
	return whole
}

// disown lets the event name nobody.
func (e *Event) disown(why string) {
	e.Tampered = why
	e.Remote, e.Local, e.Account, e.Session = netip.AddrPort{}, netip.AddrPort{}, nil, nil
}

func formOf(name []byte) *form {
	for i := range forms {
		if string(name) == forms[i].name {
			return &forms[i]
		}
	}
	return nil
}

// values finds the form's keys in their order and nothing else. In front of
// them stand the manager's own lines, which no outsider has a part in: always
// Privilege; with timestampevents, systemname or debug some more.
func (f *form) values(fields []field) (values [keys][]byte, ok bool) {
	if len(fields) < 2 || string(fields[1].key) != "Privilege" {
		return values, false
	}
	rest := fields[2:]
	for len(rest) > 0 && string(rest[0].key) != keyNames[eventTV] {
		rest = rest[1:]
	}
	for _, k := range f.must {
		if len(rest) == 0 || string(rest[0].key) != keyNames[k] {
			return values, false
		}
		values[k], rest = rest[0].value, rest[1:]
	}
	for _, k := range f.optional {
		if len(rest) > 0 && string(rest[0].key) == keyNames[k] {
			values[k], rest = rest[0].value, rest[1:]
		}
	}
	// The hash comes with what it answers; without it the block was cut short.
	cut := (values[challenge] != nil) != (values[receivedHash] != nil) && f.name == "InvalidPassword"
	return values, len(rest) == 0 && !cut
}

// eventTime is how Asterisk writes a time: with milliseconds and its zone.
const eventTime = "2006-01-02T15:04:05.000-0700"

func (e *Event) fill(values *[keys][]byte) {
	e.Time, _ = time.Parse(eventTime, string(values[eventTV]))
	e.Severity, e.Service = values[severity], values[service]
	e.Account, e.Session = values[accountID], values[sessionID]
	e.RequestType, e.ACL = values[requestType], values[aclName]
	e.Local, _ = address(values[localAddress])
	e.Remote, e.Transport = address(values[remoteAddress])
}

// shaped says that a value was made to break out of its line, or to look like
// another line.
func shaped(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return true
		}
	}
	return bytes.Contains(value, []byte("Address: ")) || bytes.Contains(value, []byte("Event: "))
}

// address reads IPV4/UDP/192.0.2.1/5060. It is invalid unless it is exactly that.
func address(text []byte) (netip.AddrPort, []byte) {
	family, rest, _ := bytes.Cut(text, []byte("/"))
	carrier, rest, _ := bytes.Cut(rest, []byte("/"))
	host, digits, _ := bytes.Cut(rest, []byte("/"))
	port, err := strconv.ParseUint(string(digits), 10, 16)
	if err != nil || len(host) > 64 || len(carrier) == 0 {
		return netip.AddrPort{}, nil
	}
	a, err := netip.ParseAddr(string(host))
	if err != nil || string(family) != "IPV6" && (string(family) != "IPV4" || !a.Is4()) {
		return netip.AddrPort{}, nil
	}
	// A dual-stack socket shows IPv4 in IPv6; no packet carries a zone.
	return netip.AddrPortFrom(a.WithZone("").Unmap(), uint16(port)), carrier
}
