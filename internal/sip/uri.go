package sip

import "bytes"

// URI is a SIP, SIPS or foreign URI taken apart. All fields are views of the text that was read. Host has no port and no
// brackets: "2001:db8::1", not "[2001:db8::1]". User and Password keep their percent escapes. Of a foreign scheme only
// what can be told safely is given: user and host around an "@", the host after "//", the number of a tel URI.
type URI struct {
	Scheme   []byte // as spelled, without the colon; nil if missing
	User     []byte // nil if there is none
	Password []byte // nil if there is none
	Host     []byte
	Port     uint16 // 0 if there is none
}

// ParseURI takes a URI apart; it never fails, see Message.Flaws for what is wrong with the ones in a message.
func ParseURI(b []byte) URI {
	var u URI
	u.parse(b)
	return u
}

// parse fills u from b, which must be the URI and nothing else. Besides flaws it may return withHeaders.
func (u *URI) parse(b []byte) Flaws {
	*u = URI{}
	if len(b) > 4 && b[0]|0x20 == 's' && b[1]|0x20 == 'i' && b[2]|0x20 == 'p' {
		if b[3] == ':' {
			u.Scheme = b[:3]
			return u.authority(b[4:])
		}
		if b[3]|0x20 == 's' && b[4] == ':' {
			u.Scheme = b[:4]
			return u.authority(b[5:])
		}
	}
	return u.foreign(b)
}

// foreign reads a URI that is not SIP or has no scheme at all.
func (u *URI) foreign(b []byte) Flaws {
	colon := bytes.IndexByte(b, ':')
	if colon < 1 || all(b[:colon])&inScheme == 0 || b[0]|0x20 < 'a' {
		u.authority(b)
		return BadURI
	}
	var flaws Flaws
	if all(b)&inForeign == 0 || colon+1 == len(b) {
		flaws = BadURI
	}
	u.Scheme = b[:colon]
	rest := b[colon+1:]
	switch {
	case foldEqual(u.Scheme, "tel"):
		u.User, _, _ = bytes.Cut(rest, []byte(";"))
	case bytes.HasPrefix(rest, []byte("//")):
		rest = rest[2:]
		if slash := bytes.IndexByte(rest, '/'); slash >= 0 {
			rest = rest[:slash]
		}
		u.authority(rest)
	case bytes.IndexByte(rest, '@') >= 0:
		u.authority(rest)
	}
	return flaws
}

// authority reads what follows the scheme: [user[:password]@]host[:port] and the rest.
func (u *URI) authority(b []byte) (flaws Flaws) {
	i, c := 0, ^class(0)
	for i < len(b) {
		x := classes[b[i]]
		if x&inUser == 0 {
			break
		}
		c &= x
		i++
	}
	// The usual user is plain and has no password; all others are looked at again. "@" can stand nowhere else in a URI,
	// so the first one decides, wherever it is.
	if i < len(b) && b[i] == '@' && i > 0 && c&notPercent != 0 {
		u.User = b[:i]
		b = b[i+1:]
	} else if at := bytes.IndexByte(b, '@'); at >= 0 {
		flaws = u.userInfo(b[:at])
		b = b[at+1:]
	}
	host, n, ok := splitHost(b)
	u.Host = host
	if n < len(b) && b[n] == ':' {
		port, end, valid := portAt(b, n+1)
		if valid && (end == len(b) || b[end] == ';' || b[end] == '?') {
			u.Port = port
			n = end
		} else {
			ok = false
			n = u.bareIPv6(b)
		}
	}
	if n < len(b) {
		flaws |= restFlaws(b[n:])
	}
	if !ok {
		flaws |= BadURI
	}
	return flaws
}

// portAt reads a port number at i and returns where it ends. The grammar allows any number of digits, no socket does.
func portAt(b []byte, i int) (port uint16, end int, ok bool) {
	n, digits := digitsAt(b, i)
	return uint16(n), i + digits, digits > 0 && n < 1<<16
}

// userInfo reads user[:password].
func (u *URI) userInfo(b []byte) Flaws {
	user, password, found := bytes.Cut(b, []byte(":"))
	u.User = user
	if found {
		u.Password = password
	}
	if len(user) == 0 || all(user)&all(password)&inUser == 0 || !escapesOK(b) {
		return BadURI
	}
	return 0
}

// bareIPv6 handles an IPv6 address that lacks its brackets (RFC 5118 section 4.2): the host is everything that looks
// like one. It returns where the host ends.
func (u *URI) bareIPv6(b []byte) (i int) {
	colons := 0
	for i = 0; i < len(b) && (classes[b[i]]&isHex != 0 || b[i] == ':' || b[i] == '.'); i++ {
		if b[i] == ':' {
			colons++
		}
	}
	if colons > 1 {
		u.Host = b[:i]
	}
	return i
}

