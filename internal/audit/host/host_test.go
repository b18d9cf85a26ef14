package host

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/firewall"
	"github.com/sipward/sipward/internal/settings"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// issued makes a certificate for a key that ends after a span.
func issued(t *testing.T, left time.Duration, public, private any) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(left)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// hardened is a machine on which nothing is wrong.
func hardened(t *testing.T) fstest.MapFS {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/hardened.txtar")
	must(t, err)
	files := fstest.MapFS{}
	for _, f := range archive.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	files["etc/asterisk/keys/pbx.crt"] = &fstest.MapFile{Data: issued(t, 90*24*time.Hour, &key.PublicKey, key), Mode: 0o644}
	files["etc/asterisk/keys/pbx.key"] = &fstest.MapFile{Data: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), Mode: 0o640}
	return files
}

// failing lists the checks that do not pass, with their places.
func failing(results []check.Result) []string {
	var ids []string
	for i := range results {
		if r := &results[i]; r.State != check.Pass {
			ids = append(ids, fmt.Sprintf("%s %s %s:%d", r.ID, r.State, r.Place.File, r.Place.Line))
		}
	}
	return ids
}

// edit changes a file of a tree; it must hold the old text.
func edit(t *testing.T, files fstest.MapFS, name, old, new string) {
	t.Helper()
	f := files[name]
	if f == nil || !strings.Contains(string(f.Data), old) {
		t.Fatalf("%s does not hold %q", name, old)
	}
	files[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(f.Data), old, new, 1)), Mode: f.Mode}
}

