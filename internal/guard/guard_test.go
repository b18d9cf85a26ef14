package guard

import (
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/policy"
)

func TestNothingPassesTheFence(t *testing.T) {
	for name, block := range map[string]func(*rig){
		"evidence":                  func(r *rig) { r.finding("198.51.100.7", nil) },
		"evidence without proof":    func(r *rig) { r.finding("198.51.100.7", unproven) },
		"a human":                   func(r *rig) { r.order(ban.Drop, "198.51.100.7") },
		"a human, a wide prefix":    func(r *rig) { r.order(ban.Drop, "198.51.0.0/16") },
		"a human, in IPv6 spelling": func(r *rig) { r.order(ban.Drop, "::ffff:198.51.100.7") },
		"a human, everybody":        func(r *rig) { r.order(ban.Drop, "0.0.0.0/0") },
	} {
		r := newRig(0)
		r.protect("198.51.100.7")
		r.kernel.orders()
		block(r)
		if n := r.table.Len(ban.KindBlock); n > 0 || len(r.kernel.orders()) > 0 {
			t.Errorf("%s: %d blocks", name, n)
		}
		if len(r.witness.fenced) != 1 || len(r.witness.done) > 0 {
			t.Errorf("%s: told %+v and %+v", name, r.witness.fenced, r.witness.done)
		}
	}
}

func TestFindingsWalkToTheKernel(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*detect.Finding)
		action ban.Action
	}{
		{"proven", nil, ban.Drop},
		{"unproven", unproven, ban.Limit},
		{"a right password", class(detect.ClassGood), ban.Pass},
	} {
		r := newRig(0)
		r.finding("198.51.100.7", test.change)
		want := "apply +" + test.action.String() + " 198.51.100.7/32"
		if got := r.kernel.orders(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: told the kernel %q, want %q", test.name, got, want)
		}
		if w := r.witness; len(w.found) != 1 || len(w.done) != 1 || w.done[0].Action != test.action || w.done[0].Seq == 0 {
			t.Errorf("%s: told the witness %+v and %+v", test.name, w.found, w.done)
		}
	}
}

func TestNothingToDo(t *testing.T) {
	r := newRig(0)
	r.finding("198.51.100.7", class(detect.ClassProven)) // nothing to lift
	r.Do(ban.Ban{})
	r.Do(ban.Ban{Action: ban.Drop, Since: noon, Until: noon.Add(time.Hour)})                                          // of nobody
	r.Do(ban.Ban{Action: ban.Drop, Prefix: prefix("198.51.100.7"), Since: noon, Until: noon.Add(-time.Hour)})         // over
	r.Do(ban.Ban{Action: ban.Drop, Prefix: netip.PrefixFrom(netip.MustParseAddr("::ffff:1.2.3.4"), 64), Since: noon}) // no network
	if n := r.table.Len(ban.KindBlock); n > 0 || len(r.kernel.orders()) > 0 || len(r.witness.done) > 0 {
		t.Errorf("%d blocks, told %+v", n, r.witness.done)
	}
}

// TestLiftEndsOnlyLimitsOfTheUnproven: not a drop, not what a human ordered, not
// a slowed port.
func TestLiftEndsOnlyLimitsOfTheUnproven(t *testing.T) {
	const source = "198.51.100.7"
	for _, test := range []struct {
		name   string
		before func(*rig)
		want   string
	}{
		{"bad: a drop stays", func(r *rig) { r.finding(source, nil) }, "drop"},
		{"bad: a human's limit stays", func(r *rig) { r.order(ban.Limit, source) }, "limit"},
		{"bad: a slowed port stays", func(r *rig) {
			r.finding(source, class(detect.ClassGood))
			r.finding(source, nil)
			r.Do(ban.Ban{Prefix: prefix(source), Port: 5060, Action: ban.Slow, By: ban.Self, Since: r.now, Until: r.now.Add(time.Minute)})
		}, "known"},
		{"a limit ends", func(r *rig) { r.finding(source, unproven) }, "pass"},
		{"a slow limit ends", func(r *rig) {
			r.finding(source, func(f *detect.Finding) { f.Proof, f.Evidence = event.GradeC, detect.LimitBound })
		}, "pass"},
	} {
		r := newRig(0)
		test.before(r)
		ports := 0
		for b := range r.table.Live(ban.KindBlock) {
			if b.Port != 0 {
				ports++
			}
		}
		r.finding(source, class(detect.ClassProven))
		t.Log(test.name)
		r.verdict(t, source, test.want)
		if err := r.equal(); err != nil {
			t.Error(err)
		}
		for b := range r.table.Live(ban.KindBlock) {
			if b.Port != 0 {
				ports--
			}
		}
		if ports != 0 {
			t.Errorf("%d slowed ports are gone", ports)
		}
	}
}

