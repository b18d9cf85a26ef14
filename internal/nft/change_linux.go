package nft

import (
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// bulk is the number of entries from which on a change is read back. The
// kernel confirms every transaction; this guards against our own mistakes.
const bulk = 1000

// Apply removes and then adds elements in one transaction: all of it happens
// or, on an error, nothing. Removing what is not there is no error. Adding
// what is there sets its timeout to the new one, longer or shorter. The
// counter of an element that is added again survives on Linux 6.12 and later.
//
// Only where the kernel does not let us raise the send buffer can a change of
// several thousand elements need more than one transaction.
func (t *Table) Apply(add, remove []Element) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.learnNets(); err != nil {
		return explain("apply elements", err)
	}
	p := t.plan(time.Now())
	for _, e := range remove {
		if err := p.remove(e); err != nil {
			return err
		}
	}
	for _, e := range add {
		if err := p.add(e); err != nil {
			return err
		}
	}
	return explain("apply elements", t.run(p, nil))
}

// Replace makes the elements the whole content of the set, in one
// transaction. What stays the same is not touched in sets of ranges.
func (t *Table) Replace(set Set, elements []Element) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.learnNets(); err != nil {
		return explain("replace elements", err)
	}
	p := t.plan(time.Now())
	var flushes []netlink.Message
	for i, s := range t.layout.sets {
		switch {
		case s.set != set:
		case s.shape == ranges:
			clear(p.prefixes(i))
		default:
			flushes = append(flushes, t.layout.flush(s.name))
		}
	}
	for _, e := range elements {
		if e.Set != set {
			return fmt.Errorf("replace %v: element of %v: %w", set, e.Set, ErrElement)
		}
		if err := p.add(e); err != nil {
			return err
		}
	}
	return explain("replace elements", t.run(p, flushes))
}

// A plan collects the changes of one transaction.
type plan struct {
	layout  *layout
	current map[int]prefixes // the ranges as they are
	nets    map[int]prefixes // copies of those that change
	added   entries
	removed entries
	now     time.Time
	refresh bool
}

func (t *Table) plan(now time.Time) *plan {
	return &plan{layout: t.layout, current: t.nets, nets: map[int]prefixes{}, now: now, refresh: t.refreshes}
}

// entries are the changes of each kernel set, by its index. A source named
// twice counts once, as last said: the kernel refuses to delete twice.
type entries struct {
	bySet map[int][]entry
	place map[source]int
}

type source struct {
	set  int
	addr netip.Addr
	port uint16
}

func (e *entries) put(set int, n entry) {
	if e.bySet == nil {
		e.bySet, e.place = map[int][]entry{}, map[source]int{}
	}
	key := source{set, n.from, n.port}
	if i, ok := e.place[key]; ok {
		e.bySet[set][i] = n
		return
	}
	e.place[key] = len(e.bySet[set])
	e.bySet[set] = append(e.bySet[set], n)
}

func (p *plan) add(e Element) error {
	e, err := e.canonical()
	if err != nil {
		return err
	}
	i := p.layout.find(e)
	if p.layout.sets[i].shape == ranges {
		p.prefixes(i)[e.Prefix] = p.deadline(e.Timeout)
		return nil
	}
	p.added.put(i, entry{from: e.Prefix.Addr(), port: e.Port, timeout: e.Timeout})
	return nil
}

func (p *plan) remove(e Element) error {
	e.Timeout = 0
	e, err := e.canonical()
	if err != nil {
		return err
	}
	i := p.layout.find(e)
	if p.layout.sets[i].shape == ranges {
		delete(p.prefixes(i), e.Prefix)
		return nil
	}
	p.removed.put(i, entry{from: e.Prefix.Addr(), port: e.Port})
	return nil
}

// prefixes returns the range set's content for changing.
func (p *plan) prefixes(set int) prefixes {
	if p.nets[set] == nil {
		p.nets[set] = maps.Clone(p.current[set])
		if p.nets[set] == nil {
			p.nets[set] = prefixes{}
		}
		p.nets[set].forget(p.now)
	}
	return p.nets[set]
}

// deadline turns a timeout into the time it runs out.
func (p *plan) deadline(timeout time.Duration) time.Time {
	if timeout == 0 {
		return time.Time{}
	}
	return p.now.Add(timeout)
}

