package host

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// maxAddresses bounds what one name may stand for. The largest carriers
	// answer with a dozen.
	maxAddresses = 64
	// answerLife is how long the last good answer stands when no other comes.
	answerLife = 7 * 24 * time.Hour
	// overlap is how long an address stands that a newer answer leaves out:
	// names that share the load answer with a few of theirs at a time, and calls
	// go on at the address they began at.
	overlap = time.Hour

	shortestWait = time.Minute     // between two questions about a name, whatever its TTL
	usualWait    = 5 * time.Minute // where the TTL is not known
	longestWait  = time.Hour

	// patience is how long one name is asked about.
	patience = 10 * time.Second
	// maxAsking bounds how many names are asked about at a time.
	maxAsking = 8
)

// Answer is what is known of a name. Answers kept over a restart let the
// carriers stay known while DNS is away.
type Answer struct {
	Name    string
	Address netip.Addr
	// Seen is when DNS last gave the address.
	Seen time.Time
}

// Lookup finds the addresses of a name, and for how long they hold; 0 is
// unknown. With an error the addresses are true but may not be all. It must end
// when ctx does.
type Lookup func(ctx context.Context, name string) ([]netip.Addr, time.Duration, error)

// ResolverOptions says how names are resolved.
type ResolverOptions struct {
	// Lookup asks DNS; nil means LookupSIP.
	Lookup Lookup
	// Own tells this machine's addresses, which no name may stand for. It may
	// be nil, and must be safe for concurrent use.
	Own func(netip.Addr) bool
	// Answers are kept from before.
	Answers []Answer
}

// Resolver keeps the addresses of the carriers that are given by name. Nothing
// waits for it: Run asks in the background, and the last good answer stands for
// seven days when DNS is down. It believes DNS only so far: a name stands for
// at most 64 addresses, none of them this machine's own, private, loopback,
// multicast or otherwise not on the Internet. Who wants a private address
// trusted writes the address itself.
//
// It is safe for concurrent use.
type Resolver struct {
	lookup Lookup
	own    func(netip.Addr) bool
	told   chan struct{}

	mu    sync.Mutex
	names map[string]*carrier
}

// carrier is what is known of one name.
type carrier struct {
	seen    map[netip.Addr]time.Time // the addresses, and when DNS last gave each
	good    time.Time                // the last answer of use
	due     time.Time                // when to ask again
	asking  bool
	problem string
}

// NewResolver makes a resolver that knows no name yet but has the answers for
// those to come.
func NewResolver(o ResolverOptions) *Resolver {
	r := &Resolver{lookup: o.Lookup, own: o.Own, told: make(chan struct{}, 1), names: map[string]*carrier{}}
	if r.lookup == nil {
		r.lookup = LookupSIP
	}
	if r.own == nil {
		r.own = func(netip.Addr) bool { return false }
	}
	for _, a := range o.Answers {
		c := r.know(a.Name)
		if r.refusal(a.Address) != "" || len(c.seen) == maxAddresses {
			continue
		}
		c.seen[a.Address] = a.Seen
		if a.Seen.After(c.good) {
			c.good = a.Seen
		}
	}
	return r
}

func (r *Resolver) know(text string) *carrier {
	c := r.names[text]
	if c == nil {
		c = &carrier{seen: map[netip.Addr]time.Time{}}
		r.names[text] = c
	}
	return c
}

// SetNames says which names to resolve from now on.
func (r *Resolver) SetNames(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.names, func(text string, _ *carrier) bool { return !slices.Contains(names, text) })
	for _, text := range names {
		r.know(text)
	}
	tell(r.told)
}

// Run asks about the names that are due whenever a tick brings the time, once a
// second or so, until ctx is done or the ticks end. It does not wait for
// answers.
func (r *Resolver) Run(ctx context.Context, ticks <-chan time.Time) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case now, open := <-ticks:
			if !open {
				return
			}
			for _, text := range r.dueNames(now) {
				asking.Go(func() { r.ask(ctx, text, now) })
			}
		}
	}
}

// dueNames picks whom to ask about, those that have waited longest first, and
// drops answers that are too old.
func (r *Resolver) dueNames(now time.Time) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asking := 0
	var due []string
	for text, c := range r.names {
		if c.asking {
			asking++
		} else if !now.Before(c.due) || c.due.Sub(now) > longestWait { // the clock was set back
			due = append(due, text)
		}
		if len(c.seen) > 0 && now.Sub(c.good) > answerLife {
			clear(c.seen)
			tell(r.told)
		}
	}
	slices.SortFunc(due, func(a, b string) int { return r.names[a].due.Compare(r.names[b].due) })
	due = due[:min(len(due), maxAsking-asking)]
	for _, text := range due {
		r.names[text].asking = true
	}
	return due
}

