package nft

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRuleset compares what an administrator sees with the text in testdata,
// and shows that saying a thing twice changes nothing.
func TestRuleset(t *testing.T) {
	elements := []Element{
		element(NeverBan, "192.0.2.0/24", 0), element(NeverBan, "2001:db8:2::/48", 0),
		element(KnownGood, "203.0.113.20", 0), element(KnownGood, "2001:db8:51::20", 0),
		element(DropAll, "203.0.113.66", 0), element(DropAll, "198.51.100.0/24", 0),
		element(DropSIP, "203.0.113.67", 0), element(DropSIP, "2001:db8:66::/64", 0), element(DropSIP, "2001:db8:67::/48", 0),
		element(Limit, "203.0.113.68", 0), element(LimitSlow, "2001:db8:68::/64", 0),
		elementPort("203.0.113.20", 5071), elementPort("2001:db8:51::20", 5071),
		portOf(HoldPort, "203.0.113.20", 5072), portOf(GoodPort, "203.0.113.20", 5060), element(Hold, "203.0.113.20", 0),
	}
	want, err := os.ReadFile("testdata/ruleset.nft")
	must(t, err)
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			// One port only: the kernel lists a hash in no order.
			o := Options{UDP: []uint16{sipPort}, Shared: mode.shared}
			table, h := newTable(t, o)
			if table.owned() == mode.shared {
				t.Errorf("Owned() = %v; this test expects Linux 6.9 or later", table.owned())
			}
			text := string(want)
			if mode.shared {
				text = strings.Replace(text, "\tflags owner\n\n", "", 1)
			}
			for _, round := range []string{"first", "second"} {
				must(t, table.Apply(elements, nil))
				must(t, table.SetPorts(o.UDP, o.TCP))
				if got := list(t, h); got != text {
					t.Errorf("%s round:\n%s\nwant\n%s", round, got, text)
				}
			}
			must(t, table.Verify())
			must(t, table.Close())
			again := open(t, h, o)
			if got := list(t, h); got != text || !again.Adopted() {
				t.Errorf("adopted %v:\n%s\nwant\n%s", again.Adopted(), got, text)
			}
			must(t, again.Clear())
			must(t, again.Clear())
			wantError(t, again.Verify(), ErrGone)
		})
	}
}

// timeoutKinds are the ways in which the kernel keeps an element.
var timeoutKinds = map[string]Element{
	"host":             element(DropSIP, "203.0.113.66", 0),
	"host, IPv6":       element(DropAll, "2001:db8::66", 0),
	"/64":              element(DropAll, "2001:db8::/64", 0),
	"range":            element(DropSIP, "203.0.113.0/24", 0),
	"range, IPv6":      element(DropSIP, "2001:db8::/48", 0),
	"range to the end": element(DropSIP, "ffff::/16", 0),
	"never-ban host":   element(NeverBan, "203.0.113.66", 0),
	"limited":          element(Limit, "203.0.113.66", 0),
	"source port":      elementPort("203.0.113.66", 5071),
	"held port":        portOf(HoldPort, "203.0.113.66", 5071),
	"good port":        portOf(GoodPort, "2001:db8::66", 5071),
	"held /64":         element(Hold, "2001:db8::/64", 0),
	"known good":       element(KnownGood, "203.0.113.66", 0),
}

// TestTimeouts sets timeouts again and again; what counts is the last.
func TestTimeouts(t *testing.T) {
	steps := []time.Duration{time.Hour, 2 * time.Hour, time.Minute, time.Minute, 0, 30 * time.Second, 0, 0, 500 * time.Hour}
	table, _ := newTable(t, protected)
	if !table.refreshes {
		t.Error("adding again does not refresh: expected of Linux 6.12 and later")
	}
	for _, refreshes := range []bool{true, false} {
		table.refreshes = refreshes // false is the way of older kernels, which works on any
		for name, e := range timeoutKinds {
			t.Run(fmt.Sprintf("%s, refresh %v", name, refreshes), func(t *testing.T) {
				for i, timeout := range steps {
					e.Timeout = timeout
					must(t, table.Apply([]Element{e}, nil))
					state, found, err := table.Get(e)
					late := timeout - state.Expires
					if err != nil || !found || state.Timeout != timeout || late < 0 || late > 5*time.Second {
						t.Errorf("step %d, %v: %+v, %v, %v", i, timeout, state, found, err)
					}
				}
				e.Timeout = 20 * time.Millisecond
				must(t, table.Apply([]Element{e}, nil))
				eventually(t, "expiry", func() bool {
					_, found, err := table.Get(e)
					must(t, err)
					return !found
				})
				// What ran out can be removed and added like anything else.
				must(t, table.Apply(nil, []Element{e}))
				e.Timeout = time.Hour
				must(t, table.Apply([]Element{e}, []Element{e}))
				if state, found, err := table.Get(e); err != nil || !found || state.Expires < 59*time.Minute {
					t.Errorf("after expiry: %+v, %v, %v", state, found, err)
				}
				must(t, table.Apply(nil, []Element{e, e}))
				if _, found, err := table.Get(e); err != nil || found {
					t.Errorf("after removal: %v, %v", found, err)
				}
			})
		}
	}
}

