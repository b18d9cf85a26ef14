package track

import (
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
