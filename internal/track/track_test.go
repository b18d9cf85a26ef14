package track

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	phone  = netip.MustParseAddrPort("203.0.113.7:5060")
	other  = netip.MustParseAddrPort("198.51.100.9:5060")
	server = netip.MustParseAddrPort("192.0.2.10:5060")
)

// exchange walks messages of one remote address past a tracker.
type exchange struct {
	*Tracker
	remote  netip.AddrPort
	now     time.Time
	told    bool            // the messages are reported,
	hearsay bool            // by who knows whom,
	by      event.Transport // by a server that speaks this, else UDP
	got     []string        // outcomes, as "result method account proof"
}

func newExchange(o Options) *exchange {
	o.Seed = bounded.Seed{K0: 1, K1: 2}
	return &exchange{Tracker: New(o), remote: phone, now: noon}
}

// request and reply are a message each; change sets what matters.
func (x *exchange) request(method event.Method, change func(*event.SIP)) *event.Event {
	return x.pair(event.Request, true, method, change)
}

func (x *exchange) reply(status int, method event.Method, change func(*event.SIP)) *event.Event {
	return x.pair(event.Response, false, method, func(s *event.SIP) {
		s.Status = status
		s.ToTag = []byte("tag-" + string(s.CallID) + "-0123456789")
		if change != nil {
			change(s)
		}
	})
}

func (x *exchange) pair(kind event.Kind, inbound bool, method event.Method, change func(*event.SIP)) *event.Event {
	e := &event.Event{
		Kind: kind, Time: x.now, Remote: x.remote, Local: server, Inbound: inbound, Transport: max(event.UDP, x.by), Reported: x.told, Hearsay: x.hearsay,
		SIP: event.SIP{Method: method, CallID: []byte("call"), Branch: []byte("branch"), CSeq: 1,
			ToUser: []byte("100"), Target: []byte("100"), Expires: -1},
	}
	if change != nil {
		change(&e.SIP)
	}
	x.see(e)
	return e
}

func (x *exchange) see(e *event.Event) {
	x.Pair(e)
	for _, o := range e.Outcomes {
		x.got = append(x.got, fmt.Sprintf("%s %s %s %s", o.Result, o.Method, o.Account, o.Proof))
	}
}

func (x *exchange) want(t *testing.T, outcomes ...string) {
	t.Helper()
	if !slices.Equal(x.got, outcomes) {
		t.Errorf("outcomes %q, want %q", x.got, outcomes)
	}
}

func demand(nonce string) func(*event.SIP) {
	return func(s *event.SIP) { s.Auth = event.Auth{Present: true, Nonce: []byte(nonce)} }
}

// answer is credentials for a nonce, in a transaction of its own.
func answer(nonce, response string) func(*event.SIP) {
	return func(s *event.SIP) {
		s.Auth = event.Auth{Present: true, User: []byte("100"), Nonce: []byte(nonce), Response: []byte(response)}
		s.Branch, s.CSeq = []byte("second"), 2
	}
}

func second(change func(*event.SIP)) func(*event.SIP) {
	return func(s *event.SIP) {
		s.Branch, s.CSeq = []byte("second"), 2
		if change != nil {
			change(s)
		}
	}
}

func TestWrongPassword(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.REGISTER, nil)
	x.reply(401, event.REGISTER, demand("n1"))
	x.request(event.REGISTER, answer("n1", "r"))
	x.reply(401, event.REGISTER, second(demand("n2")))
	x.want(t, "challenged REGISTER 100 none", "followed REGISTER 100 A", "failed REGISTER 100 A")
}

func TestRightPassword(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.REGISTER, nil)
	x.reply(401, event.REGISTER, demand("n1"))
	x.request(event.REGISTER, answer("n1", "r"))
	x.reply(200, event.REGISTER, second(nil))
	x.want(t, "challenged REGISTER 100 none", "followed REGISTER 100 A", "accepted REGISTER 100 A")
}

