package sip

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// message puts a request together from a first line and headers.
func message(first string, headers ...string) []byte {
	return []byte(first + "\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n")
}

func TestAddress(t *testing.T) {
	tests := []struct {
		value string
		want  string // display|user@host;tag
		flaws Flaws
	}{
		{"", "|@", BadAddress | NoFromTag},
		{"<>;tag=1", "|@;1", BadURI},
		{"<;tag=1", "|@;1", BadAddress},
		{"bob;tag=1", "|@bob;1", BadURI},
		{`"Bob;tag=1`, "|@;1", UnclosedQuote | BadURI},
		{`"Bob <sip:a@b>;tag=1`, "Bob|a@b;1", UnclosedQuote},
		{`"Bob" sip:a@b;tag=1`, "Bob|a@b;1", BadAddress},
		{`"A" "<x>" <sip:a@b>;tag=1`, "A|a@b;1", BadDisplay},
		{`A "<x>" <sip:a@b>;tag=1`, `A "<x>"|a@b;1`, BadDisplay},
		{"<sip:a@b>;tag=1, <sip:c@d>", "|a@b;1", BadAddress},
		{"sip:a@b?x=y;tag=1", "|a@b;1", BadAddress},
		{"<sip:a@b>;tag=", "|a@b;", BadParam},
		{`<sip:a@b>;tag=";tag=2`, "|a@b;;tag=2", UnclosedQuote},
		{"<sip:a@b>;ta(g=1;tag=2", "|a@b;2", BadParam},
		{"<sip:a@b>;tag=1{2", "|a@b;1{2", BadParam},
		{"<sip:a@b>;", "|a@b", EmptyParam | NoFromTag},
		{"<sip:a@b>;=x;tag=1", "|a@b;1", EmptyParam | BadParam},

		{"<sip:a@b>;tag=1", "|a@b;1", 0},
		{"<sip:a@b>;tag=1;tag=2", "|a@b;1", 0},
		{`<sip:a@b>;tag="1"`, "|a@b;1", 0},
		{"<sip:a@b>", "|a@b", NoFromTag},
		{"sip:a@b;x;y=z;TaG = 1", "|a@b;1", 0},
		{"A B<sip:a@b;tag=2>;tag=1", "A B|a@b;1", 0},
		{`"A \"B\" <c>" <sip:a@b>;x="y;\";tag=2";tag=1`, `A \"B\" <c>|a@b;1`, 0},
		{"<tel:+123>;tag=1", "|+123@;1", 0},
	}
	var m Message
	for _, test := range tests {
		m.Parse(message("ACK sip:x SIP/2.0", "From: "+test.value, "v: SIP/2.0/UDP h", "t: <sip:t@h>", "i: 1", "CSeq: 1 ACK", "Max-Forwards: 1"))
		a := m.From()
		if got := string(a.Display) + "|" + party(&a); got != test.want {
			t.Errorf("%s: got %s, want %s", test.value, got, test.want)
		}
		if m.Flaws() != test.flaws {
			t.Errorf("%s: flaws %v, want %v", test.value, m.Flaws(), test.flaws)
		}
	}
}

func TestContact(t *testing.T) {
	tests := []struct {
		headers []string
		want    string
		flaws   Flaws
	}{
		{[]string{"m: <sip:a@b>,,<sip:c@d>"}, "a@b", BadAddress},
		{[]string{"m: <sip:a@b>, <sip:c@@d>"}, "a@b", BadURI},
		{[]string{"m: <sip:a@b>", "m: <sip:c@d>, <sip:e f>"}, "a@b", BadURI},
		{[]string{"m: Bell, A <sip:a@b>"}, "@Bell", BadURI},
		{[]string{"m: <sip:a@b>;expires=9999999999"}, "a@b", BadExpires},
		{nil, "@", 0},
		{[]string{"m: *"}, "@", 0},
		{[]string{"m: <sip:a@b>;q=0.5;expires=60, \"x,<y>\" <sip:c@d>, sip:e@f"}, "a@b", 0},
		{[]string{"m: sip:a@b, <sip:c@d>"}, "a@b", 0},
	}
	var m Message
	for _, test := range tests {
		headers := []string{"f: <sip:f@h>;tag=1", "v: SIP/2.0/UDP h", "t: <sip:t@h>", "i: 1", "CSeq: 1 ACK", "Max-Forwards: 1"}
		m.Parse(message("ACK sip:x SIP/2.0", append(headers, test.headers...)...))
		a := m.Contact()
		if got := party(&a); got != test.want {
			t.Errorf("%q: got %s, want %s", test.headers, got, test.want)
		}
		if m.Flaws() != test.flaws {
			t.Errorf("%q: flaws %v, want %v", test.headers, m.Flaws(), test.flaws)
		}
	}
}