// TestPlanted: a hardened machine has nothing that fails; each bad value alone
// gives exactly its own id, and where it stands.
func TestPlanted(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	const conf = "etc/nftables.conf"
	wholeDays := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	packages := []check.Package{{Name: "asterisk", Version: "22.10.1"}}
	for _, c := range []struct {
		name  string
		plant func(files fstest.MapFS, site *check.Site)
		want  string
	}{
		{"nothing", func(fstest.MapFS, *check.Site) {}, ""},
		{"open to the world", func(f fstest.MapFS, _ *check.Site) {
			edit(t, f, conf, "limit rate over 20/second drop", "accept")
		}, "HOST-01 fail etc/nftables.conf:0"},
		{"TLS open to the world", func(f fstest.MapFS, _ *check.Site) {
			edit(t, f, conf, "tcp dport 22 accept", "tcp dport { 22, 5061 } accept")
		}, "HOST-01 fail etc/nftables.conf:0"},
		{"no filter at all", func(f fstest.MapFS, _ *check.Site) { delete(f, conf) }, "HOST-01 fail :0"},
		{"open, and we guard it", func(f fstest.MapFS, _ *check.Site) {
			delete(f, conf)
			f["etc/sipward/sipward.yaml"] = &fstest.MapFile{Data: []byte("mode: enforce\n")}
			f["etc/systemd/system/multi-user.target.wants/sipward.service"] = &fstest.MapFile{}
		}, ""},
		{"firewalld", func(f fstest.MapFS, _ *check.Site) {
			delete(f, conf)
			f["etc/systemd/system/multi-user.target.wants/firewalld.service"] = &fstest.MapFile{}
		}, "HOST-01 unknown :0, HOST-03 unknown :0"},
		{"ufw lets SIP in", func(f fstest.MapFS, _ *check.Site) {
			delete(f, conf)
			f["etc/ufw/ufw.conf"] = &fstest.MapFile{Data: []byte("ENABLED=yes\n")}
			f["etc/ufw/user.rules"] = &fstest.MapFile{Data: []byte("*filter\n-A ufw-user-input -p udp --dport 5060 -j ACCEPT\nCOMMIT\n")}
			f["etc/ufw/user6.rules"] = &fstest.MapFile{Data: []byte("*filter\n:ufw6-user-input - [0:0]\nCOMMIT\n")}
		}, "HOST-01 fail etc/ufw/user.rules:0"},
		{"ufw", func(f fstest.MapFS, _ *check.Site) {
			delete(f, conf)
			f["etc/ufw/ufw.conf"] = &fstest.MapFile{Data: []byte("ENABLED=yes\n")}
			f["etc/ufw/user.rules"] = &fstest.MapFile{Data: []byte("*filter\n-A ufw-user-input -s 192.0.2.0/24 -p udp --dport 5060 -j ACCEPT\nCOMMIT\n")}
			f["etc/ufw/user6.rules"] = &fstest.MapFile{Data: []byte("*filter\n:ufw6-user-input - [0:0]\nCOMMIT\n")}
		}, ""},
		{"IPv4 only", func(f fstest.MapFS, _ *check.Site) {
			edit(t, f, conf, "table inet filter", "table ip filter")
		}, "HOST-01 fail etc/nftables.conf:0, HOST-03 fail etc/nftables.conf:0"},
		{"IPv4 only, and no IPv6", func(f fstest.MapFS, _ *check.Site) {
			edit(t, f, conf, "table inet filter", "table ip filter")
			edit(t, f, conf, "flush ruleset", "table ip6 filter { chain input { type filter hook input priority 0; policy drop; }\n}")
			f["etc/sysctl.d/no6.conf"] = &fstest.MapFile{Data: []byte("net.ipv6.conf.all.disable_ipv6=1\n")}
		}, ""},
		{"IPv6 by hand", func(f fstest.MapFS, _ *check.Site) {
			edit(t, f, conf, "    udp dport 5060 limit", "    meta nfproto ipv4 drop\n    udp dport 5060 limit")
		}, ""},
		{"the unit runs as root", func(f fstest.MapFS, _ *check.Site) {
			edit(t, f, "lib/systemd/system/asterisk.service", "-U asterisk", "-n")
		}, "HOST-04 fail lib/systemd/system/asterisk.service:0"},
		{"a drop-in makes it root", func(f fstest.MapFS, _ *check.Site) {
			f["etc/systemd/system/asterisk.service.d/user.conf"] = &fstest.MapFile{Data: []byte("[Service]\nUser=root\n")}
		}, "HOST-04 fail etc/systemd/system/asterisk.service.d/user.conf:2"},
		{"no unit", func(f fstest.MapFS, _ *check.Site) { delete(f, "lib/systemd/system/asterisk.service") }, "HOST-04 unknown :0"},
		{"a hole", func(_ fstest.MapFS, s *check.Site) {
			s.Packages = []check.Package{{Name: "asterisk", Version: "20.1", Open: []string{"CVE-2024-35190"}}}
		}, "HOST-05 fail :0"},
		{"not restarted", func(_ fstest.MapFS, s *check.Site) {
			s.Packages = []check.Package{{Name: "asterisk", Version: "22", Restart: true}}
		}, "HOST-05 fail :0"},
		{"versions that nobody knows", func(_ fstest.MapFS, s *check.Site) { s.Packages = nil }, "HOST-05 unknown :0"},
		{"a certificate that ends soon", func(f fstest.MapFS, _ *check.Site) {
			f["etc/asterisk/keys/pbx.crt"] = &fstest.MapFile{Data: issued(t, wholeDays(29), &weak.PublicKey, weak)}
		}, "HOST-06 fail etc/asterisk/keys/pbx.crt:0"},
		{"one that has ended", func(f fstest.MapFS, _ *check.Site) {
			f["etc/asterisk/keys/pbx.crt"] = &fstest.MapFile{Data: issued(t, -time.Second, &weak.PublicKey, weak)}
		}, "HOST-06 fail etc/asterisk/keys/pbx.crt:0"},
		{"a short key", func(f fstest.MapFS, _ *check.Site) {
			f["etc/asterisk/keys/pbx.crt"] = &fstest.MapFile{Data: issued(t, wholeDays(90), &weak.PublicKey, weak)}
		}, "HOST-06 fail etc/asterisk/keys/pbx.crt:0"},
		{"a key that all can read", func(f fstest.MapFS, _ *check.Site) { f["etc/asterisk/keys/pbx.key"].Mode = 0o644 }, "HOST-06 fail etc/asterisk/keys/pbx.key:0"},
		{"a certificate that is none", func(f fstest.MapFS, _ *check.Site) {
			f["etc/asterisk/keys/pbx.crt"] = &fstest.MapFile{Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})}
		}, "HOST-06 fail etc/asterisk/keys/pbx.crt:0"},
		{"the helper", func(f fstest.MapFS, _ *check.Site) { edit(t, f, "etc/sysctl.conf", "= 0", "= 1") }, "HOST-07 fail etc/sysctl.conf:1"},
		{"the helper by rule", func(f fstest.MapFS, _ *check.Site) {
			edit(t, f, conf, "    iif lo", "    ct helper set \"x\"\n    iif lo")
			edit(t, f, conf, "  set friends", "  ct helper x { type \"sip\" protocol udp; }\n  set friends")
		}, "HOST-07 fail etc/nftables.conf:3"},
		{"many ports for speech", func(f fstest.MapFS, _ *check.Site) { edit(t, f, "etc/asterisk/rtp.conf", "12000", "40000") }, "HOST-08 fail etc/asterisk/rtp.conf:3"},
		{"no rtp.conf", func(f fstest.MapFS, _ *check.Site) { delete(f, "etc/asterisk/rtp.conf") }, "HOST-08 fail etc/asterisk/rtp.conf:0"},
		{"rtpengine's control", func(f fstest.MapFS, _ *check.Site) {
			edit(t, f, "etc/rtpengine/rtpengine.conf", "127.0.0.1:2223", "0.0.0.0:2223")
		}, "HOST-08 fail etc/rtpengine/rtpengine.conf:2"},
		{"a log that nobody rotates", func(f fstest.MapFS, _ *check.Site) { delete(f, "etc/logrotate.d/asterisk") }, "HOST-09 fail var/log/asterisk/security.log:0"},
		{"a coloured log", func(f fstest.MapFS, _ *check.Site) {
			f["var/log/asterisk/security.log"] = &fstest.MapFile{Data: []byte("#033[1;33mNOTICE#033[0m x\n")}
		}, "HOST-09 fail var/log/asterisk/security.log:0"},
		{"nobody keeps the clock", func(f fstest.MapFS, _ *check.Site) {
			delete(f, "etc/systemd/system/multi-user.target.wants/chrony.service")
			f["etc/systemd/system/multi-user.target.wants/cron.service"] = &fstest.MapFile{}
		}, "HOST-10 fail :0"},
		{"rules that nothing loads", func(f fstest.MapFS, _ *check.Site) {
			delete(f, "etc/systemd/system/sysinit.target.wants/nftables.service")
		}, "HOST-11 fail etc/nftables.conf:0"},
		{"TFTP", func(f fstest.MapFS, _ *check.Site) { edit(t, f, "etc/default/tftpd-hpa", "127.0.0.1:69", ":69") }, "HOST-12 fail etc/default/tftpd-hpa:1"},
		{"TFTP by dnsmasq", func(f fstest.MapFS, _ *check.Site) {
			f["etc/dnsmasq.conf"] = &fstest.MapFile{Data: []byte("#enable-tftp\nenable-tftp\n")}
		}, "HOST-12 fail etc/dnsmasq.conf:2"},
	} {
		files := hardened(t)
		site := &check.Site{Files: files, Now: noon, Packages: packages, Servers: map[string]check.Server{check.Asterisk: {Home: "etc/asterisk",
			Ports: []check.Port{{Port: 5060, Transport: "udp"}, {Port: 5061, Transport: "tls"}}, Logs: []string{"/var/log/asterisk/security.log"}}}}
		c.plant(files, site)
		got := slices.DeleteFunc(failing(Audit(site, settings.New(files), "")), func(s string) bool { return s == "HOST-02 unknown :0" }) // which no tree can tell
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: got %s, want %s", c.name, strings.Join(got, ", "), c.want)
		}
	}
}

