package track

import (
	"testing"
	"time"

	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
)

// guess is a challenge and a wrong answer to it.
func (x *exchange) guess(nonce string) {
	x.request(event.REGISTER, nil)
	x.reply(401, event.REGISTER, demand(nonce))
	x.request(event.REGISTER, answer(nonce, "r"))
	x.reply(401, event.REGISTER, second(demand(nonce+"'")))
}

// TestReportsAreGradeC: whatever a reported message repeats and whatever carried
// it, we have seen nothing of it.
func TestReportsAreGradeC(t *testing.T) {
	for _, test := range []struct {
		name string
		by   event.Transport
		run  func(x *exchange)
		want []string
	}{
		{"one datagram", event.UDP, func(x *exchange) {
			x.request(event.REGISTER, nil)
			x.reply(404, event.REGISTER, nil)
		}, []string{"unknown user REGISTER 100 none"}},
		{"one message by TLS", event.TLS, func(x *exchange) {
			x.request(event.REGISTER, nil)
			x.reply(404, event.REGISTER, nil)
		}, []string{"unknown user REGISTER 100 C"}},
		{"a wrong password", event.UDP, func(x *exchange) { x.guess("n1") },
			[]string{"challenged REGISTER 100 none", "followed REGISTER 100 C", "failed REGISTER 100 C"}},
		{"a right password by TLS", event.TLS, func(x *exchange) {
			x.request(event.REGISTER, nil)
			x.reply(401, event.REGISTER, demand("n1"))
			x.request(event.REGISTER, answer("n1", "r"))
			x.reply(200, event.REGISTER, second(nil))
		}, []string{"challenged REGISTER 100 C", "followed REGISTER 100 C", "accepted REGISTER 100 C"}},
		{"our own call is answered", event.TLS, func(x *exchange) {
			x.pair(event.Request, false, event.INVITE, nil)
			x.pair(event.Response, true, event.INVITE, func(s *event.SIP) { s.Status = 200 })
		}, []string{"known INVITE  C"}},
		{"an ACK, where tags cannot be guessed", event.UDP, func(x *exchange) {
			x.tags.grade = event.GradeB
			x.request(event.INVITE, nil)
			x.reply(407, event.INVITE, nil)
			x.request(event.ACK, func(s *event.SIP) { s.ToTag = []byte("tag-call-0123456789") })
		}, []string{"challenged INVITE 100 none", "challenged INVITE 100 C"}},
		{"nobody answers", event.TLS, func(x *exchange) {
			x.request(event.REGISTER, nil)
			x.now = x.now.Add(33 * time.Second)
			x.see(&event.Event{Kind: event.Tick, Time: x.now})
		}, []string{"unanswered REGISTER 100 C"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{Wire: true})
			x.told, x.by = true, test.by
			test.run(x)
			x.want(t, test.want...)
		})
	}
}

// TestHearsay: a success that anybody may have told of is marked as that.
func TestHearsay(t *testing.T) {
	for _, hearsay := range []bool{true, false} {
		x := newExchange(Options{})
		x.told, x.hearsay = true, hearsay
		x.request(event.REGISTER, nil)
		x.reply(401, event.REGISTER, demand("n1"))
		x.request(event.REGISTER, answer("n1", "r"))
		e := x.reply(200, event.REGISTER, second(nil))
		if len(e.Outcomes) != 1 || e.Outcomes[0].Result != event.Accepted || e.Outcomes[0].Hearsay != hearsay {
			t.Errorf("hearsay %v: outcomes %+v", hearsay, e.Outcomes)
		}
		x.pair(event.Request, false, event.INVITE, nil)
		e = x.pair(event.Response, true, event.INVITE, func(s *event.SIP) { s.Status = 200 })
		if len(e.Outcomes) != 1 || e.Outcomes[0].Result != event.Known || e.Outcomes[0].Hearsay != hearsay {
			t.Errorf("our own call, hearsay %v: outcomes %+v", hearsay, e.Outcomes)
		}
	}
}

