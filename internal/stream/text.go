package stream

import "bytes"

// leading counts what may stand before a message: empty lines (RFC 3261
// section 7.5), and the blanks and zero bytes that some phones send.
func leading(v []byte) int {
	for i, c := range v {
		if c != '\r' && c != '\n' && c != ' ' && c != '\t' && c != 0 {
			return i
		}
	}
	return len(v)
}

// begins tells what a line begins, if anything. Where a message must begin,
// loose takes what any server would; elsewhere only a whole and proper line
// counts, so that prose and headers are not taken for one.
func begins(line []byte, loose bool) beginning {
	line = bytes.TrimRight(line, "\r \t")
	if hasFold(line, "sip/") {
		if loose || len(line) >= 11 && hasFold(line, "sip/2.0 ") && digits(line[8:11]) {
			return sipMessage
		}
		return nothing
	}
	if hasFold(line, "http/1.") {
		return webMessage
	}
	blank := bytes.IndexAny(line, " \t")
	if blank <= 0 {
		return nothing
	}
	last := line[bytes.LastIndexAny(line, " \t")+1:]
	uri := bytes.TrimLeft(line[blank:], " \t")
	switch {
	case hasFold(last, "sip/") && (loose || token(line[:blank]) && len(uri) > len(last) && hasFold(last, "sip/2.0")):
		return sipMessage
	case hasFold(last, "http/1.") && token(line[:blank]):
		return webMessage
	case loose && token(line[:blank]) && (hasFold(uri, "sip:") || hasFold(uri, "sips:")):
		return sipMessage
	}
	return nothing
}

// methods are those of RFC 3261 and its extensions.
var methods = [...]string{
	"REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "SUBSCRIBE", "NOTIFY", "MESSAGE", "REFER", "PRACK", "UPDATE", "INFO", "PUBLISH",
}

// glued counts what stands before a request in its own line: where some bytes
// were missed, a body's end may stick to the message behind it, which then is no
// fault of its sender's.
func glued(line []byte) int {
	line = bytes.TrimRight(line, "\r \t")
	if !bytes.HasSuffix(line, []byte(" SIP/2.0")) {
		return 0
	}
	uri := bytes.LastIndexByte(line[:len(line)-len(" SIP/2.0")], ' ')
	for _, method := range methods {
		if uri > len(method) && string(line[uri-len(method):uri]) == method {
			return uri - len(method)
		}
	}
	return 0
}

// hasFold says that b begins with a prefix of lower-case letters, digits and
// signs, in either case.
func hasFold(b []byte, prefix string) bool {
	if len(b) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// token says that b is a token (RFC 3261 section 25.1).
func token(b []byte) bool {
	for _, c := range b {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && bytes.IndexByte([]byte("-.!%*_+`'~"), c) < 0 {
				return false
			}
		}
	}
	return len(b) > 0
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// contentLength reads how long the body is, and says whether that is certain:
// given once, and a number. Of several lengths the smallest counts, so that what
// some server takes for a message is none of this one's body.
func contentLength(head []byte) (length int, certain bool) {
	seen := false
	for i := bytes.IndexByte(head, '\n') + 1; i < len(head); {
		line := head[i:]
		end := bytes.IndexByte(line, '\n') + 1
		if end == 0 {
			break
		}
		i += end
		value, is := lengthHeader(line)
		if !is {
			continue
		}
		n, valid := number(value)
		if !valid {
			n = 0
		}
		if !seen {
			length, seen, certain = n, true, valid
		} else if n != length {
			length, certain = min(n, length), false
		}
	}
	return length, certain
}

// lengthHeader gives what follows the colon of a Content-Length header.
func lengthHeader(line []byte) (value []byte, is bool) {
	n := 0
	switch {
	case hasFold(line, "content-length"):
		n = len("content-length")
	case line[0]|0x20 == 'l':
		n = 1
	default:
		return nil, false
	}
	for n < len(line) && (line[n] == ' ' || line[n] == '\t') {
		n++
	}
	if n >= len(line) || line[n] != ':' {
		return nil, false
	}
	return line[n+1:], true
}

// number reads a number that ends its line; the line may be folded before it.
func number(b []byte) (n int, ok bool) {
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	if rest := bytes.TrimLeft(b[i:], "\r"); len(rest) > 1 && rest[0] == '\n' && (rest[1] == ' ' || rest[1] == '\t') {
		return number(rest[1:])
	}
	first := i
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if n = n*10 + int(b[i]-'0'); n > longest {
			return n, false
		}
	}
	rest := bytes.TrimLeft(b[i:], " \t\r")
	return n, i > first && len(rest) > 0 && rest[0] == '\n'
}

// header gives the value of a header of an HTTP message, nil without one.
func header(head []byte, name string) []byte {
	for i := bytes.IndexByte(head, '\n') + 1; i > 0 && i < len(head); {
		line := head[i:]
		end := bytes.IndexByte(line, '\n') + 1
		if end == 0 {
			break
		}
		i += end
		line = line[:end]
		if hasFold(line, name) && len(line) > len(name) && line[len(name)] == ':' {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}
