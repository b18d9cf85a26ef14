package source

import (
	"net/netip"
	"sort"

	"github.com/sipward/sipward/internal/event"
)

// Locals finds out which side of a capture is ours, for replays of other
// machines' traffic: addresses that answer a REGISTER or challenge somebody,
// else the destinations of requests on the ports where SIP is served.
type Locals struct {
	answers, asked map[netip.Addr]int
}

// localsLimit bounds what a hostile capture can make Locals remember.
const localsLimit = 4096

// NewLocals begins a search.
func NewLocals() *Locals {
	return &Locals{answers: map[netip.Addr]int{}, asked: map[netip.Addr]int{}}
}

// See takes one event of the capture into account.
func (l *Locals) See(e *event.Event) {
	from, to := e.Local, e.Remote
	if e.Inbound {
		from, to = e.Remote, e.Local
	}
	switch e.Kind {
	case event.Response:
		challenges := (e.SIP.Status == 401 || e.SIP.Status == 407) && e.SIP.Auth.Present
		if challenges || e.SIP.Method == event.REGISTER && e.SIP.Status >= 200 {
			count(l.answers, from.Addr())
		}
	case event.Request:
		count(l.asked, to.Addr())
	}
}

func count(seen map[netip.Addr]int, a netip.Addr) {
	if _, known := seen[a]; known || len(seen) < localsLimit {
		seen[a]++
	}
}

// Addresses gives what was found, in order. An address that only asks is
// never among them; where nobody answered, whoever was asked most is ours.
func (l *Locals) Addresses() []netip.Addr {
	found := l.answers
	if len(found) == 0 {
		found = mostAsked(l.asked)
	}
	list := make([]netip.Addr, 0, len(found))
	for a := range found {
		list = append(list, a)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Less(list[j]) })
	return list
}

// mostAsked keeps the destinations that got at least a tenth of what the
// busiest one did.
func mostAsked(asked map[netip.Addr]int) map[netip.Addr]int {
	most := 0
	for _, n := range asked {
		most = max(most, n)
	}
	kept := map[netip.Addr]int{}
	for a, n := range asked {
		if n*10 >= most {
			kept[a] = n
		}
	}
	return kept
}
