package nft

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/spans"
)

// readAttempts is how often a dump is begun again because the ruleset changed
// meanwhile.
const readAttempts = 10

// Elements lists what the kernel has in a set, in no order. Ranges that came
// from nested prefixes are listed as the kernel has them, in pieces.
//
// The counters of the dropping and limiting sets count dropped packets;
// NeverBan, KnownGood and GoodPort have none, nor have the limiting ones before Linux 5.12.
func (t *Table) Elements(set Set) ([]ElementState, error) {
	return t.gather(set, func(shape) bool { return true })
}

// Ranges lists what Elements does without hosts and IPv6 /64s, of which there
// can be a hundred thousand.
func (t *Table) Ranges(set Set) ([]ElementState, error) {
	return t.gather(set, func(s shape) bool { return s == ranges })
}

func (t *Table) gather(set Set, wanted func(shape) bool) ([]ElementState, error) {
	t.reading.Lock()
	defer t.reading.Unlock()
	v := view{t.reader, t.layout}
	var out []ElementState
	for _, s := range t.layout.sets {
		if s.set != set || !wanted(s.shape) {
			continue
		}
		states, err := v.read(s)
		if err != nil {
			return nil, explain("list elements", err)
		}
		out = append(out, states...)
	}
	return out, nil
}

// Get looks one element up. A prefix that lies in a range is found with the
// state of that range.
func (t *Table) Get(e Element) (ElementState, bool, error) {
	e.Timeout = 0
	e, err := e.canonical()
	if err != nil {
		return ElementState{}, false, err
	}
	t.reading.Lock()
	defer t.reading.Unlock()
	v := view{t.reader, t.layout}
	s := t.layout.sets[t.layout.find(e)]
	if s.shape != ranges {
		k, found, err := v.lookup(s, entry{from: e.Prefix.Addr(), port: e.Port})
		return k.state(s), found, explain("get element", err)
	}
	states, err := v.read(s)
	for _, state := range states {
		if state.Prefix.Contains(e.Prefix.Addr()) {
			state.Prefix = e.Prefix
			return state, true, nil
		}
	}
	return ElementState{}, false, explain("get element", err)
}

// A view asks the kernel about the elements. It changes nothing, so it may
// have another socket than the changes: a source that is to be dropped must not
// wait until a hundred thousand others are listed.
type view struct {
	socket *socket
	layout *layout
}

// view is the one for whoever holds the lock.
func (t *Table) view() view { return view{t.socket, t.layout} }

