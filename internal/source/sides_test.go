package source

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/sipward/sipward/internal/event"
)

// talk is one message of a capture, from one address to another.
type talk struct {
	from, to string
	status   int // 0: a request
	method   event.Method
	nonce    bool // it challenges
	times    int
}

// found feeds Locals, in either direction that the first guess may have had.
func found(t *testing.T, said ...talk) []string {
	t.Helper()
	var results [2][]string
	for i, inbound := range []bool{true, false} {
		l := NewLocals()
		for _, s := range said {
			from, to := netip.MustParseAddrPort(s.from), netip.MustParseAddrPort(s.to)
			e := event.Event{Kind: event.Request, Inbound: inbound, Remote: to, Local: from}
			if inbound {
				e.Remote, e.Local = from, to
			}
			if s.status > 0 {
				e.Kind = event.Response
			}
			e.SIP.Status, e.SIP.Method, e.SIP.Auth.Present = s.status, s.method, s.nonce
			for range max(s.times, 1) {
				l.See(&e)
			}
		}
		for _, a := range l.Addresses() {
			results[i] = append(results[i], a.String())
		}
	}
	if !slices.Equal(results[0], results[1]) {
		t.Errorf("it depends on the first guess: %v or %v", results[0], results[1])
	}
	return results[0]
}

func TestLocals(t *testing.T) {
	const phone, server, second, carrier = "203.0.113.7:5060", "192.0.2.10:5060", "192.0.2.11:5060", "198.51.100.20:5060"
	asks := func(from, to string, times int) talk {
		return talk{from: from, to: to, method: event.REGISTER, times: times}
	}
	challenges := func(from, to string, times int) talk {
		return talk{from: from, to: to, status: 401, method: event.REGISTER, nonce: true, times: times}
	}
	for _, test := range []struct {
		name string
		said []talk
		want []string
	}{
		{"nothing", nil, nil},
		{"bad: who only asks is nobody", []talk{asks(phone, server, 100), challenges(server, phone, 1)}, []string{"192.0.2.10"}},
		{"bad: a 401 without a challenge says nothing", []talk{asks(phone, server, 9), {from: phone, to: server, status: 401, method: event.INVITE}}, []string{"192.0.2.10"}},
		{"bad: our own registration at the carrier", []talk{
			challenges(server, phone, 40), challenges(carrier, server, 2), {from: carrier, to: server, status: 200, method: event.REGISTER}}, []string{"192.0.2.10"}},
		{"bad: a forged challenge", []talk{challenges(server, phone, 40), challenges(phone, server, 3)}, []string{"192.0.2.10"}},
		{"bad: an answer to OPTIONS says nothing", []talk{asks(phone, server, 9), {from: phone, to: server, status: 200, method: event.OPTIONS, times: 99}}, []string{"192.0.2.10"}},
		{"bad: a provisional answer says nothing", []talk{asks(phone, server, 9), {from: phone, to: server, status: 100, method: event.REGISTER, times: 99}}, []string{"192.0.2.10"}},
		{"a server that refuses", []talk{asks(phone, server, 1), {from: server, to: phone, status: 403, method: event.REGISTER}}, []string{"192.0.2.10"}},
		{"two servers", []talk{challenges(server, phone, 40), challenges(second, phone, 10)}, []string{"192.0.2.10", "192.0.2.11"}},
		{"nobody answers", []talk{asks(phone, server, 9), asks(phone, second, 5)}, []string{"192.0.2.10", "192.0.2.11"}},
		{"a server that asks phones now and then", []talk{asks(phone, server, 50), asks(server, phone, 4)}, []string{"192.0.2.10"}},
		{"IPv6", []talk{challenges("[2001:db8::10]:5060", "[2001:db8:1::7]:5060", 1)}, []string{"2001:db8::10"}},
	} {
		if got := found(t, test.said...); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestLocalsAreBounded: a capture with a million forged addresses fills no
// memory, and the server is among those that count.
func TestLocalsAreBounded(t *testing.T) {
	l := NewLocals()
	e := event.Event{Kind: event.Response, SIP: event.SIP{Status: 401, Auth: event.Auth{Present: true}}, Local: server, Remote: phone}
	for i := range 50_000 {
		l.See(&e)
		forged := e
		forged.Local = netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
		l.See(&forged)
	}
	if n := len(l.answers); n > localsLimit {
		t.Errorf("%d addresses remembered, want %d at most", n, localsLimit)
	}
	if got := fmt.Sprint(l.Addresses()); got != "[192.0.2.10]" {
		t.Errorf("found %.200s", got)
	}
}
