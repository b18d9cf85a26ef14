package explain

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

func TestOf(t *testing.T) {
	at := time.Date(2026, 11, 22, 11, 0, 0, 5000, time.FixedZone("", 3600))
	source := netip.MustParseAddrPort("[2001:db8::7]:5071")
	tests := []struct {
		name   string
		log    event.Log
		want   Line
		detail string
	}{
		{"bad: a source without evidence", event.Log{Verdict: event.Benign, Kind: event.AuthOK, Source: source}, Line{Verdict: "benign", Kind: "auth.ok"}, "auth.ok           "},
		{"bad: a user of a terminal's signs", event.Log{Verdict: event.Tampered, User: []byte("a\x1b[31mb")}, Line{Verdict: "tampered", User: "a\x1b[31mb"}, "                   user a␛[31mb"},
		{"OK: nothing", event.Log{}, Line{Verdict: "unknown"}, "                  "},
		{"OK: all of it", event.Log{Verdict: event.Hostile, Kind: event.Scan, Server: "s", Rule: "r", Note: "n", Source: source, Transport: event.UDP, User: []byte("1"), HasTime: true},
			Line{Verdict: "hostile", Kind: "scan", Server: "s", Rule: "r", Note: "n", Src: "2001:db8::7", Port: 5071, Transport: "udp", User: "1", Time: "2026-11-22T10:00:00.000005Z"},
			"scan              [2001:db8::7]:5071 udp user 1"},
		{"OK: no port", event.Log{Verdict: event.Hostile, Source: netip.AddrPortFrom(source.Addr(), 0)}, Line{Verdict: "hostile", Src: "2001:db8::7"}, "                  2001:db8::7"},
	}
	for _, tt := range tests {
		tt.want.Line = 7
		got := Of(&event.Event{Time: at, Place: event.Place{Line: 7}, Log: tt.log})
		if got != tt.want || got.Detail() != tt.detail {
			t.Errorf("%s: %+v, %q", tt.name, got, got.Detail())
		}
	}
}
