// Package esl hears what FreeSWITCH's SIP module tells over the event socket:
// who registers, who is refused, who never answered a challenge.
//
// Frames carry their length and values come percent-encoded, so that no value
// can end its line or its event. What an outsider can do is choose values; the
// address is the server's own. It does not tell what carried the request: the
// word that looks like it comes from the Contact header.
//
// A Session is one connection; when to try again is left to its owner.
package esl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/link"
)

// Options says where to listen.
type Options struct {
	// Address is host and port, usually 127.0.0.1:8021.
	Address string
	// Password is that of event_socket.conf.
	Password string
	// TLS, if set, is spoken from the first byte: FreeSWITCH does not, a tunnel may.
	TLS *tls.Config
	// Quiet is how long the server may say nothing before it is asked whether it
	// is still there, and how long it may take to answer; 0 means 30 s.
	Quiet time.Duration
}

const (
	defaultQuiet = 30 * time.Second
	// subscribe asks for the events of mod_sofia that speak of strangers.
	subscribe = "event plain CUSTOM sofia::register sofia::register_attempt sofia::register_failure sofia::pre_register sofia::wrong_call_state"
	// question is answered by every version, and changes nothing: we take no log.
	question = "nolog"
)

// The ways in which a server turns us away.
var (
	// ErrNoFreeSWITCH says that something else answered.
	ErrNoFreeSWITCH = errors.New("no FreeSWITCH event socket answers there")
	// ErrRefused says that the password is wrong.
	ErrRefused = errors.New("the server refused the password")
	// ErrForbidden says that the event socket's ACL does not let us in.
	ErrForbidden = errors.New("the server's apply-inbound-acl keeps us out")
	// ErrDisconnected says that the server has ended the connection in good order.
	ErrDisconnected = errors.New("the server says goodbye")
	// ErrSilent says that the server neither wrote nor answered.
	ErrSilent = errors.New("the server does not answer")
	// ErrOption says that the password cannot be sent: it holds a line break.
	ErrOption = errors.New("the password holds a line break")
)

// Session is one connection, logged in and subscribed.
type Session struct {
	conn  net.Conn
	quiet time.Duration
	read  reader
	event Event
	stats struct{ events, tampered, others atomic.Uint64 }
}

// Stats counts since the login.
type Stats struct {
	// Events is the events that are whole; Tampered the rest of them.
	Events, Tampered uint64
	// Others is what we did not ask for.
	Others uint64
}

// Dial connects, logs in and subscribes.
func Dial(ctx context.Context, o Options) (*Session, error) {
	if strings.ContainsAny(o.Password, "\r\n") {
		return nil, fmt.Errorf("log in to %s: %w", o.Address, ErrOption)
	}
	s := &Session{quiet: o.Quiet}
	if s.quiet == 0 {
		s.quiet = defaultQuiet
	}
	_, err := link.Dial(ctx, o.Address, o.TLS, func(conn net.Conn) error {
		s.conn, s.read = conn, newReader(conn)
		return s.login(o.Password)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the connection, and Run with it.
func (s *Session) Close() error { return s.conn.Close() }

// Stats may be called from any goroutine.
func (s *Session) Stats() Stats {
	return Stats{Events: s.stats.events.Load(), Tampered: s.stats.tampered.Load(), Others: s.stats.others.Load()}
}

func (s *Session) login(password string) error {
	f, err := s.read.frame()
	if err != nil {
		return err
	}
	if err := f.goodbye(); err != nil {
		return err
	}
	if f.kind != authRequest {
		return ErrNoFreeSWITCH
	}
	for _, step := range []struct {
		command string
		refused error
	}{{"auth " + password, ErrRefused}, {subscribe, ErrNoFreeSWITCH}} {
		if err := s.send(step.command); err != nil {
			return err
		}
		if f, err = s.read.frame(); err != nil {
			return err
		}
		if err := f.goodbye(); err != nil {
			return err
		}
		if f.kind != commandReply || !strings.HasPrefix(f.reply, "+OK") {
			return fmt.Errorf("%w: %.80q", step.refused, f.reply)
		}
	}
	return nil
}

func (s *Session) send(command string) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.quiet)); err != nil {
		return err
	}
	_, err := s.conn.Write([]byte(command + "\n\n"))
	return err
}

// Run hands out events until the connection ends, and says why it did. The
// Event is good until emit returns. Run may be called once.
func (s *Session) Run(ctx context.Context, emit func(*Event)) error {
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	defer stop()
	defer s.conn.Close()
	for asked := false; ; {
		if err := s.conn.SetReadDeadline(time.Now().Add(s.quiet)); err != nil {
			return s.reason(ctx, err)
		}
		f, err := s.read.frame()
		if errors.Is(err, link.ErrIdle) && !asked {
			asked = true
			if err := s.send(question); err != nil {
				return s.reason(ctx, err)
			}
			continue
		}
		if errors.Is(err, link.ErrIdle) {
			err = ErrSilent
		}
		if err == nil {
			err = f.goodbye()
		}
		if err != nil {
			return s.reason(ctx, err)
		}
		asked = false
		s.take(f, emit)
	}
}

// reason is why a session ended: our own wish before its consequences.
func (s *Session) reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("hear the FreeSWITCH event socket: %w", err)
}

func (s *Session) take(f *frame, emit func(*Event)) {
	if f.kind != eventPlain || !s.event.read(f) {
		s.stats.others.Add(1)
		return
	}
	if s.event.Tampered != "" {
		s.stats.tampered.Add(1)
	} else {
		s.stats.events.Add(1)
	}
	emit(&s.event)
}
