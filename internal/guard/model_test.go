package guard

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
)

// neighbours are a few sources and the networks around them, in both families.
var neighbours = []string{
	"198.51.100.1", "198.51.100.2", "198.51.100.17", "198.51.101.1", "2001:db8::1", "2001:db8::2",
	"198.51.100.0/28", "198.51.100.0/24", "198.51.100.0/23", "2001:db8::/64", "2001:db8::/48",
}

const hosts = 6 // of the neighbours

// happening is something that the hall goes through.
type happening func(*rapid.T, *rig)

var happenings = map[string]happening{
	"finding": func(t *rapid.T, r *rig) {
		from := rapid.SampledFrom(neighbours[:hosts]).Draw(t, "from")
		r.finding(from, func(f *detect.Finding) {
			f.Class = rapid.SampledFrom([]detect.Class{detect.ClassGuess, detect.ClassScanOptions, detect.ClassGood, detect.ClassProven}).Draw(t, "class")
			f.Proof = rapid.SampledFrom([]event.Grade{event.None, event.GradeC, event.GradeB, event.GradeA}).Draw(t, "proof")
			f.Evidence = rapid.SampledFrom([]float64{detect.LimitBound, detect.DropBound}).Draw(t, "evidence")
			f.Port = rapid.SampledFrom([]uint16{0, 5060, 30000}).Draw(t, "port")
			f.AccountID = rapid.Uint64Range(1, 3).Draw(t, "account")
		})
	},
	"order": func(t *rapid.T, r *rig) {
		b := ban.Ban{Prefix: prefix(rapid.SampledFrom(neighbours).Draw(t, "prefix")), By: "alice", Since: r.now,
			Action: rapid.SampledFrom([]ban.Action{ban.Drop, ban.Allow, ban.Limit}).Draw(t, "action"),
			Scope:  rapid.SampledFrom([]ban.Scope{ban.ScopeSIP, ban.ScopeAll}).Draw(t, "scope")}
		if rapid.Bool().Draw(t, "ends") {
			b.Until = r.now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second)
		}
		r.Do(b)
	},
	"pardon": func(t *rapid.T, r *rig) {
		p := netip.Prefix{}
		if rapid.IntRange(0, 9).Draw(t, "all") > 0 {
			p = prefix(rapid.SampledFrom(neighbours).Draw(t, "prefix"))
		}
		r.Pardon(p, rapid.SampledFrom([]ban.Kind{ban.KindBlock, ban.KindAllow}).Draw(t, "kind"), "alice", r.now)
	},
	"protect": func(t *rapid.T, r *rig) {
		r.protect(rapid.SliceOfN(rapid.SampledFrom(neighbours), 0, 3).Draw(t, "posts")...)
	},
	"wait": func(t *rapid.T, r *rig) {
		r.now = r.now.Add(time.Duration(rapid.IntRange(1, 900).Draw(t, "seconds")) * time.Second)
		r.Expire(r.now)
	},
	"damage": func(t *rapid.T, r *rig) {
		for key := range r.kernel.held {
			if rapid.Bool().Draw(t, fmt.Sprint("lose ", key)) {
				delete(r.kernel.held, key)
			}
		}
		r.Sync(r.now)
	},
}

// TestHallModel: whatever happens in whatever order, the kernel is equal to the
// table, nobody inside the fence is blocked, and no human's ban is void.
func TestHallModel(t *testing.T) {
	names := []string{"damage", "finding", "order", "pardon", "protect", "wait"}
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(0)
		r.protect()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			// Findings are what happens most.
			name := rapid.OneOf(rapid.Just("finding"), rapid.SampledFrom(names)).Draw(t, "happening")
			happenings[name](t, r)
			if err := r.equal(); err != nil {
				t.Fatalf("after %s: %v", name, err)
			}
			checkFence(t, r)
			checkOrders(t, r)
		}
	})
}

func checkFence(t *rapid.T, r *rig) {
	posts := r.Guard.fence.Posts()
	for b := range r.table.Live(ban.KindBlock) {
		for _, post := range posts {
			if ban.Inside(b.Prefix, post.Prefix) {
				t.Fatalf("%s of %s is in force inside the fence at %s", b.Action, b.Prefix, post.Prefix)
			}
		}
	}
	for _, post := range posts {
		if got := r.kernel.verdict(netip.AddrPortFrom(post.Prefix.Addr(), 5060), r.now); got != "never" {
			t.Fatalf("the kernel says %s to %s, which is on the never-ban list", got, post.Prefix)
		}
	}
}

// checkOrders: who is known to be good is not what a human has banned.
func checkOrders(t *rapid.T, r *rig) {
	for pass := range r.table.Live(ban.KindPass) {
		for b := range r.table.Live(ban.KindBlock) {
			if b.Human() && b.Port == 0 && b.Prefix.Contains(pass.Prefix.Addr()) {
				t.Fatalf("%s is known to be good, and alice's %s of %s is void", pass.Prefix, b.Action, b.Prefix)
			}
		}
	}
}
