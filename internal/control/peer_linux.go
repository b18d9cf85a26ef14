package control

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who connected.
func peerOf(c net.Conn) (peer, error) {
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return peer{}, fmt.Errorf("read peer: %T is not a unix socket", c)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer{}, fmt.Errorf("read peer: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return peer{}, fmt.Errorf("read peer: %w", err)
	}
	if credErr != nil {
		return peer{}, fmt.Errorf("read peer: %w", credErr)
	}
	return peer{cred.Pid, cred.Uid, cred.Gid}, nil
}
