// Package link is a client's side of a connection that a server holds open to
// tell what happens: dialled with a bound on its login, read with patience.
package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// dialTime bounds connecting and logging in.
const dialTime = 10 * time.Second

// ErrIdle says that nothing came before the read deadline; the next read goes on
// where this one was.
var ErrIdle = errors.New("nothing came in time")

// Dial connects to host and port, over TLS when settings for it are given, and
// lets login speak. The connection is closed when that fails, takes too long, or
// ctx ends before it is done.
func Dial(ctx context.Context, address string, settings *tls.Config, login func(net.Conn) error) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := dial(ctx, address, settings)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	if err := login(conn); err != nil {
		stop()
		conn.Close()
		return nil, fmt.Errorf("log in to %s: %w", address, err)
	}
	if !stop() {
		return nil, fmt.Errorf("log in to %s: %w", address, context.Cause(ctx))
	}
	return conn, nil
}

func dial(ctx context.Context, address string, settings *tls.Config) (net.Conn, error) {
	if settings != nil {
		return (&tls.Dialer{Config: settings}).DialContext(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// Fill reads something into buf. An error that comes with bytes comes again with
// the next read; a deadline that has passed is ErrIdle.
func Fill(from io.Reader, buf []byte) (n int, err error) {
	n, err = from.Read(buf)
	if n > 0 {
		return n, nil
	}
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout():
		return 0, ErrIdle
	case err == nil:
		return 0, io.ErrNoProgress
	}
	return 0, err
}
