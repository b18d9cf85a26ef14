package firewall

import (
	"bytes"
	"strings"
)

// Iptables reads the text of iptables-save or ip6tables-save (iptables-save(8)),
// as rules.v4 and rules.v6 hold it. Lines that make no sense are passed over.
func (r *Rules) Iptables(text []byte, family string) {
	table := ""
	for line := range bytes.Lines(text) {
		words := quoted(string(line))
		switch {
		case len(words) == 0 || words[0][0] == '#':
		case words[0][0] == '*':
			table = "iptables " + words[0][1:]
		case words[0][0] == ':' && len(words) > 1:
			r.base(family, table, words[0][1:], words[1])
		case len(words) > 1 && (words[0] == "-A" || words[0] == "--append"):
			r.add(r.chain(family, table, words[1]), iptablesRule(words[2:]))
		case len(words) > 1 && (words[0] == "-I" || words[0] == "--insert"):
			c := r.chain(family, table, words[1])
			r.add(c, iptablesRule(words[2:]))
			if last := len(c.rules) - 1; last > 0 {
				first := c.rules[last]
				copy(c.rules[1:], c.rules[:last])
				c.rules[0] = first
			}
		case len(words) > 2 && (words[0] == "-P" || words[0] == "--policy"):
			r.base(family, table, words[1], words[2])
		}
	}
}

// base notes a chain; a built-in one has a policy, and sees what comes in if it
// is INPUT, or PREROUTING of raw and mangle.
func (r *Rules) base(family, table, name, policy string) {
	c := r.chain(family, table, name)
	if policy == "DROP" || policy == "REJECT" {
		c.policy = drop
	}
	c.kind = "filter"
	switch {
	case table == "iptables nat":
		c.kind = "nat"
	case name == "INPUT":
		c.hook = "input"
	case name == "PREROUTING":
		c.hook = "prerouting"
	}
}

// quoted cuts a line into words; what stands in double quotes is one.
func quoted(line string) []string {
	if !strings.Contains(line, `"`) {
		return strings.Fields(line)
	}
	var words []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 0 {
			words = append(words, strings.Fields(part)...)
		} else {
			words = append(words, `"`+part)
		}
	}
	return words
}

// iptablesRule reads the words after the chain's name.
func iptablesRule(words []string) rule {
	r := rule{}
	next := func(i int) string {
		if i+1 < len(words) {
			return words[i+1]
		}
		return ""
	}
	negated := false
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "!" {
			negated = true
			continue
		}
		switch word {
		case "-p", "--protocol":
			if name := strings.ToLower(next(i)); name != "all" {
				r.protocols = append(r.protocols, name)
				r.vague = r.vague || negated
			}
		case "--dport", "--destination-port", "--dports", "--destination-ports":
			r.ports, r.not = spans(next(i), ":"), negated
			r.vague = r.vague || len(r.ports) == 0
		case "-s", "--source", "--src-range", "--match-set":
			r.source(word, next(i), next(i+1), negated)
		case "-i", "--in-interface":
			r.known = r.known || next(i) == "lo" && !negated
			r.vague = r.vague || next(i) != "lo"
		case "--ctstate", "--state":
			r.state(next(i), negated)
		case "--limit", "--hashlimit-upto", "--hashlimit", "--connlimit-upto":
			r.limited = true
		case "--hashlimit-above", "--connlimit-above", "--hitcount":
			r.limited, r.over = true, true
		case "-j", "--jump", "-g", "--goto":
			r.jump(word, next(i))
		case "-m", "--match", "--comment", "--log-prefix", "--limit-burst", "--hashlimit-burst", "--hashlimit-mode", "--hashlimit-name",
			"--reject-with", "--seconds", "--name", "--log-level", "--hashlimit-htable-expire", "--mask", "--connlimit-mask", "--set-mark", "--set-xmark":
		case "--rsource", "--rcheck", "--update", "--set", "--rttl", "--dst", "--connlimit-saddr":
			i-- // has no value
		default:
			r.vague = true
			if !strings.HasPrefix(word, "-") || strings.HasPrefix(next(i), "-") {
				i--
			}
		}
		negated = false
		i++
	}
	return r
}

// source reads a condition on where the packet comes from: a stranger is not
// there, unless the rule is for all others.
func (r *rule) source(word, value, direction string, negated bool) {
	switch {
	case word == "--match-set" && !strings.HasPrefix(direction, "src"):
		r.vague = true
	case value == "0.0.0.0/0" || value == "::/0":
	default:
		r.known = r.known || !negated
	}
}

// state reads a list of a connection's states.
func (r *rule) state(list string, negated bool) {
	isNew := false
	for one := range strings.SplitSeq(strings.ToUpper(list), ",") {
		isNew = isNew || one == "NEW"
	}
	r.known = r.known || isNew == negated
}

// jump reads a target. What only marks or logs lets the next rule follow.
func (r *rule) jump(word, target string) {
	switch target {
	case "ACCEPT":
		r.verdict = accept
	case "DROP", "REJECT", "TARPIT":
		r.verdict = drop
	case "RETURN":
		r.verdict = goBack
	case "LOG", "MARK", "CONNMARK", "NFLOG", "ULOG", "CT", "NOTRACK", "AUDIT", "TRACE", "SET", "CHECKSUM", "TCPMSS", "DSCP", "":
	case "NFQUEUE", "QUEUE":
		r.verdict = unknown
	default:
		r.verdict, r.target = call, target
		if word == "-g" || word == "--goto" {
			r.verdict = leave
		}
	}
}
