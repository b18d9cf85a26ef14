package host

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// record builds a record of utmp.
func record(layout utmpLayout, kind int16, user, line, host string, address netip.Addr) []byte {
	b := make([]byte, layout.size)
	binary.NativeEndian.PutUint16(b, uint16(kind))
	binary.NativeEndian.PutUint32(b[4:], 4711)
	copy(b[utmpLine:utmpLineEnd], line)
	copy(b[utmpUser:utmpUserEnd], user)
	copy(b[utmpHost:utmpHostEnd], host)
	if address.IsValid() {
		copy(b[layout.address:], address.AsSlice())
	}
	return b
}

func TestUtmp(t *testing.T) {
	var none netip.Addr
	v4, v6 := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::9")
	long := "a-name-that-fills-the-whole-field"
	for _, c := range []struct {
		name             string
		kind             int16
		user, line, host string
		address          netip.Addr
		want             string
	}{
		{"nobody is logged in", 6, "LOGIN", "pts/0", "203.0.113.9", v4, ""},
		{"logged out", 8, "alice", "pts/0", "203.0.113.9", v4, ""},
		{"boot", 2, "reboot", "~", "6.1.0-18-amd64", none, ""},
		{"no user", userProcess, "", "pts/0", "203.0.113.9", v4, ""},
		{"at the keyboard", userProcess, "alice", "tty1", "", none, ""},
		{"a terminal window", userProcess, "alice", "pts/1", ":0", none, ""},
		{"tmux", userProcess, "alice", "pts/2", "tmux(812).%0", none, ""},
		{"mosh", userProcess, "alice", "pts/2", "203.0.113.9 via mosh [812]", none, ""},
		{"a name", userProcess, "alice", "pts/0", "host.example.net", none, ""},
		{"a prefix", userProcess, "alice", "pts/0", "0.0.0.0/0", none, ""},
		{"everybody", userProcess, "alice", "pts/0", "0.0.0.0", none, ""},
		{"itself", userProcess, "alice", "pts/0", "127.0.0.1", netip.MustParseAddr("127.0.0.1"), ""},
		{"multicast", userProcess, "alice", "pts/0", "", netip.MustParseAddr("ff02::1"), ""},
		{"binary speaks, text does not", userProcess, "alice", "pts/0", "198.51.100.1", netip.IPv6Loopback(), ""},

		{"usual", userProcess, "alice", "pts/0", "host.example.net", v4, "203.0.113.9 your ssh session (alice, pts/0)"},
		{"IPv6", userProcess, "bob", "pts/1", "2001:db8::9", v6, "2001:db8::9 your ssh session (bob, pts/1)"},
		{"mapped", userProcess, "bob", "pts/1", "", netip.MustParseAddr("::ffff:203.0.113.9"), "203.0.113.9 your ssh session (bob, pts/1)"},
		{"text only", userProcess, "alice", "pts/0", "203.0.113.9", none, "203.0.113.9 your ssh session (alice, pts/0)"},
		{"full field", userProcess, long, "pts/0", "", v4, "203.0.113.9 your ssh session (" + long[:32] + ", pts/0)"},
		{"a joker", userProcess, "a\x1b[2J\nb", "p), (q", "", v4, "203.0.113.9 your ssh session (a??2J?b, p????q)"},
	} {
		for _, layout := range []utmpLayout{shortUtmp, longUtmp} {
			got := ""
			text := slices.Concat(make([]byte, layout.size), record(layout, c.kind, c.user, c.line, c.host, c.address), []byte("cut"))
			for _, claim := range readUtmp(text, layout) {
				got += claim.address.String() + " " + claim.reason
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, %d bytes: %s", c.name, layout.size, diff)
			}
		}
	}
}

func FuzzUtmp(f *testing.F) {
	f.Add([]byte("short"))
	f.Add(record(shortUtmp, userProcess, "alice", "pts/0", "203.0.113.9", netip.Addr{}))
	f.Add(record(longUtmp, userProcess, "alice", "pts/0", "0.0.0.0/0", netip.MustParseAddr("2001:db8::1")))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, layout := range []utmpLayout{shortUtmp, longUtmp} {
			claims := readUtmp(text, layout)
			if len(claims) > min(len(text)/layout.size, maxSessions) {
				t.Errorf("%d sessions in %d bytes", len(claims), len(text))
			}
			var l list
			l.add(claims)
			for _, p := range l.posts {
				if why := wrong(p); why != "" {
					t.Errorf("%v %q: %s", p.Prefix, p.Reason, why)
				}
			}
		}
	})
}
