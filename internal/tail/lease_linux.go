package tail

import (
	"os"

	"golang.org/x/sys/unix"
)

// released tells whether nobody has the file open for writing. The kernel
// grants a read lease only then (fcntl(2), F_SETLEASE). It refuses it to
// strangers without CAP_LEASE and on network file systems, so false may also
// mean that it could not be told.
func released(handle *os.File) bool {
	fd := handle.Fd()
	if _, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return false
	}
	// Given back at once: an open for writing would have to wait for us.
	_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
	return err == nil
}