// TestBareTree: of a few settings nothing is claimed that they do not tell.
func TestBareTree(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"nothing":  {},
		"settings": {"etc/asterisk/pjsip.conf": {Data: []byte("[t]\ntype=transport\n")}, "etc/asterisk/rtp.conf": {Data: []byte("[general]\nrtpstart=10000\nrtpend=10100\n")}},
	} {
		for _, s := range failing(Audit(&check.Site{Files: files, Now: noon}, settings.New(files), "")) {
			if !strings.Contains(s, " unknown ") {
				t.Errorf("%s: %s", name, s)
			}
		}
	}
}

// alive is a machine with a socket on each address, and an Asterisk as root.
func alive(files fstest.MapFS) fs.FS {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	files["proc/net/tcp"] = &fstest.MapFile{Data: []byte(head + "   0: 00000000:13AE 00000000:0000 0A 0:0 0:0 0 0 0 11 1\n   1: 0100007F:1F55 00000000:0000 0A 0:0 0:0 0 0 0 12 1\n")}
	files["proc/net/udp"] = &fstest.MapFile{Data: []byte(head + "   0: 00000000:13C4 00000000:0000 07 0:0 0:0 0 0 0 13 1\n   1: 00000000:0045 00000000:0000 07 0:0 0:0 0 0 0 14 1\n")}
	files["proc/net/udp6"] = &fstest.MapFile{Data: []byte(head + "   0: 00000000000000000000000000000000:13C4 00000000000000000000000000000000:0000 07 0:0 0:0 0 0 0 15 1\n")}
	files["proc/sys/net/netfilter/nf_conntrack_helper"] = &fstest.MapFile{Data: []byte("1\n")}
	return files
}

