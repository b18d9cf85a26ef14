package policy

import (
	"fmt"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
)

// hold keeps who has spent the budget for an account to its pace: after each
// wrong try nothing passes for so long. It holds the source port, since others
// may be behind the address; only when the port changes from try to try, the
// address. There a known-good one is held for half a minute only, so that its
// other phones find their way in between, unless no phone guesses so fast.
func (p *Policy) hold(b *ban.Ban, f detect.Finding) {
	pace := detect.ForeignPace
	if f.KnownAccount || f.GoodPort && !f.Caught { // another line of that phone was good
		pace = detect.GuessPace
	}
	switch {
	case f.Port == 0 || f.SharedPort:
		*b = ban.Ban{}
	case !f.GoodPort && f.Caught && f.Ports >= manyPorts:
		holdAddress(b, f, pace)
	case !f.GoodPort && f.Ports >= patientPorts:
		if p.shielded(b.Prefix, f.Time) {
			pace = detect.GuessPace
		}
		holdAddress(b, f, pace)
	default:
		b.Port, b.Action, b.Until = f.Port, ban.Hold, f.Time.Add(pace)
		explain(b, fmt.Sprintf("; others may be behind its address, so only its port %d is held", f.Port))
	}
}

// holdAddress holds all source ports of an address that never knew a secret.
func holdAddress(b *ban.Ban, f detect.Finding, pace time.Duration) {
	b.Action, b.Until = ban.Hold, f.Time.Add(pace)
	explain(b, fmt.Sprintf("; it changes its source port, so all ports of its address that never knew a password are held for %s", pace))
}

// widen makes a drop one of the IPv6 /64 where the finding speaks of it as a
// whole, unless somebody in it is known to be good or on the never-ban list.
func (p *Policy) widen(b *ban.Ban, f detect.Finding) {
	if !f.Home.IsValid() || p.table.Within(f.Home, ban.KindPass, f.Time) {
		return
	}
	if _, held := p.fence.Holds(f.Home); held {
		return
	}
	b.Prefix = f.Home
	explain(b, "; three addresses or more of its /64 did so, and none ever knew a password")
}

// limitHome makes a limit one of the IPv6 /64 where the finding speaks of it as a
// whole. The kernel asks for the known-good addresses in it first.
func (p *Policy) limitHome(b *ban.Ban, f detect.Finding) {
	if !f.Home.IsValid() {
		return
	}
	if _, held := p.fence.Holds(f.Home); !held {
		b.Prefix = f.Home
	}
}
