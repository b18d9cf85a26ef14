package nft

import (
	"bytes"
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// Numbers of the nf_tables interface that golang.org/x/sys/unix lacks.
const (
	tableFlagOwner   = 0x2
	tableFlagPersist = 0x4
	tableAttrOwner   = 7
	setFlagConcat    = 0x80
	setFlagExpr      = 0x100
	setAttrExpr      = 17
	setAttrExprs     = 18
	setAttrCount     = 20
	setDescConcat    = 2
	setFieldLength   = 1
	elementAttrExprs = 11
	familyInet       = unix.NFPROTO_INET
	hookPrerouting   = 0
	hookPriority     = -310 // before connection tracking (-200) and before the raw tables (-300)
	typeIPv4         = 7    // nft's own numbers for the types of keys, used
	typeIPv6         = 8    // only to print them
	typeProtocol     = 12
	typeService      = 13
	typeBits         = 6 // a concatenation shifts its parts by this
)

// A shape is how a set of the kernel stores sources.
type shape uint8

const (
	hosts    shape = iota // hash of single addresses
	subnets               // hash of IPv6 /64s
	ranges                // tree of ranges that do not overlap
	pairs                 // hash of (address, source port)
	services              // hash of (protocol, destination port)
)

// A kernelSet is one set in the kernel. One Set becomes several of them, for
// each address family and each shape.
type kernelSet struct {
	name  string
	set   Set
	shape shape
	ipv6  bool
}

// protectedPorts is the one set that holds no sources.
var protectedPorts = kernelSet{name: "ports", shape: services}

// capability is what this kernel can do, found out by trying.
type capability struct {
	owner   bool // tables that belong to a socket and survive it (6.9)
	several bool // several expressions an element: limits that count (5.12)
}

// A layout is everything of the table but its elements: what to create, and
// what to compare the kernel's answer with.
type layout struct {
	options Options
	can     capability
	sets    []kernelSet
	chains  []chain
}

type chain struct {
	name  string
	base  bool // hooked into the network stack
	rules []chainRule
}

type chainRule struct {
	set         Set // whose hits the rule counts; 0: nobody's
	expressions rule
}

// shapesOf says how each set stores its sources. Ranges cost a packet more
// than a hash and change more slowly, so single addresses never go there,
// except for the few of NeverBan.
var shapesOf = map[Set][]shape{
	NeverBan: {ranges}, KnownGood: {hosts},
	DropAll: {hosts, subnets, ranges}, DropSIP: {hosts, subnets, ranges},
	HoldPort: {pairs}, LimitPort: {pairs}, GoodPort: {pairs},
	Hold: {hosts, subnets}, Limit: {hosts, subnets}, LimitSlow: {hosts, subnets},
}

// newLayout lays the table out for a kernel with the capability. The order of
// sets and chains is the order in which they are created.
func newLayout(o Options, can capability) *layout {
	l := &layout{options: o, can: can}
	for set := NeverBan; set <= LimitSlow; set++ {
		for _, ipv6 := range []bool{false, true} {
			for _, shape := range shapesOf[set] {
				if shape == subnets && !ipv6 {
					continue
				}
				l.sets = append(l.sets, kernelSet{kernelName(set, shape, ipv6), set, shape, ipv6})
			}
		}
	}
	// A chain must be there before a rule that goes to it.
	l.chains = append(l.familyChains(false), l.familyChains(true)...)
	l.chains = append(l.chains, baseChain())
	return l
}

// kernelName is what an administrator sees: drop_sip4, drop_sip6_subnets.
func kernelName(set Set, shape shape, ipv6 bool) string {
	name := set.String() + version(ipv6)
	switch {
	case shape == subnets:
		return name + "_subnets"
	case shape == ranges && set != NeverBan:
		return name + "_ranges"
	}
	return name
}

// baseChain sends each packet to the chain of its family.
func baseChain() chain {
	c := chain{name: "prerouting", base: true}
	for _, ipv6 := range []bool{false, true} {
		var r rule
		matchFamily(&r, ipv6)
		r.verdict(verdictGoto, "ip"+version(ipv6))
		c.rules = append(c.rules, chainRule{expressions: r})
	}
	return c
}

// familyChains holds the order of judgement. A packet that no set knows and
// that is not for a protected port is through after the first chain.
func (l *layout) familyChains(ipv6 bool) []chain {
	name := "ip" + version(ipv6)
	first, known, sip := chain{name: name}, chain{name: name + "_known"}, chain{name: name + "_sip"}
	first.judge(nil, l.of(NeverBan, ipv6), verdictAccept, "")
	first.judge(nil, l.of(KnownGood, ipv6), verdictGoto, known.name)
	first.judge(nil, l.of(DropAll, ipv6), verdictDrop, "")
	var protected rule
	matchPorts(&protected)
	toSIP := slices.Clone(protected)
	toSIP.verdict(verdictGoto, sip.name)
	first.rules = append(first.rules, chainRule{expressions: toSIP})

	// Falling off the end of a chain reached by goto passes the packet.
	known.refuseUrgent(protected)
	sip.refuseUrgent(nil)
	known.judge(protected, append(l.of(HoldPort, ipv6), l.of(LimitPort, ipv6)...), verdictDrop, "")
	known.judge(protected, l.of(GoodPort, ipv6), verdictAccept, "")
	known.judge(protected, l.of(Hold, ipv6), verdictDrop, "")
	for _, set := range []Set{DropSIP, HoldPort, LimitPort, Hold, Limit, LimitSlow} {
		sip.judge(nil, l.of(set, ipv6), verdictDrop, "")
	}
	return []chain{sip, known, first}
}

// judge appends one rule for each set: what it holds, and what the expressions
// before let through, gets the verdict.
func (c *chain) judge(before rule, sets []kernelSet, code uint32, to string) {
	for _, s := range sets {
		r := slices.Clone(before)
		s.match(&r)
		r.count()
		r.verdict(code, to)
		c.rules = append(c.rules, chainRule{s.set, r})
	}
}

// refuseUrgent appends a rule against TCP segments with urgent data. Linux takes
// such a byte out of what a server reads, now and then, so that nobody who watches
// could tell which message the server saw; and no SIP program sends any (RFC 6093
// tells all to let it be). The flags are at byte 13 of the header (RFC 9293 3.1).
func (c *chain) refuseUrgent(before rule) {
	const urgent = 1 << 5
	r := slices.Clone(before)
	r.meta(unix.NFT_META_L4PROTO)
	r.equal(unix.IPPROTO_TCP)
	r.payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, register)
	r.mask([]byte{urgent})
	r.equal(urgent)
	r.verdict(verdictDrop, "")
	c.rules = append(c.rules, chainRule{expressions: r})
}

