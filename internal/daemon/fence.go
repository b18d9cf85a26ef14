package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/policy"
)

// posts gathers the never-ban list: what the settings name, the trunks of the
// SIP servers here, what the trunks' names resolve to, and what the machine
// itself must be able to reach. The caller holds changing.
func (d *Daemon) posts() []policy.Post {
	var posts []policy.Post
	for _, p := range d.config.Allow {
		posts = append(posts, policy.Post{Prefix: p, Reason: "on the allow-list of the settings"})
	}
	for _, a := range d.config.Local {
		posts = append(posts, policy.Post{Prefix: netip.PrefixFrom(a, a.BitLen()), Reason: "one of our own addresses, say the settings"})
	}
	for _, p := range d.config.Trunks {
		posts = append(posts, policy.Post{Prefix: p, Reason: "a trunk", Trunk: true})
	}
	posts = append(posts, d.trunkPosts()...)
	found, err := d.machine.Posts(d.clock.Now())
	d.health.Report("fence", "the never-ban list may be incomplete", err)
	for _, post := range found {
		posts = append(posts, policy.Post{Prefix: post.Prefix, Reason: post.Reason})
	}
	return posts
}

// keepFence follows the machine's addresses, routes, resolvers and sessions.
func (d *Daemon) keepFence(ctx context.Context) error {
	changed, err := d.machine.Watch(ctx)
	if err != nil {
		return fmt.Errorf("watch this machine: %w", err)
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	go d.names.Run(ctx, tick.C)
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-changed:
			if !open {
				return errors.New("watch this machine: the kernel ended the subscription")
			}
		case <-d.names.Changed():
			d.saveNames()
		}
		if ctx.Err() != nil {
			return nil
		}
		d.changing.Lock()
		d.guard.Protect(d.posts(), d.clock.Now())
		d.senses.refresh(d)
		d.changing.Unlock()
	}
}