// TestRandomHosts compares the kernel with a map after random changes.
func TestRandomHosts(t *testing.T) {
	table, _ := newTable(t, protected)
	random := rand.New(rand.NewPCG(1, 2))
	pick := func() Element {
		sets := []Set{KnownGood, DropAll, DropSIP, Hold, Limit, LimitSlow, HoldPort, LimitPort, GoodPort}
		e := many(sets[random.IntN(len(sets))], 40, 0)[random.IntN(40)]
		if e.Set.ported() {
			e.Port = uint16(1 + random.IntN(3))
		}
		return e
	}
	for _, refreshes := range []bool{true, false} {
		table.refreshes = refreshes
		must(t, table.Rebuild(nil))
		model := map[Element]bool{}
		for range 200 {
			var add, remove []Element
			for range random.IntN(20) {
				remove = append(remove, pick())
			}
			for range random.IntN(20) {
				add = append(add, pick())
			}
			must(t, table.Apply(add, remove))
			for _, e := range remove {
				delete(model, e)
			}
			for _, e := range add {
				model[e] = true
			}
			compare(t, table, model)
		}
	}
}

// compare compares the elements of the kernel, timeouts aside, with the model.
func compare(t *testing.T, table *Table, model map[Element]bool) {
	t.Helper()
	got := map[Element]bool{}
	for _, set := range allSets() {
		states, err := table.Elements(set)
		must(t, err)
		for _, s := range states {
			s.Element.Timeout = 0
			got[s.Element] = true
		}
	}
	if !maps.Equal(got, model) {
		t.Fatalf("kernel has %d elements %v\nwant %d %v", len(got), got, len(model), model)
	}
}

// TestRandomRanges nests and un-nests prefixes with different timeouts, and
// asks for each address whether the kernel has what the longest-lasting prefix
// around it says.
func TestRandomRanges(t *testing.T) {
	table, _ := newTable(t, protected)
	random := rand.New(rand.NewPCG(3, 4))
	base := netip.MustParseAddr("255.255.255.0") // up to the last address
	prefix := func() netip.Prefix {
		bits := 26 + random.IntN(6)
		a := base.As4()
		a[3] = byte(random.IntN(256))
		return netip.PrefixFrom(netip.AddrFrom4(a), bits).Masked()
	}
	for _, refreshes := range []bool{true, false} {
		table.refreshes = refreshes
		must(t, table.Rebuild(nil))
		model := map[netip.Prefix]time.Duration{}
		for round := range 150 {
			var add, remove []Element
			for range random.IntN(4) {
				p := prefix()
				remove = append(remove, Element{Set: DropAll, Prefix: p})
				delete(model, p)
			}
			for range random.IntN(4) {
				e := Element{Set: DropAll, Prefix: prefix(), Timeout: time.Duration(random.IntN(4)) * time.Hour}
				add = append(add, e)
				model[e.Prefix] = e.Timeout
			}
			if round%40 == 39 {
				table.nets = nil // as after an error: read back from the kernel
			}
			must(t, table.Apply(add, remove))
			compareRanges(t, table, model)
			if round%40 == 38 {
				// Reading back forgets what is nested; begin anew from there.
				must(t, table.Replace(DropAll, nil))
				clear(model)
				compareRanges(t, table, model)
			}
		}
	}
}

func compareRanges(t *testing.T, table *Table, model map[netip.Prefix]time.Duration) {
	t.Helper()
	states, err := table.Elements(DropAll)
	must(t, err)
	for a := netip.MustParseAddr("255.255.255.0"); a.IsValid(); a = a.Next() {
		want := time.Duration(-1)
		for p, timeout := range model {
			switch {
			case !p.Contains(a):
			case timeout == 0 || want == 0:
				want = 0
			default:
				want = max(want, timeout)
			}
		}
		got := time.Duration(-1)
		for _, s := range states {
			if s.Prefix.Contains(a) {
				got = s.Expires.Round(time.Hour)
			}
		}
		if got != want {
			t.Fatalf("%v: lasts %v, want %v\nkernel %v\nwanted %v", a, got, want, states, model)
		}
	}
}

