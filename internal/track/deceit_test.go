package track

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// credentials are for a nonce, in the same transaction as the request before.
func credentials(nonce string) func(*event.SIP) {
	return func(s *event.SIP) {
		s.Auth = event.Auth{Present: true, User: []byte("100"), Nonce: []byte(nonce), Response: []byte("r")}
	}
}

// TestSuccessNobodyChecked: a 2xx says that credentials were right only where
// the server had asked for them.
func TestSuccessNobodyChecked(t *testing.T) {
	for _, test := range []struct {
		name   string
		asked  event.Method // which request was challenged
		method event.Method // which one then has credentials
		want   []string
	}{
		{"bad: a ping", event.REGISTER, event.OPTIONS, nil},
		{"bad: a call, with the nonce of a registration", event.REGISTER, event.INVITE, []string{"served INVITE 100 A"}},
		{"bad: a message, likewise", event.REGISTER, event.MESSAGE, nil},
		{"a call that was challenged", event.INVITE, event.INVITE, []string{"accepted INVITE 100 A"}},
		{"bad: a registration, with the nonce of a ping", event.OPTIONS, event.REGISTER, nil},
		{"bad: a registration with invented credentials, let in by its address", event.Other, event.REGISTER, nil},
		{"a registration that was challenged", event.REGISTER, event.REGISTER, []string{"accepted REGISTER 100 A"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			if test.asked != event.Other {
				x.request(test.asked, nil)
				x.reply(401, test.asked, demand("n1"))
			}
			x.request(test.method, answer("n1", "r"))
			x.got = nil
			x.reply(200, test.method, second(nil))
			x.want(t, test.want...)
		})
	}
}

// TestSuccessOfAnotherRequest: a server asks for a password by who calls whom, and
// where. Credentials that answer one such challenge say nothing in another request.
func TestSuccessOfAnotherRequest(t *testing.T) {
	const let, counts = "served INVITE 100 A", "accepted INVITE 100 A"
	for _, test := range []struct {
		name   string
		change func(*event.SIP) // of the request with credentials
		want   string
	}{
		{"bad: a caller from elsewhere", func(s *event.SIP) { s.FromHost = []byte("elsewhere.example") }, let},
		{"bad: another caller", func(s *event.SIP) { s.FromUser = []byte("stranger") }, let},
		{"bad: to somebody else", func(s *event.SIP) { s.Target = []byte("101") }, let},
		{"bad: To somebody else", func(s *event.SIP) { s.ToUser = []byte("101") }, let},
		{"bad: inside a dialog", func(s *event.SIP) { s.ToTag = []byte("x") }, let},
		{"the one that was challenged", func(*event.SIP) {}, counts},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			from := func(s *event.SIP) { s.FromUser, s.FromHost = []byte("100"), []byte("example.org") }
			x.request(event.INVITE, from)
			x.reply(407, event.INVITE, func(s *event.SIP) { from(s); demand("n1")(s) })
			x.request(event.INVITE, func(s *event.SIP) { from(s); answer("n1", "r")(s); test.change(s) })
			x.got = nil
			x.reply(200, event.INVITE, func(s *event.SIP) { from(s); second(nil)(s); test.change(s) })
			x.want(t, test.want)
		})
	}
}

// TestSuccessAtAnotherPort: some servers have a port where they ask nobody.
func TestSuccessAtAnotherPort(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.INVITE, nil)
	x.reply(407, event.INVITE, demand("n1"))
	see := func(kind event.Kind, inbound bool, status int) {
		e := &event.Event{Kind: kind, Time: x.now, Remote: phone, Local: netip.MustParseAddrPort("192.0.2.10:5080"), Inbound: inbound, Transport: event.UDP,
			SIP: event.SIP{Method: event.INVITE, Status: status, CallID: []byte("call"), ToUser: []byte("100"), Target: []byte("100"), Expires: -1}}
		answer("n1", "r")(&e.SIP)
		e.SIP.Auth.Present = inbound
		x.got = nil
		x.see(e)
	}
	see(event.Request, true, 0)
	see(event.Response, false, 200)
	x.want(t, "served INVITE 100 A")
}

