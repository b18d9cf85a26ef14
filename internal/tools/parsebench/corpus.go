package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// corpus makes n messages as phones, trunks and scanners send them: every kind, with and without Digest, IPv4, IPv6 and
// names, header names in all spellings, headers in random order, random lengths. The same seed gives the same messages.
// They lie one behind the other, as in the ring of a capture.
func corpus(seed uint64, n int) [][]byte {
	w := writer{rand.New(rand.NewPCG(seed, 1))}
	var ring []byte
	ends := make([]int, n)
	for i := range ends {
		ring = append(ring, w.message()...)
		ends[i] = len(ring)
	}
	messages := make([][]byte, n)
	start := 0
	for i, end := range ends {
		messages[i] = ring[start:end:end]
		start = end
	}
	return messages
}

// writer draws the parts of messages.
type writer struct{ *rand.Rand }

const (
	alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	hexits   = "0123456789abcdef"
)

// compact gives the short names of RFC 3261 section 7.3.3.
var compact = map[string]string{
	"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Content-Length": "l", "Content-Type": "c",
	"Supported": "k", "Subject": "s",
}

// word draws least to most bytes out of set.
func (w writer) word(set string, least, most int) string {
	b := make([]byte, least+w.IntN(most-least+1))
	for i := range b {
		b[i] = set[w.IntN(len(set))]
	}
	return string(b)
}

func (w writer) pick(s ...string) string { return s[w.IntN(len(s))] }

// name spells a header name: mostly as the RFC does, sometimes compact, upper, lower or mixed.
func (w writer) name(s string) string {
	switch w.IntN(10) {
	case 0, 1:
		if c, ok := compact[s]; ok {
			return c
		}
	case 2:
		return strings.ToUpper(s)
	case 3:
		return strings.ToLower(s)
	case 4:
		b := []byte(s)
		for i := range b {
			if w.IntN(2) == 0 && b[i]|0x20 >= 'a' && b[i]|0x20 <= 'z' {
				b[i] ^= 0x20
			}
		}
		return string(b)
	}
	return s
}

// host draws an IPv4 address, an IPv6 address or a name.
func (w writer) host() string {
	switch w.IntN(5) {
	case 0:
		return w.word(alphabet[:26], 3, 12) + "." + w.pick("example.com", "example.org", "sip.example.net")
	case 1:
		return fmt.Sprintf("[2001:db8::%x:%x]", 1+w.IntN(1<<16-1), 1+w.IntN(1<<16-1))
	}
	return fmt.Sprintf("%d.%d.%d.%d", 1+w.IntN(223), w.IntN(256), w.IntN(256), 1+w.IntN(254))
}

func (w writer) port() string {
	if w.IntN(2) == 0 {
		return ""
	}
	return fmt.Sprintf(":%d", 1024+w.IntN(60000))
}

// user draws an extension, a telephone number or a name.
func (w writer) user() string {
	switch w.IntN(3) {
	case 0:
		return w.word("0123456789", 3, 14)
	case 1:
		return "+" + w.word("0123456789", 9, 14)
	}
	return w.word(alphabet, 3, 16)
}

// uri: parameters are rare, as in the field.
func (w writer) uri() string {
	s := w.pick("sip:", "sip:", "sip:", "sips:") + w.user() + "@" + w.host() + w.port()
	if w.IntN(4) == 0 {
		s += w.pick(";transport=udp", ";transport=tcp", ";user=phone", ";lr;ob")
	}
	return s
}

// address draws a name-addr with or without a display name.
func (w writer) address(tag bool) string {
	s := ""
	switch w.IntN(4) {
	case 0:
		s = "\"" + w.word(alphabet+" ,;<", 3, 24) + "\" "
	case 1:
		s = w.word(alphabet, 3, 10) + " "
	}
	s += "<" + w.uri() + ">"
	if tag {
		s += ";tag=" + w.word(alphabet, 6, 32)
	}
	return s
}

// via draws one Via, with its parameters in any order.
func (w writer) via() string {
	s := "SIP/2.0/" + w.pick("UDP", "UDP", "TCP", "TLS", "WSS") + " " + w.host() + w.port()
	parts := []string{";branch=z9hG4bK" + w.word(alphabet+"-.", 8, 40)}
	if w.IntN(2) == 0 {
		parts = append(parts, w.pick(";rport", fmt.Sprintf(";rport=%d", 1024+w.IntN(60000))))
	}
	if w.IntN(3) == 0 {
		parts = append(parts, ";received="+strings.Trim(w.host(), "[]"))
	}
	w.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return s + strings.Join(parts, "")
}

