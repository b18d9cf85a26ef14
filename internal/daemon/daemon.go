// Package daemon puts the hall on a machine: it opens the wires, keeps kernel
// and journal in step, and lets people in through the control socket. Here is
// where real time, goroutines and file descriptors live.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/chronicle"
	"github.com/sipward/sipward/internal/clock"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/crew"
	"github.com/sipward/sipward/internal/drift"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/guard"
	"github.com/sipward/sipward/internal/health"
	"github.com/sipward/sipward/internal/host"
	"github.com/sipward/sipward/internal/pbx"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/scout"
	"github.com/sipward/sipward/internal/store"
)

// Options says how to run.
type Options struct {
	// Load reads the settings; it is asked again at a reload.
	Load func() (*config.Config, error)
	// Socket is where people are let in.
	Socket string
	// Record, if set, gets the packets judged, as a capture file.
	Record io.Writer
	// Hangup asks for a reload.
	Hangup <-chan os.Signal
	// Log is where the daemon speaks.
	Log *slog.Logger
	// Version is shown by `status`.
	Version string
	// Root is the folder in which SIP servers are sought; empty means the real /.
	Root string
	// Ready is called once the first packet would be judged.
	Ready func()
}

// Daemon is a running sipward.
type Daemon struct {
	options Options
	clock   clock.Clock
	// first is the settings we began with. What a reload cannot take up counts
	// as it stands here; config is the rest.
	first  *config.Config
	config *config.Config
	// served is where SIP servers have been found, where the settings do not say.
	served []config.Listen
	// servers and trunks are what was found at the last look.
	servers []pbx.Server
	trunks  []scout.Held
	scout   func() ([]pbx.Server, error)

	store     *store.Store
	table     *ban.Table
	writer    *ban.Writer
	fence     *policy.Fence
	guard     *guard.Guard
	machine   *host.Machine
	names     *host.Resolver
	chronicle *chronicle.Chronicle
	health    *health.Health
	keeper    keeper
	lanes     []*lane
	salt      uint32 // of the choice of lane
	senses    *senses
	calls     calls

	// changing guards config, what was found, and senses, and keeps reloads apart from each other
	// and from the end. Whoever holds it may enter the hall; the hall and its
	// witness never ask for it.
	changing sync.Mutex
	ending   bool
	end      context.CancelFunc
}

// Run runs sipward until ctx ends or somebody stops it. Bans stay in the
// kernel unless they were to be cleared.
func Run(ctx context.Context, o Options) error {
	settings, err := o.Load()
	if err != nil {
		return err
	}
	server, err := control.Listen(o.Socket)
	if err != nil {
		return err
	}
	defer server.Close()
	d, err := build(o, settings)
	if err != nil {
		return err
	}
	return d.run(ctx, server)
}

// build opens the store and builds the hall, without touching the kernel yet.
func build(o Options, settings *config.Config) (*Daemon, error) {
	began := clock.New()
	now := began.Now()
	journal, trouble, err := store.OpenAnyway(settings.State, now)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		options: o, clock: began, first: settings, config: settings, store: journal,
		table: ban.NewTable(ban.Limits{}), fence: policy.NewFence(),
		health: health.New(o.Log), keeper: keeper{drift: drift.New(now)}, salt: rand.Uint32(),
		calls: newCalls(),
	}
	if d.machine, err = host.Open(host.Options{SSHConnection: os.Getenv("SSH_CONNECTION")}); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	d.chronicle = chronicle.New(chronicle.Options{Store: journal, Health: d.health, Clock: d.clock, Log: o.Log,
		Leak: func() { signal(d.calls.compare) }})
	d.health.Report("state", "bans and history are in memory only until a restart with a state directory that works", trouble)
	if warning := journal.Warning(); warning != "" {
		d.health.Set("store", warning)
	}
	if err := d.restore(now); err != nil {
		d.machine.Close()
		return nil, errors.Join(err, journal.Close())
	}
	d.writer = ban.NewWriter(d.table, journal, time.After) // it goes on where the restored table stands
	d.scout = scout.New(o.Root).Look
	d.names = d.newNames()
	seed := bounded.Seed{K0: rand.Uint64(), K1: rand.Uint64()}
	count := laneCount(o.Record != nil)
	d.guard = guard.New(guard.Options{
		Policy: policy.New(policy.Options{Table: d.table, Fence: d.fence, Jitter: 0.2, Seed: rand.Uint64(),
			Longest: settings.LongestBan, AllPorts: settings.BanAll}),
		Fence: d.fence, Table: d.table, Kernel: enforce.DryRun{}, Witness: d.chronicle,
		Lanes: count, Seed: seed, Wire: true,
	})
	for i := range count {
		d.lanes = append(d.lanes, newLane(d, i))
	}
	for b := range d.table.Live(ban.KindPass) {
		d.laneOf(b.Prefix.Addr()).hall.Recall(&b, now)
	}
	return d, nil
}

// restore fills the table with what the journal kept.
func (d *Daemon) restore(now time.Time) error {
	skipped, err := d.table.Restore(d.store.Load, now)
	if err != nil {
		return err
	}
	if skipped > 0 {
		d.health.Set("restore", fmt.Sprintf("%d saved bans could not be read and were left out", skipped))
	}
	return nil
}

