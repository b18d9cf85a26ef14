package pbx

import (
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Trunk is a carrier that a server's settings name: an address or network, or a
// name that DNS is to be asked for.
type Trunk struct {
	// Prefix is invalid where the settings give a name.
	Prefix netip.Prefix
	// Name is a host name in lower case.
	Name string
	// From is where it stands, as "/etc/asterisk/pjsip.conf line 12".
	From string
}

// The widest networks that are believed to be a carrier. Whoever writes a wider
// one means "anybody", and anybody must not become unbannable.
const (
	widest4 = 16
	widest6 = 32
)

// trunk takes an address, a network, a host or a SIP URI as settings write it.
// Loopback and what is no host at all is passed over: many samples hold it.
func (t *tree) trunk(text string, at settings.Place) {
	text = strings.TrimSpace(text)
	if p, ok := network(text); ok {
		t.addPrefix(text, p, at)
		return
	}
	if address, _, ok := strings.Cut(text, "/"); ok {
		if _, err := netip.ParseAddr(address); err == nil {
			t.Note("%s (%s) is no network and is not exempted from bans", text, at)
			return
		}
	}
	host := hostOf(text)
	if a, err := netip.ParseAddr(host); err == nil {
		t.addPrefix(host, netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen()), at)
		return
	}
	if name := strings.ToLower(strings.TrimSuffix(host, ".")); isName(name) {
		t.add(Trunk{Name: name, From: at.String()})
	}
}

func (t *tree) addPrefix(text string, p netip.Prefix, at settings.Place) {
	widest := widest6
	if p.Addr().Is4() {
		widest = widest4
	}
	if p.Bits() < widest {
		t.Note("%s (%s) is too wide for a trunk and is not exempted from bans", text, at)
		return
	}
	if a := p.Addr(); !a.IsLoopback() && !a.IsUnspecified() && !a.IsMulticast() && (a.Is6() || a.As4()[0] != 0 && a.As4()[0] < 240) {
		t.add(Trunk{Prefix: p, From: at.String()})
	}
}

func (t *tree) add(n Trunk) {
	key := Trunk{Prefix: n.Prefix, Name: n.Name}
	if t.known[key] {
		return
	}
	if len(t.trunks) >= maxTrunks {
		t.Problem("more than %d trunks: the rest is not exempted from bans", maxTrunks)
		return
	}
	t.known[key] = true
	t.trunks = append(t.trunks, n)
}

// network reads 192.0.2.0/24 and 192.0.2.0/255.255.255.0.
func network(text string) (netip.Prefix, bool) {
	address, mask, ok := strings.Cut(text, "/")
	if !ok {
		return netip.Prefix{}, false
	}
	a, err := netip.ParseAddr(strings.Trim(address, "[]"))
	if err != nil {
		return netip.Prefix{}, false
	}
	n, err := strconv.Atoi(mask)
	if err != nil {
		if n, ok = maskBits(mask); !ok {
			return netip.Prefix{}, false
		}
	}
	if a.Is4In6() && n >= 96 {
		a, n = a.Unmap(), n-96
	}
	p, err := a.WithZone("").Prefix(n)
	return p, err == nil
}

// maskBits counts the bits of a mask such as 255.255.255.0.
func maskBits(mask string) (int, bool) {
	a, err := netip.ParseAddr(mask)
	if err != nil || !a.Is4() {
		return 0, false
	}
	b := a.As4()
	word := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n := bits.LeadingZeros32(^word)
	return n, n+bits.TrailingZeros32(word) >= 32
}

// hostOf finds the host of sip:user@host:port;parameters (RFC 3261 section
// 19.1), of host:port, of udp:host:port and of a bare host.
func hostOf(text string) string {
	if i := strings.IndexByte(text, '<'); i >= 0 {
		text = text[i+1:]
	}
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		text = text[i+1:]
	}
	for _, scheme := range []string{"sips:", "sip:", "udp:", "tcp:", "tls:", "ws:", "wss:", "sctp:"} {
		if len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
			text = text[len(scheme):]
		}
	}
	text = strings.TrimPrefix(text, "//")
	if i := strings.IndexAny(text, ";?>, \t/\\"); i >= 0 {
		text = text[:i]
	}
	if strings.HasPrefix(text, "[") {
		host, _, _ := strings.Cut(text[1:], "]")
		return host
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return text // IPv6 without brackets
	}
	host, _, _ := strings.Cut(text, ":")
	return host
}

// isName says that a text can be the name of another host: letters, digits,
// hyphens and dots (RFC 1123 section 2.1), and underscores, which occur.
func isName(text string) bool {
	letters := false
	for i := range len(text) {
		c := text[i]
		letters = letters || 'a' <= c && c <= 'z'
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' {
			return false
		}
	}
	return letters && len(text) <= 253 && text != "localhost" && !strings.HasSuffix(text, ".invalid")
}
