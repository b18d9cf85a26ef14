package daemon

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/control"
)

// Why implements control.Guard. A target that is no address is an account.
func (d *Daemon) Why(target string) (control.Explanation, error) {
	x := control.Explanation{Target: target, Mode: d.mode(), Verdict: control.NotSeen}
	addr, err := netip.ParseAddr(strings.Trim(target, "[]"))
	if err != nil {
		p, err := netip.ParsePrefix(target)
		if err != nil {
			d.explainAccount(&x)
			return x, nil
		}
		if !p.IsSingleIP() {
			d.explainNetwork(&x, p.Masked())
			return x, nil
		}
		addr = p.Addr()
	}
	addr = addr.Unmap()
	d.explainEntries(&x, addr)
	if post, held := d.fence.Holds(netip.PrefixFrom(addr, addr.BitLen())); held && x.Verdict != control.Allowed {
		x.Verdict, x.Why = control.NeverBan, "it is "+post.Reason
		x.Shields = append(x.Shields, post.Reason)
	}
	if x.Verdict == control.NotSeen || x.Verdict == control.NotBlocked {
		x.Why = "it is not kept out now; if it gets no answer, something else is in its way"
	}
	if d.enforcing() {
		x.Layers = map[string]string{}
		for _, i := range d.watched() {
			x.Layers[i] = "nft"
		}
	}
	return x, nil
}

// explainAccount tells who is kept out for what they tried with an account.
// An account itself is never blocked.
func (d *Daemon) explainAccount(x *control.Explanation) {
	tried := func(it ban.Item) bool { return it.Account == x.Target }
	for b := range d.table.Live(ban.KindBlock) {
		if !slices.ContainsFunc(b.Evidence, tried) {
			continue
		}
		x.Entries = append(x.Entries, d.fullRow(b))
	}
	if len(x.Entries) > 0 {
		x.Verdict = control.NotBlocked
		x.Why = fmt.Sprintf("accounts are never blocked; %d sources that tried this one are", len(x.Entries))
	}
}

// fullRow is a live entry with its evidence and what it has kept out.
func (d *Daemon) fullRow(b ban.Ban) control.BanRow {
	return control.FullRow(&b, d.guard.Dropped([]ban.Ban{b})[0])
}

func (d *Daemon) watched() []string {
	d.changing.Lock()
	defer d.changing.Unlock()
	var names []string
	for _, i := range d.senses.interfaces {
		names = append(names, i.Name)
	}
	return names
}

// explainNetwork tells what is in force for a whole network, and for parts of it.
func (d *Daemon) explainNetwork(x *control.Explanation, network netip.Prefix) {
	parts := 0
	for _, kind := range []ban.Kind{ban.KindAllow, ban.KindBlock} {
		for b := range d.table.Live(kind) {
			switch {
			case b.Prefix.Bits() <= network.Bits() && b.Prefix.Contains(network.Addr()):
				if x.Verdict == control.NotSeen {
					x.Verdict, x.Why = control.Allowed, b.Why
					if kind == ban.KindBlock {
						x.Verdict = control.Blocked
					}
				}
			case network.Contains(b.Prefix.Addr()):
				if parts++; parts > mostParts {
					continue
				}
			default:
				continue
			}
			x.Entries = append(x.Entries, d.fullRow(b))
		}
	}
	if parts > 0 && x.Verdict == control.NotSeen {
		x.Verdict, x.Why = control.NotBlocked, fmt.Sprintf("not as a whole, but parts of it have %d entries", parts)
	}
	if post, held := d.fence.Holds(network); held && x.Verdict == control.NotSeen {
		x.Verdict, x.Why = control.NeverBan, "it is or holds "+post.Reason
	}
}

// mostParts is how many entries an explanation of a network lists.
const mostParts = 100

// says are what the actions make of a source, the strongest last.
var says = []say{
	{ban.Pass, control.KnownGood}, {ban.Limit, control.Limited}, {ban.Slow, control.Limited},
	{ban.Hold, control.Limited}, {ban.Drop, control.Blocked}, {ban.Allow, control.Allowed},
}

type say struct {
	action  ban.Action
	verdict string
}

// explainEntries tells the table's part of an explanation: what is in force
// decides, and what was is history.
func (d *Daemon) explainEntries(x *control.Explanation, addr netip.Addr) {
	strongest := -1
	for _, b := range d.table.Covering(addr) {
		x.Entries = append(x.Entries, d.fullRow(b))
		if say := slices.IndexFunc(says, func(s say) bool { return s.action == b.Action }); say > strongest {
			strongest = say
			x.Verdict, x.Why = says[say].verdict, b.Why
		}
		if b.Action == ban.Pass && b.Port == 0 {
			x.Shields = append(x.Shields, fmt.Sprintf("%d accounts registered from it since %s", len(b.Accounts), b.Since.Format(time.DateTime)))
		}
	}
	for _, b := range d.table.History(netip.PrefixFrom(addr, addr.BitLen())) {
		if b.Ended.IsZero() {
			continue
		}
		if x.Verdict == control.NotSeen {
			x.Verdict = control.NotBlocked
		}
		x.Entries = append(x.Entries, control.FullRow(&b, 0))
	}
	for i := range x.Entries {
		row := &x.Entries[i]
		x.Requests = max(x.Requests, uint64(row.Requests))
		if x.First.IsZero() || row.Since.Before(x.First) {
			x.First = row.Since
		}
	}
}
