package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/hep"
)

// measured asks for figures rather than a quick look; `make bench` sets it.
func measured() bool { return os.Getenv("SIPWARD_BENCH") != "" }

// TestVerdictsBesideRubbish: broken HEP reports keep nobody from being judged,
// end no daemon, and are counted, as are the whole ones that find no room. What
// the flood does to the time from a packet to its verdict is for `make bench` to
// say: figures of a busy machine are no reason to fail.
func TestVerdictsBesideRubbish(t *testing.T) {
	modes, rounds, samples := []string{"enforce"}, 1, 20
	if measured() {
		modes, rounds, samples = []string{"monitor", "enforce"}, 21, 50
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			l := newBareLab(t)
			l.server.ListenUDP(serverAddress + ":5060") // nobody has to answer, but a closed port would
			l.server.ListenUDP(nobody)
			s := l.sipward("mode: " + mode + "\nmetrics: 127.0.0.1:9481\nlisten: [{port: 5060, transport: udp}]\nhep: {listen: [\"udp:" + ear + "\"]}\n")
			s.again()
			// A sender of whom nothing at all can be read is complained of.
			l.server.DialUDP("", ear).Write(wholeReport())
			took := map[string][]float64{}
			_, source := s.verdicts(netip.MustParseAddr("32.0.0.1"), samples) // what has just begun is slow
			broken := 0
			for range rounds {
				// Side by side in time, so that whatever else the machine does meets all.
				for _, f := range floods {
					stop := f.begin(l)
					var ms []float64
					ms, source = s.verdicts(source, samples)
					broken += stop()
					took[f.name] = append(took[f.name], ms...)
				}
			}
			idle := took[floods[0].name]
			for _, f := range floods {
				t.Logf("%-8s%-26s%5d verdicts  p50 %6.2f ms  p99 %6.2f ms  x%.2f  x%.2f", mode, f.name, len(took[f.name]),
					quantile(took[f.name], 0.5), quantile(took[f.name], 0.99), quantile(took[f.name], 0.5)/quantile(idle, 0.5), quantile(took[f.name], 0.99)/quantile(idle, 0.99))
			}
			if n := s.reports("malformed"); n == 0 || n > broken {
				t.Errorf("%d broken reports are counted of %d", n, broken)
			}
			stop := l.reported()
			eventually(t, 20*time.Second, "reports for which there is no room are counted", func() bool { return s.reports("dropped") > 0 })
			stop()
			if !measured() {
				s.sound() // a thousand limits that end while others begin look odd to a machine that is late
			}
		})
	}
}

// ear is where the daemon hears HEP, and nobody where what comes is not read.
const (
	ear    = "127.0.0.1:9060"
	nobody = "127.0.0.1:9061"
)

// A rubbishFlood is what comes to the place where HEP is heard meanwhile.
type rubbishFlood struct {
	name  string
	begin func(*lab) (stop func() int)
}

var floods = []rubbishFlood{
	{"quiet", func(*lab) func() int { return func() int { return 0 } }},
	{"10,000 broken a second", func(l *lab) func() int { return l.rubbish() }},
	// What a busy sender takes from everybody else on the machine is not ours.
	{"all one sends, to nobody", func(l *lab) func() int {
		stop := l.tell(nobody, brokenReports(), false)
		return func() int { stop(); return 0 }
	}},
	{"all one sends", func(l *lab) func() int { return l.tell(ear, brokenReports(), false) }},
}

