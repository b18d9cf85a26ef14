package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// HEP is where servers tell of their messages (Homer Encapsulation Protocol).
type HEP struct {
	// Listen is empty when nobody is asked to tell.
	Listen []HEPListen
	// From are the senders; empty means this machine alone.
	From []netip.Prefix
	// KeyFile, if set, holds the key that senders must give. It is no part of
	// the settings, so that these can be shown to anybody.
	KeyFile string
}

// HEPListen is one place to listen at.
type HEPListen struct {
	Network string // udp or tcp
	At      netip.AddrPort
}

// String writes the place as the settings do: udp:127.0.0.1:9060.
func (l HEPListen) String() string { return l.Network + ":" + l.At.String() }

// mostHEP bounds the listeners, each of which has a goroutine and a buffer.
const mostHEP = 8

// rawHEP is what the files say of it.
type rawHEP struct {
	listen, from []word
	key          word
	// partly says that something could not be read, so that nothing may be
	// called missing.
	partly bool
}

func (r *raw) takeHEP(s *shape) taker {
	take := s.group(map[string]taker{"listen": s.words(&r.hep.listen), "from": s.words(&r.hep.from), "key_file": s.word(&r.hep.key)})
	return func(key string, node ast.Node) {
		before := len(s.faults)
		take(key, node)
		r.hep.partly = r.hep.partly || len(s.faults) > before
	}
}

// hep checks where servers may tell of messages. Whoever can reach an address
// that other machines reach must be named: what he tells can ban.
func (k *checker) hep(r rawHEP) HEP {
	h := HEP{From: k.prefixes("hep.from", r.from)}
	if r.key.text != off {
		h.KeyFile = k.directory("hep.key_file", r.key, "")
	}
	if h.KeyFile != "" && filepath.Base(h.KeyFile) == filepath.Base(DefaultPath) {
		k.wrong("hep.key_file", r.key, "is the settings file", "give the key a file of its own")
	}
	for i, w := range r.listen {
		l, err := parseHEPListen(w.text)
		switch {
		case err != nil:
			k.wrong("hep.listen", w, err.Why, err.Do)
		case slices.Contains(h.Listen, l):
			k.repeated("hep.listen", w.at, r.listen[slices.Index(h.Listen, l)].at, w.text)
		case i >= mostHEP:
			k.wrong("hep.listen", w, fmt.Sprintf("is one more than the %d that are possible", mostHEP), "let several servers send to one")
		case !l.At.Addr().IsLoopback() && len(r.from) == 0 && !r.partly:
			k.wrong("hep.listen", w, "can be reached by other machines", "add from: with the addresses of the servers that may send, and key_file: without one nobody becomes known to be good by what they tell")
		default:
			h.Listen = append(h.Listen, l)
		}
	}
	for _, w := range []struct {
		key   string
		words []word
	}{{"hep.from", r.from}, {"hep.key_file", []word{r.key}}} {
		if len(w.words) > 0 && w.words[0].given() && w.words[0].text != off && len(r.listen) == 0 && !r.partly {
			k.wrong(w.key, w.words[0], "has no effect without hep.listen", "add listen: [udp:127.0.0.1:9060]")
		}
	}
	return h
}

// parseHEPListen reads udp:127.0.0.1:9060. The network has no default: a sender
// that speaks the other one would be sending into the void.
func parseHEPListen(text string) (HEPListen, *Mistake) {
	network, address, _ := strings.Cut(text, ":")
	if network != "udp" && network != "tcp" {
		m := &Mistake{Why: "does not begin with udp: or tcp:", Do: "write udp:127.0.0.1:9060"}
		if near := Nearest(network, []string{"udp", "tcp"}); near != "" {
			m.Do = fmt.Sprintf("did you mean %q?", near)
		}
		if _, err := netip.ParseAddrPort(text); err == nil {
			m.Do = fmt.Sprintf("did you mean %q?", "udp:"+text)
		}
		return HEPListen{}, m
	}
	at, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return HEPListen{}, &Mistake{Why: "is not an address and port", Do: "write udp:127.0.0.1:9060"}
	case at.Port() == 0:
		return HEPListen{}, &Mistake{Why: "has port 0", Do: "write udp:127.0.0.1:9060"}
	case at.Addr().IsMulticast():
		return HEPListen{}, &Mistake{Why: "is no address to listen at", Do: "write udp:127.0.0.1:9060"}
	}
	return HEPListen{network, netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}, nil
}

func hepKeyValues(c *Config) []string {
	if c.HEP.KeyFile == "" {
		return []string{off}
	}
	return quoted([]string{c.HEP.KeyFile})
}

func hepValues(c *Config) []string {
	out := make([]string, len(c.HEP.Listen))
	for i, l := range c.HEP.Listen {
		out[i] = fmt.Sprintf("%q", l.String()) // a colon and a bracket have meanings in YAML
	}
	return out
}
