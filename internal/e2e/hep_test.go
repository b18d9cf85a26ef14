package e2e

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestReportsOfKamailio: what Kamailio tells by HEP of a port that is not watched
// is evidence of grade C. Rubbish sent to the same place keeps nobody from being
// banned for his packets, as soon as without it.
func TestReportsOfKamailio(t *testing.T) {
	l := newEdge(t, "-A", "HEP")
	s := l.sipward("mode: enforce\nmetrics: off\nlisten: [{port: 5060, transport: udp}]\nhep: {listen: [\"udp:127.0.0.1:9060\"]}\n")
	s.again()
	told := l.client(l.attackers, "198.51.100.60", 40000)
	told.conn = l.attackers.DialUDP("198.51.100.60:40001", serverAddress+":5080")
	told.guess(t, 20)
	var b block
	eventually(t, 5*time.Second, "who guesses at the port that is not watched is blocked", func() (blocked bool) {
		b, blocked = s.banOf("198.51.100.60")
		return blocked
	})
	if b.Proof != "C" || time.Until(b.Until) > 13*time.Minute || b.Class != "auth.guess" {
		t.Errorf("ban %+v, want one for guessing on proof C, for ten minutes", b)
	}
	s.sound()

	// A busy machine is a busy machine: what counts is that one round of three shows no harm.
	quiet, flooded, address := 0.0, 0.0, netip.MustParseAddr("198.51.100.100")
	for range 3 {
		quiet, address = s.medianDelay(address)
		stop := s.rubbish()
		flooded, address = s.medianDelay(address)
		sent := stop()
		t.Logf("the kernel acts after %.2f ms, and after %.2f ms beside %d broken reports; %d others were of use", quiet, flooded, sent, s.hepCount())
		if flooded <= 2*quiet+2 {
			break
		}
	}
	if flooded > 2*quiet+2 {
		t.Errorf("the kernel acts after %.2f ms, and after %.2f ms beside broken reports", quiet, flooded)
	}
}

// medianDelay bans some guessers, from an address on, and gives how many
// milliseconds after the deciding packet the kernel acted, and the address after them.
func (s *sipward) medianDelay(from netip.Addr) (median float64, next netip.Addr) {
	s.t.Helper()
	var guessing sync.WaitGroup
	pace := time.NewTicker(50 * time.Millisecond) // apart from each other, or they would wait for each other
	defer pace.Stop()
	var addresses []string
	for next = from; len(addresses) < 5; next = next.Next() {
		addresses = append(addresses, next.String())
		c := s.client(s.attackers, next.String(), 40000)
		guessing.Go(func() { c.guess(s.t, 40) })
		<-pace.C
	}
	guessing.Wait()
	var took []float64
	for _, a := range addresses {
		_, ms := s.decision(a)
		took = append(took, ms)
	}
	slices.Sort(took)
	return took[len(took)/2], next
}

// hepCount is how many reports were of use.
func (s *sipward) hepCount() int {
	s.t.Helper()
	for _, source := range s.status().Sources {
		if source.Kind == "hep" {
			return int(source.Events)
		}
	}
	return 0
}
