package line

import (
	"bytes"
	"slices"
	"testing"
)

// The functions below are what ours are meant to be, put as plainly as can be; ours
// look at each byte once.

func plainUser(text []byte) []byte {
	scheme := max(bytes.LastIndex(text, []byte("sip:")), bytes.LastIndex(text, []byte("sips:")))
	if scheme < 0 {
		return nil
	}
	_, uri, _ := bytes.Cut(text[scheme:], []byte(":"))
	user, _, ok := bytes.Cut(uri, []byte("@"))
	if end := bytes.IndexAny(user, ":;"); end >= 0 {
		user = user[:end]
	}
	if !ok || len(user) == 0 {
		return nil
	}
	return user
}

func plainHasAddress(text []byte) bool {
	words := bytes.FieldsFunc(text, func(r rune) bool { return r > 0x7f || !isAddressByte[r] })
	return slices.ContainsFunc(words, func(word []byte) bool {
		_, ok := PlainEndpoint(bytes.Trim(word, ".:"))
		return ok
	})
}

func plainHasControl(text []byte) bool {
	return slices.ContainsFunc(text, func(b byte) bool { return b < 0x20 || b == 0x7f })
}

var wordList = []string{"ailed", "jected", "ACL", "uth fail", "x", "aa", "ab", "", "aab", "\xff"}

func checkText(t *testing.T, text []byte) {
	t.Helper()
	if got, want := URIUser(text), plainUser(text); !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		t.Errorf("user of %q: %q, want %q", text, got, want)
	}
	if got, want := HasAddress(text), plainHasAddress(text); got != want {
		t.Errorf("%q has an address: %v, want %v", text, got, want)
	}
	if got, want := HasControl(text, false), plainHasControl(text); got != want {
		t.Errorf("%q has a control character: %v, want %v", text, got, want)
	}
	for n := range wordList {
		some := wordList[n:]
		given := slices.DeleteFunc(slices.Clone(some), func(word string) bool { return word == "" })
		if got, want := NewWords(some...).In(text), Contains(text, given...); got != want {
			t.Errorf("%q holds one of %q: %v, want %v", text, some, got, want)
		}
	}
	for _, mark := range []string{"aa", "-", "0123456789012345678901234567890\x1f", "01234567890123456789012345678901234"} {
		if got, want := index(text, mark), bytes.Index(text, []byte(mark)); got != want {
			t.Errorf("first %q in %q: %d, want %d", mark, text, got, want)
		}
	}
	for _, mark := range []string{") - ", "aa", "-"} {
		if got, want := LastIndex(text, mark), bytes.LastIndex(text, []byte(mark)); got != want {
			t.Errorf("last %q in %q: %d, want %d", mark, text, got, want)
		}
	}
}

// FuzzText holds what looks fast to what it is meant to be.
func FuzzText(f *testing.F) {
	for _, text := range []string{
		"", ":", "sip:", "sip:@", "sips:100@h", "sip:a:b@h", "sip:1@h sip:x", "xsip:;@", "sip:sips:z;p@h", "sip:sip:@", "Sip:1@h", "sip:a b@h",
		"1.2.3.4", "1.2.3", "1.2.3.4.5", ".1.2.3.4:", "a1.2.3.4", "x1.2.3.4x", "1.2.3.4:5060", "1.2.3.4:99999", "2001:db8::1", "::1", "a::1 b", "fe80::1:", "[2001:db8::1]:5060",
		"0001.2.3.4", "256.1.1.1", "1.2.3.4\xff5.6.7.8", "::ffff:1.2.3.4", "a:b:c", "10:00:00", "1.1.1.1.1 2.2.2.2",
		"failed", "aile d", "eject", "jected", "aC ACL", "uth  fail uth fai", "aab", "ba", "x", "\xff",
		"a) - b) - ", ") -", ") - ) -", "aaa", "0123456789012345678901234567890\x1f", "01234567890123456789012345678901234567\x7f", "\x80\x9f\xa0", "\t",
		"0101234567890123456789012345678901234", "0123456789012345678901234567890123456789012345678901234567890123401234", "01234567890123456789012345678901",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(checkText)
}
