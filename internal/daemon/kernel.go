package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/nft"
)

// syncEvery is how often kernel and table are compared when nothing calls for it.
const syncEvery = 30 * time.Second

// wantsKernel says that the settings ask for a layer that acts.
func (d *Daemon) wantsKernel() bool {
	return d.config.Mode == config.Enforce && d.config.Backend != config.BackendDryRun
}

// openKernel opens the layer that the settings ask for: none in monitor mode.
func (d *Daemon) openKernel() (enforce.Backend, error) {
	if !d.wantsKernel() {
		return enforce.DryRun{}, nil
	}
	udp, tcp := d.ports()
	table, err := nft.Open(nft.Options{UDP: udp, TCP: tcp})
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	return enforce.NewNFT(table), nil
}

// takeUpKernel begins to use the layer. What an earlier process left in it is in
// force: only the fence is put right at once, and the comparison with the table
// follows while we are at work. A fresh one must have every ban before that.
func (d *Daemon) takeUpKernel(layer enforce.Backend) {
	d.guard.Switch(layer)
	if kernel, ok := layer.(*enforce.NFT); ok && kernel.Adopted() {
		signal(d.calls.compare)
		return
	}
	d.guard.Sync(d.clock.Now())
}

// changeKernel takes up new settings of mode, backend and ports. It goes by the
// layer in use and not by the settings before, so that the next reload tries
// again what this one could not do.
func (d *Daemon) changeKernel() error {
	d.warnBackend()
	layer, acting := d.guard.Layer().(*enforce.NFT)
	switch wanted := d.wantsKernel(); {
	case acting && wanted:
		return layer.SetPorts(d.ports())
	case acting:
		return d.leaveKernel(true) // nobody is to be kept out any more
	case wanted:
		kernel, err := d.openKernel()
		if err != nil {
			return err
		}
		d.guard.Switch(kernel)
		d.guard.Sync(d.clock.Now())
		signal(d.calls.changed)
	}
	return nil
}

// warnBackend says when another layer is used than the settings ask for, or
// that all is as they say.
func (d *Daemon) warnBackend() {
	if d.wantsKernel() && d.config.Backend == config.BackendXDP {
		d.health.Set("kernel", "XDP is not built yet: nftables is used instead")
		return
	}
	d.health.Clear("kernel")
}

// leaveKernel leaves the kernel to itself; with clear, without our bans.
func (d *Daemon) leaveKernel(clear bool) error {
	layer := d.guard.Switch(enforce.DryRun{})
	signal(d.calls.changed)
	return layer.Close(clear)
}

// calls wake keepKernel. Each holds one token: see signal.
type calls struct {
	compare chan struct{} // kernel and table ought to be compared
	changed chan struct{} // another layer is in use
}

func newCalls() calls {
	return calls{compare: make(chan struct{}, 1), changed: make(chan struct{}, 1)}
}

// signal leaves a token unless there is one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// keepKernel keeps the kernel equal to the table: at intervals, and at once
// when somebody else touched our table.
func (d *Daemon) keepKernel(ctx context.Context) error {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		d.watchLayer(ctx, d.guard.Layer(), tick.C)
	}
	return nil
}

// watchLayer serves one layer until another one is in use.
func (d *Daemon) watchLayer(ctx context.Context, layer enforce.Backend, tick <-chan time.Time) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var changes <-chan nft.Change
	var err error
	if table, ok := layer.(*enforce.NFT); ok {
		changes, err = table.Watch(ctx)
	}
	d.health.Report("watch", "foreign changes of nftables are noticed only every 30 s", err)
	for d.guard.Layer() == layer {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		case <-d.calls.compare:
		case change, open := <-changes:
			if !open {
				changes = nil
				continue
			}
			d.options.Log.Warn("somebody else changed our nftables table", "pid", change.PID, "process", change.Process)
		case <-d.calls.changed:
			continue
		}
		d.sync()
	}
}

// syncTries is how often a comparison is made again when it found a gap,
// before the gap is called one that stays.
const syncTries = 3

// sync repairs the kernel and looks again, until nothing differs. A gap that
// comes back every time shows in `status`.
func (d *Daemon) sync() {
	for range syncTries {
		began, troubles := time.Now(), d.chronicle.Troubles()
		repaired := d.guard.Sync(d.clock.Now())
		if repaired == 0 {
			d.health.Clear("gap")
			if d.chronicle.Troubles() == troubles { // kernel and table are equal again
				d.health.Clear("enforce")
			}
			return
		}
		d.options.Log.Warn("kernel repaired", "elements", repaired, "took", time.Since(began).Round(time.Millisecond))
		d.chronicle.Add(control.EventRecord{Type: "repaired", Why: fmt.Sprintf("%d elements of the kernel's sets differed from the ban table", repaired)})
	}
	d.health.Set("gap", "the kernel's sets differ from the ban table again and again: somebody else changes them")
}
