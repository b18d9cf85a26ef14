// Package crew holds goroutines that end together.
package crew

import (
	"context"
	"sync"
)

// Crew is goroutines that end together.
type Crew struct {
	ctx     context.Context
	stop    context.CancelFunc
	alarm   func()
	work    sync.WaitGroup
	failure chan error // holds the first
}

// New makes an empty one, whose members end with ctx. When one of them
// fails before, it raises the alarm.
func New(ctx context.Context, alarm func()) *Crew {
	c := &Crew{alarm: alarm, failure: make(chan error, 1)}
	c.ctx, c.stop = context.WithCancel(ctx)
	return c
}

// Add starts tasks.
func (c *Crew) Add(tasks ...func(context.Context) error) {
	for _, task := range tasks {
		c.work.Go(func() {
			err := task(c.ctx)
			if err == nil || c.ctx.Err() != nil {
				return
			}
			select {
			case c.failure <- err:
			default:
			}
			c.alarm()
		})
	}
}

// Dismiss ends the crew, waits for it, and gives its first failure.
func (c *Crew) Dismiss() error {
	c.stop()
	c.work.Wait()
	select {
	case err := <-c.failure:
		return err
	default:
		return nil
	}
}