func TestVia(t *testing.T) {
	tests := []struct {
		value string
		want  string // transport host port branch received rport
		flaws Flaws
	}{
		{"", "  0   false 0", BadVia},
		{"SIP/2.0", "  0   false 0", BadVia},
		{"SIP/2.0/UDP", "UDP  0   false 0", BadVia},
		{"SIP/2.0/UDP ;branch=1", "UDP  0 1  false 0", BadVia},
		{"SIP/2.0/ h;branch=1", "h  0 1  false 0", BadVia},
		{"UDP h;branch=1", " h 0 1  false 0", BadVia},
		{"SIP/2.0/UDP [1::2::3];branch=1", "UDP 1::2::3 0 1  false 0", BadVia},
		{"SIP/2.0/UDP h:99999;branch=1", "UDP h 0 1  false 0", BadVia},
		{"SIP/2.0/UDP h:;branch=1", "UDP h 0 1  false 0", BadVia},
		{"SIP/2.0/UDP h;rport=x;branch=1", "UDP h 0 1  true 0", BadVia},
		{"SIP/2.0/UDP h;rport=70000;branch=1", "UDP h 0 1  true 0", BadVia},
		{"SIP/2.0/UDP h;branch=z9hG4bK", "UDP h 0 z9hG4bK  false 0", BadBranch},
		{"SIP/2.0/UDP h;branch=1, SIP/2.0/UDP", "UDP h 0 1  false 0", BadVia},
		{"SIP/2.0/UDP h,", "UDP h 0   false 0", BadVia},

		{"SIP/2.0/UDP h", "UDP h 0   false 0", 0},
		{"sip/2.0/udp h:5060", "udp h 5060   false 0", 0},
		{"SIP/2.0/TLS-SCTP [2001:db8::1]:5061;received=[::2];rport=5;branch=1", "TLS-SCTP 2001:db8::1 5061 1 ::2 true 5", 0},
		{"SIP/2.0/UDP h;received=2001:db8::9;rport;ttl=1;maddr=m;branch=1", "UDP h 0 1 2001:db8::9 true 0", 0},
		{"SIP / 2.0\t/ UDP  h : 5060 ; BRANCH = 1 , SIP/2.0/TCP g", "UDP h 5060 1  false 0", 0},
	}
	var m Message
	for _, test := range tests {
		m.Parse(message("ACK sip:x SIP/2.0", "Via: "+test.value, "f: <sip:f@h>;tag=1", "t: <sip:t@h>", "i: 1", "CSeq: 1 ACK", "Max-Forwards: 1"))
		v := m.Via()
		got := fmt.Sprintf("%s %s %d %s %s %v %d", v.Transport, v.Host, v.Port, v.Branch, v.Received, v.HasRPort, v.RPort)
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.value, got, test.want)
		}
		if m.Flaws() != test.flaws {
			t.Errorf("%s: flaws %v, want %v", test.value, m.Flaws(), test.flaws)
		}
	}
}

