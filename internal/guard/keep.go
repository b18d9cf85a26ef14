package guard

import (
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/policy"
)

// Pardon lifts the entries of a kind that a prefix has, or all when the prefix
// is not valid, on a human's word. The lanes must also see a Pardon event of
// the address, so that its next packet does not ban it again. It returns what
// ended.
func (g *Guard) Pardon(p netip.Prefix, kind ban.Kind, by string, at time.Time) []ban.Ban {
	g.doing.Lock()
	defer g.doing.Unlock()
	var lifted []ban.Ban
	if p.IsValid() {
		lifted = g.table.Remove(p, kind, by, at)
	} else {
		lifted = g.table.RemoveAll(kind, by, at)
	}
	if err := g.kernel.Apply(nil, g.ended(lifted), at); err != nil {
		g.witness.Trouble(err)
	}
	if kind == ban.KindAllow {
		g.refence()
	}
	return lifted
}

// Expire ends the table's entries whose time is over. The kernel's elements
// run out by themselves.
func (g *Guard) Expire(now time.Time) {
	g.doing.Lock()
	defer g.doing.Unlock()
	over := g.ended(g.table.ExpireInto(g.over[:0], now))
	g.over = over
	for i := range over {
		if over[i].Action == ban.Allow {
			g.refence()
			return
		}
	}
}

// Protect replaces the never-ban list; what people allowed stays on it. A
// block that now stands inside the fence ends. A wider one stays in force
// around the fence: the kernel asks for the never-ban list first.
func (g *Guard) Protect(posts []policy.Post, now time.Time) {
	g.doing.Lock()
	defer g.doing.Unlock()
	g.posts = posts
	g.refence()
	for b := range g.table.Live(ban.KindBlock) {
		if !g.fenced(b.Prefix) {
			continue
		}
		if err := g.kernel.Apply(nil, g.ended(g.table.End(b.Key(), ban.Self, now)), now); err != nil {
			g.witness.Trouble(err)
		}
	}
}

// fenced says that the whole prefix is on the never-ban list.
func (g *Guard) fenced(p netip.Prefix) bool {
	for _, post := range g.fence.Posts() {
		if ban.Inside(p, post.Prefix) {
			return true
		}
	}
	return false
}

// refence puts posts and allowed prefixes in force, in our own door and in
// the kernel.
func (g *Guard) refence() {
	posts := append([]policy.Post(nil), g.posts...)
	for b := range g.table.Live(ban.KindAllow) {
		posts = append(posts, policy.Post{Prefix: b.Prefix, Reason: "allowed by " + b.By})
	}
	g.fence.Set(posts)
	prefixes := make([]netip.Prefix, 0, len(posts))
	for _, post := range g.fence.Posts() {
		prefixes = append(prefixes, post.Prefix)
	}
	if err := g.kernel.Fence(prefixes); err != nil {
		g.witness.Trouble(err)
	}
}

// Switch changes the layer that acts, as when the mode changes. The new one has
// the fence then, and a Sync brings it the rest. The old one is the caller's to
// close.
func (g *Guard) Switch(kernel enforce.Backend) (old enforce.Backend) {
	g.doing.Lock()
	defer g.doing.Unlock()
	old, g.kernel = g.kernel, kernel
	g.refence()
	return old
}

// Sync compares the kernel with the table and repairs it, without holding up
// decisions meanwhile. It says how many elements differed.
func (g *Guard) Sync(now time.Time) int {
	missing, repaired, err := g.Layer().Sync(g.Live, now)
	if err != nil {
		g.witness.Trouble(err)
	}
	g.doing.Lock()
	defer g.doing.Unlock()
	put := missing[:0]
	for i := range missing {
		// It may have ended, or changed, since the comparison.
		if b, live := g.table.Get(missing[i].Key()); live {
			put = append(put, b)
		}
	}
	if err := g.kernel.Apply(put, nil, now); err != nil {
		g.witness.Trouble(err)
	}
	return repaired + len(put)
}

// Layer is the kernel layer in use.
func (g *Guard) Layer() enforce.Backend {
	g.doing.Lock()
	defer g.doing.Unlock()
	return g.kernel
}

// Live walks every live entry.
func (g *Guard) Live(yield func(ban.Ban) bool) {
	for _, kind := range []ban.Kind{ban.KindAllow, ban.KindPass, ban.KindBlock} {
		for b := range g.table.Live(kind) {
			if !yield(b) {
				return
			}
		}
	}
}

// Dropped is how many packets the kernel has kept out for each of the entries.
func (g *Guard) Dropped(entries []ban.Ban) []uint64 { return g.Layer().Dropped(entries) }
