package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	modes      = []string{string(Monitor), string(Enforce)}
	transports = []string{"udp", "tcp", "tls", "ws", "wss"}
	formats    = []string{"auto", "asterisk", "freeswitch", "kamailio", "opensips", "custom"}
	backends   = []string{string(BackendAuto), string(BackendXDP), string(BackendNFT), string(BackendDryRun)}
	scopes     = []string{"sip", "all"}
)

// check turns words into values. It goes on after a mistake, to find them all.
func (r *raw) check() (*Config, error) {
	c := Default()
	if r.origins != nil {
		c.origins = r.origins
	}
	k := checker{faults: r.faults}
	c.Mode = Mode(k.choice("mode", r.mode, modes, string(c.Mode)))
	c.Backend = Backend(k.choice("enforce.backend", r.backend, backends, string(c.Backend)))
	c.BanAll = k.choice("ban.scope", r.scope, scopes, "sip") == "all"
	c.LongestBan = k.longest(r.longest, c.LongestBan)
	c.Metrics = k.metrics(r.metrics, c.Metrics)
	c.State = k.directory("state", r.state, c.State)
	c.Listen = k.listen(r.listen)
	c.Interfaces = k.interfaces(r.interfaces)
	c.Allow = k.prefixes("allow", r.allow)
	c.Trunks, c.TrunkNames = k.trunks(r.trunks)
	c.Local = k.local(r.local)
	c.Logs = k.logs(r.logs)
	c.AMI, c.ESL = k.ami(r.ami), k.esl(r.esl)
	c.HEP = k.hep(r.hep)
	if err := k.faults.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// checker collects the mistakes of a check.
type checker struct{ faults faults }

func (k *checker) wrong(key string, w word, why, do string) {
	k.faults.add(w.at, key, Mistake{Word: w.text, Why: why, Do: do})
}

// repeated notes that w says what the earlier place said.
func (k *checker) repeated(key string, at, earlier place, what string) {
	k.faults.add(at, key, Mistake{Word: what, Why: fmt.Sprintf("was given at %s already", earlier), Do: "keep one of the two"})
}

func (k *checker) choice(key string, w word, right []string, otherwise string) string {
	if !w.given() {
		return otherwise
	}
	if !slices.Contains(right, w.text) {
		k.faults.add(w.at, key, unknownWord(w.text, "is not a value of this key", right))
		return otherwise
	}
	return w.text
}

func (k *checker) longest(w word, otherwise time.Duration) time.Duration {
	if !w.given() {
		return otherwise
	}
	d, err := ParseDuration(w.text)
	if err != nil {
		k.wrong("ban.longest", w, err.Why, err.Do)
		return otherwise
	}
	// A ban has to outlast the minute that a limit lasts, and an address has a
	// new owner some day.
	if d < time.Minute || d > 365*24*time.Hour {
		k.wrong("ban.longest", w, "is out of range", "give something from 1m to 365d")
	}
	return d
}

// metrics takes an address of this machine's own: the page carries addresses
// and has no password.
func (k *checker) metrics(w word, otherwise netip.AddrPort) netip.AddrPort {
	if !w.given() {
		return otherwise
	}
	if w.text == "off" {
		return netip.AddrPort{}
	}
	at, err := netip.ParseAddrPort(w.text)
	switch {
	case err != nil:
		k.wrong("metrics", w, "is not an address and port", "write 127.0.0.1:9480, or off")
	case !at.Addr().IsLoopback():
		k.wrong("metrics", w, "is not an address of this machine alone", fmt.Sprintf("write 127.0.0.1:%d", at.Port()))
	case at.Port() == 0:
		k.wrong("metrics", w, "has port 0", "write 127.0.0.1:9480, or off")
	}
	return at
}

func (k *checker) directory(key string, w word, otherwise string) string {
	if !w.given() {
		return otherwise
	}
	path := filepath.Clean(w.text)
	switch {
	case w.text == "":
		k.wrong(key, w, "the path is empty", example(key))
	case !filepath.IsAbs(w.text):
		k.wrong(key, w, "is not an absolute path", fmt.Sprintf("did you mean %q?", filepath.Join("/", w.text)))
	case path == "/":
		k.wrong(key, w, "is the root of the file system", example(key))
	}
	return path
}

func (k *checker) listen(entries []rawListen) []Listen {
	var out []Listen
	seen := map[Listen]place{}
	for _, e := range entries {
		port, ok := k.port(e)
		if !e.transport.given() {
			k.faults.add(e.at, "listen", Mistake{Why: "this entry has no transport", Do: "add transport: udp, tcp, tls, ws or wss"})
			continue
		}
		before := len(k.faults)
		l := Listen{port, k.choice("listen.transport", e.transport, transports, "")}
		if !ok || len(k.faults) > before {
			continue
		}
		if earlier, ok := seen[l]; ok {
			k.repeated("listen", e.at, earlier, fmt.Sprintf("%d/%s", l.Port, l.Transport))
			continue
		}
		seen[l] = e.at
		out = append(out, l)
	}
	return out
}

func (k *checker) port(e rawListen) (uint16, bool) {
	if !e.port.given() {
		k.faults.add(e.at, "listen", Mistake{Why: "this entry has no port", Do: "add port: 5060"})
		return 0, false
	}
	n, err := strconv.ParseUint(e.port.text, 10, 16)
	if err != nil || n == 0 || e.port.text[0] == '0' {
		do := "give a number from 1 to 65535"
		if _, last, ok := cutLast(e.port.text, ":"); ok && last != "" {
			do += ", without an address"
		}
		k.wrong("listen.port", e.port, "is not a port", do)
		return 0, false
	}
	return uint16(n), true
}

func (k *checker) interfaces(words []word) []string {
	var out []string
	seen := map[string]place{}
	for _, w := range words {
		// The kernel's own rule, dev_valid_name: 15 bytes, no slash, no blank.
		if w.text == "" || len(w.text) > 15 || w.text == "." || w.text == ".." || strings.ContainsAny(w.text, "/: \t") {
			k.wrong("interfaces", w, "cannot be an interface's name", "write a name as \"ip link\" shows it, such as eth0")
			continue
		}
		if earlier, ok := seen[w.text]; ok {
			k.repeated("interfaces", w.at, earlier, w.text)
			continue
		}
		seen[w.text] = w.at
		out = append(out, w.text)
	}
	return out
}

// prefixes reads a list of addresses and networks. The same one twice does no
// harm: two files in conf.d may well name the same office.
func (k *checker) prefixes(key string, words []word) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range words {
		p, err := ParsePrefix(w.text)
		if err == nil {
			err = tooWide(w.text, p)
		}
		if err != nil {
			k.wrong(key, w, err.Why, err.Do)
		} else if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// tooWide refuses a network so large that sparing it would disarm us.
func tooWide(text string, p netip.Prefix) *Mistake {
	least := 8
	if p.Addr().Is6() {
		least = 7 // fc00::/7, the private addresses, is the widest with a purpose
	}
	if p.Bits() >= least {
		return nil
	}
	return &Mistake{Word: text, Why: "covers so much that nothing would be protected", Do: fmt.Sprintf("give networks of /%d and longer", least)}
}

func (k *checker) trunks(words []word) ([]netip.Prefix, []string) {
	var addresses []word
	var names []string
	for _, w := range words {
		if !looksLikeName(w.text) {
			addresses = append(addresses, w)
			continue
		}
		name, err := parseName(w.text)
		if err != nil {
			k.wrong("trunks", w, err.Why, err.Do)
		} else if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return k.prefixes("trunks", addresses), names
}

func (k *checker) local(words []word) []netip.Addr {
	var out []netip.Addr
	for _, w := range words {
		p, err := ParsePrefix(w.text)
		switch {
		case err != nil:
			k.wrong("local", w, err.Why, err.Do)
		case !p.IsSingleIP():
			k.wrong("local", w, "is a network", "list our own addresses one by one")
		case p.Addr().IsUnspecified() || p.Addr().IsMulticast():
			k.wrong("local", w, "cannot be a machine's own address", "write the addresses as \"ip address\" shows them")
		case !slices.Contains(out, p.Addr()):
			out = append(out, p.Addr())
		}
	}
	return out
}

func (k *checker) logs(entries []rawLog) []Log {
	var out []Log
	seen := map[string]place{}
	for _, e := range entries {
		if e.file.given() == e.journal.given() {
			k.faults.add(e.at, "logs", Mistake{Why: "this entry needs either a file or a journal", Do: "add file: /var/log/asterisk/security.log, or journal: kamailio.service"})
			continue
		}
		before := len(k.faults)
		l := Log{Format: k.choice("logs.format", e.format, formats, "auto"), Pattern: k.directory("logs.pattern", e.pattern, "")}
		if l.Format == "custom" && l.Pattern == "" {
			k.wrong("logs.format", e.format, "needs a pattern", example("logs.pattern"))
		}
		if e.file.given() {
			l.File = k.directory("logs.file", e.file, "")
		} else {
			l.Journal = k.unit(e.journal)
		}
		if len(k.faults) > before {
			continue
		}
		if earlier, ok := seen[l.Name()]; ok {
			k.repeated("logs", e.at, earlier, l.Name())
			continue
		}
		seen[l.Name()] = e.at
		out = append(out, l)
	}
	return out
}