func TestDigest(t *testing.T) {
	tests := []struct {
		value string
		want  Digest
		flaws Flaws
	}{
		{"", Digest{Scheme: []byte{}}, BadCredentials},
		{"Digest", Digest{Scheme: []byte("Digest")}, BadCredentials},
		{"Digest ,", Digest{Scheme: []byte("Digest")}, BadCredentials},
		{"Digest username", Digest{Scheme: []byte("Digest")}, BadCredentials},
		{"Digest =x, nc=1", Digest{Scheme: []byte("Digest"), NC: []byte("1")}, BadCredentials},
		{`Digest nc=1,`, Digest{Scheme: []byte("Digest"), NC: []byte("1")}, BadCredentials},
		{`Digest nc=1 realm="r"`, Digest{Scheme: []byte("Digest"), NC: []byte("1"), Realm: []byte("r")}, BadCredentials},
		{`Digest uri=sip:x, nc=`, Digest{Scheme: []byte("Digest"), URI: []byte("sip:x"), NC: []byte{}}, BadCredentials},
		{`Digest username="a, realm=b`, Digest{Scheme: []byte("Digest"), Username: []byte("a, realm=b")}, UnclosedQuote},

		{"NoOneKnowsThis opaque-data=here", Digest{Scheme: []byte("NoOneKnowsThis")}, 0},
		{"Basic dXNlcjpwYXNz==", Digest{Scheme: []byte("Basic")}, 0},
		{
			`DIGEST Username="a\"b", REALM="", nonce="n" , uri="sip:x",response=r,algorithm=MD5,opaque="o",cnonce="c",nc=1,qop=auth`,
			Digest{
				Scheme: []byte("DIGEST"), Username: []byte(`a\"b`), Realm: []byte{}, Nonce: []byte("n"), URI: []byte("sip:x"),
				Response: []byte("r"), Algorithm: []byte("MD5"), Opaque: []byte("o"), CNonce: []byte("c"), NC: []byte("1"), QOP: []byte("auth"),
			}, 0,
		},
		{`Digest nc=1, nc=2, algorithx=a, algorithms=b, stale=TRUE`, Digest{Scheme: []byte("Digest"), NC: []byte("1"), Stale: true, Repeated: true}, 0},
	}
	for _, test := range tests {
		var d Digest
		if flaws := d.parse([]byte(test.value)); flaws != test.flaws {
			t.Errorf("%s: flaws %v, want %v", test.value, flaws, test.flaws)
		}
		if !reflect.DeepEqual(d, test.want) {
			t.Errorf("%s:\n got %v\nwant %v", test.value, d, test.want)
		}
	}
}

func TestCredentialsAndChallenge(t *testing.T) {
	var m Message
	m.Parse(message("ACK sip:x SIP/2.0", "Proxy-Authorization: Digest nc=1", "Proxy-Authenticate: Digest nonce=2", "X: y"))
	if d, ok := m.Credentials(); !ok || string(d.NC) != "1" {
		t.Errorf("credentials %q %v", d.NC, ok)
	}
	if d, ok := m.Challenge(); !ok || string(d.Nonce) != "2" {
		t.Errorf("challenge %q %v", d.Nonce, ok)
	}
	m.Parse(message("ACK sip:x SIP/2.0", "Authorization: Digest nc=3", "Proxy-Authorization: Digest nc=1"))
	if d, ok := m.Credentials(); !ok || string(d.NC) != "3" {
		t.Errorf("credentials %q %v", d.NC, ok)
	}
	if _, ok := m.Challenge(); ok {
		t.Error("a challenge of the message before")
	}
}

func TestCSeq(t *testing.T) {
	tests := []struct {
		value, method string
		number        uint32
		ok            bool
		flaws         Flaws
	}{
		{"", "", 0, false, BadCSeq | CSeqMismatch},
		{"1", "", 1, false, BadCSeq | CSeqMismatch},
		{"ACK", "", 0, false, BadCSeq | CSeqMismatch},
		{"x ACK", "ACK", 0, false, BadCSeq},
		{"-1 ACK", "ACK", 0, false, BadCSeq},
		{"1x ACK", "ACK", 0, false, BadCSeq},
		{"4294967296 ACK", "ACK", 0, false, BadCSeq},
		{"36893488147419103232 ACK", "ACK", 0, false, BadCSeq},
		{"1 A(K", "A(K", 1, false, BadCSeq | CSeqMismatch},
		{"1 ACK ACK", "ACK ACK", 1, false, BadCSeq | CSeqMismatch},
		{"1 ack", "ack", 1, true, CSeqMismatch},
		{"1 ACK", "ACK", 1, true, 0},
		{"12345678 ACK", "ACK", 12345678, true, 0},
		{"123456789\t ACK", "ACK", 123456789, true, 0},
		{"4294967295 ACK", "ACK", 4294967295, true, 0},
		{"000000000000000000001 ACK", "ACK", 1, true, 0},
	}
	var m Message
	for _, test := range tests {
		m.Parse(message("ACK sip:x SIP/2.0", "CSeq: "+test.value, "Via: SIP/2.0/UDP h", "f: <sip:f@h>;tag=1", "t: <sip:t@h>", "i: 1", "Max-Forwards: 1"))
		c, ok := m.CSeq()
		if string(c.Method) != test.method || c.Number != test.number || ok != test.ok {
			t.Errorf("%s: %d %q %v", test.value, c.Number, c.Method, ok)
		}
		if m.Flaws() != test.flaws {
			t.Errorf("%s: flaws %v, want %v", test.value, m.Flaws(), test.flaws)
		}
	}
}

