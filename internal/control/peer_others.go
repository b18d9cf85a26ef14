//go:build !linux

package control

import (
	"errors"
	"fmt"
	"net"
)

// peerOf fails, so nobody may command a daemon here; the daemon itself needs
// Linux too.
func peerOf(net.Conn) (peer, error) {
	return peer{}, fmt.Errorf("read peer: %w", errors.ErrUnsupported)
}
