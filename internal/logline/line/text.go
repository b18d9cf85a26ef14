package line

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/sipward/sipward/internal/event"
)

// Only finds mark in text, and says whether it stands there exactly once. A
// clause that stands there twice was written once by the server and once by
// somebody else, and nothing tells which is which.
func Only(text []byte, mark string) (at int, once bool) {
	at = index(text, mark)
	return at, at >= 0 && index(text[at+len(mark):], mark) < 0
}

// index finds mark in text. The compiler gives no more than 32 bytes of a string a
// place on the stack; the rest of a longer one is compared where they are found.
func index(text []byte, mark string) int {
	const most = 32
	if len(mark) <= most {
		return bytes.Index(text, []byte(mark))
	}
	for from := 0; ; from++ {
		at := bytes.Index(text[from:], []byte(mark[:most]))
		if at < 0 {
			return -1
		}
		from += at
		if rest := text[from:]; len(rest) >= len(mark) && string(rest[:len(mark)]) == mark {
			return from
		}
	}
}

// LastIndex finds the last mark in text; -1 for none. It is for marks near the end.
func LastIndex(text []byte, mark string) int {
	for at := len(text); ; {
		if at = bytes.LastIndexByte(text[:at], mark[0]); at < 0 {
			return -1
		}
		if rest := text[at:]; len(rest) >= len(mark) && string(rest[:len(mark)]) == mark {
			return at
		}
	}
}

// CutPrefix takes prefix off text.
func CutPrefix(text []byte, prefix string) ([]byte, bool) {
	if len(text) < len(prefix) || string(text[:len(prefix)]) != prefix {
		return text, false
	}
	return text[len(prefix):], true
}

// HasSuffix compares without a copy of suffix.
func HasSuffix(text []byte, suffix string) bool {
	return len(text) >= len(suffix) && string(text[len(text)-len(suffix):]) == suffix
}

// Contains says whether one of the words stands in text.
func Contains(text []byte, words ...string) bool {
	for _, word := range words {
		if index(text, word) >= 0 {
			return true
		}
	}
	return false
}

// HasControl finds control characters, eight bytes at a time; in an escaped
// text also the way rsyslog writes them, "#033". No server prints one of its own.
func HasControl(text []byte, escaped bool) bool {
	rest := text
	for ; len(rest) >= 32; rest = rest[32:] {
		a, b := binary.LittleEndian.Uint64(rest), binary.LittleEndian.Uint64(rest[8:])
		c, d := binary.LittleEndian.Uint64(rest[16:]), binary.LittleEndian.Uint64(rest[24:])
		// Of plain ASCII no high bit is set here, nor one less 0x20 or plus 1.
		doubt := a | b | c | d | (a - ones*0x20) | (b - ones*0x20) | (c - ones*0x20) | (d - ones*0x20) | (a + ones) | (b + ones) | (c + ones) | (d + ones)
		if doubt&highs != 0 && (controls(a)|controls(b)|controls(c)|controls(d))&highs != 0 {
			return true
		}
	}
	for ; len(rest) >= 8; rest = rest[8:] {
		if controls(binary.LittleEndian.Uint64(rest))&highs != 0 {
			return true
		}
	}
	for _, b := range rest {
		if b < 0x20 || b == 0x7f {
			return true
		}
	}
	return escaped && hasEscape(text)
}

const ones, highs = 0x0101010101010101, 0x8080808080808080

// controls sets the high bits of bytes that are control characters, and perhaps of
// others above such a one, by the well-known test for a byte less than n, here 0x20
// and 1.
func controls(x uint64) uint64 {
	del := x ^ ones*0x7f
	return (x-ones*0x20)&^x | (del-ones)&^del
}

func hasEscape(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '#')
		if i < 0 || len(text) < i+4 {
			return false
		}
		d := text[i+1 : i+4]
		if d[0] == '0' && d[1] >= '0' && d[1] <= '3' && d[2] >= '0' && d[2] <= '7' || string(d) == "177" {
			return true
		}
		text = text[i+1:]
	}
}

// SkipColour passes over the terminal colours of a console, raw or as rsyslog
// escapes them. It is for the prefix of a line only: inside a message a
// colour is somebody's attempt to hide.
func SkipColour(text []byte) []byte {
	if len(text) == 0 || text[0] != '\x1b' && text[0] != '#' {
		return text // nearly always, and without a call
	}
	return skipColours(text)
}

func skipColours(text []byte) []byte {
	for {
		rest, ok := CutPrefix(text, "\x1b[")
		if !ok {
			if rest, ok = CutPrefix(text, "#033["); !ok {
				return text
			}
		}
		n := 0
		for n < len(rest) && (IsDigit(rest[n]) || rest[n] == ';') {
			n++
		}
		if n == len(rest) || rest[n] != 'm' {
			return text
		}
		text = rest[n+1:]
	}
}

// Address reads an IP address alone: 192.0.2.1, 2001:db8::1, [2001:db8::1].
// IPv4 in IPv6 becomes IPv4; a zone is dropped, no packet carries it.
func Address(text []byte) (netip.Addr, bool) {
	if n := len(text); n > 2 && text[0] == '[' && text[n-1] == ']' {
		text = text[1 : n-1]
	}
	if a, ok := address4(text); ok {
		return a, true
	}
	if first := bytes.IndexByte(text, ':'); len(text) > 64 || first < 0 || bytes.IndexByte(text[first+1:], ':') < 0 {
		return netip.Addr{}, false // with one colon it has a port behind it
	}
	a, err := netip.ParseAddr(string(text))
	if err != nil {
		return netip.Addr{}, false
	}
	return a.WithZone("").Unmap(), true
}

