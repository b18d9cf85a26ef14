package nft

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/testnet"
)

// patience is how long a test waits for what the kernel does at once on an
// idle machine.
const patience = 10 * time.Second

const (
	sipPort   = 5060 // protected
	otherPort = 5090
)

var (
	protected = Options{UDP: []uint16{5060}, TCP: []uint16{5060, 5061}}
	server4   = netip.MustParseAddr("192.0.2.10")
	server6   = netip.MustParseAddr("2001:db8:2::10")
)

// A lab is a server with our table and the outside it is protected from.
type lab struct {
	server, outside *testnet.Host
	received        atomic.Int64 // datagrams on both ports of the server
	answers         atomic.Bool  // whether the server answers them
	before          int64        // drops counted before the last begin
}

func newLab(t testing.TB) *lab {
	t.Helper()
	net := testnet.New(t)
	l := &lab{
		server:  net.Add("server", "192.0.2.10/24", "2001:db8:2::10/64"),
		outside: net.Add("outside", "203.0.113.0/24", "2001:db8:51::/48"),
	}
	for _, port := range []int{sipPort, otherPort} {
		l.count(t, l.server.ListenUDP(fmt.Sprintf("%v:%d", server4, port)))
		l.count(t, l.server.ListenUDP(fmt.Sprintf("[%v]:%d", server6, port)))
	}
	return l
}

// count counts what a socket of the server receives.
func (l *lab) count(t testing.TB, conn *net.UDPConn) {
	t.Helper()
	must(t, conn.SetReadBuffer(8<<20))
	go func() {
		buffer := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			l.received.Add(1)
			if l.answers.Load() {
				_, _ = conn.WriteToUDPAddrPort(buffer[:n], from)
			}
		}
	}()
}

// dial opens a socket from an outside address (with or without a port) to a
// port of the server.
func (l *lab) dial(t testing.TB, from string, port uint16) *net.UDPConn {
	t.Helper()
	local, err := netip.ParseAddrPort(from)
	if err != nil {
		local = netip.AddrPortFrom(netip.MustParseAddr(from), 0)
	}
	to := server4
	if local.Addr().Is6() {
		to = server6
	}
	return l.outside.DialUDP(local.String(), netip.AddrPortFrom(to, port).String())
}

// open opens the table in a host and closes it after the test.
func open(t testing.TB, h *testnet.Host, o Options) *Table {
	t.Helper()
	table, err := tryOpen(h, o)
	must(t, err)
	t.Cleanup(func() { table.Close() }) // a second close is harmless
	return table
}

func tryOpen(h *testnet.Host, o Options) (table *Table, err error) {
	h.Run(func() { table, err = Open(o) })
	return table, err
}

// newTable opens a table in a namespace of its own.
func newTable(t testing.TB, o Options) (*Table, *testnet.Host) {
	t.Helper()
	h := testnet.New(t).Router()
	return open(t, h, o), h
}

// load feeds a ruleset to nft inside the host.
func load(t testing.TB, h *testnet.Host, ruleset string) {
	t.Helper()
	c := h.Command("nft", "-f", "-")
	c.Stdin = strings.NewReader(ruleset)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("load ruleset: %v\n%s", err, out)
	}
}

// refused runs an nft command inside the host that must fail.
func refused(t testing.TB, h *testnet.Host, command string) {
	t.Helper()
	if out, err := h.Command("nft", command).CombinedOutput(); err == nil {
		t.Errorf("nft %s: succeeded, want a refusal\n%s", command, out)
	}
}

// list is what an administrator sees of the table, without what changes by
// itself: counters, times, and the program that owns it.
func list(t testing.TB, h *testnet.Host) string {
	t.Helper()
	head, rest, _ := strings.Cut(h.Exec("nft", "--stateless", "list", "table", "inet", "sipward"), "\n")
	head, _, _ = strings.Cut(head, " #")
	return head + "\n" + rest
}

// send sends n datagrams.
func send(t testing.TB, conn *net.UDPConn, n int) {
	t.Helper()
	for range n {
		if _, err := conn.Write([]byte("OPTIONS sip:a@b SIP/2.0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not after %v", what, patience)
		case <-tick.C:
		}
	}
}

// begin makes expect count from here.
func (l *lab) begin(t testing.TB, table *Table) {
	t.Helper()
	l.received.Store(0)
	l.before = totalDropped(t, table)
}

// expect waits until the server has received passed datagrams and the table
// has dropped dropped ones. Together they are all that was sent, so nothing is
// left on the way.
func (l *lab) expect(t testing.TB, table *Table, passed, dropped int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d passed and %d dropped", passed, dropped), func() bool {
		return l.received.Load() == passed && totalDropped(t, table)-l.before == dropped
	})
}

func totalDropped(t testing.TB, table *Table) int64 {
	t.Helper()
	counters, err := table.counters()
	if err != nil {
		t.Fatal(err)
	}
	var total uint64
	for _, set := range []Set{DropAll, DropSIP, HoldPort, LimitPort, Hold, Limit, LimitSlow} {
		total += counters[set].Packets
	}
	return int64(total)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func element(set Set, prefix string, timeout time.Duration) Element {
	if !strings.Contains(prefix, "/") {
		a := netip.MustParseAddr(prefix)
		return Element{Set: set, Prefix: netip.PrefixFrom(a, a.BitLen()), Timeout: timeout}
	}
	return Element{Set: set, Prefix: netip.MustParsePrefix(prefix), Timeout: timeout}
}

func elementPort(addr string, port uint16) Element { return portOf(LimitPort, addr, port) }

func portOf(set Set, addr string, port uint16) Element {
	e := element(set, addr, 0)
	e.Port = port
	return e
}

// many returns n different hosts of a set, half of them IPv6.
func many(set Set, n int, timeout time.Duration) []Element {
	out := make([]Element, 0, n)
	for i := range n {
		a := netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)})
		if i%2 == 1 {
			a = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 9, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
		}
		out = append(out, Element{Set: set, Prefix: netip.PrefixFrom(a, a.BitLen()), Timeout: timeout})
	}
	return out
}

// counters is how many packets each set has decided about since the table was
// made.
func (t *Table) counters() (map[Set]Count, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rules, err := t.list(unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, unix.NFTA_RULE_CHAIN)
	if err != nil {
		return nil, explain("read counters", err)
	}
	out := map[Set]Count{}
	for _, set := range allSets() {
		out[set] = Count{}
	}
	for _, c := range t.layout.chains {
		if len(rules[c.name]) != len(c.rules) {
			return nil, fmt.Errorf("read counters: chain %s: %w", c.name, ErrChanged)
		}
		for i, r := range c.rules {
			if r.set == 0 {
				continue
			}
			total := out[r.set]
			for _, expression := range each(find(rules[c.name][i], unix.NFTA_RULE_EXPRESSIONS)) {
				total.read(expression)
			}
			out[r.set] = total
		}
	}
	return out, nil
}

// owned says whether nobody else can change the table.
func (t *Table) owned() bool { return t.layout.can.owner }