// ask asks about one name. The answer is dated with the tick that asked.
func (r *Resolver) ask(ctx context.Context, text string, now time.Time) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	addresses, ttl, err := r.lookup(asking, text)
	if ctx.Err() != nil {
		return // we were told to stop, which says nothing about the name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.names[text]
	if c == nil {
		return // no longer wanted
	}
	good, refused := r.sift(addresses)
	c.asking = false
	c.due = now.Add(wait(ttl, len(good) > 0, err))
	c.problem = problem(text, len(good), refused, err)
	if len(good) > 0 && c.learn(good, now, err == nil) {
		tell(r.told)
	}
}

// wait is how long an answer is good enough.
func wait(ttl time.Duration, useful bool, err error) time.Duration {
	switch {
	case !useful || err != nil:
		return shortestWait
	case ttl <= 0:
		return usualWait
	}
	return min(max(ttl, shortestWait), longestWait)
}

// sift picks the addresses that a carrier can have, each once, and says what is
// wrong with the first of the others.
func (r *Resolver) sift(addresses []netip.Addr) (good []netip.Addr, refused string) {
	seen := map[netip.Addr]bool{}
	for _, a := range addresses {
		a = a.Unmap().WithZone("")
		if seen[a] {
			continue
		}
		seen[a] = true
		if why := r.refusal(a); why == "" {
			good = append(good, a)
		} else if refused == "" {
			refused = fmt.Sprintf("answers %v, %s", a, why)
		}
	}
	return good, refused
}

// sharedSpace lies between a provider and its customers (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// refusal says why a name is not believed to stand for an address.
func (r *Resolver) refusal(a netip.Addr) string {
	switch {
	case !elsewhere(a):
		return "which is nobody's address"
	case r.own(a):
		return "an address of this machine"
	case a.IsPrivate() || sharedSpace.Contains(a):
		return "a private address"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	}
	return ""
}

// problem says in a sentence what a person should know about an answer.
func problem(text string, good int, refused string, err error) string {
	switch {
	case refused != "":
		return fmt.Sprintf("%s %s: not believed; to trust it, write the address itself", text, refused)
	case good > maxAddresses:
		return fmt.Sprintf("%s answers %d addresses: %d are used", text, good, maxAddresses)
	case err != nil:
		return fmt.Sprintf("%s is hard to resolve: %v", text, err)
	case good == 0:
		return text + " has no address"
	}
	return ""
}

// learn takes the addresses of an answer and says whether anything changed. Of
// too many, those we know already count first, so that a flood pushes out
// nobody. After a whole answer the others are soon forgotten.
func (c *carrier) learn(good []netip.Addr, now time.Time, whole bool) bool {
	before := c.addresses()
	c.good = now
	c.sort(good)
	for _, a := range good[:min(len(good), maxAddresses)] {
		c.seen[a] = now
	}
	life := answerLife
	if whole {
		life = overlap
	}
	maps.DeleteFunc(c.seen, func(_ netip.Addr, seen time.Time) bool { return now.Sub(seen) > life })
	all := slices.Collect(maps.Keys(c.seen))
	c.sort(all)
	for _, a := range all[min(len(all), maxAddresses):] {
		delete(c.seen, a)
	}
	return !slices.Equal(before, c.addresses())
}

// sort puts the addresses seen last first, and those never seen at the end.
func (c *carrier) sort(addresses []netip.Addr) {
	slices.SortFunc(addresses, func(a, b netip.Addr) int {
		return cmp.Or(c.seen[b].Compare(c.seen[a]), a.Compare(b))
	})
}

func (c *carrier) addresses() []netip.Addr {
	return slices.SortedFunc(maps.Keys(c.seen), netip.Addr.Compare)
}

// Changed gives a token when Addresses has changed. One not yet taken stands
// for those that follow.
func (r *Resolver) Changed() <-chan struct{} { return r.told }

// Addresses gives, in order, the addresses each name stands for. A name that
// has never been resolved has none.
func (r *Resolver) Addresses() map[string][]netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string][]netip.Addr, len(r.names))
	for text, c := range r.names {
		all[text] = c.addresses()
	}
	return all
}

// Answers gives what is known in a form that can be kept over a restart.
func (r *Resolver) Answers() []Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Answer
	for _, text := range slices.Sorted(maps.Keys(r.names)) {
		c := r.names[text]
		for _, a := range c.addresses() {
			all = append(all, Answer{text, a, c.seen[a]})
		}
	}
	return all
}

// Problems says, in a sentence for each of the names that has one, what is
// wrong. Without names it speaks of all.
func (r *Resolver) Problems(names ...string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(r.names))
	}
	var all []string
	for _, text := range names {
		if c := r.names[text]; c != nil && c.problem != "" {
			all = append(all, c.problem)
		}
	}
	return all
}
