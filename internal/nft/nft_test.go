package nft

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

func TestRefusedElements(t *testing.T) {
	p := netip.MustParsePrefix
	tests := []struct {
		name string
		e    Element
	}{
		{"no prefix", Element{Set: DropAll}},
		{"no set", Element{Prefix: p("192.0.2.1/32")}},
		{"unknown set", Element{Set: 99, Prefix: p("192.0.2.1/32")}},
		{"time is over", Element{Set: DropAll, Prefix: p("192.0.2.1/32"), Timeout: -1}},
		{"known-good network", Element{Set: KnownGood, Prefix: p("192.0.2.0/24")}},
		{"known-good /64", Element{Set: KnownGood, Prefix: p("2001:db8::/64")}},
		{"limited network", Element{Set: Limit, Prefix: p("192.0.2.0/24")}},
		{"limited /56", Element{Set: LimitSlow, Prefix: p("2001:db8::/56")}},
		{"limited /65", Element{Set: Limit, Prefix: p("2001:db8::/65")}},
		{"source port without a port", Element{Set: LimitPort, Prefix: p("192.0.2.1/32")}},
		{"source port of a network", Element{Set: LimitPort, Prefix: p("192.0.2.0/24"), Port: 5071}},
		{"held port without a port", Element{Set: HoldPort, Prefix: p("192.0.2.1/32")}},
		{"good port of a network", Element{Set: GoodPort, Prefix: p("192.0.2.0/24"), Port: 5071}},
		{"held network", Element{Set: Hold, Prefix: p("192.0.2.0/24")}},
		{"a port of a held address", Element{Set: Hold, Prefix: p("192.0.2.1/32"), Port: 5071}},
		{"port where none belongs", Element{Set: DropSIP, Prefix: p("192.0.2.1/32"), Port: 5071}},
		{"mapped prefix wider than IPv4", Element{Set: DropAll, Prefix: p("::ffff:0:0/95")}},
	}
	for _, tt := range tests {
		if _, err := tt.e.canonical(); !errors.Is(err, ErrElement) {
			t.Errorf("%s: error %v, want %v", tt.name, err, ErrElement)
		}
	}
}

func TestCanonicalElements(t *testing.T) {
	tests := []struct{ in, want string }{
		{"192.0.2.1/32", "192.0.2.1/32"},
		{"192.0.2.77/24", "192.0.2.0/24"},
		{"::ffff:192.0.2.77/120", "192.0.2.0/24"},
		{"::ffff:192.0.2.77/128", "192.0.2.77/32"},
		{"2001:db8::77/64", "2001:db8::/64"},
		{"0.0.0.0/0", "0.0.0.0/0"},
	}
	for _, tt := range tests {
		e, err := Element{Set: DropAll, Prefix: netip.MustParsePrefix(tt.in)}.canonical()
		if err != nil || e.Prefix.String() != tt.want {
			t.Errorf("%s: %v, %v, want %s", tt.in, e.Prefix, err, tt.want)
		}
	}
	zone := netip.PrefixFrom(netip.MustParseAddr("fe80::1").WithZone(""), 128)
	if e, err := (Element{Set: DropAll, Prefix: zone}).canonical(); err != nil || e.Prefix != zone {
		t.Errorf("link-local: %v, %v", e.Prefix, err)
	}
}

func TestRefusedOptions(t *testing.T) {
	tests := []struct {
		name string
		o    Options
	}{
		{"no packets", Options{Limit: Rate{Per: time.Second, Burst: 1}}},
		{"no burst", Options{LimitSlow: Rate{Packets: 1, Per: time.Second}}},
		{"no time", Options{LimitPort: Rate{Packets: 1, Burst: 1}}},
		{"a time nft cannot print", Options{Limit: Rate{Packets: 1, Per: 5 * time.Second, Burst: 1}}},
	}
	for _, tt := range tests {
		if _, err := tt.o.withDefaults(); err == nil {
			t.Errorf("%s: accepted", tt.name)
		}
	}
	o, err := Options{}.withDefaults()
	if err != nil || o.Table != "sipward" || o.Limit.Packets != 1 || o.LimitSlow.Per != time.Minute || o.LimitPort.Burst != 4 {
		t.Errorf("defaults: %+v, %v", o, err)
	}
}

func TestSetNames(t *testing.T) {
	seen := map[string]bool{}
	for _, set := range allSets() {
		if seen[set.String()] {
			t.Errorf("%v twice", set)
		}
		seen[set.String()] = true
	}
	if len(seen) != 10 || Set(0).String() != "set(0)" {
		t.Errorf("names %v, %v", seen, Set(0))
	}
}

// allSets lists the sets in the kernel's order.
func allSets() []Set {
	return []Set{NeverBan, KnownGood, DropAll, DropSIP, HoldPort, LimitPort, GoodPort, Hold, Limit, LimitSlow}
}
