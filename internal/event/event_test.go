package event

import (
	"strings"
	"testing"
)

// TestMethodOf: methods are case-sensitive, and what is no method of ours is
// Other, whose spelling is nobody's.
func TestMethodOf(t *testing.T) {
	for _, token := range []string{"", "invite", "Invite", "INVITE ", "INVITES", "INVIT", "REGISTER\x00", "FOO", strings.Repeat("A", 1<<16)} {
		if m := MethodOf([]byte(token)); m != Other {
			t.Errorf("%.20q is %v", token, m)
		}
	}
	seen := map[string]bool{}
	for m := REGISTER; int(m) < len(Methods); m++ {
		if got := MethodOf([]byte(m.String())); got != m || m.String() == "" || seen[m.String()] {
			t.Errorf("%v reads back as %v", m, got)
		}
		seen[m.String()] = true
	}
}

// TestConnected: only what shook hands has shown its address.
func TestConnected(t *testing.T) {
	for transport, want := range map[Transport]bool{0: false, UDP: false, TCP: true, TLS: true, WS: true, WSS: true} {
		if transport.Connected() != want {
			t.Errorf("%v is connected: %v", transport, !want)
		}
	}
}

// TestWords: every value has a word of its own, none is left without one.
func TestWords(t *testing.T) {
	unique := func(what string, words []string) {
		t.Helper()
		seen := map[string]bool{}
		for i, word := range words {
			if word == "" && i > 0 || seen[word] {
				t.Errorf("%s %d is called %q", what, i, word)
			}
			seen[word] = true
		}
	}
	var transports, grades, results, verdicts, kinds []string
	for v := Transport(0); v <= WSS; v++ {
		transports = append(transports, v.String())
	}
	for v := None; v <= GradeA; v++ {
		grades = append(grades, v.String())
	}
	for v := Result(0); v <= Unanswered; v++ {
		results = append(results, v.String())
	}
	for v := Unknown; v <= Near; v++ {
		verdicts = append(verdicts, v.String())
	}
	for v := KindNone; v <= KindOther; v++ {
		kinds = append(kinds, v.String())
	}
	unique("transport", transports)
	unique("grade", grades)
	unique("result", results)
	unique("verdict", verdicts)
	unique("kind", kinds)
}

// TestAccountID: the journal holds these numbers, so they may never change.
func TestAccountID(t *testing.T) {
	for account, want := range map[string]uint64{
		"":       0,
		"a":      0xaf63dc4c8601ec8c, // the test vectors of FNV-1a
		"foobar": 0x85944171f73967e8,
	} {
		if got := AccountID([]byte(account)); got != want {
			t.Errorf("%q is %x, want %x", account, got, want)
		}
	}
	if AccountID(nil) != 0 || AccountID([]byte{0}) == 0 {
		t.Error("no account and the account of a zero byte are one")
	}
}
