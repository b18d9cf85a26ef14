package daemon

import (
	"context"
	"sync"
)

// crew is goroutines that end together.
type crew struct {
	ctx     context.Context
	stop    context.CancelFunc
	alarm   func()
	work    sync.WaitGroup
	failure chan error // holds the first
}

// newCrew makes an empty one, whose members end with ctx. When one of them
// fails before, it raises the alarm.
func newCrew(ctx context.Context, alarm func()) *crew {
	c := &crew{alarm: alarm, failure: make(chan error, 1)}
	c.ctx, c.stop = context.WithCancel(ctx)
	return c
}

// add starts tasks.
func (c *crew) add(tasks ...func(context.Context) error) {
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

// dismiss ends the crew, waits for it, and gives its first failure.
func (c *crew) dismiss() error {
	c.stop()
	c.work.Wait()
	select {
	case err := <-c.failure:
		return err
	default:
		return nil
	}
}
