package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// parse reads text as a file with a short name.
func parse(text string) (*Config, error) { return Parse("s.yaml", strings.NewReader(text)) }

// every is a file that gives each key once.
const every = `mode: enforce
listen: [{port: 5060, transport: udp}, {port: 5061, transport: tls}]
interfaces:
  - eth0
  - wg0.100
allow: [192.0.2.0/24, 2001:db8::/32, 198.51.100.7]
trunks: [198.51.100.20, SIP.example.net., "2001:db8:1::", 203.0.113.0/28]
local: [192.0.2.10, ::1]
logs:
  - {file: /var/log/asterisk/security.log, format: asterisk}
  - file: /var/log/kamailio.log
  - {journal: registrar.service, format: kamailio}
  - {file: /var/log/edge.log, format: custom, pattern: "/etc/sipward/edge: 1.yaml"}
feeds:
  ami: {address: "[::1]:5038", user: sipward, secret_file: /run/ami.word, ca_file: /run/ca.pem}
  esl: {address: localhost:8021, password_file: /run/esl.word}
hep:
  listen: [udp:127.0.0.1:9060, "tcp:[2001:db8::10]:9060"]
  from: [192.0.2.11, 2001:db8::/64]
  key_file: /etc/sipward/hep.key
enforce:
  backend: nft
ban: {longest: 2w, scope: all}
metrics: "[::1]:9999"
state: /srv/sipward/
`

func everyConfig() *Config {
	return &Config{
		Mode:       Enforce,
		Listen:     []Listen{{5060, "udp"}, {5061, "tls"}},
		Interfaces: []string{"eth0", "wg0.100"},
		Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"),
			netip.MustParsePrefix("198.51.100.7/32")},
		Trunks: []netip.Prefix{netip.MustParsePrefix("198.51.100.20/32"), netip.MustParsePrefix("2001:db8:1::/128"),
			netip.MustParsePrefix("203.0.113.0/28")},
		TrunkNames: []string{"sip.example.net"},
		Local:      []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("::1")},
		Logs: []Log{{File: "/var/log/asterisk/security.log", Format: "asterisk"}, {File: "/var/log/kamailio.log", Format: "auto"}, {Journal: "registrar.service", Format: "kamailio"},
			{File: "/var/log/edge.log", Format: "custom", Pattern: "/etc/sipward/edge: 1.yaml"}},
		AMI: &AMI{Address: "[::1]:5038", User: "sipward", SecretFile: "/run/ami.word", CAFile: "/run/ca.pem"},
		ESL: &ESL{Address: "127.0.0.1:8021", PasswordFile: "/run/esl.word"},
		HEP: HEP{
			Listen: []HEPListen{{"udp", netip.MustParseAddrPort("127.0.0.1:9060")}, {"tcp", netip.MustParseAddrPort("[2001:db8::10]:9060")}},
			From:   []netip.Prefix{netip.MustParsePrefix("192.0.2.11/32"), netip.MustParsePrefix("2001:db8::/64")}, KeyFile: "/etc/sipward/hep.key",
		},
		Backend:    BackendNFT,
		LongestBan: 14 * 24 * time.Hour,
		BanAll:     true,
		Metrics:    netip.MustParseAddrPort("[::1]:9999"),
		State:      "/srv/sipward",
	}
}

// same compares settings without their origins.
func same(a, b *Config) bool {
	x, y := *a, *b
	x.origins, y.origins = nil, nil
	return reflect.DeepEqual(x, y)
}

