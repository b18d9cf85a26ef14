package host

import (
	"fmt"
	"net/netip"
	"slices"
)

// Interface is a network interface.
type Interface struct {
	Index int
	Name  string
	// Kind is the kernel's word for what it is: device for hardware, bridge,
	// vlan, veth, wireguard ….
	Kind string
	Up   bool
}

// link is an interface with what decides whether it is watched. Indexes are of
// this namespace, 0 for none.
type link struct {
	Interface
	loopback  bool
	leaving   bool // a default route leaves by it
	aliases   []string
	master    int // the bridge, bond or VRF it is a port of
	parent    int // what it lies on, or its other end
	addresses []netip.Addr
}

// Interfaces lists the interfaces to capture on, so that every packet from
// elsewhere is seen, and seen once. These are the ones that are up, except
//
//   - loopback: what comes from this machine itself is not an attack from
//     elsewhere;
//   - ports of a bridge or bond: their packets are seen on the master;
//   - a bridge that only joins virtual machines or containers, as Docker's
//     does: what its guests get has come in by another interface before;
//   - the host's end of a guest's virtual cable (veth, tap), which has no
//     address; with an address it is this machine's own door, as inside a
//     container;
//   - of interfaces that lie on each other (a VLAN on its device, perhaps under
//     a bridge), all but one: the lowest that has an address and so takes
//     packets itself. It also sees what it hands up. Without an address it only
//     hands up, and those above it are watched;
//   - VRFs, which repeat what their ports see, and dummies, which see nothing.
//
// Tunnels are watched beside the device they run over: inside them are other
// packets than outside.
func (m *Machine) Interfaces() ([]Interface, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	links, err := m.kernel.interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	return choose(links), nil
}

// Named finds interfaces by their names, or other names the administrator gave
// them, whatever they are good for. It tells which names are missing.
func (m *Machine) Named(names []string) (found []Interface, missing []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	links, err := m.kernel.links()
	if err != nil {
		return nil, nil, fmt.Errorf("find interfaces: %w", err)
	}
	found, missing = pick(links, names)
	return found, missing, nil
}

func pick(links []link, names []string) (found []Interface, missing []string) {
	for _, name := range names {
		i := slices.IndexFunc(links, func(l link) bool { return l.Name == name || slices.Contains(l.aliases, name) })
		switch {
		case i < 0:
			missing = append(missing, name)
		case !slices.Contains(found, links[i].Interface):
			found = append(found, links[i].Interface)
		}
	}
	return found, missing
}

// Kinds of links.
var (
	// stacked links show the frames of their parent once more.
	stacked = []string{"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"}
	// guests are where a virtual machine or container is plugged in.
	guests = []string{"veth", "tuntap", "macvtap", "ipvtap"}
	// blind links carry nothing from elsewhere, or only copies.
	blind = []string{"dummy", "ifb", "nlmon", "vrf", "vcan"}
)

// stack is the links by what lies on what.
type stack struct {
	links  map[int]link
	lower  map[int][]link // what a link's packets come from
	higher map[int][]link // what hands a link's frames on, ports aside
}

func choose(links []link) []Interface {
	s := stack{links: map[int]link{}, lower: map[int][]link{}, higher: map[int][]link{}}
	for _, l := range links {
		s.links[l.Index] = l
	}
	for _, l := range links {
		if below, ok := s.links[l.parent]; ok && l.Up && slices.Contains(stacked, l.Kind) {
			s.lower[l.Index] = append(s.lower[l.Index], below)
			s.higher[below.Index] = append(s.higher[below.Index], l)
		}
		if master, ok := s.master(l); ok {
			s.lower[master.Index] = append(s.lower[master.Index], l)
		}
	}
	var chosen []Interface
	for _, l := range links {
		if s.watched(l, maxStack) {
			chosen = append(chosen, l.Interface)
		}
	}
	slices.SortFunc(chosen, func(a, b Interface) int { return a.Index - b.Index })
	return chosen
}

// master is what a link is a port of. A VRF only groups links.
func (s *stack) master(l link) (link, bool) {
	master, ok := s.links[l.master]
	return master, ok && master.Kind != "vrf"
}

// maxStack is how high the kernel lets links lie on each other (its
// MAX_NEST_DEV). A list that is read while it changes could even show a circle.
const maxStack = 8

// watched tells whether packets from elsewhere are to be looked at here, seen
// from so many links above the lowest.
func (s *stack) watched(l link, depth int) bool {
	_, port := s.master(l)
	switch {
	case !l.Up || l.loopback || port || slices.Contains(blind, l.Kind):
		return false
	case len(s.higher[l.Index]) > 0 && !l.addressed():
		return false
	case slices.Contains(guests, l.Kind) && !l.addressed():
		return false
	case l.Kind == "bridge" && !l.leaving && len(s.outside(l)) == 0:
		return false
	}
	return !s.covered(l, depth)
}

// covered tells whether everything that comes up to a link has been seen
// below. A bridge that also has a port of its own is watched: what comes by the
// others is then seen twice, which is better than not at all.
func (s *stack) covered(l link, depth int) bool {
	below := s.outside(l)
	if len(below) == 0 || depth == 0 {
		return false
	}
	return !slices.ContainsFunc(below, func(b link) bool { return !s.watched(b, depth-1) && !s.covered(b, depth-1) })
}

// outside lists what lies below a link, without the ports of its guests.
func (s *stack) outside(l link) []link {
	return slices.DeleteFunc(slices.Clone(s.lower[l.Index]), func(b link) bool {
		return b.master == l.Index && slices.Contains(guests, b.Kind)
	})
}

// addressed tells whether packets are sent to the link itself. Every link has
// a link-local address, which says nothing.
func (l link) addressed() bool {
	return slices.ContainsFunc(l.addresses, func(a netip.Addr) bool { return !a.IsLinkLocalUnicast() })
}