func TestFirstLine(t *testing.T) {
	tests := []struct {
		line  string
		want  string // kind, method and URI or status and reason
		flaws Flaws  // of the first line only
	}{
		{"", "none", BadStartLine},
		{"OPTIONS", "none", BadStartLine},
		{"OPTIONS sip:x", "request OPTIONS sip:x", BadStartLine | BadVersion},
		{"GET / HTTP/1.1", "none", BadStartLine},
		{"OPTIONS rtsp://x RTSP/1.0", "none", BadStartLine},
		{"\x16\x03\x01", "none", BadStartLine},
		{" SIP/2.0", "request  ", BadStartLine | BadMethod | BadURI},
		{"A SIP/2.0", "request A ", BadStartLine | BadURI},
		{"A  SIP/2.0", "request A ", BadStartLine | BadURI},
		{"A(B sip:x SIP/2.0", "request A(B sip:x", BadMethod},
		{"A sip:x y SIP/2.0", "request A sip:x y", BadURI},
		{"A sip:x\tSIP/2.0", "request A sip:x", BadStartLine},
		{"A sip:x SIP/2.00", "request A sip:x", BadVersion},
		{"A sip:x SIP/", "request A sip:x", BadVersion},
		{"A sip:x?y=z SIP/2.0", "request A sip:x", BadURI},
		{"SIP/2.0", "response 0 ", BadStatus | BadStartLine},
		{"SIP/2.0 200", "response 200 ", BadStartLine},
		{"SIP/2.0  200 OK", "response 200 OK", BadStartLine},
		{"SIP/2.0 20 OK", "response 0 OK", BadStatus},
		{"SIP/2.0 0200 OK", "response 0 OK", BadStatus},
		{"SIP/2.0 099 OK", "response 0 OK", BadStatus},
		{"SIP/2.0 700 OK", "response 0 OK", BadStatus},
		{"SIP/3.0 200 OK", "response 200 OK", BadVersion},

		{"SIP/2.0 200 ", "response 200 ", 0},
		{"sip/2.0 699 It is so", "response 699 It is so", 0},
		{"OPTIONS sip:x sIp/2.0", "request OPTIONS sip:x", 0},
		{"A.b tel:1 SIP/2.0", "request A.b tel:1", 0},
	}
	var m Message
	for _, test := range tests {
		first, _, _ := strings.Cut(test.line, " ")
		m.Parse(message(test.line, "CSeq: 1 "+first, "Via: SIP/2.0/UDP h", "f: <sip:f@h>;tag=1", "t: <sip:t@h>", "i: 1", "Max-Forwards: 1"))
		got := m.Kind().String()
		switch m.Kind() {
		case Request:
			got += fmt.Sprintf(" %s %s", m.Method(), m.RequestURI())
		case Response:
			got += fmt.Sprintf(" %d %s", m.Status(), m.Reason())
		}
		if want, _, _ := strings.Cut(test.want, "?"); got != want && !strings.HasPrefix(got, want+"?") {
			t.Errorf("%q: got %q, want %q", test.line, got, test.want)
		}
		const others = CSeqMismatch | BadCSeq | LeadingCRLF
		if flaws := m.Flaws() &^ others; flaws != test.flaws {
			t.Errorf("%q: flaws %v, want %v", test.line, flaws, test.flaws)
		}
	}
}

