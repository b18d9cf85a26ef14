package track

import (
	"testing"

	"github.com/sipward/sipward/internal/event"
)

// TestSpellingsOfATarget: one number has one name, two numbers have two.
func TestSpellingsOfATarget(t *testing.T) {
	tracker := New(Options{Lanes: 64})
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"600", "601", false},
		{"600", "+600", false}, // a prefix is another number
		{"600", "0600", false},
		{"alice-a", "alicea", false}, // no number: the hyphen is part of the name
		{"", "---", false},
		{"-", "--", false},
		{"600", "600;x=1", true},
		{"600", "600;phone-context=a;b", true},
		{"600", "6-0-0", true},
		{"600", "(6) 0.0", true},
		{"Alice", "alice", true},
		{";x", ";X", true}, // nothing before the parameter: the name as it stands
	} {
		id := func(name string) uint64 {
			return tracker.accountID(&event.Event{SIP: event.SIP{Method: event.INVITE, Target: []byte(name)}})
		}
		if same := id(test.a) == id(test.b); same != test.same {
			t.Errorf("%q and %q are the same: %v, want %v", test.a, test.b, same, test.same)
		}
	}
}

// TestSpellingsOfAUser: a password belongs to a name as it is written, but for
// its case.
func TestSpellingsOfAUser(t *testing.T) {
	tracker := New(Options{Lanes: 64})
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"100-1", "1001", false},
		{"100;a", "100", false},
		{"ALICE", "alice", true},
	} {
		register := func(name string) uint64 {
			return tracker.accountID(&event.Event{SIP: event.SIP{Method: event.REGISTER, ToUser: []byte(name)}})
		}
		credentials := func(name string) uint64 {
			return tracker.accountID(&event.Event{Echoes: true, SIP: event.SIP{Method: event.INVITE, Target: []byte("1"),
				Auth: event.Auth{Present: true, User: []byte(name)}}})
		}
		for how, id := range map[string]func(string) uint64{"registered": register, "in credentials": credentials} {
			if same := id(test.a) == id(test.b); same != test.same {
				t.Errorf("%s: %q and %q are the same: %v, want %v", how, test.a, test.b, same, test.same)
			}
		}
	}
}
