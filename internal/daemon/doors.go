package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/source"
)

// durableWait is the longest a human waits for the disk.
const durableWait = 5 * time.Second

// doors is what people reach through the control socket.
func (d *Daemon) doors() control.Doors {
	return control.Doors{Guard: d, Feed: d.chronicle, Reload: d.reload, Stop: d.stop}
}

// Order implements control.Guard.
func (d *Daemon) Order(b ban.Ban) (control.Receipt, error) {
	b.Prefix = b.Key().Prefix // one spelling, or the fence would not know it
	if post, held := d.fence.Holds(b.Prefix); held && b.Action.Blocks() {
		return control.Receipt{}, refusal(b.Prefix, post)
	}
	lasts := b.Until.Sub(b.Since)
	b.Since = d.clock.Now().Truncate(time.Millisecond)
	if !b.Until.IsZero() {
		b.Until = b.Since.Add(lasts)
	}
	refusals := d.chronicle.Troubles()
	entry := d.guard.Do(b)
	if entry.Seq == 0 {
		return control.Receipt{}, &control.Problem{What: fmt.Sprintf("%s was not entered", b.Prefix),
			Why: "the order has no effect or the table is full", Kind: control.ErrInvalid}
	}
	receipt := control.Receipt{Prefix: entry.Prefix, Action: entry.Action.String(), Scope: entry.Scope.String(),
		Since: entry.Since, Until: entry.Until, Enforced: d.enforcing() && d.chronicle.Troubles() == refusals}
	return receipt, d.durable(entry.Seq)
}

// refusal says why a prefix is not to be blocked. A network may be somebody's in
// the main, and hold one address that we cannot do without.
func refusal(p netip.Prefix, post policy.Post) *control.Problem {
	problem := &control.Problem{What: fmt.Sprintf("%s is never banned", p), Why: "it is " + post.Reason,
		Do: "take it off the never-ban list first", Kind: control.ErrRefused}
	if !ban.Inside(p, post.Prefix) {
		inside := post.Prefix.String()
		if post.Prefix.IsSingleIP() {
			inside = post.Prefix.Addr().String()
		}
		problem.What = fmt.Sprintf("%s is not banned: %s in it never may be", p, inside)
		problem.Why = inside + " is " + post.Reason
		problem.Do = "ban a smaller network beside it"
	}
	return problem
}

// durable waits until a change outlives the process.
func (d *Daemon) durable(seq uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), durableWait)
	defer cancel()
	if err := d.writer.Durable(ctx, seq); err != nil {
		return &control.Problem{What: "in force, but not saved", Why: d.writer.Degraded(),
			Do: "free the disk of " + d.first.State + ", then order it again", Kind: err}
	}
	return nil
}

// Lift implements control.Guard.
func (d *Daemon) Lift(q control.Lift) (int, error) {
	now := d.clock.Now()
	// What a single address did is forgiven even when its ban is over: else the next
	// one would come sooner and last longer.
	alone := !q.All && q.Kind == ban.KindBlock && q.Prefix.IsSingleIP()
	prefixes := []netip.Prefix{{}} // all in one go
	if !q.All {
		prefixes = nil
		if alone {
			prefixes = append(prefixes, q.Prefix)
		}
		for b := range d.table.Live(q.Kind) {
			if q.Matches(&b) && !(alone && b.Prefix == q.Prefix) {
				prefixes = append(prefixes, b.Prefix)
			}
		}
	}
	var last uint64
	lifted := 0
	for _, p := range prefixes {
		for _, b := range d.guard.Pardon(p, q.Kind, q.By, now) {
			last = max(last, b.Seq)
			lifted++
		}
	}
	if lifted == 0 && !alone {
		return 0, nil
	}
	d.pardon(q, now)
	return lifted, d.durable(last)
}

