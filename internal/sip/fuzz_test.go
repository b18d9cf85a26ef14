package sip

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// seeds are all messages the tests know.
func seeds(t testing.TB) (all [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("testdata/torture/*/*.dat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	for _, test := range disguises {
		all = append(all, []byte(strings.Replace(plainRegister, test.old, test.new, 1)))
	}
	return append(all, []byte("SIP/2.0 401 x\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n\r\n"), nil)
}

// views returns everything that can be read from a message.
func views(m *Message) [][]byte {
	from, to, contact, via := m.From(), m.To(), m.Contact(), m.Via()
	cseq, _ := m.CSeq()
	credentials, _ := m.Credentials()
	challenge, _ := m.Challenge()
	all := [][]byte{
		m.Method(), m.RequestURI(), m.Reason(), m.CallID(), m.Body(), m.UserAgent(), m.Server(), m.ContentType(), cseq.Method,
		via.Transport, via.Host, via.Branch, via.Received,
	}
	for _, a := range []NameAddr{from, to, contact} {
		all = append(all, a.Display, a.Tag, a.URI.Scheme, a.URI.User, a.URI.Password, a.URI.Host)
	}
	for _, d := range []Digest{credentials, challenge} {
		all = append(all, d.Scheme, d.Username, d.Realm, d.Nonce, d.URI, d.Response, d.Algorithm, d.Opaque, d.CNonce, d.NC, d.QOP)
	}
	for h := HeaderFrom; h < headerCount; h++ {
		all = append(all, m.Header(h))
	}
	return all
}

// summary is everything that a message says, as text.
func summary(m *Message) string {
	cseq, hasCSeq := m.CSeq()
	expires, hasExpires := m.Expires()
	length, hasLength := m.ContentLength()
	via := m.Via()
	s := fmt.Sprintf("%q %v %d %d %v %d %v %d %v %d %d %v %x", views(m), m.Kind(), m.Status(), cseq.Number, hasCSeq, expires,
		hasExpires, length, hasLength, via.Port, via.RPort, via.HasRPort, m.HeaderOrder())
	for h := HeaderOther; h < headerCount; h++ {
		s += fmt.Sprint(" ", m.Count(h))
	}
	return fmt.Sprint(s, m.Flaws(), m.Acceptable())
}

// FuzzParse holds what must be true of any bytes: nothing panics, all results lie inside the buffer, the buffer is not
// changed, reading again says the same, in whatever order, and nothing is left of the message before.
func FuzzParse(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b, []byte(plainRegister))
		f.Add([]byte(plainRegister), b)
	}
	f.Fuzz(func(t *testing.T, before, b []byte) {
		original := bytes.Clone(b)
		var used, fresh, flawsFirst Message
		used.Parse(before)
		used.Flaws()
		used.Parse(b)
		fresh.Parse(b)
		want := summary(&fresh)
		if got := summary(&used); got != want {
			t.Fatalf("after another message:\n got %s\nwant %s", got, want)
		}
		flawsFirst.Parse(b)
		flaws := flawsFirst.Flaws()
		if got := summary(&flawsFirst); got != want || flaws != fresh.Flaws() {
			t.Fatalf("flaws first: %v\n got %s\nwant %s", flaws, got, want)
		}
		if got := summary(&fresh); got != want {
			t.Fatalf("read again:\n got %s\nwant %s", got, want)
		}
		for i, v := range views(&fresh) {
			if !inside(v, b) {
				t.Fatalf("view %d lies outside: %q", i, v)
			}
		}
		if !bytes.Equal(b, original) {
			t.Fatal("the buffer was changed")
		}
		if flaws.Has(withHeaders) {
			t.Fatal("an internal flaw leaks")
		}
	})
}

// inside tells whether v is empty or a part of b.
func inside(v, b []byte) bool {
	if len(v) == 0 {
		return true
	}
	first, start := uintptr(unsafe.Pointer(&v[0])), uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return first >= start && first+uintptr(len(v)) <= start+uintptr(len(b))
}

// FuzzURI: whatever is accepted is made of the parts that were found, in their order.
func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:a:b@[::1]:5060;x?y=z", "tel:1;x", "http://h/x", "sip:2001:db8::1", "b0119:532@h"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var u URI
		flaws := u.parse(b) &^ withHeaders
		rest := b
		for _, part := range [][]byte{u.Scheme, u.User, u.Password, u.Host} {
			i := bytes.Index(rest, part)
			if i < 0 || !inside(part, b) {
				t.Fatalf("%q: part %q is not in %q", b, part, rest)
			}
			rest = rest[i+len(part):]
		}
		if flaws == 0 && len(u.Scheme) == 0 {
			t.Fatalf("%q: accepted without a scheme", b)
		}
	})
}

