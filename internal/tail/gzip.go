package tail

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
)

// unpacked reads a gzip file as if it lay unpacked on the disk. Going forwards
// is cheap; the bytes last asked for are kept, because the follower looks back
// at the block before its position; going further back starts over.
type unpacked struct {
	file  *os.File
	gz    *gzip.Reader
	kept  []byte
	start int64 // unpacked offset of kept[0]
}

func (u *unpacked) rewind() error {
	if _, err := u.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind: %w", err)
	}
	gz, err := gzip.NewReader(u.file)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	u.gz, u.kept, u.start = gz, u.kept[:0], 0
	return nil
}

// ReadAt implements io.ReaderAt on unpacked offsets, for one caller at a time.
func (u *unpacked) ReadAt(p []byte, offset int64) (int, error) {
	if u.gz == nil || offset < u.start {
		if err := u.rewind(); err != nil {
			return 0, err
		}
	}
	gone := min(offset-u.start, int64(len(u.kept)))
	u.kept = u.kept[:copy(u.kept, u.kept[gone:])]
	u.start += gone
	if u.start < offset {
		n, err := io.CopyN(io.Discard, u.gz, offset-u.start)
		u.start += n
		if err != nil {
			return 0, err
		}
	}
	for len(u.kept) < len(p) {
		have := len(u.kept)
		u.kept = slices.Grow(u.kept, len(p)-have)
		n, err := u.gz.Read(u.kept[have:len(p)])
		u.kept = u.kept[:have+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return copy(p, u.kept), fmt.Errorf("unpack: %w", err)
		}
	}
	n := copy(p, u.kept)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
