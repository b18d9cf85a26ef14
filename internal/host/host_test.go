package host

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/sipward/sipward/internal/plant"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// filePosts is Posts without the kernel.
func filePosts(t testing.TB, files fs.FS) []Post {
	t.Helper()
	live, err := liveSessions(files)
	must(t, err)
	remembered := sessions{}
	remembered.see(live, noon)
	served, err := readServices(files)
	must(t, err)
	var l list
	l.add(remembered.claims())
	l.add(served)
	return l.posts
}

func TestFiles(t *testing.T) {
	for _, name := range []string{"empty", "debian", "classic"} {
		t.Run(name, func(t *testing.T) {
			dir, want := plant.All(t, "testdata/"+name+".txtar", "posts")
			var got strings.Builder
			for _, p := range filePosts(t, os.DirFS(dir)) {
				fmt.Fprintln(&got, p.Prefix, p.Reason)
			}
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLiteral(t *testing.T) {
	for _, bad := range []string{
		"", " ", "localhost", "example.net", "192.0.2", "192.0.2.256", "192.0.2.1/32", "192.0.2.1/0", "0/0", "::/0", "*",
		"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0",
		"224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "192.0.2.1\x00", "192.0.2.1 ", "192.0.2.1,192.0.2.2",
		"192.000.002.001", "0xc0000201", "3221225985", "#192.0.2.1", "192.0.2.1:port", "[::1]:53",
	} {
		if a, ok := literal(bad); ok {
			t.Errorf("%q is taken for %v", bad, a)
		}
	}
	for text, want := range map[string]string{
		"192.0.2.1":                    "192.0.2.1",
		"::ffff:192.0.2.1":             "192.0.2.1",
		"2001:DB8::1":                  "2001:db8::1",
		"fe80::1%eth0":                 "fe80::1",
		"192.0.2.1:53":                 "192.0.2.1",
		"[2001:db8::1]:53":             "2001:db8::1",
		"192.0.2.1#dns.example.net":    "192.0.2.1",
		"[fe80::1%2]:53#dns.example":   "fe80::1",
		"169.254.169.123":              "169.254.169.123",
		"10.0.0.1":                     "10.0.0.1",
		"2001:db8::1#dns.example%eth0": "2001:db8::1",
	} {
		if a, ok := literal(text); !ok || a != netip.MustParseAddr(want) {
			t.Errorf("%q: got %v %v, want %s", text, a, ok, want)
		}
	}
}

// deafKernel answers once.
type deafKernel struct {
	network
	asked int
}

func (*deafKernel) links() ([]link, error)      { return nil, fs.ErrClosed }
func (*deafKernel) interfaces() ([]link, error) { return nil, fs.ErrClosed }

func (k *deafKernel) addresses() (own, gateways []claim, err error) {
	if k.asked++; k.asked > 1 {
		return nil, nil, fs.ErrClosed
	}
	return []claim{{netip.MustParseAddr("192.0.2.10"), "an address"}}, []claim{{netip.MustParseAddr("192.0.2.1"), "the gateway"}}, nil
}

// TestLastAnswer: an answer that does not come opens no gap in the list.
func TestLastAnswer(t *testing.T) {
	m := &Machine{files: os.DirFS(t.TempDir()), kernel: new(deafKernel), sessions: sessions{}}
	before, err := m.Posts(noon)
	must(t, err)
	after, err := m.Posts(noon)
	if !errors.Is(err, fs.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if len(before) != 2 || !slices.Equal(before, after) {
		t.Errorf("first %v, then %v", before, after)
	}
	own, err := m.Addresses()
	if !errors.Is(err, fs.ErrClosed) || len(own) != 1 || !own[netip.MustParseAddr("192.0.2.10")] {
		t.Errorf("own addresses %v, %v", own, err)
	}
	if list, err := m.Interfaces(); list != nil || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("interfaces %v, %v", list, err)
	}
	if found, missing, err := m.Named([]string{"eth0"}); found != nil || missing != nil || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("named %v, missing %v, %v", found, missing, err)
	}
}

// TestStarter: who started us by ssh is kept for a day, and not for as long as
// we run.
func TestStarter(t *testing.T) {
	m, err := Open(Options{Root: t.TempDir(), SSHConnection: "203.0.113.9 52110 192.0.2.10 22"})
	must(t, err)
	defer m.Close()
	want := Post{netip.MustParsePrefix("203.0.113.9/32"), "your ssh session"}
	for _, c := range []struct {
		after time.Duration
		kept  bool
	}{{0, true}, {sessionMemory, true}, {sessionMemory + time.Second, false}} {
		posts, err := m.Posts(noon.Add(c.after))
		must(t, err)
		if slices.Contains(posts, want) != c.kept {
			t.Errorf("after %v: kept %v", c.after, !c.kept)
		}
	}
}

// TestUnreadable: a file that cannot be read is an error, but the others are
// read all the same, and no FIFO's writer is waited for.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	plant.File(t, dir, "etc/resolv.conf", "-> resolv.conf") // a loop
	plant.File(t, dir, "etc/ntp.conf", "server 192.0.2.123\n")
	must(t, os.MkdirAll(filepath.Join(dir, "etc/chrony"), 0o755))
	must(t, unix.Mkfifo(filepath.Join(dir, "etc/chrony/chrony.conf"), 0o644))
	claims, err := readServices(os.DirFS(dir))
	if err == nil {
		t.Error("no error for a file that cannot be opened")
	}
	if len(claims) != 1 || claims[0].address != netip.MustParseAddr("192.0.2.123") {
		t.Errorf("got %v", claims)
	}
}

// TestBounds: nobody can fill the list by filling a file.
func TestBounds(t *testing.T) {
	dir := t.TempDir()
	var resolv, leases, utmp strings.Builder
	for i := range 40_000 {
		a := netip.AddrFrom4([4]byte{203, byte(i >> 16), byte(i >> 8), byte(i)})
		fmt.Fprintf(&resolv, "nameserver %v\n", a)
		fmt.Fprintf(&leases, "interface \"eth%d\";\noption dhcp-server-identifier %v;\n", i, a)
		if i < 2000 {
			utmp.Write(record(shortUtmp, userProcess, "alice", "pts/0", "", a))
		}
	}
	plant.File(t, dir, "etc/resolv.conf", resolv.String())
	plant.File(t, dir, "var/lib/dhcp/dhclient.leases", leases.String())
	plant.File(t, dir, "run/utmp", utmp.String())
	for i := range 1000 {
		plant.File(t, dir, fmt.Sprintf("run/systemd/sessions/%d", i), fmt.Sprintf("CLASS=user\nREMOTE_HOST=198.51.%d.%d\n", i>>8, i&255))
	}
	posts := filePosts(t, os.DirFS(dir))
	if len(posts) > 2*maxServers+maxSessions {
		t.Errorf("%d posts", len(posts))
	}
}

// TestHosts: whatever the files say, each post is one address of somebody
// else, and has a reason fit to print.
func TestHosts(t *testing.T) {
	words := rapid.SampledFrom([]string{
		"nameserver", "server", "NTP=", "SERVER_ADDRESS=", "REMOTE_HOST=", "CLASS=user", "USER=", "TTY=", "STATE=active", "option",
		"dhcp-server-identifier", "interface", "lease", "{", "}", ";", "\n", "\n", " ", " ", "=", "#", "%eth0", "\x1b[31m", "/0", "/8", ":53",
		"192.0.2.1", "0.0.0.0", "::", "::/0", "2001:db8::1", "127.0.0.1", "::ffff:1.2.3.4", "ff02::1", "\x00", "ünï", "\xff",
	})
	patterns := watchedFiles()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "host")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(patterns)-1), 1, 5, rapid.ID).Draw(t, "files") {
			name := filepath.Join(dir, strings.ReplaceAll(patterns[i], "*", "x"))
			text := strings.Join(rapid.SliceOfN(words, 0, 60).Draw(t, "text"), "")
			if os.MkdirAll(filepath.Dir(name), 0o755) != nil || os.WriteFile(name, []byte(text), 0o644) != nil {
				t.Fatal("plant file")
			}
		}
		files := os.DirFS(dir)
		live, err := liveSessions(files)
		if err != nil {
			t.Fatal(err)
		}
		served, err := readServices(files)
		if err != nil {
			t.Fatal(err)
		}
		var l list
		l.add(live)
		l.add(served)
		for _, p := range l.posts {
			if why := wrong(p); why != "" {
				t.Fatalf("%v %q: %s", p.Prefix, p.Reason, why)
			}
		}
	})
}

// wrong says what is wrong with a post that a file has brought about.
func wrong(p Post) string {
	switch a := p.Prefix.Addr(); {
	case !p.Prefix.IsSingleIP():
		return "wider than a host"
	case a.Is4In6() || a.Zone() != "":
		return "an address no packet has"
	case a.IsLoopback() || a.IsUnspecified() || a.IsMulticast():
		return "nobody else's"
	case p.Reason == "" || strings.ContainsFunc(p.Reason, func(r rune) bool { return r < ' ' || r > '~' }):
		return "not fit to print"
	}
	return ""
}