// TestMixedTargets: a reply does not say for which target it is, so that it is
// worth nothing where one transaction has asked for two.
func TestMixedTargets(t *testing.T) {
	x := newExchange(Options{})
	open := func(s *event.SIP) { s.Target = []byte("open") }
	x.request(event.INVITE, nil)
	x.request(event.INVITE, open)
	x.reply(407, event.INVITE, demand("n1"))
	x.request(event.INVITE, func(s *event.SIP) { open(s); answer("n1", "r")(s) })
	x.got = nil
	x.reply(200, event.INVITE, second(nil))
	x.want(t, "served INVITE 100 A")
}

// TestCredentialsForShow: what answers no challenge changes neither whom a request
// is about nor what its end means, or one header would hide all who look for
// accounts and numbers.
func TestCredentialsForShow(t *testing.T) {
	for _, test := range []struct {
		name, nonce string
		method      event.Method
		status      int
		want        string
	}{
		{"bad: an unknown account", "invented", event.REGISTER, 404, "unknown user REGISTER 500 none"},
		{"bad: an unknown number", "invented", event.INVITE, 404, "unknown user INVITE 900 none"},
		{"bad: a guess", "invented", event.REGISTER, 401, "failed REGISTER 500 none"},
		{"a wrong number by somebody who is let in", "n1", event.INVITE, 404, "refused INVITE 100 A"},
		{"a guess at an account", "n1", event.REGISTER, 403, "failed REGISTER 100 A"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			x.request(test.method, nil)
			x.reply(401, test.method, demand("n1"))
			e := x.request(test.method, func(s *event.SIP) {
				answer(test.nonce, "r")(s)
				s.ToUser, s.Target = []byte("500"), []byte("900")
			})
			x.got = nil
			x.reply(test.status, test.method, second(nil))
			x.want(t, test.want)
			if real := test.nonce == "n1"; e.Echoes != real {
				t.Errorf("echoes %t, want %t", e.Echoes, real)
			}
		})
	}
}

// TestReplyToCancel: a CANCEL has the ids of the call it ends, and its own 200.
func TestReplyToCancel(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.INVITE, nil)
	x.reply(407, event.INVITE, demand("n1"))
	x.request(event.INVITE, answer("n1", "wrong"))
	x.request(event.CANCEL, second(nil))
	x.got = nil
	x.reply(200, event.CANCEL, second(nil))
	x.reply(407, event.INVITE, second(demand("n2")))
	x.want(t, "failed INVITE 100 A")
}

// TestReplyUnderTheNameOfCancel: a registration that writes CANCEL into its CSeq
// is answered under that name, and is a registration all the same.
func TestReplyUnderTheNameOfCancel(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.REGISTER, credentials("invented"))
	x.reply(403, event.CANCEL, nil)
	x.want(t, "failed REGISTER 100 none")
}

// TestTagsAnybodyKnows: only a To-tag that the far side could not tell
// beforehand proves that it received our reply.
func TestTagsAnybodyKnows(t *testing.T) {
	for _, test := range []struct {
		name        string
		brought     string // To-tag of the request
		cancel      bool   // brought by a CANCEL of the same ids instead
		tag, answer string // of the reply, and of the ACK
		want        event.Grade
	}{
		{"bad: it brought the tag itself", "known", false, "known", "known", event.None},
		{"bad: a CANCEL brought it", "known", true, "known", "known", event.None},
		{"bad: our tag is its branch", "", false, "branch", "branch", event.None},
		{"bad: another tag", "", false, "ours-81f3", "other", event.None},
		{"our tag", "", false, "ours-81f3", "ours-81f3", event.GradeC},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			x.request(event.INVITE, func(s *event.SIP) {
				if !test.cancel {
					s.ToTag = []byte(test.brought)
				}
			})
			if test.cancel {
				x.request(event.CANCEL, func(s *event.SIP) { s.ToTag = []byte(test.brought) })
			}
			x.reply(404, event.INVITE, func(s *event.SIP) { s.ToTag = []byte(test.tag) })
			e := x.request(event.ACK, func(s *event.SIP) { s.ToTag = []byte(test.answer) })
			if got := x.tagProof(e, x.now.UnixNano()); got != test.want {
				t.Errorf("the tag %q proves %s, want %s", test.answer, got, test.want)
			}
		})
	}
}