// TestASuccessLiftsTheLimit in the transaction that shields the source, and
// keeps the port slow that guesses at somebody else's account.
func TestASuccessLiftsTheLimit(t *testing.T) {
	const source = "198.51.100.7"
	r := newRig(0)
	r.finding(source, unproven)
	r.kernel.orders()
	r.finding(source, class(detect.ClassGood))
	if got, want := r.kernel.orders(), []string{"apply -limit 198.51.100.7/32 +pass 198.51.100.7/32"}; !slices.Equal(got, want) {
		t.Errorf("told the kernel %q, want %q", got, want)
	}
	r.finding(source, func(f *detect.Finding) { f.Port = 30000 })
	r.finding(source, func(f *detect.Finding) { f.Class, f.AccountID = detect.ClassGood, 101 })
	slowed := ban.Key{Prefix: prefix(source), Port: 30000, Kind: ban.KindBlock}
	if b, live := r.table.Get(slowed); !live || b.Action != ban.Slow {
		t.Errorf("the guessing port: %+v", b)
	}
	if err := r.equal(); err != nil {
		t.Error(err)
	}
}

// TestAHumanOverrulesASuccess: who is known to be good and is banned by a human
// stops being known in the same transaction, and does not become so again.
func TestAHumanOverrulesASuccess(t *testing.T) {
	for _, banned := range []string{"198.51.100.7", "198.51.100.0/24", "::ffff:198.51.100.7"} {
		r := newRig(0)
		r.finding("198.51.100.7", class(detect.ClassGood))
		r.finding("198.51.101.7", class(detect.ClassGood))
		r.verdict(t, "198.51.100.7", "known")
		r.kernel.orders()
		r.order(ban.Drop, banned)
		if got := r.kernel.orders(); len(got) != 1 {
			t.Errorf("ban of %s: told the kernel %q, want one transaction", banned, got)
		}
		r.verdict(t, "198.51.100.7", "drop")
		r.verdict(t, "198.51.101.7", "known")
		r.finding("198.51.100.7", class(detect.ClassGood))
		r.verdict(t, "198.51.100.7", "drop")
		if err := r.equal(); err != nil {
			t.Error(err)
		}
		r.now = r.now.Add(2 * time.Hour)
		r.Expire(r.now)
		r.finding("198.51.100.7", class(detect.ClassGood))
		r.verdict(t, "198.51.100.7", "known")
	}
}

// TestASuccessDoesNotUndoADrop of our own: it is known from then on.
func TestASuccessDoesNotUndoADrop(t *testing.T) {
	r := newRig(0)
	r.finding("198.51.100.7", nil)
	r.finding("198.51.100.7", class(detect.ClassGood))
	if b, live := r.table.Get(ban.Key{Prefix: prefix("198.51.100.7"), Kind: ban.KindBlock}); !live || b.Action != ban.Drop {
		t.Errorf("the drop: %+v", b)
	}
}

func TestAllowEndsBlocks(t *testing.T) {
	for _, allowed := range []string{"198.51.100.7", "198.51.100.0/24", "198.51.0.0/16"} {
		r := newRig(0)
		r.finding("198.51.100.7", nil)
		r.finding("203.0.113.7", nil)
		r.kernel.orders()
		r.order(ban.Allow, allowed)
		if got := r.kernel.orders(); len(got) != 2 || got[1] != "fence" {
			t.Errorf("allow %s: told the kernel %q", allowed, got)
		}
		r.verdict(t, "198.51.100.7", "never")
		r.verdict(t, "203.0.113.7", "drop")
		if n := r.table.Len(ban.KindBlock); n != 1 {
			t.Errorf("allow %s: %d blocks left, want 1", allowed, n)
		}
		r.finding("198.51.100.7", nil)
		if len(r.witness.fenced) != 1 {
			t.Errorf("allow %s: the next finding is not fenced", allowed)
		}
		// What is withdrawn protects no longer.
		r.Pardon(prefix(allowed), ban.KindAllow, "alice", r.now)
		r.finding("198.51.100.7", nil)
		r.verdict(t, "198.51.100.7", "drop")
	}
}

func TestAllowRunsOut(t *testing.T) {
	r := newRig(0)
	r.protect("192.0.2.0/24")
	r.order(ban.Allow, "198.51.100.7")
	r.now = r.now.Add(59 * time.Minute)
	r.Expire(r.now)
	r.verdict(t, "198.51.100.7", "never")
	r.now = r.now.Add(time.Minute)
	r.Expire(r.now)
	r.verdict(t, "198.51.100.7", "pass")
	r.verdict(t, "192.0.2.1", "never")
	r.finding("198.51.100.7", nil)
	r.verdict(t, "198.51.100.7", "drop")
}

