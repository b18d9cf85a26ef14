package daemon

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/feeds"
)

// retry is real time and chance for whatever has to be tried again.
func (d *Daemon) retry() feeds.Retry {
	return feeds.Retry{After: time.After, Now: d.clock.Now, Random: rand.Float64}
}

// followFeeds begins to follow what servers tell over sockets of their own.
func (s *senses) followFeeds(ctx context.Context, d *Daemon) {
	const asterisk, freeswitch = "feed asterisk", "feed freeswitch"
	d.health.Clear(asterisk) // of a feed that may not be wanted any more
	d.health.Clear(freeswitch)
	if a := d.config.AMI; a != nil {
		s.followFeed(ctx, d, asterisk, feeds.AMI(feeds.Access{Address: a.Address, User: a.User, SecretFile: a.SecretFile, CAFile: a.CAFile}))
	}
	if e := d.config.ESL; e != nil {
		s.followFeed(ctx, d, freeswitch, feeds.ESL(feeds.Access{Address: e.Address, SecretFile: e.PasswordFile}))
	}
}

func (s *senses) followFeed(ctx context.Context, d *Daemon, thing string, f *feeds.Feed) {
	s.feeds = append(s.feeds, f)
	owner := feeds.Owner{
		Give:   func(e event.Event) { d.laneOf(e.Remote.Addr()).give(e) },
		Report: func(err error) { d.health.Report(thing, f.Name()+" cannot be heard", err) },
		Retry:  d.retry(),
	}
	s.work.Go(func() { f.Follow(ctx, owner) })
}
