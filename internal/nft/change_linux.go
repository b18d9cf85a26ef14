package nft

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/spans"
)

// bulk is the number of entries from which on a change is counted afterwards.
const bulk = 1000

// Apply removes and then adds elements in one transaction: all of it happens
// or, on an error, nothing. Removing what is not there is no error. Adding
// what is there sets its timeout to the new one, longer or shorter. The
// counter of an element that is added again survives on Linux 6.12 and later.
//
// Only where the kernel does not let us raise the send buffer can a change of
// several thousand elements need more than one transaction.
func (t *Table) Apply(add, remove []Element) error {
	return t.apply(add, remove, t.refreshes)
}

// Fill adds elements that the table surely does not have, as after Open has made
// it. On older kernels that takes a third of an Apply's time.
func (t *Table) Fill(elements []Element) error {
	return t.apply(elements, nil, true)
}

func (t *Table) apply(add, remove []Element, refresh bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.learnNets(); err != nil {
		return explain("apply elements", err)
	}
	p := t.plan(len(add) + len(remove))
	p.refresh = refresh
	if err := p.remove(remove); err != nil {
		return err
	}
	if err := p.add(add); err != nil {
		return err
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
	p := t.plan(len(elements))
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
	}
	if err := p.add(elements); err != nil {
		return err
	}
	return explain("replace elements", t.run(p, flushes))
}

// A plan collects the changes of one transaction.
type plan struct {
	layout  *layout
	current map[int]spans.Prefixes // the ranges as they are, by index of the set
	nets    map[int]spans.Prefixes // copies of those that change
	added   entries
	removed entries
	now     time.Time
	// refresh: what is added is not there, or adding it again refreshes it.
	refresh bool
}

// newPlan begins a plan for empty sets and about so many changes.
func newPlan(l *layout, size int) *plan {
	return &plan{
		layout:  l,
		nets:    map[int]spans.Prefixes{},
		added:   newEntries(size),
		removed: newEntries(0),
		now:     time.Now(),
		refresh: true,
	}
}

// plan begins a plan for the sets as they are.
func (t *Table) plan(size int) *plan {
	p := newPlan(t.layout, size)
	p.current, p.refresh = t.nets, t.refreshes
	return p
}

// entries are the changes of each kernel set, by its index. A source named
// twice counts once, as last said: the kernel refuses to delete twice.
type entries struct {
	size  int // expected, of each
	bySet map[int][]entry
	index map[setPlace]int // where in its list a source is
}

// A setPlace is a source in a kernel set: plain bytes, which a map takes in half
// the time that a netip.Addr needs. No set holds both kinds of addresses.
type setPlace struct {
	addr [16]byte
	set  uint16
	port uint16
}

// newEntries makes room for about so many.
func newEntries(size int) entries {
	return entries{size: size, bySet: map[int][]entry{}, index: make(map[setPlace]int, size)}
}

// put notes a change of one source. It replaces an earlier one of the same.
func (e *entries) put(set int, n entry) {
	key := setPlace{n.from.As16(), uint16(set), n.port}
	if i, ok := e.index[key]; ok {
		e.bySet[set][i] = n
		return
	}
	e.index[key] = len(e.bySet[set])
	if e.bySet[set] == nil {
		e.bySet[set] = make([]entry, 0, e.size)
	}
	e.bySet[set] = append(e.bySet[set], n)
}

// add plans to add the elements. Ranges are only noted: what changes in the
// kernel depends on all of them.
func (p *plan) add(elements []Element) error {
	for _, e := range elements {
		e, err := e.canonical()
		if err != nil {
			return err
		}
		i := p.layout.find(e)
		if p.layout.sets[i].shape != ranges {
			p.added.put(i, entry{from: e.Prefix.Addr(), port: e.Port, timeout: e.Timeout})
			continue
		}
		var until time.Time
		if e.Timeout > 0 {
			until = p.now.Add(e.Timeout)
		}
		p.prefixes(i)[e.Prefix] = until
	}
	return nil
}

// remove plans to remove the elements, whatever timeouts they name.
func (p *plan) remove(elements []Element) error {
	for _, e := range elements {
		e.Timeout = 0
		e, err := e.canonical()
		if err != nil {
			return err
		}
		i := p.layout.find(e)
		if p.layout.sets[i].shape == ranges {
			delete(p.prefixes(i), e.Prefix)
		} else {
			p.removed.put(i, entry{from: e.Prefix.Addr(), port: e.Port})
		}
	}
	return nil
}

