package dissect

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/sip"
)

// of takes a message apart whose lines end as SIP wants.
func of(t *testing.T, lines ...string) *Message {
	t.Helper()
	var m sip.Message
	m.Parse([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	return Of("file", &m)
}

// TestPlain: bytes from the wire become text that JSON can hold, and nothing
// that can be read is changed.
func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"\xff":                  `\xff`,
		"a\x80b":                `a\x80b`,
		"\xc3":                  `\xc3`,
		"\xed\xa0\x80":          `\xed\xa0\x80`, // a surrogate
		"one\r\n two":           "one two",
		"one \t\r\n\t two":      "one two",
		"one\n two\r\n\tthree":  "one two three",
		"\xff\r\n ü":            `\xff ü`,
		"J\u00fcrgen \u202e":    "Jürgen \u202e", // ordering marks are the printer's business
		"two  blanks and a \t.": "two  blanks and a \t.",
	} {
		if got := plain([]byte(in)); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte("a\xff\r\n b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		text := plain(in)
		body, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(body, &back); err != nil || back != text {
			t.Errorf("%q comes back from JSON as %q, %v", text, back, err)
		}
	})
}

func TestNoMessage(t *testing.T) {
	for _, text := range []string{"", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\x00\x01\x02"} {
		var m sip.Message
		m.Parse([]byte(text))
		got := Of("f\xffile", &m)
		if got.OK || got.File != `f\xffile` || got.Via != nil || got.From != nil || got.Auth != nil {
			t.Errorf("%q gives %+v", text, got)
		}
	}
}

// TestRequest: everything that is there, as it was meant.
func TestRequest(t *testing.T) {
	got := of(t,
		"REGISTER sip:pbx.example.org SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.7:5071;branch=z9hG4bK1;rport;received=203.0.113.7",
		`From: "A \"B\" C" <sip:100@pbx.example.org>;tag=t1`,
		"To: <sip:100@pbx.example.org>",
		"Call-ID: 1@192.0.2.7",
		"CSeq: 7 REGISTER", "Max-Forwards: 70",
		"Contact: <sip:100@192.0.2.7:5071>",
		"Expires: 3600",
		"User-Agent: phone\xff",
		`Authorization: Digest username="a\"b", realm="r", nonce="n", uri="sip:pbx.example.org", response="0123", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`,
		"Content-Length: 0",
	)
	hour, none, seven := uint32(3600), uint32(0), uint32(7)
	empty := ""
	want := &Message{
		File: "file", OK: true, Kind: "request", Method: "REGISTER", RequestURI: "sip:pbx.example.org",
		From:   &Party{Display: `A "B" C`, User: "100", Host: "pbx.example.org", Tag: "t1"},
		To:     &Party{User: "100", Host: "pbx.example.org"},
		CallID: "1@192.0.2.7", CSeq: &CSeq{&seven, "REGISTER"},
		Via:       &Via{Transport: "UDP", Host: "192.0.2.7", Port: 5071, Branch: "z9hG4bK1", Received: "203.0.113.7", RPort: ""},
		Contact:   &Party{User: "100", Host: "192.0.2.7", Port: 5071},
		UserAgent: `phone\xff`,
		Auth: &Auth{Scheme: "Digest", Username: `a"b`, Realm: "r", Nonce: "n", URI: "sip:pbx.example.org", Response: "0123",
			Algorithm: "MD5", CNonce: "c", NC: "00000001", QOP: "auth"},
		Expires: &hour, ContentType: &empty, ContentLength: &none, Flaws: []string{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestResponse: the challenge stands where a request has its credentials.
func TestResponse(t *testing.T) {
	got := of(t,
		"SIP/2.0 401 Nicht\xfcberall",
		"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport=5071",
		"From: <sip:100@pbx.example.org>;tag=t1",
		"To: <sip:100@pbx.example.org>;tag=t2",
		"Call-ID: 1", "CSeq: 99999999999 REGISTER",
		`WWW-Authenticate: Digest realm="r", nonce="n", opaque="o"`,
		"Server: pbx",
	)
	if got.Status != 401 || got.Reason == nil || *got.Reason != `Nicht\xfcberall` || got.Method != "" || got.Server != "pbx" {
		t.Errorf("got %+v", got)
	}
	if got.Auth == nil || got.Auth.Nonce != "n" || got.Auth.Opaque != "o" || got.Auth.Response != "" {
		t.Errorf("challenge: %+v", got.Auth)
	}
	if got.CSeq == nil || got.CSeq.Number != nil || got.CSeq.Method != "REGISTER" {
		t.Errorf("a number that does not fit: %+v", got.CSeq)
	}
	if got.Via.RPort != "5071" || got.Contact != nil || got.ContentLength != nil {
		t.Errorf("got %+v, via %+v", got, got.Via)
	}
}

// TestAbsentIsNotEmpty: a header that says nothing is there, an absent one is not.
func TestAbsentIsNotEmpty(t *testing.T) {
	absent := of(t, "OPTIONS sip:a SIP/2.0")
	if absent.From != nil || absent.To != nil || absent.Via != nil || absent.CSeq != nil {
		t.Errorf("absent: %+v", absent)
	}
	silent := of(t, "OPTIONS sip:a SIP/2.0", "From: ", "To:", "Via: ")
	if silent.From == nil || silent.To == nil || silent.Via == nil {
		t.Errorf("empty: %+v", silent)
	}
	if len(silent.Flaws) == 0 || silent.OK {
		t.Errorf("it is called right: %+v", silent)
	}
}