// TestReportsAreText: the policy keeps what rests on a server's word short.
func TestReportsAreText(t *testing.T) {
	x := newExchange(Options{})
	x.told = true
	x.request(event.REGISTER, nil)
	e := x.reply(404, event.REGISTER, nil)
	if len(e.Outcomes) != 1 || !e.Outcomes[0].Text {
		t.Errorf("outcomes %+v", e.Outcomes)
	}
	x.told = false
	x.request(event.INVITE, second(nil))
	if e = x.reply(404, event.INVITE, second(nil)); len(e.Outcomes) != 1 || e.Outcomes[0].Text {
		t.Errorf("seen: outcomes %+v", e.Outcomes)
	}
}

// TestInventedReports: whoever can invent reports cannot make a packet prove
// more than it does, nor answer one in the server's name.
func TestInventedReports(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(x *exchange)
		want []string
	}{
		{"a challenge that was never sent", func(x *exchange) {
			x.told = true
			x.request(event.REGISTER, func(s *event.SIP) { s.CallID = []byte("invented") })
			x.reply(401, event.REGISTER, func(s *event.SIP) { s.CallID = []byte("invented"); demand("n1")(s) })
			x.told, x.got = false, nil
			x.request(event.REGISTER, answer("n1", "r")) // which a forger sent
			x.reply(401, event.REGISTER, second(demand("n2")))
		}, []string{"failed REGISTER 100 none"}},
		{"an answer to a phone's own request", func(x *exchange) {
			x.request(event.REGISTER, nil)
			x.reply(401, event.REGISTER, demand("n1"))
			x.request(event.REGISTER, answer("n1", "r"))
			x.told, x.got = true, nil
			x.reply(403, event.REGISTER, second(nil))
			x.told = false
			x.reply(200, event.REGISTER, second(nil))
		}, []string{"accepted REGISTER 100 A"}},
		{"an answer under other ids", func(x *exchange) {
			x.request(event.REGISTER, nil)
			x.reply(401, event.REGISTER, demand("n1"))
			x.request(event.REGISTER, answer("n1", "r"))
			x.told, x.got = true, nil
			x.reply(403, event.REGISTER, func(s *event.SIP) { s.Branch = []byte("invented") })
		}, nil},
		{"a tag that was never sent", func(x *exchange) {
			x.told = true
			for range 8 { // as random tags would come
				x.request(event.INVITE, nil)
				x.reply(407, event.INVITE, nil)
			}
			x.told, x.got = false, nil
			x.request(event.INVITE, func(s *event.SIP) { s.Branch, s.ToTag = []byte("b2"), []byte("tag-call-0123456789") })
			x.reply(404, event.INVITE, func(s *event.SIP) { s.Branch = []byte("b2") })
		}, []string{"unknown user INVITE 100 none"}},
		{"a nonce that others are said to have", func(x *exchange) {
			x.told, x.remote = true, other
			x.request(event.REGISTER, nil)
			x.reply(401, event.REGISTER, demand("n1"))
			x.told, x.remote, x.got = false, phone, nil
			x.guess("n1")
		}, []string{"challenged REGISTER 100 none", "followed REGISTER 100 A", "failed REGISTER 100 A"}},
		{"a call of ours that was never made", func(x *exchange) {
			x.told = true
			x.pair(event.Request, false, event.INVITE, nil)
			x.told = false
			x.pair(event.Response, true, event.INVITE, func(s *event.SIP) { s.Status = 200 })
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{Wire: true})
			test.run(x)
			x.want(t, test.want...)
		})
	}
}

// TestInventedTags: reported tags do not teach us how good our server's are.
func TestInventedTags(t *testing.T) {
	x := newExchange(Options{})
	x.told = true
	for _, tag := range []string{"a8f3", "q71z", "m0k2", "w5c9", "e6t4", "z2b8", "k9x1"} {
		id := func(s *event.SIP) { s.CallID, s.Branch, s.ToTag = []byte(tag), []byte(tag), []byte(tag) }
		x.request(event.INVITE, func(s *event.SIP) { id(s); s.ToTag = nil })
		x.pair(event.Response, false, event.INVITE, func(s *event.SIP) { id(s); s.Status = 407 })
	}
	if x.tags.grade != event.None || x.tags.seen != 0 {
		t.Errorf("tags are worth %v after %d", x.tags.grade, x.tags.seen)
	}
}