// lookup asks the kernel for one element of a set without ranges.
func (v view) lookup(s kernelSet, e entry) (k kernelEntry, found bool, err error) {
	message := v.layout.elementMessage(unix.NFT_MSG_GETSETELEM, s, []entry{e})
	err = v.socket.ask(message, func(answer []byte) error {
		for _, element := range each(find(answer, unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
			k, found = readEntry(s, element)
		}
		return nil
	})
	if is(err, unix.ENOENT) {
		// The kernel says the same for a missing element and a missing table.
		if p, failed := v.socket.inspect(v.layout.options.Table); failed != nil || p.exists {
			err = failed
		}
	}
	return k, found, err
}

// read lists one set of the kernel in its public form.
func (v view) read(s kernelSet) ([]ElementState, error) {
	all, err := v.collect(s)
	if err != nil {
		return nil, err
	}
	if s.shape == ranges {
		return joinRanges(s, slices.Collect(maps.Values(all))), nil
	}
	out := make([]ElementState, 0, len(all))
	for _, k := range all {
		out = append(out, k.state(s))
	}
	return out, nil
}

// A place tells the elements of one set apart.
type place struct {
	addr netip.Addr
	port uint16
	end  bool
}

// collect reads a set until it is complete. A dump comes in pieces, for each
// of which the kernel walks the set from its start and skips as many elements
// as it has sent. While a hash grows (for a moment after a large change, in
// the background) that order changes, and a dump misses some elements and
// repeats others without a word. So dumps are added up until they reach the
// kernel's own count, or bring nothing new: the count, which only newer
// kernels tell, includes elements that ran out a moment ago. Trees of ranges
// stay in order.
func (v view) collect(s kernelSet) (map[place]kernelEntry, error) {
	size, known, err := v.size(s)
	if err != nil || known && size == 0 && s.shape != ranges {
		return nil, err
	}
	all := make(map[place]kernelEntry, size)
	for range readAttempts {
		before := len(all)
		err := v.dumpSet(s, func(k kernelEntry) { all[place{k.addr, k.port, k.end}] = k })
		if err != nil && !errors.Is(err, errInterrupted) {
			return nil, err
		}
		if err == nil && (len(all) == size || len(all) == before || s.shape == ranges) {
			break
		}
	}
	return all, nil
}

// size returns the number of elements of a set, if the kernel tells.
func (v view) size(s kernelSet) (n int, known bool, err error) {
	a := v.layout.begin(unix.NFTA_SET_TABLE)
	a.text(unix.NFTA_SET_NAME, s.name)
	answer, err := v.socket.get(unix.NFT_MSG_GETSET, a)
	value := find(answer, setAttrCount)
	return int(number32(value)), len(value) == 4, err
}

// dumpSet calls take with each element of a set, in one walk. See collect for
// what may be missing.
func (v view) dumpSet(s kernelSet, take func(kernelEntry)) error {
	a := v.layout.begin(unix.NFTA_SET_ELEM_LIST_TABLE)
	a.text(unix.NFTA_SET_ELEM_LIST_SET, s.name)
	return v.socket.dump(unix.NFT_MSG_GETSETELEM, a, func(answer []byte) error {
		for _, element := range each(find(answer, unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
			if k, ok := readEntry(s, element); ok {
				take(k)
			}
		}
		return nil
	})
}

// joinRanges puts the two ends of each range together again. A range ends
// where the next element is, or at the last address.
func joinRanges(s kernelSet, list []kernelEntry) []ElementState {
	slices.SortFunc(list, func(a, b kernelEntry) int {
		if c := a.addr.Compare(b.addr); c != 0 {
			return c
		}
		if a.end { // one ends before the next begins
			return -1
		}
		return 1
	})
	var out []ElementState
	for i, k := range list {
		if k.end {
			continue
		}
		to := spans.Last(netip.PrefixFrom(k.addr, 0).Masked())
		if i+1 < len(list) {
			to = list[i+1].addr.Prev()
		}
		for _, prefix := range (spans.Span{From: k.addr, To: to}).Split() {
			state := k.state(s)
			state.Prefix = prefix
			out = append(out, state)
		}
	}
	return out
}

// learnNets reads the ranges back when they are not known: after adopting a
// table, and after an error.
func (t *Table) learnNets() error {
	if t.nets != nil {
		return nil
	}
	nets, now := map[int]spans.Prefixes{}, time.Now()
	for i, s := range t.layout.sets {
		if s.shape != ranges {
			continue
		}
		states, err := t.view().read(s)
		if err != nil {
			return err
		}
		nets[i] = spans.Prefixes{}
		for _, state := range states {
			var until time.Time
			if state.Timeout > 0 {
				until = now.Add(state.Expires)
			}
			nets[i][state.Prefix] = until
		}
	}
	t.nets = nets
	return nil
}

// list dumps objects of the table and sorts them by the attribute key.
func (t *Table) list(kind, table, key uint16) (map[string][][]byte, error) {
	var out map[string][][]byte
	err := errInterrupted
	for range readAttempts {
		out = map[string][][]byte{}
		err = t.socket.dump(kind, t.layout.begin(table), func(answer []byte) error {
			// Not every kind of dump honours the table's name.
			if text(find(answer, table)) == t.layout.options.Table {
				name := text(find(answer, key))
				out[name] = append(out[name], slices.Clone(answer))
			}
			return nil
		})
		if !errors.Is(err, errInterrupted) {
			break
		}
	}
	return out, err
}

// Verify compares the table in the kernel with the one we made: its owner,
// sets, chains and each rule. It returns ErrGone or ErrChanged if they differ.
// It does not read the elements; see Elements.
func (t *Table) Verify() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return explain("verify table", t.verify())
}

// verify is Verify for those who hold the lock. It asks for the owner first:
// with another owner, nothing below could be mended.
func (t *Table) verify() error {
	found, err := t.socket.inspect(t.layout.options.Table)
	switch {
	case err != nil:
		return err
	case !found.exists:
		return ErrGone
	case found.flags != t.layout.flags():
		return fmt.Errorf("flags are %#x: %w", found.flags, ErrChanged)
	case t.layout.can.owner && found.owner != t.socket.conn.PID():
		return fmt.Errorf("owner is %d: %w", found.owner, ErrOwned)
	}
	if err := t.verifySets(); err != nil {
		return err
	}
	return t.verifyChains()
}

// verifySets compares how the sets are made: keys, flags, and the limits and
// counters of their elements. Sets of others do no harm, as no rule asks them.
func (t *Table) verifySets() error {
	want := map[string]attributes{protectedPorts.name: t.layout.describe(protectedPorts)}
	for _, s := range t.layout.sets {
		want[s.name] = t.layout.describe(s)
	}
	return t.compare("set", want, unix.NFT_MSG_GETSET, unix.NFTA_SET_TABLE, unix.NFTA_SET_NAME)
}

// compare compares objects of the table, by name, with how we described them.
// The numbers are those of list.
func (t *Table) compare(what string, want map[string]attributes, numbers ...uint16) error {
	got, err := t.list(numbers[0], numbers[1], numbers[2])
	if err != nil {
		return err
	}
	for name, w := range want {
		if len(got[name]) != 1 {
			return fmt.Errorf("%s %s: %w", what, name, ErrGone)
		}
		if !holds(got[name][0], w) {
			return fmt.Errorf("%s %s: %w", what, name, ErrChanged)
		}
	}
	return nil
}

// verifyChains compares the chains and, one by one, their rules. The number of
// expressions is compared too: one more would narrow the match.
func (t *Table) verifyChains() error {
	want := map[string]attributes{}
	for _, c := range t.layout.chains {
		want[c.name] = t.layout.describeChain(c)
	}
	err := t.compare("chain", want, unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_TABLE, unix.NFTA_CHAIN_NAME)
	if err != nil {
		return err
	}
	rules, err := t.list(unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, unix.NFTA_RULE_CHAIN)
	if err != nil {
		return err
	}
	for _, c := range t.layout.chains {
		if len(rules[c.name]) != len(c.rules) {
			return fmt.Errorf("chain %s has %d rules instead of %d: %w", c.name, len(rules[c.name]), len(c.rules), ErrChanged)
		}
		for i, r := range c.rules {
			got, want := rules[c.name][i], t.layout.describeRule(c, r)
			same := count(find(got, unix.NFTA_RULE_EXPRESSIONS)) == count(find(want, unix.NFTA_RULE_EXPRESSIONS))
			if !same || !holds(got, want) {
				return fmt.Errorf("chain %s, rule %d: %w", c.name, i+1, ErrChanged)
			}
		}
	}
	return nil
}
