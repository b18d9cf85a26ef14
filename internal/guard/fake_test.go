package guard

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/policy"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	server = netip.MustParseAddrPort("192.0.2.10:5060")
)

// fakeKernel is a layer in memory that asks sets in the kernel's order.
type fakeKernel struct {
	mu      sync.Mutex
	held    map[ban.Key]ban.Ban
	never   []netip.Prefix
	said    []string // every order, in words
	refuses bool
}

var _ enforce.Backend = (*fakeKernel)(nil)

var errRefused = errors.New("the kernel refuses")

func newFakeKernel() *fakeKernel { return &fakeKernel{held: map[ban.Key]ban.Ban{}} }

// Apply implements enforce.Backend.
func (k *fakeKernel) Apply(put, lift []ban.Ban, _ time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	words := "apply"
	for _, b := range lift {
		words += fmt.Sprintf(" -%s %s", b.Action, b.Prefix)
		if !k.refuses {
			delete(k.held, b.Key())
		}
	}
	for _, b := range put {
		words += fmt.Sprintf(" +%s %s", b.Action, b.Prefix)
		if !k.refuses {
			k.held[b.Key()] = b
		}
	}
	k.said = append(k.said, words)
	if k.refuses {
		return errRefused
	}
	return nil
}

// Fence implements enforce.Backend.
func (k *fakeKernel) Fence(never []netip.Prefix) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said = append(k.said, "fence")
	if k.refuses {
		return errRefused
	}
	k.never = slices.Clone(never)
	return nil
}

// Sync implements enforce.Backend.
func (k *fakeKernel) Sync(live iter.Seq[ban.Ban], now time.Time) (missing []ban.Ban, repaired int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said = append(k.said, "sync")
	if k.refuses {
		return nil, 0, errRefused
	}
	wanted := map[ban.Key]bool{}
	for b := range live {
		wanted[b.Key()] = true
		if held, here := k.held[b.Key()]; !here || held.Action != b.Action || !held.Until.Equal(b.Until) {
			missing = append(missing, b)
		}
	}
	for key := range k.held {
		if !wanted[key] {
			delete(k.held, key)
			repaired++
		}
	}
	return missing, repaired, nil
}

// Dropped implements enforce.Backend.
func (k *fakeKernel) Dropped(entries []ban.Ban) []uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	packets := make([]uint64, len(entries))
	for i := range entries {
		if _, held := k.held[entries[i].Key()]; held {
			packets[i] = 7
		}
	}
	return packets
}

// Close implements enforce.Backend.
func (k *fakeKernel) Close(bool) error { return nil }

// orders gives what was said since the last call.
func (k *fakeKernel) orders() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	said := k.said
	k.said = nil
	return said
}

// verdict is what the kernel does with a packet: "never", "known", "drop",
// "limit" or "pass".
func (k *fakeKernel) verdict(from netip.AddrPort, now time.Time) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.never {
		if p.Contains(from.Addr()) {
			return "never"
		}
	}
	found := map[string]bool{}
	for _, b := range k.held {
		if !b.Live(now) || !b.Prefix.Contains(from.Addr()) || b.Port != 0 && b.Port != from.Port() {
			continue
		}
		found[map[ban.Action]string{ban.Pass: "known", ban.Drop: "drop", ban.Limit: "limit", ban.Slow: "limit"}[b.Action]] = true
	}
	for _, verdict := range []string{"known", "drop", "limit"} {
		if found[verdict] {
			return verdict
		}
	}
	return "pass"
}

// listener is a witness that writes down what it is told.
type listener struct {
	mu       sync.Mutex
	found    []detect.Finding
	done     []ban.Ban
	fenced   []ban.Ban
	again    []ban.Ban
	troubles []error
}

var _ Witness = (*listener)(nil)

// Found implements Witness.
func (l *listener) Found(f detect.Finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found = append(l.found, f)
}

// Done implements Witness.
func (l *listener) Done(b ban.Ban) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = append(l.done, b)
}

