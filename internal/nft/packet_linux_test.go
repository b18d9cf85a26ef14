package nft

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// modes are the ways in which the kernel keeps the table.
var modes = []struct {
	name   string
	shared bool
}{{"owned", false}, {"shared", true}}

// TestVerdict sends one datagram for each row through the real kernel.
func TestVerdict(t *testing.T) {
	const bad4, bad6 = "203.0.113.66", "2001:db8:51::66"
	tests := []struct {
		name     string
		elements []Element
		from     string
		port     uint16
		pass     bool
	}{
		{"host dropped everywhere, protected port", []Element{element(DropAll, bad4, 0)}, bad4, sipPort, false},
		{"host dropped everywhere, other port", []Element{element(DropAll, bad4, 0)}, bad4, otherPort, false},
		{"host dropped everywhere, IPv6", []Element{element(DropAll, bad6, 0)}, bad6, otherPort, false},
		{"host dropped for SIP", []Element{element(DropSIP, bad4, 0)}, bad4, sipPort, false},
		{"host dropped for SIP, IPv6", []Element{element(DropSIP, bad6, 0)}, bad6, sipPort, false},
		{"prefix dropped everywhere", []Element{element(DropAll, "203.0.113.64/28", 0)}, bad4, otherPort, false},
		{"prefix dropped for SIP", []Element{element(DropSIP, "203.0.113.64/28", 0)}, bad4, sipPort, false},
		{"prefix dropped up to the last address", []Element{element(DropAll, "128.0.0.0/1", 0)}, bad4, otherPort, false},
		{"everything dropped", []Element{element(DropSIP, "0.0.0.0/0", 0)}, bad4, sipPort, false},
		{"/64 dropped everywhere", []Element{element(DropAll, "2001:db8:51::/64", 0)}, bad6, otherPort, false},
		{"/64 dropped for SIP", []Element{element(DropSIP, "2001:db8:51::/64", 0)}, bad6, sipPort, false},
		{"/48 dropped for SIP", []Element{element(DropSIP, "2001:db8:51::/48", 0)}, bad6, sipPort, false},
		{"/65 dropped everywhere", []Element{element(DropAll, "2001:db8:51::/65", 0)}, bad6, otherPort, false},
		{"mapped IPv4 address is the IPv4 address", []Element{element(DropAll, "::ffff:203.0.113.66", 0)}, bad4, sipPort, false},
		{"host held", []Element{element(Hold, bad4, 0)}, bad4, sipPort, false},
		{"/64 held", []Element{element(Hold, "2001:db8:51::/64", 0)}, bad6, sipPort, false},
		{"known good and held, a port that is not good", []Element{element(KnownGood, bad4, 0), element(Hold, bad4, 0),
			portOf(GoodPort, bad4, 1)}, bad4, sipPort, false},
		{"known good and held, IPv6", []Element{element(KnownGood, bad6, 0), element(Hold, bad6, 0)}, bad6, sipPort, false},

		{"host held, other port", []Element{element(Hold, bad4, 0)}, bad4, otherPort, true},
		{"known good and held, other port", []Element{element(KnownGood, bad4, 0), element(Hold, bad4, 0)}, bad4, otherPort, true},
		{"another port held", []Element{portOf(HoldPort, bad4, 1)}, bad4, sipPort, true},
		{"never-ban wins over hold", []Element{element(NeverBan, bad4, 0), element(Hold, bad4, 0)}, bad4, sipPort, true},
		{"no element", nil, bad4, sipPort, true},
		{"host dropped for SIP, other port", []Element{element(DropSIP, bad4, 0)}, bad4, otherPort, true},
		{"/64 dropped for SIP, other port", []Element{element(DropSIP, "2001:db8:51::/64", 0)}, bad6, otherPort, true},
		{"prefix dropped for SIP, other port", []Element{element(DropSIP, "203.0.113.64/28", 0)}, bad4, otherPort, true},
		{"neighbour of a dropped host", []Element{element(DropAll, "203.0.113.67", 0)}, bad4, sipPort, true},
		{"neighbour of a dropped prefix", []Element{element(DropAll, "203.0.113.68/30", 0)}, bad4, sipPort, true},
		{"neighbour of a dropped /64", []Element{element(DropAll, "2001:db8:51:1::/64", 0)}, bad6, sipPort, true},
		{"limited host within its burst", []Element{element(Limit, bad4, 0)}, bad4, sipPort, true},

		{"never-ban wins over drop", []Element{element(NeverBan, bad4, 0), element(DropAll, bad4, 0)}, bad4, sipPort, true},
		{"never-ban prefix wins over all", []Element{
			element(NeverBan, "2001:db8:51::/48", 0), element(DropAll, bad6, 0), element(DropSIP, "2001:db8:51::/64", 0),
			element(DropAll, "::/0", 0)}, bad6, sipPort, true},
		{"known good wins over drop", []Element{element(KnownGood, bad4, 0), element(DropAll, bad4, 0)}, bad4, sipPort, true},
		{"known good wins over a prefix", []Element{element(KnownGood, bad6, 0), element(DropSIP, "2001:db8:51::/48", 0)}, bad6, sipPort, true},
		{"never-ban of another address helps nobody", []Element{
			element(NeverBan, "203.0.113.65", 0), element(NeverBan, "203.0.113.67", 0), element(DropAll, bad4, 0)}, bad4, sipPort, false},
	}
	l := newLab(t)
	for _, mode := range modes {
		o := protected
		o.Shared = mode.shared
		table := open(t, l.server, o)
		l.before = 0
		for _, tt := range tests {
			t.Run(mode.name+"/"+tt.name, func(t *testing.T) {
				must(t, table.Rebuild(tt.elements))
				l.begin(t, table)
				send(t, l.dial(t, tt.from, tt.port), 1)
				if tt.pass {
					l.expect(t, table, 1, 0)
				} else {
					l.expect(t, table, 0, 1)
				}
			})
		}
		must(t, table.Clear())
		must(t, table.Close())
	}
}

