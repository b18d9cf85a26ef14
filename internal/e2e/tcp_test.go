package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/testnet"
)

// bothTransports protect port 5060 over UDP and TCP.
const bothTransports = "mode: enforce\nmetrics: off\nlisten: [{port: 5060, transport: udp}, {port: 5060, transport: tcp}]\n"

// guess tries passwords as fast as a round trip allows, each for the nonce of
// the answer before, until nobody answers any more. It gives how many were tried.
func (c *client) guess(t *testing.T, most int) (tries int) {
	t.Helper()
	nonce := nonceOf(c.send(c.request("REGISTER", weakUser, weakUser, "")))
	pace := time.NewTicker(roundTrip)
	defer pace.Stop()
	for tries = range most {
		<-pace.C
		answer := c.send(c.request("REGISTER", weakUser, weakUser, digest(weakUser, fmt.Sprint("guess", tries), nonce)))
		if answer == "" {
			return tries
		}
		nonce = nonceOf(answer)
	}
	return most
}

// TestGuesserOverTCP is dropped as soon as one over UDP; the connection that it
// has is dead, and it gets no other.
func TestGuesserOverTCP(t *testing.T) {
	l := newEdge(t)
	s := l.sipward(bothTransports)
	s.again()
	tries := map[string]int{}
	requests := map[string]int{}
	guessers := map[string]*client{
		"UDP": l.client(l.attackers, "198.51.100.21", 40000),
		"TCP": l.tcpClient(l.attackers, "198.51.100.22", 40000),
	}
	for transport, c := range guessers {
		tries[transport] = c.guess(t, 40)
		b, _ := s.banOf(c.local.Addr().String())
		requests[transport] = b.Requests
		if want := map[string]string{"UDP": "A", "TCP": "A"}[transport]; b.Action != "drop" || b.Proof != want {
			t.Errorf("%s: %+v, want a drop on proof %s", transport, b, want)
		}
	}
	t.Logf("answered guesses %v, requests at the ban %v; %s", tries, requests, s.delays())
	// How many it takes depends on their pace, and that on the machine.
	if requests["TCP"] > requests["UDP"]+2 || tries["TCP"] > 12 {
		t.Errorf("a guesser over TCP is dropped at request %d, one over UDP at request %d", requests["TCP"], requests["UDP"])
	}
	dead := guessers["TCP"]
	if answer := dead.send(dead.request("OPTIONS", "x", "x", "")); answer != "" {
		t.Errorf("the established connection is still answered: %s", answer)
	}
	if b, _ := s.banOf("198.51.100.22"); b.Dropped == 0 {
		t.Error("the kernel's counter of the ban does not move")
	}
	if l.connects(l.attackers, "198.51.100.22") {
		t.Error("the banned source connects again")
	}
	if !l.connects(l.attackers, "198.51.100.23") {
		t.Error("its neighbour cannot connect")
	}
}

// connects says that a host gets a connection to the SIP port within half a second.
func (l *lab) connects(host *testnet.Host, address string) bool {
	l.t.Helper()
	connected := false
	host.Run(func() {
		dialer := net.Dialer{Timeout: 500 * time.Millisecond, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		if conn, err := dialer.Dial("tcp", serverAddress+":5060"); err == nil {
			connected = true
			conn.Close()
		}
	})
	return connected
}

// TestForgedSegments bear the address of a phone, even the port of its very
// connection: the phone goes on registering, and nobody is dropped for them.
func TestForgedSegments(t *testing.T) {
	l := newEdge(t)
	s := l.sipward(bothTransports)
	s.again()
	phone := l.tcpClient(l.phones, "203.0.113.10", 40000)
	if code := phone.register("1001", password("1001")); code != 200 {
		t.Fatalf("the phone is not registered: %d", code)
	}
	server := netip.MustParseAddrPort(serverAddress + ":5060")
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for _, victim := range []string{"203.0.113.10", "203.0.113.99", trunkAddress} {
		forger := &client{conn: phone.conn}
		for n := range 240 {
			segment := testnet.Segment{To: server, Seq: uint32(n) * 0x01234567, Ack: uint32(n) * 0x07654321, Flags: testnet.PSH | testnet.ACK}
			switch n % 4 { // into the phone's connection, out of nowhere, after a SYN
			case 0:
				segment.From = netip.AddrPortFrom(netip.MustParseAddr(victim), 40000)
			case 1:
				segment.From = netip.AddrPortFrom(netip.MustParseAddr(victim), uint16(30000+n))
			default:
				segment.From = netip.AddrPortFrom(netip.MustParseAddr(victim), uint16(20000+n/4))
				segment.Seq = 1000
			}
			forger.local = segment.From
			if n%4 == 2 {
				segment.Flags, segment.Ack = testnet.SYN, 0
			} else {
				invented := digest("1001", "guess", fmt.Sprint("invented", n))
				segment.Payload = []byte(forger.request("REGISTER", "1001", "1001", invented))
			}
			if n%4 == 3 {
				segment.Seq++
			}
			l.attackers.SendIP(segment.IP())
			if n%80 == 50 {
				if code := phone.register("1001", password("1001")); code != 200 {
					t.Errorf("%d segments forged as %s: the phone cannot register: %d", n, victim, code)
				}
			}
			<-pace.C
		}
	}
	if !l.connects(l.phones, "203.0.113.99") {
		t.Error("who never sent anything cannot connect")
	}
	for _, b := range s.bans() {
		if b.Action == "drop" || b.Prefix.Addr() == phone.local.Addr() {
			t.Errorf("blocked: %+v", b)
		}
	}
}
