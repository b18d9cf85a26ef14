package spans

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// epoch is any time; spans only compare.
var epoch = time.Unix(1_800_000_000, 0)

// TestSpansAgainstEachAddress flattens random nested prefixes and asks for
// each address whether it got the time of the longest-lasting prefix around it.
func TestSpansAgainstEachAddress(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		nets := Prefixes{}
		for range random.IntN(12) {
			// At either end of the address space, where ranges have no neighbour.
			a := netip.AddrFrom4([4]byte{0, 0, 0, byte(random.IntN(256))})
			if random.IntN(2) == 0 {
				a = netip.AddrFrom4([4]byte{255, 255, 255, byte(random.IntN(256))})
			}
			var until time.Time
			if hours := random.IntN(4); hours > 0 {
				until = epoch.Add(time.Duration(hours) * time.Hour)
			}
			nets[netip.PrefixFrom(a, 24+random.IntN(9)).Masked()] = until
		}
		checkSpans(t, nets)
	}
}

func checkSpans(t *testing.T, nets Prefixes) {
	t.Helper()
	spans := nets.Spans()
	for i := range spans {
		if spans[i].To.Less(spans[i].From) || i > 0 && !spans[i-1].To.Less(spans[i].From) {
			t.Fatalf("%v\nbecame %v, which overlaps or runs backwards", nets, spans)
		}
	}
	for _, start := range []string{"0.0.0.0", "255.255.255.0"} {
		a := netip.MustParseAddr(start)
		for range 256 {
			want, covered := nets.longest(a)
			var got time.Time
			found := false
			for _, s := range spans {
				if !a.Less(s.From) && !s.To.Less(a) {
					got, found = s.Until, true
				}
			}
			if found != covered || !got.Equal(want) {
				t.Fatalf("%v\nbecame %v\n%v: until %v %v, want %v %v", nets, spans, a, got, found, want, covered)
			}
			a = a.Next()
		}
	}
}

// longest is the plain meaning of nested prefixes.
func (p Prefixes) longest(a netip.Addr) (until time.Time, covered bool) {
	for prefix, u := range p {
		if prefix.Contains(a) && (!covered || outlasts(u, until)) {
			until, covered = u, true
		}
	}
	return until, covered
}

func TestSplit(t *testing.T) {
	tests := []struct {
		from, to string
		want     []string
	}{
		{"0.0.0.0", "255.255.255.255", []string{"0.0.0.0/0"}},
		{"255.255.255.255", "255.255.255.255", []string{"255.255.255.255/32"}},
		{"10.0.0.0", "10.0.0.255", []string{"10.0.0.0/24"}},
		{"10.0.0.1", "10.0.0.6", []string{"10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"}},
		{"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", []string{"::/0"}},
		{"ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", []string{"ffff::/16"}},
	}
	for _, tt := range tests {
		got := Span{From: netip.MustParseAddr(tt.from), To: netip.MustParseAddr(tt.to)}.Split()
		same := len(got) == len(tt.want)
		for i := 0; same && i < len(got); i++ {
			same = got[i].String() == tt.want[i]
		}
		if !same {
			t.Errorf("%s-%s: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestForget(t *testing.T) {
	p := netip.MustParsePrefix
	nets := Prefixes{
		p("10.0.0.0/8"):  epoch,
		p("11.0.0.0/8"):  epoch.Add(time.Second),
		p("12.0.0.0/8"):  {},
		p("10.0.0.0/16"): epoch.Add(-time.Second),
	}
	nets.Forget(epoch)
	if len(nets) != 2 {
		t.Errorf("left %v, want those that run out later and never", nets)
	}
}
