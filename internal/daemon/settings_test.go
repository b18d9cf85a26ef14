package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/host"
)

func TestPorts(t *testing.T) {
	for _, test := range []struct {
		name     string
		listen   []config.Listen
		udp, tcp []uint16
	}{
		{"one", []config.Listen{{Port: 5060, Transport: "udp"}}, []uint16{5060}, nil},
		{"streams are TCP to the kernel", []config.Listen{{Port: 5061, Transport: "tls"}, {Port: 8088, Transport: "ws"}, {Port: 5060, Transport: "tcp"}},
			nil, []uint16{5060, 5061, 8088}},
		{"each once, in order", []config.Listen{{Port: 5080, Transport: "udp"}, {Port: 5060, Transport: "udp"}, {Port: 5080, Transport: "udp"}},
			[]uint16{5060, 5080}, nil},
	} {
		d := &Daemon{config: &config.Config{Listen: test.listen}}
		if udp, tcp := d.ports(); !slices.Equal(udp, test.udp) || !slices.Equal(tcp, test.tcp) {
			t.Errorf("%s: %v and %v, want %v and %v", test.name, udp, tcp, test.udp, test.tcp)
		}
	}
}

// TestWithoutInterfaces nothing is watched, rather than everything.
func TestWithoutInterfaces(t *testing.T) {
	if got := indexes(nil); !slices.Equal(got, []int{0}) {
		t.Errorf("watches %v", got)
	}
	if got := indexes([]host.Interface{{Index: 7}, {Index: 3}}); !slices.Equal(got, []int{3, 7}) {
		t.Errorf("watches %v", got)
	}
}

func TestMissingInterface(t *testing.T) {
	r := newRig(t, nil)
	r.config.Interfaces = []string{"lo", "sipward-none"}
	if found := r.findInterfaces(); len(found) != 1 || found[0].Name != "lo" {
		t.Errorf("found %+v", found)
	}
	r.sentences("there is no sipward-none")
	r.config.Interfaces = []string{"lo"}
	r.findInterfaces()
	r.sentences()
}

func TestFindLogs(t *testing.T) {
	r := newRig(t, nil)
	r.config.Logs = []config.Log{{File: "/var/log/messages", Format: "kamailio"}}
	if got := r.findLogs(); !slices.Equal(got, r.config.Logs) { // what is named is followed, readable or not
		t.Errorf("follows %+v", got)
	}
}

func TestPosts(t *testing.T) {
	r := newRig(t, nil)
	r.config.Allow = []netip.Prefix{prefix("198.51.100.0/24")}
	r.config.Trunks = []netip.Prefix{prefix("203.0.113.7")}
	r.guard.Protect(r.posts(), time.Now())
	for text, reason := range map[string]string{"198.51.100.7": "allow-list", "203.0.113.7": "trunk", "203.0.113.99": ""} {
		post, held := r.fence.Holds(prefix(text))
		if held != (reason != "") || !strings.Contains(post.Reason, reason) {
			t.Errorf("%s: %+v, %v", text, post, held)
		}
	}
}

func TestWaitingForARestart(t *testing.T) {
	running := config.Default()
	wanted := *running
	wanted.Mode, wanted.Allow = config.Enforce, []netip.Prefix{prefix("198.51.100.7")} // a reload is enough
	if err := waiting(running, &wanted); err != nil {
		t.Errorf("waits: %v", err)
	}
	wanted.State, wanted.LongestBan, wanted.BanAll, wanted.Metrics = "/tmp", time.Hour, true, netip.AddrPort{}
	if err := waiting(running, &wanted); err == nil || err.Error() != "ban.longest, ban.scope, metrics, state" {
		t.Errorf("waits: %v", err)
	}
}

// TestReloadWithoutResources: settings in order that the machine cannot carry out
// are no wrong settings, and the old ones stay.
func TestReloadWithoutResources(t *testing.T) {
	r := newRig(t, nil)
	wanted := config.Default()
	for port := range uint16(65) { // one more than the kernel's filter takes
		wanted.Listen = append(wanted.Listen, config.Listen{Port: 5060 + port, Transport: "udp"})
	}
	r.options.Load = func() (*config.Config, error) { return wanted, nil }
	before, senses := r.config, r.senses
	err := r.reload()
	p, told := errors.AsType[*control.Problem](err)
	if !told || p.Kind != nil || !strings.Contains(p.What, "in order") || !strings.Contains(p.Why, "more than 64") {
		t.Errorf("reload: %v", err)
	}
	if r.config != before || r.senses != senses {
		t.Error("the old settings do not stay")
	}
}

// TestReloadOfWrongSettings changes nothing.
func TestReloadOfWrongSettings(t *testing.T) {
	r := newRig(t, nil)
	wrong := errors.New("no such key")
	r.options.Load = func() (*config.Config, error) { return nil, wrong }
	before := r.config
	if err := r.reload(); !errors.Is(err, wrong) || r.config != before {
		t.Errorf("reload: %v", err)
	}
	ended := false
	r.end = func() { ended = true }
	if err := r.stop(true); err != nil || !ended {
		t.Errorf("stop: %v", err)
	}
	r.options.Load = func() (*config.Config, error) { return config.Default(), nil }
	if err := r.reload(); err == nil || r.config != before {
		t.Errorf("a reload after the stop: %v", err)
	}
}
