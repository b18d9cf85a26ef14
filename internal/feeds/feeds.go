// Package feeds follows what SIP servers tell over sockets of their own, and
// turns it into Events: Asterisk's manager, FreeSWITCH's event socket. It keeps
// trying while a server is away. What a feed says is the server's word about a
// source, as a line of its log is, and counts as much as one.
package feeds

import (
	"context"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/ami"
	"github.com/sipward/sipward/internal/esl"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/process"
)

// Owner is who runs a feed.
type Owner struct {
	// Give takes an event that names a source. It may keep it.
	Give func(event.Event)
	// Report takes what does not work; nil means that it works.
	Report func(error)
	// Retry says when to try again.
	Retry Retry
}

// Feed is one server's feed.
type Feed struct {
	name    string
	events  atomic.Uint64
	last    atomic.Int64                // UnixNano of the last event's arrival
	session atomic.Pointer[ami.Session] // nil unless Asterisk's, and connected
	// once follows one connection. It calls works as soon as there is one.
	once func(ctx context.Context, owner *Owner, works func()) error
}

// Access says where a server's feed is and how to get in.
type Access struct {
	// Address is host and port.
	Address string
	// User is Asterisk's alone.
	User string
	// SecretFile holds the secret. It is read at each login, for it may have been
	// changed.
	SecretFile string
	// CAFile, if set, asks for TLS with a certificate of one of those in it.
	CAFile string
}

// AMI makes the feed of an Asterisk manager.
func AMI(a Access) *Feed {
	f := &Feed{name: "ami:" + a.Address}
	f.once = func(ctx context.Context, owner *Owner, works func()) error {
		secret, err := readSecret(a.SecretFile)
		if err != nil {
			return err
		}
		safe, err := secured(a.CAFile)
		if err != nil {
			return err
		}
		session, err := ami.Dial(ctx, ami.Options{Address: a.Address, User: a.User, Secret: secret, TLS: safe})
		if err != nil {
			return err
		}
		works()
		f.session.Store(session)
		defer f.session.Store(nil)
		return session.Run(ctx, func(e *ami.Event) { f.give(owner, fromAMI(e)) })
	}
	return f
}

// ESL makes the feed of a FreeSWITCH event socket.
func ESL(a Access) *Feed {
	f := &Feed{name: "esl:" + a.Address}
	here := &connections{look: func() (map[netip.AddrPort]bool, error) { return process.Connections(os.DirFS("/")) }}
	f.once = func(ctx context.Context, owner *Owner, works func()) error {
		password, err := readSecret(a.SecretFile)
		if err != nil {
			return err
		}
		safe, err := secured(a.CAFile)
		if err != nil {
			return err
		}
		session, err := esl.Dial(ctx, esl.Options{Address: a.Address, Password: password, TLS: safe})
		if err != nil {
			return err
		}
		works()
		return session.Run(ctx, func(e *esl.Event) {
			l := fromESL(e)
			// A packet that is seen is joined by its Call-ID, whatever is said here.
			// This is for those that nobody sees: inside TLS and WebSocket.
			if l.Source.IsValid() && here.has(l.Source, owner.Retry.Now()) {
				l.Transport = event.TLS
			}
			f.give(owner, l)
		})
	}
	return f
}

// Name is how status calls the feed, as ami:127.0.0.1:5038.
func (f *Feed) Name() string { return f.name }

// Seen is how many events came, and when the last one did; the zero time when
// none has.
func (f *Feed) Seen() (events uint64, last time.Time) {
	if at := f.last.Load(); at != 0 {
		last = time.Unix(0, at)
	}
	return f.events.Load(), last
}

// Follow follows until ctx ends.
func (f *Feed) Follow(ctx context.Context, owner Owner) {
	owner.Retry.Run(ctx, owner.Report, func(ctx context.Context, works func()) error {
		return f.once(ctx, &owner, works)
	})
}

// Complaint is what is wrong with a feed that works; empty when nothing is.
func (f *Feed) Complaint() string {
	if s := f.session.Load(); s != nil && s.Stats().Deaf {
		return f.name + " tells nothing of security: give the user read = security in manager.conf"
	}
	return ""
}

// give hands on what names a source.
func (f *Feed) give(owner *Owner, l event.Log) {
	now := owner.Retry.Now()
	f.events.Add(1)
	f.last.Store(now.UnixNano())
	if !l.Source.IsValid() {
		return
	}
	// It comes as it happens, so its time is ours: the packet's clock, and not
	// that of a server which may have another.
	owner.Give(event.Event{
		Kind: event.Line, Time: now, Inbound: true, Remote: l.Source, Transport: l.Transport, Log: l,
	})
}
