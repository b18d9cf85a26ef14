package esl

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// server is a FreeSWITCH that says what the test wants.
type server struct {
	t    *testing.T
	net  net.Listener
	conn net.Conn
	in   *bufio.Reader
}

func listen(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &server{t: t, net: l}
}

func (s *server) options() Options {
	return Options{Address: s.net.Addr().String(), Password: "the-secret-word"}
}

// serve runs a script for the next connection and waits for it at the test's end.
func (s *server) serve(script func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := s.net.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		s.conn, s.in = conn, bufio.NewReader(conn)
		script()
	}()
	s.t.Cleanup(func() { s.net.Close(); <-done })
}

func (s *server) say(text string) { _, _ = s.conn.Write([]byte(text)) }

// hear reads a command; "" at the end.
func (s *server) hear() string {
	line, err := s.in.ReadString('\n')
	if err == nil {
		_, err = s.in.ReadString('\n')
	}
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(line, "\n")
}

func reply(text string) string { return "Content-Type: command/reply\nReply-Text: " + text + "\n\n" }

// admit lets the client in, and says whether it spoke as it should.
func (s *server) admit() bool {
	s.say("Content-Type: auth/request\n\n")
	password := s.hear()
	s.say(reply("+OK accepted"))
	events := s.hear()
	s.say(reply("+OK event listener enabled plain"))
	return password == "auth the-secret-word" && events == subscribe
}

// event frames the lines of an event.
func event(lines ...string) string {
	body := strings.Join(lines, "\n") + "\n\n"
	return fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-plain\n\n%s", len(body), body)
}

// attempt is what FreeSWITCH writes of a request with credentials.
func attempt(user, result, ip string) string {
	return event("Event-Subclass: sofia%3A%3Aregister_attempt", "Event-Name: CUSTOM", "Event-Date-Timestamp: 1795352742153230",
		"profile-name: internal", "from-user: 1001", "call-id: 1-1484%40203.0.113.10", "to-user: 1001", "network-ip: "+ip,
		"network-port: 5067", "username: "+user, "user-agent: Yealink%20SIP-T46S", "auth-result: "+result)
}

// heard is what a session says of an event.
type heard struct{ Name, User, Remote, Result, Tampered string }

// session lets a client listen to a script until the script ends.
func session(t *testing.T, script func(s *server)) ([]heard, Stats, error) {
	t.Helper()
	s := listen(t)
	s.serve(func() {
		if !s.admit() {
			t.Error("the login is not as it should be")
		}
		script(s)
	})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	o := s.options()
	o.Quiet = 10 * time.Second
	c, err := Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	var all []heard
	err = c.Run(ctx, func(e *Event) { all = append(all, note(e)) })
	if err == nil || ctx.Err() != nil {
		t.Errorf("the session ended with %v", err)
	}
	return all, c.Stats(), err
}

func note(e *Event) heard {
	h := heard{e.Name, string(e.User), "", string(e.AuthResult), e.Tampered}
	if e.Remote.IsValid() {
		h.Remote = e.Remote.String()
	}
	return h
}
