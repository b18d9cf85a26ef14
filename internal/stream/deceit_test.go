package stream

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestDeceit: what an attacker may send to make us see less than the server.
func TestDeceit(t *testing.T) {
	one, two, three := request("REGISTER", ""), request("INVITE", "body"), request("OPTIONS", "")
	for name, test := range map[string]struct {
		play  func(w *wire)
		want  []string
		check func(s Stats) bool
	}{
		"another SYN does not end a connection": {func(w *wire) {
			w.put(Segment{Seq: w.theirs + 5000, Flags: syn})
			w.say(one)
		}, []string{"< " + one}, nil},
		"nor do RST and FIN of the far side": {func(w *wire) {
			w.put(Segment{Seq: w.theirs, Ack: w.ours, Flags: rst | ack})
			w.put(Segment{Seq: w.theirs, Ack: w.ours, Flags: fin | ack})
			w.say(one)
		}, []string{"< " + one}, nil},
		"a segment without ACK is dropped": {func(w *wire) {
			w.put(Segment{Seq: w.theirs, Payload: []byte(two)})
			w.say(one)
		}, []string{"< " + one}, func(s Stats) bool { return s.Strays == 1 }},
		"one that acknowledges nonsense too": {func(w *wire) {
			w.put(Segment{Seq: w.theirs, Ack: w.ours + 1<<30, Flags: ack, Payload: []byte(two)})
			w.say(one)
		}, []string{"< " + one}, func(s Stats) bool { return s.Strays == 1 }},
		"one far ahead moves nothing": {func(w *wire) {
			w.at(1<<17, two).at(1<<20, two).at(-1<<20, two)
			w.say(one)
		}, []string{"< " + one}, func(s Stats) bool { return s.Lost == 0 && s.Strays == 2 }},
		"an acknowledgement of the far side moves nothing": {func(w *wire) {
			w.put(Segment{Seq: w.theirs, Ack: w.ours + 40000, Flags: ack})
			w.answer(reply)
		}, []string{"> " + reply}, nil},
		"a bad copy first, a good one later": {func(w *wire) {
			w.send(strings.Replace(one, "REGISTER", "OPTIONSX", 1)) // the server drops it
			w.at(-len(one), one).accept()
		}, []string{"< " + strings.Replace(one, "REGISTER", "OPTIONSX", 1), "< " + one}, func(s Stats) bool { return s.Conflicts == 1 }},
		"the same in pieces": {func(w *wire) {
			w.send("junk" + strings.Repeat("x", len(one)-8) + "\r\n\r\n")
			w.at(-len(one), one[:40]).at(40-len(one), one[40:]).accept()
			w.say(two)
		}, []string{"< junk", "< " + two}, nil},
		"a differing copy of what waits": {func(w *wire) {
			w.send(one[:50]).at(-50, strings.Replace(one[:50], "REGISTER", "DIFFERED", 1)).accept().say(one[50:])
		}, []string{"< " + one}, func(s Stats) bool { return s.Conflicts == 1 }},
		"a differing copy of what came early": {func(w *wire) {
			w.at(50, one[50:]).at(50, strings.ToUpper(one[50:])).say(one[:60])
			w.theirs += uint32(len(one) - 60)
		}, []string{"< " + one}, func(s Stats) bool { return s.Conflicts == 1 }},
		"overlaps on both sides": {func(w *wire) {
			w.at(20, one[20:40]).at(10, one[10:30]).at(30, one[30:]).say(one[:15])
		}, []string{"< " + one}, func(s Stats) bool { return s.Conflicts == 0 }},
		"a length that never comes": {func(w *wire) {
			w.say("REGISTER sip:a SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n" + one)
		}, []string{"< REGISTER sip:a SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n", "< " + one}, nil},
		"a negative one": {func(w *wire) {
			w.say("REGISTER sip:a SIP/2.0\r\nl: -5\r\n\r\n" + one)
		}, []string{"< REGISTER sip:a SIP/2.0\r\nl: -5\r\n\r\n", "< " + one}, nil},
		"two lengths": {func(w *wire) {
			w.say("REGISTER sip:a SIP/2.0\r\nl: 3\r\nContent-Length: 6000\r\n\r\nabc" + one)
		}, []string{"< REGISTER sip:a SIP/2.0\r\nl: 3\r\nContent-Length: 6000\r\n\r\nabc", "< " + one}, nil},
		"a length beyond a small server's buffer": {func(w *wire) {
			w.say("REGISTER sip:a SIP/2.0\r\nl: 60000\r\n\r\n" + strings.Repeat("x", 3999) + "\r\n").say(one).say(two)
		}, []string{"< REGISTER sip:a SIP/2.0\r\nl: 60000\r\n\r\n" + strings.Repeat("x", 3999) + "\r\n", "< " + one, "< " + two}, nil},
		"no length": {func(w *wire) {
			w.say("NOTIFY sip:a SIP/2.0\r\nEvent: x\r\n\r\nsome body\r\nContact: sip:x\r\n" + one)
		}, []string{"< NOTIFY sip:a SIP/2.0\r\nEvent: x\r\n\r\n", "< " + one}, nil},
		"headers without end": {func(w *wire) {
			w.say("REGISTER sip:a SIP/2.0\r\nX: " + strings.Repeat("x", 70000) + "\r\n\r\n").say(one)
		}, []string{"< " + ("REGISTER sip:a SIP/2.0\r\nX: " + strings.Repeat("x", 70000))[:longest], "< " + one}, nil},
		"a line without end": {func(w *wire) {
			w.say(strings.Repeat("x", 40000)).say(strings.Repeat("x", 40000) + "\r\n").say(one)
		}, []string{"< junk", "< " + one}, nil},
		"TLS that is none": {func(w *wire) {
			w.say("\x16\x03\x01\x3f\xffhello\r\n").say(one)
		}, []string{"< " + one}, func(s Stats) bool { return s.Encrypted == 0 }},
		"TLS": {func(w *wire) {
			w.say("\x16\x03\x01\x00\x05hello\r\n").answer("\x16\x03\x03\x00\x05hello\r\n").say(one)
		}, nil, func(s Stats) bool { return s.Encrypted == 1 && s.Bytes == chunkCost(0)*0 }},
		"HTTP that goes on as SIP": {func(w *wire) {
			w.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello").say(one)
		}, []string{"< " + one}, nil},
		"a wish for WebSocket that nobody hears": {func(w *wire) {
			w.say(upgrade).say(one).answer(reply)
		}, []string{"< " + one, "> " + reply}, nil},
		"one that is refused": {func(w *wire) {
			w.say(upgrade).say("\x81").answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").say("\r\n" + one)
		}, []string{"< junk", "< " + one}, nil},
		"one that is answered in SIP": {func(w *wire) {
			w.say(upgrade).say("\x81\r\n" + one).answer(reply).say(two)
		}, []string{"> " + reply, "< junk", "< " + one, "< " + two}, nil},
		"one that is never answered fills up": {func(w *wire) {
			w.say(upgrade)
			for range 70 {
				w.say("\x81" + strings.Repeat("x", 998) + "\n")
			}
			w.say(three)
		}, []string{"< junk", "< " + three}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t).greet()
			test.play(w)
			w.want(test.want...)
			if s := w.s.Stats(); test.check != nil && !test.check(s) {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

// TestProof: only who has received a sequence number of ours is proven.
func TestProof(t *testing.T) {
	one := request("REGISTER", "")
	for name, test := range map[string]struct {
		play func(w *wire)
		want []string
	}{
		"a segment out of nowhere": {func(w *wire) { w.send(one) }, []string{"?< " + one}},
		"many of them":             {func(w *wire) { w.send(one).send(one) }, []string{"?< " + one, "?< " + one}},
		"our refusal proves nothing": {func(w *wire) {
			w.send(one)
			w.put(Segment{Seq: w.ours, Ack: w.theirs, Flags: rst | ack, Ours: true})
			w.send(one) // acknowledges just what the RST said
		}, []string{"?< " + one, "?< " + one}},
		"a SYN alone": {func(w *wire) {
			w.put(Segment{Seq: w.theirs - 1, Flags: syn})
			w.send(one)
		}, []string{"?< " + one}},
		"a SYN-ACK that is guessed": {func(w *wire) {
			w.put(Segment{Seq: w.theirs - 1, Flags: syn})
			w.put(Segment{Seq: w.ours - 1, Ack: w.theirs, Flags: syn | ack, Ours: true})
			w.put(Segment{Seq: w.theirs, Ack: w.ours - 1, Flags: ack, Payload: []byte(one)})
			w.theirs += uint32(len(one))
			w.put(Segment{Seq: w.theirs, Ack: w.ours + 1, Flags: ack, Payload: []byte(one)})
		}, []string{"?< " + one, "?< " + one}},
		"a SYN-ACK that is answered": {func(w *wire) { w.greet().send(one) }, []string{"< " + one}},
		"answered with the first data": {func(w *wire) {
			w.put(Segment{Seq: w.ours - 1, Ack: w.theirs, Flags: syn | ack, Ours: true})
			w.send(one)
		}, []string{"< " + one}},
		"found in the middle, until it acknowledges something": {func(w *wire) {
			w.send(one)
			w.answer(reply)
			w.send(one)
		}, []string{"?< " + one, "?> " + reply, "< " + one}},
		"our own connection": {func(w *wire) {
			w.put(Segment{Seq: w.ours - 1, Flags: syn, Ours: true})
			w.put(Segment{Seq: w.theirs - 1, Ack: w.ours, Flags: syn | ack})
			w.answer(one).send(reply)
		}, []string{"> " + one, "< " + reply}},
		"our own connection, answered by a guess": {func(w *wire) {
			w.put(Segment{Seq: w.ours - 1, Flags: syn, Ours: true})
			w.put(Segment{Seq: w.theirs - 1, Ack: w.ours + 1, Flags: syn | ack})
			w.send(reply)
		}, []string{"< " + reply}}, // it echoes our number after all, in its second segment
		"an old connection's proof is not the new one's": {func(w *wire) {
			w.greet()
			w.ours += 70000
			w.put(Segment{Seq: w.ours - 1, Ack: w.theirs, Flags: syn | ack, Ours: true})
			w.put(Segment{Seq: w.theirs, Ack: w.ours - 70000, Flags: ack, Payload: []byte(one)})
			w.theirs += uint32(len(one))
			w.send(one)
		}, []string{"?< " + one, "< " + one}},
		"our SYN-ACK, repeated, changes nothing": {func(w *wire) {
			w.greet()
			w.put(Segment{Seq: w.ours - 1, Ack: w.theirs, Flags: syn | ack, Ours: true})
			w.put(Segment{Seq: w.theirs, Ack: w.ours, Flags: ack, Payload: []byte(one)})
		}, []string{"< " + one}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			test.play(w)
			w.want(test.want...)
		})
	}
}

// TestCaptureLoss: what the capture misses costs a message or two and no more.
func TestCaptureLoss(t *testing.T) {
	one, two := request("REGISTER", ""), request("INVITE", "body")
	w := newWire(t).greet()
	w.theirs += 500 // lost
	w.say(one).say(two)
	w.want("< "+one, "< "+two)
	w.send(one[:30])
	w.theirs += 100000 // lost
	w.accept().say(two)
	w.want("< " + two)
	w.theirs += 10 // lost, and more comes before our side says so
	w.send(one).send(two).accept()
	w.want("< "+one, "< "+two)
	w.ours += 300
	w.answer(reply).answer(reply)
	w.want("> "+reply, "> "+reply)
	w.ours += 1 << 20
	w.answer(reply)
	w.want("> " + reply)
	w.ours += 300
	for range patience { // nobody acknowledges
		w.put(Segment{Seq: w.ours, Ack: w.theirs, Flags: ack, Ours: true, Payload: []byte(reply)})
		w.ours += uint32(len(reply))
	}
	w.want(slices.Repeat([]string{"> " + reply}, patience)...)

	// What is left of a body sticks to the next message, and is not held for its method.
	for _, rest := range []string{"hello", "hello world", "MESSAGE", "INVITE sip:x SIP/2.0 "} {
		w.send("MESSAGE sip:a SIP/2.0\r\nContent-Length: 100\r\n\r\n")
		w.theirs += 50 // lost
		w.accept().say(rest + two)
		w.want("< " + two)
	}

	// Found in the middle of a message, and told a tale at once.
	w = newWire(t)
	w.at(1<<28, one)
	w.send("middle of it\r\n" + one).accept()
	w.want("?< " + one)
	w.say(two) // which acknowledges the number that our side is at
	w.want("< " + two)
}

// TestManyConnections: memory is bounded, and who has proven an address keeps
// its place.
func TestManyConnections(t *testing.T) {
	one := request("REGISTER", "")
	w := newWire(t)
	w.s = New(Limits{Flows: 100, Bytes: 1})
	w.greet().send(one[:20])
	friend := *w
	for n := range 5000 {
		w.phone = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 5060)
		w.theirs, w.ours = uint32(n)<<20, uint32(n)<<18
		w.send(strings.Repeat("REGISTER sip:x SIP/2.0\r\n", 1+n%100))
		if s := w.s.Stats(); s.Flows > 100 || s.Bytes > 4*chunkCost(window) {
			t.Fatalf("%+v", s)
		}
	}
	friend.send(one[20:])
	friend.want("< " + one)
	for n := range 300 { // and then everybody proves
		w.phone = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 52, byte(n >> 8), byte(n)}), 5060)
		w.greet().send(one[:30])
	}
	w.got = nil
	w.send(one[30:])
	w.want("< " + one)
	if s := w.s.Stats(); s.Flows != 100 {
		t.Errorf("%+v", s)
	}
	w.put(Segment{Seq: w.ours, Ack: w.theirs, Flags: rst, Ours: true})
	if s := w.s.Stats(); s.Flows != 99 {
		t.Errorf("after our RST: %+v", s)
	}
}
