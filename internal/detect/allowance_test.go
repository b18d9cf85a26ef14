package detect

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
)

// TestForgedFloodOfMarks: each packet bears a new address and a tool's mark; the
// findings are bounded, and a scanner that comes later is found again.
func TestForgedFloodOfMarks(t *testing.T) {
	d := NewEngine(Options{Seed: bounded.Seed{K0: 1, K1: 2}}, All())
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	marked := func(n uint32, at time.Time) int {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], n)
		return len(d.See(&event.Event{Kind: event.Request, Inbound: true, Time: at, Transport: event.UDP,
			Remote: netip.AddrPortFrom(netip.AddrFrom4(a), 5060), SIP: event.SIP{Method: event.OPTIONS, FromTag: []byte("70c00e8c")}}))
	}
	found, at := 0, begin
	for n := range uint32(100_000) { // ten seconds
		at = begin.Add(time.Duration(n) * 100 * time.Microsecond)
		found += marked(0x0a000000+n, at)
	}
	if most := allowanceMost + 10*allowanceRate; found < allowanceMost || found > most {
		t.Errorf("%d findings about 100,000 forged packets, want %d to %d", found, allowanceMost, most)
	}
	if marked(0x0b000000, at.Add(time.Second)) != 1 {
		t.Error("a scanner is not found a second after the flood")
	}
}

// TestFloodOfTamperedLines: one address fills a log, not our memory.
func TestFloodOfTamperedLines(t *testing.T) {
	d := NewEngine(Options{Seed: bounded.Seed{K0: 1, K1: 2}}, All())
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	source := netip.MustParseAddrPort("198.51.100.7:5060")
	found := 0
	for n := range 1000 {
		found += len(d.See(&event.Event{Kind: event.Line, Time: begin.Add(time.Duration(n) * time.Millisecond), Remote: source,
			Log: event.Log{Verdict: event.Tampered, Source: source}}))
	}
	if found != 1 {
		t.Errorf("%d findings about 1000 lines in a second, want 1", found)
	}
}

// TestForgedFloodForgetsNothingProven: between two guesses come more forged
// sources than the memory holds, and the guesser is found all the same.
func TestForgedFloodForgetsNothingProven(t *testing.T) {
	d := NewEngine(Options{Seed: bounded.Seed{K0: 1, K1: 2}, Lanes: 64}, All())
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	found, forged := 0, uint32(0)
	for account := range uint64(8) {
		at = at.Add(time.Minute)
		o := event.Outcome{Result: event.Failed, Remote: netip.MustParseAddr("198.51.100.7"), Time: at,
			Method: event.REGISTER, Proof: event.GradeA, AccountID: account + 1}
		found += len(d.See(&event.Event{Kind: event.Response, Time: at, Outcomes: []event.Outcome{o}}))
		for range 4 * d.cases.Cap() {
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], forged)
			forged++
			d.See(&event.Event{Kind: event.Request, Inbound: true, Time: at, Remote: netip.AddrPortFrom(netip.AddrFrom4(a), 5060)})
		}
	}
	if found == 0 {
		t.Error("eight accounts tried and nothing found")
	}
}