// TestCopies: what was seen and is then reported counts once; what is reported
// and was not seen counts.
func TestCopies(t *testing.T) {
	x := newExchange(Options{Wire: true})
	x.guess("n1")
	x.request(event.INVITE, func(s *event.SIP) { s.Branch = []byte("third") })
	x.request(event.ACK, func(s *event.SIP) { s.Branch = []byte("third") })
	x.pair(event.Request, false, event.OPTIONS, func(s *event.SIP) { s.Branch = []byte("ours") })
	x.got, x.told = nil, true
	for _, e := range []*event.Event{
		x.request(event.REGISTER, nil),
		x.reply(401, event.REGISTER, demand("n1")),
		x.request(event.REGISTER, answer("n1", "r")),
		x.reply(401, event.REGISTER, second(demand("n2"))),
		x.request(event.CANCEL, func(s *event.SIP) { s.Branch = []byte("third") }),
		x.request(event.ACK, func(s *event.SIP) { s.Branch = []byte("third") }),
		x.pair(event.Response, true, event.OPTIONS, func(s *event.SIP) { s.Branch, s.Status = []byte("ours"), 200 }),
	} {
		if e.Kind != event.Copy || e.Requests != 4 || len(e.Outcomes) > 0 {
			t.Errorf("kind %d, %d requests, outcomes %+v", e.Kind, e.Requests, e.Outcomes)
		}
	}
	x.want(t)
	if e := x.request(event.REGISTER, answer("n1", "another")); e.Kind != event.Request || e.Requests != 5 {
		t.Errorf("another password under the same ids: kind %d, %d requests", e.Kind, e.Requests)
	}
	x.now = x.now.Add(time.Minute)
	if e := x.request(event.REGISTER, nil); e.Kind != event.Request {
		t.Errorf("the same ids a minute later: kind %d", e.Kind)
	}
}

// TestReportAndLine: a server that reports and writes logs tells everything
// twice. About a datagram it counts once; about a connection the line is worth
// more than the report, and both stand for themselves.
func TestReportAndLine(t *testing.T) {
	for _, test := range []struct {
		name string
		by   event.Transport
		want []string
	}{
		{"UDP", event.UDP, nil},
		{"TLS", event.TLS, []string{"failed  100 B"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			x.told, x.by = true, test.by
			x.guess("n1")
			x.got = nil
			x.see(&event.Event{Kind: event.Line, Time: x.now, Remote: phone, Log: event.Log{
				Verdict: event.Hostile, Kind: event.AuthFailed, Source: phone, Transport: test.by, User: []byte("100"), CallID: []byte("call")}})
			x.want(t, test.want...)
		})
	}
}

// TestReportedACK: one that is said to have come by TLS is worth no more.
func TestReportedACK(t *testing.T) {
	x := newExchange(Options{})
	x.told, x.by = true, event.TLS
	if e := x.request(event.ACK, nil); e.Proof > event.GradeC {
		t.Errorf("proof %v", e.Proof)
	}
}

// TestCapped: a packet is worth what it proves.
func TestCapped(t *testing.T) {
	for grade := event.None; grade <= event.GradeA; grade++ {
		if got := capped(&event.Event{Reported: true}, grade); got > event.GradeC || grade <= event.GradeC && got != grade {
			t.Errorf("reported, %v is %v", grade, got)
		}
		if got := capped(&event.Event{}, grade); got != grade {
			t.Errorf("seen, %v is %v", grade, got)
		}
	}
	tracker := New(Options{Seed: bounded.Seed{K0: 1}})
	if h := tracker.apart(&event.Event{Reported: true}, 7); h == 7 || tracker.apart(&event.Event{}, 7) != 7 {
		t.Errorf("apart: %x", h)
	}
}
