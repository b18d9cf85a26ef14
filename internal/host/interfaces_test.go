package host

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// parseLinks reads links such as "br0 bridge A <eth0", one a line: a name, a
// kind, and marks. A has an address, D a default route, - is down; >x has x for
// its master, /x lies on x, ~ loops back.
func parseLinks(t *testing.T, text string) []link {
	t.Helper()
	var links []link
	lines := slices.Collect(strings.Lines(text))
	index := func(name string) int {
		return 1 + slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, name+" ") })
	}
	for _, line := range lines {
		words := strings.Fields(line)
		l := link{Interface: Interface{Index: len(links) + 1, Name: words[0], Kind: words[1], Up: true}}
		l.addresses = []netip.Addr{netip.MustParseAddr("fe80::1"), netip.MustParseAddr("169.254.7.7")}
		for _, mark := range words[2:] {
			switch {
			case mark == "A":
				l.addresses = append(l.addresses, netip.MustParseAddr("192.0.2.10"))
			case mark == "D":
				l.leaving = true
			case mark == "-":
				l.Up = false
			case mark == "~":
				l.loopback = true
			case mark[0] == '>':
				l.master = index(mark[1:])
			case mark[0] == '/':
				l.parent = index(mark[1:])
			default:
				t.Fatalf("mark %q", mark)
			}
		}
		links = append(links, l)
	}
	return links
}

func TestChoose(t *testing.T) {
	for _, c := range []struct{ name, links, want string }{
		{"nothing", "", ""},
		{"loopback", "lo device A ~", ""},
		{"down", "lo device A ~\neth0 device A -", ""},
		{"what sees nothing", "dummy0 dummy A D\nifb0 ifb A\nnlmon0 nlmon\nvrf1 vrf A", ""},
		{"usual", "lo device A ~\neth0 device A D\neth1 device A", "eth0 eth1"},
		{"unnumbered router", "lo device A ~\neth0 device\neth1 device D", "eth0 eth1"},

		{"bond", "bond0 bond A D\neth0 device >bond0\neth1 device >bond0", "bond0"},
		{"bond that is down", "bond0 bond -\neth0 device >bond0", ""},
		{"bridge", "br0 bridge A D\neth0 device >br0\nvnet0 tuntap >br0", "br0"},
		{"bridge without address", "br0 bridge\neth0 device >br0\nvnet0 tuntap >br0", "br0"},
		{"VRF", "vrf1 vrf\neth0 device A D >vrf1", "eth0"},

		{"Docker", "eth0 device A D\ndocker0 bridge A\nveth1 veth >docker0", "eth0"},
		{"Docker, idle", "eth0 device A D\ndocker0 bridge A", "eth0"},
		{"Calico", "eth0 device A D\ncali1 veth\ncali2 veth", "eth0"},
		{"container", "lo device A ~\neth0 veth A D", "eth0"},
		{"container with a bridge", "eth0 veth >br0\nbr0 bridge A D", "br0"},
		{"libvirt", "br0 bridge A D\neth0 device >br0\nvirbr0 bridge A\nvnet0 tuntap >virbr0", "br0"},
		{"Open vSwitch", "ovs-system openvswitch -\neth0 device >ovs-system\nbr0 openvswitch A D", "br0"},

		{"tagged only", "eth0 device\neth0.5 vlan A D /eth0\neth0.6 vlan A /eth0", "eth0.5 eth0.6"},
		{"tagged and not", "eth0 device A D\neth0.5 vlan A /eth0", "eth0"},
		{"tagged but down", "eth0 device\neth0.5 vlan A - /eth0", "eth0"},
		{"twice tagged", "eth0 device\neth0.5 vlan /eth0\neth0.5.6 vlan A D /eth0.5", "eth0.5.6"},
		{"twice tagged and not", "eth0 device A D\neth0.5 vlan A /eth0\neth0.5.6 vlan A D /eth0.5", "eth0"},
		{"tag from another namespace", "eth0.5 vlan A D", "eth0.5"},
		{"tags on a bond", "bond0 bond\neth0 device >bond0\nbond0.5 vlan A D /bond0", "bond0.5"},
		{"tags on a port", "br0 bridge A D\neth0 device >br0\neth0.5 vlan A /eth0", "br0 eth0.5"},
		{"tags under a bridge", "eth0 device\nbr5 bridge A D\neth0.5 vlan /eth0 >br5\nvnet0 tuntap >br5", "br5"},
		{"tags under a bridge and not", "eth0 device A D\nbr5 bridge A\neth0.5 vlan /eth0 >br5\nvnet0 tuntap >br5", "eth0"},
		{"bridge of something new too", "eth0 device A D\nbr5 bridge A\neth0.5 vlan /eth0 >br5\neth1 device >br5", "eth0 br5"},
		{"tag on a bridge", "br0 bridge A D\neth0 device >br0\nbr0.5 vlan A /br0", "br0"},
		{"macvlan", "eth0 device A D\nmac0 macvlan A /eth0", "eth0"},
		{"macvlan in a container", "eth0 veth A D\nmac0 macvlan A /eth0", "eth0"},
		{"macvlan instead", "eth0 device\nmac0 macvlan A D /eth0", "mac0"},
		{"virtual machine on macvtap", "eth0 device A D\nmacvtap0 macvtap /eth0", "eth0"},

		{"tunnels", "eth0 device A D\nwg0 wireguard A\ntun0 tuntap A\ngre1 gre A /eth0\nvxlan0 vxlan A /eth0", "eth0 wg0 tun0 gre1 vxlan0"},
		{"tap of a machine", "eth0 device A D\ntap0 tuntap", "eth0"},
		{"circle", "x vlan A /y\ny vlan A /x", ""},
	} {
		var got []string
		for _, i := range choose(parseLinks(t, c.links)) {
			got = append(got, i.Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.name, got, c.want)
		}
	}
}

func TestPick(t *testing.T) {
	links := parseLinks(t, "lo device ~ A\neth0 device A\nmac0 macvlan -")
	links[1].aliases = []string{"enp3s0", "wan"}
	found, missing := pick(links, []string{"eth1", "wan", "lo", "eth0", "mac0", ""})
	if !slices.Equal(missing, []string{"eth1", ""}) {
		t.Errorf("missing: %q", missing)
	}
	if want := []Interface{links[1].Interface, links[0].Interface, links[2].Interface}; !slices.Equal(found, want) {
		t.Errorf("got %v, want %v", found, want)
	}
}
