package ami

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"
)

// server is an Asterisk that says what the test wants.
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
	return Options{Address: s.net.Addr().String(), User: "sipward", Secret: "the-secret-word"}
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

// hear reads an action; nil at the end.
func (s *server) hear() map[string]string {
	action := map[string]string{}
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return nil
		}
		line = strings.TrimSuffix(line, "\r\n")
		if line == "" {
			return action
		}
		key, value, _ := strings.Cut(line, ": ")
		action[key] = value
	}
}

// answer hears an action and answers it with these further lines.
func (s *server) answer(lines ...string) map[string]string {
	a := s.hear()
	s.say("Response: Success\r\nActionID: " + a["ActionID"] + "\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n")
	return a
}

// admit lets the client in, and says whether user and secret were right.
func (s *server) admit() bool {
	s.say("Asterisk Call Manager/11.0.0\r\n")
	s.answer("Challenge: 123456")
	a := s.answer("Message: Authentication accepted")
	sum := md5.Sum([]byte("123456the-secret-word"))
	return a["Username"] == "sipward" && a["Key"] == hex.EncodeToString(sum[:]) && a["Events"] == "security"
}

// heard is what a session says of an event.
type heard struct{ Name, Account, Remote, Transport, Tampered string }

// session lets a client listen to a script until the script ends.
func session(t *testing.T, script func(s *server)) ([]heard, Stats) {
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
	c, err := Dial(ctx, s.options())
	if err != nil {
		t.Fatal(err)
	}
	var all []heard
	err = c.Run(ctx, func(e *Event) {
		h := heard{e.Name, string(e.Account), "", string(e.Transport), e.Tampered}
		if e.Remote.IsValid() {
			h.Remote = e.Remote.String()
		}
		all = append(all, h)
	})
	if err == nil || ctx.Err() != nil {
		t.Errorf("the session ended with %v", err)
	}
	return all, c.Stats()
}

// lines makes a block, or several.
func lines(text ...string) string { return strings.Join(text, "\r\n") + "\r\n\r\n" }

// failed is what Asterisk writes of a wrong answer to its challenge.
func failed(account, remote, nonce string) string {
	return lines("Event: ChallengeResponseFailed", "Privilege: security,all", "EventTV: 2026-11-22T12:42:47.197+0000",
		"Severity: Error", "Service: PJSIP", "EventVersion: 1", "AccountID: "+account, "SessionID: 916791941",
		"LocalAddress: IPV4/UDP/192.0.2.10/5060", "RemoteAddress: "+remote, "Challenge: "+nonce,
		"Response: 64045a2c498c1d79d3fb52931da128c3", "ExpectedResponse: ")
}

// unknown is what it writes of an account that does not exist.
func unknown(account, remote string) string {
	return lines("Event: InvalidAccountID", "Privilege: security,all", "EventTV: 2026-11-22T12:42:00.828+0000",
		"Severity: Error", "Service: PJSIP", "EventVersion: 1", "AccountID: "+account, "SessionID: 2144163231",
		"LocalAddress: IPV4/UDP/192.0.2.10/5060", "RemoteAddress: "+remote)
}
