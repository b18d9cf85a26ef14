package sip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// core is what must be read from a message, whatever is wrong with the rest: the first line, From, To, Call-ID, CSeq, the
// top Via and the first Contact, as one line that is easy to compare.
func core(m *Message) string {
	from, to, via, contact := m.From(), m.To(), m.Via(), m.Contact()
	cseq, _ := m.CSeq()
	first := string(m.Method())
	if m.Kind() == Response {
		first = fmt.Sprint(m.Status())
	}
	return fmt.Sprintf("%s | %s | %s | %d %s | %s %s:%d %s | %s", first, party(&from), party(&to), cseq.Number, cseq.Method,
		via.Transport, via.Host, via.Port, via.Branch, party(&contact))
}

func party(a *NameAddr) string {
	s := fmt.Sprintf("%s@%s", a.URI.User, a.URI.Host)
	if a.Tag != nil {
		s += ";" + string(a.Tag)
	}
	return s
}

// tortureTests has every message of RFC 4475 section 3 and RFC 5118 section 4. Acceptable is about the message: those
// that a server would refuse for what it asks (a scheme, an extension, a body type) are well formed.
var tortureTests = []struct {
	file  string
	flaws Flaws // exactly these
	core  string
}{
	// RFC 4475 section 3.1.2: invalid.
	// 3.1.2.1 extra separators
	{"badinv01", BadVia | EmptyParam, "INVITE | caller@example.net;134161461246 | j.user@example.com | 8 INVITE | UDP 192.0.2.15:0  | joe@example.org"},
	// 3.1.2.2 Content-Length beyond the end
	{"clerr", BadContentLength, "INVITE | caller@example.net;93942939o2 | j.user@example.com | 8 INVITE | UDP host5.example.com:0 z9hG4bK-39234-23523 | caller@hungry.example.net"},
	// 3.1.2.3 negative
	{"ncl", BadContentLength, "INVITE | caller@example.net;32394234 | j.user@example.com | 0 INVITE | UDP 192.0.2.53:0 z9hG4bKkdjuw | caller@example53.example.net"},
	// 3.1.2.4 400 because of the CSeq; the other numbers could be ignored
	{"scalar02", BadCSeq | Fold | BadMaxForwards | BadExpires, "REGISTER | user@example.com;239232jh3 | user@example.com | 0 REGISTER | TCP host129.example.com:0 z9hG4bK342sdfoi3 | user@host129.example.com"},
	// 3.1.2.5 dropped because of the CSeq
	{"scalarlg", BadCSeq, "503 | other@example.net;2easdjfejw | user@example.com | 0 OPTIONS | TCP host129.example.com:0 z9hG4bKzzxdiwo34sw | @"},
	// 3.1.2.6
	{"quotbal", UnclosedQuote, "INVITE | caller@example.net;93334 | j.user@example.com | 8 INVITE | UDP 192.0.2.59:5050 z9hG4bKkdjuw39234 | caller@host59.example.net"},
	// 3.1.2.7 brackets around the Request-URI
	{"ltgtruri", BadURI, "INVITE | caller@example.net;39291 | user@example.com | 1 INVITE | UDP 192.0.2.5:0  | caller@host5.example.net"},
	// 3.1.2.8 a blank in it
	{"lwsruri", BadURI, "INVITE | caller@example.net;231413434 | user@example.com;3xfe-9921883-z9f | 2130706432 INVITE | UDP 192.0.2.1:5060 z9hG4bKkdjuw2395 | caller@host1.example.net"},
	// 3.1.2.9 two blanks around it
	{"lwsstart", BadStartLine, "INVITE | caller@example.net;8814 | user@example.com | 1893884 INVITE | UDP host1.example.com:0 z9hG4bKkdjuw3923 | caller@host1.example.net"},
	// 3.1.2.10 blanks at the end of the first line
	{"trws", BadStartLine, "OPTIONS | local-resource@example.com;329429089 | remote-target@example.com | 238923 OPTIONS | TCP host1.examle.com:0 z9hG4bK299342093 | @"},
	// 3.1.2.11 headers in the Request-URI
	{"escruri", BadURI, "INVITE | caller@example.net;341518 | user@example.com | 149209342 INVITE | UDP host-of-the-hour.example.com:0 z9hG4bKkdjuw | caller@host39923.example.net"},
	// 3.1.2.12 not GMT
	{"baddate", BadDate, "INVITE | caller@example.net;2234923 | user@example.com | 1392934 INVITE | UDP host.example.com:0 z9hG4bKkdjuw | caller@host5.example.net"},
	// 3.1.2.13 "?" without brackets
	{"regbadct", BadAddress, "REGISTER | user@example.com;998332 | user@example.com | 1 REGISTER | UDP 135.180.130.133:5060 z9hG4bKkdjuw | user@example.com"},
	// 3.1.2.14 blanks inside the brackets
	{"badaspec", BadURI, "OPTIONS | a.g.bell@example.com;433423 | t.watson@example.org | 3923239 OPTIONS | UDP host4.example.com:5060 z9hG4bKkdju43234 | @"},
	// 3.1.2.15 comma in a display name; the RFC's file lacks the empty line, too
	{"baddn", BadDisplay | NoFinalCRLF, "OPTIONS | a.g.bell@example.com;43 | t.watson@example.org | 3923239 OPTIONS | UDP c.example.com:5060 z9hG4bKkdjuw | @"},
	// 3.1.2.16 SIP/7.0
	{"badvers", BadVersion, "OPTIONS | a.g.bell@example.com;qweoiqpe | t.watson@example.org | 1 OPTIONS | UDP c.example.com:0 z9hG4bKkdjuw | @"},
	// 3.1.2.17
	{"mismatch01", CSeqMismatch, "OPTIONS | caller@example.net;34525 | j.user@example.com | 8 INVITE | UDP host.example.com:0 z9hG4bKkdjuw | @"},
	// 3.1.2.18 same, unknown method
	{"mismatch02", CSeqMismatch, "NEWMETHOD | caller@example.net;34525 | j.user@example.com | 8 INVITE | UDP host.example.net:0 z9hG4bKkdjuw | caller@host.example.net"},
	// 3.1.2.19
	{"bigcode", BadStatus, "0 | user@example.com;39ansfi3 | user@example.edu;902jndnke3 | 353494 INVITE | UDP 192.0.2.105:0 z9hG4bK2398ndaoe | user@host105.example.com"},

	// RFC 4475 section 3.3, where the answer is 400 because the message itself is broken.
	// 3.3.1
	{"insuf", NoFrom | NoTo | NoCallID | NoMaxForwards, "INVITE | @ | @ | 193942 INVITE | UDP 192.0.2.95:0 z9hG4bKkdj.insuf | @"},
	// 3.3.8
	{"multi01", DuplicateHeader, "INVITE | caller@example.com;3413415 | user@example.com | 5 INVITE | UDP 192.0.2.25:0 z9hG4bKkdjuw | caller@host25.example.net"},
	// 3.3.9
	{"mcl01", DuplicateHeader | ExtraBytes, "OPTIONS | other@example.net;3923942 | user@example.com | 15932 OPTIONS | UDP host5.example.net:0 z9hG4bK293423 | @"},

	// RFC 5118: an address without its brackets, and a colon too many.
	// 4.2
	{"ipv6-bad", BadURI, "REGISTER | user@example.com;81x2 | user@example.com | 98176 REGISTER | UDP 2001:db8::9:1:0 z9hG4bKas3-111 | caller@2001:db8::1"},
	// 4.10
	{"ipv6-bug-abnf-3-colons", BadURI, "OPTIONS | user@example.com;810x2 | user@2001:db8:::192.0.2.1 | 689 OPTIONS | UDP lab1.east.example.com:0 z9hG4bKas3-111 | @"},

	// RFC 4475 section 3.1.1: valid.
	// 3.1.1.1
	{"wsinv", Fold | BlankBeforeColon, "INVITE | jdrosen@example.com;98asjd8 | vivekg@chair-dnrc.example.com;1918181833n | 9 INVITE | UDP 192.0.2.2:0 390skdjuw | jdrosen@example.com"},
	// 3.1.1.2
	{"intmeth", EscapedControl, "!interesting-Method0123456789_*+`.%indeed'~ | mundane@example.com;_token~1'+`*%!-. | 1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com | 139122385 !interesting-Method0123456789_*+`.%indeed'~ | TCP host1.example.com:0 z9hG4bK-.!%66*_+`'~ | @"},
	// 3.1.1.3
	{"esc01", Fold, "INVITE | I%20have%20spaces@example.net;938 | %75se%72@example.com | 234234 INVITE | UDP host5.example.net:0 z9hG4bKkdjuw | cal%6Cer@host5.example.net"},
	// 3.1.1.4
	{"escnull", 0, "REGISTER | null-%00-null@example.com;839923423 | null-%00-null@example.com | 14398234 REGISTER | UDP host5.example.com:0 z9hG4bKkdjuw | %00@host5.example.com"},
	// 3.1.1.5 "%" escapes nothing in tokens
	{"esc02", 0, "RE%47IST%45R | resource@example.com;f232jadfj23 | resource@example.com | 29344 RE%47IST%45R | TCP host.example.com:0 z9hG4bK209%fzsnel234 | alias1@host1.example.com"},
	// 3.1.1.6
	{"lwsdisp", 0, "OPTIONS | caller@example.com;323 | user@example.com | 60 OPTIONS | UDP funky.example.com:0 z9hG4bKkdjuw | @"},
	// 3.1.1.7, see TestLongValues
	{"longreq", BlankBeforeColon, ""},
	// 3.1.1.8
	{"dblreq", ExtraBytes, "REGISTER | j.user@example.com;43251j3j324 | j.user@example.com | 8 REGISTER | UDP 192.0.2.125:0 z9hG4bKkdjuw23492 | j.user@host.example.com"},
	// 3.1.1.9
	{"semiuri", Fold, "OPTIONS | caller@example.org;33242 | j_user@example.com | 8 OPTIONS | UDP 192.0.2.1:0 z9hG4bKkdjuw | @"},
	// 3.1.1.10 any token is a transport
	{"transports", 0, "OPTIONS | caller@example.com;323 | user@example.com | 60 OPTIONS | UDP t1.example.com:0 z9hG4bKkdjuw | @"},
	// 3.1.1.11
	{"mpart01", 0, "MESSAGE | fluffy@example.com;2fb0dcc9 | kumiko@example.org | 1 MESSAGE | UDP 127.0.0.1:5070 z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543- | fluffy@127.0.0.1"},
	// 3.1.1.12
	{"unreason", 0, "200 | user@example.com;11141343 | user@example.edu;2229 | 35 INVITE | UDP 192.0.2.198:0 z9hG4bK1324923 | user@host198.example.com"},
	// 3.1.1.13
	{"noreason", 0, "100 | user@example.com;39ansfi3 | user@example.edu;902jndnke3 | 35 INVITE | UDP 192.0.2.105:0 z9hG4bK2398ndaoe | user@host105.example.com"},

	// RFC 4475 sections 3.2 to 3.4: well formed, or to be lived with.
	// 3.2.1 treat as if without a branch
	{"badbranch", BadBranch, "OPTIONS | caller@example.org;33242 | user@example.com | 8 OPTIONS | UDP 192.0.2.1:0 z9hG4bK | @"},
	// 3.3.2 416, but well formed
	{"unkscm", 0, "OPTIONS | caller@example.net;384 | user@example.com | 3923423 OPTIONS | TCP host9.example.com:0 z9hG4bKkdjuw39234 | @"},
	// 3.3.3 same
	{"novelsc", 0, "OPTIONS | caller@example.net;384 | user@example.com | 3923423 OPTIONS | TCP host9.example.com:0 z9hG4bKkdjuw39234 | @"},
	// 3.3.4 schemes a registrar may refuse
	{"unksm2", 0, "REGISTER | @www.example.com;3234233 | @ | 234902 REGISTER | UDP 192.0.2.21:5060 z9hG4bKkdjuw | @"},
	// 3.3.5 420
	{"bext01", 0, "OPTIONS | caller@example.net;242etr | j_user@example.com | 8 OPTIONS | TLS fold-and-staple.example.com:0 z9hG4bKkdjuw | @"},
	// 3.3.6 415
	{"invut", 0, "INVITE | caller@example.net;8392034 | j.user@example.com | 235448 INVITE | UDP somehost.example.com:0 z9hG4bKkdjuw | caller@host5.example.net"},
	// 3.3.7 unknown credentials count as none
	{"regaut01", 0, "REGISTER | j.user@example.com;87321hj23128 | j.user@example.com | 9338 REGISTER | TCP 192.0.2.253:0 z9hG4bKkdjuw | @"},
	// 3.3.10 only its client drops it, a proxy cannot see why
	{"bcast", 0, "200 | user@example.com;11141343 | user@example.edu;2229 | 35 INVITE | UDP 192.0.2.198:0 z9hG4bK1324923 | user@host28.example.com"},
	// 3.3.11 the last hop may answer
	{"zeromf", 0, "OPTIONS | caller@example.net;3ghsd41 | user@example.com | 39234321 OPTIONS | UDP host1.example.com:0 z9hG4bKkdjuw2349i | @"},
	// 3.3.12
	{"cparam01", 0, "REGISTER | watson@example.com;DkfVgjkrtMwaerKKpe | watson@example.com | 2 REGISTER | UDP saturn.example.com:5060 z9hG4bKkdjuw | +19725552222@gw1.example.net"},
	// 3.3.13
	{"cparam02", 0, "REGISTER | watson@example.com;838293 | watson@example.com | 3 REGISTER | UDP saturn.example.com:5060 z9hG4bKkdjuw | +19725552222@gw1.example.net"},
	// 3.3.14
	{"regescrt", 0, "REGISTER | user@example.com;8 | user@example.com | 14398234 REGISTER | UDP host5.example.com:0 z9hG4bKkdjuw | user@example.com"},
	// 3.3.15 406 at most
	{"sdp01", 0, "INVITE | caller@example.net;234 | j_user@example.com | 8 INVITE | UDP 192.0.2.15:0 z9hG4bKkdjuw | caller@host15.example.net"},
	// 3.4.1
	{"inv2543", NoFromTag | NoMaxForwards, "INVITE | +13035551111@ift.client.example.net | +16505552222@ss1.example.net | 56 INVITE | UDP iftgw.example.com:0  | @"},

	// RFC 5118: legal. In three of them the body is longer than it says.
	// 4.1
	{"ipv6-good", 0, "REGISTER | user@example.com;81x2 | user@example.com | 98176 REGISTER | UDP 2001:db8::9:1:0 z9hG4bKas3-111 | caller@2001:db8::1"},
	// 4.3 the last group, not a port
	{"port-ambiguous", 0, "REGISTER | user@example.com;81x2 | user@example.com | 98176 REGISTER | UDP 2001:db8::9:1:0 z9hG4bKas3-111 | caller@2001:db8::1"},
	// 4.4
	{"port-unambiguous", 0, "REGISTER | user@example.com;81x2 | user@example.com | 98176 REGISTER | UDP 2001:db8::9:1:0 z9hG4bKas3-111 | caller@2001:db8::1"},
	// 4.5
	{"via-received-param-with-delim", 0, "BYE | user@example.com;81x2 | user@example.com;bd76ya | 321 BYE | UDP 2001:db8::9:1:0 z9hG4bKas3-111 | @"},
	// 4.5
	{"via-received-param-no-delim", 0, "OPTIONS | user@example.com;81x2 | user@example.com | 921 OPTIONS | UDP 2001:db8::9:1:0 z9hG4bKas3 | caller@2001:db8::9:1"},
	// 4.6
	{"ipv6-in-sdp", ExtraBytes, "INVITE | user@example.com;81x2 | user@2001:db8::10 | 8612 INVITE | UDP 2001:db8::20:0 z9hG4bKas3-111 | caller@2001:db8::20"},
	// 4.7
	{"mult-ip-in-header", 0, "BYE | user@example.com;81x2 | user@example.net;9817--94 | 89187 BYE | UDP 2001:db8::9:1:6050 z9hG4bKas3-111 | @"},
	// 4.8
	{"mult-ip-in-sdp", ExtraBytes, "INVITE | user@example.com;81x2 | user@2001:db8::10 | 8912 INVITE | UDP 2001:db8::9:1:0 z9hG4bKas3-111 | caller@2001:db8::9:1"},
	// 4.9
	{"ipv4-mapped-ipv6", ExtraBytes, "INVITE | user@east.example.com;81x2 | user@example.com | 612 INVITE | UDP ::ffff:192.0.2.10:19823 z9hG4bKbh19 | ted@::ffff:192.0.2.2"},
	// 4.10
	{"ipv6-correct-abnf-2-colons", 0, "OPTIONS | user@example.com;810x2 | user@2001:db8::192.0.2.1 | 689 OPTIONS | UDP lab1.east.example.com:0 z9hG4bKas3-111 | @"},
}