// find returns the index of the kernel set in which a canonical element lives.
func (l *layout) find(e Element) int {
	shape := ranges
	switch {
	case e.Set == LimitPort:
		shape = pairs
	case e.Set == NeverBan:
	case e.Prefix.IsSingleIP():
		shape = hosts
	case e.Prefix.Addr().Is6() && e.Prefix.Bits() == subnet6:
		shape = subnets
	}
	for i, s := range l.sets {
		if s.set == e.Set && s.shape == shape && s.ipv6 == e.Prefix.Addr().Is6() {
			return i
		}
	}
	panic("nft: no kernel set for a checked element")
}

// flatten works out what changes in the sets of ranges.
func (p *plan) flatten() {
	type ends struct{ from, to netip.Addr }
	for i, nets := range p.nets {
		before := map[ends]time.Time{}
		for _, s := range p.current[i].spans() {
			before[ends{s.from, s.to}] = s.until
		}
		for _, s := range nets.spans() {
			until, same := before[ends{s.from, s.to}]
			delete(before, ends{s.from, s.to})
			if same && until.Equal(s.until) {
				continue
			}
			n := entry{from: s.from, to: s.to}
			if !s.until.IsZero() {
				n.timeout = max(s.until.Sub(p.now), time.Millisecond)
			}
			p.added.put(i, n)
		}
		for e := range before {
			p.removed.put(i, entry{from: e.from, to: e.to})
		}
	}
}

// units makes the messages of the plan, in groups that must stay in one
// transaction. Within one transaction, deleting fails the whole if the element
// is not there (it may have run out this moment), so it is added first.
func (p *plan) units() [][]netlink.Message {
	const add, del = unix.NFT_MSG_NEWSETELEM, unix.NFT_MSG_DELSETELEM
	steps := []struct {
		entries entries
		kinds   []uint16
	}{
		{p.removed, []uint16{add, del}},
		{p.added, []uint16{add, del, add}},
	}
	if p.refresh {
		steps[1].kinds = []uint16{add}
	}
	var out [][]netlink.Message
	for _, step := range steps {
		for i, s := range p.layout.sets {
			list := step.entries.bySet[i]
			for len(list) > 0 {
				n := min(chunk, len(list))
				var unit []netlink.Message
				for _, kind := range step.kinds {
					unit = append(unit, p.layout.elementMessage(kind, s, list[:n]))
				}
				out = append(out, unit)
				list = list[n:]
			}
		}
	}
	return out
}

// run commits the plan after the messages of head, and remembers the ranges.
func (t *Table) run(p *plan, head []netlink.Message) error {
	p.flatten()
	units := p.units()
	if len(head) > 0 {
		units = append([][]netlink.Message{head}, units...)
	}
	if len(units) == 0 {
		return nil
	}
	if err := t.send(units); err != nil {
		t.nets = nil // a part of it may have happened
		return err
	}
	for i, nets := range p.nets {
		t.nets[i] = nets
	}
	return t.confirm(p)
}

// send commits the units in one transaction, or in as few as fit.
func (t *Table) send(units [][]netlink.Message) error {
	var all []netlink.Message
	for _, unit := range units {
		all = append(all, unit...)
	}
	err := t.socket.commit(all)
	if half := len(units) / 2; half > 0 && tooLong(err) {
		if err := t.send(units[:half]); err != nil {
			return err
		}
		return t.send(units[half:])
	}
	return err
}

// confirm reads the sets of a large change back and counts what is missing.
func (t *Table) confirm(p *plan) error {
	for i, list := range p.added.bySet {
		if len(list) < bulk {
			continue
		}
		there := make(map[source]bool, len(list))
		err := t.dumpSet(t.layout.sets[i], func(k kernelEntry) {
			if !k.end {
				there[source{addr: k.addr, port: k.port}] = true
			}
		})
		if err != nil {
			return err
		}
		missing, passed := 0, time.Since(p.now)
		for _, n := range list {
			ranOut := n.timeout > 0 && n.timeout <= passed
			if !ranOut && !there[source{addr: n.from, port: n.port}] {
				missing++
			}
		}
		if missing > 0 {
			return fmt.Errorf("confirm %s: %d of %d elements are missing: %w",
				t.layout.sets[i].name, missing, len(list), ErrChanged)
		}
	}
	return nil
}
