package control

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestListenRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Listen(filepath.Join(dir, strings.Repeat("x", maxSocketPath))); err == nil {
		t.Error("a path too long for a socket is taken")
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil {
		t.Error("a file is taken for a socket")
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("the file in the way is now %q, %v", text, err)
	}

	r := newRig(t, ModeEnforce)
	_, err := Listen(r.path)
	var held *HeldError
	if !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("a second daemon gets %v", err)
	}
	if _, err := r.Client.Status(t.Context()); err != nil {
		t.Errorf("the first daemon no longer answers: %v", err)
	}

	// A program that knows nothing of our lock.
	path := filepath.Join(dir, "foreign")
	foreign, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	if _, err = Listen(path); !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("a foreign listener gives %v", err)
	}
}

func TestListenReplacesStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "s")
	for range 3 {
		server, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o660 {
			t.Errorf("the socket's mode is %v, %v", info.Mode(), err)
		}
		// As after a crash: the process is gone, its file is not.
		server.listener.SetUnlinkOnClose(false)
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := NewClient(path).Status(t.Context()); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a stale socket gives %v", err)
		}
	}
}

func TestClientSaysWhy(t *testing.T) {
	_, err := NewClient(filepath.Join(t.TempDir(), "none")).Status(t.Context())
	wantKind(t, "no socket", err, ErrUnreachable)

	r := newRig(t, ModeEnforce)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Client.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted question gives %v", err)
	}
	for _, c := range []struct {
		name, answer string
		kind         error
	}{
		{"silence", "", ErrUnreachable},
		{"no HTTP", "220 mail.example.net ESMTP\r\n", ErrUnreachable},
		{"half an answer", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"mode\":", ErrUnreachable},
		{"no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ErrUnreachable},
		{"an error of another's", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nhi", nil},
		{"an error that says nothing", "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}", nil},
	} {
		path := filepath.Join(t.TempDir(), "s")
		listener, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go answerOnce(listener, c.answer)
		_, err = NewClient(path).Status(t.Context())
		listener.Close()
		var p *Problem
		if !errors.As(err, &p) || !errors.Is(p.Kind, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// answerOnce answers one connection with a fixed text and hangs up.
func answerOnce(listener net.Listener, text string) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	request := make([]byte, 4096)
	if _, err := conn.Read(request); err != nil {
		return
	}
	_, _ = io.WriteString(conn, text) // the client sees what arrives
}

// TestStrangersAreRefused connects as another user: once against the socket's
// mode, once with the mode opened by somebody, against the server itself.
func TestStrangersAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	r := newRig(t, ModeEnforce)
	for dir := filepath.Dir(r.path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, err := dialAsNobody(r.path)
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the socket opens for strangers: %v", err)
	}
	wantKind(t, "a closed socket", r.Client.unreachable(t.Context(), err), ErrNotPermitted)

	if err := os.Chmod(r.path, 0o666); err != nil {
		t.Fatal(err)
	}
	conn, err := dialAsNobody(r.path)
	if err != nil {
		t.Fatal(err)
	}
	stranger := NewClient(r.path)
	stranger.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	_, err = stranger.Ban(t.Context(), Order{Prefix: prefix("192.0.2.1/32")})
	wantKind(t, "a stranger's order", err, ErrNotPermitted)
	if len(r.Fake.Bans()) != 0 {
		t.Error("a stranger has banned somebody")
	}
}

const nobody = 65534

// dialAsNobody connects from a thread that has given up its user. The raw
// system calls change this thread alone; the runtime ends it with the
// goroutine, because that never unlocks it.
func dialAsNobody(path string) (net.Conn, error) {
	var conn net.Conn
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, nobody, nobody, nobody); e != 0 {
			done <- e
			return
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); e != 0 {
			done <- e
			return
		}
		var err error
		conn, err = net.Dial("unix", path)
		done <- err
	}()
	return conn, <-done
}

func TestPermitted(t *testing.T) {
	me := uint32(os.Geteuid())
	for _, c := range []struct {
		name  string
		peer  peer
		group string
		want  bool
	}{
		{"a stranger", peer{uid: nobody, gid: nobody}, "no-such-group", false},
		{"a stranger without a name", peer{uid: 4000000000, gid: 4000000000}, "root", false},
		{"one of another group", peer{uid: nobody, gid: nobody}, "root", false},
		{"root", peer{}, "no-such-group", true},
		{"the daemon's own user", peer{uid: me, gid: nobody}, "no-such-group", true},
		{"the group is his first", peer{uid: nobody, gid: 0}, "root", true},
	} {
		if got := c.peer.permitted(c.group); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	// A user whom the system's files put into the group of his own name.
	u, err := user.LookupId(strconv.Itoa(nobody))
	if err != nil {
		t.Fatalf("this system has no user %d: %v", nobody, err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if p := (peer{uid: nobody, gid: 1}); !p.permitted(g.Name) {
		t.Errorf("a member of %s is refused", g.Name)
	}
	if name := (peer{uid: 4000000000}).name(); name != "uid 4000000000" {
		t.Errorf("a user without a name is called %q", name)
	}
}
