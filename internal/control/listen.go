package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultSocket is where the daemon listens and the verbs look for it.
const DefaultSocket = "/run/sipward/sipward.sock"

// maxSocketPath is what fits into sockaddr_un with its final zero.
const maxSocketPath = 107

// HeldError says that another daemon has the socket.
type HeldError struct {
	Path string
	// PID is the other one's process, 0 when not known.
	PID int
}

// Error names the other daemon.
func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("listen on %s: another daemon has it", e.Path)
	}
	return fmt.Sprintf("listen on %s: another daemon has it, pid %d", e.Path, e.PID)
}

// Listen takes the socket at path. It is the first thing a daemon does: a
// second one ends here with *HeldError before it has touched the kernel. The
// caller closes the server.
func Listen(path string) (*Server, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("listen on %s: the path is longer than %d bytes", path, maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		lock.Close()
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := restrict(path); err != nil {
		listener.Close()
		lock.Close()
		return nil, err
	}
	return &Server{listener: listener, lock: lock}, nil
}

// takeLock holds a file lock for as long as the process lives. The kernel
// frees it however the process ends, so it is never stale.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock socket: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()
		text := make([]byte, 20)
		n, _ := f.Read(text) // without a number the error still says enough
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:n])))
		return nil, &HeldError{Path: path, PID: pid}
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock socket: %w", err)
	}
	return f, nil
}

// removeStale removes a socket that nobody listens on any more. Anything that
// is not a socket stays: the path may be a slip of the fingers.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listen on %s: a file that is not a socket is in the way", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		defer conn.Close()
		other, _ := peerOf(conn) // pid 0 when the kernel would not say
		return &HeldError{Path: path, PID: int(other.pid)}
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	return nil
}

// restrict leaves the socket to its owner and the group. Until it has run the
// file may be wider, which is harmless: every connection is checked again.
func restrict(path string) error {
	if gid, ok := groupID(groupName); ok && os.Geteuid() == 0 {
		if err := os.Chown(path, -1, gid); err != nil {
			return fmt.Errorf("restrict socket: %w", err)
		}
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return fmt.Errorf("restrict socket: %w", err)
	}
	return nil
}
