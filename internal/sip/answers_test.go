package sip

import (
	"bytes"
	"strings"
	"testing"
)

// TestAnswers: whatever credentials a server may read, their nonce is among the
// answers.
func TestAnswers(t *testing.T) {
	const begin = "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1\r\n"
	const decoy = "Authorization: Digest username=\"x\", realm=\"other\", nonce=\"no\", response=\"0\"\r\n"
	for _, test := range []struct {
		name, headers, want string
		repeated            bool
	}{
		{"bad: none", "Max-Forwards: 70\r\n", "", false},
		{"bad: in the body", "\r\n" + decoy, "", false},
		{"bad: in another header", "X-Authorization: Digest nonce=\"n\"\r\n", "", false},
		{"bad: no credentials behind the name", "Authorization\r\nAuthorization:\r\n", "", false},
		{"bad: an open quote", decoy + "Authorization: Digest nonce=\"n\r\n", "no 0 n", true},
		{"one", "Authorization: Digest nonce=\"n\",response=\"r\"\r\n", "n r", false},
		{"behind a decoy", decoy + "Authorization: Digest nonce=\"n\"\r\n", "no 0 n", true},
		{"of a proxy, behind another scheme", "Authorization: Basic eDp5\r\nProxy-Authorization: Digest nonce=n\r\n", "n", true},
		{"in capitals, folded", decoy + "AUTHORIZATION :\r\n Digest\r\n\tNONCE = \"n\"\r\n", "no 0 n", true},
		{"twice in one", "Authorization: Digest nonce=\"no\", x=y, nonce=\"n\"\r\n", "no n", true},
		{"all behind the eighth is one", strings.Repeat(decoy, 4) + "Authorization: Digest nonce=\"n\"\r\nX: y\r\n",
			"no 0 no 0 no 0 no 0 Authorization: Digest nonce=\"n\"\r\nX: y\r\n\r\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var m Message
			m.Parse([]byte(begin + test.headers + "\r\n"))
			if got := m.Repeated(); got != test.repeated {
				t.Errorf("repeated: %t, want %t", got, test.repeated)
			}
			if got := string(bytes.Join(m.Answers(nil, 8), []byte(" "))); got != test.want {
				t.Errorf("answers %q, want %q", got, test.want)
			}
		})
	}
}

// TestAnswersOfHugeCredentials: no text makes the reading go astray.
func TestAnswersOfHugeCredentials(t *testing.T) {
	for _, filler := range []string{",", "\"", "=", "nonce=,", "a=\"", "\r\n ", "Authorization:\r\n"} {
		var m Message
		m.Parse([]byte("REGISTER sip:x SIP/2.0\r\nAuthorization: Digest " + strings.Repeat(filler, 60000/len(filler)) + "\r\n\r\n"))
		if n := len(m.Answers(nil, 8)); n > 9 {
			t.Errorf("%d answers of %q, want at most 8 and the rest", n, filler)
		}
	}
}
