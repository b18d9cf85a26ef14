package line

import (
	"testing"
	"time"
)

// testClock is the reference of these tests.
var testClock = Clock{Now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}

func TestStamp(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		t.Helper()
		when, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	newYear := Clock{Now: at("2027-01-01T00:10:00Z")}
	tests := []struct {
		text  string
		clock Clock
		want  string // empty: no stamp
		width int
	}{
		{"", testClock, "", 0},
		{"2026-13-01 00:00:00", testClock, "", 0},
		{"2026-11-22 24:00:00", testClock, "", 0},
		{"2026-11-22 10:60:00", testClock, "", 0},
		{"2026-11-22", testClock, "", 0},
		{"2026-11-22x10:00:00", testClock, "", 0},
		{"Nov 32 10:00:00", testClock, "", 0},
		{"Nov 22 10:00", testClock, "", 0},
		{"Foo 22 10:00:00", testClock, "", 0},
		{"Feb 30 10:00:00", testClock, "", 0},
		{"17951580001", testClock, "", 0},
		{"13-03 07:56:53", testClock, "", 0},
		{"08-32 07:56:53", testClock, "", 0},
		{"08-03T07:56:53", testClock, "", 0},
		{"08-03 07:56:53.026292", testClock, "2026-08-03T07:56:53.026292Z", 21},
		{"12-25 07:56:53 x", testClock, "2025-12-25T07:56:53Z", 14},
		{"179515800x", testClock, "", 0},
		{"2026-11-22 10:00:00", testClock, "2026-11-22T10:00:00Z", 19},
		{"2026-11-22T10:00:00,5 x", testClock, "2026-11-22T10:00:00.5Z", 21},
		{"2026-11-22T10:00:00.123456789Z]", testClock, "2026-11-22T10:00:00.123456789Z", 30},
		{"2026-11-22T10:00:00.123+0000", testClock, "2026-11-22T10:00:00.123Z", 28},
		{"2026-11-22T10:00:00+02:30 h", testClock, "2026-11-22T07:30:00Z", 25},
		{"2026-11-22 10:00:00 -0500", testClock, "2026-11-22T15:00:00Z", 25},
		{"2026-11-22 10:00:00", Clock{Now: testClock.Now, Zone: berlin}, "2026-11-22T09:00:00Z", 19},
		{"2026-07-22 10:00:00", Clock{Now: testClock.Now, Zone: berlin}, "2026-07-22T08:00:00Z", 19},
		{"Nov 22 10:00:00", testClock, "2026-11-22T10:00:00Z", 15},
		{"Nov  2 10:00:00.250 h", testClock, "2026-11-02T10:00:00.25Z", 19},
		{"Nov 2 10:00:00", testClock, "2026-11-02T10:00:00Z", 14},
		{"Nov 24 23:59:59", testClock, "2026-11-24T23:59:59Z", 15}, // ahead, but less than a day
		{"Nov 26 10:00:00", testClock, "2025-11-26T10:00:00Z", 15},
		{"Dec 31 23:59:00", newYear, "2026-12-31T23:59:00Z", 15},
		{"Jan  1 00:01:00", Clock{Now: at("2026-12-31T23:59:00Z")}, "2027-01-01T00:01:00Z", 15},
		{"Feb 29 10:00:00", testClock, "2024-02-29T10:00:00Z", 15},
		{"1795158000", testClock, "2026-11-20T07:00:00Z", 10},
		{"1795158000.5]", testClock, "2026-11-20T07:00:00.5Z", 12},
	}
	for _, tt := range tests {
		got, n := tt.clock.Stamp([]byte(tt.text))
		switch {
		case tt.want == "" && n == 0:
		case tt.want == "" || !got.Equal(at(tt.want)) || n != tt.width:
			t.Errorf("%q: %v, %d bytes; want %s, %d", tt.text, got, n, tt.want, tt.width)
		}
	}
}

func TestControl(t *testing.T) {
	for _, text := range []string{"\x00", "aaaaaaaa\n", "aaaaaaaaaaa\x7fa", "\x1b[0m", "aaaaaaa\taaaaaaaa", "aaaaaaaaaaaaaaaa\x1f"} {
		if !HasControl([]byte(text), false) {
			t.Errorf("%q: no control character", text)
		}
	}
	for _, text := range []string{"", "aaaaaaaa", "é~ \x80\xff", "#012", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		if HasControl([]byte(text), false) {
			t.Errorf("%q: a control character", text)
		}
	}
	for text, want := range map[string]bool{"a#012": true, "#033[0m": true, "#177": true, "#01": false, "#400": false, "##000": true, "#055": false} {
		if HasControl([]byte(text), true) != want {
			t.Errorf("%q, escaped: want %v", text, want)
		}
	}
}

func TestEndpoints(t *testing.T) {
	tests := []struct{ text, packet, plain string }{
		{"", "", ""}, {"x", "", ""}, {"1.2.3", "", ""}, {"1.2.3.4.5", "", ""}, {"1.2.3.256", "", ""}, {"1.2.3.4:65536", "", ""},
		{"1.2.3.4:", "", ""}, {":5060", "", ""}, {"[1.2.3.4", "", ""}, {"1.2.3.4 ", "", ""}, {"host.example", "", ""}, {"2001:db8::g", "", ""},
		{"1.2.3.4", "1.2.3.4:0", "1.2.3.4:0"},
		{"1.2.3.4:5060", "1.2.3.4:5060", "1.2.3.4:5060"},
		{"[2001:db8::1]:5060", "[2001:db8::1]:5060", "[2001:db8::1]:5060"},
		{"[2001:db8::1]", "[2001:db8::1]:0", "[2001:db8::1]:0"},
		{"2001:db8::1:5060", "[2001:db8::1]:5060", "[2001:db8::1:5060]:0"},
		{"[::ffff:1.2.3.4]:5", "1.2.3.4:5", "1.2.3.4:5"},
		{"[fe80::1%eth0]:5", "[fe80::1]:5", "[fe80::1]:5"},
	}
	for _, tt := range tests {
		for _, form := range []struct {
			want string
			text func() string
		}{
			{tt.packet, func() string {
				if a, ok := Endpoint([]byte(tt.text)); ok {
					return a.String()
				}
				return ""
			}},
			{tt.plain, func() string {
				if a, ok := PlainEndpoint([]byte(tt.text)); ok {
					return a.String()
				}
				return ""
			}},
		} {
			if got := form.text(); got != form.want {
				t.Errorf("%q: %s, want %s", tt.text, got, form.want)
			}
		}
	}
}
