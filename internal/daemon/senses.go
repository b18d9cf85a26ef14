package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sipward/sipward/internal/afpacket"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/feeds"
	"github.com/sipward/sipward/internal/host"
	"github.com/sipward/sipward/internal/reports"
	"github.com/sipward/sipward/internal/source"
)

// senses are the wires that one set of settings asks for. A reload opens new
// ones before it closes the old.
type senses struct {
	capture    *afpacket.Capture
	sides      *source.Sides
	udp, tcp   []uint16 // the ports that are watched
	interfaces []host.Interface
	ours       atomic.Pointer[map[netip.Addr]bool]
	wanted     []config.Log // the logs to follow; logs are those that can be
	logs       []*logFollower
	feeds      []*feeds.Feed
	ears       reports.Ears
	stop       context.CancelFunc
	work       sync.WaitGroup
}

// openSenses opens the capture. The logs come after it: see followLogs.
func (d *Daemon) openSenses() (*senses, error) {
	s := &senses{}
	s.udp, s.tcp = d.ports()
	s.sides = &source.Sides{Local: s.local, Ports: make(map[uint16]bool, len(s.udp)), Streams: make(map[uint16]bool, len(s.tcp))}
	for _, p := range s.udp {
		s.sides.Ports[p] = true
	}
	for _, p := range s.tcp {
		s.sides.Streams[p] = true
	}
	if err := s.findAddresses(d); err != nil {
		return nil, err
	}
	s.interfaces = d.findInterfaces()
	capture, err := afpacket.Open(afpacket.Config{
		Lanes: len(d.lanes), Salt: d.salt, UDP: s.udp, TCP: s.tcp, Interfaces: indexes(s.interfaces),
	})
	if err != nil {
		return nil, fmt.Errorf("open capture: %w", err)
	}
	s.capture = capture
	d.guard.Blind(d.unwatched()...)
	return s, nil
}

// followLogs begins to follow logs and feeds, and to hear what servers tell.
// Whoever did so before must have ended, or lines would be read twice.
func (s *senses) followLogs(d *Daemon) {
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	s.wanted = d.findLogs()
	for _, l := range s.wanted {
		follower, err := d.followLog(l)
		if err != nil {
			d.health.Report("log "+l.Name(), "this log cannot be followed", err)
			continue
		}
		s.logs = append(s.logs, follower)
		s.work.Go(func() { follower.run(ctx) })
	}
	s.followFeeds(ctx, d)
	s.hear(ctx, d)
}

// hear begins to hear what servers tell by HEP.
func (s *senses) hear(ctx context.Context, d *Daemon) {
	s.ears = reports.OpenAll(d.config.HEP, reports.Owner{
		Local: s.local, Others: d.config.Local, Ports: s.sides.Ports, Streams: s.sides.Streams, Now: d.clock.Now,
		Give:    func(e *event.Event) bool { return d.laneOf(e.Remote.Addr()).reports.Put(e) },
		Trouble: func(err error) { d.health.Report("hep", "not everything that servers tell by HEP is heard", err) },
	})
	s.work.Go(func() { s.ears.Run(ctx) })
}

// changeSenses opens new wires before it closes the old. The caller holds
// changing.
func (d *Daemon) changeSenses() error {
	fresh, err := d.openSenses()
	if err != nil {
		return err
	}
	old := d.senses
	old.closeLogs()
	fresh.followLogs(d)
	d.forgetLogs(old.wanted, fresh.wanted)
	d.senses = fresh
	for _, l := range d.lanes {
		l.attach(fresh)
	}
	old.close(d)
	return nil
}

// forgetLogs ends the complaints about logs that are not to be followed any
// more: nobody else will say that they are mended.
func (d *Daemon) forgetLogs(before, wanted []config.Log) {
	for _, l := range before {
		if !slices.ContainsFunc(wanted, func(w config.Log) bool { return w.Name() == l.Name() }) {
			d.health.Clear("log " + l.Name())
			d.health.Clear("pattern " + l.Name())
			d.health.Clear("checkpoint " + l.Name())
		}
	}
}

// closeLogs ends the following of logs and the hearing, and saves how far they were read. It may
// be called more than once.
func (s *senses) closeLogs() {
	s.stop()
	s.work.Wait()
}

// close lets the wires go.
func (s *senses) close(d *Daemon) {
	s.closeLogs()
	if err := s.capture.Close(); err != nil {
		d.options.Log.Warn("close capture", "error", err)
	}
}

// local says that an address is one of this machine's.
func (s *senses) local(a netip.Addr) bool { return (*s.ours.Load())[a] }

// refresh takes up changes of the machine's addresses and interfaces.
func (s *senses) refresh(d *Daemon) {
	d.health.Report("addresses", "this machine's addresses cannot be read", s.findAddresses(d))
	found := d.findInterfaces()
	if slices.Equal(indexes(found), indexes(s.interfaces)) {
		return
	}
	s.interfaces = found
	d.health.Report("capture interfaces", "the capture does not follow the interfaces", s.capture.SetInterfaces(indexes(found)))
}

func (s *senses) findAddresses(d *Daemon) error {
	ours, err := d.machine.Addresses()
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	s.ours.Store(&ours)
	return nil
}

// findInterfaces lists the interfaces to watch: those that the settings name,
// else all that packets from elsewhere come in by.
func (d *Daemon) findInterfaces() []host.Interface {
	if len(d.config.Interfaces) == 0 {
		found, err := d.machine.Interfaces()
		d.health.Report("interfaces", "not every interface is watched", err)
		return found
	}
	found, missing, err := d.machine.Named(d.config.Interfaces)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("there is no %s", strings.Join(missing, ", "))
	}
	d.health.Report("interfaces", "not every interface is watched", err)
	return found
}

// indexes lists what the capture is to watch. Index 0 matches no interface:
// without any, nothing is watched, rather than everything.
func indexes(interfaces []host.Interface) []int {
	list := make([]int, 0, len(interfaces))
	for _, i := range interfaces {
		list = append(list, i.Index)
	}
	if len(list) == 0 {
		list = append(list, 0)
	}
	slices.Sort(list)
	return list
}

// findLogs lists the logs to follow: the settings' own, else those of the
// servers that were found.
func (d *Daemon) findLogs() []config.Log {
	if len(d.config.Logs) > 0 {
		return d.config.Logs
	}
	return d.serverLogs()
}
