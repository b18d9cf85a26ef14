package nft

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/spans"
)

// A Table is our table in the kernel. Its methods may be called from several
// goroutines; they wait for each other.
type Table struct {
	mu      sync.Mutex
	socket  *socket
	reading sync.Mutex
	reader  *socket       // for lists; see view
	events  *netlink.Conn // for Watch; opened early, in the same network namespace
	layout  *layout
	nets    map[int]spans.Prefixes // wanted content of the range sets by index; nil: read it again
	adopted bool
	// refreshes says that adding an element again sets its timeout (Linux
	// 6.12). Elsewhere it has to be deleted and added in one transaction.
	refreshes bool
}

// Open creates the table, or adopts the one an earlier process left behind.
// A table with the same layout is kept as it is; one with another layout is
// replaced with its elements in one transaction. Either way no packet sees a
// moment without it. The table is made in the network namespace of the
// calling thread.
func Open(o Options) (*Table, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open table: %w", err)
	}
	s, err := dial()
	if err != nil {
		return nil, err
	}
	reader, err := dial()
	if err != nil {
		return nil, errors.Join(err, s.conn.Close())
	}
	events, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open notification socket: %w", err), reader.conn.Close(), s.conn.Close())
	}
	t := &Table{socket: s, reader: reader, events: events}
	if err := t.take(o); err != nil {
		return nil, errors.Join(fmt.Errorf("open table %s: %w", o.Table, err), t.Close())
	}
	return t, nil
}

// Adopted says whether Open found a table with the same layout and kept it.
func (t *Table) Adopted() bool { return t.adopted }

// Close lets go of the table and leaves it in the kernel as it is. The next
// Open adopts it. Until then, anyone with the right to do so can remove it.
func (t *Table) Close() error {
	return errors.Join(t.events.Close(), t.reader.conn.Close(), t.socket.conn.Close())
}

// Clear removes the table and with it all protection.
func (t *Table) Clear() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nets = nil
	return explain("clear table", t.remove(t.layout))
}

// remove deletes a table that may not be there.
func (t *Table) remove(l *layout) error {
	err := t.socket.commit([]netlink.Message{l.deleteTable()})
	if is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// Rebuild makes the table hold exactly these elements, whatever was done to
// it: a table that is gone comes back, and one that somebody changed is
// replaced, each in one transaction. A table with nothing but foreign
// elements keeps its rules and their counters.
func (t *Table) Rebuild(elements []Element) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	for range 3 { // who flushed the table once may do so again while we look
		if err = t.rebuild(elements); !is(err, unix.ENOENT) {
			break
		}
	}
	return explain("rebuild table", err)
}

func (t *Table) rebuild(elements []Element) error {
	if t.verify() == nil {
		return t.refill(elements)
	}
	found, err := t.socket.inspect(t.layout.options.Table)
	if err != nil {
		return err
	}
	if found, err = t.claim(found); err != nil {
		return err
	}
	return t.create(found, elements)
}

// A presence is what Open and Rebuild find in the kernel.
type presence struct {
	exists bool
	flags  uint32
	owner  uint32 // netlink port of the owner's socket; 0: none, or an orphan
}

// inspect asks for a table. One that is not there is no error.
func (s *socket) inspect(table string) (presence, error) {
	var a attributes
	a.text(unix.NFTA_TABLE_NAME, table)
	answer, err := s.get(unix.NFT_MSG_GETTABLE, a)
	if is(err, unix.ENOENT) {
		return presence{}, nil
	}
	if err != nil {
		return presence{}, err
	}
	return presence{
		exists: true,
		flags:  number32(find(answer, unix.NFTA_TABLE_FLAGS)),
		owner:  number32(find(answer, tableAttrOwner)),
	}, nil
}

// claim makes the table ours if its owner is gone, so that it can be read and
// changed. The kernel takes the owner flag from such a table and leaves the
// other; setting both again adopts it.
func (t *Table) claim(found presence) (presence, error) {
	switch {
	case found.flags&tableFlagOwner != 0 && found.owner != t.socket.conn.PID():
		return found, fmt.Errorf("%w: %s", ErrOwned, holder(found.owner))
	case found.flags != tableFlagPersist:
		return found, nil
	}
	found.flags = tableFlagOwner | tableFlagPersist
	found.owner = t.socket.conn.PID()
	return found, t.socket.commit([]netlink.Message{t.layout.newTable(found.flags)})
}

