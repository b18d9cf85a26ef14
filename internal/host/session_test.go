package host

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/plant"
)

func TestLogind(t *testing.T) {
	const session = "USER=alice\nSTATE=active\nREMOTE=1\nCLASS=user\nTTY=pts/0\nREMOTE_HOST=203.0.113.9\nSERVICE=sshd\n"
	for _, c := range []struct{ name, old, new, want string }{
		{"local", "REMOTE_HOST=203.0.113.9\n", "", ""},
		{"a name", "203.0.113.9", "host.example.net", ""},
		{"this machine", "203.0.113.9", "127.0.0.1", ""},
		{"a prefix", "203.0.113.9", "203.0.113.0/24", ""},
		{"a login screen", "CLASS=user", "CLASS=greeter", ""},
		{"a job", "CLASS=user", "CLASS=background", ""},
		{"of no class", "CLASS=user\n", "", ""},
		{"logged out", "STATE=active", "STATE=closing", ""},
		{"another key", "REMOTE_HOST", "XREMOTE_HOST", ""},
		{"escaped", "203.0.113.9", `203.0.113.9\n198.51.100.1`, ""},

		{"usual", "", "", "203.0.113.9 your ssh session (alice, pts/0)"},
		{"no terminal", "TTY=pts/0\n", "", "203.0.113.9 your ssh session (alice)"},
		{"early", "CLASS=user", "CLASS=user-early", "203.0.113.9 your ssh session (alice, pts/0)"},
		{"no service", "SERVICE=sshd\n", "", "203.0.113.9 your ssh session (alice, pts/0)"},
		{"web", "SERVICE=sshd", "SERVICE=cockpit", "203.0.113.9 your cockpit session (alice, pts/0)"},
		{"link-local", "203.0.113.9", "fe80::9%eth0", "fe80::9 your ssh session (alice, pts/0)"},
	} {
		got := ""
		if claim, ok := readLogind([]byte(strings.Replace(session, c.old, c.new, 1))); ok {
			got = claim.address.String() + " " + claim.reason
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSSHConnection(t *testing.T) {
	for value, want := range map[string]string{
		"":                                  "invalid IP",
		"203.0.113.9":                       "invalid IP",
		"203.0.113.9 52110 192.0.2.10":      "invalid IP",
		"0.0.0.0 52110 192.0.2.10 22":       "invalid IP",
		"::1 52110 ::1 22":                  "invalid IP",
		"host 52110 192.0.2.10 22":          "invalid IP",
		"UNKNOWN 65535 UNKNOWN 65535":       "invalid IP",
		"203.0.113.9 52110 192.0.2.10 22":   "203.0.113.9",
		"fe80::9%eth0 52110 fe80::1%eth0 2": "fe80::9",
	} {
		if got := sshPeer(value).String(); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

// TestSessionMemory: a peer stays a day after it was last seen, not after it
// came.
func TestSessionMemory(t *testing.T) {
	alice := claim{netip.MustParseAddr("203.0.113.9"), "your ssh session (alice)"}
	s := sessions{}
	now := noon
	for range 3 * 24 {
		s.see([]claim{alice}, now)
		now = now.Add(time.Hour)
	}
	last := now.Add(-time.Hour)
	s.see(nil, last.Add(sessionMemory))
	if got := s.claims(); len(got) != 1 || got[0] != alice {
		t.Errorf("a day later: %v", got)
	}
	s.see(nil, last.Add(-time.Hour)) // a clock that is set back harms nobody
	s.see(nil, last.Add(sessionMemory+time.Second))
	if got := s.claims(); len(got) != 0 {
		t.Errorf("more than a day later: %v", got)
	}
}

// TestSessionCrowd: whoever brings a crowd neither fills the memory nor pushes
// out the administrator who was there first, nor one who is here now.
func TestSessionCrowd(t *testing.T) {
	admin := claim{netip.MustParseAddr("203.0.113.9"), "admin"}
	crowd := func(n byte) []claim {
		var claims []claim
		for i := range 1000 {
			claims = append(claims, claim{netip.AddrFrom4([4]byte{10, n, byte(i >> 8), byte(i)}), fmt.Sprint("crowd ", n)})
		}
		return claims
	}
	s := sessions{}
	s.see([]claim{admin}, noon)
	for i := range byte(10) {
		s.see(append(crowd(i), admin), noon.Add(time.Duration(i+1)*time.Minute))
	}
	if len(s) != maxSessions || s[admin.address].reason != "admin" {
		t.Errorf("%d remembered, the administrator as %q", len(s), s[admin.address].reason)
	}
}

// TestLiveSessions: both login services are asked, one that cannot be read does
// not hide the other, and a peer that both name keeps the words of the first.
func TestLiveSessions(t *testing.T) {
	const session = "CLASS=user\nUSER=%s\nREMOTE_HOST=%s\n"
	peer := func(user, address string) string {
		return string(record(nativeUtmp(), userProcess, user, "pts/0", "", netip.MustParseAddr(address)))
	}
	for _, c := range []struct {
		name   string
		files  map[string]string
		want   string
		failed bool
	}{
		{"nobody", nil, "", false},
		{"no utmp", map[string]string{"run/utmp": "-> utmp", "run/systemd/sessions/1": fmt.Sprintf(session, "alice", "203.0.113.9")},
			"203.0.113.9 your ssh session (alice)", true},
		{"no logind", map[string]string{"run/systemd/sessions": "", "run/utmp": peer("bob", "203.0.113.9")},
			"203.0.113.9 your ssh session (bob, pts/0)", false},
		{"a session that cannot be read", map[string]string{"run/systemd/sessions/1": "-> 1", "run/utmp": peer("bob", "203.0.113.9")},
			"203.0.113.9 your ssh session (bob, pts/0)", true},
		{"the same peer", map[string]string{
			"run/systemd/sessions/1": fmt.Sprintf(session, "alice", "203.0.113.9"),
			"run/utmp":               peer("alice", "203.0.113.9"),
		}, "203.0.113.9 your ssh session (alice)", false},
		{"two peers", map[string]string{
			"run/systemd/sessions/1": fmt.Sprintf(session, "alice", "203.0.113.9"),
			"run/utmp":               peer("bob", "203.0.113.10") + peer("carol", "203.0.113.9"),
		}, "203.0.113.9 your ssh session (alice), 203.0.113.10 your ssh session (bob, pts/0)", false},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			plant.File(t, dir, name, text)
		}
		live, err := liveSessions(os.DirFS(dir))
		s := sessions{}
		s.see(live, noon)
		var got []string
		for _, claim := range s.claims() {
			got = append(got, claim.address.String()+" "+claim.reason)
		}
		if strings.Join(got, ", ") != c.want || (err != nil) != c.failed {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
}