// TestSharedNonces: what the server also gave to somebody else proves little,
// whichever lane that one is on.
func TestSharedNonces(t *testing.T) {
	nonces := NewNonces()
	victim, forger := newExchange(Options{Nonces: nonces}), newExchange(Options{Nonces: nonces})
	forger.remote = other
	for _, x := range []*exchange{victim, forger} {
		x.request(event.REGISTER, nil)
		x.reply(401, event.REGISTER, demand("of this second"))
		x.reply(401, event.REGISTER, demand("of this second"))
	}
	victim.got = nil
	victim.request(event.REGISTER, answer("of this second", "r"))
	victim.reply(403, event.REGISTER, second(nil))
	victim.want(t, "followed REGISTER 100 C", "failed REGISTER 100 C")
}

// TestTimedNonces: where the server speaks TLS too, a nonce that everybody gets
// who asks within a second may have gone to a forger unseen.
func TestTimedNonces(t *testing.T) {
	raw := make([]byte, 24)
	binary.BigEndian.PutUint32(raw, uint32(noon.Unix()+300))
	binary.BigEndian.PutUint32(raw[4:], uint32(noon.Unix()))
	now := base64.StdEncoding.EncodeToString(raw)
	old := base64.StdEncoding.EncodeToString(make([]byte, 24))
	for _, test := range []struct {
		name, nonce string
		sealed      bool
		want        event.Grade
	}{
		{"bad: Kamailio's, and TLS", now, true, event.GradeC},
		{"bad: OpenSIPS', and TLS", hex.EncodeToString(raw[:20]), true, event.GradeC},
		{"no TLS", now, false, event.GradeA},
		{"with a counter", now + "AAAA", true, event.GradeA},
		{"of another time", old, true, event.GradeA},
		{"32 letters that are no base64", strings.Repeat("!", 32), true, event.GradeA},
		{"40 letters that are no digits", strings.Repeat("x", 40), true, event.GradeA},
		{"a UUID", "0b9e1a4c-5a0e-4a38-9d0d-6a8f6f1c2b3d", true, event.GradeA},
	} {
		x := newExchange(Options{})
		x.nonces.Sealed(test.sealed)
		x.request(event.REGISTER, nil)
		x.reply(401, event.REGISTER, demand(test.nonce))
		if e := x.request(event.REGISTER, answer(test.nonce, "r")); e.Proof != test.want {
			t.Errorf("%s: proves %s, want %s", test.name, e.Proof, test.want)
		}
	}
}

// TestComputedTagsInTurns: a proxy makes some tags itself and passes on those of
// others. Who brings it to do so in turns gains nothing.
func TestComputedTagsInTurns(t *testing.T) {
	x := newExchange(Options{})
	proved := map[bool]event.Grade{}
	for i := range 12 {
		computed := i%2 == 1
		tag := fmt.Sprintf("%016x-%016x", uint64(i+1)*0x9E3779B97F4A7C15, uint64(i+7)*0xC2B2AE3D27D4EB4F)
		if computed {
			tag = fmt.Sprintf("b27e1a1d33761e85846fc98f5f3a7e58.%04x", i*977)
		}
		call := func(s *event.SIP) { s.CallID, s.Branch = []byte(tag), []byte(tag[:20]) }
		x.request(event.INVITE, call)
		x.reply(404, event.INVITE, func(s *event.SIP) { call(s); s.ToTag = []byte(tag) })
		e := x.request(event.ACK, func(s *event.SIP) { call(s); s.ToTag = []byte(tag) })
		proved[computed] = e.Proof
	}
	if proved[true] != event.None || proved[false] != event.GradeB {
		t.Errorf("computed tags prove %s, random ones %s; want none and B", proved[true], proved[false])
	}
}

