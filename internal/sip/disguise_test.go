package sip

import (
	"bytes"
	"strings"
	"testing"
)

// plainRegister is a message without any trick; each disguise below says the same in a way that some reader gets wrong
// and some server gets right.
const plainRegister = "REGISTER sip:example.org SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.4:5062;branch=z9hG4bKabc;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: \"Bob\" <sip:bob@example.org>;tag=a73k\r\n" +
	"To: <sip:bob@example.org>\r\n" +
	"Call-ID: 7710@192.0.2.4\r\n" +
	"CSeq: 2 REGISTER\r\n" +
	"Contact: <sip:bob@192.0.2.4:5062>\r\n" +
	"User-Agent: Phone 1\r\n" +
	"Authorization: Digest username=\"bob\", realm=\"asterisk\", nonce=\"5f\", uri=\"sip:example.org\", response=\"d41d8cd9\", algorithm=MD5\r\n" +
	"Content-Length: 0\r\n\r\n"

// disguises replace a text of plainRegister by another. An empty text is put in front of the message.
var disguises = []struct {
	name, old, new string
	flaws          Flaws // exactly these
}{
	// What RFC 3261 does not allow; some server reads it nevertheless.
	{"bare LF everywhere", "\r\n", "\n", BareLF},
	{"bare LF once", "bob@example.org>\r\n", "bob@example.org>\n", BareLF},
	{"no line end at all", "Content-Length: 0\r\n\r\n", "Content-Length: 0", NoFinalCRLF},
	{"cut off before the empty line", "Content-Length: 0\r\n\r\n", "Content-Length: 0\r\n", NoFinalCRLF},
	{"cut off in a header", "Content-Length: 0\r\n\r\n", "Content-Le", NoFinalCRLF | BadHeaderLine},
	{"line without colon", "Max-Forwards", "nonsense\r\nMax-Forwards", BadHeaderLine},
	{"line with a colon only", "Max-Forwards", ":\r\nMax-Forwards", BadHeaderLine},
	{"name that is no token", "Max-Forwards", "X(Y): 1\r\nMax-Forwards", BadHeaderLine},
	{"Content-Length beyond the end", "Length: 0", "Length: 500", BadContentLength},
	{"Content-Length that is no number", "Length: 0", "Length: none", BadContentLength},
	{"NUL in a header value", "Phone 1", "Phone 1\r\nX: a\x00b", ControlChar},
	{"CR inside a header", "Phone 1", "Phone 1\r\nX: a\rFrom: <sip:decoy@h>;tag=decoy", ControlChar},
	{"CR inside a name", "Max-Forwards", "Call\rID: decoy\r\nMax-Forwards", ControlChar | BadHeaderLine},
	{"second From", "To: ", "From: <sip:decoy@example.net>;tag=decoy\r\nTo: ", DuplicateHeader},
	{"second Call-ID, compact", "CSeq", "i: decoy\r\nCSeq", DuplicateHeader},
	{"second CSeq", "CSeq: 2 REGISTER", "CSeq: 2 REGISTER\r\nCSeq: 3 INVITE", DuplicateHeader},
	{"two blanks in the first line", "REGISTER sip:example.org", "REGISTER  sip:example.org", BadStartLine},
	{"tab in the first line", "REGISTER sip:example.org", "REGISTER\tsip:example.org", BadStartLine},
	{"blank at the end of the first line", "SIP/2.0\r\nVia", "SIP/2.0 \r\nVia", BadStartLine},
	{"version of the future", "SIP/2.0\r\nVia", "SIP/3.0\r\nVia", BadVersion},
	{"unquoted name with UTF-8", `"Bob"`, "Bob \xc3\x9c", BadDisplay},
	{"unquoted name with a comma", `"Bob"`, "Bob, B", BadDisplay},
	{"unquoted name with a colon", `"Bob"`, "sip:decoy@example.net", BadDisplay},
	{"quoted name and more", `"Bob"`, `"Bob" B`, BadDisplay},
	{"blank inside the brackets", "<sip:bob@example.org>;", "< sip:bob@example.org >;", BadURI},
	{"empty parameter", ">;tag", ">;;tag", EmptyParam},
	{"parameter with a bare bracket", ">;tag", ">;x=<>;tag", BadParam},
	{"junk behind the brackets", ">;tag", "> junk ;tag", BadParam},
	{"no bracket at the end", "<sip:bob@example.org>;tag", "<sip:bob@example.org;tag", BadAddress},
	{"sent-by with a bad port", "192.0.2.4:5062;", "192.0.2.4:5062x;", BadParam},
	{"semicolon between Digest pairs", `realm="asterisk",`, `realm="asterisk";x="",`, BadCredentials},
	{"two commas between Digest pairs", `realm="asterisk",`, `realm="asterisk",,`, 0},

	// What RFC 3261 allows.
	{"leading CRLF", "", "\r\n\r\n", LeadingCRLF},
	{"blank after the semicolon of From", ";tag", "; tag", 0},
	{"blanks around all of it", ">;tag=a", "> ; tag = a", 0},
	{"tag in capitals", ";tag", ";TAG", 0},
	{"tag after another parameter", ";tag", ";x=\"y;tag=decoy\";tag", 0},
	{"From folded", "From: ", "From:\r\n ", Fold},
	{"From folded before the tag", ";tag", "\r\n\t;tag", Fold},
	{"CSeq folded", "CSeq: 2 REGISTER", "CSeq: 2\r\n REGISTER", Fold},
	{"Via folded", "UDP 192", "UDP\r\n 192", Fold},
	{"Call-ID folded", "Call-ID: ", "Call-ID: \r\n\t", Fold},
	{"Via with blanks", "SIP/2.0/UDP", "SIP / 2.0 / UDP", 0},
	{"Via with blanks and tabs around the host", "UDP 192.0.2.4:5062;", "UDP\t192.0.2.4 : 5062 ; ", 0},
	{"blank before the semicolon of Via", "5062;branch", "5062 ;branch", 0},
	{"Via parameters in capitals", ";branch", ";BRANCH", 0},
	{"Via list", ";rport\r\n", ";rport, SIP/2.0/TCP decoy;branch=z9hG4bKdecoy\r\n", 0},
	{"second Via", "Max-Forwards", "Via: SIP/2.0/TCP decoy;branch=z9hG4bKdecoy\r\nMax-Forwards", 0},
	{"blank before the colon", "From:", "From :", BlankBeforeColon},
	{"tabs before the colon", "CSeq:", "CSeq\t \t:", BlankBeforeColon},
	{"tab after the colon", "CSeq: 2", "CSeq:\t2", 0},
	{"nothing after the colon", "Call-ID: ", "Call-ID:", 0},
	{"names in capitals", "From", "FROM", 0},
	{"names in lower case", "Call-ID", "call-id", 0},
	{"names in any case", "User-Agent", "uSeR-aGeNt", 0},
	{"compact From", "From", "f", 0},
	{"compact Via in capitals", "Via", "V", 0},
	{"compact Call-ID", "Call-ID", "i", 0},
	{"compact Content-Length", "Content-Length", "l", 0},
	{"compact Contact", "Contact", "m", 0},
	{"name of two letters", "To: ", "tu: <sip:decoy@example.net>\r\nTo: ", 0},
	{"name that begins like another", "From", "From2: <sip:decoy@h>\r\nFrom", 0},
	{"long name", "From", strings.Repeat("From-", 20) + ": <sip:decoy@h>\r\nFrom", 0},
	{"escaped name", "From", "F%72om: <sip:decoy@h>\r\nFrom", 0},
	{"address in the quoted name", `"Bob"`, `"<sip:decoy@example.net>;tag=decoy"`, 0},
	{"address in the quoted name, after a quoted quote", `"Bob"`, `"x\"<sip:decoy@example.net>"`, 0},
	{"quoted backslash at the end of the name", `"Bob"`, `"Bob\\"`, 0},
	{"UTF-8 in the quoted name", `"Bob"`, "\"M\xc3\xbcller\"", 0},
	{"Latin-1 in the quoted name", `"Bob"`, "\"M\xfcller\"", 0},
	{"quoted NUL in the name", `"Bob"`, "\"B\\\x00b\"", EscapedControl},
	{"name of several tokens", `"Bob"`, "Bob B. B", 0},
	{"no blank before the bracket", `"Bob" `, `"Bob"`, 0},
	{"no brackets", "\"Bob\" <sip:bob@example.org>", "sip:bob@example.org", 0},
	{"scheme in capitals", "<sip:bob", "<SIP:bob", 0},
	{"secure scheme", "<sip:bob", "<sips:bob", 0},
	{"foreign scheme", "<sip:bob", "<b0119:bob", 0},
	{"password", "<sip:bob@", "<sip:bob:secret@", 0},
	{"URI parameters and headers", "example.org>;", "example.org;lr;transport=tcp?a=b>;", 0},
	{"port", "example.org>;", "example.org:5070>;", 0},
	{"version in lower case", "SIP/2.0\r\nVia", "sip/2.0\r\nVia", 0},
	{"leading zeros", "CSeq: 2", "CSeq: 0000000000002", 0},
	{"bytes after the body", "Length: 0\r\n\r\n", "Length: 0\r\n\r\nBYE sip:x SIP/2.0\r\nFrom: <sip:decoy@h>\r\n\r\n", ExtraBytes},
	{"100 headers in front", "Via", strings.Repeat("X-Filler: y\r\n", 100) + "Via", 0},
	{"100 headers between", "From", strings.Repeat("y:\r\n", 100) + "From", 0},
	{"long header", "Phone 1", "Phone 1\r\nX: " + strings.Repeat("y", OversizeHeaderBytes), OversizeHeader},
	{"Digest in lower case without blanks", "Digest username=\"bob\", realm", "digest username=\"bob\",realm", 0},
	{"Digest with blanks around everything", `username="bob", realm="asterisk"`, "UserName = \"bob\" ,\r\n\trealm\t=\t\"asterisk\"", Fold},
	{"Digest decoy in a quoted value", `Digest username`, `Digest opaque="a, username=\"decoy", username`, 0},
	{"Proxy-Authorization", "Authorization", "PROXY-authorization", 0},
	{"second Authorization", "Content-Length", "Authorization: Digest username=\"decoy\"\r\nContent-Length", 0},
}