// of returns the kernel's sets that make up one set of one family.
func (l *layout) of(set Set, ipv6 bool) []kernelSet {
	var out []kernelSet
	for _, s := range l.sets {
		if s.set == set && s.ipv6 == ipv6 {
			out = append(out, s)
		}
	}
	return out
}

func version(ipv6 bool) string {
	if ipv6 {
		return "6"
	}
	return "4"
}

// matchFamily goes on only for packets of one IP version. The table sees both.
func matchFamily(r *rule, ipv6 bool) {
	r.meta(unix.NFT_META_NFPROTO)
	if ipv6 {
		r.equal(unix.NFPROTO_IPV6)
	} else {
		r.equal(unix.NFPROTO_IPV4)
	}
}

// matchPorts goes on only for the protected ports. A later fragment has no
// ports and passes: without its first fragment it is never reassembled.
func matchPorts(r *rule) {
	r.meta(unix.NFT_META_L4PROTO)
	r.payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, registerAfter4)
	r.lookup(protectedPorts.name)
}

// match goes on only for packets from a source in the set. It asks for the
// family again although only such packets come here: without that, "nft list"
// cannot name the field and prints offsets. (The source address is at byte 12
// or 8 of the header; the ports of UDP and TCP alike are at bytes 0 and 2.)
func (s kernelSet) match(r *rule) {
	matchFamily(r, s.ipv6)
	if s.ipv6 {
		r.payload(unix.NFT_PAYLOAD_NETWORK_HEADER, 8, 16, register)
	} else {
		r.payload(unix.NFT_PAYLOAD_NETWORK_HEADER, 12, 4, register)
	}
	switch s.shape {
	case subnets:
		mask := make([]byte, 16)
		copy(mask, bytes.Repeat([]byte{0xff}, subnet6/8))
		r.mask(mask)
	case pairs:
		port := uint32(registerAfter4)
		if s.ipv6 {
			port = registerAfter16
		}
		r.payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, port)
	}
	r.lookup(s.name)
}

// key returns nft's number for the type of the set's keys and the lengths of
// their parts, each of which is padded to 4 bytes.
func (s kernelSet) key() (kind uint32, parts []uint32) {
	kind, parts = typeIPv4, []uint32{4}
	if s.ipv6 {
		kind, parts = typeIPv6, []uint32{16}
	}
	switch s.shape {
	case pairs:
		return kind<<typeBits | typeService, append(parts, 2)
	case services:
		return typeProtocol<<typeBits | typeService, []uint32{1, 2}
	}
	return kind, parts
}

