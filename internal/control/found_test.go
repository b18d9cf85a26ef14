package control

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestFoundWords(t *testing.T) {
	address := netip.MustParseAddr("198.51.100.20")
	for _, c := range []struct {
		what fmt.Stringer
		want string
	}{
		{&ServerStatus{Name: "unknown"}, "a SIP server"},
		{&ServerStatus{Name: "unknown", Process: "b2bua", PID: 7, Ports: []string{"5060/udp"}}, "a SIP server called b2bua, pid 7: 5060/udp"},
		{&ServerStatus{Name: "asterisk", Settings: "/etc/asterisk"}, "asterisk, not running; settings /etc/asterisk"},
		{&ServerStatus{Name: "freeswitch"}, "freeswitch"},
		{&ServerStatus{Name: "asterisk", Version: "1:20.6.0-2", PID: 812, Apart: "a container", Ports: []string{"5060/udp", "5061/tls"}, Settings: "/etc/asterisk"},
			"asterisk 1:20.6.0-2, pid 812 in a container: 5060/udp 5061/tls; settings /etc/asterisk"},
		{&FoundLog{File: "/var/log/asterisk/messages"}, "/var/log/asterisk/messages, without security messages"},
		{&FoundLog{Unit: "kamailio.service", From: "/etc/kamailio/kamailio.cfg", Security: true}, "the journal as kamailio.service (/etc/kamailio/kamailio.cfg)"},
		{&TrunkStatus{Prefix: netip.PrefixFrom(address, 32), From: "x line 1"}, "198.51.100.20 (from x line 1)"},
		{&TrunkStatus{Prefix: netip.MustParsePrefix("198.51.100.0/24"), From: "x line 1"}, "198.51.100.0/24 (from x line 1)"},
		{&TrunkStatus{Name: "a.example", From: "x line 1"}, "a.example, not resolved yet (from x line 1)"},
		{&TrunkStatus{Name: "a.example", Problem: "a.example has no address", From: "x line 1"}, "a.example: a.example has no address (from x line 1)"},
		{&TrunkStatus{Name: "a.example", Addresses: []netip.Addr{address, address}, From: "x line 1"}, "a.example = 198.51.100.20 and 1 more (from x line 1)"},
	} {
		if got := c.what.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
