package host

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// LookupSIP finds the addresses of a carrier: those of the name itself, and
// those of the hosts that serve SIP for it (RFC 3263 section 4.2). The system's
// resolvers are asked, and its hosts file; they do not tell for how long an
// answer holds.
func LookupSIP(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
	return lookupSIP(ctx, &net.Resolver{PreferGo: true}, name)
}

// sipServices are the SRV records of SIP (RFC 3263 section 4.1).
var sipServices = []struct{ service, transport string }{{"sip", "udp"}, {"sip", "tcp"}, {"sips", "tcp"}}

// maxTargets bounds the hosts that one SRV answer may name.
const maxTargets = 16

// search collects what several questions at once find.
type search struct {
	ctx   context.Context
	dns   *net.Resolver
	going sync.WaitGroup

	mu    sync.Mutex
	found []netip.Addr
	errs  []error
}

func lookupSIP(ctx context.Context, dns *net.Resolver, name string) ([]netip.Addr, time.Duration, error) {
	if strings.Contains(name, ".") {
		name = strings.TrimSuffix(name, ".") + "." // whole: never to be tried in a search domain
	}
	s := &search{ctx: ctx, dns: dns}
	s.going.Go(func() { s.host(name) })
	for _, service := range sipServices {
		s.going.Go(func() { s.targets(service.service, service.transport, name) })
	}
	s.going.Wait()
	return s.found, 0, errors.Join(s.errs...)
}

// targets asks which hosts serve SIP for the name, and for their addresses.
func (s *search) targets(service, transport, name string) {
	_, records, err := s.dns.LookupSRV(s.ctx, service, transport, name)
	s.note(nil, err)
	for _, record := range records[:min(len(records), maxTargets)] {
		if record.Target != "." { // which says: not served (RFC 2782)
			s.host(record.Target)
		}
	}
}

func (s *search) host(name string) { s.note(s.dns.LookupNetIP(s.ctx, "ip", name)) }

// note takes an answer. That something does not exist is an answer, too.
func (s *search) note(found []netip.Addr, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, found...)
	var problem *net.DNSError
	if err != nil && !(errors.As(err, &problem) && problem.IsNotFound) {
		s.errs = append(s.errs, err)
	}
}
