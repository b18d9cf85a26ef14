package stream

import (
	"encoding/binary"
	"strings"
	"testing"
)

const (
	upgrade  = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: y\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)

// frame is one WebSocket frame; a mask of 0 is none.
func frame(first byte, mask uint32, text string) string {
	b := []byte{first}
	bit := byte(0)
	if mask != 0 {
		bit = 0x80
	}
	switch n := len(text); {
	case n < 126:
		b = append(b, bit|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	}
	if mask != 0 {
		b = binary.BigEndian.AppendUint32(b, mask)
	}
	body := []byte(text)
	for i := range body {
		body[i] ^= byte(mask >> (24 - 8*(i%4)))
	}
	return string(append(b, body...))
}

func TestWebSocket(t *testing.T) {
	one, two := request("REGISTER", ""), request("MESSAGE", strings.Repeat("hello\r\n", 100))
	long := request("MESSAGE", strings.Repeat("x", 65000))
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"masked":                      {frame(0x81, 0x01020304, one), []string{one}},
		"binary":                      {frame(0x82, 0x01020304, one), []string{one}},
		"unmasked":                    {frame(0x81, 0, one), []string{one}},
		"several":                     {frame(0x81, 9, one) + frame(0x81, 7, two) + frame(0x81, 0xffffffff, one), []string{one, two, one}},
		"in fragments":                {frame(0x01, 9, one[:10]) + frame(0x00, 8, "") + frame(0x00, 7, one[10:11]) + frame(0x80, 6, one[11:]), []string{one}},
		"control between":             {frame(0x01, 9, one[:10]) + frame(0x89, 1, "ping") + frame(0x8a, 2, "") + frame(0x80, 6, one[10:]) + frame(0x89, 1, ""), []string{one}},
		"the longest":                 {frame(0x81, 5, long), []string{long}},
		"too long":                    {frame(0x81, 5, strings.Repeat(long, 3)) + frame(0x81, 5, one), []string{one}},
		"fragments without end":       {frame(0x01, 5, two) + strings.Repeat(frame(0x00, 5, "more"), 9000) + frame(0x80, 5, "end") + frame(0x81, 5, one), []string{one}},
		"fragments, and then another": {frame(0x01, 9, one[:10]) + frame(0x81, 5, two), []string{two}},
		"a keep-alive":                {frame(0x81, 9, "\r\n\r\n") + frame(0x81, 5, one), []string{one}},
		"empty":                       {frame(0x81, 9, "") + frame(0x81, 5, one), []string{one}},
		"something else":              {frame(0x81, 9, `{"type":"StasisStart"}`) + frame(0x82, 9, "\x00\x01") + frame(0x81, 5, one), []string{one}},
		"compressed":                  {frame(0xc1, 9, "abc") + frame(0x81, 5, one), []string{one}},
		"unknown opcodes":             {frame(0x83, 9, one) + frame(0x8f, 9, one) + frame(0x81, 5, two), []string{two}},
		"a length that lies":          {frame(0x81, 9, strings.Replace(one, "Length: 0", "Length: 7", 1)), []string{strings.Replace(one, "Length: 0", "Length: 7", 1)}},
	} {
		for cut, size := range map[string]int{"whole": 1 << 16, "byte by byte": 1, "by 1400": 1400} {
			w := newWire(t).greet()
			var want []string
			for _, text := range test.want {
				want = append(want, "< ws "+text)
			}
			pieces(upgrade, func(int) int { return size }, func(_ int, b string) { w.say(b) })
			pieces(switched, func(int) int { return size }, func(_ int, b string) { w.answer(b) })
			pieces(test.text, func(int) int { return size }, func(_ int, b string) { w.say(b) })
			w.answer(frame(0x81, 0, reply))
			t.Run(name+"/"+cut, func(t *testing.T) {
				w.t = t
				w.want(append(want, "> ws "+reply)...)
			})
		}
	}
}

// TestWebSocketFromTheMiddle: phones keep such connections for days, longer
// than we have been watching.
func TestWebSocketFromTheMiddle(t *testing.T) {
	one := request("REGISTER", "")
	w := newWire(t)
	w.send(frame(0x81, 9, one)).answer(frame(0x81, 0, reply)).say(frame(0x81, 9, one))
	w.want("?< ws "+one, "?> ws "+reply, "< ws "+one)
	w.send(frame(0x81, 9, one)[:30])
	w.theirs += 1000 // lost
	w.accept().say(frame(0x81, 9, one))
	w.want("< ws " + one)

	// Frames before the answer wait for it.
	w = newWire(t).greet().say(upgrade + frame(0x81, 9, one))
	w.want()
	w.answer(switched).say(frame(0x81, 9, one))
	w.want("< ws "+one, "< ws "+one)

	// Of a capture of one direction nothing is proven, and all is read.
	w = newWire(t).send(upgrade).send(frame(0x81, 9, one))
	w.want("?< ws " + one)
}