func TestOutcomeOfOneRequest(t *testing.T) {
	for _, test := range []struct {
		name   string
		method event.Method
		creds  bool
		status int
		change func(*event.SIP)
		want   []string
	}{
		{"bad: busy says nothing", event.INVITE, false, 486, nil, nil},
		{"bad: away says nothing", event.INVITE, false, 480, nil, nil},
		{"bad: ringing is not the end", event.INVITE, false, 180, nil, nil},
		{"bad: server trouble says nothing", event.REGISTER, true, 500, nil, nil},
		{"a stale nonce is no failure", event.REGISTER, true, 401, func(s *event.SIP) {
			s.Auth = event.Auth{Present: true, Stale: true, Nonce: []byte("n")}
		}, []string{"challenged REGISTER 100 none"}},
		{"forbidden with credentials", event.REGISTER, true, 403, nil, []string{"failed REGISTER 100 none"}},
		{"forbidden without", event.INVITE, false, 403, nil, []string{"refused INVITE 100 none"}},
		{"no such account", event.REGISTER, false, 404, nil, []string{"unknown user REGISTER 100 none"}},
		{"a wrong number, with credentials for show", event.INVITE, true, 404, nil, []string{"unknown user INVITE 100 none"}},
		{"a wrong number by a stranger", event.INVITE, false, 404, nil, []string{"unknown user INVITE 100 none"}},
		{"a call that is let through", event.INVITE, false, 200, nil, []string{"served INVITE 100 none"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			x.request(test.method, func(s *event.SIP) {
				if test.creds {
					s.Auth = event.Auth{Present: true, User: []byte("100"), Nonce: []byte("invented"), Response: []byte("r")}
				}
			})
			x.reply(test.status, test.method, test.change)
			x.want(t, test.want...)
		})
	}
}

func TestProofOfCredentials(t *testing.T) {
	for _, test := range []struct {
		name, sent, echoed string
		to                 netip.AddrPort
		after              time.Duration
		want               string
	}{
		{"bad: an invented nonce", "n1", "n2", phone, time.Second, "none"},
		{"bad: a nonce sent to somebody else", "n1", "n1", other, time.Second, "none"},
		{"bad: an old nonce", "n1", "n1", phone, 33 * time.Second, "none"},
		{"our nonce", "n1", "n1", phone, time.Second, "A"},
		{"our nonce from another port", "n1", "n1", netip.AddrPortFrom(phone.Addr(), 9999), time.Second, "A"},
		{"a nonce that can be computed", "1795351367/18621b1e9c2f4a5d7788aabbccddeeff", "1795351367/18621b1e9c2f4a5d7788aabbccddeeff", phone, time.Second, "B"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			x.remote = test.to
			x.request(event.REGISTER, nil)
			x.reply(401, event.REGISTER, demand(test.sent))
			x.remote, x.now = phone, noon.Add(test.after)
			x.got = nil
			x.request(event.REGISTER, answer(test.echoed, "r"))
			x.got = nil
			x.reply(401, event.REGISTER, second(demand("again")))
			x.want(t, "failed REGISTER 100 "+test.want)
		})
	}
}

// TestRefusedAfterTheRightPassword: PJSIP says 401 to a wrong password, so what it
// refuses with another answer knew the right one. Of other servers nobody knows.
func TestRefusedAfterTheRightPassword(t *testing.T) {
	const pjsip, elsewhere = "1795351367/18621b1e9c2f4a5d7788aabbccddeeff", "6f2c9d1b"
	for _, test := range []struct {
		name, sent, echoed string
		status             int
		want               string
	}{
		{"bad: a wrong password", pjsip, pjsip, 401, "failed REGISTER 100 B"},
		{"bad: another server's word for it", elsewhere, elsewhere, 403, "failed REGISTER 100 A"},
		{"bad: a nonce of that form that was never sent", elsewhere, pjsip, 403, "failed REGISTER 100 none"},
		{"bad: no such account", elsewhere, elsewhere, 404, "unknown user REGISTER 100 A"},
		{"old contacts are still there", pjsip, pjsip, 403, "refused REGISTER 100 B"},
		{"no address of record", pjsip, pjsip, 404, "refused REGISTER 100 B"},
	} {
		x := newExchange(Options{})
		x.request(event.REGISTER, nil)
		x.reply(401, event.REGISTER, demand(test.sent))
		x.request(event.REGISTER, answer(test.echoed, "r"))
		x.got = nil
		x.reply(test.status, event.REGISTER, second(demand("again")))
		t.Log(test.name)
		x.want(t, test.want)
	}
	x := newExchange(Options{}) // a decoy of that form beside credentials for another server
	x.request(event.REGISTER, nil)
	x.reply(401, event.REGISTER, demand(pjsip))
	x.request(event.REGISTER, second(func(s *event.SIP) {
		s.Auth = event.Auth{Present: true, User: []byte("100"), Nonce: []byte(pjsip), Others: [][]byte{[]byte("n1")}}
	}))
	x.got = nil
	x.reply(403, event.REGISTER, second(nil))
	x.want(t, "failed REGISTER 100 B")
}

