package track

import (
	"testing"

	"github.com/sipward/sipward/internal/event"
)

// TestBlind: a line needs a packet only where somebody looks for packets.
func TestBlind(t *testing.T) {
	for _, test := range []struct {
		name   string
		wire   bool
		blind  []event.Transport
		by     event.Transport
		counts bool
	}{
		{"bad: no such packet", true, nil, event.TCP, false},
		{"bad: no such datagram", true, []event.Transport{event.TCP}, event.UDP, false},
		{"bad: about nothing in particular", true, []event.Transport{event.TCP}, 0, false},
		{"bad: WebSocket is watched", true, []event.Transport{event.TCP, event.UDP}, event.WS, false},
		{"nobody watches TCP", true, []event.Transport{event.TCP}, event.TCP, true},
		{"nobody watches WebSocket", true, []event.Transport{event.WS}, event.WS, true},
		{"nobody watches UDP", true, []event.Transport{event.UDP}, 0, true},
		{"nobody can read TLS", true, nil, event.TLS, true},
		{"no packets at all", false, nil, event.UDP, true},
	} {
		x := newExchange(Options{Wire: test.wire})
		x.nonces.Blind(event.UDP, event.TCP, event.WS) // which is taken back
		x.nonces.Blind(test.blind...)
		e := event.Event{Kind: event.Line, Time: x.now, Remote: phone, Local: server,
			Log: event.Log{Verdict: event.Hostile, Kind: event.AuthFailed, Transport: test.by, User: []byte("100")}}
		x.see(&e)
		proof := event.GradeC
		if test.by.Connected() {
			proof = event.GradeB
		}
		switch {
		case len(e.Outcomes) > 0 != test.counts:
			t.Errorf("%s: %+v", test.name, e.Outcomes)
		case test.counts && e.Outcomes[0].Proof != proof:
			t.Errorf("%s: it proves %s, want %s", test.name, e.Outcomes[0].Proof, proof)
		}
	}
}
