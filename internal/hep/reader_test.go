package hep

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// dump reads everything and gives the payloads.
func dump(r *Reader) (payloads []string, err error) {
	var p Packet
	for {
		if err = r.Next(&p); err != nil {
			return payloads, err
		}
		payloads = append(payloads, string(p.Payload))
	}
}

func packet(payload string) []byte {
	p := message()
	p.Payload = []byte(payload)
	return Append(nil, p)
}

func TestReader(t *testing.T) {
	one, two, three := packet("one"), packet("two"), packet("three")
	damaged := bytes.Clone(two)
	damaged[11] = 3 // the length of its first chunk
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, test := range []struct {
		name   string
		file   []byte
		want   string
		err    error
		number int
		bad    int
	}{
		{"empty", nil, "", io.EOF, 0, 0},
		{"no dump", []byte("REGISTER sip:x SIP/2.0\r\n"), "", io.EOF, 0, 1},
		{"cut in the head", join(one, two[:5]), "one", ErrCut, 1, 0},
		{"cut in the middle", join(one, two[:20]), "one", ErrCut, 1, 0},
		{"cut at the last byte", join(one, two[:len(two)-1]), "one", ErrCut, 1, 0},
		{"a length of nothing", join([]byte("HEP3\x00\x00"), two), "two", io.EOF, 2, 1},
		{"one damaged", join(one, damaged, three), "one three", io.EOF, 3, 1},
		{"rubbish between", join(one, []byte("rubbish HEP"), three), "one three", io.EOF, 2, 1},
		{"rubbish of many pages", join(one, bytes.Repeat([]byte("rubbishHEP"), 20000), three), "one three", io.EOF, 2, 1},
		{"the beginning of a word", join(one, []byte("HE")), "one", ErrCut, 1, 0},
		{"rubbish at both ends", join([]byte("\n\n"), one, []byte("rubbish")), "one", io.EOF, 1, 2},
		{"all well", join(one, two, three), "one two three", io.EOF, 3, 0},
		{"long ones", join(packet(string(make([]byte, 65000))), one), string(make([]byte, 65000)) + " one", io.EOF, 2, 0},
	} {
		for speed, from := range map[string]io.Reader{"at once": bytes.NewReader(test.file), "byte by byte": iotest.OneByteReader(bytes.NewReader(test.file))} {
			r := NewReader(from)
			payloads, err := dump(r)
			got := strings.Join(payloads, " ")
			if got != test.want || !errors.Is(err, test.err) || r.Number() != test.number || r.Bad() != test.bad {
				t.Errorf("%s, %s: %.40q, %v, %d packets, %d bad", test.name, speed, got, err, r.Number(), r.Bad())
			}
		}
	}
}

// TestReaderError: an error of the file is not taken for its end.
func TestReaderError(t *testing.T) {
	broken := errors.New("broken")
	for _, before := range [][]byte{nil, packet("one"), packet("one")[:9], []byte("rubbish")} {
		if _, err := dump(NewReader(io.MultiReader(bytes.NewReader(before), iotest.ErrReader(broken)))); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", len(before), err)
		}
	}
}

func TestSniff(t *testing.T) {
	for head, want := range map[string]bool{"": false, "HEP": false, "hep3": false, "HEP2xxxx": false, "HEP3": true, "HEP3\x00\x10": true} {
		if Sniff([]byte(head)) != want {
			t.Errorf("%q: %v", head, !want)
		}
	}
}
