package link

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestDialThatFails: nobody there, a login that is refused, an end in between:
// the error says where and why, and the connection is closed.
func TestDialThatFails(t *testing.T) {
	gone := listen(t)
	gone.Close()
	never := func(net.Conn) error { t.Error("logged in to nobody"); return nil }
	if _, err := Dial(t.Context(), gone.Addr().String(), nil, never); err == nil || !strings.Contains(err.Error(), "connect to "+gone.Addr().String()) {
		t.Errorf("nobody there: %v", err)
	}
	refused := errors.New("refused")
	ctx, stop := context.WithCancel(t.Context())
	for name, test := range map[string]struct {
		login func(net.Conn) error
		want  error
	}{
		"a login that is refused": {func(net.Conn) error { return refused }, refused},
		"an end during the login": {func(c net.Conn) error {
			stop()
			_, err := io.ReadAll(c) // ends when the connection is closed
			return err
		}, net.ErrClosed},
		"an end behind the login": {func(net.Conn) error { stop(); return nil }, context.Canceled},
	} {
		var kept net.Conn
		l := listen(t)
		_, err := Dial(ctx, l.Addr().String(), nil, func(c net.Conn) error { kept = c; return test.login(c) })
		if ctx.Err() != nil {
			ctx, stop = context.WithCancel(t.Context())
		}
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), "log in to "+l.Addr().String()) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if _, err := kept.Write([]byte("x")); !errors.Is(err, net.ErrClosed) && test.want != context.Canceled {
			t.Errorf("%s: the connection is left open", name)
		}
	}
	stop()
}

// TestDial: what was dialled outlives the context of the login.
func TestDial(t *testing.T) {
	l := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	conn, err := Dial(ctx, l.Addr().String(), nil, func(net.Conn) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stop()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Errorf("after the login's end: %v", err)
	}
}

// TestFill: late is not broken, and what came counts before what went wrong.
func TestFill(t *testing.T) {
	buf := make([]byte, 4)
	for name, test := range map[string]struct {
		from io.Reader
		n    int
		err  error
	}{
		"late":                   {iotest.ErrReader(os.ErrDeadlineExceeded), 0, ErrIdle},
		"broken":                 {iotest.ErrReader(io.ErrUnexpectedEOF), 0, io.ErrUnexpectedEOF},
		"the end":                {strings.NewReader(""), 0, io.EOF},
		"nothing and no reason":  {nothing{}, 0, io.ErrNoProgress},
		"the end with the bytes": {iotest.DataErrReader(strings.NewReader("ab")), 2, nil},
		"bytes":                  {strings.NewReader("abcdef"), 4, nil},
	} {
		if n, err := Fill(test.from, buf); n != test.n || !errors.Is(err, test.err) {
			t.Errorf("%s: %d, %v, want %d, %v", name, n, err, test.n, test.err)
		}
	}
}

type nothing struct{}

// Read implements io.Reader, badly.
func (nothing) Read([]byte) (int, error) { return 0, nil }