// run starts everything, says that it is ready, and waits for the end. It ends
// down the river, so that nothing is lost on its way: first whoever gives
// orders, then the logs, the lanes that take their last lines, and last of all
// those who write down what became of it.
func (d *Daemon) run(ctx context.Context, server *control.Server) error {
	ctx, d.end = context.WithCancel(ctx)
	defer d.end()
	if err := d.open(); err != nil {
		d.machine.Close()
		return errors.Join(err, d.store.Close())
	}
	scribes, lanes := crew.New(context.Background(), d.end), crew.New(context.Background(), d.end)
	keepers := crew.New(ctx, d.end)
	scribes.Add(d.writer.Run, d.chronicle.Run)
	for _, l := range d.lanes {
		lanes.Add(l.run)
	}
	metrics := d.listenMetrics()
	keepers.Add(d.keepFence, d.keepKernel, d.keepHouse, d.keepStore, d.heedHangups,
		func(ctx context.Context) error { return d.serveMetrics(ctx, metrics) },
		func(ctx context.Context) error { return server.Serve(ctx, d.doors()) })
	d.say("start")
	d.tellWatched()
	d.options.Ready()
	d.notify(sd.SdNotifyReady)
	<-ctx.Done()
	err := keepers.Dismiss()
	d.closeLogs()
	return errors.Join(err, lanes.Dismiss(), scribes.Dismiss(), d.close())
}

// open takes up kernel and wires as the settings say.
func (d *Daemon) open() error {
	d.warnBackend()
	d.look()
	d.names.SetNames(d.trunkNames())
	d.served = d.servedPorts()
	kernel, err := d.openKernel()
	if err != nil {
		return err
	}
	d.guard.Protect(d.posts(), d.clock.Now())
	d.takeUpKernel(kernel)
	s, err := d.openSenses()
	if err != nil {
		return errors.Join(err, kernel.Close(false))
	}
	d.senses = s
	s.followLogs(d)
	for _, l := range d.lanes {
		l.attach(s)
	}
	return nil
}

// closeLogs ends the reading of logs, and reloads, which would begin it anew.
func (d *Daemon) closeLogs() {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.ending = true
	d.senses.closeLogs()
}

// close lets go of the wires, the kernel and the store, in this order.
func (d *Daemon) close() error {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.senses.close(d)
	d.machine.Close()
	return errors.Join(d.leaveKernel(false), d.store.Close())
}

// stop begins the end. With clear, our bans have left the kernel when it
// returns.
func (d *Daemon) stop(clear bool) error {
	defer d.end()
	if !clear {
		return nil
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	d.ending = true // a reload would fill the kernel again
	return d.leaveKernel(true)
}

// reload takes up the settings as they now are, whoever asks, and keeps in
// `status` how that ended until the next time.
func (d *Daemon) reload() error {
	err := d.takeUp()
	d.health.Report("reload", "the last reload did not succeed", err)
	return err
}

// takeUp reads the settings again and puts them in force; when they are wrong,
// the old ones stay.
func (d *Daemon) takeUp() error {
	settings, err := d.options.Load()
	if err != nil {
		return err
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	if d.ending {
		return &control.Problem{What: "the daemon is ending"}
	}
	before, served := d.config, d.served
	d.config = settings
	d.look()
	d.served = d.servedPorts()
	if err := d.changeSenses(); err != nil {
		d.config, d.served = before, served
		return &control.Problem{What: "the settings are in order, but the machine does not let us take them up; the old ones stay",
			Why: err.Error(), Do: "mend that and run sipward reload"}
	}
	d.names.SetNames(d.trunkNames()) // not before: the old trunks must stay known if the old settings do
	d.tellWatched()
	d.health.Clear("reload") // a signal may have found them wrong before
	d.guard.Protect(d.posts(), d.clock.Now())
	d.health.Report("restart", "restart to take up", waiting(d.first, settings))
	d.say("reload")
	if err := d.changeKernel(); err != nil {
		d.health.Set("kernel", "the kernel does not follow the settings: "+err.Error())
		return &control.Problem{What: "the settings are taken up, but the kernel does not follow them", Why: err.Error(), Do: "sipward status"}
	}
	return nil
}

// waiting names the new settings that only a restart takes up.
func waiting(running, wanted *config.Config) error {
	var names []string
	for name, same := range map[string]bool{
		"ban.longest": running.LongestBan == wanted.LongestBan,
		"ban.scope":   running.BanAll == wanted.BanAll,
		"metrics":     running.Metrics == wanted.Metrics,
		"state":       running.State == wanted.State,
	} {
		if !same {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return errors.New(strings.Join(names, ", "))
}

// heedHangups reloads at a signal.
func (d *Daemon) heedHangups(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.options.Hangup:
		}
		d.notify(sd.SdNotifyReloading)
		_ = d.reload() // it has told the log
		d.notify(sd.SdNotifyReady)
	}
}

// say puts a word about the daemon itself into the event stream.
func (d *Daemon) say(what string) {
	d.chronicle.Add(control.EventRecord{Type: what, By: "pid " + pid()})
}
