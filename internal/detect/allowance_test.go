package detect

import (
	"encoding/binary"
	"fmt"
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
	// One network's forgers have a part of what is for newcomers.
	if most := allowanceMost/2 + 10*allowanceRate/2; found < most/2 || found > most {
		t.Errorf("%d findings about 100,000 forged packets, want %d to %d", found, most/2, most)
	}
	at = at.Add(10 * time.Second)
	if marked(0x0b000000, at) != 1 {
		t.Error("a scanner is not found some seconds after the flood")
	}
}

// TestFairAllowance: whatever others forge, who goes on is found soon, and found
// again as long as he does.
func TestFairAllowance(t *testing.T) {
	d := NewEngine(Options{Seed: bounded.Seed{K0: 1, K1: 2}, Lanes: 4}, All())
	begin, requests := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), map[netip.Addr]uint32{}
	marked := func(from string, at time.Time) int {
		a := netip.MustParseAddr(from)
		requests[a]++
		return len(d.See(&event.Event{Kind: event.Request, Inbound: true, Time: at, Transport: event.UDP, Requests: requests[a],
			Remote: netip.AddrPortFrom(a, 5060), SIP: event.SIP{Method: event.OPTIONS, FromTag: []byte("70c00e8c")}}))
	}
	var found []time.Duration
	forged, at := 0, begin
	for n := range 100_000 { // a hundred seconds
		at = begin.Add(time.Duration(n) * time.Millisecond)
		forged += marked(netip.AddrFrom4([4]byte{byte(10 + n%100), byte(n >> 16), byte(n >> 8), byte(n)}).String(), at)
		if n >= 20_000 && n%1000 == 0 && marked("198.51.100.7", at) > 0 {
			found = append(found, at.Sub(begin).Round(time.Second))
		}
	}
	if len(found) != 3 || found[0] > 23*time.Second || found[1]-found[0] != 30*time.Second || found[2]-found[1] != 30*time.Second {
		t.Errorf("a scanner of one request a second that began after 20s is found at %v", found)
	}
	if most := (allowanceMost + 100*allowanceRate) / 2 / 4; forged > most {
		t.Errorf("%d findings about forged packets, want %d at most", forged, most)
	}
}

// TestForgedFloodOutOfOneNetwork: who can only forge his neighbours' addresses
// uses up his own network's share, not that of others.
func TestForgedFloodOutOfOneNetwork(t *testing.T) {
	for _, test := range []struct{ forged, other string }{
		{"203.0.113.%d", "198.51.101.7"},
		{"2001:db8:51:0:%x::1", "2001:db8:52::7"},
	} {
		d := NewEngine(Options{Seed: bounded.Seed{K0: 1, K1: 2}, Lanes: 4}, All())
		at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		marked := func(from string) int {
			at = at.Add(time.Millisecond)
			return len(d.See(&event.Event{Kind: event.Request, Inbound: true, Time: at, Transport: event.UDP, Requests: 1,
				Remote: netip.AddrPortFrom(netip.MustParseAddr(from), 5060), SIP: event.SIP{Method: event.OPTIONS, FromTag: []byte("70c00e8c")}}))
		}
		found := 0
		for n := range 256 {
			found += marked(fmt.Sprintf(test.forged, n))
		}
		if found > 100 || marked(test.other) != 1 {
			t.Errorf("%d of 256 neighbours are found, and then %d of another network", found, marked(test.other))
		}
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
