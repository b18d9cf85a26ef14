package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/sipward/sipward/internal/afpacket"
	"github.com/sipward/sipward/internal/drift"
)

const (
	// houseEvery is how often counters are looked at.
	houseEvery = 5 * time.Second
	// pruneEvery is how often the store drops what is old.
	pruneEvery = time.Hour
	// eventsFor and eventsKept bound the event stream on disk; bansFor and
	// bansKept the history of bans.
	eventsFor  = 30 * 24 * time.Hour
	eventsKept = 500_000
	bansFor    = 120 * 24 * time.Hour
	bansKept   = 500_000
)

// keepHouse does what has to be done now and then: the service manager's
// watchdog, the capture's losses.
func (d *Daemon) keepHouse(ctx context.Context) error {
	tick, look := time.NewTicker(houseEvery), time.NewTicker(serversEvery)
	defer tick.Stop()
	defer look.Stop()
	for {
		// A watchdog sign of life comes only while the lanes move on.
		if d.moving() {
			d.notify(sd.SdNotifyWatchdog)
		}
		d.lookAtLosses(time.Now())
		d.chronicle.ForgetLeak(time.Now())
		d.lookForDrift()
		select {
		case <-ctx.Done():
			d.notify(sd.SdNotifyStopping)
			return nil
		case <-look.C:
			d.lookForServers()
		case <-tick.C:
		}
	}
}

// notify tells the service manager; without one it does nothing.
func (d *Daemon) notify(state string) {
	_, err := sd.SdNotify(false, state)
	d.health.Report("systemd", "the service manager cannot be told", err)
}

// moving says that every lane has looked at its wire lately.
func (d *Daemon) moving() bool {
	for _, l := range d.lanes {
		if time.Since(time.Unix(0, l.alive.Load())) > 2*houseEvery {
			d.health.Set("lane", fmt.Sprintf("lane %d hangs", l.number))
			return false
		}
	}
	d.health.Clear("lane")
	return true
}

// keeper is what the house keeper remembers from one look to the next.
type keeper struct {
	drift  *drift.Watch
	losses losses // others read them, so changing guards them
}

// losses are the packets that came faster than they were read: all of them, those
// of the wires at hand, and when the last one was noticed.
type losses struct {
	total, wires uint64
	at           time.Time
}

// lookAtLosses tells when packets came faster than they were read, and goes on to
// for a while.
func (d *Daemon) lookAtLosses(now time.Time) {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.countLosses(now)
	if l := d.keeper.losses; l.total > 0 && now.Sub(l.at) < lossStands {
		d.health.Set("loss", fmt.Sprintf("%d packets came faster than they could be read: what they held was not judged", l.total))
	} else {
		d.health.Clear("loss")
	}
}

// countLosses asks the wires. The caller holds changing.
func (d *Daemon) countLosses(now time.Time) {
	stats, err := d.senses.capture.Stats()
	if err != nil {
		return
	}
	l := &d.keeper.losses
	if stats.Dropped < l.wires { // a reload opened new ones
		l.wires = 0
	}
	if fresh := stats.Dropped - l.wires; fresh > 0 {
		l.total, l.wires, l.at = l.total+fresh, stats.Dropped, now
	}
}

// keepStore drops what is old. It has a task of its own, since a slow disk
// must not look like a daemon that hangs.
func (d *Daemon) keepStore(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		d.prune(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (d *Daemon) prune(now time.Time) {
	_, err := d.store.PruneEvents(now.Add(-eventsFor), eventsKept)
	if err == nil {
		_, err = d.store.PruneBans(now.Add(-bansFor), bansKept)
	}
	d.health.Report("prune", "old records cannot be dropped", err)
}

// laneOf is the lane on which the packets of an address arrive.
func (d *Daemon) laneOf(a netip.Addr) *lane {
	return d.lanes[afpacket.LaneOf(a, len(d.lanes), d.salt)]
}

func pid() string { return strconv.Itoa(os.Getpid()) }