// TestRepliesUnderOtherIDs: who writes an id twice is answered under the one we
// did not take.
func TestRepliesUnderOtherIDs(t *testing.T) {
	call := func(s *event.SIP) { s.CallID = []byte("other call") }
	branch := func(s *event.SIP) { s.Branch = []byte("other branch") }
	for _, test := range []struct {
		name    string
		method  event.Method // of the reply
		changes []func(*event.SIP)
		want    []string
	}{
		{"bad: a reply to something else", event.OPTIONS, []func(*event.SIP){call, branch}, nil},
		{"two Call-IDs", event.REGISTER, []func(*event.SIP){call}, []string{"failed REGISTER 100 A"}},
		{"two branches", event.REGISTER, []func(*event.SIP){branch}, []string{"failed REGISTER 100 A"}},
		{"two CSeqs of different methods", event.OPTIONS, []func(*event.SIP){func(s *event.SIP) { s.CSeq = 99 }}, []string{"failed REGISTER 100 A"}},
		{"two of everything: perhaps another's", event.REGISTER, []func(*event.SIP){call, branch}, []string{"failed REGISTER 100 none"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExchange(Options{})
			x.request(event.REGISTER, nil)
			x.reply(401, event.REGISTER, demand("n1"))
			x.request(event.REGISTER, answer("n1", "wrong"))
			x.got = nil
			for range 2 { // the second one is a retransmission
				x.reply(403, test.method, second(func(s *event.SIP) {
					for _, change := range test.changes {
						change(s)
					}
				}))
			}
			x.want(t, test.want...)
		})
	}
}

// TestSeveralCredentials: the answer to our challenge may stand behind decoys.
func TestSeveralCredentials(t *testing.T) {
	x := newExchange(Options{})
	x.request(event.REGISTER, nil)
	x.reply(401, event.REGISTER, demand("n1"))
	x.got = nil
	for _, response := range []string{"first", "second"} { // under the same ids
		x.request(event.REGISTER, second(func(s *event.SIP) {
			s.Auth = event.Auth{Present: true, User: []byte("100"), Nonce: []byte("decoy"),
				Others: [][]byte{[]byte("decoy"), []byte("n1"), []byte(response)}}
		}))
	}
	x.reply(403, event.REGISTER, second(nil))
	x.reply(403, event.REGISTER, second(nil))
	x.want(t, "followed REGISTER 100 A", "failed REGISTER 100 A", "failed REGISTER 100 A")
}

// TestOneAnswerSettlesOneDebt although all challenges are in one call.
func TestOneAnswerSettlesOneDebt(t *testing.T) {
	x := newExchange(Options{})
	for i, account := range []string{"100", "101", "102"} {
		ids := func(s *event.SIP) { s.CSeq, s.ToUser = uint32(i), []byte(account) }
		x.request(event.REGISTER, ids)
		x.reply(401, event.REGISTER, func(s *event.SIP) { ids(s); demand("n" + account)(s) })
	}
	x.got = nil
	x.request(event.REGISTER, answer("n102", "r")) // as user 100
	x.want(t, "followed REGISTER 100 A", "followed REGISTER 102 A")
}

// TestCallIDOfAnother: a log line finds its packet although somebody else has
// used the Call-ID since.
func TestCallIDOfAnother(t *testing.T) {
	x := newExchange(Options{Wire: true})
	x.request(event.REGISTER, nil)
	x.remote = other
	x.request(event.REGISTER, nil)
	x.now = x.now.Add(time.Millisecond)
	x.line(event.UserUnknown, func(l *event.Log) { l.CallID = []byte("call") })
	x.want(t, "unknown user REGISTER 100 none")
}