// splitHost reads the host at the start of b: its text without brackets, its length with them, and whether RFC 3261
// allows it.
func splitHost(b []byte) (host []byte, n int, ok bool) {
	if len(b) > 0 && b[0] == '[' {
		n = bytes.IndexByte(b, ']')
		if n < 0 {
			return b[1:], len(b), false
		}
		return b[1:n], n + 1, ipv6OK(b[1:n])
	}
	// Labels are not looked at one by one: no server does, and the name is not resolved here.
	for n < len(b) && classes[b[n]]&inHost != 0 {
		n++
	}
	return b[:n], n, n > 0 && b[0] != '-' && b[0] != '.'
}

// withHeaders is set by URI.parse, and by nothing else, if the URI has headers: "?subject=x". Some places forbid them.
const withHeaders Flaws = 1 << 63

// restFlaws judges the parameters and headers of a SIP URI. They are not taken apart: nothing that sipward decides hangs
// on them.
func restFlaws(b []byte) (flaws Flaws) {
	if b[0] != ';' && b[0] != '?' {
		return BadURI
	}
	c, last := ^class(0), byte(0)
	for _, x := range b {
		if x == '?' {
			flaws |= withHeaders
		}
		if x == ';' && last == ';' {
			flaws |= BadURI
		}
		c &= classes[x]
		last = x
	}
	if c&inURIRest == 0 || last == ';' || c&notPercent == 0 && !escapesOK(b) {
		flaws |= BadURI
	}
	return flaws
}

// escapesOK tells whether each "%" is followed by two hexadecimal digits.
func escapesOK(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			continue
		}
		if i+2 >= len(b) || classes[b[i+1]]&classes[b[i+2]]&isHex == 0 {
			return false
		}
		i += 2
	}
	return true
}

// ipv6OK checks an IPv6 address as RFC 5954 corrects the grammar: eight groups, at most one "::", and possibly an IPv4
// address for the last two.
func ipv6OK(b []byte) bool {
	if dot := bytes.IndexByte(b, '.'); dot >= 0 {
		colon := bytes.LastIndexByte(b, ':')
		// Two groups take the place of the IPv4 address.
		return colon >= 0 && dot > colon && ipv4OK(b[colon+1:]) && ipv6Groups(b[:colon+1], 2)
	}
	return ipv6Groups(b, 0)
}

// The states of reading the groups of an IPv6 address; 1 to 4 are so many hexadecimal digits.
const (
	ipv6Start = 0
	ipv6Colon = 5
	ipv6Two   = 6
	ipv6Lead  = 7 // one colon at the very start
	ipv6Bad   = 8
	ipv6Group = 1 << 4 // added when a group begins
	ipv6Gap   = 1 << 8 // added for "::"
)

// ipv6Steps gives for each state what follows on another byte, a hexadecimal digit and a colon; nothing is both.
var ipv6Steps = [9][4]uint16{
	ipv6Start: {ipv6Bad, 1 + ipv6Group, ipv6Lead},
	1:         {ipv6Bad, 2, ipv6Colon},
	2:         {ipv6Bad, 3, ipv6Colon},
	3:         {ipv6Bad, 4, ipv6Colon},
	4:         {ipv6Bad, ipv6Bad, ipv6Colon},
	ipv6Colon: {ipv6Bad, 1 + ipv6Group, ipv6Two + ipv6Gap},
	ipv6Two:   {ipv6Bad, 1 + ipv6Group, ipv6Bad},
	ipv6Lead:  {ipv6Bad, ipv6Bad, ipv6Two + ipv6Gap},
	ipv6Bad:   {ipv6Bad, ipv6Bad, ipv6Bad},
}

// ipv6Groups checks groups and colons; more groups follow b, which then ends with a colon.
func ipv6Groups(b []byte, more uint16) bool {
	if len(b) > len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") {
		return false
	}
	state, sum := uint16(ipv6Start), more*ipv6Group
	for _, c := range b {
		step := ipv6Steps[state][classes[c]&(isHex|isColon)]
		state = step & (ipv6Group - 1)
		sum += step &^ (ipv6Group - 1)
	}
	groups, gaps := sum/ipv6Group%(ipv6Gap/ipv6Group), sum/ipv6Gap
	switch state {
	case ipv6Start, ipv6Lead, ipv6Bad:
		return false
	case ipv6Colon:
		if more == 0 {
			return false
		}
	}
	return groups == 8 && gaps == 0 || groups < 8 && gaps == 1
}

// ipv4OK checks four decimal numbers of at most three digits.
func ipv4OK(b []byte) bool {
	dots, digits := 0, 0
	for _, c := range b {
		if c == '.' && digits > 0 {
			dots++
			digits = 0
		} else if digits++; c < '0' || c > '9' || digits > 3 {
			return false
		}
	}
	return dots == 3 && digits > 0
}