func TestParseGood(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       *Config
	}{
		{"an empty file", "", Default()},
		{"comments", "# nothing yet\n\n  # at all\n", Default()},
		{"a document header", "---\n", Default()},
		{"a byte order mark", "\ufeffmode: monitor\n", Default()},
		{"every key", every, everyConfig()},
		{"every key, from Windows", strings.ReplaceAll(every, "\n", "\r\n"), everyConfig()},
		{"every key, as JSON", `{"mode": "enforce", "state": "/x"}`, with(func(c *Config) { c.Mode, c.State = Enforce, "/x" })},
		{"empty lists", "allow: []\nlisten: []\n", Default()},
		{"an address twice", "allow: [192.0.2.1, 192.0.2.1/32]", with(func(c *Config) {
			c.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
		})},
		{"metrics off", "metrics: off", with(func(c *Config) { c.Metrics = netip.AddrPort{} })},
		{"private trunks", "trunks: [10.0.0.0/8, fc00::/7, pbx]", with(func(c *Config) {
			c.Trunks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fc00::/7")}
			c.TrunkNames = []string{"pbx"}
		})},
		{"the same port for two transports", "listen: [{port: 5060, transport: tcp}, {port: 5060, transport: udp}]", with(func(c *Config) {
			c.Listen = []Listen{{5060, "tcp"}, {5060, "udp"}}
		})},
		{"feeds where they usually are", "feeds: {ami: {user: a, secret_file: /a}, esl: {password_file: /b}}", with(func(c *Config) {
			c.AMI = &AMI{Address: "127.0.0.1:5038", User: "a", SecretFile: "/a"}
			c.ESL = &ESL{Address: "127.0.0.1:8021", PasswordFile: "/b"}
		})},
		{"feeds off", "feeds: {ami: off, esl: off}", Default()},
		{"the XDP backend", "enforce: {backend: xdp}", with(func(c *Config) { c.Backend = BackendXDP })},
	} {
		got, err := parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !same(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

func with(change func(c *Config)) *Config {
	c := Default()
	change(c)
	return c
}

// TestEffectiveIsAFile proves that what `config show --effective` prints means
// the same when it is read again.
func TestEffectiveIsAFile(t *testing.T) {
	awkward := `interfaces: ["on", "a'b", "é", "null", "1e3"]
logs: [{file: "/var/log/a b: #c", format: opensips}, {file: "/x\"y\\z", format: auto}]
allow: ["2001:db8::", 192.0.2.1, 192.0.2.2, 192.0.2.3]
state: "/tmp/on"
`
	for _, text := range []string{"", every, awkward} {
		c, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(c.Effective())
		if err != nil {
			t.Fatalf("%v in\n%s", err, c.Effective())
		}
		if !same(c, again) {
			t.Errorf("\n got %+v\nwant %+v\nfrom\n%s", again, c, c.Effective())
		}
		if again, err = parse(c.Differences()); err != nil || !same(c, again) {
			t.Errorf("differences: %v in\n%s", err, c.Differences())
		}
	}
}

func TestOrigins(t *testing.T) {
	c, err := parse("mode: enforce\nban:\n  scope: all\n")
	if err != nil {
		t.Fatal(err)
	}
	want := `mode: enforce                                # s.yaml:1
ban:
  scope: all                                 # s.yaml:3
`
	if got := c.Differences(); got != want {
		t.Errorf("differences\n%s\nwant\n%s", got, want)
	}
	for _, line := range []string{
		"listen: []                                   # default: found by itself\n",
		"  longest: 7d                                # default\n",
		"  scope: all                                 # s.yaml:3\n",
	} {
		if !strings.Contains(c.Effective(), line) {
			t.Errorf("no line %q in\n%s", line, c.Effective())
		}
	}
}

// TestReferenceFile proves that docs/sipward.yaml is right, names every key,
// and speaks about each in a comment.
func TestReferenceFile(t *testing.T) {
	c, err := Load("../../docs/sipward.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		if strings.HasPrefix(s.Origin, "default") {
			t.Errorf("%s is missing", s.Key)
		}
	}
	text, err := os.ReadFile("../../docs/sipward.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for key, at := range c.origins {
		before := strings.TrimSpace(lines[at.line-2])
		if parent, _, nested := strings.Cut(key, "."); nested && (parent == "listen" || parent == "logs") || key == "enforce" || key == "ban" || key == "feeds" || key == "hep" || strings.HasPrefix(key, "feeds.ami.") || strings.HasPrefix(key, "feeds.esl.") {
			continue // explained together with their list, or by their members
		}
		if !strings.HasPrefix(before, "#") {
			t.Errorf("line %d, %s: no comment above it", at.line, key)
		}
	}
	if most := 20; len(keys) > most {
		t.Errorf("%d keys, more than %d", len(keys), most)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "sipward.yaml")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(main); !errors.Is(err, ErrNoFile) {
		t.Errorf("a missing file gives %v", err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a directory is read as a file")
	}
	if c, err := loadDefault(main); err != nil || !same(c, Default()) {
		t.Errorf("a missing default file gives %v, %v", c, err)
	}
	write("conf.d/20-late.yaml", "mode: enforce\nallow: [192.0.2.2, 192.0.2.1]\n")
	write("conf.d/10-early.yaml", "mode: monitor\nallow: [192.0.2.1]\nban: {scope: all}\n")
	write("conf.d/.hidden.yaml", "this is not read")
	write("conf.d/readme.txt", "nor is this")
	write("sipward.yaml", "allow: [192.0.2.9]\nban: {longest: 1d}\n")
	c, err := loadDefault(main)
	if err != nil {
		t.Fatal(err)
	}
	want := with(func(c *Config) {
		c.Mode, c.BanAll, c.LongestBan = Enforce, true, 24*time.Hour
		c.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.9/32"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")}
	})
	if !same(c, want) {
		t.Errorf("\n got %+v\nwant %+v", c, want)
	}
	if c, err = Load(main); err != nil || len(c.Allow) != 1 {
		t.Errorf("a named file does not stand alone: %v, %v", c, err)
	}

	write("conf.d/30-bad.yaml", "mode: enforce\nlisten: [{port: 0, transport: udp}]\n")
	_, err = loadDefault(main)
	var e *Error
	if !errors.As(err, &e) || filepath.Base(e.File) != "30-bad.yaml" || e.Line != 2 {
		t.Errorf("a mistake in conf.d gives %v", err)
	}
	write("conf.d/30-bad.yaml", "")
	for i := range maxFiles {
		write(fmt.Sprintf("conf.d/x%d.yaml", i), "")
	}
	if _, err = loadDefault(main); err == nil {
		t.Error("conf.d has no bound")
	}
}

