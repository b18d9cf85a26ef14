package stream

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	phone  = netip.MustParseAddrPort("203.0.113.7:40000")
	server = netip.MustParseAddrPort("192.0.2.10:5060")
)

// wire plays a connection's segments to Streams and writes down what comes out:
// "< text" from the far side, "> text" from ours, "?" in front where the far
// side has proven nothing.
type wire struct {
	t            testing.TB
	s            *Streams
	phone        netip.AddrPort
	theirs, ours uint32 // the next sequence numbers
	got          []string
}

func newWire(t testing.TB) *wire {
	return &wire{t: t, s: New(Limits{Flows: 16}), phone: phone, theirs: 0xffffff00, ours: 0xfffffff0} // both wrap soon
}

// put plays one segment.
func (w *wire) put(g Segment) {
	w.t.Helper()
	if g.Src, g.Dst = w.phone, server; g.Ours {
		g.Src, g.Dst = server, w.phone
	}
	w.s.Add(noon, &g)
	var m Message
	for n := 0; w.s.Next(&m); n++ {
		if n > 1<<17 {
			w.t.Fatal("there is no end of messages")
		}
		w.got = append(w.got, describe(&m))
	}
	if stats := w.s.Stats(); stats.Bytes > 8<<20 {
		w.t.Fatalf("%d bytes are held", stats.Bytes)
	}
}

func describe(m *Message) string {
	mark, text := "< ", string(m.Data)
	if m.Ours {
		mark = "> "
	}
	if m.Junk {
		text = "junk"
	}
	if m.WebSocket {
		mark += "ws "
	}
	if !m.Proven {
		mark = "?" + mark
	}
	return mark + text
}

// greet plays the handshake.
func (w *wire) greet() *wire {
	w.put(Segment{Seq: w.theirs, Flags: syn})
	w.theirs++
	w.put(Segment{Seq: w.ours, Ack: w.theirs, Flags: syn | ack, Ours: true})
	w.ours++
	w.put(Segment{Seq: w.theirs, Ack: w.ours, Flags: ack})
	return w
}

// say plays data of the far side, which our side acknowledges.
func (w *wire) say(text string) *wire {
	w.send(text)
	w.accept()
	return w
}

// send plays data of the far side.
func (w *wire) send(text string) *wire {
	w.put(Segment{Seq: w.theirs, Ack: w.ours, Flags: ack, Payload: []byte(text)})
	w.theirs += uint32(len(text))
	return w
}

// at plays data of the far side that stands so far from its next byte.
func (w *wire) at(offset int, text string) *wire {
	w.put(Segment{Seq: w.theirs + uint32(offset), Ack: w.ours, Flags: ack, Payload: []byte(text)})
	return w
}

// accept plays our side's acknowledgement of all that the far side sent.
func (w *wire) accept() *wire {
	w.put(Segment{Seq: w.ours, Ack: w.theirs, Flags: ack, Ours: true})
	return w
}

// answer plays data of ours, which the far side acknowledges.
func (w *wire) answer(text string) *wire {
	w.put(Segment{Seq: w.ours, Ack: w.theirs, Flags: ack, Ours: true, Payload: []byte(text)})
	w.ours += uint32(len(text))
	w.put(Segment{Seq: w.theirs, Ack: w.ours, Flags: ack})
	return w
}

// want compares what came out since the last call.
func (w *wire) want(messages ...string) {
	w.t.Helper()
	if !slices.Equal(w.got, messages) {
		w.t.Errorf("got %s\nwant %s", quoted(w.got), quoted(messages))
	}
	w.got = nil
}

func quoted(list []string) string {
	var all []string
	for _, text := range list {
		if len(text) > 160 {
			text = fmt.Sprintf("%s… (%d bytes)", text[:160], len(text))
		}
		all = append(all, fmt.Sprintf("%q", text))
	}
	return "\n\t" + strings.Join(all, "\n\t")
}

// request is a SIP message with a body.
func request(method, body string) string {
	return fmt.Sprintf("%s sip:example.org SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nContent-Length: %d\r\n\r\n%s", method, len(body), body)
}

const reply = "SIP/2.0 200 OK\r\nl:0\r\n\r\n"

