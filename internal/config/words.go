package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const addressHint = "write 203.0.113.7, 2001:db8::7 or a network: 203.0.113.0/24"

// ParsePrefix reads an address, which stands for itself alone, or a network
// without host bits. The settings and the command line share it.
func ParsePrefix(text string) (netip.Prefix, *Mistake) {
	address, length, isNetwork := strings.Cut(text, "/")
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}, badAddress(text, address, length)
	}
	if a.Zone() != "" {
		return netip.Prefix{}, &Mistake{Word: text, Why: "names an interface", Do: fmt.Sprintf("did you mean %q?", a.WithZone(""))}
	}
	if a.Is4In6() {
		return netip.Prefix{}, &Mistake{Word: text, Why: "is an IPv4 address in IPv6 clothes", Do: fmt.Sprintf("did you mean %q?", a.Unmap())}
	}
	if !isNetwork {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if mask, err := netip.ParseAddr(length); err == nil && mask.Is4() && a.Is4() {
		return netip.Prefix{}, badMask(text, a, mask)
	}
	bits, err := strconv.ParseUint(length, 10, 8)
	if err != nil || int(bits) > a.BitLen() || len(length) > 1 && length[0] == '0' {
		return netip.Prefix{}, &Mistake{Word: text, Why: fmt.Sprintf("has no length from /0 to /%d", a.BitLen()), Do: fmt.Sprintf("did you mean \"%s/%d\"?", a, a.BitLen())}
	}
	p := netip.PrefixFrom(a, int(bits))
	if p != p.Masked() {
		return netip.Prefix{}, &Mistake{Word: text, Why: "has bits set past its length", Do: fmt.Sprintf("did you mean the network %q or the address %q?", p.Masked(), a)}
	}
	return p, nil
}

func badMask(text string, a, mask netip.Addr) *Mistake {
	four := mask.As4()
	bits, size := net.IPMask(four[:]).Size()
	if size == 0 {
		return &Mistake{Word: text, Why: "has a mask that is no length", Do: addressHint}
	}
	p, _ := a.Prefix(bits) // bits came from an IPv4 mask, so it fits
	return &Mistake{Word: text, Why: "has a mask where a length belongs", Do: fmt.Sprintf("did you mean %q?", p)}
}

// badAddress finds out what was meant by a text that is no address.
func badAddress(text, address, length string) *Mistake {
	m := &Mistake{Word: text, Why: "is not an address", Do: addressHint}
	if text == "" {
		m.Why = "is an empty word"
		return m
	}
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		m.Why, m.Do = "has a port", fmt.Sprintf("did you mean %q?", withPort.Addr())
		return m
	}
	if inner := strings.Trim(address, "[]"); inner != address {
		if a, err := netip.ParseAddr(inner); err == nil {
			m.Why, m.Do = "has brackets", fmt.Sprintf("did you mean %q?", a)
		}
		return m
	}
	if strings.ContainsAny(text, " ,;") {
		m.Why, m.Do = "is not one address", "write a list: [192.0.2.1, 192.0.2.2]"
		return m
	}
	if first, last, ok := strings.Cut(text, "-"); ok && isAddress(first) && (isAddress(last) || isNumber(last)) {
		m.Why, m.Do = "is a range", "write networks, such as 192.0.2.0/28"
		return m
	}
	badNumbers(m, address, length)
	return m
}

// badNumbers explains what is wrong with a dotted text, where it is nearly an
// IPv4 address.
func badNumbers(m *Mistake, address, length string) {
	numbers := strings.Split(address, ".")
	if len(numbers) < 2 {
		if looksLikeName(address) {
			m.Why = "is a name, not an address"
		}
		return
	}
	for i, n := range numbers {
		value, err := strconv.Atoi(n)
		switch {
		case len(numbers) == 4 && i > 0 && (n == "*" || n == "x"):
			network := strings.Join(numbers[:i], ".") + strings.Repeat(".0", 4-i)
			if isAddress(network) {
				m.Why, m.Do = "has a placeholder", fmt.Sprintf("did you mean \"%s/%d\"?", network, 8*i)
			}
			return
		case err != nil:
			if looksLikeName(address) {
				m.Why = "is a name, not an address"
			}
			return
		case value > 255:
			m.Why = fmt.Sprintf("is not an address: %s is more than 255", n)
			return
		case len(n) > 1 && n[0] == '0':
			m.Why, m.Do = "has a number with a leading zero", fmt.Sprintf("did you mean %q?", withoutZeros(numbers, length))
			return
		}
	}
	m.Why = fmt.Sprintf("has %d numbers, and an IPv4 address has four", len(numbers))
}

// withoutZeros writes the numbers in decimal. Some programs read 010 as eight,
// which is why we do not guess.
func withoutZeros(numbers []string, length string) string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		if out[i] = strings.TrimLeft(n, "0"); out[i] == "" {
			out[i] = "0"
		}
	}
	text := strings.Join(out, ".")
	if length != "" {
		text += "/" + length
	}
	return text
}