// answer draws Digest credentials, their pairs in any order.
func (w writer) answer() string {
	parts := []string{
		`username="` + w.user() + `"`, `realm="` + w.pick("asterisk", "example.org", w.word(alphabet, 5, 20)) + `"`,
		`nonce="` + w.word(hexits, 16, 64) + `"`, `uri="` + w.uri() + `"`, `response="` + w.word(hexits, 32, 32) + `"`,
		w.pick("algorithm=MD5", "algorithm=md5", "algorithm=SHA-256"),
	}
	if w.IntN(2) == 0 {
		parts = append(parts, "qop=auth", "nc=0000000"+w.word(hexits, 1, 1), `cnonce="`+w.word(hexits, 8, 32)+`"`)
	}
	w.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "Digest " + strings.Join(parts, w.pick(", ", ","))
}

// challenge draws a Digest challenge as Asterisk writes it.
func (w writer) challenge() string {
	return fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=MD5, qop="auth", opaque="%s", stale=false`,
		w.word(alphabet, 5, 20), w.word(hexits, 16, 48), w.word(hexits, 8, 16))
}

// message draws one message.
func (w writer) message() []byte {
	method := w.pick("REGISTER", "REGISTER", "INVITE", "INVITE", "OPTIONS", "OPTIONS", "ACK", "BYE", "SUBSCRIBE")
	response := w.IntN(3) == 0
	var headers [][2]string
	add := func(name, value string) { headers = append(headers, [2]string{name, value}) }
	add("From", w.address(true))
	add("To", w.address(response || method == "BYE" || method == "ACK"))
	add("Call-ID", w.word(alphabet+"-", 8, 40)+w.pick("", "@"+strings.Trim(w.host(), "[]")))
	add("CSeq", fmt.Sprintf("%d %s", w.Uint32N(1<<31), method))
	if method == "INVITE" || method == "REGISTER" || method == "SUBSCRIBE" {
		add("Contact", w.address(false)+w.pick("", ";expires=3600", ";q=0.5;reg-id=1"))
	}
	body := ""
	if method == "INVITE" && w.IntN(3) > 0 {
		body = w.sdp()
		add("Content-Type", "application/sdp")
	}
	line := "SIP/2.0 " + w.pick("100 Trying", "180 Ringing", "200 OK", "403 Forbidden", "404 Not Found", "486 Busy Here")
	if response {
		add(w.pick("Server", "User-Agent"), w.pick("Asterisk PBX 20.5.0", "FPBX-16.0.40(18.9)", "kamailio (5.7.4 (x86_64/linux))"))
		if w.IntN(4) == 0 {
			line = "SIP/2.0 401 Unauthorized"
			add("WWW-Authenticate", w.challenge())
		}
	} else {
		line = method + " " + w.pick(w.uri(), "sip:"+w.host()) + " SIP/2.0"
		add("Max-Forwards", fmt.Sprint(1+w.IntN(70)))
		add("User-Agent", w.pick("Zoiper rv2.10.19.5", "friendly-scanner", "Grandstream GXP2160 1.0.11.64", w.word(alphabet+" ./", 6, 40)))
		if method == "REGISTER" {
			add("Expires", w.pick("0", "60", "300", "3600"))
		}
		if method != "ACK" && w.IntN(5) < 2 {
			add(w.pick("Authorization", "Authorization", "Proxy-Authorization"), w.answer())
		}
	}
	add("Content-Length", fmt.Sprint(len(body)))
	for range w.IntN(6) {
		add(w.extra())
	}
	return w.assemble(line, headers, body)
}

// extra draws a header that has nothing to do with the fields that are read.
func (w writer) extra() (name, value string) {
	switch w.IntN(5) {
	case 0:
		return "Allow", "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH"
	case 1:
		return "Supported", w.pick("replaces, timer", "path", "outbound, gruu, 100rel")
	case 2:
		return "Accept", "application/sdp, application/dtmf-relay"
	case 3:
		return "Accept-Language", w.word(alphabet, 2, 60)
	}
	return "X-" + w.word(alphabet, 3, 30), w.word(alphabet+" ;=,", 1, 100)
}

// assemble shuffles the headers, puts one to three Via in between, and joins everything.
func (w writer) assemble(line string, headers [][2]string, body string) []byte {
	w.Shuffle(len(headers), func(i, j int) { headers[i], headers[j] = headers[j], headers[i] })
	at := w.IntN(3)
	for range 1 + w.IntN(3)/2 {
		headers = append(headers[:at], append([][2]string{{"Via", w.via()}}, headers[at:]...)...)
	}
	var b strings.Builder
	b.WriteString(line + "\r\n")
	for _, h := range headers {
		b.WriteString(w.name(h[0]) + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String())
}

// sdp draws an offer of two codecs.
func (w writer) sdp() string {
	ip := fmt.Sprintf("%d.%d.%d.%d", 1+w.IntN(223), w.IntN(256), w.IntN(256), 1+w.IntN(254))
	return fmt.Sprintf("v=0\r\no=- %d 1 IN IP4 %s\r\ns=call\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 8 101\r\n"+
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n",
		w.Uint32(), ip, ip, 1024+w.IntN(60000))
}