// TestInventedNoncesProveNothing: no luck in a million tries.
func TestInventedNoncesProveNothing(t *testing.T) {
	x := newExchange(Options{})
	for i := range 10_000 {
		x.reply(401, event.REGISTER, demand(fmt.Sprint("sent ", i)))
	}
	e := &event.Event{Kind: event.Request, Inbound: true, Remote: phone, Local: server, Transport: event.UDP, Time: noon}
	proven := 0
	nonce := []byte("guess 0000000")
	for i := range 1_000_000 {
		for j, n := len(nonce)-1, i; j > 5; j, n = j-1, n/10 {
			nonce[j] = byte('0' + n%10)
		}
		e.SIP.Auth = event.Auth{Present: true, Nonce: nonce}
		if proof, _ := x.proofOf(e, noon.UnixNano()); proof > event.None {
			proven++
		}
	}
	if proven > 0 {
		t.Errorf("%d of 1,000,000 invented nonces were taken for ours", proven)
	}
}

func TestConnectionsAreProof(t *testing.T) {
	x := newExchange(Options{})
	e := &event.Event{Kind: event.Request, Inbound: true, Remote: phone, Local: server, Transport: event.TCP, Time: noon}
	if got, _ := x.proofOf(e, noon.UnixNano()); got != event.GradeB {
		t.Errorf("TCP proves %s, want B", got)
	}
}

// TestRequestsTellWhatTheyProve: each request says for itself what it proves
// and whom it is about, and one that repeats another says nothing.
func TestRequestsTellWhatTheyProve(t *testing.T) {
	x := newExchange(Options{})
	told := func(name string, e *event.Event, proof event.Grade, account string) {
		t.Helper()
		if e.Proof != proof || e.Account != event.AccountID([]byte(account)) {
			t.Errorf("%s: proves %v about %x, want %v about %q", name, e.Proof, e.Account, proof, account)
		}
	}
	told("an answer to nothing", x.request(event.REGISTER, answer("n1", "r")), event.None, "100")
	told("an ACK of nothing", x.request(event.ACK, func(s *event.SIP) { s.ToTag = []byte("tag") }), event.None, "")
	told("a first try", x.request(event.REGISTER, nil), event.None, "100")
	x.reply(401, event.REGISTER, demand("n1"))
	told("its retransmission", x.request(event.REGISTER, nil), event.None, "")
	told("an answer", x.request(event.REGISTER, answer("n1", "right")), event.GradeA, "100")
	told("another try", x.request(event.REGISTER, second(nil)), event.None, "100")
	told("an ACK of our tag", x.request(event.ACK, func(s *event.SIP) { s.ToTag = []byte("tag-call-0123456789") }), event.GradeC, "")
	x.remote = other
	told("the tag of somebody else", x.request(event.ACK, func(s *event.SIP) { s.ToTag = []byte("tag-call-0123456789") }), event.None, "")
	connected := &event.Event{Kind: event.Request, Inbound: true, Remote: other, Local: server, Transport: event.TCP, Time: noon,
		SIP: event.SIP{Method: event.ACK}}
	x.see(connected)
	told("an ACK over TCP", connected, event.GradeB, "")
	forged := &event.Event{Kind: event.Request, Inbound: true, Remote: other, Local: server, Transport: event.TCP, Unproven: true, Time: noon,
		SIP: event.SIP{Method: event.ACK, CallID: []byte("forged")}}
	x.see(forged)
	told("an ACK in a connection that nobody opened", forged, event.None, "")
}