// quantile is the value that so much of a list does not exceed.
func quantile(list []float64, part float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

// verdicts lets scanners ask one by one, each from a network of its own and with
// the mark of its tool, which is worth a limit at once; not so fast that it would
// be taken for a flood of forged sources. It gives how many milliseconds after
// each packet the limit stood, and the address after them.
func (s *sipward) verdicts(from netip.Addr, count int) (took []float64, next netip.Addr) {
	s.t.Helper()
	began := time.Now()
	pace := time.NewTicker(31 * time.Millisecond) // in no step with the daemon's own clock
	defer pace.Stop()
	server := netip.MustParseAddrPort(serverAddress + ":5060")
	want := map[netip.Addr]bool{}
	for next = from; count > 0; count-- {
		<-pace.C
		local := netip.AddrPortFrom(next, 5060)
		s.attackers.Spoof(local, server, scanner(local))
		want[next] = true
		next = elsewhere(next)
	}
	eventually(s.t, 10*time.Second, "every scanner has its verdict", func() bool {
		took = took[:0]
		err := s.control().Events(context.Background(), control.EventQuery{Since: began.Add(-time.Second)}, func(r control.EventRecord) error {
			if r.Type == "ban" && r.Rule == "tool" && r.TookMS > 0 && want[r.Prefix.Addr()] {
				took = append(took, r.TookMS)
			}
			return nil
		})
		return err == nil && len(took) == len(want)
	})
	return took, next
}

// elsewhere is an address of the next network of 256.
func elsewhere(a netip.Addr) netip.Addr {
	b := a.As4()
	if b[2]++; b[2] == 0 {
		b[1]++
	}
	return netip.AddrFrom4(b)
}

// scanner is svmap's request.
func scanner(from netip.AddrPort) []byte {
	tag := hex.EncodeToString(fmt.Appendf(nil, "c000020a13c4\x01%d", from.Addr().As4()[2]))
	return fmt.Appendf(nil, "OPTIONS sip:100@%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bK-%[3]s;rport\r\nFrom: \"sipvicious\" <sip:100@1.1.1.1>;tag=%[3]s\r\n"+
		"To: \"sipvicious\" <sip:100@1.1.1.1>\r\nCall-ID: %[4]x\r\nCSeq: 1 OPTIONS\r\nContact: <sip:100@%[2]s>\r\nMax-Forwards: 70\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n",
		serverAddress, from, tag, from.Addr().As4())
}

// reports is how many HEP packets met with this fate.
func (s *sipward) reports(fate string) int {
	s.t.Helper()
	found := regexp.MustCompile(`(?m)^sipward_hep_total\{result="` + fate + `",source="[^"]*"\} (\S+)$`).FindStringSubmatch(s.page("/metrics", 200))
	if found == nil {
		s.t.Fatalf("the metrics have no HEP packets that are %s", fate)
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return int(n)
}

// wholeReport is one about a server that the capture does not read.
func wholeReport() []byte {
	return hep.Append(nil, &hep.Packet{Src: netip.MustParseAddrPort("198.51.100.1:5061"), Dst: netip.MustParseAddrPort(serverAddress + ":5061"),
		Carrier: hep.TLS, Type: hep.SIP, Payload: []byte(strings.ReplaceAll((&client{local: netip.MustParseAddrPort("198.51.100.1:5061")}).request("REGISTER", "1005", "1005", ""), "/UDP", "/TLS"))})
}

// brokenReports are that are none: pieces, and each chunk with wrong lengths.
func brokenReports() [][]byte {
	whole := wholeReport()
	list := [][]byte{whole[:7], whole[:len(whole)-1], []byte("HEP3\x00\x00"), []byte("HEP3\x00\x14 and some words")}
	for at := 6; at < len(whole); at += int(whole[at+4])<<8 | int(whole[at+5]) {
		for _, length := range []int{0, 5, 0xffff} {
			spoiled := slices.Clone(whole)
			spoiled[at+4], spoiled[at+5] = byte(length>>8), byte(length)
			list = append(list, spoiled)
		}
	}
	return list
}

// rubbish sends broken reports, ten thousand a second, until the function it
// returns is called, which says how many.
func (l *lab) rubbish() (stop func() int) { return l.tell(ear, brokenReports(), true) }

// reported sends whole reports, as fast as one sends.
func (l *lab) reported() (stop func() int) { return l.tell(ear, [][]byte{wholeReport()}, false) }

// tell sends packets to an address, ten each millisecond or as fast as one sends,
// for ten seconds at most.
func (l *lab) tell(to string, packets [][]byte, paced bool) (stop func() int) {
	conn := l.server.DialUDP("", to)
	end, count := make(chan struct{}), make(chan int)
	go func() {
		defer conn.Close()
		pace := time.NewTicker(time.Millisecond)
		defer pace.Stop()
		sent := 0
		for over := time.Now().Add(10 * time.Second); time.Now().Before(over); {
			for range 10 {
				conn.Write(packets[sent%len(packets)]) // refused while nobody hears
				sent++
			}
			if paced {
				<-pace.C
			}
			select {
			case <-end:
				count <- sent
				return
			default:
			}
		}
		<-end
		count <- sent
	}()
	return func() int { close(end); return <-count }
}