func address4(text []byte) (netip.Addr, bool) {
	var parts [4]byte
	at := 0
	for i := range parts {
		value, first := 0, at
		for at < len(text) && at < first+3 && IsDigit(text[at]) {
			value = value*10 + int(text[at]-'0')
			at++
		}
		if at == first || value > 255 {
			return netip.Addr{}, false
		}
		parts[i] = byte(value)
		if i < 3 {
			if at == len(text) || text[at] != '.' {
				return netip.Addr{}, false
			}
			at++
		}
	}
	return netip.AddrFrom4(parts), at == len(text)
}

// Endpoint reads an address with its port: 192.0.2.1:5060, [2001:db8::1]:5060,
// and 2001:db8::1:5060, as pjproject prints it. A port may be missing after an
// IPv4 address or a bracket.
func Endpoint(text []byte) (netip.AddrPort, bool) {
	colon := bytes.LastIndexByte(text, ':')
	if colon < 0 || text[len(text)-1] == ']' {
		a, ok := Address(text)
		return netip.AddrPortFrom(a, 0), ok
	}
	port, ok1 := Number(text[colon+1:])
	a, ok2 := Address(text[:colon])
	return netip.AddrPortFrom(a, uint16(port)), ok1 && ok2 && port < 1<<16
}

// PlainEndpoint reads an address that has a port only after IPv4 or a bracket.
func PlainEndpoint(text []byte) (netip.AddrPort, bool) {
	if a, ok := Address(text); ok {
		return netip.AddrPortFrom(a, 0), true
	}
	return Endpoint(text)
}

// transportNames is how servers spell what carried a message.
var transportNames = [...]string{event.UDP: "UDP", event.TCP: "TCP", event.TLS: "TLS", event.WS: "WS", event.WSS: "WSS"}

// Transport gives 0 for a name it does not know.
func Transport(name []byte) event.Transport {
	for t := event.UDP; t <= event.WSS; t++ {
		if string(name) == transportNames[t] {
			return t
		}
	}
	return 0
}

// CarriedEndpoint reads "UDP:192.0.2.1:5060"; the transport may be missing.
func CarriedEndpoint(text []byte) (netip.AddrPort, event.Transport, bool) {
	var carrier event.Transport
	if colon := bytes.IndexByte(text, ':'); colon > 0 {
		if carrier = Transport(text[:colon]); carrier != 0 {
			text = text[colon+1:]
		}
	}
	source, ok := Endpoint(text)
	return source, carrier, ok
}

// URIUser finds the user of the last SIP URI in text: somebody's own words, good
// for showing and for counting, never for an address.
func URIUser(text []byte) []byte {
	colon := len(text)
	for {
		if colon = bytes.LastIndexByte(text[:colon], ':'); colon < 0 {
			return nil
		}
		if before := text[:colon]; HasSuffix(before, "sip") || HasSuffix(before, "sips") {
			break
		}
	}
	user, _, ok := bytes.Cut(text[colon+1:], []byte("@"))
	for i, b := range user {
		if b == ':' || b == ';' { // a password, parameters
			user = user[:i]
			break
		}
	}
	if !ok || len(user) == 0 {
		return nil
	}
	return user
}

// HasAddress says that an IP address stands in text, somewhere.
func HasAddress(text []byte) bool {
	return hasAddressAt(text, '.') || hasAddressAt(text, ':')
}

// hasAddressAt looks for an address around each mark, a dot or a colon: one of them
// stands behind a digit in every address, and something of the address follows.
func hasAddressAt(text []byte, mark byte) bool {
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], mark)
		if i < 0 {
			return false
		}
		i += from
		from = i + 1
		if i == 0 || from == len(text) || !isAddressByte[text[i-1]] || !isAddressByte[text[from]] {
			continue
		}
		start := i
		for start > 0 && isAddressByte[text[start-1]] {
			start--
		}
		for from < len(text) && isAddressByte[text[from]] {
			from++
		}
		if _, ok := PlainEndpoint(bytes.Trim(text[start:from], ".:")); ok {
			return true
		}
	}
}

// isAddressByte is the characters of addresses and of the ports behind them.
var isAddressByte = Bytes("0123456789abcdefABCDEF.:")

// Bytes is a set of bytes, for a look at one of them after the other.
func Bytes(all string) (set [256]bool) {
	for _, b := range []byte(all) {
		set[b] = true
	}
	return set
}

// Suspicious says that a message of no known form looks as if it were about
// security: it has one of the words and an address. A growing number of them
// means that the server has learned new words.
func Suspicious(message []byte) bool {
	return HasAddress(message) && securityWords.In(message)
}

var securityWords = NewWords(
	"ailed", "ejected", "efused", "enied", "ttack", "uthenticat", "nauthorized", "orbidden", "acking", "ntrusion", "canner", "ACL", "uth fail",
)

// IsCut says that a server or a syslog daemon may have cut a message of that
// length: at 8 KiB, as Asterisk (main/logger.c) and rsyslog do, and at 1 KiB
// where RFC 3164 is taken literally. A value of the right length then decides
// where a line ends.
func IsCut(length int, escaped bool) bool {
	return length > 8000 || escaped && length > 900
}