// Again implements Witness.
func (l *listener) Again(b ban.Ban, _ time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = append(l.again, b)
}

// Fenced implements Witness.
func (l *listener) Fenced(b ban.Ban) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fenced = append(l.fenced, b)
}

// Trouble implements Witness.
func (l *listener) Trouble(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.troubles = append(l.troubles, err)
}

// rig is a hall with a fake kernel.
type rig struct {
	*Guard
	kernel  *fakeKernel
	witness *listener
	table   *ban.Table
	now     time.Time
}

// newRig makes a hall. Without lanes it has its doors only, and no memory of
// packets to clear.
func newRig(lanes int) *rig {
	r := &rig{kernel: newFakeKernel(), witness: &listener{}, table: ban.NewTable(ban.Limits{}), now: noon}
	fence := policy.NewFence()
	if lanes == 0 {
		p := policy.New(policy.Options{Table: r.table, Fence: fence})
		r.Guard = &Guard{policy: p, fence: fence, table: r.table, kernel: r.kernel, witness: r.witness}
		return r
	}
	r.Guard = New(Options{
		Policy: policy.New(policy.Options{Table: r.table, Fence: fence}), Fence: fence, Table: r.table,
		Kernel: r.kernel, Witness: r.witness, Lanes: lanes, Seed: bounded.Seed{K0: 1, K1: 2},
	})
	return r
}

// prefix reads an address or a prefix.
func prefix(text string) netip.Prefix {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p
	}
	a := netip.MustParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen())
}

// order is what a human says.
func (r *rig) order(action ban.Action, text string) ban.Ban {
	return r.Do(ban.Ban{Prefix: prefix(text), Action: action, By: "alice", Since: r.now, Until: r.now.Add(time.Hour)})
}

// finding is evidence that decides against a source; change sets what matters.
func (r *rig) finding(from string, change func(*detect.Finding)) {
	f := detect.Finding{Source: netip.MustParseAddr(from), Port: 5060, Time: r.now, Rule: "guess", Class: detect.ClassGuess,
		Proof: event.GradeA, Evidence: detect.DropBound + 1, Account: "100", AccountID: 100, Expires: -1}
	if change != nil {
		change(&f)
	}
	r.Believe(f)
}

func class(c detect.Class) func(*detect.Finding) { return func(f *detect.Finding) { f.Class = c } }

func unproven(f *detect.Finding) { f.Proof = event.None }

// protect makes these prefixes the never-ban list.
func (r *rig) protect(texts ...string) {
	var posts []policy.Post
	for _, text := range texts {
		posts = append(posts, policy.Post{Prefix: prefix(text), Reason: "a post"})
	}
	r.Protect(posts, r.now)
}

// verdict is the kernel's about an address.
func (r *rig) verdict(t *testing.T, from, want string) {
	t.Helper()
	if got := r.kernel.verdict(netip.AddrPortFrom(netip.MustParseAddr(from), 5060), r.now); got != want {
		t.Errorf("the kernel says %s to %s, want %s", got, from, want)
	}
}

// equal says what differs between kernel and table.
func (r *rig) equal() error {
	wanted := map[ban.Key]ban.Ban{}
	for b := range r.Live {
		if b.Action != ban.Allow {
			wanted[b.Key()] = b
		}
	}
	r.kernel.mu.Lock()
	defer r.kernel.mu.Unlock()
	held := 0
	for key, b := range r.kernel.held {
		if !b.Live(r.now) || b.Action == ban.Allow {
			continue
		}
		held++
		want, live := wanted[key]
		if !live || want.Action != b.Action || !want.Until.Equal(b.Until) || want.Scope != b.Scope {
			return fmt.Errorf("the kernel has %+v, the table %+v", b, want)
		}
	}
	if held != len(wanted) {
		return fmt.Errorf("the kernel has %d entries, the table %d", held, len(wanted))
	}
	return nil
}
