package firewall

import (
	"slices"
	"strconv"
	"strings"
)

// Nft reads a rule set as nft(8) prints it and nftables.conf holds it. What
// makes no sense is passed over.
func (r *Rules) Nft(text []byte) {
	p := nftReader{rules: r, words: nftWords(text), defined: map[string][]string{}}
	for p.at < len(p.words) {
		p.statement()
	}
}

// nftReader goes through the words of a rule set. A line's end is a word.
type nftReader struct {
	rules         *Rules
	words         []string
	at            int
	family, table string
	defined       map[string][]string
}

// end is the word for a line's end, which a semicolon is too.
const end = "\n"

// maxWords bounds the words of a text.
const maxWords = 1 << 22

// nftWords cuts a text into words, braces and line ends. Comments go, and what
// stands in quotes is one word.
func nftWords(text []byte) []string {
	var words []string
	s := string(text)
	for i := 0; i < len(s) && len(words) < maxWords; {
		switch c := s[i]; {
		case c == '\n' || c == ';':
			words = append(words, end)
			i++
		case c == ' ' || c == '\t' || c == '\r' || c == ',':
			i++
		case c == '#':
			i += toLineEnd(s[i:])
		case c == '\\' && i+1 < len(s) && s[i+1] == '\n':
			i += 2
		case c == '{' || c == '}':
			words = append(words, string(c))
			i++
		case c == '"':
			n := strings.IndexAny(s[i+1:], "\"\n")
			if n < 0 {
				n = len(s) - i - 1
			}
			words = append(words, s[i:i+1+n])
			i += n + 1
			if i < len(s) && s[i] == '"' {
				i++
			}
		default:
			n := strings.IndexAny(s[i:], " \t\r\n;,{}\"#")
			if n < 0 {
				n = len(s) - i
			}
			words = append(words, s[i:i+n])
			i += n
		}
	}
	return words
}

func toLineEnd(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

// line takes the words up to the line's end; a brace that opens on it takes what
// it holds along.
func (p *nftReader) line() []string {
	from, open := p.at, 0
	for ; p.at < len(p.words); p.at++ {
		switch p.words[p.at] {
		case "{":
			open++
		case "}":
			if open--; open < 0 {
				return p.words[from:p.at]
			}
		case end:
			if open == 0 {
				line := p.words[from:p.at]
				p.at++
				return line
			}
		}
	}
	return p.words[from:]
}

// statement reads what stands outside of all tables.
func (p *nftReader) statement() {
	switch p.words[p.at] {
	case end, "}":
		p.at++
		return
	case "table":
		p.openTable(p.at + 1)
		return
	}
	line := p.line()
	switch {
	case len(line) > 3 && line[0] == "define" && line[2] == "=" && len(p.defined) < maxDepth<<6:
		p.defined["$"+line[1]] = values(line[3:])
	case len(line) > 2 && line[0] == "add" && line[1] == "rule":
		// add rule [FAMILY] TABLE CHAIN …
		rest := line[2:]
		family := IPv4
		if isFamily(rest[0]) {
			family, rest = rest[0], rest[1:]
		}
		if len(rest) > 2 {
			p.rules.add(p.rules.chain(family, rest[0], rest[1]), p.rule(rest[2:]))
		}
	case len(line) > 1 && line[0] == "flush" && line[1] == "ruleset":
		p.rules.chains = nil
	}
}

func isFamily(word string) bool {
	return slices.Contains([]string{IPv4, IPv6, Inet, "arp", "bridge", "netdev"}, word)
}

// openTable reads "table [FAMILY] NAME { … }".
func (p *nftReader) openTable(at int) {
	p.family, p.table = IPv4, ""
	if at < len(p.words) && isFamily(p.words[at]) {
		p.family = p.words[at]
		at++
	}
	if at < len(p.words) && p.words[at] != end && p.words[at] != "{" {
		p.table = p.words[at]
		at++
	}
	if p.at = at; at >= len(p.words) || p.words[at] != "{" {
		p.line()
		return
	}
	for p.at++; p.at < len(p.words) && p.words[p.at] != "}"; {
		if p.words[p.at] == "chain" && p.at+2 < len(p.words) && p.words[p.at+2] == "{" {
			name := p.words[p.at+1]
			p.at += 3
			p.openChain(p.rules.chain(p.family, p.table, name))
			continue
		}
		p.line() // a set, a flag, a counter
	}
	p.at++
}

// openChain reads the lines of a chain: its head, its policy, its rules.
func (p *nftReader) openChain(c *chain) {
	for p.at < len(p.words) && p.words[p.at] != "}" {
		line := p.line()
		switch {
		case len(line) == 0:
		case line[0] == "type":
			c.head(line)
		case line[0] == "policy" && len(line) > 1:
			c.setPolicy(line[1])
		case line[0] == "comment":
		default:
			p.rules.add(c, p.rule(line))
		}
	}
	p.at++
}

// head reads "type filter hook input priority filter".
func (c *chain) head(line []string) {
	for i := 0; i+1 < len(line); i++ {
		switch line[i] {
		case "type":
			c.kind = line[i+1]
		case "hook":
			c.hook = line[i+1]
		case "policy":
			c.setPolicy(line[i+1])
		}
	}
}

func (c *chain) setPolicy(word string) {
	if c.policy = accept; word == "drop" {
		c.policy = drop
	}
}

// values takes the members of "{ a, b }" or a single one.
func values(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	if words[0] != "{" {
		return words[:1]
	}
	if n := slices.Index(words, "}"); n > 0 {
		return words[1:n]
	}
	return words[1:]
}

// rule reads one line of a chain.
func (p *nftReader) rule(words []string) rule {
	r := rule{}
	for i := 0; i < len(words); {
		i += p.match(&r, words[i:])
	}
	return r
}

// match reads what the first words ask for or do, and says how many they are.
func (p *nftReader) match(r *rule, words []string) int {
	second := ""
	if len(words) > 1 {
		second = words[1]
	}
	switch words[0] {
	case "udp", "tcp", "th":
		if words[0] != "th" {
			r.protocols = []string{words[0]}
		}
		return 2 + p.ports(r, second, words[min(2, len(words)):])
	case "meta", "ip", "ip6", "iif", "iifname", "ct":
		return p.about(r, words)
	case "limit":
		r.limited = true
		for n, word := range words {
			if word == "over" {
				r.over = true
			}
			if strings.Contains(word, "/") {
				return n + 1
			}
		}
		return len(words)
	case "meter", "add", "update", "quota":
		r.limited, r.over = true, slices.Contains(words, "over")
		return 1 + len(slices.Collect(upTo(words[1:], "}")))
	case "accept":
		r.verdict = accept
	case "drop", "reject":
		r.verdict = drop
	case "return":
		r.verdict = goBack
	case "jump", "goto":
		r.verdict, r.target = call, second
		if words[0] == "goto" {
			r.verdict = leave
		}
		return 2
	case "counter", "continue", "notrack", "packets", "bytes":
		if words[0] == "counter" && second == "packets" {
			return min(5, len(words))
		}
	case "log", "comment":
		n := 1
		for n < len(words) && (slices.Contains([]string{"prefix", "level", "flags", "group"}, words[n]) || words[n][0] == '"') {
			if words[n][0] != '"' {
				n++ // its value
			}
			n++
		}
		return min(n, len(words))
	case "with", "type", "icmp", "icmpx", "port-unreachable", "admin-prohibited": // of reject
	case "queue", "vmap":
		r.verdict = unknown
		return len(words)
	default:
		r.vague = true
	}
	return 1
}

// upTo gives the words up to and with one.
func upTo(words []string, last string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, w := range words {
			if !yield(w) || w == last {
				return
			}
		}
	}
}

