package process

import (
	"errors"
	"io/fs"
	"net/netip"
	"strings"
)

// tcpEstablished is the state of a connection whose handshake is done.
const tcpEstablished = "01"

// Connections gives the far ends of this machine's TCP connections, those of
// containers with a network of their own left out. Whoever stands there has
// answered a handshake, so its address is its own.
func Connections(files fs.FS) (map[netip.AddrPort]bool, error) {
	ends := map[netip.AddrPort]bool{}
	for _, name := range []string{"proc/net/tcp", "proc/net/tcp6"} {
		err := readTable(files, name, func(line string) bool {
			words := strings.Fields(line)
			if len(words) < 4 || words[3] != tcpEstablished {
				return true
			}
			if end, ok := hexAddress(words[2]); ok {
				ends[netip.AddrPortFrom(end.Addr().Unmap(), end.Port())] = true
			}
			return true
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // no IPv6, perhaps
			return nil, err
		}
	}
	return ends, nil
}
