package host

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/plant"
)

func TestReaders(t *testing.T) {
	networkd := assigned("NTP", "FallbackNTP")
	for _, c := range []struct {
		name string
		read func([]byte) []netip.Addr
		text string
		want string
	}{
		{"resolv.conf, nothing", resolvers, "", "[]"},
		{"resolv.conf, comments", resolvers, "#nameserver 192.0.2.1\n; nameserver 192.0.2.1\n", "[]"},
		{"resolv.conf, another word", resolvers, "nameservers 192.0.2.1\noptions nameserver 192.0.2.1\nNAMESERVER 192.0.2.1\n", "[]"},
		{"resolv.conf, cut", resolvers, "nameserver", "[]"},
		{"resolv.conf, stub", resolvers, "nameserver 127.0.0.53\n", "[]"},
		{"resolv.conf, no last newline", resolvers, "nameserver 192.0.2.1", "[192.0.2.1]"},
		{"resolv.conf, of Windows", resolvers, "nameserver 192.0.2.1\r\nnameserver 192.0.2.2\r\n", "[192.0.2.1 192.0.2.2]"},
		{"resolv.conf, more on the line", resolvers, "nameserver 192.0.2.1 192.0.2.2 # two\n", "[192.0.2.1]"},

		{"chrony, comments", timeServers, "#server 192.0.2.1\n!server 192.0.2.1\n%server 192.0.2.1\n;server 192.0.2.1\n", "[]"},
		{"chrony, names", timeServers, "pool pool.example.net iburst maxsources 4\nserver time.example.net\n", "[]"},
		{"chrony, other addresses", timeServers, "allow 192.0.2.1\nbindaddress 192.0.2.1\ninitstepslew 30 192.0.2.1\nrefclock SHM 0\n", "[]"},
		{"chrony, a name and an address", timeServers, "server time.example.net 192.0.2.1\n", "[]"},
		{"chrony, all three", timeServers, "server 192.0.2.1\nPEER 192.0.2.2 key 1\n\tpool 2001:db8::1 iburst\n", "[192.0.2.1 192.0.2.2 2001:db8::1]"},
		{"ntpd, cut", timeServers, "server -6", "[]"},
		{"ntpd, family", timeServers, "server -6 2001:db8::1\nserver -4 192.0.2.1 prefer\n", "[2001:db8::1 192.0.2.1]"},
		{"ntpd, clock at home", timeServers, "server 127.127.28.0 minpoll 4\n", "[]"},

		{"systemd, comments", networkd, "#NTP=192.0.2.1\n; NTP=192.0.2.1\n", "[]"},
		{"systemd, another key", networkd, "XNTP=192.0.2.1\nNTP_=192.0.2.1\nntp=192.0.2.1\nDNS=192.0.2.1\n", "[]"},
		{"systemd, no value", networkd, "NTP\nNTP=\nNTP= \n", "[]"},
		{"systemd, in the value", networkd, "DNS=NTP=192.0.2.1\n", "[]"},
		{"systemd, several", networkd, "NTP = 192.0.2.1  time.example.net 2001:db8::1\nFallbackNTP=192.0.2.2\n", "[192.0.2.1 2001:db8::1 192.0.2.2]"},

		{"dhclient, another option", leaseServers, "lease {\n option routers 192.0.2.1;\n option domain-name-servers 192.0.2.1;\n}\n", "[]"},
		{"dhclient, two servers", leaseServers, "option dhcp-server-identifier 192.0.2.1, 192.0.2.2;\n", "[]"},
		{"dhclient, a word", leaseServers, "option dhcp-server-identifier none;\n", "[]"},
		{"dhclient, cut", leaseServers, "interface \"eth0\";\noption dhcp-server-identifier", "[]"},
		{"dhclient, moved", leaseServers, "interface \"eth0\";\noption dhcp-server-identifier 192.0.2.1;\n" +
			"interface \"eth0\";\noption dhcp-server-identifier 192.0.2.2;\n", "[192.0.2.2]"},
		{"dhclient, one for two", leaseServers, "interface \"eth0\";\noption dhcp-server-identifier 192.0.2.1;\n" +
			"interface \"eth1\";\noption dhcp-server-identifier 192.0.2.1;\n", "[192.0.2.1]"},
		{"dhclient, no interface", leaseServers, "  option dhcp-server-identifier 192.0.2.1 ;\n", "[192.0.2.1]"},
	} {
		if got := fmt.Sprint(c.read([]byte(c.text))); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// FuzzReaders: no text makes a reader name more than its bound, or anybody who
// cannot be a server elsewhere.
func FuzzReaders(f *testing.F) {
	f.Add([]byte("nameserver 192.0.2.1\nserver -4 192.0.2.1\nNTP=::1 192.0.2.1:123#x\nSERVER_ADDRESS=0.0.0.0\n"))
	f.Add([]byte("interface \"eth0\";\noption dhcp-server-identifier 192.0.2.1;\n"))
	f.Add([]byte("CLASS=user\nREMOTE_HOST=fe80::1%eth0\nUSER=\x1b]0;x\nTTY=pts/0\nSERVICE=\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var l list
		for _, s := range services {
			found := s.read(text)
			if len(found) > maxServers {
				t.Errorf("%s: %d servers", s.pattern, len(found))
			}
			for _, a := range found {
				l.add([]claim{{a, s.reason}})
			}
		}
		if c, ok := readLogind(text); ok {
			l.add([]claim{c})
		}
		for _, p := range l.posts {
			if why := wrong(p); why != "" {
				t.Errorf("%v %q: %s", p.Prefix, p.Reason, why)
			}
		}
	})
}

// TestState: whatever happens to a file that is read is noticed, and nothing
// else is.
func TestState(t *testing.T) {
	dir := t.TempDir()
	files := os.DirFS(dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	before := state(files, watchedFiles())
	for _, c := range []struct {
		name    string
		noticed bool
		do      func() error
	}{
		{"another file", false, func() error { plant.File(t, dir, "etc/hosts", "192.0.2.1 a"); return nil }},
		{"a new file", true, func() error { plant.File(t, dir, "etc/resolv.conf", "nameserver 192.0.2.1"); return nil }},
		{"nothing", false, func() error { return nil }},
		{"reading", false, func() error { _, err := os.ReadFile(path("etc/resolv.conf")); return err }},
		{"as long as before", true, func() error {
			return os.Chtimes(path("etc/resolv.conf"), noon, noon.Add(time.Nanosecond))
		}},
		{"longer", true, func() error {
			plant.File(t, dir, "etc/resolv.conf", "nameserver 192.0.2.100")
			return os.Chtimes(path("etc/resolv.conf"), noon, noon.Add(time.Nanosecond))
		}},
		{"one of many", true, func() error { plant.File(t, dir, "run/systemd/sessions/7", ""); return nil }},
		{"gone", true, func() error { return os.Remove(path("run/systemd/sessions/7")) }},
		{"replaced by a link", true, func() error {
			plant.File(t, dir, "run/resolv", "nameserver 192.0.2.3")
			plant.File(t, dir, "etc/new", "-> ../run/resolv")
			return os.Rename(path("etc/new"), path("etc/resolv.conf"))
		}},
		{"behind the link", true, func() error { return os.Chtimes(path("run/resolv"), noon, noon) }},
		{"a link to nowhere", true, func() error { return os.Remove(path("run/resolv")) }},
	} {
		must(t, c.do())
		now := state(files, watchedFiles())
		if (now != before) != c.noticed {
			t.Errorf("%s: noticed %v", c.name, !c.noticed)
		}
		before = now
	}
}

// TestRead: a file is read up to its bound, and what is no file is none.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	files := os.DirFS(dir)
	plant.File(t, dir, "huge", strings.Repeat("x", maxFile+1))
	plant.File(t, dir, "folder/file", "")
	plant.File(t, dir, "lost", "-> nowhere")
	for name, want := range map[string]int{"huge": maxFile, "folder": 0, "folder/file": 0, "lost": 0, "missing": 0, "huge/x": -1} {
		text, err := read(files, name)
		if want < 0 && err == nil || want >= 0 && (err != nil || len(text) != want) {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
	if _, err := read(vanishing{files}, "folder/file"); err != nil {
		t.Errorf("a file that goes while it is read: %v", err)
	}
}

// vanishing is files that are gone when they are opened.
type vanishing struct{ fs.FS }

func (v vanishing) Open(string) (fs.File, error)          { return nil, fs.ErrNotExist }
func (v vanishing) Stat(name string) (fs.FileInfo, error) { return fs.Stat(v.FS, name) }

func TestListJoins(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	var l list
	l.add([]claim{{a, "the default gateway"}, {b, "an NTP server"}})
	l.add(nil)
	l.add([]claim{{a, "a DNS resolver"}, {b, "an NTP server"}, {a, "the DHCP server"}, {a, "a DNS resolver"}})
	want := "[{192.0.2.1/32 the default gateway and a DNS resolver and the DHCP server} {2001:db8::1/128 an NTP server}]"
	if got := fmt.Sprint(l.posts); got != want {
		t.Errorf("got %s", got)
	}
}
