package tail

import (
	"io/fs"
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
