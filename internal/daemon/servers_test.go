package daemon

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/host"
	"github.com/sipward/sipward/internal/pbx"
)

// plant makes a file on the rig's machine and gives its path.
func (r *rig) plant(name, text string) string {
	r.t.Helper()
	r.config.Logs = []config.Log{{File: "/nowhere"}} // so that no wire is opened
	r.senses.wanted = r.config.Logs
	path := filepath.Join(r.options.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// asterisk sets up a server with a carrier by address, one by name, one that is
// everybody and one that is this machine.
func (r *rig) asterisk() (log string) {
	r.plant("etc/asterisk/pjsip.conf", `
[c]
type=identify
match=198.51.100.20
match=203.0.113.0/28
match=0.0.0.0/0
match=127.0.0.1
[r]
type=registration
server_uri=sip:sip.carrier.example
`)
	r.plant("etc/asterisk/logger.conf", "[logfiles]\nsecurity.log => security\n")
	return r.plant("var/log/asterisk/security.log", "")
}

// TestFoundTrunksAreNeverBanned: without settings, the carriers of the server
// here are on the never-ban list with the line that names them, and nobody
// else is, however wide a line is.
func TestFoundTrunksAreNeverBanned(t *testing.T) {
	r := newRig(t, nil)
	r.asterisk()
	r.names = host.NewResolver(host.ResolverOptions{Answers: []host.Answer{
		{Name: "sip.carrier.example", Address: netip.MustParseAddr("8.8.4.4"), Seen: time.Now()},
	}})
	r.lookForServers()
	for text, want := range map[string]string{
		"100.64.9.9": "", "203.0.113.16": "", "198.51.100.21": "", "8.8.8.8": "",
		"198.51.100.20": "a trunk (from /etc/asterisk/pjsip.conf line 4)",
		"203.0.113.9":   "a trunk (from /etc/asterisk/pjsip.conf line 5)",
		"8.8.4.4":       "the trunk sip.carrier.example (from /etc/asterisk/pjsip.conf line 10)",
	} {
		post, held := r.fence.Holds(prefix(text))
		if held != (want != "") || post.Reason != want && held {
			t.Errorf("%s: %q, want %q", text, post.Reason, want)
		}
		if held && !post.Trunk {
			t.Errorf("%s is no trunk", text)
		}
	}
	r.sentences()
	if rows := r.Bans(); len(rows) != 3 || rows[0].Rule != control.TrunkRule || !strings.Contains(rows[0].Why, "pjsip.conf line") {
		t.Errorf("the allow-list shows %+v", rows)
	}
}

// TestStatusTellsWhatWasFound: and where it stands.
func TestStatusTellsWhatWasFound(t *testing.T) {
	r := newRig(t, nil)
	log := r.asterisk()
	r.lookForServers()
	s := control.Status{Servers: r.serverStatus(), Trunks: r.trunkStatus()}
	want := control.Status{
		Servers: []control.ServerStatus{{Name: "asterisk", Settings: "/etc/asterisk",
			Logs:  []control.FoundLog{{File: log, From: "/etc/asterisk/logger.conf line 2", Security: true}},
			Notes: []string{"0.0.0.0/0 (/etc/asterisk/pjsip.conf line 6) is too wide for a trunk and is not exempted from bans"}}},
		Trunks: []control.TrunkStatus{
			{Prefix: prefix("198.51.100.20"), From: "/etc/asterisk/pjsip.conf line 4"},
			{Prefix: prefix("203.0.113.0/28"), From: "/etc/asterisk/pjsip.conf line 5"},
			{Name: "sip.carrier.example", From: "/etc/asterisk/pjsip.conf line 10"},
		},
	}
	compare := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, s, compare); diff != "" {
		t.Error(diff)
	}
	if got := r.trunkNames(); !slices.Equal(got, []string{"sip.carrier.example"}) {
		t.Errorf("asks DNS for %v", got)
	}
	r.config.TrunkNames = []string{"sip.carrier.example", "other.example"}
	if got := r.trunkNames(); !slices.Equal(got, r.config.TrunkNames) {
		t.Errorf("asks DNS for %v", got)
	}
}

// TestBrokenSettingsAreTold: what cannot be read stands in status, and what was
// known from it stands on the never-ban list.
func TestBrokenSettingsAreTold(t *testing.T) {
	r := newRig(t, nil)
	r.asterisk()
	r.lookForServers()
	path := filepath.Join(r.options.Root, "etc/asterisk/pjsip.conf")
	for _, do := range []func() error{
		func() error { return os.Remove(path) },
		func() error { return os.Symlink("pjsip.conf", path) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		r.lookForServers()
	}
	r.sentences("asterisk: /etc/asterisk/pjsip.conf cannot be read")
	if _, held := r.fence.Holds(prefix("198.51.100.20")); !held {
		t.Error("a file that cannot be read took its trunks off the never-ban list")
	}
}

// TestSlowLook: a disk that does not answer keeps nobody waiting for long, and
// what was known stands.
func TestSlowLook(t *testing.T) {
	r := newRig(t, nil)
	r.asterisk()
	if !r.look() || len(r.trunks) != 3 {
		t.Fatalf("found %v", r.trunks)
	}
	found := r.scout
	r.scout = func() ([]pbx.Server, error) { return nil, errors.New("too slow") }
	if r.look() || len(r.trunks) != 3 {
		t.Errorf("holds %v", r.trunks)
	}
	r.sentences("too slow")
	r.scout = found
	r.look()
	r.sentences()
}

// TestServerLogs: one file is followed once, whoever writes into it.
func TestServerLogs(t *testing.T) {
	r := newRig(t, nil)
	r.servers = []pbx.Server{
		{Logs: []pbx.Log{{File: "/a", Format: "asterisk"}, {Unit: "a.service", Format: "asterisk"}, {Unit: "no unit", Format: "asterisk"}, {Unit: "b.service", Format: "nothing we know"}}},
		{Logs: []pbx.Log{{File: "/a", Format: "asterisk"}, {}, {File: "/b", Format: "nothing we know"}}},
		{Logs: []pbx.Log{{File: "/c", Format: "asterisk"}}},
	}
	r.config.Logs = nil
	want := []config.Log{{File: "/a", Format: "asterisk"}, {Journal: "a.service", Format: "asterisk"}, {File: "/c", Format: "asterisk"}}
	if got := r.findLogs(); !slices.Equal(got, want) {
		t.Errorf("follows %v, want %v", got, want)
	}
	r.servers[2].Logs[0].Format = "kamailio"
	r.servers[2].Logs[0].File = "/a"
	if got := r.findLogs(); len(got) != 2 || got[0].File != "/a" {
		t.Errorf("follows %v", got)
	}
}

// TestServedPorts: the settings overrule what was found.
func TestServedPorts(t *testing.T) {
	r := newRig(t, nil)
	r.servers = []pbx.Server{{Ports: []pbx.Port{{Port: 5080, Transport: pbx.UDP}, {Port: 8089, Transport: pbx.WSS}}}}
	want := []config.Listen{{Port: 5080, Transport: "udp"}, {Port: 8089, Transport: "wss"}}
	if got := r.servedPorts(); !slices.Equal(got, want) {
		t.Errorf("serves %v", got)
	}
	r.config.Listen = []config.Listen{{Port: 5060, Transport: "udp"}}
	if got := r.servedPorts(); got != nil {
		t.Errorf("serves %v", got)
	}
}
