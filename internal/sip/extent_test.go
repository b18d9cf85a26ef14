package sip

import (
	"strings"
	"testing"
)

// TestExtent measures messages that overrun whoever reads them, and ordinary ones.
func TestExtent(t *testing.T) {
	const first, rest = "OPTIONS sip:a@b SIP/2.0\r\n", "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
	const via = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
	list := "v: " + strings.Repeat("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1, ", 60) + "SIP/2.0/UDP 192.0.2.1\r\n"
	for _, test := range []struct {
		name, text string
		want       Extent
		overgrown  bool
	}{
		{"no header", first, Extent{}, false},
		{"lines without a colon", first + "abc\r\n\r\n", Extent{}, false},
		{"cut off in a long header", first + "X: " + strings.Repeat("a", 9000), Extent{1, 0, 9003}, true},
		{"a long fold", first + "X: a\r\n " + strings.Repeat("a", 9000) + "\r\n\r\n", Extent{1, 0, 9009}, true},
		{"many headers", first + strings.Repeat("X: a\r\n", 200) + "\r\n", Extent{200, 0, 6}, true},
		{"many names nobody knows", first + strings.Repeat(strings.Repeat("X", 40)+": a\r\n", 40) + "\r\n", Extent{40, 0, 45}, true},
		{"many Vias in lines", first + strings.Repeat(via, 80) + rest + "\r\n", Extent{84, 80, len(via)}, true},
		{"many Vias in one line", first + list + rest + "\r\n", Extent{5, 61, len(list)}, true},
		{"ordinary", first + via + rest + "\r\nX: no header\r\n", Extent{5, 1, len(via)}, false},
		{"a response", "SIP/2.0 200 OK: fine\r\n" + via + rest + "\r\n", Extent{6, 1, len(via)}, false},
	} {
		var m Message
		m.Parse([]byte(test.text))
		if got := m.Extent(); got != test.want || m.Overgrown() != test.overgrown {
			t.Errorf("%s: %+v, overgrown %v, want %+v", test.name, got, m.Overgrown(), test.want)
		}
	}
}