// TestProtect: a block inside the new fence ends; a wider one goes on around it.
func TestProtect(t *testing.T) {
	r := newRig(0)
	r.order(ban.Drop, "198.51.100.0/24")
	r.finding("203.0.113.7", nil)
	r.finding("203.0.113.8", unproven)
	r.finding("203.0.112.9", nil)
	r.order(ban.Allow, "192.0.2.77")
	r.protect("198.51.100.5", "203.0.113.0/24")
	for from, want := range map[string]string{
		"198.51.100.5": "never", "198.51.100.6": "drop", "203.0.113.7": "never", "203.0.113.8": "never",
		"203.0.112.9": "drop", "192.0.2.77": "never", "192.0.2.78": "pass",
	} {
		r.verdict(t, from, want)
	}
	if n := r.table.Len(ban.KindBlock); n != 2 {
		t.Errorf("%d blocks, want 2", n)
	}
	r.protect()
	r.verdict(t, "198.51.100.5", "drop")
	r.verdict(t, "203.0.113.7", "pass")
	r.verdict(t, "192.0.2.77", "never")
	if err := r.equal(); err != nil {
		t.Error(err)
	}
}

func TestPardon(t *testing.T) {
	r := newRig(0)
	for _, from := range []string{"198.51.100.7", "198.51.100.8", "198.51.100.9"} {
		r.finding(from, nil)
	}
	if lifted := r.Pardon(prefix("198.51.100.7"), ban.KindBlock, "alice", r.now); len(lifted) != 1 || lifted[0].EndedBy != "alice" {
		t.Errorf("lifted %+v", lifted)
	}
	if lifted := r.Pardon(prefix("198.51.100.7"), ban.KindBlock, "alice", r.now); len(lifted) != 0 {
		t.Errorf("lifted again %+v", lifted)
	}
	r.verdict(t, "198.51.100.7", "pass")
	r.verdict(t, "198.51.100.8", "drop")
	if lifted := r.Pardon(netip.Prefix{}, ban.KindBlock, "alice", r.now); len(lifted) != 2 {
		t.Errorf("lifted %d of all, want 2", len(lifted))
	}
	if err := r.equal(); err != nil {
		t.Error(err)
	}
	// Escalation is forgotten too.
	r.finding("198.51.100.7", nil)
	if b, _ := r.table.Get(ban.Key{Prefix: prefix("198.51.100.7"), Kind: ban.KindBlock}); b.Until.Sub(b.Since) != 10*time.Minute {
		t.Errorf("the next drop lasts %s, want 10m0s", b.Until.Sub(b.Since))
	}
}

func TestAgain(t *testing.T) {
	r := newRig(0)
	r.finding("198.51.100.7", nil)
	r.now = r.now.Add(30 * time.Second)
	r.finding("198.51.100.7", nil)
	if w := r.witness; len(w.again) != 1 || !w.again[0].Since.Equal(noon) || len(w.done) != 2 {
		t.Errorf("told %+v, changes %+v", w.again, w.done)
	}
	r.finding("198.51.100.8", class(detect.ClassGood))
	r.now = r.now.Add(time.Hour)
	r.finding("198.51.100.8", class(detect.ClassGood))
	if len(r.witness.again) != 1 {
		t.Error("a success is no block again")
	}
	r.finding("198.51.100.7", unproven)
	r.order(ban.Drop, "198.51.100.7")
	if len(r.witness.again) != 1 {
		t.Error("neither requests alone nor a human's order say that the server still answers")
	}
	r = newRig(0)
	r.Switch(enforce.DryRun{})
	r.finding("198.51.100.7", nil)
	r.now = r.now.Add(30 * time.Second)
	r.finding("198.51.100.7", nil)
	if len(r.witness.again) != 0 {
		t.Error("in a dry run the server answers everybody, and nothing is wrong with that")
	}
}

// TestExpire: the table ends what is over, and the kernel does so by itself.
func TestExpire(t *testing.T) {
	r := newRig(0)
	r.finding("198.51.100.7", unproven)
	r.kernel.orders()
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{59 * time.Second, "limit"}, {time.Second, "pass"}} {
		r.now = r.now.Add(step.after)
		r.Expire(r.now)
		r.verdict(t, "198.51.100.7", step.want)
		if err := r.equal(); err != nil {
			t.Error(err)
		}
	}
	if got := r.kernel.orders(); len(got) > 0 {
		t.Errorf("told the kernel %q", got)
	}
	if done := r.witness.done; len(done) != 2 || done[1].Ended.IsZero() || done[1].EndedBy != "" {
		t.Errorf("told the witness %+v", done)
	}
}