// TestAlive: what a running machine tells of its sockets, by the rules in force.
func TestAlive(t *testing.T) {
	for _, c := range []struct{ name, rules, unread, want string }{
		{"no rules", "", "", "HOST-01 fail, HOST-02 fail, HOST-07 fail, HOST-12 fail"},
		{"rules that cannot be read", "", "no nft", "HOST-01 unknown, HOST-02 unknown, HOST-03 unknown, HOST-07 fail, HOST-11 unknown, HOST-12 fail"},
		{"IPv4 only, and not kept", "table ip f { chain c { type filter hook input priority 0; policy drop; }\n}", "", "HOST-01 fail, HOST-03 fail, HOST-07 fail, HOST-11 fail, HOST-12 fail"},
		{"all, and not kept", "table inet f { chain c { type filter hook input priority 0; policy drop; }\n}", "", "HOST-07 fail, HOST-11 fail, HOST-12 fail"},
		{"we guard it", "table inet sipward { chain c { type filter hook prerouting priority -310; ip saddr @bans drop; }\n}", "", "HOST-02 fail, HOST-07 fail, HOST-12 fail"},
	} {
		site := &check.Site{Files: alive(fstest.MapFS{}), Live: true, Now: noon, Packages: []check.Package{}}
		m := look(site, settings.New(site.Files), func() (*firewall.Rules, string) {
			r := &firewall.Rules{}
			r.Nft([]byte(c.rules))
			return r, c.unread
		})
		var got []string
		for _, r := range check.Run(rules, m) {
			if r.State != check.Pass && r.ID != "HOST-10" && r.ID != "HOST-09" {
				got = append(got, r.ID+" "+string(r.State))
			}
		}
		if text := strings.Join(slices.Compact(got), ", "); text != c.want {
			t.Errorf("%s: got %s, want %s", c.name, text, c.want)
		}
	}
}

// TestInForce: this machine's own rules are read, or it is said why not.
func TestInForce(t *testing.T) {
	if r, unread := inForce(); r == nil || r.Cut() {
		t.Errorf("%v, %q", r, unread)
	}
}