// FuzzDigest: a quoted user name comes back as it was put in.
func FuzzDigest(f *testing.F) {
	f.Add([]byte("bob"), []byte("realm=\"x\", nc=1"))
	f.Add([]byte(`a\"b`), []byte("username=decoy"))
	f.Fuzz(func(t *testing.T, user, rest []byte) {
		var d Digest
		d.parse(rest)
		if end := quotedEnd(append(bytes.Clone(user), '"'), 0); end != len(user) {
			return // the name closes its quotes itself
		}
		value := append(append([]byte(`Digest username="`), user...), `", `...)
		d.parse(append(value, rest...))
		if !bytes.Equal(d.Username, user) {
			t.Fatalf("%q came back as %q", user, d.Username)
		}
	})
}

// FuzzScan holds the block reader in assembly against the one in Go.
func FuzzScan(f *testing.F) {
	f.Add([]byte("a\r\nb\n\x00\x1f\x20\x7f\x80\xff\r\n"))
	f.Add([]byte(plainRegister))
	f.Fuzz(func(t *testing.T, b []byte) {
		for ; len(b) >= block; b = b[1:] {
			lf, control := scanBlock(&b[0])
			wantLF, wantControl := scanBlockGo(b[:block])
			if lf != wantLF || control != wantControl {
				t.Fatalf("%q: %x %x, want %x %x", b[:block], lf, control, wantLF, wantControl)
			}
		}
	})
}

// TestScanEveryByte has every byte at every place of a block.
func TestScanEveryByte(t *testing.T) {
	for place := range block {
		for c := range 256 {
			b := spaces
			b[place] = byte(c)
			var wantLF, wantControl uint64
			if c == '\n' {
				wantLF = 1 << place
			}
			if c < 0x20 {
				wantControl = 1 << place
			}
			for name, scan := range map[string]func() (uint64, uint64){
				"native": func() (uint64, uint64) { return scanBlock(&b[0]) },
				"Go":     func() (uint64, uint64) { return scanBlockGo(b[:]) },
			} {
				if lf, control := scan(); lf != wantLF || control != wantControl {
					t.Fatalf("%s: byte %#x at %d: %x %x", name, c, place, lf, control)
				}
			}
		}
	}
}

// TestLinesAnywhere moves a message and a control character through all places of a block.
func TestLinesAnywhere(t *testing.T) {
	var m Message
	m.Parse([]byte(plainRegister))
	want := readings(&m)
	for pad := range 200 {
		moved := strings.Replace(plainRegister, "Max-Forwards", "X:"+strings.Repeat("y", pad)+"\r\nMax-Forwards", 1)
		m.Parse([]byte(moved))
		if got := readings(&m); got != want || m.Flaws() != 0 {
			t.Fatalf("%d bytes: %v\n got %s\nwant %s", pad, m.Flaws(), got, want)
		}
		for _, bad := range []string{"\x00", "\r", "\x01\r"} {
			broken := strings.Replace(moved, "X:", "X:"+strings.Repeat("z", pad)+bad, 1)
			m.Parse([]byte(broken))
			if got := readings(&m); got != want || m.Flaws() != ControlChar {
				t.Fatalf("%d bytes and %q: %v\n got %s\nwant %s", pad, bad, m.Flaws(), got, want)
			}
		}
	}
}

// TestNothingBehindTheEnd cuts a message at every byte; what follows in memory must not be seen.
func TestNothingBehindTheEnd(t *testing.T) {
	var cut, alone Message
	whole := []byte(plainRegister)
	for n := range whole {
		cut.Parse(whole[:n])
		alone.Parse(bytes.Clone(whole[:n]))
		if got, want := summary(&cut), summary(&alone); got != want {
			t.Fatalf("%q:\n got %s\nwant %s", whole[:n], got, want)
		}
		u, v := ParseURI(whole[:n]), ParseURI(bytes.Clone(whole[:n]))
		if !reflect.DeepEqual(u, v) {
			t.Fatalf("%q: %q, want %q", whole[:n], u.Host, v.Host)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	all := seeds(t)
	var m Message
	allocs := testing.AllocsPerRun(10, func() {
		for _, b := range all {
			m.Parse(b)
			readAll(&m)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// readAll asks for every field.
func readAll(m *Message) {
	m.From()
	m.To()
	m.Contact()
	m.Via()
	m.CSeq()
	m.Credentials()
	m.Challenge()
	m.Expires()
	m.Acceptable()
}