func TestWhole(t *testing.T) {
	w := newWire(t).greet()
	w.say(request("REGISTER", ""))
	w.answer(reply)
	w.say(request("INVITE", "v=0\r\n") + request("MESSAGE", "hello") + "\r\n\r\n" + request("OPTIONS", ""))
	w.want("< "+request("REGISTER", ""), "> "+reply, "< "+request("INVITE", "v=0\r\n"), "< "+request("MESSAGE", "hello"), "< "+request("OPTIONS", ""))
	if s := w.s.Stats(); s.Flows != 1 || s.Bytes != 0 || s.Lost != 0 || s.Strays != 0 || s.Conflicts != 0 {
		t.Errorf("%+v", s)
	}
}

// conversation is what any segmentation must give back.
var conversation = strings.Join([]string{
	"\r\n\r\n", request("REGISTER", ""), request("INVITE", strings.Repeat("v=0\r\n", 300)), "\r\n", "\r\n\r\n",
	request("MESSAGE", strings.Repeat("x", 9000)), "OPTIONS sip:a SIP/2.0\r\nCall-ID: none\r\n\r\n", "BYE sip:a SIP/2.0\nl : 4\n\nbody",
	"SIP/2.0 200 OK\r\nContent-Length:\r\n 5\r\n\r\nabcde", "hello\r\n", request("ACK", ""), "\x00\x01\x02\xff\r\n", request("CANCEL", ""),
}, "")

var conversed = []string{
	"< " + request("REGISTER", ""), "< " + request("INVITE", strings.Repeat("v=0\r\n", 300)), "< " + request("MESSAGE", strings.Repeat("x", 9000)),
	"< OPTIONS sip:a SIP/2.0\r\nCall-ID: none\r\n\r\n", "< BYE sip:a SIP/2.0\nl : 4\n\nbody",
	"< SIP/2.0 200 OK\r\nContent-Length:\r\n 5\r\n\r\nabcde", "< junk", "< " + request("ACK", ""), "< junk", "< " + request("CANCEL", ""),
}

// TestSegmentation: one byte a segment, any size, any order, anything twice.
func TestSegmentation(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, play := range map[string]func(w *wire){
		"all at once":  func(w *wire) { w.say(conversation) },
		"byte by byte": func(w *wire) { pieces(conversation, func(int) int { return 1 }, func(_ int, b string) { w.say(b) }) },
		"7 bytes":      func(w *wire) { pieces(conversation, func(int) int { return 7 }, func(_ int, b string) { w.say(b) }) },
		"acknowledged late": func(w *wire) {
			pieces(conversation, func(int) int { return 1400 }, func(_ int, b string) { w.send(b) })
			w.accept()
		},
		"everything twice": func(w *wire) {
			pieces(conversation, func(int) int { return 100 }, func(_ int, b string) { w.send(b).at(-len(b), b) })
		},
		"each with the one before": func(w *wire) {
			last := ""
			pieces(conversation, func(int) int { return 100 }, func(_ int, b string) {
				w.accept().at(-len(last), last+b)
				w.theirs += uint32(len(b))
				last = b
			})
		},
		"back to front":       func(w *wire) { shuffled(w, 1000, func(list []piece) { slices.Reverse(list) }) },
		"bytes back to front": func(w *wire) { shuffled(w, 1, func(list []piece) { slices.Reverse(list) }) },
		"shuffled": func(w *wire) {
			shuffled(w, 60, func(list []piece) {
				random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			})
		},
	} {
		w := newWire(t).greet()
		play(w)
		if !slices.Equal(w.got, conversed) {
			t.Errorf("%s: got %s\nwant %s", name, quoted(w.got), quoted(conversed))
		}
		if s := w.s.Stats(); s.Lost != 0 || s.Conflicts != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

type piece struct {
	at   int
	text string
}

// pieces cuts a text up.
func pieces(text string, size func(at int) int, put func(at int, b string)) {
	for at := 0; at < len(text); {
		n := min(size(at), len(text)-at)
		put(at, text[at:at+n])
		at += n
	}
}

// shuffled plays the conversation in another order.
func shuffled(w *wire, size int, order func([]piece)) {
	var list []piece
	pieces(conversation, func(int) int { return size }, func(at int, b string) { list = append(list, piece{at, b}) })
	order(list)
	for _, p := range list {
		w.at(p.at, p.text)
	}
}