// ports reads "dport { 5060, 5061 }" and what else there is of udp and tcp.
func (p *nftReader) ports(r *rule, field string, words []string) int {
	taken := 0
	if len(words) > 0 && words[0] == "!=" {
		r.not = field == "dport"
		words, taken = words[1:], 1
	}
	if len(words) == 0 {
		return taken
	}
	list := values(words)
	if words[0] == "{" {
		taken += min(len(list)+2, len(words))
	} else {
		taken++
	}
	if known, ok := p.defined[words[0]]; ok {
		list = known
	}
	if field != "dport" {
		r.vague = true // of a source port or a flag
		return taken
	}
	for _, one := range list {
		r.ports = append(r.ports, spans(one, "-")...)
	}
	if len(r.ports) == 0 {
		r.vague = true
	}
	if taken < len(words)+1 && slices.Contains(words, "vmap") {
		r.verdict = unknown
	}
	return taken
}

// about reads a condition on the packet: its protocol, its source, its interface,
// its connection.
func (p *nftReader) about(r *rule, words []string) int {
	at := 1
	field := words[0]
	if field != "iif" && field != "iifname" && len(words) > 1 {
		field += " " + words[1]
		at = 2
	}
	negated := at < len(words) && words[at] == "!="
	if negated {
		at++
	}
	if at >= len(words) {
		r.vague = true
		return at
	}
	list := values(words[at:])
	if known, ok := p.defined[words[at]]; ok {
		list = known
	}
	if words[at] == "{" {
		at += min(len(list)+2, len(words)-at)
	} else {
		at++
	}
	switch field {
	case "meta l4proto", "ip protocol", "ip6 nexthdr":
		r.protocols = list
		r.vague = r.vague || negated
	case "ip saddr", "ip6 saddr":
		everybody := slices.Contains(list, "0.0.0.0/0") || slices.Contains(list, "::/0")
		r.known = r.known || !negated && !everybody
	case "iif", "iifname", "meta iif", "meta iifname":
		lo := len(list) == 1 && strings.Trim(list[0], `"`) == "lo"
		r.known = r.known || lo && !negated
		r.vague = r.vague || !lo
	case "ct state":
		isNew := slices.ContainsFunc(list, func(s string) bool { return s == "new" })
		r.known = r.known || isNew == negated
		for at < len(words) && slices.Contains([]string{"established", "related", "new", "invalid", "untracked"}, words[at]) {
			if words[at] == "new" { // "ct state established, new": commas are no words
				r.known = negated
			}
			at++
		}
	case "meta mark", "ct mark":
		r.vague = true
		if at < len(words) && words[at-1] == "set" {
			r.vague = false
			at++
		}
	case "ct helper", "meta nftrace", "meta priority":
		if words[at-1] == "set" {
			at = min(at+1, len(words))
		}
	default:
		r.vague = true
	}
	return at
}

// spans reads ports and ranges of them, as numbers or by the names of SIP.
func spans(text, between string) []span {
	var found []span
	for one := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(one, between)
		a, ok := port(from)
		if !ok {
			continue
		}
		b := a
		if isRange {
			if b, ok = port(to); !ok {
				b = 65535
			}
		}
		found = append(found, span{a, b})
	}
	return found
}

// port reads a number, or one of the names that nft prints for SIP.
func port(word string) (uint16, bool) {
	switch word {
	case "sip":
		return 5060, true
	case "sips", "sip-tls":
		return 5061, true
	}
	n, err := strconv.ParseUint(word, 10, 16)
	return uint16(n), err == nil
}
