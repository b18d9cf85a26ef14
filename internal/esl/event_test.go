package esl

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// readAll reads the events of a stream.
func readAll(text string) (all []heard, others int) {
	r := newReader(strings.NewReader(text))
	for {
		f, err := r.frame()
		if err != nil {
			return all, others
		}
		var e Event
		if f.kind != eventPlain || !e.read(f) {
			others++
			continue
		}
		all = append(all, note(&e))
	}
}

// TestShapedByAnOutsider: whatever the values are, no event names another
// address than the one that the server wrote.
func TestShapedByAnOutsider(t *testing.T) {
	const real = "198.51.100.10"
	for name, c := range map[string]struct{ text, remote, tampered string }{
		"a line break in a name": {attempt("x%0Anetwork-ip%3A%20192.0.2.99", "FORBIDDEN", real),
			real + ":5067", "a control character inside a value"},
		"the end of an event in a name": {attempt("x%0A%0AContent-Length%3A%200%0A%0A", "FORBIDDEN", real),
			real + ":5067", "a control character inside a value"},
		"a second address":   {event("Event-Subclass: sofia::register", "network-ip: 192.0.2.99", "network-ip: "+real, "network-port: 1"), "", "a line that stands there twice"},
		"in both spellings":  {event("Event-Subclass: sofia::register", "network-ip: 192.0.2.99", "network_ip: "+real, "network-port: 1"), "", "a line that stands there twice"},
		"a second name":      {event("Event-Subclass: sofia::register", "Event-Subclass: sofia::register_failure", "network-ip: "+real, "network-port: 1"), "", "a line that stands there twice"},
		"no address":         {event("Event-Subclass: sofia::register", "network-port: 1"), "", "an address that is none"},
		"no port":            {event("Event-Subclass: sofia::register", "network-ip: "+real), "", "an address that is none"},
		"a name of a host":   {attempt("x", "FORBIDDEN", "example.net"), "", "an address that is none"},
		"more than one":      {attempt("x", "FORBIDDEN", real+",192.0.2.99"), "", "an address that is none"},
		"a line without key": {event("Event-Subclass: sofia::register", "network-ip "+real), "", "lines that no event has"},
		"too many lines":     {event("Event-Subclass: sofia::register", strings.Repeat("a: b\n", maxLines+1)), "", "lines that no event has"},
	} {
		t.Run(name, func(t *testing.T) {
			all, _ := readAll(c.text)
			if len(all) != 1 || all[0].Remote != c.remote || all[0].Tampered != c.tampered {
				t.Errorf("read %+v", all)
			}
		})
	}
}

// TestRealServer reads what FreeSWITCH 1.11 wrote of a wrong password and the
// right one, of requests out of order, and of calls whose challenge was never
// answered.
func TestRealServer(t *testing.T) {
	for file, want := range map[string][]heard{
		"wrongpw": {
			{"pre_register", "1001", "203.0.113.10:5067", "", ""},
			{"register_attempt", "1001", "203.0.113.10:5067", "FORBIDDEN", ""},
			{"register_failure", "1001", "203.0.113.10:5067", "", ""},
			{"pre_register", "1001", "203.0.113.10:5067", "", ""},
			{"register_attempt", "1001", "203.0.113.10:5067", "RENEWED", ""},
			{"register", "1001", "203.0.113.10:5067", "", ""},
		},
		"malformed": {
			{"register_attempt", "m", "198.51.100.10:5062", "STALE", ""},
			{"pre_register", "m", "198.51.100.10:5062", "", ""},
			{"register_attempt", "m", "198.51.100.10:5062", "STALE", ""},
			{"pre_register", "m", "198.51.100.10:5062", "", ""},
		},
		"unanswered": {
			{"wrong_call_state", "101", "198.51.100.10:5070", "", ""},
			{"wrong_call_state", "102", "198.51.100.10:5070", "", ""},
		},
	} {
		text, err := os.ReadFile("testdata/" + file + ".esl")
		if err != nil {
			t.Fatal(err)
		}
		all, others := readAll(string(text))
		if !slices.Equal(all, want) || others != 3 {
			t.Errorf("%s: %d others and\n%+v\nwant\n%+v", file, others, all, want)
		}
	}
}

// TestFields: every field comes out decoded.
func TestFields(t *testing.T) {
	r := newReader(strings.NewReader(attempt("a%25b%zz%", "SUCCESS", "::ffff:203.0.113.10")))
	f, err := r.frame()
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if !e.read(f) || string(e.User) != "a%b%zz%" || string(e.CallID) != "1-1484@203.0.113.10" ||
		string(e.UserAgent) != "Yealink SIP-T46S" || e.Remote.String() != "203.0.113.10:5067" ||
		!e.Time.Equal(time.Date(2026, 11, 22, 13, 5, 42, 153_230_000, time.UTC)) {
		t.Errorf("read %+v", e)
	}
	failure := event("Event-Subclass: sofia%3A%3Aregister_failure", "network-ip: 203.0.113.10", "network-port: 5067",
		"to-user: 1001", "profile-name: internal", "profile-name: internal", "registration-type: INVITE")
	r = newReader(strings.NewReader(failure))
	if f, err = r.frame(); err != nil {
		t.Fatal(err)
	}
	if !e.read(f) || string(e.Type) != "INVITE" || e.Tampered != "" {
		t.Errorf("read %+v", e)
	}
}

// FuzzRead: no bytes crash the reader, keep it from its end, or name an address
// of which nothing is told.
func FuzzRead(f *testing.F) {
	f.Add([]byte(attempt("1001", "FORBIDDEN", "203.0.113.10") + reply("+OK")))
	f.Add([]byte("Content-Length: 99999\n\n\nContent-Type: text/event-plain\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := newReader(bytes.NewReader(text))
		for frames := 0; ; frames++ {
			fr, err := r.frame()
			if err != nil {
				return
			}
			if frames > len(text) {
				t.Fatal("more frames than bytes")
			}
			var e Event
			if e.read(fr) && e.Remote.IsValid() && !bytes.Contains(text, []byte("network")) {
				t.Errorf("%s is named", e.Remote)
			}
		}
	})
}