func TestTroubleIsTold(t *testing.T) {
	r := newRig(0)
	r.finding("198.51.100.9", unproven)
	r.kernel.refuses = true
	r.finding("198.51.100.7", nil)
	r.finding("198.51.100.9", class(detect.ClassProven))
	r.order(ban.Allow, "198.51.100.8")
	r.protect("198.51.100.7")
	r.Pardon(netip.Prefix{}, ban.KindAllow, "alice", r.now)
	r.Sync(r.now)
	if n := len(r.witness.troubles); n < 7 {
		t.Errorf("%d troubles told, want at least 7", n)
	}
	// The table stands for what is wanted; the next comparison makes it so.
	r.kernel.refuses = false
	r.finding("198.51.100.7", nil)
	if n := r.Sync(r.now); n == 0 {
		t.Error("nothing repaired")
	}
	if err := r.equal(); err != nil {
		t.Error(err)
	}
}

// comparing is a layer in whose comparison something else is decided.
type comparing struct {
	*fakeKernel
	meanwhile func()
}

// Sync implements enforce.Backend.
func (c *comparing) Sync(live iter.Seq[ban.Ban], now time.Time) ([]ban.Ban, int, error) {
	missing, repaired, err := c.fakeKernel.Sync(live, now)
	c.meanwhile()
	return missing, repaired, err
}

// TestSyncChecksAgain: what ends or changes during a comparison is not brought
// back by it.
func TestSyncChecksAgain(t *testing.T) {
	r := newRig(0)
	for _, from := range []string{"198.51.100.7", "198.51.100.8", "198.51.100.9"} {
		r.finding(from, unproven)
	}
	clear(r.kernel.held)
	r.Guard.kernel = &comparing{fakeKernel: r.kernel, meanwhile: func() {
		r.Pardon(prefix("198.51.100.7"), ban.KindBlock, "alice", r.now)
		r.finding("198.51.100.8", nil)
	}}
	if n := r.Sync(r.now); n != 2 {
		t.Errorf("%d repaired, want 2", n)
	}
	for from, want := range map[string]string{"198.51.100.7": "pass", "198.51.100.8": "drop", "198.51.100.9": "limit"} {
		r.verdict(t, from, want)
	}
	if err := r.equal(); err != nil {
		t.Error(err)
	}
}

// TestSwitch: monitor mode decides as always, and the layer that follows gets
// all of it at once.
func TestSwitch(t *testing.T) {
	r := newRig(0)
	if old := r.Switch(enforce.DryRun{}); old != r.kernel {
		t.Error("the old layer is not handed back")
	}
	r.kernel.orders()
	r.Protect([]policy.Post{{Prefix: prefix("192.0.2.0/24"), Reason: "our net"}}, r.now)
	r.finding("198.51.100.7", nil)
	r.order(ban.Allow, "198.51.100.8")
	if got := r.kernel.orders(); len(got) > 0 {
		t.Errorf("told the layer that is not in use %q", got)
	}
	dropped := []ban.Ban{{Prefix: prefix("198.51.100.7"), Action: ban.Drop}}
	if n := r.Dropped(dropped); n[0] != 0 {
		t.Error("the dry run counts packets")
	}
	r.Switch(r.kernel)
	r.Sync(r.now)
	if got := r.kernel.orders(); len(got) != 3 || got[0] != "fence" || got[1] != "sync" {
		t.Errorf("told the new layer %q, want the fence first", got)
	}
	for from, want := range map[string]string{"192.0.2.1": "never", "198.51.100.7": "drop", "198.51.100.8": "never"} {
		r.verdict(t, from, want)
	}
	if n := r.Dropped(dropped); n[0] != 7 {
		t.Errorf("dropped %d", n)
	}
}

// TestLimitedHome: a /64 whose unproven addresses take turns is limited, and a
// phone in it that knows its password is not.
func TestLimitedHome(t *testing.T) {
	r := newRig(0)
	r.finding("2001:db8:51::7", class(detect.ClassGood))
	r.finding("2001:db8:51::8", func(f *detect.Finding) {
		unproven(f)
		f.Home = netip.MustParsePrefix("2001:db8:51::/64")
	})
	r.verdict(t, "2001:db8:51::7", "known")
	r.verdict(t, "2001:db8:51::9", "limit")
	r.verdict(t, "2001:db8:52::9", "pass")
	r.finding("2001:db8:51::9", class(detect.ClassGood)) // a new phone
	r.verdict(t, "2001:db8:51::9", "known")
	r.now = r.now.Add(61 * time.Second)
	r.Expire(r.now)
	r.verdict(t, "2001:db8:51::8", "pass")
}
