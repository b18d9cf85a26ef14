package sip

import "bytes"

// class is a set of character groups of RFC 3261 section 25.1. One table answers every "may this byte stand here":
// the readers AND the classes of all bytes of a field and look once at the end, so that the common case has no branch
// per byte.
type class uint32

const (
	inToken    class = 1 << iota // token
	inUser                       // user and password part of a SIP URI, "%" included
	inHost                       // hostname
	inWord                       // word, and "@" that joins two words in a Call-ID
	inValue                      // unquoted parameter value: token or host
	inURIRest                    // parameters and headers of a SIP URI, "%" included
	inScheme                     // URI scheme
	inDisplay                    // display name without quotes: tokens and blanks
	inForeign                    // URI of a scheme other than sip
	notPercent                   // anything but "%", the start of an escape
	notEnd                       // anything that cannot end a parameter name
	notValueEnd                  // anything that cannot end a parameter value
	notStop                      // anything that decides nothing at the start of an address
	inDigits                     // digits
	inHex                        // hexadecimal digits
	inText                       // anything but control characters; tab and LF are none here
	isAt                         // "@"; the highest bit, so that it can be counted
)

const atBit = 16


const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	alnum   = letters + digits
	token   = alnum + "-.!%*_+`'~"
	mark    = "-_.!~*'()"
)

var classes = classTable()

func classTable() (t [256]class) {
	in := func(c class, set string) {
		for _, b := range []byte(set) {
			t[b] |= c
		}
	}
	not := func(c class, set string) {
		for b := range t {
			if bytes.IndexByte([]byte(set), byte(b)) < 0 {
				t[b] |= c
			}
		}
	}
	in(inToken, token)
	in(inUser, alnum+mark+"%&=+$,;?/")
	in(inHost, alnum+"-.")
	in(inWord, token+"()<>:\\\"/[]?{}@")
	in(inValue, token+"[]:")
	in(inURIRest, alnum+mark+"%[]/:&+$;=?")
	in(inScheme, alnum+"+-.")
	in(inDisplay, token+" \t\r\n")
	in(inForeign, alnum+mark+"%;/?:@&=+$,[]#")
	not(notPercent, "%")
	not(notEnd, ";,= \t\r\n\"<>")
	not(notValueEnd, ";, \t\r\n\"<>")
	not(notStop, "<:\";,")
	in(inDigits, digits)
	in(isAt, "@")
	in(inHex, digits+"abcdefABCDEF")
	not(inText, "\x7f")
	for b := range 0x20 {
		t[b] &^= inText
	}
	in(inText, "\t\n")
	return t
}

// all returns the classes that every byte of b belongs to.
func all(b []byte) class {
	c := ^class(0)
	for _, x := range b {
		c &= classes[x]
	}
	return c
}

// blank reports whether c separates: space, tab, or the CR and LF of a folded line.
func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skip returns the place of the first byte at or after i that is not blank.
func skip(b []byte, i int) int {
	for i < len(b) && blank(b[i]) {
		i++
	}
	return i
}

// trim removes blanks at both ends.
func trim(b []byte) []byte {
	b = b[skip(b, 0):]
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// foldEqual compares without regard to ASCII case; lower must be lower case, letters, digits and "-" only.
func foldEqual(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if c|c&0x40>>1 != lower[i] {
			return false
		}
	}
	return true
}

// number reads decimal digits that fit 32 bits. Leading zeros are legal (RFC 4475 section 3.1.1.1).
func number(b []byte) (n uint32, ok bool) {
	var x uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if x = x*10 + uint64(c-'0'); x > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(x), len(b) > 0
}

// quotedEnd returns the place of the quote that closes the quoted string whose text starts at i, or -1.
func quotedEnd(b []byte, i int) int {
	for i < len(b) {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 {
			return -1
		}
		// An odd run of backslashes escapes the quote; the run cannot reach back beyond i, for a quoted pair never
		// starts before the text.
		k := i + j
		for k > i && b[k-1] == '\\' {
			k--
		}
		if (i+j-k)%2 == 0 {
			return i + j
		}
		i += j + 1
	}
	return -1
}