// holder names the process behind a netlink port: the kernel gives the first
// socket of a process its pid for a port.
func holder(port uint32) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", port))
	if err != nil {
		return fmt.Sprintf("netlink port %d", port)
	}
	return fmt.Sprintf("pid %d (%s)", port, strings.TrimSpace(string(name)))
}

// take tries what the kernel may be able to do, the best first: keep a table
// that is as it should be, else make it so.
func (t *Table) take(o Options) error {
	t.layout = newLayout(o, capability{})
	found, err := t.socket.inspect(o.Table)
	if err != nil {
		return err
	}
	if found, err = t.claim(found); err != nil {
		return err
	}
	var rescued []Element
	old := t.layout
	for _, can := range []capability{{true, true}, {true, false}, {false, true}, {false, false}} {
		if can.owner && o.Shared {
			continue
		}
		t.layout = newLayout(o, can)
		if found.exists && found.flags == t.layout.flags() && t.verify() == nil {
			t.adopted = true
			return errors.Join(t.remove(t.standIn()), t.socket.commit(t.layout.fillPorts()), t.learnRefresh())
		}
		if found.exists && rescued == nil {
			if rescued, err = t.rescue(old); err != nil {
				return err
			}
		}
		err = t.create(found, rescued)
		if !is(err, unix.EOPNOTSUPP) && !is(err, unix.EINVAL) {
			break
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(t.remove(t.standIn()), t.learnRefresh())
}

// rescue reads the elements of a table whose layout may be another one.
func (t *Table) rescue(l *layout) ([]Element, error) {
	out := []Element{}
	for _, s := range l.sets {
		states, err := t.view().read(s)
		if is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, state := range states {
			state.Element.Timeout = state.Expires
			out = append(out, state.Element)
		}
	}
	return out, nil
}

// create makes the table with its elements in place of the one found.
//
// Replacing a table is one transaction, yet a packet on its way at that moment
// can get through: it may have passed the new chain before it has rules, and
// meet the old one when its rules are gone. So a second table stands in.
func (t *Table) create(found presence, elements []Element) error {
	if !found.exists {
		return t.build(t.layout, nil, elements)
	}
	standIn := t.standIn()
	whom := slices.DeleteFunc(slices.Clone(elements), func(e Element) bool {
		_, limited := standIn.limit(e.Set)
		return limited // one packet too many does no harm
	})
	err := t.build(standIn, nil, whom)
	if err == nil {
		err = t.build(t.layout, []netlink.Message{t.layout.deleteTable()}, elements)
	}
	return errors.Join(err, t.remove(t.standIn()))
}

// standIn is the layout of the table that drops while ours is replaced. A
// process that is killed meanwhile leaves it behind; Open removes it.
func (t *Table) standIn() *layout {
	o := t.layout.options
	o.Table += "_stand_in"
	return newLayout(o, capability{several: t.layout.can.several})
}

// build makes a table with its elements in one transaction, after the
// messages of head.
func (t *Table) build(l *layout, head []netlink.Message, elements []Element) error {
	p := newPlan(l, len(elements))
	if err := p.add(elements); err != nil {
		return err
	}
	head = append(head, l.newTable(l.flags()))
	return t.run(p, append(head, l.structure()...))
}

// refill replaces all elements and leaves the rules alone. A packet finds an
// element that is deleted and added again in one transaction at any moment.
func (t *Table) refill(elements []Element) error {
	p := newPlan(t.layout, len(elements))
	if err := p.add(elements); err != nil {
		return err
	}
	var flushes []netlink.Message
	for _, s := range t.layout.sets {
		flushes = append(flushes, t.layout.flush(s.name))
	}
	t.nets = nil
	return t.run(p, append(flushes, t.layout.fillPorts()...))
}

// structure makes everything inside the table but the elements of its sets:
// first the sets, then the chains, then the rules, which name both.
func (l *layout) structure() []netlink.Message {
	var out []netlink.Message
	for i, s := range append([]kernelSet{protectedPorts}, l.sets...) {
		a := l.describe(s)
		a.u32(unix.NFTA_SET_ID, uint32(i+1)) // has to be there; we go by names
		out = append(out, message(unix.NFT_MSG_NEWSET, netlink.Create, a))
	}
	for _, c := range l.chains {
		out = append(out, message(unix.NFT_MSG_NEWCHAIN, netlink.Create, l.describeChain(c)))
	}
	for _, c := range l.chains {
		for _, r := range c.rules {
			out = append(out, message(unix.NFT_MSG_NEWRULE, netlink.Create|netlink.Append, l.describeRule(c, r)))
		}
	}
	return append(out, l.fillPorts()...)
}

// newTable makes the message that creates the table, or adopts it if its flags
// are those of an orphan.
func (l *layout) newTable(flags uint32) netlink.Message {
	a := l.begin(unix.NFTA_TABLE_NAME)
	a.u32(unix.NFTA_TABLE_FLAGS, flags)
	return message(unix.NFT_MSG_NEWTABLE, netlink.Create, a)
}

func (l *layout) deleteTable() netlink.Message {
	return message(unix.NFT_MSG_DELTABLE, 0, l.begin(unix.NFTA_TABLE_NAME))
}

// fillPorts replaces the protected ports. A packet finds the old ones or the
// new ones: flushing and filling are one transaction.
func (l *layout) fillPorts() []netlink.Message {
	out := []netlink.Message{l.flush(protectedPorts.name)}
	for keys := range slices.Chunk(l.portKeys(), chunk) {
		a := l.begin(unix.NFTA_SET_ELEM_LIST_TABLE)
		a.text(unix.NFTA_SET_ELEM_LIST_SET, protectedPorts.name)
		a.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(a *attributes) {
			for _, key := range keys {
				a.nest(unix.NFTA_LIST_ELEM, func(a *attributes) { writeKey(a, key) })
			}
		})
		out = append(out, message(unix.NFT_MSG_NEWSETELEM, netlink.Create, a))
	}
	return out
}

// flush empties a set.
func (l *layout) flush(set string) netlink.Message {
	a := l.begin(unix.NFTA_SET_ELEM_LIST_TABLE)
	a.text(unix.NFTA_SET_ELEM_LIST_SET, set)
	return message(unix.NFT_MSG_DELSETELEM, 0, a)
}

// SetPorts replaces the protected ports, in one transaction.
func (t *Table) SetPorts(udp, tcp []uint16) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.layout.options.UDP, t.layout.options.TCP = udp, tcp
	return explain("set ports", t.socket.commit(t.layout.fillPorts()))
}

