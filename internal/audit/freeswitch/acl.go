package freeswitch

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// admitted is whom an access list lets through.
type admitted struct {
	everyone, unknown bool
	local             bool // the networks of this machine, whatever they are
	networks          []network
}

// network is a prefix of a list and where it stands.
type network struct {
	prefix netip.Prefix
	node   *freeswitch.Node // nil in the lists that FreeSWITCH makes itself
	key    string           // the attribute
}

// beyond says that somebody on another machine gets through.
func (a *admitted) beyond() bool {
	for _, n := range a.networks {
		if !n.prefix.Addr().Unmap().IsLoopback() {
			return true
		}
	}
	return a.everyone || a.local
}

// wider are the networks with fewer bits than that. A list for all of the world
// has them.
func (a *admitted) wider(bits4, bits6 int) []network {
	var found []network
	for _, n := range a.networks {
		bits := bits4
		if n.prefix.Addr().Is6() {
			bits = bits6
		}
		if n.prefix.Bits() < bits && !n.prefix.Addr().IsLoopback() {
			found = append(found, n)
		}
	}
	return found
}

// Networks with fewer bits are too wide to be somebody's own: a /8 of IPv4, a /32
// of IPv6.
const tooWide4, tooWide6 = 9, 33

// own are the lists that FreeSWITCH makes itself.
var own = map[string]string{
	"loopback.auto": "127.0.0.0/8 ::1/128",
	"rfc1918.auto":  "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fe80::/10",
	"nat.auto":      "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
	"wan.auto":      "0.0.0.0/0", "wan_v4.auto": "0.0.0.0/0", "wan_v6.auto": "::/0",
	"any_v4.auto": "0.0.0.0/0", "any_v6.auto": "::/0",
}

// admits reads an access list by its name, which may be networks, too. Nobody
// gets through a list that does not exist.
func (s *server) admits(name string) admitted {
	switch node := s.File("acl.conf").Child("network-lists").Named("list", name); {
	case strings.Contains(name, freeswitch.Unset):
		return admitted{unknown: true}
	case own[name] != "":
		a := admitted{everyone: strings.HasPrefix(name, "any") || strings.HasPrefix(name, "wan")}
		for text := range strings.FieldsSeq(own[name]) {
			a.networks = append(a.networks, network{prefix: netip.MustParsePrefix(text)})
		}
		return a
	case name == "localnet.auto":
		return admitted{local: true}
	case node != nil:
		return s.listed(node)
	}
	var a admitted
	if strings.Contains(name, "/") {
		a.add(name, nil, "")
	}
	return a
}

// listed reads a list of acl.conf.
func (s *server) listed(list *freeswitch.Node) admitted {
	a := admitted{everyone: freeswitch.True(list.Values["default"])}
	for _, n := range list.All("node") {
		if !freeswitch.True(n.Values["type"]) {
			continue
		}
		text, key := n.Values["cidr"], "cidr"
		if n.Values["host"] != "" {
			text, key = n.Values["host"]+"/"+n.Values["mask"], "host"
		}
		a.add(text, n, key)
		for _, u := range s.users {
			if domain := n.Values["domain"]; domain != "" && strings.EqualFold(domain, u.Domain) {
				a.add(u.Node.Values["cidr"], u.Node, "cidr")
			}
		}
	}
	for _, n := range a.networks {
		a.everyone = a.everyone || n.prefix.Bits() == 0
	}
	return a
}

// add reads networks with commas between them.
func (a *admitted) add(text string, node *freeswitch.Node, key string) {
	for one := range strings.SplitSeq(text, ",") {
		if strings.Contains(one, freeswitch.Unset) {
			a.unknown = true
		} else if p, ok := prefix(strings.TrimSpace(one)); ok {
			a.networks = append(a.networks, network{p, node, key})
		}
	}
}

// prefix reads 192.0.2.0/24, 192.0.2.0/255.255.255.0 or an address.
func prefix(text string) (netip.Prefix, bool) {
	host, mask, _ := strings.Cut(text, "/")
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}, false
	}
	bits := ip.BitLen()
	if m, err := netip.ParseAddr(mask); err == nil && m.Is4() && ip.Is4() {
		bits = 0
		for _, b := range m.As4() {
			for ; b&0x80 != 0; b <<= 1 {
				bits++
			}
		}
	} else if n, ok := number(mask); ok {
		bits = n
	}
	p, err := ip.Prefix(bits)
	return p, err == nil
}

// guards names the lists that decide who gets in, and a place that says so. Lists
// about NAT and media let nobody in.
func (s *server) guards() map[string]string {
	used := map[string]string{}
	for _, p := range s.profiles {
		for _, name := range []string{"apply-inbound-acl", "apply-register-acl", "apply-proxy-acl"} {
			for _, v := range p.lists(name) {
				list, _, _ := strings.Cut(v.Value, ":")
				if p.off == "" {
					used[list] = v.At.String()
				}
			}
		}
	}
	for _, v := range s.socket().lists {
		if s.modules.Loaded("mod_event_socket") {
			used[v.Value] = v.At.String()
		}
	}
	for _, u := range s.users {
		if v, ok := u.Param("auth-acl"); ok {
			used[v.Value] = v.At.String()
		}
	}
	s.Section(dialplan).Walk(func(n *freeswitch.Node) {
		for _, list := range aclUse.FindAllStringSubmatch(n.Values["field"], -1) {
			used[list[1]] = n.At.String()
		}
	})
	return used
}

// openLists finds lists that let in whom they do not name; one that nothing uses
// is latent.
func openLists(s *server) []check.Finding {
	used := s.guards()
	var found []check.Finding
	for _, list := range s.File("acl.conf").Child("network-lists").All("list") {
		name, v := list.Values["name"], s.Param(list, "default")
		if v.Name = "default"; !freeswitch.True(v.Value) {
			continue
		}
		f := about(v)
		if at := used[name]; at != "" {
			f.Why = fmt.Sprintf("The list %q lets in whom it does not name, and it decides who gets in (%s).\nWho should come in belongs into it, everybody else should not.", name, at)
			f.Fix = fmt.Sprintf(`<list name="%s" default="deny">`, name)
		} else {
			f = latent(f, fmt.Sprintf("nothing lets anybody in by the list %q", name))
		}
		found = append(found, f)
	}
	return found
}

// freeNetworks looks for networks whose calls or registrations need no password:
// FreeSWITCH takes who is on these lists for authenticated.
func freeNetworks(s *server) []check.Finding {
	var found []check.Finding
	for _, p := range s.profiles {
		lists := p.lists("apply-register-acl")
		if p.on("auth-calls") {
			lists = append(lists, p.lists("apply-inbound-acl")...)
		}
		for _, v := range lists {
			name, _, _ := strings.Cut(v.Value, ":")
			a := s.admits(name)
			wide := a.wider(tooWide4, tooWide6)
			if a.unknown && len(wide) == 0 {
				found = append(found, latent(unset(v), p.off))
			}
			for _, n := range wide {
				f := about(v)
				if n.node != nil {
					f = check.Finding{Place: n.node.At, Setting: n.key, Value: n.prefix.String()}
				}
				f.Why = fmt.Sprintf("Whoever is in %s calls and registers without a password (%s, %s).\nOne infected machine there calls at your cost.", n.prefix, v.Name, v.At)
				found = append(found, latent(f, p.off))
			}
		}
	}
	return found
}