// readings is what every disguise must still say.
func readings(m *Message) string {
	from, to, via, contact := m.From(), m.To(), m.Via(), m.Contact()
	cseq, _ := m.CSeq()
	d, _ := m.Credentials()
	digest := bytes.Join([][]byte{d.Username, d.Realm, d.Nonce, d.URI, d.Response, d.Algorithm}, []byte(" "))
	return strings.Join([]string{
		m.Kind().String(), string(m.Method()), string(m.RequestURI()), party(&from), party(&to), string(m.CallID()),
		string(cseq.Method), string(rune('0' + cseq.Number)), string(via.Transport), string(via.Host), string(via.Branch),
		party(&contact), string(m.UserAgent()), string(digest),
	}, " | ")
}

func TestDisguises(t *testing.T) {
	var m Message
	m.Parse([]byte(plainRegister))
	want := readings(&m)
	if m.Flaws() != 0 || strings.Contains(want, "| |") {
		t.Fatalf("plain message: %v %s", m.Flaws(), want)
	}
	for _, test := range disguises {
		message := strings.Replace(plainRegister, test.old, test.new, 1)
		if test.name == "bare LF everywhere" {
			message = strings.ReplaceAll(plainRegister, test.old, test.new)
		}
		if message == plainRegister {
			t.Fatalf("%s: changes nothing", test.name)
		}
		m.Parse([]byte(message))
		if got := readings(&m); got != want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, want)
		}
		if m.Flaws() != test.flaws {
			t.Errorf("%s: flaws %v, want %v", test.name, m.Flaws(), test.flaws)
		}
	}
}
