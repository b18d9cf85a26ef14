// Package firewall reads the rules of a packet filter from their text, and says
// what becomes of a stranger's first packet to a port. It reads what nft and
// iptables-save print and what their files hold, changes nothing and asks
// nobody.
//
// It knows less than the kernel does. A condition that it cannot weigh counts as
// not met where the rule accepts, and as a limit where the rule drops, so that
// nothing is called open that may be guarded.
package firewall

import "slices"

// Families of addresses. An nftables table of the family inet is for both.
const (
	IPv4 = "ip"
	IPv6 = "ip6"
	Inet = "inet"
)

// Access is what becomes of a stranger's first packet.
type Access int

// From bad to good: it gets in as often as the stranger likes, it gets in within
// a limit or under a condition that is not known here, it does not get in.
const (
	Open Access = iota
	Limited
	Closed
)

// Bounds of what is read. A generated rule set of the largest kind has some ten
// thousand rules.
const (
	maxRules  = 1 << 16
	maxChains = 1 << 12
	maxDepth  = 16 // of chains that call each other; the kernel allows as many
	maxSteps  = 1 << 20
)

// Rules is a packet filter's set of rules.
type Rules struct {
	chains []*chain
	rules  int
	// cut says that there were too many rules, and not all are here.
	cut bool
}

// chain is a list of rules, which is entered at a hook or from another chain.
type chain struct {
	family, table, name string
	hook                string  // input, prerouting …; empty when others call it
	kind                string  // filter, nat, route
	policy              verdict // of a chain with a hook
	rules               []rule
}

// verdict is what a rule does.
type verdict int

const (
	proceed verdict = iota // counts, logs, marks; the next rule follows
	accept
	drop
	call    // of another chain, which may return
	leave   // for another chain, without return
	goBack  // to the caller, or to the policy
	unknown // it does something else: queue, a map of verdicts
)

// rule is one line. Its zero value matches everything and does nothing.
type rule struct {
	protocols []string // of which one must be met; none is any
	ports     []span   // of the destination; none is any
	not       bool     // the ports are those that do not match
	// known says that strangers' first packets do not meet the rule: it wants a
	// source, an interface of loopback, an established connection.
	known bool
	// vague says that it has a condition that cannot be weighed here.
	vague bool
	// limited says that it matches only so often, over that it matches above a rate.
	limited, over bool
	verdict       verdict
	target        string // a chain's name
}

// span is a range of ports.
type span struct{ from, to uint16 }

// Empty says that there are no rules that filter anything.
func (r *Rules) Empty() bool {
	return !slices.ContainsFunc(r.chains, func(c *chain) bool {
		return c.filters() && (c.policy == drop || len(c.rules) > 0)
	})
}

// Holds says that a table of that name is there, whatever its family.
func (r *Rules) Holds(table string) bool {
	return slices.ContainsFunc(r.chains, func(c *chain) bool { return c.table == table })
}

// Cut says that there were more rules than are kept.
func (r *Rules) Cut() bool { return r.cut }

// filters says that the chain sees what comes in for this machine.
func (c *chain) filters() bool {
	return (c.hook == "input" || c.hook == "prerouting" || c.hook == "ingress") && c.kind != "nat"
}

// Judge says what becomes of a stranger's first packet to a port, given the
// protocol as udp or tcp and the family as IPv4 or IPv6. Every chain that
// filters has to let it pass.
func (r *Rules) Judge(family, protocol string, port uint16) Access {
	w := walk{rules: r, family: family, protocol: protocol, port: port}
	best := Open
	if r.cut { // what is missing may be a guard
		best = Limited
	}
	for _, c := range r.chains {
		if !c.filters() || c.family != family && c.family != Inet {
			continue
		}
		end := w.through(c, 0)
		if end == proceed || end == goBack {
			end = c.policy
		}
		switch {
		case end == drop:
			return Closed
		case w.guarded || end == unknown:
			best = Limited
		}
		w.guarded = false
	}
	return best
}

// walk is a packet's way through the chains.
type walk struct {
	rules            *Rules
	family, protocol string
	port             uint16
	guarded          bool // something on the way may have stopped it
	steps            int
}

// through gives the verdict of a chain: proceed when its end is reached.
func (w *walk) through(c *chain, depth int) verdict {
	if depth > maxDepth {
		return unknown
	}
	for i := range c.rules {
		if w.steps++; w.steps > maxSteps {
			return unknown
		}
		if end := w.step(c, &c.rules[i], depth); end != proceed {
			return end
		}
	}
	return proceed
}

// step gives the verdict of one rule.
func (w *walk) step(c *chain, r *rule, depth int) verdict {
	if !r.meets(w.protocol, w.port) {
		return proceed
	}
	switch r.verdict {
	case accept:
		if r.vague {
			return proceed
		}
		// What is let in only so often is guarded, and the rest goes on.
		w.guarded = w.guarded || r.limited && !r.over
		if r.limited {
			return proceed
		}
		return accept
	case drop:
		if r.limited || r.vague {
			w.guarded = true
			return proceed
		}
		return drop
	case call, leave:
		return w.enter(c, r, depth)
	}
	return r.verdict
}

// enter goes through another chain of the same table.
func (w *walk) enter(c *chain, r *rule, depth int) verdict {
	i := slices.IndexFunc(w.rules.chains, func(o *chain) bool {
		return o.family == c.family && o.table == c.table && o.name == r.target
	})
	if i < 0 {
		return unknown
	}
	end := w.through(w.rules.chains[i], depth+1)
	switch {
	case end == goBack && r.verdict == call, end == proceed && r.verdict == call:
		return proceed
	case r.vague || r.limited:
		// Only some packets come there: what it does with them is a guard at most.
		w.guarded = w.guarded || end == drop || end == unknown
		return proceed
	case r.verdict == leave && end == proceed:
		return goBack
	}
	return end
}

// meets says that a stranger's first packet to a port may match.
func (r *rule) meets(protocol string, port uint16) bool {
	if r.known || len(r.protocols) > 0 && !slices.Contains(r.protocols, protocol) {
		return false
	}
	if len(r.ports) == 0 {
		return true
	}
	in := slices.ContainsFunc(r.ports, func(s span) bool { return s.from <= port && port <= s.to })
	return in != r.not
}

// chain gives the chain of a name, which is made if need be.
func (r *Rules) chain(family, table, name string) *chain {
	for _, c := range r.chains {
		if c.family == family && c.table == table && c.name == name {
			return c
		}
	}
	c := &chain{family: family, table: table, name: name, policy: accept}
	if len(r.chains) < maxChains {
		r.chains = append(r.chains, c)
	} else {
		r.cut = true
	}
	return c
}

// add puts a rule at the end of a chain, as long as there is room.
func (r *Rules) add(c *chain, one rule) {
	if r.rules++; r.rules > maxRules {
		r.cut = true
		return
	}
	c.rules = append(c.rules, one)
}
