package esl

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLoginsThatFail: each way has its own word, and none shows the password.
func TestLoginsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		script  func(s *server)
		options func(o *Options)
		want    error
	}{
		"another server":        {script: func(s *server) { s.say("SSH-2.0-OpenSSH_9.2\n\n") }, want: errFrame},
		"another greeting":      {script: func(s *server) { s.say("Content-Type: text/html\n\n") }, want: ErrNoFreeSWITCH},
		"a head without an end": {script: func(s *server) { s.say(strings.Repeat("x", maxHead+100)) }, want: errFrame},
		"kept out by the ACL": {script: func(s *server) {
			s.say("Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n")
		}, want: ErrForbidden},
		"a wrong password": {script: func(s *server) {
			s.say("Content-Type: auth/request\n\n")
			s.hear()
			s.say(reply("-ERR invalid"))
		}, want: ErrRefused},
		"goodbye instead of an answer": {script: func(s *server) {
			s.say("Content-Type: auth/request\n\n")
			s.hear()
			s.say("Content-Type: text/disconnect-notice\nContent-Length: 0\n\n")
		}, want: ErrDisconnected},
		"no events": {script: func(s *server) {
			s.say("Content-Type: auth/request\n\n")
			s.hear()
			s.say(reply("+OK accepted"))
			s.hear()
			s.say(reply("-ERR no keywords supplied"))
		}, want: ErrNoFreeSWITCH},
		"a break in the password": {options: func(o *Options) { o.Password = "a\n\napi shutdown" }, want: ErrOption},
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t)
			if c.script != nil {
				s.serve(func() { c.script(s); s.hear() })
			}
			o := s.options()
			if c.options != nil {
				c.options(&o)
			}
			_, err := Dial(t.Context(), o)
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), o.Password) {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// TestNobodyThere: the error says where.
func TestNobodyThere(t *testing.T) {
	s := listen(t)
	s.net.Close()
	if _, err := Dial(t.Context(), s.options()); err == nil || !strings.Contains(err.Error(), s.options().Address) {
		t.Errorf("%v", err)
	}
}

// TestDialEndsWithItsContext: a server that says nothing does not hold us.
func TestDialEndsWithItsContext(t *testing.T) {
	s := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	s.serve(func() { stop(); s.hear() })
	if _, err := Dial(ctx, s.options()); err == nil {
		t.Error("logged in to nobody")
	}
}

// TestSessionsThatEnd, each for its reason.
func TestSessionsThatEnd(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"goodbye":                 {"Content-Type: text/disconnect-notice\nContent-Length: 23\n\nDisconnected, goodbye.\n", ErrDisconnected},
		"a length that is none":   {"Content-Length: -1\nContent-Type: text/event-plain\n\n", errFrame},
		"a length past all bound": {"Content-Length: 99999999999\nContent-Type: text/event-plain\n\n", errFrame},
		"a line without a key":    {"Content-Length 1\n\n", errFrame},
		"a head without an end":   {strings.Repeat("Content-Type: x\n", maxHead/8), errFrame},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := session(t, func(s *server) { s.say(c.text); s.hear() })
			if !errors.Is(err, c.want) || len(got) > 0 {
				t.Errorf("ended with %v after %+v, want %v", err, got, c.want)
			}
		})
	}
}

// TestHearing: what is too long is passed over, what is not ours counted.
func TestHearing(t *testing.T) {
	got, stats, err := session(t, func(s *server) {
		s.say(event("Event-Subclass: sofia%3A%3Aregister", "x: "+strings.Repeat("y", maxBody)))
		s.say("\n\n" + attempt("1001", "FORBIDDEN", "203.0.113.10"))
		s.say(event("Event-Name: HEARTBEAT") + "Content-Type: log/data\nContent-Length: 3\n\nabc")
		s.say(attempt("1001", "RENEWED", "2001:db8::7"))
	})
	want := []heard{
		{Tampered: "too long"},
		{"register_attempt", "1001", "203.0.113.10:5067", "FORBIDDEN", ""},
		{"register_attempt", "1001", "[2001:db8::7]:5067", "RENEWED", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("heard\n%+v\nwant\n%+v, and %v", got, want, err)
	}
	if stats != (Stats{Events: 2, Tampered: 1, Others: 2}) {
		t.Errorf("%+v", stats)
	}
}

// TestSilence: a server that says nothing is asked; one that does not answer is
// left, also in the middle of a frame.
func TestSilence(t *testing.T) {
	for name, c := range map[string]struct {
		script func(s *server)
		silent bool
	}{
		"no answer":    {func(s *server) { s.hear(); s.hear() }, true},
		"half a frame": {func(s *server) { s.say("Content-Length: 9\n"); s.hear(); s.hear() }, true},
		"an answer":    {func(s *server) { s.hear(); s.say(reply("+OK no longer logging")) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t)
			s.serve(func() { s.admit(); c.script(s) })
			o := s.options()
			o.Quiet = 500 * time.Millisecond
			client, err := Dial(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if err = client.Run(t.Context(), func(*Event) {}); errors.Is(err, ErrSilent) != c.silent {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// TestRunEndsWithItsContext, and says so.
func TestRunEndsWithItsContext(t *testing.T) {
	s := listen(t)
	s.serve(func() { s.admit(); s.say(attempt("1", "STALE", "203.0.113.10")); s.hear() })
	c, err := Dial(t.Context(), s.options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if err = c.Run(ctx, func(*Event) { stop() }); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if err := c.Run(t.Context(), func(*Event) {}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second run: %v", err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
}