// TestHeldPorts: of one address a held port is out and a good one in, whatever
// else is held; both with and without a shield.
func TestHeldPorts(t *testing.T) {
	l := newLab(t)
	table := open(t, l.server, protected)
	for _, addr := range []string{"203.0.113.66", "2001:db8:51::66"} {
		l.before = 0
		conn := l.dial(t, addr, sipPort)
		port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		for _, test := range []struct {
			name     string
			elements []Element
			pass     bool
		}{
			{"held", []Element{portOf(HoldPort, addr, port)}, false},
			{"held, of a known-good address", []Element{element(KnownGood, addr, 0), portOf(HoldPort, addr, port)}, false},
			{"held, although it was good", []Element{element(KnownGood, addr, 0), portOf(GoodPort, addr, port), portOf(HoldPort, addr, port)}, false},
			{"good, of an address that is not", []Element{portOf(GoodPort, addr, port), element(Hold, addr, 0)}, false},
			{"good, of a held address", []Element{element(KnownGood, addr, 0), portOf(GoodPort, addr, port), element(Hold, addr, 0)}, true},
		} {
			must(t, table.Rebuild(test.elements))
			l.begin(t, table)
			send(t, conn, 1)
			t.Log(addr, test.name)
			if test.pass {
				l.expect(t, table, 1, 0)
			} else {
				l.expect(t, table, 0, 1)
			}
		}
	}
}

// TestTCP connects; the protected ports of TCP are not those of UDP.
func TestTCP(t *testing.T) {
	l := newLab(t)
	table := open(t, l.server, protected)
	dial := func(from string, port int) error {
		var err error
		l.outside.Run(func() {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 300 * time.Millisecond}
			var conn net.Conn
			if conn, err = d.Dial("tcp", fmt.Sprintf("%v:%d", server4, port)); err == nil {
				conn.Close()
			}
		})
		return err
	}
	for _, port := range []int{5061, 5062} {
		l.server.ListenTCP(fmt.Sprintf("%v:%d", server4, port))
	}
	must(t, table.Apply([]Element{element(DropSIP, "203.0.113.66", 0)}, nil))
	if dial("203.0.113.66", 5061) == nil {
		t.Error("a dropped source connected to a protected port")
	}
	if n := totalDropped(t, table); n == 0 {
		t.Error("the drop was not counted")
	}
	must(t, dial("203.0.113.66", 5062))
	must(t, dial("203.0.113.67", 5061))

	must(t, table.SetPorts(nil, []uint16{5062}))
	must(t, dial("203.0.113.66", 5061))
	if dial("203.0.113.66", 5062) == nil {
		t.Error("a dropped source connected to a port protected later")
	}
	must(t, table.Verify())
}