func TestDurations(t *testing.T) {
	for _, bad := range []string{"", "7", "d", "1.5h", "-1h", "1h 30m", "30m1h", "1h1h", "1y", "1mo", "7D", "9999999999s", "600w", "1h30", "5ms"} {
		if d, err := ParseDuration(bad); err == nil {
			t.Errorf("%q gives %v", bad, d)
		} else if err.Do == "" {
			t.Errorf("%q: no advice", bad)
		}
	}
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "10m": 10 * time.Minute, "1h30m": 90 * time.Minute, "7d": 168 * time.Hour, "2w": 336 * time.Hour,
		"1w1d1h1m1s": 193*time.Hour + time.Minute + time.Second, "0s": 0, "90m": 90 * time.Minute,
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s gives %v, %v", text, got, err)
		}
		if again, err := ParseDuration(FormatDuration(want)); err != nil || again != want {
			t.Errorf("%v is written %s and read %v, %v", want, FormatDuration(want), again, err)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		word, want string
		words      []string
	}{
		{"", "", modes},
		{"xyz", "", modes},
		{"enforced", "enforce", modes},
		{"MONITOR", "monitor", modes},
		{"tsl", "tls", transports},
		{"dup", "udp", transports},
		{"q", "", transports},
		{"asteriks", "asterisk", formats},
		{strings.Repeat("m", 1000), "", modes},
		{"m\u043enitor", "monitor", modes},
	} {
		if got := Nearest(c.word, c.words); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

// TestPorts: by what a packet shows, each once.
func TestPorts(t *testing.T) {
	for _, c := range []struct {
		listen   []Listen
		udp, tcp []uint16
	}{
		{nil, nil, nil},
		{[]Listen{{5061, "tls"}}, nil, []uint16{5061}},
		{[]Listen{{5070, "udp"}, {5060, "udp"}, {5070, "udp"}}, []uint16{5060, 5070}, nil},
		{[]Listen{{8089, "wss"}, {5060, "tcp"}, {8088, "ws"}, {5060, "udp"}, {8089, "tls"}}, []uint16{5060}, []uint16{5060, 8088, 8089}},
	} {
		if udp, tcp := Ports(c.listen); !slices.Equal(udp, c.udp) || !slices.Equal(tcp, c.tcp) {
			t.Errorf("%v: %v and %v, want %v and %v", c.listen, udp, tcp, c.udp, c.tcp)
		}
	}
}