// learnRefresh finds out whether adding an element again sets its timeout, by
// doing it in a set that no rule asks.
func (t *Table) learnRefresh() error {
	trial := kernelSet{name: "trial", set: KnownGood, shape: hosts}
	one := []entry{{from: netip.IPv4Unspecified(), timeout: time.Hour}}
	set := t.layout.describe(trial)
	set.u32(unix.NFTA_SET_ID, 1)
	first := []netlink.Message{
		message(unix.NFT_MSG_NEWSET, netlink.Create, set),
		t.layout.elementMessage(unix.NFT_MSG_NEWSETELEM, trial, one),
	}
	if err := t.socket.commit(first); err != nil {
		return err
	}
	one[0].timeout = 2 * time.Hour
	err := t.socket.commit([]netlink.Message{t.layout.elementMessage(unix.NFT_MSG_NEWSETELEM, trial, one)})
	if err == nil {
		var states []ElementState
		states, err = t.view().read(trial)
		t.refreshes = len(states) == 1 && states[0].Expires > time.Hour
	}
	gone := t.layout.begin(unix.NFTA_SET_TABLE)
	gone.text(unix.NFTA_SET_NAME, trial.name)
	return errors.Join(err, t.socket.commit([]netlink.Message{message(unix.NFT_MSG_DELSET, 0, gone)}))
}
