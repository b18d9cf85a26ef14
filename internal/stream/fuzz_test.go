package stream

import (
	"slices"
	"testing"
)

// cut plays one text in pieces whose sizes, order and repetition the plan gives.
func cut(w *wire, text string, plan []byte) {
	if len(plan) == 0 {
		plan = []byte{0}
	}
	var held []piece
	turn := 0
	pieces(text, func(int) int { turn++; return 1 + int(plan[turn%len(plan)])*7 }, func(at int, b string) {
		switch order := plan[(turn+1)%len(plan)]; {
		case order%5 == 1: // later
			held = append(held, piece{at, b})
			return
		case order%5 == 2: // twice
			w.at(at, b)
		}
		w.at(at, b)
		if turn%3 == 0 || len(held) > 20 {
			for _, p := range held {
				w.at(p.at, p.text)
			}
			held = nil
		}
	})
	for _, p := range held {
		w.at(p.at, p.text)
	}
}

// FuzzStream: whatever is sent, in whatever pieces, gives the same messages, no
// panic and no more memory than allowed.
func FuzzStream(f *testing.F) {
	for _, plan := range []string{"", "\x00", "\x01\x02\x03", "\xff\x06\x0c\x80"} {
		f.Add([]byte(conversation), []byte(plan), false)
		f.Add([]byte(upgrade+request("INVITE", "x")), []byte(plan), false)
		f.Add([]byte("\x16\x03\x01hello\r\nSIP/2.0 200\r\n\r\n"), []byte(plan), true)
	}
	f.Fuzz(func(t *testing.T, text, plan []byte, ours bool) {
		if len(text) > 1<<16 {
			return
		}
		whole, parts := newWire(t).greet(), newWire(t).greet()
		if ours {
			whole.put(Segment{Seq: whole.ours, Ack: whole.theirs, Flags: ack, Ours: true, Payload: text})
			pieces(string(text), func(at int) int { return 1 + at%7 }, func(at int, b string) {
				parts.put(Segment{Seq: parts.ours + uint32(at), Ack: parts.theirs, Flags: ack, Ours: true, Payload: []byte(b)})
			})
		} else {
			whole.at(0, string(text))
			cut(parts, string(text), plan)
		}
		if !slices.Equal(whole.got, parts.got) {
			t.Errorf("whole: %s\nin parts: %s", quoted(whole.got), quoted(parts.got))
		}
	})
}

// FuzzWebSocket is the same behind a handshake.
func FuzzWebSocket(f *testing.F) {
	one := request("REGISTER", "")
	for _, text := range []string{
		frame(0x81, 9, one), frame(0x01, 9, one[:10]) + frame(0x89, 1, "") + frame(0x80, 0, one[10:]), frame(0xff, 0, one), "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		f.Add([]byte(text), []byte{3, 1, 4}, uint32(0))
	}
	f.Fuzz(func(t *testing.T, text, plan []byte, flags uint32) {
		if len(text) > 1<<16 {
			return
		}
		whole, parts := newWire(t).greet(), newWire(t).greet()
		for _, w := range []*wire{whole, parts} {
			w.say(upgrade).answer(switched)
		}
		whole.at(0, string(text))
		cut(parts, string(text), plan)
		if !slices.Equal(whole.got, parts.got) {
			t.Errorf("whole: %s\nin parts: %s", quoted(whole.got), quoted(parts.got))
		}
	})
}

// FuzzSegments: any segments at all.
func FuzzSegments(f *testing.F) {
	f.Add([]byte("\x10\x00\x00\x00\x00\x00\x30REGISTER sip:a SIP/2.0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newWire(t)
		w.s = New(Limits{Flows: 2, Bytes: 1})
		for len(b) >= 7 {
			n := min(int(b[5]), len(b)-7)
			w.phone = phone
			if b[6]&1 != 0 {
				w.phone = server
			}
			w.put(Segment{
				Seq: uint32(b[1])<<uint(b[2]%32) + w.theirs, Ack: uint32(b[3])<<uint(b[4]%32) + w.ours,
				Flags: b[0], Ours: b[6]&2 != 0, Payload: b[7 : 7+n],
			})
			b = b[7+n:]
		}
	})
}
