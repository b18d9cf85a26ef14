package host

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	dir, want := plantAll(t, "testdata/servers.txtar", "servers")
	m := &Machine{files: os.DirFS(dir)}
	got, err := m.Servers()
	must(t, err)
	if diff := cmp.Diff(want, spell(got)); diff != "" {
		t.Error(diff)
	}
}

func TestNoServers(t *testing.T) {
	dir := t.TempDir()
	m := &Machine{root: dir, files: os.DirFS(dir)}
	servers, err := m.Servers()
	must(t, err)
	if logs := m.Logs(); len(servers) != 0 || len(logs) != 0 {
		t.Errorf("on an empty machine: %v, %v", servers, logs)
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
		got := map[Transport][]string{}
		for _, p := range sipPorts(c.program, held) {
			got[p.Transport] = append(got[p.Transport], fmt.Sprint(p.Port))
		}
		if u, tcp := strings.Join(got[UDP], " "), strings.Join(got[TCP], " "); u != c.wantU || tcp != c.want {
			t.Errorf("%s, udp %v, tcp %v: got udp %s, tcp %s", c.program.name, c.udp, c.tcp, u, tcp)
		}
	}
}
