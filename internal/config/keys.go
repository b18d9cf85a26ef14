package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// key describes one setting. The table below is the whole list.
type key struct {
	// name is the dotted name.
	name string
	// example shows a right value, in YAML.
	example string
	// auto says what an empty value means; "" where it just means none.
	auto string
	// values gives what is in force; isList says how it is written.
	values func(c *Config) []string
	isList bool
}

var keys = []key{
	{name: "mode", example: "enforce", values: func(c *Config) []string { return []string{string(c.Mode)} }},
	{name: "listen", example: "[{port: 5060, transport: udp}]", auto: "found by itself", isList: true, values: listenValues},
	{name: "interfaces", example: "[eth0]", auto: "found by itself", isList: true, values: func(c *Config) []string { return quoted(c.Interfaces) }},
	{name: "allow", example: "[192.0.2.0/24, 2001:db8::/32]", isList: true, values: func(c *Config) []string { return prefixWords(c.Allow) }},
	{name: "trunks", example: "[198.51.100.20, sip.example.net]", isList: true, values: func(c *Config) []string {
		return append(prefixWords(c.Trunks), quoted(c.TrunkNames)...)
	}},
	{name: "local", example: "[192.0.2.10]", auto: "found by itself", isList: true, values: localValues},
	{name: "logs", example: "[{file: /var/log/asterisk/security.log, format: asterisk}]", auto: "found by itself", isList: true, values: logValues},
	{name: "feeds.ami", example: "{user: sipward, secret_file: /etc/sipward/ami.secret}", values: func(c *Config) []string { return c.AMI.words() }},
	{name: "feeds.esl", example: "{password_file: /etc/sipward/esl.secret}", values: func(c *Config) []string { return c.ESL.words() }},
	{name: "hep.listen", example: "[\"udp:127.0.0.1:9060\"]", isList: true, values: hepValues},
	{name: "hep.from", example: "[192.0.2.10]", auto: "this machine alone", isList: true, values: func(c *Config) []string { return prefixWords(c.HEP.From) }},
	{name: "hep.key_file", example: "/etc/sipward/hep.key", values: hepKeyValues},
	{name: "enforce.backend", example: "auto", values: func(c *Config) []string { return []string{string(c.Backend)} }},
	{name: "ban.longest", example: "7d", values: func(c *Config) []string { return []string{FormatDuration(c.LongestBan)} }},
	{name: "ban.scope", example: "sip", values: func(c *Config) []string { return []string{scopeWord(c.BanAll)} }},
	{name: "metrics", example: "127.0.0.1:9480", values: func(c *Config) []string { return []string{metricsWord(c.Metrics)} }},
	{name: "state", example: "/var/lib/sipward", values: func(c *Config) []string { return quoted([]string{c.State}) }},
}

// example gives advice for the value of a key.
func example(name string) string {
	switch name {
	case "":
		return "for example \"mode: enforce\""
	case "listen":
		return "for example \"listen: [{port: 5060, transport: udp}]\""
	case "listen.port":
		return "for example \"port: 5060\""
	case "listen.transport":
		return "for example \"transport: udp\""
	case "logs.file":
		return "for example \"file: /var/log/asterisk/security.log\""
	case "logs.format":
		return "for example \"format: asterisk\""
	case "logs.pattern":
		return "for example \"pattern: /etc/sipward/edge.yaml\""
	case "logs.journal":
		return "for example \"journal: kamailio.service\""
	case "feeds":
		return "for example \"feeds: {esl: {password_file: /etc/sipward/esl.secret}}\""
	case "feeds.ami.address":
		return "for example \"address: 127.0.0.1:5038\""
	case "feeds.ami.user":
		return "for example \"user: sipward\""
	case "feeds.ami.secret_file":
		return "for example \"secret_file: /etc/sipward/ami.secret\""
	case "feeds.ami.ca_file":
		return "for example \"ca_file: /etc/asterisk/keys/ca.crt\""
	case "feeds.esl.address":
		return "for example \"address: 127.0.0.1:8021\""
	case "feeds.esl.password_file":
		return "for example \"password_file: /etc/sipward/esl.secret\""
	case "hep":
		return "for example \"hep: {listen: ['udp:127.0.0.1:9060']}\""
	case "enforce":
		return "for example \"enforce: {backend: auto}\""
	case "ban":
		return "for example \"ban: {longest: 7d}\""
	}
	for _, k := range keys {
		if k.name == name {
			_, last, nested := strings.Cut(name, ".")
			if !nested {
				last = name
			}
			return fmt.Sprintf("for example \"%s: %s\"", last, k.example)
		}
	}
	panic("config: no example for " + name)
}

