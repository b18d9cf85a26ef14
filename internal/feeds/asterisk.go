package feeds

import (
	"bytes"

	"github.com/sipward/sipward/internal/ami"
	"github.com/sipward/sipward/internal/event"
)

// judgement is what one of Asterisk's security events means.
type judgement struct {
	name    string
	verdict event.Verdict
	kind    event.LogKind
	rule    string
}

// judgements is all of them. SessionLimit is no evidence: it tells that a limit
// was reached, not who filled it. The two limits after it are the server's own
// trouble.
var judgements = [...]judgement{
	{"FailedACL", event.Hostile, event.ACLDenied, "asterisk.ami.failed_acl"},
	{"InvalidAccountID", event.Hostile, event.UserUnknown, "asterisk.ami.invalid_account_id"},
	{"SessionLimit", event.Benign, event.SessionLimit, "asterisk.ami.session_limit"},
	{"MemoryLimit", event.Benign, event.ServerOverload, "asterisk.ami.memory_limit"},
	{"LoadAverageLimit", event.Benign, event.ServerOverload, "asterisk.ami.load_average_limit"},
	{"RequestNotSupported", event.Hostile, event.RequestRefused, "asterisk.ami.request_not_supported"},
	{"RequestNotAllowed", event.Hostile, event.RequestRefused, "asterisk.ami.request_not_allowed"},
	{"AuthMethodNotAllowed", event.Hostile, event.AuthFailed, "asterisk.ami.auth_method_not_allowed"},
	{"RequestBadFormat", event.Hostile, event.RequestMalformed, "asterisk.ami.request_bad_format"},
	{"SuccessfulAuth", event.Benign, event.AuthOK, "asterisk.ami.successful_auth"},
	{"UnexpectedAddress", event.Hostile, event.ACLDenied, "asterisk.ami.unexpected_address"},
	{"ChallengeResponseFailed", event.Hostile, event.AuthFailed, "asterisk.ami.challenge_response_failed"},
	{"InvalidPassword", event.Hostile, event.AuthFailed, "asterisk.ami.invalid_password"},
	{"ChallengeSent", event.Benign, event.AuthChallenged, "asterisk.ami.challenge_sent"},
	{"InvalidTransport", event.Hostile, event.TransportRefused, "asterisk.ami.invalid_transport"},
}

// tooManyContacts is an ACL that stands for something else: the password was
// right, and a phone's old contacts are still there.
const tooManyContacts = "registrar_attempt_exceeds_maximum_configured_contacts"

// fromAMI says what an event of Asterisk's manager means. The result keeps
// nothing of it.
func fromAMI(e *ami.Event) event.Log {
	l := event.Log{Server: "asterisk", Verdict: event.Tampered, Kind: event.KindOther, Rule: "asterisk.ami.broken", Note: e.Tampered}
	for _, j := range judgements {
		if e.Name == j.name {
			l.Verdict, l.Kind, l.Rule = j.verdict, j.kind, j.rule
		}
	}
	if e.Tampered != "" {
		l.Verdict = event.Tampered
	} else if string(e.ACL) == tooManyContacts {
		l.Verdict, l.Kind = event.Benign, event.SessionLimit
	}
	if string(e.Service) == "AMI" && l.Verdict == event.Hostile {
		l.Kind = event.AdminFailed
	}
	if l.Verdict != event.Benign || l.Kind == event.AuthOK {
		l.Source = e.Remote
	}
	l.Transport = transport(e.Transport)
	l.User = account(e.Account)
	if string(e.Service) == "PJSIP" { // chan_sip gives a pointer here
		l.CallID = bytes.Clone(e.Session)
	}
	return l
}

// transport gives 0 for a word that it does not know.
func transport(word []byte) event.Transport {
	switch string(word) {
	case "UDP":
		return event.UDP
	case "TCP":
		return event.TCP
	case "TLS":
		return event.TLS
	case "WS":
		return event.WS
	case "WSS":
		return event.WSS
	}
	return 0
}

// account makes one spelling of an account: chan_sip gives a URI at times, and
// PJSIP "<unknown>" for nobody.
func account(text []byte) []byte {
	if string(text) == "<unknown>" {
		return nil
	}
	for _, scheme := range []string{"sip:", "sips:"} {
		if rest, ok := bytes.CutPrefix(text, []byte(scheme)); ok {
			if user, _, ok := bytes.Cut(rest, []byte("@")); ok && len(user) > 0 {
				return bytes.Clone(user)
			}
		}
	}
	return bytes.Clone(text)
}