// TestUrgentData: a segment with urgent data reaches no protected port, nobody's
// but who is never banned.
func TestUrgentData(t *testing.T) {
	l := newLab(t)
	table := open(t, l.server, protected)
	for _, test := range []struct {
		name     string
		elements []Element
		port     int
		want     string
	}{
		{"bad: anybody", nil, 5061, "a"},
		{"bad: known good", []Element{element(KnownGood, "203.0.113.20", 0)}, 5061, "a"},
		{"never banned", []Element{element(NeverBan, "203.0.113.20", 0)}, 5061, "ab"},
		{"another port", nil, 5062, "ab"},
	} {
		must(t, table.Rebuild(test.elements))
		listener := l.server.ListenTCP(fmt.Sprintf("%v:%d", server4, test.port))
		conn := l.outside.DialTCP("203.0.113.20:0", listener.Addr().String())
		served, err := listener.Accept()
		must(t, err)
		if _, err := conn.Write([]byte("a")); err != nil {
			t.Fatal(err)
		}
		raw, err := conn.(*net.TCPConn).SyscallConn()
		must(t, err)
		must(t, raw.Control(func(fd uintptr) { must(t, unix.Sendto(int(fd), []byte("b!"), unix.MSG_OOB, nil)) }))
		must(t, served.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		got, _ := io.ReadAll(served) // up to the deadline, and without the urgent "!"
		if string(got) != test.want {
			t.Errorf("%s: the server reads %q, want %q", test.name, got, test.want)
		}
		must(t, listener.Close())
	}
	must(t, table.Verify())
}

// TestEstablishedFlowIsCut has connection tracking in use, with the rule that
// lets established flows pass in most firewalls.
func TestEstablishedFlowIsCut(t *testing.T) {
	l := newLab(t)
	load(t, l.server, `table inet filter {
		chain input {
			type filter hook input priority 0; policy drop;
			ct state established,related accept
			udp dport 5060 ct state new limit rate 1/hour burst 1 packets accept
		}
	}`)
	table := open(t, l.server, protected)
	l.answers.Store(true)
	conn := l.dial(t, "203.0.113.66", sipPort)
	send(t, conn, 1)
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	l.expect(t, table, 1, 0)
	// The answer made the flow an established one; only as such may it go on.
	send(t, conn, 2)
	l.expect(t, table, 3, 0)

	must(t, table.Apply([]Element{element(DropSIP, "203.0.113.66", time.Minute)}, nil))
	send(t, conn, 5)
	l.expect(t, table, 3, 5)

	must(t, table.Apply(nil, []Element{element(DropSIP, "203.0.113.66", 0)}))
	send(t, conn, 2)
	l.expect(t, table, 5, 5)
}

// TestAtomicMove takes a source out of the known-good ones and drops it in one
// transaction.
func TestAtomicMove(t *testing.T) {
	l := newLab(t)
	table := open(t, l.server, protected)
	good, bad := element(KnownGood, "203.0.113.20", time.Hour), element(DropAll, "203.0.113.20", time.Hour)
	conn := l.dial(t, "203.0.113.20", sipPort)
	must(t, table.Apply([]Element{good}, nil))
	send(t, conn, 4)
	l.expect(t, table, 4, 0)
	must(t, table.Apply([]Element{bad}, []Element{good}))
	send(t, conn, 4)
	l.expect(t, table, 4, 4)

	// One bad element and nothing of the change happens.
	wantError(t, table.Apply([]Element{good, element(KnownGood, "203.0.113.0/24", 0)}, []Element{bad}), ErrElement)
	send(t, conn, 4)
	l.expect(t, table, 4, 8)
}

func TestLimits(t *testing.T) {
	// An hourly rate, so that nothing is refilled while the test runs.
	rate := func(burst uint32) Rate { return Rate{Packets: 1, Per: time.Hour, Burst: burst} }
	o := protected
	o.Limit, o.LimitSlow, o.LimitPort = rate(10), rate(5), rate(3)
	tests := []struct {
		name     string
		elements []Element
		from     string
		pass     int64 // of 20
	}{
		{"host", []Element{element(Limit, "203.0.113.66", time.Hour)}, "203.0.113.66", 10},
		{"host, IPv6", []Element{element(Limit, "2001:db8:51::66", time.Hour)}, "2001:db8:51::66", 10},
		{"/64", []Element{element(Limit, "2001:db8:51::/64", time.Hour)}, "2001:db8:51::66", 10},
		{"slow host", []Element{element(LimitSlow, "203.0.113.66", 0)}, "203.0.113.66", 5},
		{"slow /64", []Element{element(LimitSlow, "2001:db8:51::/64", 0)}, "2001:db8:51::66", 5},
		{"source port", []Element{elementPort("203.0.113.66", 5071)}, "203.0.113.66:5071", 3},
		{"source port, IPv6", []Element{elementPort("2001:db8:51::66", 5071)}, "[2001:db8:51::66]:5071", 3},
		{"source port of a known-good source", []Element{
			elementPort("203.0.113.20", 5071), element(KnownGood, "203.0.113.20", 0), element(Limit, "203.0.113.20", 0)},
			"203.0.113.20:5071", 3},
		{"another port of that source", []Element{
			elementPort("203.0.113.20", 5071), element(KnownGood, "203.0.113.20", 0), element(Limit, "203.0.113.20", 0)},
			"203.0.113.20:5072", 20},
		{"source port of a known-good source, IPv6", []Element{
			elementPort("2001:db8:51::20", 5071), element(KnownGood, "2001:db8:51::20", 0)}, "[2001:db8:51::20]:5071", 3},
		{"never-ban is not limited", []Element{
			elementPort("203.0.113.30", 5071), element(NeverBan, "203.0.113.30", 0)}, "203.0.113.30:5071", 20},
	}
	l := newLab(t)
	table := open(t, l.server, o)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			must(t, table.Rebuild(tt.elements))
			l.begin(t, table)
			send(t, l.dial(t, tt.from, sipPort), 20)
			l.expect(t, table, tt.pass, 20-tt.pass)
			state, found, err := table.Get(tt.elements[0])
			if err != nil || !found || int64(state.Packets) != 20-tt.pass && tt.pass != 20 {
				t.Errorf("Get: %+v, %v, %v: want %d packets", state, found, err, 20-tt.pass)
			}
		})
	}
}