// prefixes returns the range set's content for changing.
func (p *plan) prefixes(set int) spans.Prefixes {
	if p.nets[set] == nil {
		p.nets[set] = maps.Clone(p.current[set])
		if p.nets[set] == nil {
			p.nets[set] = spans.Prefixes{}
		}
		p.nets[set].Forget(p.now)
	}
	return p.nets[set]
}

// find returns the index of the kernel set in which a canonical element lives.
func (l *layout) find(e Element) int {
	shape := ranges
	switch {
	case e.Set.ported():
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

// flatten works out what changes in the sets of ranges: the difference between
// the spans that are there and those that are wanted.
func (p *plan) flatten() {
	type ends struct{ from, to netip.Addr }
	for i, nets := range p.nets {
		before := map[ends]time.Time{}
		for _, s := range p.current[i].Spans() {
			before[ends{s.From, s.To}] = s.Until
		}
		for _, s := range nets.Spans() {
			key := ends{s.From, s.To}
			until, there := before[key]
			unchanged := there && until.Equal(s.Until)
			if unchanged || p.refresh {
				delete(before, key) // need not be deleted first
			}
			if unchanged {
				continue
			}
			n := entry{from: s.From, to: s.To}
			if !s.Until.IsZero() {
				n.timeout = max(s.Until.Sub(p.now), time.Millisecond)
			}
			p.added.put(i, n)
		}
		for e := range before {
			p.removed.put(i, entry{from: e.from, to: e.to})
		}
	}
}

// units makes the messages of the plan, in groups that must stay in one
// transaction. Deleting what is not there (it may have run out this moment)
// fails the whole transaction, so it is added first.
func (p *plan) units() [][]netlink.Message {
	const add, del = unix.NFT_MSG_NEWSETELEM, unix.NFT_MSG_DELSETELEM
	var out [][]netlink.Message
	for i, s := range p.layout.sets {
		out = p.appendUnits(out, s, p.removed.bySet[i], add, del)
	}
	for i, s := range p.layout.sets {
		if p.refresh || s.shape == ranges {
			out = p.appendUnits(out, s, p.added.bySet[i], add)
		} else {
			out = p.appendUnits(out, s, p.added.bySet[i], add, del, add)
		}
	}
	return out
}

// appendUnits appends one unit for each chunk of the list: a message of each
// kind about the same entries.
func (p *plan) appendUnits(out [][]netlink.Message, s kernelSet, list []entry, kinds ...uint16) [][]netlink.Message {
	for part := range slices.Chunk(list, chunk) {
		var unit []netlink.Message
		for _, kind := range kinds {
			unit = append(unit, p.layout.elementMessage(kind, s, part))
		}
		out = append(out, unit)
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
	if len(units) > 0 {
		if err := t.send(units); err != nil {
			t.nets = nil // a part of it may have happened
			return err
		}
	}
	if p.layout != t.layout {
		return nil
	}
	if p.current == nil {
		t.nets = p.nets
	} else {
		// A prefix inside one that lasts longer changes nothing in the kernel
		// but has to be remembered: it may outlive the other.
		maps.Copy(t.nets, p.nets)
	}
	return t.confirm(p)
}

// send commits the units in one transaction, or in as few as fit. Where they
// must be split, an error may leave the first of them done.
func (t *Table) send(units [][]netlink.Message) error {
	var all []netlink.Message
	for _, unit := range units {
		all = append(all, unit...)
	}
	err := t.socket.commit(all)
	if half := len(units) / 2; half > 0 && (is(err, unix.EMSGSIZE) || is(err, unix.ENOBUFS)) {
		if err := t.send(units[:half]); err != nil {
			return err
		}
		return t.send(units[half:])
	}
	return err
}

// confirm counts the sets of a large change. The kernel has said yes to all of
// it; this guards against a mistake of ours, such as a list that was cut. The
// count is exact for sets that were empty before, as after a rebuild.
func (t *Table) confirm(p *plan) error {
	for i, list := range p.added.bySet {
		if len(list) < bulk {
			continue
		}
		s := t.layout.sets[i]
		size, known, err := t.view().size(s)
		if !known || s.shape == ranges {
			var all map[place]kernelEntry
			all, err = t.view().collect(s)
			maps.DeleteFunc(all, func(at place, _ kernelEntry) bool { return at.end })
			size = len(all)
		}
		if err != nil {
			return err
		}
		wanted, passed := 0, time.Since(p.now)
		for _, n := range list {
			if n.timeout == 0 || n.timeout > passed {
				wanted++
			}
		}
		if size < wanted {
			return fmt.Errorf("confirm %s: %d elements instead of %d: %w", s.name, size, wanted, ErrChanged)
		}
	}
	return nil
}