func TestRetransmissionsCountOnce(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.REGISTER, nil)
	x.reply(401, event.REGISTER, demand("n1"))
	for range 5 {
		x.request(event.REGISTER, answer("n1", "r"))
	}
	for range 5 {
		x.reply(403, event.REGISTER, second(nil))
	}
	x.want(t, "challenged REGISTER 100 none", "followed REGISTER 100 A", "failed REGISTER 100 A")
}

// TestGuessesUnderOneTransaction: other credentials under the same ids are
// another try, also when they come before the first answer.
func TestGuessesUnderOneTransaction(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.REGISTER, nil)
	x.reply(401, event.REGISTER, demand("n1"))
	x.got = nil
	for _, response := range []string{"r1", "r2", "r3"} {
		x.request(event.REGISTER, answer("n1", response))
	}
	for range 3 {
		x.reply(403, event.REGISTER, second(nil))
	}
	x.want(t, "followed REGISTER 100 A", "failed REGISTER 100 A", "failed REGISTER 100 A", "failed REGISTER 100 A")
}

func TestUnanswered(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.REGISTER, nil)
	x.see(&event.Event{Kind: event.Tick, Time: noon.Add(31 * time.Second)})
	x.want(t)
	x.see(&event.Event{Kind: event.Tick, Time: noon.Add(33 * time.Second)})
	x.want(t, "unanswered REGISTER 100 none")
	x.see(&event.Event{Kind: event.Tick, Time: noon.Add(70 * time.Second)})
	x.want(t, "unanswered REGISTER 100 none")
}

// ask is a challenged REGISTER for some account, from some port.
func (x *exchange) ask(account string, port uint16) {
	x.remote = netip.AddrPortFrom(phone.Addr(), port)
	id := func(s *event.SIP) { s.ToUser, s.CallID, s.Branch = []byte(account), []byte(account), []byte(account) }
	x.request(event.REGISTER, id)
	x.reply(401, event.REGISTER, func(s *event.SIP) { id(s); demand("nonce-" + account)(s) })
}

func TestDisregardedChallenges(t *testing.T) {
	x := newExchange(Options{})
	x.ask("100", 5060)
	x.now = x.now.Add(3 * time.Millisecond)
	x.ask("101", 5060) // too soon to blame anybody
	x.want(t, "challenged REGISTER 100 none", "challenged REGISTER 101 none")
	x.now = x.now.Add(2 * time.Millisecond)
	x.got = nil
	x.ask("102", 5060)
	x.want(t, "disregarded REGISTER 100 none", "challenged REGISTER 102 none")
	x.now = x.now.Add(time.Second)
	x.got = nil
	x.ask("103", 5060) // each is reported once
	x.want(t, "disregarded REGISTER 101 none", "disregarded REGISTER 102 none", "challenged REGISTER 103 none")
}

func TestOtherPortsAreGivenARoundTrip(t *testing.T) {
	x := newExchange(Options{})
	x.ask("100", 5060)
	x.now = x.now.Add(100 * time.Millisecond)
	x.ask("101", 5061)
	x.want(t, "challenged REGISTER 100 none", "challenged REGISTER 101 none")
	x.now = x.now.Add(250 * time.Millisecond)
	x.got = nil
	x.ask("102", 5062)
	x.want(t, "disregarded REGISTER 100 none", "challenged REGISTER 102 none")
}

func TestManyPortsCannotHideInTheRoundTrip(t *testing.T) {
	x := newExchange(Options{})
	for i := range 60 {
		x.ask(fmt.Sprint(1000+i), uint16(20000+i))
		x.now = x.now.Add(time.Millisecond)
	}
	disregarded := 0
	for _, o := range x.got {
		if o[:11] == "disregarded" {
			disregarded++
		}
	}
	if disregarded < 40 {
		t.Errorf("%d of 60 challenges were called disregarded, want most", disregarded)
	}
}

func TestAnACKConfirmsAChallenge(t *testing.T) {
	x := newExchange(Options{})
	call := func(account string, change func(*event.SIP)) func(*event.SIP) {
		return func(s *event.SIP) {
			s.Target, s.CallID, s.Branch = []byte(account), []byte(account), []byte(account)
			if change != nil {
				change(s)
			}
		}
	}
	for _, account := range []string{"100", "101"} {
		x.request(event.INVITE, call(account, nil))
		e := x.reply(407, event.INVITE, call(account, demand("n"+account)))
		tag := e.SIP.ToTag
		x.request(event.ACK, call(account, func(s *event.SIP) { s.ToTag = tag }))
		x.now = x.now.Add(time.Second)
	}
	if !slices.Contains(x.got, "disregarded INVITE 100 C") {
		t.Errorf("outcomes %q, want the first challenge disregarded with proof", x.got)
	}
}

