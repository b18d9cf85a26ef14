package daemon

import (
	"slices"
	"testing"

	"github.com/sipward/sipward/internal/config"
)

// TestPortsWithoutSettings: what has been found is protected, and the settings
// overrule it.
func TestPortsWithoutSettings(t *testing.T) {
	d := &Daemon{config: &config.Config{}}
	want := func(name string, wantUDP, wantTCP []uint16) {
		t.Helper()
		if udp, tcp := d.ports(); !slices.Equal(udp, wantUDP) || !slices.Equal(tcp, wantTCP) {
			t.Errorf("%s: %v and %v, want %v and %v", name, udp, tcp, wantUDP, wantTCP)
		}
	}
	want("nothing found", []uint16{5060}, []uint16{5060})
	d.served = []config.Listen{{Port: 5080, Transport: "udp"}}
	want("one found", []uint16{5080}, nil)
	d.config.Listen = []config.Listen{{Port: 5061, Transport: "tls"}}
	want("the settings", nil, []uint16{5061})
}

func TestUnion(t *testing.T) {
	for _, test := range []struct{ before, found, want []int }{
		{nil, nil, nil}, {nil, []int{1}, []int{1}}, {[]int{1, 2}, nil, []int{1, 2}}, // a server that is away
		{[]int{1, 2}, []int{2, 3, 3}, []int{1, 2, 3}},
	} {
		if got := union(test.before, test.found); !slices.Equal(got, test.want) {
			t.Errorf("union(%v, %v) = %v", test.before, test.found, got)
		}
	}
}