func TestSingleValues(t *testing.T) {
	tests := []struct {
		header string
		flaws  Flaws
	}{
		{"Max-Forwards: 256", BadMaxForwards},
		{"Max-Forwards: -1", BadMaxForwards},
		{"Max-Forwards:", BadMaxForwards},
		{"Expires: 4294967296", BadExpires},
		{"Expires: soon", BadExpires},
		{"Min-Expires: -60", BadExpires},
		{"Date: Fri, 01 Jan 2010 16:00:00 EST", BadDate},
		{"Date: Fri, 1 Jan 2010 16:00:00 GMT", BadDate},
		{"Date: Fri, 01 Jan 2010 16.00.00 GMT", BadDate},
		{"Date: 123, 01 Jan 2010 16:00:00 GMT", BadDate},
		{"Date: ", BadDate},
		{"Call-ID: a b", BadCallID},
		{"Call-ID: a@b@c", BadCallID},
		{"Call-ID: @b", BadCallID},
		{"Call-ID: a@", BadCallID},
		{"Call-ID:", BadCallID},
		{"Content-Length: -1", BadContentLength},
		{"Content-Length: 1", BadContentLength},
		{"Content-Length: 99999999999", BadContentLength},
		{"Proxy-Authorization: Digest \"", BadCredentials},
		{"WWW-Authenticate: Digest realm=\"", UnclosedQuote},

		{"Max-Forwards: 0", 0},
		{"Max-Forwards: 0255", 0},
		{"Expires: 4294967295", 0},
		{"Date: Sat, 13 Nov 2010 23:29:00 GMT", 0},
		{"Call-ID: a(<>)\\\"[]?{}@:/", 0},
		{"Content-Length: 000", 0},
	}
	var m Message
	for _, test := range tests {
		headers := []string{test.header}
		for _, h := range []string{"Max-Forwards: 1", "Call-ID: 1", "CSeq: 1 ACK", "Via: SIP/2.0/UDP h", "f: <sip:f@h>;tag=1", "t: <sip:t@h>"} {
			name, _, _ := strings.Cut(h, ":")
			if !strings.HasPrefix(test.header, name+":") {
				headers = append(headers, h)
			}
		}
		m.Parse(message("ACK sip:x SIP/2.0", headers...))
		if m.Flaws() != test.flaws {
			t.Errorf("%s: flaws %v, want %v", test.header, m.Flaws(), test.flaws)
		}
	}
}

func TestNumber(t *testing.T) {
	bad := []string{"", " 1", "1 ", "-1", "+1", "1x", "12345678x", "4294967296", "99999999999999999999", "x2345678", "1234:678"}
	good := map[string]uint32{
		"0": 0, "7": 7, "42": 42, "5060": 5060, "1234567": 1234567, "12345678": 12345678, "123456789": 123456789,
		"4294967295": 4294967295, "00000000000000000042": 42,
	}
	for _, s := range bad {
		for _, b := range [][]byte{[]byte(s), append([]byte(s), "1234567890123456"...)[:len(s)]} {
			if n, ok := number(b); ok {
				t.Errorf("%q is taken for %d", b, n)
			}
		}
	}
	for s, want := range good {
		for _, b := range [][]byte{[]byte(s), append([]byte(s), "1234567890123456"...)[:len(s)]} {
			if n, ok := number(b); !ok || n != want {
				t.Errorf("%q: %d %v", b, n, ok)
			}
		}
	}
}

func TestBodyAndLengths(t *testing.T) {
	var m Message
	m.Parse([]byte("ACK sip:x SIP/2.0\r\nl: 3\r\nExpires: 60\r\nServer: s\r\nc: text/plain\r\n\r\nabcdef"))
	if string(m.Body()) != "abc" || string(m.Server()) != "s" || string(m.ContentType()) != "text/plain" {
		t.Errorf("body %q server %q type %q", m.Body(), m.Server(), m.ContentType())
	}
	if n, ok := m.Expires(); n != 60 || !ok {
		t.Errorf("expires %d %v", n, ok)
	}
	if n, ok := m.ContentLength(); n != 3 || !ok {
		t.Errorf("length %d %v", n, ok)
	}
	m.Parse([]byte("ACK sip:x SIP/2.0\r\n\r\nabcdef"))
	if _, ok := m.ContentLength(); ok || string(m.Body()) != "abcdef" {
		t.Errorf("a length of the message before, or body %q", m.Body())
	}
	big := append([]byte("ACK sip:x SIP/2.0\r\nl: 70000\r\n\r\n"), make([]byte, 70000)...)
	m.Parse(big)
	if !m.Flaws().Has(OversizeMessage) || m.Flaws().Has(BadContentLength|ExtraBytes) || len(m.Body()) != MaxBytes-31 {
		t.Errorf("flaws %v, body of %d bytes", m.Flaws(), len(m.Body()))
	}
}

