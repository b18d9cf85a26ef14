package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sipward/sipward/internal/policy"
)

// posts gathers the never-ban list: what the settings name, the trunks of the
// SIP servers here, what the trunks' names resolve to, and what the machine
// itself must be able to reach. The caller holds changing.
func (d *Daemon) posts() []policy.Post {
	posts := append(policy.Named(d.config.Allow, d.config.Local, d.config.Trunks), d.trunkPosts()...)
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