// TestLimitRefills shows that the rate, not only the burst, is the kernel's.
func TestLimitRefills(t *testing.T) {
	l := newLab(t)
	o := protected
	o.Limit = Rate{Packets: 50, Per: time.Second, Burst: 1}
	table := open(t, l.server, o)
	must(t, table.Apply([]Element{element(Limit, "203.0.113.66", 0)}, nil))
	conn := l.dial(t, "203.0.113.66", sipPort)
	start := time.Now()
	eventually(t, "20 packets at 50 a second", func() bool {
		send(t, conn, 1)
		return l.received.Load() >= 20
	})
	if took := time.Since(start); took < 300*time.Millisecond {
		t.Errorf("20 packets took %v, want about 400 ms", took)
	}
}

func TestCounters(t *testing.T) {
	l := newLab(t)
	table := open(t, l.server, protected)
	must(t, table.Apply([]Element{
		element(DropAll, "203.0.113.66", time.Hour), element(DropAll, "203.0.113.67", time.Hour),
		element(DropSIP, "2001:db8:51::/64", 0), element(DropSIP, "203.0.113.128/25", 0),
		element(KnownGood, "203.0.113.20", 0), element(NeverBan, "203.0.113.30", 0),
	}, nil))
	send(t, l.dial(t, "203.0.113.66", sipPort), 3)
	send(t, l.dial(t, "203.0.113.67", otherPort), 4)
	send(t, l.dial(t, "2001:db8:51::1234", sipPort), 5)
	send(t, l.dial(t, "203.0.113.200", sipPort), 6)
	send(t, l.dial(t, "203.0.113.20", sipPort), 7)
	send(t, l.dial(t, "203.0.113.30", sipPort), 8)
	l.expect(t, table, 15, 18)

	counters, err := table.counters()
	must(t, err)
	for set, want := range map[Set]uint64{DropAll: 7, DropSIP: 11, KnownGood: 7, NeverBan: 8, Limit: 0} {
		if counters[set].Packets != want || (counters[set].Bytes > 0) != (want > 0) {
			t.Errorf("%v: %+v, want %d packets", set, counters[set], want)
		}
	}
	for _, tt := range []struct {
		e    Element
		want uint64
	}{
		{element(DropAll, "203.0.113.66", 0), 3},
		{element(DropAll, "203.0.113.67", 0), 4},
		{element(DropSIP, "2001:db8:51::/64", 0), 5},
		{element(DropSIP, "203.0.113.128/25", 0), 6},
	} {
		state, found, err := table.Get(tt.e)
		if err != nil || !found || state.Packets != tt.want {
			t.Errorf("Get %v: %+v, %v, %v: want %d packets", tt.e.Prefix, state, found, err, tt.want)
		}
	}
	if !table.refreshes {
		return
	}
	must(t, table.Apply([]Element{element(DropAll, "203.0.113.66", 2*time.Hour)}, nil))
	if state, _, _ := table.Get(element(DropAll, "203.0.113.66", 0)); state.Packets != 3 || state.Expires <= time.Hour {
		t.Errorf("after extending: %+v, want the counter kept and the time extended", state)
	}
}