func TestComputedTagsAreNoProof(t *testing.T) {
	var random, fixed tagWatch
	for i := range 10 {
		random.see([]byte(fmt.Sprintf("%x", uint64(i+1)*0x9E3779B97F4A7C15)))
		fixed.see([]byte(fmt.Sprintf("2d2b5bd0f9b1a6b7a84d1f6c8b0b1e2f-%04x", i*977)))
	}
	if random.grade != event.GradeB || fixed.grade != event.GradeC {
		t.Errorf("random tags %s, tags with a fixed start %s; want B and C", random.grade, fixed.grade)
	}
}

func TestOurOwnRequestsAreNobodysFault(t *testing.T) {
	x := newExchange(Options{})
	x.pair(event.Request, false, event.REGISTER, nil)
	x.pair(event.Response, true, event.REGISTER, func(s *event.SIP) { s.Status = 403 })
	x.want(t)
}

func TestWhomOurServerReaches(t *testing.T) {
	for _, test := range []struct {
		name   string
		asked  event.Method // "" for nothing
		status int
		from   netip.AddrPort
		want   []string
	}{
		{"bad: nobody asked", event.Other, 200, phone, nil},
		{"bad: it refuses", event.OPTIONS, 404, phone, nil},
		{"bad: another address answers", event.OPTIONS, 200, other, nil},
		{"bad: a registration of ours", event.REGISTER, 200, phone, nil},
		{"it answers our ping", event.OPTIONS, 200, phone, []string{"known OPTIONS  B"}},
		{"it takes our call", event.INVITE, 200, phone, []string{"known INVITE  B"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			method := test.asked
			if method == event.Other {
				method = event.OPTIONS
			} else {
				x.pair(event.Request, false, method, nil)
			}
			x.remote = test.from
			x.pair(event.Response, true, method, func(s *event.SIP) { s.Status, s.ToTag = test.status, []byte("theirs") })
			x.want(t, test.want...)
		})
	}
}

// line is a hostile log line about the phone.
func (x *exchange) line(kind event.LogKind, change func(*event.Log)) {
	e := &event.Event{Kind: event.Line, Time: x.now, Remote: phone, Transport: event.UDP, Log: event.Log{
		Verdict: event.Hostile, Kind: kind, Rule: "asterisk.pjsip.failed_to_authenticate", Source: phone,
		Transport: event.UDP, User: []byte("100"), CallID: []byte("call"),
	}}
	if change != nil {
		change(&e.Log)
	}
	x.see(e)
}

func TestLineWithoutPacket(t *testing.T) {
	for _, test := range []struct {
		name   string
		wire   bool
		change func(*event.Log)
		want   []string
	}{
		{"bad: we watch UDP and saw nothing", true, nil, nil},
		{"bad: a benign line", false, func(l *event.Log) { l.Verdict = event.Benign }, nil},
		{"no capture", false, nil, []string{"failed  100 C"}},
		{"malformed, which we would have seen", true, func(l *event.Log) { l.Kind = event.RequestMalformed }, nil},
		{"malformed", false, func(l *event.Log) { l.Kind = event.RequestMalformed }, []string{"malformed  100 C"}},
		{"TLS, which no capture can read", true, func(l *event.Log) { l.Transport = event.TLS }, []string{"failed  100 B"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{Wire: test.wire})
			x.line(event.AuthFailed, test.change)
			x.want(t, test.want...)
		})
	}
}

func TestLineJoinsItsPacket(t *testing.T) {
	x := newExchange(Options{Wire: true})
	x.request(event.REGISTER, nil)
	x.reply(401, event.REGISTER, demand("n1"))
	x.got = nil
	x.line(event.UserUnknown, nil)
	x.line(event.UserUnknown, nil) // notice and security event of one request
	x.want(t, "unknown user REGISTER 100 none")
	x.now = x.now.Add(10 * time.Second)
	x.got = nil
	x.line(event.UserUnknown, nil) // too late to be about that packet
	x.want(t)
}

