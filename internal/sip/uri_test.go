package sip

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	tests := []struct {
		uri  string
		want string // scheme user password host port
		ok   bool
	}{
		{"", "- - - - 0", false},
		{"sip:", "sip - - - 0", false},
		{"sip:@host", "sip  - host 0", false},
		{"sip:bob@", "sip bob - - 0", false},
		{"sip:b<b@host", "sip b<b - host 0", false},
		{"sip:a@b@host", "sip a - b 0", false},
		{"sip:%4@host", "sip %4 - host 0", false},
		{"sip:%4g@host", "sip %4g - host 0", false},
		{"sip:bob@-host", "sip bob - -host 0", false},
		{"sip:bob@ho_st", "sip bob - ho 0", false},
		{"sip:bob@host:", "sip bob - host 0", false},
		{"sip:bob@host:65536", "sip bob - host 0", false},
		{"sip:bob@host:123456789", "sip bob - host 0", false},
		{"sip:bob@host:50x", "sip bob - host 0", false},
		{"sip:bob@host;;lr", "sip bob - host 0", false},
		{"sip:bob@host;", "sip bob - host 0", false},
		{"sip:bob@host;a=%x0", "sip bob - host 0", false},
		{"sip:bob@host;a=<", "sip bob - host 0", false},
		{"sip:2001:db8::10", "sip - - 2001:db8::10 0", false},
		{"sip:bob@2001:db8::10", "sip bob - 2001:db8::10 0", false},
		{"sip:[2001:db8::10", "sip - - 2001:db8::10 0", false},
		{"sip:[1::2::3]", "sip - - 1::2::3 0", false},
		{"sip:[]", "sip - -  0", false},
		{"bob@host:5060", "- bob - host 5060", false},
		{"192.0.2.1", "- - - 192.0.2.1 0", false},
		{"1sip:bob@host", "- 1sip bob host 0", false},
		{"x y:bob@host", "- x y bob host 0", false},
		{"tel:", "tel  - - 0", false},
		{"tel:+1 2", "tel +1 2 - - 0", false},

		{"sip:host", "sip - - host 0", true},
		{"SiP:bob@host", "SiP bob - host 0", true},
		{"sips:bob:secret@host.example.org.:5061", "sips bob secret host.example.org. 5061", true},
		{"sip:bob:@host", "sip bob  host 0", true},
		{"sip:%61b%00@host", "sip %61b%00 - host 0", true},
		{"sip:a;b=c?d/e@host", "sip a;b=c?d/e - host 0", true},
		{"sip:bob@192.0.2.1:5060;transport=udp;lr?subject=a%20b&x=", "sip bob - 192.0.2.1 5060", true},
		{"sip:[2001:db8::10]", "sip - - 2001:db8::10 0", true},
		{"sip:bob@[2001:db8::10]:5070", "sip bob - 2001:db8::10 5070", true},
		{"sip:[2001:db8::10:5070]", "sip - - 2001:db8::10:5070 0", true},
		{"tel:+49-30-123;phone-context=x", "tel +49-30-123 - - 0", true},
		{"b0119:532@192.0.2.7", "b0119 532 - 192.0.2.7 0", true},
		{"soap.beep://192.0.2.103:3002", "soap.beep - - 192.0.2.103 3002", true},
		{"http://bob@www.example.com/a?b", "http bob - www.example.com 0", true},
		{"isbn:2983792873", "isbn - - - 0", true},
	}
	for _, test := range tests {
		u := ParseURI([]byte(test.uri))
		text := func(b []byte) string {
			if b == nil {
				return "-"
			}
			return string(b)
		}
		host := text(u.Host)
		if len(u.Host) == 0 && !strings.Contains(test.uri, "[]") {
			host = "-"
		}
		got := fmt.Sprint(text(u.Scheme), " ", text(u.User), " ", text(u.Password), " ", host, " ", u.Port)
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.uri, got, test.want)
		}
		if flaws := u.parse([]byte(test.uri)) &^ withHeaders; (flaws == 0) != test.ok {
			t.Errorf("%s: flaws %v", test.uri, flaws)
		}
	}
}

func TestIPv6(t *testing.T) {
	bad := []string{
		"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "1::2::3", "12345::",
		"g::", "1::2:", ":1::", "1:::2", "2001:db8:::192.0.2.1", "::192.0.2", "::192.0.2.1.5", "::192.0.2.1234", "::192.0..1",
		"::1.2.3.x", "1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::1.2.3.4:5", "1::2:3:4:5:6:7:8",
		strings.Repeat("1:", 40) + ":",
	}
	good := []string{
		"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3::5:6:7", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "fe80::ABCD:abcd",
		"::ffff:192.0.2.10", "::192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "2001:db8::192.0.2.1", "1:2:3:4:5::1.2.3.4",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	}
	for _, s := range bad {
		if ipv6OK([]byte(s)) {
			t.Errorf("%s is taken for an address", s)
		}
	}
	for _, s := range good {
		if !ipv6OK([]byte(s)) {
			t.Errorf("%s is an address", s)
		}
	}
}
