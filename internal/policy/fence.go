package policy

import (
	"net/netip"
	"sort"
	"sync/atomic"

	"github.com/sipward/sipward/internal/ban"
)

// Fence is the never-ban list: whom nothing and nobody may block. It is
// replaced as a whole and read without a lock.
type Fence struct {
	posts atomic.Pointer[[]Post]
}

// Post is one entry of the fence and the reason for it.
type Post struct {
	Prefix netip.Prefix
	// Reason is in a user's words: "the default gateway", "a trunk", "your ssh session".
	Reason string
	// Trunk marks a carrier: seen attacking, it raises an alarm.
	Trunk bool
}

// Named gives the posts that the settings name: whom they allow, our own
// addresses, and trunks.
func Named(allow []netip.Prefix, local []netip.Addr, trunks []netip.Prefix) []Post {
	var posts []Post
	for _, p := range allow {
		posts = append(posts, Post{Prefix: p, Reason: "on the allow-list of the settings"})
	}
	for _, a := range local {
		posts = append(posts, Post{Prefix: netip.PrefixFrom(a, a.BitLen()), Reason: "one of our own addresses, say the settings"})
	}
	for _, p := range trunks {
		posts = append(posts, Post{Prefix: p, Reason: "a trunk", Trunk: true})
	}
	return posts
}

// always are the addresses that are never anybody else's.
var always = []Post{
	{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Reason: "loopback"},
	{Prefix: netip.MustParsePrefix("::1/128"), Reason: "loopback"},
	{Prefix: netip.MustParsePrefix("0.0.0.0/32"), Reason: "the unspecified address"},
	{Prefix: netip.MustParsePrefix("::/128"), Reason: "the unspecified address"},
	{Prefix: netip.MustParsePrefix("224.0.0.0/4"), Reason: "multicast"},
	{Prefix: netip.MustParsePrefix("ff00::/8"), Reason: "multicast"},
	{Prefix: netip.MustParsePrefix("255.255.255.255/32"), Reason: "broadcast"},
	{Prefix: netip.MustParsePrefix("169.254.169.254/32"), Reason: "the cloud metadata service"},
}

// NewFence makes a fence that holds what is never anybody else's.
func NewFence() *Fence {
	f := new(Fence)
	f.Set(nil)
	return f
}

// Set replaces the fence: the given posts and the ones that always stand.
func (f *Fence) Set(posts []Post) {
	all := append(append([]Post(nil), always...), posts...)
	for i := range all {
		all[i].Prefix = all[i].Prefix.Masked()
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Prefix.Bits() > all[j].Prefix.Bits() })
	f.posts.Store(&all)
}

// Posts gives the fence as it stands, narrowest first. It must not be changed.
func (f *Fence) Posts() []Post { return *f.posts.Load() }

// Holds finds the post that protects any address of the prefix.
func (f *Fence) Holds(p netip.Prefix) (Post, bool) {
	for _, post := range *f.posts.Load() {
		if post.Prefix.Overlaps(p) {
			return post, true
		}
	}
	return Post{}, false
}

// Fence is the last door: a block that touches the never-ban list becomes
// Action None, and the Why says whose protection it met.
func (p *Policy) Fence(b ban.Ban) ban.Ban {
	if !b.Action.Blocks() {
		return b
	}
	post, held := p.fence.Holds(b.Prefix)
	if !held {
		return b
	}
	b.Action = ban.None
	b.Why = "never banned, it is " + post.Reason + ": " + b.Why
	return b
}