// limit returns the rate that each element of the set has, if it limits.
func (l *layout) limit(set Set) (Rate, bool) {
	rate, ok := map[Set]Rate{Limit: l.options.Limit, LimitSlow: l.options.LimitSlow, LimitPort: l.options.LimitPort}[set]
	return rate, ok
}

// describe writes what the kernel is told about a set, and what it must
// answer when asked.
func (l *layout) describe(s kernelSet) attributes {
	kind, parts := s.key()
	size, flags := uint32(0), uint32(0)
	for _, part := range parts {
		size += (part + 3) &^ 3
	}
	if s.shape != services {
		flags |= unix.NFT_SET_TIMEOUT
	}
	if s.shape == ranges {
		flags |= unix.NFT_SET_INTERVAL
	}
	if len(parts) > 1 {
		flags |= setFlagConcat
	}
	expressions := l.perElement(s)
	if len(expressions) > 0 {
		flags |= setFlagExpr
	}
	a := l.begin(unix.NFTA_SET_TABLE)
	a.text(unix.NFTA_SET_NAME, s.name)
	a.u32(unix.NFTA_SET_FLAGS, flags)
	a.u32(unix.NFTA_SET_KEY_TYPE, kind)
	a.u32(unix.NFTA_SET_KEY_LEN, size)
	if len(parts) > 1 {
		a.nest(unix.NFTA_SET_DESC, func(a *attributes) {
			a.nest(setDescConcat, func(a *attributes) {
				for _, part := range parts {
					a.nest(unix.NFTA_LIST_ELEM, func(a *attributes) { a.u32(setFieldLength, part) })
				}
			})
		})
	}
	switch len(expressions) {
	case 0:
	case 1: // kernels before 5.12 know only this form, and later ones answer with it
		expressions[0](&a, setAttrExpr)
	default:
		a.nest(setAttrExprs, func(a *attributes) {
			for _, write := range expressions {
				write(a, unix.NFTA_LIST_ELEM)
			}
		})
	}
	return a
}

// perElement returns the expressions that each element of the set gets: a
// limit where the set limits, and behind it a counter, so that it counts only
// what is dropped.
func (l *layout) perElement(s kernelSet) []func(list *attributes, kind uint16) {
	var out []func(*attributes, uint16)
	rate, limited := l.limit(s.set)
	if limited {
		out = append(out, func(list *attributes, kind uint16) { overLimit(list, kind, rate) })
	}
	passes := s.set == NeverBan || s.set == KnownGood || s.set == GoodPort
	if s.shape != services && !passes && (!limited || l.can.several) {
		out = append(out, counter)
	}
	return out
}

// describeChain writes a chain. Only the base chain says where packets come
// in; the policy lets pass what no rule decides.
func (l *layout) describeChain(c chain) attributes {
	a := l.begin(unix.NFTA_CHAIN_TABLE)
	a.text(unix.NFTA_CHAIN_NAME, c.name)
	if c.base {
		priority := int32(hookPriority)
		a.nest(unix.NFTA_CHAIN_HOOK, func(a *attributes) {
			a.u32(unix.NFTA_HOOK_HOOKNUM, hookPrerouting)
			a.u32(unix.NFTA_HOOK_PRIORITY, uint32(priority))
		})
		a.u32(unix.NFTA_CHAIN_POLICY, verdictAccept)
		a.text(unix.NFTA_CHAIN_TYPE, "filter")
	}
	return a
}

// describeRule writes a rule of a chain. Rules have no name: their order in
// the chain is all that tells them apart.
func (l *layout) describeRule(c chain, r chainRule) attributes {
	a := l.begin(unix.NFTA_RULE_TABLE)
	a.text(unix.NFTA_RULE_CHAIN, c.name)
	a.nest(unix.NFTA_RULE_EXPRESSIONS, func(a *attributes) { *a = append(*a, r.expressions...) })
	return a
}

// begin starts the attributes of a message with the name of our table.
func (l *layout) begin(kind uint16) attributes {
	var a attributes
	a.text(kind, l.options.Table)
	return a
}

// flags are the table's flags.
func (l *layout) flags() uint32 {
	if l.can.owner {
		return tableFlagOwner | tableFlagPersist
	}
	return 0
}

// portKeys returns the elements of the set of protected ports.
func (l *layout) portKeys() [][]byte {
	var keys [][]byte
	add := func(protocol byte, ports []uint16) {
		for _, port := range slices.Compact(slices.Sorted(slices.Values(ports))) {
			key := make([]byte, 8)
			key[0] = protocol
			binary.BigEndian.PutUint16(key[4:], port)
			keys = append(keys, key)
		}
	}
	add(unix.IPPROTO_TCP, l.options.TCP)
	add(unix.IPPROTO_UDP, l.options.UDP)
	return keys
}