// tortureFile reads a message of either RFC.
func tortureFile(t testing.TB, name string) []byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/torture/*/" + name + ".dat")
	if err != nil || len(paths) != 1 {
		t.Fatalf("find %s: %v %v", name, paths, err)
	}
	b, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTorture(t *testing.T) {
	var m Message
	for _, test := range tortureTests {
		m.Parse(tortureFile(t, test.file))
		if got := core(&m); test.core != "" && got != test.core {
			t.Errorf("%s:\n got %s\nwant %s", test.file, got, test.core)
		}
		if m.Flaws() != test.flaws {
			t.Errorf("%s: flaws %v, want %v", test.file, m.Flaws(), test.flaws)
		}
		if m.Acceptable() != (test.flaws.Unacceptable() == 0) {
			t.Errorf("%s: acceptable %v", test.file, m.Acceptable())
		}
	}
	if files, _ := filepath.Glob("testdata/torture/*/*.dat"); len(files) != len(tortureTests) {
		t.Errorf("%d files, %d tests", len(files), len(tortureTests))
	}
}

// TestTortureRewritten writes each message in another way that means the same: headers in another order, names in
// another case, headers in between that nobody knows. Nothing that is read or judged may change.
func TestTortureRewritten(t *testing.T) {
	random := rand.New(rand.NewPCG(4475, 5118))
	var m Message
	for _, test := range tortureTests {
		original := tortureFile(t, test.file)
		m.Parse(original)
		wantCore := core(&m)
		for range 50 {
			rewritten := rewrite(original, random)
			m.Parse(rewritten)
			if got := core(&m); got != wantCore {
				t.Fatalf("%s:\n got %s\nwant %s\n%s", test.file, got, wantCore, rewritten)
			}
			if m.Flaws() != test.flaws {
				t.Fatalf("%s: flaws %v, want %v\n%s", test.file, m.Flaws(), test.flaws, rewritten)
			}
		}
	}
}

