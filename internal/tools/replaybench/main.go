// Command replaybench measures `sipward replay` on a capture of its own
// making: speed, memory, and whether two runs give the same verdicts.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
)

func main() {
	binary := flag.String("binary", "", "the sipward to measure")
	messages := flag.Int("messages", 1_000_000, "how many SIP messages the capture holds")
	seed := flag.Uint64("seed", 1, "seed of the traffic")
	flag.Parse()
	if err := run(*binary, *messages, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "replaybench:", err)
		os.Exit(1)
	}
}

// run writes a capture, replays it twice, and compares what the two say.
func run(binary string, messages int, seed uint64) error {
	dir, err := os.MkdirTemp("", "replaybench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	capture := filepath.Join(dir, "traffic.pcap")
	if err := write(capture, messages, seed); err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	var first []byte
	for i := range 2 {
		out, took, used, err := replay(binary, capture)
		if err != nil {
			return err
		}
		cpu := time.Duration(used.Utime.Nano() + used.Stime.Nano())
		fmt.Printf("replay  %d messages in %.2f s, %.2f s of CPU: %.0f messages/s, peak %d MB\n",
			messages, took.Seconds(), cpu.Seconds(), float64(messages)/took.Seconds(), used.Maxrss>>10)
		if i == 0 {
			first = out
		} else if !bytes.Equal(first, out) {
			return fmt.Errorf("two runs of one capture gave different verdicts")
		}
	}
	fmt.Printf("        %d findings and bans, the same in both runs\n", bytes.Count(first, []byte("\n"))-1)
	return nil
}

// replay runs the binary once.
func replay(binary, capture string) (out []byte, took time.Duration, used *syscall.Rusage, err error) {
	cmd := exec.Command(binary, "replay", "--json", capture)
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err = cmd.Output()
	if err != nil {
		return nil, 0, nil, fmt.Errorf("replay: %w", err)
	}
	return out, time.Since(began), cmd.ProcessState.SysUsage().(*syscall.Rusage), nil
}

// traffic writes a mix of phones, offices and attackers.
type traffic struct {
	out     *pcap.Writer
	now     time.Time
	random  *rand.Rand
	written int
	frame   []byte
	err     error
}

var server = netip.MustParseAddrPort("192.0.2.10:5060")

// write makes the capture: mostly phones that register and call, and now and then
// somebody who scans or guesses.
func write(name string, messages int, seed uint64) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	buffered := bufio.NewWriterSize(file, 1<<20)
	out, err := pcap.NewWriter(buffered, uint32(packet.RawIP))
	if err != nil {
		return err
	}
	t := &traffic{out: out, now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), random: rand.New(rand.NewPCG(seed, 2))}
	for t.written < messages && t.err == nil {
		switch n := t.random.IntN(1000); {
		case n < 970:
			t.register(phone(t.random.IntN(20000)), 200)
		case n < 985:
			t.attack(t.register401)
		default:
			t.attack(t.scan)
		}
	}
	if t.err != nil {
		return t.err
	}
	return buffered.Flush()
}

func phone(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(n >> 8), byte(n)}), 5060)
}

func attacker(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 5060)
}

// register is a REGISTER, its challenge, the answer, and how that ends.
func (t *traffic) register(from netip.AddrPort, status int) {
	d := dialog{id: t.random.Uint64(), user: fmt.Sprint(1000 + int(from.Addr().As4()[3])), cseq: 1}
	t.request(from, d)
	d.nonce = t.nonce()
	t.reply(from, 401, d)
	d.cseq = 2
	t.request(from, d)
	d.nonce = ""
	if status != 200 {
		d.nonce = t.nonce()
	}
	t.reply(from, status, d)
}

// dialog is what the messages of one registration have in common.
type dialog struct {
	id    uint64
	user  string
	cseq  int
	nonce string
}

func (t *traffic) nonce() string { return fmt.Sprintf("%016x", t.random.Uint64()) }

// attack is ten steps of one attacker.
func (t *traffic) attack(step func(netip.AddrPort)) {
	from := attacker(t.random.IntN(500))
	for range 10 {
		step(from)
	}
}

func (t *traffic) register401(from netip.AddrPort) { t.register(from, 401) }

// scan is a REGISTER for some number, whose challenge nobody heeds.
func (t *traffic) scan(from netip.AddrPort) {
	d := dialog{id: t.random.Uint64(), user: fmt.Sprint(t.random.IntN(10000)), cseq: 1}
	t.request(from, d)
	d.nonce = t.nonce()
	t.reply(from, 401, d)
}

// request is what a phone sends; with a nonce it answers a challenge.
func (t *traffic) request(from netip.AddrPort, d dialog) {
	auth := ""
	if d.nonce != "" {
		auth = fmt.Sprintf("Authorization: Digest username=%q, realm=\"bench\", nonce=%q, uri=\"sip:192.0.2.10\", response=\"%032x\"\r\n",
			d.user, d.nonce, t.random.Uint64())
	}
	t.put(from, server, fmt.Sprintf("REGISTER sip:192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP %[1]s;branch=z9hG4bK%[2]x.%[3]d;rport\r\n"+
		"Max-Forwards: 70\r\nFrom: <sip:%[4]s@192.0.2.10>;tag=%[2]x\r\nTo: <sip:%[4]s@192.0.2.10>\r\nCall-ID: %[2]x\r\n"+
		"CSeq: %[3]d REGISTER\r\nContact: <sip:%[4]s@%[1]s>\r\n%[5]sUser-Agent: Yealink SIP-T46U 108.86.0.20\r\n"+
		"Expires: 600\r\nContent-Length: 0\r\n\r\n", from, d.id, d.cseq, d.user, auth))
}

// reply is the server's; with a nonce it is a challenge.
func (t *traffic) reply(to netip.AddrPort, status int, d dialog) {
	challenge := ""
	if d.nonce != "" {
		challenge = fmt.Sprintf("WWW-Authenticate: Digest realm=\"bench\", nonce=%q, algorithm=MD5\r\n", d.nonce)
	}
	t.put(server, to, fmt.Sprintf("SIP/2.0 %[1]d Answer\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bK%[3]x.%[4]d;rport=%[5]d\r\n"+
		"From: <sip:%[6]s@192.0.2.10>;tag=%[3]x\r\nTo: <sip:%[6]s@192.0.2.10>;tag=%[3]x9\r\nCall-ID: %[3]x\r\n"+
		"CSeq: %[4]d REGISTER\r\n%[7]sContent-Length: 0\r\n\r\n", status, to, d.id, d.cseq, to.Port(), d.user, challenge))
}

// put writes a packet a little later than the one before.
func (t *traffic) put(from, to netip.AddrPort, text string) {
	t.now = t.now.Add(time.Duration(100+t.random.IntN(2000)) * time.Microsecond)
	t.frame = packet.BuildUDP(from, to, []byte(text))
	if err := t.out.Write(t.now, t.frame); err != nil {
		t.err = err
	}
	t.written++
}