// pardon lets every lane forget what is held against an address. Evidence is
// not filed by network: for a wider pardon the lanes forget it all, and an
// attacker among the others has to show again what he is.
func (d *Daemon) pardon(q control.Lift, now time.Time) {
	e := event.Event{Kind: event.Pardon, Time: now}
	if !q.All && q.Prefix.IsSingleIP() {
		e.Remote = netip.AddrPortFrom(q.Prefix.Addr(), 0)
	}
	for _, l := range d.lanes {
		l.hand(e)
	}
}

// Bans implements control.Guard.
func (d *Daemon) Bans() []control.BanRow {
	var entries []ban.Ban
	for _, kind := range []ban.Kind{ban.KindBlock, ban.KindAllow, ban.KindPass} {
		entries = slices.AppendSeq(entries, d.table.Live(kind))
	}
	rows := make([]control.BanRow, 0, len(entries))
	for i, dropped := range d.guard.Dropped(entries) {
		rows = append(rows, control.Row(&entries[i], dropped))
	}
	return append(rows, d.trunkRows()...)
}

// enforcing says that the kernel acts on decisions.
func (d *Daemon) enforcing() bool {
	_, dry := d.guard.Layer().(enforce.DryRun)
	return !dry
}

// mode is the settings' mode, as far as the layer carries it out.
func (d *Daemon) mode() string {
	d.changing.Lock()
	defer d.changing.Unlock()
	if d.config.Mode == config.Enforce {
		return control.ModeEnforce
	}
	return control.ModeMonitor
}

// Status implements control.Guard.
func (d *Daemon) Status() control.Status {
	s := control.Status{
		Version: d.options.Version, Since: d.clock.Began(), Mode: d.mode(), State: d.first.State,
		Bans: d.table.Len(ban.KindBlock), Allowed: d.table.Len(ban.KindAllow), KnownGood: d.table.Len(ban.KindPass),
		Layers: map[string]string{}, Degraded: d.degraded(),
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	layer := "dryrun"
	if d.enforcing() {
		layer = "nft"
	}
	for _, i := range d.senses.interfaces {
		s.Layers[i.Name] = layer
	}
	s.Listen = d.senses.listen()
	s.Sources = d.sources()
	s.Blind = slices.Concat(d.blindSpots(), d.behindProxy(), d.senses.ears.Notes())
	s.Lost = d.keeper.losses.total
	s.Servers, s.Trunks = d.serverStatus(), d.trunkStatus()
	return s
}

// degraded lists what does not work.
func (d *Daemon) degraded() []string {
	list := d.health.Sentences()
	if sentence := d.writer.Degraded(); sentence != "" {
		list = append(list, sentence)
	}
	for _, l := range d.lanes {
		if l.busy(time.Now()) {
			list = append(list, fmt.Sprintf("lane %d was too busy for %d log lines", l.number, l.lost.Load()))
		}
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	for _, f := range d.senses.feeds {
		if sentence := f.Complaint(); sentence != "" {
			list = append(list, sentence)
		}
	}
	return list
}

// sources says how every wire is. The caller holds changing.
func (d *Daemon) sources() []control.SourceStatus {
	total, last := d.counts()
	list := []control.SourceStatus{{Name: "packets", Kind: "packets", Events: total.Messages + total.Junk, Last: last}}
	for _, f := range d.senses.logs {
		s := control.SourceStatus{Name: f.config.Name(), Kind: "log", Events: f.lines.Load()}
		if at := f.last.Load(); at != 0 {
			s.Last = time.Unix(0, at)
		}
		list = append(list, s)
	}
	for _, f := range d.senses.feeds {
		events, last := f.Seen()
		list = append(list, control.SourceStatus{Name: f.Name(), Kind: "feed", Events: events, Last: last})
	}
	return append(list, d.senses.ears.Status()...)
}

// counts adds up the lanes.
func (d *Daemon) counts() (total source.PacketStats, last time.Time) {
	for _, l := range d.lanes {
		c := l.counts.Load()
		total = total.Plus(c.PacketStats)
		if c.last.After(last) {
			last = c.last
		}
	}
	return total, last
}