// rewrite shuffles the headers of a message but keeps headers of one name in order.
func rewrite(message []byte, random *rand.Rand) []byte {
	head, body, found := bytes.Cut(message, []byte("\r\n\r\n"))
	first, rest, _ := strings.Cut(string(head), "\r\n")
	var headers []string
	for _, line := range strings.Split(strings.TrimSuffix(rest, "\r\n"), "\r\n") {
		if line[0] == ' ' || line[0] == '\t' {
			headers[len(headers)-1] += "\r\n" + line
		} else {
			headers = append(headers, line)
		}
	}
	for range random.IntN(4) {
		headers = append(headers, fmt.Sprintf("X-%x: %x;,\"", random.Uint64(), random.Uint64()))
	}
	order := random.Perm(len(headers))
	shuffled := make([]string, len(headers))
	for to, from := range order {
		shuffled[to] = headers[from]
	}
	inOrder(shuffled, headers)
	for i, h := range shuffled {
		name, value, _ := strings.Cut(h, ":")
		if random.IntN(2) == 0 {
			name = strings.ToUpper(name)
		}
		shuffled[i] = name + ":" + value
	}
	out := first + "\r\n" + strings.Join(shuffled, "\r\n") + "\r\n"
	if found {
		out += "\r\n" + string(body)
	}
	return []byte(out)
}

