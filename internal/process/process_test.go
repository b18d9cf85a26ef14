package process

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/plant"
)

// spell writes servers as testdata does.
func spell(servers []Server) string {
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "%s %q %d:", s.Name, s.Process, s.PID)
		for _, p := range s.Ports {
			fmt.Fprintf(&b, " %s/%d", p.Transport, p.Port)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestServers(t *testing.T) {
	dir, want := plant.All(t, "testdata/servers.txtar", "servers")
	got, err := Servers(os.DirFS(dir))
	must(t, err)
	if diff := cmp.Diff(want, spell(got)); diff != "" {
		t.Error(diff)
	}
}

func TestNoServers(t *testing.T) {
	servers, err := Servers(os.DirFS(t.TempDir()))
	must(t, err)
	if len(servers) != 0 {
		t.Errorf("on an empty machine: %v", servers)
	}
}

func TestSIPPorts(t *testing.T) {
	asterisk, kamailio := programs[0], programs[2]
	for _, c := range []struct {
		program     program
		udp, tcp    []uint16
		wantU, want string
	}{
		{asterisk, nil, nil, "", ""},
		{asterisk, []uint16{4569, 2727, 4520, 5000, 5353, 3478}, []uint16{5038, 8088, 8089, 2000}, "", ""},
		{asterisk, []uint16{10000, 10001, 14002, 20001, 40000}, nil, "", ""},
		{asterisk, []uint16{6000, 6001, 7002, 7003}, nil, "", ""}, // speech, by rtp.conf
		{asterisk, []uint16{5060, 5061}, nil, "5060 5061", ""},
		{asterisk, []uint16{5060}, []uint16{5061, 5062, 5066}, "5060", "5061 5062 5066"},
		{asterisk, []uint16{6050}, []uint16{6050, 6051, 6052}, "6050", "6050 6051"},
		{asterisk, []uint16{15060, 15061}, []uint16{15060}, "15060", "15060"},
		{asterisk, []uint16{4569}, []uint16{4569, 4570}, "", ""},
		{kamailio, []uint16{15060, 15061, 9060, 32768, 50000}, []uint16{15062, 2049}, "15060 15061", "15062"},
		{kamailio, []uint16{53}, []uint16{53, 54}, "", ""},
		{asterisk, []uint16{65534, 65535}, []uint16{65535}, "65535", "65535"},
	} {
		var held []socket
		for _, p := range c.udp {
			held = append(held, socket{at: Port{p, UDP}}, socket{at: Port{p, UDP}}) // both families
		}
		for _, p := range c.tcp {
			held = append(held, socket{at: Port{p, TCP}})
		}
		got := map[string][]string{}
		for _, p := range sipPorts(c.program, held) {
			got[p.Transport] = append(got[p.Transport], fmt.Sprint(p.Port))
		}
		if u, tcp := strings.Join(got[UDP], " "), strings.Join(got[TCP], " "); u != c.wantU || tcp != c.want {
			t.Errorf("%s, udp %v, tcp %v: got udp %s, tcp %s", c.program.name, c.udp, c.tcp, u, tcp)
		}
	}
}

// TestFamilies: processes belong to the one they all descend from, whatever a
// table says that is read while it changes.
func TestFamilies(t *testing.T) {
	for _, c := range []struct{ name, processes, want string }{
		{"none", "1 0 systemd\n50 1 bash", ""},
		{"alone", "1 0 systemd\n50 1 asterisk", "50"},
		{"in a container", "1 0 asterisk", "1"},
		{"children", "1 0 systemd\n50 1 kamailio\n51 50 kamailio\n52 50 kamailio", "50 51 52"},
		{"grandchildren", "1 0 systemd\n50 1 opensips\n51 50 opensips\n52 51 opensips", "50 51 52"},
		{"a child with a lower number", "1 0 systemd\n50 90 kamailio\n90 1 kamailio", "90 50"},
		{"two of a kind", "1 0 systemd\n50 1 kamailio\n60 1 kamailio\n61 60 kamailio\n51 50 kamailio", "50 51, 60 61"},
		{"one started by another", "1 0 systemd\n50 1 asterisk\n51 50 kamailio", "50, 51"},
		{"a shell between", "1 0 systemd\n50 1 asterisk\n51 50 sh\n52 51 asterisk", "50, 52"},
		{"the parent is gone", "52 51 kamailio", "52"},
		{"its own parent", "50 50 kamailio", "50"},
		{"a circle", "50 51 kamailio\n51 50 kamailio", "50, 51"},
	} {
		var processes []process
		for line := range strings.Lines(c.processes) {
			var p process
			if _, err := fmt.Sscan(line, &p.pid, &p.parent, &p.name); err != nil {
				t.Fatal(err)
			}
			processes = append(processes, p)
		}
		var got []string
		for _, f := range families(processes) {
			var members []string
			for _, p := range f.members {
				members = append(members, fmt.Sprint(p.pid))
			}
			got = append(got, strings.Join(members, " "))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: got %s, want %s", c.name, strings.Join(got, ", "), c.want)
		}
	}
}

func TestReadSocket(t *testing.T) {
	const rest = " 00000000:00000000 00:00000000 00000000   108        0 1001 2 0000000000000000 0"
	for _, c := range []struct {
		line      string
		transport string
		want      string
	}{
		{"", UDP, "nothing"},
		{"   5: 00000000:13C4 00000000:0000 07 00000000:00000000", UDP, "nothing"},
		{"   5: 0000:13C4 00000000:0000 07" + rest, UDP, "nothing"},
		{"   5: 000000:13C4 00000000:0000 07" + rest, UDP, "nothing"},
		{"   5: 00000000 00000000:0000 07" + rest, UDP, "nothing"},
		{"   5: 00000000:113C4 00000000:0000 07" + rest, UDP, "nothing"},
		{"   5: 00000000:-1 00000000:0000 07" + rest, UDP, "nothing"},
		{"   5: gggggggg:13C4 00000000:0000 07" + rest, UDP, "nothing"},
		{"   5: 00000000:13C4 00000000:0000 07" + strings.Replace(rest, "1001", "-1", 1), UDP, "nothing"},

		{"   5: 00000000:13C4 00000000:0000 07" + rest, UDP, "udp/5060 1001 open"},
		{"   5: 0A0200C0:13C4 090071CB:13C4 01" + rest, UDP, "udp/5060 1001"},
		{"   5: 00000000:13C4 00000000:0000 0A" + rest, TCP, "tcp/5060 1001 open"},
		{"   5: 0A0200C0:13C4 090071CB:8000 01" + rest, TCP, "tcp/5060 1001"},
		{"   5: 00000000:13C4 00000000:0000 07" + rest, TCP, "tcp/5060 1001"},
		{"   5: " + loopback4 + ":13C4 00000000:0000 07" + rest, UDP, "udp/5060 1001 open here"},
		{"   5: 00000000000000000000000000000000:13C4 00000000000000000000000000000000:0000 07" + rest, UDP, "udp/5060 1001 open"},
		{"   5: 000000000000000000000000" + loopback6 + ":13C4 00000000000000000000000000000000:0000 07" + rest, UDP, "udp/5060 1001 open here"},
		{"   5: 0000000000000000" + mapped + loopback4 + ":13C4 00000000000000000000000000000000:0000 0A" + rest, TCP, "tcp/5060 1001 open here"},
	} {
		got := "nothing"
		if s, ok := readSocket(c.line, c.transport); ok {
			got = fmt.Sprintf("%s/%d %d", s.at.Transport, s.at.Port, s.inode)
			for _, mark := range []struct {
				set  bool
				name string
			}{{s.open, " open"}, {s.here, " here"}} {
				if mark.set {
					got += mark.name
				}
			}
		}
		if got != c.want {
			t.Errorf("%s %q: got %s, want %s", c.transport, c.line, got, c.want)
		}
	}
}

// Words of addresses as the kernel of this machine prints them.
var (
	loopback4 = word(127, 0, 0, 1)
	loopback6 = word(0, 0, 0, 1)
	mapped    = word(0, 0, 0xff, 0xff)
)

func word(bytes ...byte) string { return fmt.Sprintf("%08X", binary.NativeEndian.Uint32(bytes)) }

// TestListeningFirst: behind the listening sockets the table of connections is
// not read on, however long it is.
func TestListeningFirst(t *testing.T) {
	dir := t.TempDir()
	const line = "   0: 00000000:%04X 00000000:0000 %s 00000000:00000000 00:00000000 00000000   108        0 %d 1 0\n"
	plant.File(t, dir, "proc/net/tcp", "title\n"+
		fmt.Sprintf(line, 5060, tcpListening, 1)+fmt.Sprintf(line, 5061, tcpListening, 2)+
		fmt.Sprintf(line, 5060, "01", 3)+fmt.Sprintf(line, 5062, tcpListening, 4))
	plant.File(t, dir, "proc/net/udp", "title\n"+
		fmt.Sprintf(line, 5060, "01", 5)+fmt.Sprintf(line, 5062, udpUnconnected, 6))
	sockets, err := readSockets(os.DirFS(dir), "proc/net")
	must(t, err)
	if got := fmt.Sprint(ports(sockets)); got != "[{5060 tcp} {5061 tcp} {5062 udp}]" {
		t.Errorf("got %s", got)
	}
	plant.File(t, dir, "broken/net/tcp", "-> tcp")
	if _, err := readSockets(os.DirFS(dir), "broken/net"); err == nil {
		t.Error("no error for a table that cannot be read")
	}
}