func TestReplace(t *testing.T) {
	table, h := newTable(t, protected)
	first := []Element{element(NeverBan, "192.0.2.1", 0), element(NeverBan, "192.0.2.0/25", 0), element(NeverBan, "2001:db8::/32", 0)}
	second := []Element{element(NeverBan, "192.0.2.200", 0), element(NeverBan, "10.0.0.0/9", 0), element(NeverBan, "10.128.0.0/9", 0)}
	bans := []Element{element(DropAll, "203.0.113.66", 0)}
	must(t, table.Apply(bans, nil))
	model := func(lists ...[]Element) map[Element]bool {
		m := map[Element]bool{}
		for _, e := range slices.Concat(lists...) {
			m[e] = true
		}
		return m
	}
	// The first address lies in the prefix that lasts as long.
	must(t, table.Replace(NeverBan, first))
	compare(t, table, model(first[1:], bans))
	must(t, table.Replace(NeverBan, second))
	compare(t, table, model(second, bans))
	must(t, table.Replace(DropAll, nil))
	compare(t, table, model(second))
	wantError(t, table.Replace(DropAll, second), ErrElement)
	compare(t, table, model(second))

	// Replacing by the same is no transaction at all.
	before := h.Exec("nft", "--handle", "--json", "list", "table", "inet", "sipward")
	generation := generationOf(t, table)
	must(t, table.Replace(NeverBan, second))
	if n := generationOf(t, table); n != generation {
		t.Errorf("generation %d after replacing by the same, want %d", n, generation)
	}
	if after := h.Exec("nft", "--handle", "--json", "list", "table", "inet", "sipward"); after != before {
		t.Errorf("replacing by the same changed\n%s\ninto\n%s", before, after)
	}
}

// generationOf returns the number of transactions the kernel has seen.
func generationOf(t *testing.T, table *Table) uint32 {
	t.Helper()
	answer, err := table.socket.get(unix.NFT_MSG_GETGEN, nil)
	must(t, err)
	return number32(find(answer, unix.NFTA_GEN_ID))
}

// TestBulk loads what loses elements elsewhere: more than fit in one message,
// and more than fit in the send buffer.
func TestBulk(t *testing.T) {
	table, _ := newTable(t, protected)
	for _, n := range []int{chunk - 1, chunk, chunk + 1, 2047, 2049, 4096, 10_000} {
		elements := many(DropSIP, n, time.Hour)
		must(t, table.Rebuild(nil))
		must(t, table.Apply(elements, nil))
		checkCount(t, table, DropSIP, n)
		must(t, table.Apply(nil, elements[:n/2]))
		checkCount(t, table, DropSIP, n-n/2)
		must(t, table.Replace(DropSIP, elements))
		checkCount(t, table, DropSIP, n)
	}
}

func checkCount(t testing.TB, table *Table, set Set, want int) {
	t.Helper()
	states, err := table.Elements(set)
	if err != nil || len(states) != want {
		t.Fatalf("%d elements, %v, want %d", len(states), err, want)
	}
}

// TestSmallBuffer has no right to raise the send buffer, as in some containers.
func TestSmallBuffer(t *testing.T) {
	table, _ := newTable(t, protected)
	must(t, table.socket.conn.SetWriteBuffer(96<<10))
	elements := many(DropSIP, 20_000, time.Hour)
	for _, refreshes := range []bool{true, false} {
		table.refreshes = refreshes
		must(t, table.Apply(elements, nil))
		checkCount(t, table, DropSIP, len(elements))
		must(t, table.Rebuild(elements[:15_000]))
		checkCount(t, table, DropSIP, 15_000)
		must(t, table.Apply(nil, elements))
		checkCount(t, table, DropSIP, 0)
		must(t, table.Verify())
	}
}

// TestLoad measures. The bounds, which are what the product promises, are
// for processor time: other programs of a busy machine do not count.
func TestLoad(t *testing.T) {
	const n = 100_000
	best := time.Hour
	for _, mode := range modes {
		o := protected
		o.Shared = mode.shared
		table, _ := newTable(t, o)
		elements := many(DropSIP, n, time.Hour)
		load := measure(t, func() { must(t, table.Apply(elements, nil)) })
		var single []time.Duration
		for i := range 101 {
			e := element(DropAll, fmt.Sprintf("203.0.113.%d", i), time.Hour)
			single = append(single, measure(t, func() { must(t, table.Apply([]Element{e}, nil)) }).wall)
		}
		slices.Sort(single)
		list := measure(t, func() { checkCount(t, table, DropSIP, n) })
		rebuild := measure(t, func() { must(t, table.Rebuild(elements)) })
		get := measure(t, func() {
			if _, found, err := table.Get(elements[n/2]); err != nil || !found {
				t.Error(found, err)
			}
		})
		verify := measure(t, func() { must(t, table.Verify()) })
		t.Logf("%s, %d elements: load and read back %v, one more %v (median), list %v, rebuild %v, get %v, verify %v",
			mode.name, n, load, single[50], list, rebuild, get, verify)
		best = min(best, load.processor)
		if single[50] > 5*time.Millisecond {
			t.Errorf("a single add took %v", single[50])
		}
	}
	if best > time.Second {
		t.Errorf("loading %d took %v of processor time", n, best)
	}
}

// A cost is what something took: by the clock and in processor time, the
// kernel's share included.
type cost struct{ wall, processor time.Duration }

func (c cost) String() string {
	return fmt.Sprintf("%v (processor %v)", c.wall.Round(10*time.Microsecond), c.processor.Round(10*time.Microsecond))
}

func measure(t testing.TB, f func()) cost {
	t.Helper()
	processor := func() time.Duration {
		var u unix.Rusage
		must(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start, before := time.Now(), processor()
	f()
	return cost{time.Since(start), processor() - before}
}
