// Package ami hears the security events of an Asterisk server over its manager
// interface: one TCP or TLS connection, fields one a line, events as blocks that
// end with an empty line.
//
// Asterisk writes values as they are. A percent-encoded line break in a user
// name therefore adds lines to an event, or ends it and begins another. So an
// event is believed only if its keys are exactly those of its kind, each once
// and in order. After a block that is not, nobody is named until the server has
// answered a number of ours that no outsider can know: only then do we stand at
// the beginning of an event for certain. See [Session.Run].
//
// A Session is one connection; when to try again is left to its owner.
package ami

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/link"
)

// Options says where to listen and as whom.
type Options struct {
	// Address is host and port, usually 127.0.0.1:5038.
	Address string
	// User and Secret are those of manager.conf; the user needs read = security.
	User, Secret string
	// TLS, if set, is spoken from the first byte (tlsenable in manager.conf).
	TLS *tls.Config
	// Plain sends the secret itself. Otherwise it answers an MD5 challenge, which
	// every Asterisk asks when it is told to.
	Plain bool
	// Quiet is how long the server may say nothing before it is asked whether it
	// is still there, and how long it may take to answer; 0 means 30 s.
	Quiet time.Duration
}

const (
	defaultQuiet = 30 * time.Second
	// greeting is how every Asterisk begins.
	greeting = "Asterisk Call Manager/"
	// strangers is how many blocks may come before the answer to a login.
	strangers = 64
)

// The ways in which a server turns us away.
var (
	// ErrNoAsterisk says that something else answered.
	ErrNoAsterisk = errors.New("no Asterisk manager answers there")
	// ErrRefused says that user or secret are wrong, or that an ACL forbids us.
	ErrRefused = errors.New("the server refused the login")
	// ErrSilent says that the server neither wrote nor answered.
	ErrSilent = errors.New("the server does not answer")
	// ErrOption says that user or secret cannot be sent: they hold a line break.
	ErrOption = errors.New("user or secret holds a line break")
)

// Session is one connection, logged in.
type Session struct {
	conn  net.Conn
	quiet time.Duration
	read  reader
	event Event
	// fence is the number that we wait for before anything is believed again.
	fence string
	stats struct{ events, tampered, others, deaf atomic.Uint64 }
}

// Stats counts since the login.
type Stats struct {
	// Events is the security events that are whole; Tampered the rest of them.
	Events, Tampered uint64
	// Others is what we did not ask for.
	Others uint64
	// Deaf says that the server is there and has told us nothing of security, not
	// even of our own login: the user may lack read = security.
	Deaf bool
}

// Dial connects and logs in.
func Dial(ctx context.Context, o Options) (*Session, error) {
	if strings.ContainsAny(o.User+o.Secret, "\r\n") {
		return nil, fmt.Errorf("log in to %s: %w", o.Address, ErrOption)
	}
	s := &Session{quiet: o.Quiet}
	if s.quiet == 0 {
		s.quiet = defaultQuiet
	}
	_, err := link.Dial(ctx, o.Address, o.TLS, func(conn net.Conn) error {
		s.conn, s.read = conn, newReader(conn)
		return s.login(o)
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
	return Stats{
		Events: s.stats.events.Load(), Tampered: s.stats.tampered.Load(), Others: s.stats.others.Load(),
		Deaf: s.stats.deaf.Load() > 0 && s.stats.events.Load() == 0,
	}
}

// login says who we are and that only security is of interest.
func (s *Session) login(o Options) error {
	line, err := s.read.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(line), greeting) {
		return ErrNoAsterisk
	}
	action := []string{"Action: Login", "Username: " + o.User, "Events: security"}
	if o.Plain {
		action = append(action, "Secret: "+o.Secret)
	} else {
		challenge, err := s.challenge()
		if err != nil {
			return err
		}
		sum := md5.Sum([]byte(challenge + o.Secret))
		action = append(action, "AuthType: MD5", "Key: "+hex.EncodeToString(sum[:]))
	}
	_, err = s.ask(action...)
	return err
}

func (s *Session) challenge() (string, error) {
	answer, err := s.ask("Action: Challenge", "AuthType: MD5")
	if err != nil {
		return "", err
	}
	value, _ := answer.value("Challenge")
	if len(value) == 0 {
		return "", fmt.Errorf("%w: it has no challenge for us", ErrRefused)
	}
	return string(value), nil
}

// ask sends an action and reads up to its answer. Events that come before it
// are from a time when nothing was asked of us yet.
func (s *Session) ask(lines ...string) (*block, error) {
	id, err := s.send(lines...)
	if err != nil {
		return nil, err
	}
	for range strangers {
		b, err := s.read.block()
		if err != nil {
			return nil, err
		}
		if !b.answers(id) {
			continue
		}
		if word, _ := b.value("Response"); string(word) != "Success" {
			message, _ := b.value("Message")
			return nil, fmt.Errorf("%w: %.80q", ErrRefused, message)
		}
		return b, nil
	}
	return nil, ErrNoAsterisk
}

// send writes an action with a number of its own that nobody can guess.
func (s *Session) send(lines ...string) (id string, err error) {
	id = rand.Text()
	text := strings.Join(lines, "\r\n") + "\r\nActionID: " + id + "\r\n\r\n"
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.quiet)); err != nil {
		return id, err
	}
	_, err = s.conn.Write([]byte(text))
	return id, err
}

// Run hands out events until the connection ends, and says why it did. The
// Event is good until emit returns. Run may be called once.
//
// A block that is not whole puts every event behind it in doubt, for its own
// text may have begun them. Asterisk writes each event and each answer in one
// piece, so the answer to a question that we ask after such a block stands
// outside of whatever the block was part of.
func (s *Session) Run(ctx context.Context, emit func(*Event)) error {
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	defer stop()
	defer s.conn.Close()
	for asked := false; ; {
		if err := s.conn.SetReadDeadline(time.Now().Add(s.quiet)); err != nil {
			return s.reason(ctx, err)
		}
		b, err := s.read.block()
		if errors.Is(err, link.ErrIdle) {
			if asked {
				return s.reason(ctx, ErrSilent)
			}
			if _, err = s.send("Action: Ping"); err != nil {
				return s.reason(ctx, err)
			}
			asked = true
			continue
		}
		if err != nil {
			return s.reason(ctx, err)
		}
		if asked {
			asked = false
			s.stats.deaf.Store(1)
		}
		if err := s.take(b, emit); err != nil {
			return s.reason(ctx, err)
		}
	}
}

// reason is why a session ended: our own wish before its consequences.
func (s *Session) reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("hear the Asterisk manager: %w", err)
}

// take judges one block.
func (s *Session) take(b *block, emit func(*Event)) error {
	if s.fence != "" && b.answers(s.fence) {
		s.fence = ""
		return nil
	}
	fit := s.event.read(b)
	if fit == foreign {
		s.stats.others.Add(1)
		return nil
	}
	if s.fence != "" { // an outsider may have written it
		s.event.disown("behind a broken event")
	}
	if s.event.Tampered != "" {
		s.stats.tampered.Add(1)
	} else {
		s.stats.events.Add(1)
	}
	emit(&s.event)
	if fit == whole || s.fence != "" {
		return nil
	}
	id, err := s.send("Action: Ping")
	s.fence = id
	return err
}
