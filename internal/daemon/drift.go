package daemon

import (
	"fmt"
	"strings"

	"github.com/sipward/sipward/internal/drift"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/pbx"
)

// tally counts what a packet shows and a log should tell of, too.
func (l *lane) tally(e *event.Event) {
	if e.Kind == event.Request && e.Inbound {
		l.requests.Add(1)
	}
	if e.Kind == event.Response && !e.Inbound {
		l.replies.Add(1)
	}
	for i := range e.Outcomes {
		if r := e.Outcomes[i].Result; r == event.Failed || r == event.UnknownUser {
			l.refused.Add(1)
		}
	}
}

// tallyLine counts the refused logins whose source a server takes for this
// machine: it stands behind a proxy here that keeps the real address to itself.
func (l *lane) tallyLine(e *event.Event) {
	login := e.Log.Kind == event.AuthFailed || e.Log.Kind == event.UserUnknown // not that of a manager
	if e.Kind == event.Line && e.Log.Verdict == event.Hostile && login && e.Remote.Addr().IsLoopback() {
		l.hidden.Add(1)
	}
}

// tally counts what a line tells of.
func (f *logFollower) tally(l *event.Log) {
	switch {
	case l.Verdict == event.Near:
		f.near.Add(1)
	case l.Kind == event.AuthFailed || l.Kind == event.UserUnknown:
		f.refused.Add(1)
	case l.Kind == event.AuthOK || l.Kind == event.AuthChallenged:
		f.answered.Add(1)
	}
}

// lookForDrift compares the logs with the wire.
func (d *Daemon) lookForDrift() {
	var wire drift.Wire
	for _, l := range d.lanes {
		wire.Requests += l.requests.Load()
		wire.Replies += l.replies.Load()
		wire.Failures += l.refused.Load()
	}
	var logs []drift.Log
	d.changing.Lock()
	d.guard.Sealed(len(d.blindSpots()) > 0)
	for _, f := range d.senses.logs {
		logs = append(logs, drift.Log{Name: f.config.Name(), Lines: f.lines.Load(),
			Near: f.near.Load(), Failures: f.refused.Load(), Answered: f.answered.Load(), Reserved: logline.Format(f.config.Format).Reserved()})
	}
	d.health.List("hep reports", d.senses.ears.Complaints()) // nothing else calls for a look
	d.changing.Unlock()
	d.health.List("drift", d.keeper.drift.Look(d.clock.Now(), wire, logs))
}

// behindProxy says that a proxy on this machine hides who comes, if one does.
func (d *Daemon) behindProxy() []string {
	var hidden uint64
	for _, l := range d.lanes {
		hidden += l.hidden.Load()
	}
	if hidden == 0 {
		return nil
	}
	return []string{fmt.Sprintf("a server tells of %d refused logins from 127.0.0.1: a proxy on this machine (for WebSocket?) hides the "+
		"real addresses, and this machine is never banned", hidden)}
}

// blindSpots names what the wire hides: the ports where SIP is spoken under TLS,
// and connections that turned out to be. The caller holds changing.
func (d *Daemon) blindSpots() []string {
	var ports []string
	for _, l := range d.knownPorts() {
		if l.Transport == string(pbx.TLS) || l.Transport == string(pbx.WSS) {
			ports = append(ports, fmt.Sprintf("%d/%s", l.Port, l.Transport))
		}
	}
	total, _ := d.counts()
	if len(ports) == 0 && total.Encrypted == 0 {
		return nil
	}
	where := "TLS"
	if len(ports) > 0 {
		where += " on " + strings.Join(ports, ", ")
	}
	return []string{fmt.Sprintf("%s cannot be read on the wire (%d connections so far): what happens there shows in the server's log, "+
		"its feed or its HEP reports alone", where, total.Encrypted)}
}