// Setting is one key with the value in force.
type Setting struct {
	Key string `json:"key"`
	// Value is written as in the file.
	Value string `json:"value"`
	// Origin is "default" or the file and line that set it.
	Origin string `json:"origin"`
}

// Settings lists every key with the value in force.
func (c *Config) Settings() []Setting {
	all := make([]Setting, 0, len(keys))
	for _, k := range keys {
		s := Setting{Key: k.name, Value: strings.Join(k.values(c), ", "), Origin: "default"}
		if k.isList {
			s.Value = "[" + s.Value + "]"
		}
		if at, ok := c.origins[k.name]; ok {
			s.Origin = at.String()
		} else if k.auto != "" {
			s.Origin = "default: " + k.auto
		}
		all = append(all, s)
	}
	return all
}

// Effective writes every key with the value in force and where it comes from,
// as a settings file that would give the same.
func (c *Config) Effective() string { return c.text(func(string) bool { return true }) }

// Differences writes only what the files set.
func (c *Config) Differences() string {
	return c.text(func(key string) bool { _, ok := c.origins[key]; return ok })
}

func (c *Config) text(wanted func(key string) bool) string {
	var b strings.Builder
	group := ""
	for i, s := range c.Settings() {
		if !wanted(s.Key) {
			continue
		}
		parent, name, nested := strings.Cut(s.Key, ".")
		indent := ""
		if nested {
			if parent != group {
				fmt.Fprintf(&b, "%s:\n", parent)
			}
			group, indent = parent, "  "
		} else {
			name = s.Key
		}
		line := fmt.Sprintf("%s%s: %s", indent, name, s.Value)
		if values := keys[i].values(c); keys[i].isList && len(line) > 44 {
			// Long lists go one entry to a line, as people write them.
			fmt.Fprintf(&b, "%-44s # %s\n", indent+name+":", s.Origin)
			for _, v := range values {
				fmt.Fprintf(&b, "%s  - %s\n", indent, v)
			}
			continue
		}
		fmt.Fprintf(&b, "%-44s # %s\n", line, s.Origin)
	}
	return b.String()
}

// plain matches words that YAML reads back as the same text without quotes.
var plain = regexp.MustCompile(`^[a-zA-Z/][a-zA-Z0-9/._-]*$`)

func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = w; !plain.MatchString(w) || slices.Contains(reserved, strings.ToLower(w)) {
			out[i] = strconv.Quote(w)
		}
	}
	return out
}

// reserved are words that YAML does not read as text.
var reserved = []string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}

func listenValues(c *Config) []string {
	out := make([]string, len(c.Listen))
	for i, l := range c.Listen {
		out[i] = fmt.Sprintf("{port: %d, transport: %s}", l.Port, l.Transport)
	}
	return out
}

func logValues(c *Config) []string {
	out := make([]string, len(c.Logs))
	for i, l := range c.Logs {
		out[i] = fmt.Sprintf("{file: %s, format: %s", quoted([]string{l.File})[0], l.Format)
		if l.Journal != "" {
			out[i] = fmt.Sprintf("{journal: %s, format: %s", quoted([]string{l.Journal})[0], l.Format)
		}
		if l.Pattern != "" {
			out[i] += ", pattern: " + quoted([]string{l.Pattern})[0]
		}
		out[i] += "}"
	}
	return out
}

func localValues(c *Config) []string {
	out := make([]string, len(c.Local))
	for i, a := range c.Local {
		out[i] = addressWord(a.String())
	}
	return out
}

// prefixWords writes a host without its length, as people do.
func prefixWords(prefixes []netip.Prefix) []string {
	out := make([]string, len(prefixes))
	for i, p := range prefixes {
		if out[i] = p.String(); p.IsSingleIP() {
			out[i] = addressWord(p.Addr().String())
		}
	}
	return out
}

// addressWord quotes what YAML would take for a key (2001:db8::) or for a list
// ([::1]:9480).
func addressWord(text string) string {
	if strings.HasSuffix(text, ":") || strings.HasPrefix(text, "[") {
		return strconv.Quote(text)
	}
	return text
}

func scopeWord(all bool) string {
	if all {
		return "all"
	}
	return "sip"
}

func metricsWord(at netip.AddrPort) string {
	if !at.IsValid() {
		return "off"
	}
	return addressWord(at.String())
}
