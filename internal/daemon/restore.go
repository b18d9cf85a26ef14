package daemon

import (
	"errors"

	"github.com/sipward/sipward/internal/config"
)

// Restore puts the saved bans in force and ends: at boot, before the network
// is up and the daemon runs. In monitor mode there is nothing to do. It says
// how many entries were loaded.
func Restore(o Options) (int, error) {
	settings, err := o.Load()
	if err != nil || settings.Mode != config.Enforce {
		return 0, err
	}
	d, err := build(o, settings)
	if err != nil {
		return 0, err
	}
	defer d.machine.Close()
	kernel, err := d.openKernel()
	if err != nil {
		return 0, errors.Join(err, d.store.Close())
	}
	now := d.clock.Now()
	d.guard.Protect(d.posts(), now)
	d.guard.Switch(kernel)
	d.guard.Sync(now)
	loaded := 0
	for range d.guard.Live {
		loaded++
	}
	return loaded, errors.Join(kernel.Close(false), d.store.Close())
}
