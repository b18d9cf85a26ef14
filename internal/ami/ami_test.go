package ami

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLoginsThatFail: each way has its own word, and none shows the secret.
func TestLoginsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		script  func(s *server)
		options func(o *Options)
		want    error
	}{
		"another server":        {script: func(s *server) { s.say("SSH-2.0-OpenSSH_9.2\r\n") }, want: ErrNoAsterisk},
		"a line without an end": {script: func(s *server) { s.say(strings.Repeat("x", maxLine+100)) }, want: errLine},
		"no challenge": {script: func(s *server) {
			s.say("Asterisk Call Manager/5.0.4\r\n")
			s.answer("Message: none")
		}, want: ErrRefused},
		"a wrong secret": {script: func(s *server) {
			s.say("Asterisk Call Manager/5.0.4\r\n")
			s.answer("Challenge: 1")
			a := s.hear()
			s.say("Response: Error\r\nActionID: " + a["ActionID"] + "\r\nMessage: Authentication failed\r\n\r\n")
		}, want: ErrRefused},
		"events without an end": {script: func(s *server) {
			s.say("Asterisk Call Manager/5.0.4\r\n" + strings.Repeat(unknown("x", attacker), strangers+1))
		}, want: ErrNoAsterisk},
		"a break in the secret": {options: func(o *Options) { o.Secret = "a\r\nAction: Command" }, want: ErrOption},
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
			if err != nil && strings.Contains(err.Error(), "the-secret-word") {
				t.Errorf("the secret is in %v", err)
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

// TestPlainLogin sends the secret itself when it is told to.
func TestPlainLogin(t *testing.T) {
	s := listen(t)
	got := make(chan map[string]string, 1)
	s.serve(func() {
		s.say("Asterisk Call Manager/5.0.4\r\n")
		got <- s.answer()
	})
	o := s.options()
	o.Plain = true
	c, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if a := <-got; a["Secret"] != "the-secret-word" || a["Username"] != "sipward" {
		t.Errorf("%q", a)
	}
}

// TestDoubt: after a broken event nobody is named until the server has answered
// us, for the broken one's text may hold whole events.
func TestDoubt(t *testing.T) {
	forged := failed("1006", victim, "n")
	inside := "n\r\nResponse: r\r\n\r\n" + strings.TrimSuffix(forged, "\r\nResponse: 64045a2c498c1d79d3fb52931da128c3\r\nExpectedResponse: \r\n\r\n")
	got, stats := session(t, func(s *server) {
		s.say(unknown("first", attacker) + failed("1005", attacker, inside))
		s.say(unknown("true, and in doubt", attacker))
		s.answer("Ping: Pong")
		s.say(unknown("last", attacker))
	})
	want := []heard{
		{"InvalidAccountID", "first", "198.51.100.10:5060", "UDP", ""},
		{"ChallengeResponseFailed", "", "", "", "lines that this event does not have"},
		{"ChallengeResponseFailed", "", "", "UDP", "behind a broken event"},
		{"InvalidAccountID", "", "", "UDP", "behind a broken event"},
		{"InvalidAccountID", "last", "198.51.100.10:5060", "UDP", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("heard\n%+v\nwant\n%+v", got, want)
	}
	if stats.Events != 2 || stats.Tampered != 3 || stats.Deaf {
		t.Errorf("%+v", stats)
	}
}

// TestAForgedAnswerEndsNoDoubt: an outsider does not know our number.
func TestAForgedAnswerEndsNoDoubt(t *testing.T) {
	got, _ := session(t, func(s *server) {
		s.say(unknown("x\r\n\r\nResponse: Success\r\nActionID: 1\r\nPing: Pong\r\n\r\n"+strings.TrimSuffix(unknown("y", victim), "\r\n\r\n"), attacker))
		s.hear()
	})
	for _, h := range got {
		if h.Remote != "" {
			t.Errorf("%+v names somebody", h)
		}
	}
	if len(got) != 2 {
		t.Errorf("heard %+v", got)
	}
}

// TestTooLong: a block past all bounds is passed over in bounded memory.
func TestTooLong(t *testing.T) {
	for name, text := range map[string]string{
		"a block": unknown("x"+strings.Repeat("\r\nFoo: bar", maxBlock/5), attacker),
		"a line":  unknown(strings.Repeat("x", maxLine), attacker),
		"lines":   unknown("x"+strings.Repeat("\r\nFoo: bar", maxKeys), attacker),
		"a key":   unknown("x\r\n"+strings.Repeat("k", maxName+1)+": v", attacker),
	} {
		t.Run(name, func(t *testing.T) {
			got, stats := session(t, func(s *server) {
				s.say(text)
				s.answer("Ping: Pong")
				s.say(unknown("next", attacker))
			})
			if len(got) != 2 || got[0].Remote != "" || got[1].Account != "next" || got[1].Remote == "" || stats.Tampered != 1 {
				t.Errorf("heard %+v, %+v", got, stats)
			}
		})
	}
}

// TestSilence: a server that says nothing is asked once; one that does not
// answer is left, and one that answers and never speaks of security is deaf.
func TestSilence(t *testing.T) {
	for name, c := range map[string]struct {
		script func(s *server)
		want   error
		deaf   bool
	}{
		"no answer": {func(s *server) { s.hear(); s.hear() }, ErrSilent, false},
		"an answer": {func(s *server) { s.answer("Ping: Pong"); s.hear() }, nil, true},
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
			err = client.Run(t.Context(), func(e *Event) { t.Errorf("heard %+v", e) })
			if c.want != nil && !errors.Is(err, c.want) || err == nil {
				t.Errorf("ended with %v, want %v", err, c.want)
			}
			if got := client.Stats().Deaf; got != c.deaf {
				t.Errorf("deaf %t", got)
			}
		})
	}
}

// TestOthersAreCounted: what was not asked for is nobody's event.
func TestOthersAreCounted(t *testing.T) {
	got, stats := session(t, func(s *server) {
		s.say(lines("Event: FullyBooted", "Privilege: system,all", "Status: Fully Booted") + lines("Response: Success"))
	})
	if len(got) != 0 || stats.Others != 2 || stats.Events+stats.Tampered != 0 {
		t.Errorf("heard %+v, %+v", got, stats)
	}
}

// TestRunEndsWithItsContext, and says so.
func TestRunEndsWithItsContext(t *testing.T) {
	s := listen(t)
	s.serve(func() { s.admit(); s.say(unknown("x", attacker)); s.hear() })
	c, err := Dial(t.Context(), s.options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	err = c.Run(ctx, func(*Event) { stop() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if err := c.Run(t.Context(), func(*Event) {}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second run: %v", err)
	}
}