func TestHeaderOrder(t *testing.T) {
	order := func(headers ...string) uint64 {
		var m Message
		m.Parse(message("ACK sip:x SIP/2.0", headers...))
		return m.HeaderOrder()
	}
	base := order("Via: SIP/2.0/UDP a", "From: <sip:a@b>", "To: <sip:a@b>", "X-Very-Long-Header-Name-Of-A-Phone: 1")
	same := [][]string{
		{"Via: SIP/2.0/TCP b", "From: <sip:c@d>", "To: <sip:e@f>", "X-Very-Long-Header-Name-Of-A-Phone: 2"},
		{"Via: SIP/2.0/UDP a", "Via: SIP/2.0/UDP b", "Route: <sip:r>", "From: <sip:a@b>", "Record-Route: <sip:r>", "To: <sip:a@b>",
			"Authorization: Digest nc=1", "Proxy-Authorization: Digest nc=1", "X-Very-Long-Header-Name-Of-A-Phone: 1"},
	}
	other := [][]string{
		{"From: <sip:a@b>", "Via: SIP/2.0/UDP a", "To: <sip:a@b>", "X-Very-Long-Header-Name-Of-A-Phone: 1"},
		{"Via: SIP/2.0/UDP a", "FROM: <sip:a@b>", "To: <sip:a@b>", "X-Very-Long-Header-Name-Of-A-Phone: 1"},
		{"Via: SIP/2.0/UDP a", "From: <sip:a@b>", "To: <sip:a@b>"},
		{"Via: SIP/2.0/UDP a", "From: <sip:a@b>", "To: <sip:a@b>", "X-Very-Long-Header-Name-Of-A-PBX: 1"},
	}
	for _, headers := range same {
		if order(headers...) != base {
			t.Errorf("%q: another order", headers)
		}
	}
	for i, headers := range other[:3] {
		if order(headers...) == base {
			t.Errorf("%d %q: the same order", i, headers)
		}
	}
}

func TestHeaderNames(t *testing.T) {
	for h := HeaderFrom; h < headerCount; h++ {
		for _, name := range headerNames[h] {
			for _, spelled := range []string{name, strings.ToUpper(name)} {
				if got := lookup(nameAt([]byte(spelled))); spelled != "" && got != h {
					t.Errorf("%s is header %d, want %d", spelled, got, h)
				}
			}
		}
	}
	for _, name := range []string{"", "fr", "fromm", "call\rid", "call_id", "\x46\x52\x4f\x0d", "v ", "content-lengt\x08"} {
		if got := lookup(nameAt([]byte(name))); got != HeaderOther {
			t.Errorf("%q is header %d", name, got)
		}
	}
	for p := paramTag; p < paramCount; p++ {
		for _, spelled := range []string{paramNames[p], strings.ToUpper(paramNames[p])} {
			b := []byte(spelled + "=0123456789")
			if got, next := knownParam(b, 0); got != p || next != len(spelled)+1 {
				t.Errorf("%s is parameter %d up to %d", spelled, got, next)
			}
			if got := paramOf([]byte(spelled)); got != p {
				t.Errorf("%s is parameter %d", spelled, got)
			}
		}
	}
}

// TestFlawTokens holds the documented names, which may not change.
func TestFlawTokens(t *testing.T) {
	want := []string{
		"bad_start_line", "bad_version", "bad_method", "bad_status", "bad_uri", "bad_header_line", "bare_lf", "control_char",
		"no_final_crlf", "no_via", "no_from", "no_to", "no_call_id", "no_cseq", "duplicate_header", "bad_content_length",
		"bad_cseq", "cseq_mismatch", "bad_via", "bad_address", "bad_display", "unclosed_quote", "empty_param", "bad_param",
		"bad_call_id", "bad_date", "bad_credentials", "fold", "blank_before_colon", "leading_crlf", "extra_bytes",
		"escaped_control", "bad_branch", "no_from_tag", "no_max_forwards", "bad_max_forwards", "bad_expires", "oversize_header",
		"oversize_message",
	}
	every := OversizeMessage<<1 - Fold | unacceptable
	if got := every.Tokens(); !slices.Equal(got, want) {
		t.Errorf("tokens %q", got)
	}
	if got := (Fold | BareLF).String(); got != "bare_lf,fold" {
		t.Errorf("text %q", got)
	}
	if got := Flaws(0).Tokens(); got == nil || len(got) != 0 {
		t.Errorf("no flaws: %#v", got)
	}
}