func TestLineThatNamesAnotherSourceIsNotJoined(t *testing.T) {
	x := newExchange(Options{Wire: true})
	x.request(event.REGISTER, nil)
	x.got = nil
	x.see(&event.Event{Kind: event.Line, Time: x.now, Remote: other, Log: event.Log{
		Verdict: event.Hostile, Kind: event.UserUnknown, Source: other, Transport: event.UDP, CallID: []byte("call"),
	}})
	x.want(t)
}

func TestNoticeAndSecurityEventCountOnce(t *testing.T) {
	x := newExchange(Options{})
	for range 3 {
		x.line(event.AuthFailed, nil)
		x.line(event.AuthFailed, func(l *event.Log) { l.Rule = "asterisk.security.challenge_response_failed" })
		x.line(event.AuthFailed, func(l *event.Log) { l.Rule = "asterisk.ami.challenge_response_failed" })
	}
	x.want(t, "failed  100 C", "failed  100 C", "failed  100 C")
}

func TestRequestsAreCounted(t *testing.T) {
	x := newExchange(Options{})
	var last *event.Event
	for i := range 5 {
		last = x.request(event.OPTIONS, func(s *event.SIP) { s.CSeq = uint32(i) })
	}
	if last.Requests != 5 {
		t.Errorf("%d requests counted, want 5", last.Requests)
	}
}

func TestMemoryIsFixed(t *testing.T) {
	x := newExchange(Options{})
	for i := range 200_000 {
		x.remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
		x.request(event.REGISTER, nil)
		x.got = nil
	}
	if x.sources.Len() > x.sources.Cap() || x.waiting.size > len(x.waiting.ring) {
		t.Error("a table has grown")
	}
}

func FuzzPair(f *testing.F) {
	f.Add([]byte("call"), []byte("branch"), []byte("100"), uint16(401), true)
	x := newExchange(Options{})
	f.Fuzz(func(t *testing.T, call, branch, user []byte, status uint16, creds bool) {
		set := func(s *event.SIP) {
			s.CallID, s.Branch, s.ToUser, s.Target = call, branch, user, user
			s.Auth = event.Auth{Present: creds, User: user, Nonce: branch}
		}
		x.now = x.now.Add(time.Millisecond)
		x.request(event.REGISTER, set)
		x.reply(int(status), event.REGISTER, set)
		x.got = nil
	})
}

func BenchmarkPair(b *testing.B) {
	x := newExchange(Options{})
	e := &event.Event{Kind: event.Request, Inbound: true, Remote: phone, Local: server, Transport: event.UDP, Time: noon,
		SIP: event.SIP{Method: event.REGISTER, CallID: []byte("call"), Branch: []byte("branch"), ToUser: []byte("100")}}
	b.ReportAllocs()
	for i := range b.N {
		e.SIP.CSeq = uint32(i)
		x.Pair(e)
	}
}

// TestShapedLines: a line that an attacker shaped counts a request and settles
// nothing, whatever it says of success.
func TestShapedLines(t *testing.T) {
	for _, test := range []struct {
		name string
		wire bool
		log  event.Log
		want uint32
	}{
		{"bad: by nobody", false, event.Log{Verdict: event.Tampered}, 0},
		{"bad: about a transport that we watch", true, event.Log{Verdict: event.Tampered, Source: phone, Transport: event.UDP}, 0},
		{"an attack", false, event.Log{Verdict: event.Tampered, Source: phone, Kind: event.AuthFailed}, 1},
		{"a success", false, event.Log{Verdict: event.Tampered, Source: phone, Kind: event.AuthOK}, 1},
		{"about a connection", true, event.Log{Verdict: event.Tampered, Source: phone, Transport: event.TLS}, 1},
	} {
		x := newExchange(Options{Wire: test.wire})
		e := &event.Event{Kind: event.Line, Time: noon, Remote: phone, Inbound: true, Log: test.log}
		x.see(e)
		if e.Requests != test.want || len(e.Outcomes) > 0 {
			t.Errorf("%s: %d requests, outcomes %+v", test.name, e.Requests, e.Outcomes)
		}
	}
}
