package host

import (
	"errors"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// kernel is the network as this kernel tells it, over one netlink socket.
type kernel struct {
	handle *netlink.Handle
}

func openKernel() (network, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	return &kernel{handle}, nil
}

func (k *kernel) close() { k.handle.Close() }

// repeats is how often a question is asked again when its answer changed while
// it was being given.
const repeats = 5

// consistent asks until the answer is of one moment. On a router whose routes
// never stand still there may be no such moment, and the last answer is taken.
func consistent(ask func() error) error {
	for range repeats {
		if err := ask(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return err
		}
	}
	return nil
}

func (k *kernel) addresses() (own, gateways []claim, err error) {
	links, err := k.links()
	if err != nil {
		return nil, nil, err
	}
	for _, l := range links {
		for _, a := range l.addresses {
			own = append(own, claim{a, "an address of this machine (" + l.Name + ")"})
		}
	}
	err = k.eachRoute(func(r netlink.Route) {
		if a, ok := localHost(r); ok {
			own = append(own, claim{a, "an address of this machine"})
		}
		if isDefault(r) {
			for _, a := range nextHops(r) {
				gateways = append(gateways, claim{a, "the default gateway"})
			}
		}
	})
	return firstOnly(own), firstOnly(gateways), err
}

// firstOnly drops claims on an address that an earlier one has.
func firstOnly(claims []claim) []claim {
	seen := make(map[netip.Addr]bool, len(claims))
	var kept []claim
	for _, c := range claims {
		if !seen[c.address] {
			seen[c.address] = true
			kept = append(kept, c)
		}
	}
	return kept
}

// eachRoute shows the routes of all tables, without holding them all: a router
// on the Internet has a million.
func (k *kernel) eachRoute(show func(netlink.Route)) error {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		err := consistent(func() error {
			all := &netlink.Route{Table: unix.RT_TABLE_UNSPEC}
			return k.handle.RouteListFilteredIter(family, all, netlink.RT_FILTER_TABLE, func(r netlink.Route) bool {
				show(r)
				return true
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// localHost gives the address of a route that makes one more address ours
// without any interface carrying it.
func localHost(r netlink.Route) (netip.Addr, bool) {
	if r.Type != unix.RTN_LOCAL || r.Dst == nil {
		return netip.Addr{}, false
	}
	if ones, bits := r.Dst.Mask.Size(); ones != bits {
		return netip.Addr{}, false
	}
	return fromIP(r.Dst.IP)
}

// isDefault tells whether the route leads to everywhere. Half of everywhere
// counts as well: with two such routes VPNs stand in front of the default one.
func isDefault(r netlink.Route) bool {
	if r.Type != unix.RTN_UNICAST {
		return false
	}
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones <= 1
}

// nextHops gives the gateways of a route. Behind some routes there is none but
// the link itself.
func nextHops(r netlink.Route) []netip.Addr {
	hops := []*netlink.NexthopInfo{{Gw: r.Gw, Via: r.Via}}
	hops = append(hops, r.MultiPath...)
	var found []netip.Addr
	for _, h := range hops {
		ip := h.Gw
		if via, ok := h.Via.(*netlink.Via); ok && via != nil {
			ip = via.Addr // of the other family (RFC 5549)
		}
		if a, ok := fromIP(ip); ok && elsewhere(a) {
			found = append(found, a)
		}
	}
	return found
}

func (k *kernel) links() ([]link, error) {
	var found []netlink.Link
	var addresses []netlink.Addr
	err := consistent(func() (err error) {
		found, err = k.handle.LinkList()
		return err
	})
	if err != nil {
		return nil, err
	}
	err = consistent(func() (err error) {
		addresses, err = k.handle.AddrList(nil, netlink.FAMILY_ALL)
		return err
	})
	if err != nil {
		return nil, err
	}
	carried := map[int][]netip.Addr{}
	for _, a := range addresses {
		if own, ok := fromIP(a.IP); ok {
			carried[a.LinkIndex] = append(carried[a.LinkIndex], own)
		}
	}
	links := make([]link, 0, len(found))
	for _, l := range found {
		links = append(links, newLink(l, carried[l.Attrs().Index]))
	}
	return links, nil
}

func newLink(l netlink.Link, addresses []netip.Addr) link {
	a := l.Attrs()
	made := link{
		Interface: Interface{Index: a.Index, Name: a.Name, Kind: l.Type(), Up: a.Flags&net.FlagUp != 0},
		loopback:  a.Flags&net.FlagLoopback != 0,
		aliases:   a.AltNames,
		master:    a.MasterIndex,
		addresses: addresses,
	}
	if a.NetNsID < 0 { // otherwise its parent lives in another namespace
		made.parent = a.ParentIndex
	}
	return made
}

func (k *kernel) interfaces() ([]link, error) {
	links, err := k.links()
	if err != nil {
		return nil, err
	}
	leaving := map[int]bool{}
	err = k.eachRoute(func(r netlink.Route) {
		if isDefault(r) {
			leaving[r.LinkIndex] = true
			for _, h := range r.MultiPath {
				leaving[h.LinkIndex] = true
			}
		}
	})
	for i := range links {
		links[i].leaving = leaving[links[i].Index]
	}
	return links, err
}

func fromIP(ip net.IP) (netip.Addr, bool) {
	a, ok := netip.AddrFromSlice(ip)
	return a.Unmap(), ok
}
