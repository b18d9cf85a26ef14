package tail

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags: never wait for a FIFO's writer.
const openFlags = unix.O_NONBLOCK

// noFollow: rotated files are looked for by name, and a link would let their
// owner point us anywhere.
const noFollow = unix.O_NOFOLLOW

// identity returns what the file system calls the file.
func identity(info fs.FileInfo) (device, inode uint64) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Dev), stat.Ino
	}
	return 0, 0
}

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