func isAddress(text string) bool { _, err := netip.ParseAddr(text); return err == nil }

func isNumber(text string) bool { _, err := strconv.ParseUint(text, 10, 64); return err == nil }

// looksLikeName says that a text was meant as a host name: its last label has
// a letter and it holds no sign that only addresses have. So 203.0.113.300 is
// a bad address and never a name that DNS might answer one day.
func looksLikeName(text string) bool {
	if isURI(text) {
		return true
	}
	if strings.Contains(text, "/") || strings.Count(text, ":") > 1 {
		return false
	}
	host, _, _ := strings.Cut(strings.ToLower(text), ":")
	host = strings.TrimSuffix(host, ".")
	_, last, ok := cutLast(host, ".")
	if !ok {
		last = host
	}
	return last != "" && strings.IndexFunc(last, func(c rune) bool { return c < '0' || c > '9' }) >= 0 && last != "*" && last != "x" &&
		!strings.ContainsAny(host, " ,;[]") && !rangeOfAddresses(host)
}

// isURI says that a whole address of some protocol was given.
func isURI(text string) bool {
	return strings.HasPrefix(text, "sip:") || strings.HasPrefix(text, "sips:") || strings.Contains(text, "://")
}

func rangeOfAddresses(text string) bool {
	first, _, ok := strings.Cut(text, "-")
	return ok && isAddress(first)
}

// parseName checks a host name by the rules of RFC 1123 section 2.1.
func parseName(text string) (string, *Mistake) {
	m := &Mistake{Word: text, Why: "is not a host name", Do: "write a name such as sip.example.net"}
	if strings.Contains(text, ":") {
		host := text
		if isURI(text) {
			_, host, _ = strings.Cut(text, ":")
			host, _, _ = strings.Cut(strings.TrimPrefix(host, "//"), "/")
		}
		if _, after, ok := cutLast(host, "@"); ok {
			host = after
		}
		host, _, _ = strings.Cut(host, ":")
		m.Why, m.Do = "is more than a host name", fmt.Sprintf("did you mean %q?", host)
		return "", m
	}
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if len(name) > 253 {
		m.Why = "is longer than 253 letters"
		return "", m
	}
	for _, label := range strings.Split(name, ".") {
		switch {
		case label == "":
			m.Why = "has an empty part between its dots"
		case len(label) > 63:
			m.Why = "has a part of more than 63 letters"
		case label == "*":
			m.Why, m.Do = "has a placeholder", "list the carrier's names one by one"
		case label[0] == '-' || label[len(label)-1] == '-':
			m.Why = "has a part that begins or ends with a hyphen"
		case strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			m.Why = "has signs that host names do not have"
		default:
			continue
		}
		return "", m
	}
	return name, nil
}

// cutLast is strings.Cut around the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}

// units of a duration, largest first. Months and years are left out: they are
// not of one length.
var units = []struct {
	letter byte
	length time.Duration
}{
	{'w', 7 * 24 * time.Hour}, {'d', 24 * time.Hour}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second},
}

// longestDuration keeps sums far from overflow; past it "forever" is meant.
const longestDuration = 10 * 365 * 24 * time.Hour

// ParseDuration reads 10m, 1h30m, 7d or 2w: whole numbers with units that get
// smaller.
func ParseDuration(text string) (time.Duration, *Mistake) {
	m := &Mistake{Word: text, Why: "is not a duration", Do: "write 30s, 10m, 1h30m, 7d or 2w"}
	if isNumber(text) {
		m.Why, m.Do = "has no unit", fmt.Sprintf("did you mean \"%ss\" or \"%sm\"?", text, text)
		return 0, m
	}
	var sum time.Duration
	rest, unit := text, 0
	for rest != "" {
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		if digits == 0 || digits == len(rest) || digits > 9 {
			return 0, m
		}
		n, _ := strconv.ParseInt(rest[:digits], 10, 64) // at most nine digits
		for unit < len(units) && units[unit].letter != rest[digits] {
			unit++
		}
		if unit == len(units) {
			return 0, m
		}
		if time.Duration(n) > longestDuration/units[unit].length {
			m.Why, m.Do = "is longer than ten years", "give a shorter one"
			return 0, m
		}
		sum += time.Duration(n) * units[unit].length
		rest, unit = rest[digits+1:], unit+1
	}
	if text == "" || sum > longestDuration {
		return 0, m
	}
	return sum, nil
}

// FormatDuration writes a duration as ParseDuration reads it, to the second.
func FormatDuration(d time.Duration) string {
	if d < time.Second {
		return "0s"
	}
	var b strings.Builder
	for _, u := range units[1:] { // days say more to people than weeks
		if n := d / u.length; n > 0 {
			fmt.Fprintf(&b, "%d%c", n, u.letter)
			d -= n * u.length
		}
	}
	return b.String()
}
