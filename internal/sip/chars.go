package sip

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// class is a set of character groups of RFC 3261 section 25.1. One table answers every "may this byte stand here":
// the readers AND the classes of all bytes of a field and look once at the end, so that the common case has no branch
// per byte.
type class uint32

const (
	isHex       class = 1 << iota // hexadecimal digit; this and the next one also index ipv6Steps
	isColon                       // a colon
	inToken                       // token
	inUser                        // user and password part of a SIP URI, "%" included
	inHost                        // hostname
	inWord                        // word, half a Call-ID
	inValue                       // unquoted parameter value: token or host
	inURIRest                     // parameters and headers of a SIP URI, "%" included
	inScheme                      // URI scheme
	inDisplay                     // display name without quotes: tokens and blanks
	inForeign                     // URI of a scheme other than sip
	notPercent                    // anything but "%", the start of an escape
	notEnd                        // anything that cannot end a parameter name
	notValueEnd                   // anything that cannot end a parameter value
	notStop                       // anything that decides nothing at the start of an address
	inDigits                      // digits
	inText                        // anything but control characters; tab and LF are none here
)

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	alnum   = letters + digits
	token   = alnum + "-.!%*_+`'~"
	mark    = "-_.!~*'()"
)

var classes = classTable()

// classTable is built at start: written out, its 256 rows would say less than these lines.
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
	in(inWord, token+"()<>:\\\"/[]?{}")
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
	in(isColon, ":")
	in(isHex, digits+"abcdefABCDEF")
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
func blank(c byte) bool { return c <= ' ' && blanks>>c&1 != 0 }

const blanks = 1<<' ' | 1<<'\t' | 1<<'\r' | 1<<'\n'

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

// digitsAt reads the digits at i, at most eight, without a branch for each of them: their value, and how many there are.
// It may look at b beyond its length but counts no digit there.
func digitsAt(b []byte, i int) (value uint32, n int) {
	if i+8 > cap(b) {
		for n < 8 && i+n < len(b) && b[i+n]-'0' < 10 {
			value = value*10 + uint32(b[i+n]-'0')
			n++
		}
		return value, n
	}
	w := binary.LittleEndian.Uint64(b[i : i+8])
	w ^= '0' * everyByte
	n = bits.TrailingZeros64((w+0x76*everyByte|w)&(0x80*everyByte)) / 8
	n = min(n, len(b)-i)
	// The first digit is the lowest byte. With the others shifted out at the top and zeros shifted in below, pairs are
	// joined to hundreds, to ten thousands, and to the number.
	w <<= 64 - 8*n
	w = (w*10 + w>>8) & 0x00ff00ff00ff00ff
	w = (w*100 + w>>16) & 0x0000ffff0000ffff
	w = (w*10000 + w>>32) & 0xffffffff
	return uint32(w), n
}

// number reads decimal digits that fit 32 bits. Leading zeros are legal (RFC 4475 section 3.1.1.1).
func number(b []byte) (uint32, bool) {
	n, digits := digitsAt(b, 0)
	if digits == len(b) {
		return n, digits > 0
	}
	return longNumber(b)
}

// longNumber reads what digitsAt cannot: more than eight digits, or what is no number at all.
func longNumber(b []byte) (uint32, bool) {
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + uint64(c-'0'); n > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(n), true
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