// inOrder puts the headers of each name back into the order that original has, at the places they got.
func inOrder(shuffled, original []string) {
	kind := func(h string) Header {
		name, _, _ := strings.Cut(h, ":")
		return lookup(nameAt([]byte(strings.TrimSpace(name))))
	}
	next := map[Header][]string{}
	for _, h := range original {
		next[kind(h)] = append(next[kind(h)], h)
	}
	for i, h := range shuffled {
		if k := kind(h); k != HeaderOther {
			shuffled[i], next[k] = next[k][0], next[k][1:]
		}
	}
}

func TestLongValues(t *testing.T) {
	var m Message
	m.Parse(tortureFile(t, "longreq"))
	from := m.From()
	if got := string(from.URI.User); got != strings.Repeat("amazinglylongcallername", 5) {
		t.Errorf("user %q", got)
	}
	if !bytes.HasPrefix(from.Tag, []byte("129829829829")) || len(from.Tag) != 155 {
		t.Errorf("tag %q has %d bytes", from.Tag, len(from.Tag))
	}
	if got := m.Count(HeaderVia); got != 34 {
		t.Errorf("%d Via", got)
	}
	if !bytes.HasPrefix(m.CallID(), []byte("longreq.onereally")) {
		t.Errorf("Call-ID %q", m.CallID())
	}
	if len(m.Body()) != 150 {
		t.Errorf("body has %d bytes", len(m.Body()))
	}
}
