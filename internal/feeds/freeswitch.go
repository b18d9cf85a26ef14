package feeds

import (
	"bytes"

	"github.com/sipward/sipward/internal/esl"
	"github.com/sipward/sipward/internal/event"
)

// fromESL says what an event of FreeSWITCH's SIP module means. Every refused
// request is told twice, as an attempt and as a failure; the attempt has the
// Call-ID, and so it is the one that counts. The result keeps nothing of e.
//
// What carried the request is not told, so the transport stays open: then it
// counts as a line about UDP does, and only together with its packet. Whether
// its source is connected here, the caller looks up.
func fromESL(e *esl.Event) event.Log {
	l := event.Log{
		Server: "freeswitch", Verdict: event.Benign, Kind: event.KindOther, Rule: "freeswitch.esl." + e.Name,
		User: bytes.Clone(e.User), CallID: bytes.Clone(e.CallID), Note: e.Tampered,
	}
	switch e.Name {
	case "":
		l.Rule = "freeswitch.esl.broken"
	case "register_attempt":
		l.Verdict, l.Kind = attempt(string(e.AuthResult))
	case "register_failure":
		l.Kind = event.AuthFailed
	case "pre_register":
		l.Kind = event.AuthChallenged
	case "wrong_call_state": // an INVITE whose challenge was never answered
		l.Verdict, l.Kind = event.Hostile, event.CallRefused
	}
	if e.Tampered != "" {
		l.Verdict = event.Tampered
	}
	if l.Verdict != event.Benign || l.Kind == event.AuthOK {
		l.Source = e.Remote
	}
	return l
}

// attempt judges the end of a request with credentials. A stale nonce is the
// server's wish for a fresh one.
func attempt(result string) (event.Verdict, event.LogKind) {
	switch result {
	case "FORBIDDEN":
		return event.Hostile, event.AuthFailed
	case "SUCCESS", "RENEWED":
		return event.Benign, event.AuthOK
	case "STALE":
		return event.Benign, event.AuthChallenged
	}
	return event.Benign, event.KindOther
}
