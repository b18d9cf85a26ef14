package tail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// blockSize is how many bytes at the head of a file, and how many before the
// read position, identify its content. A log's first 256 bytes hold at least
// one time stamp, so two files of one log do not share them.
const blockSize = 256

// Fingerprint is a digest of a block of a file. It is cut to 16 bytes: log
// lines are written by strangers, so it has to resist being forged, but a
// checkpoint should stay small.
type Fingerprint [16]byte

func fingerprint(block []byte) Fingerprint {
	sum := sha256.Sum256(block)
	return Fingerprint(sum[:16])
}

// MarshalText writes the fingerprint in hexadecimal.
func (p Fingerprint) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, p[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (p *Fingerprint) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(p) {
		return fmt.Errorf("read fingerprint: %d characters, want %d", len(text), hex.EncodedLen(len(p)))
	}
	if _, err := hex.Decode(p[:], text); err != nil {
		return fmt.Errorf("read fingerprint: %w", err)
	}
	return nil
}

// Position says how far one file has been read, and how to know the file
// again after it was renamed, copied or compressed.
type Position struct {
	Device   uint64      `json:"device"`
	Inode    uint64      `json:"inode"`
	Offset   int64       `json:"offset"`             // of the first byte not yet delivered, unpacked
	Skipping bool        `json:"skipping,omitempty"` // Offset lies inside the rest of a line that was cut
	Head     []byte      `json:"head,omitempty"`     // the first ≤ 256 bytes seen, delivered or not
	Last     Fingerprint `json:"last"`               // of the ≤ 256 bytes before Offset
	Modified time.Time   `json:"modified"`           // as the file system said, before it was last read
	Done     bool        `json:"done,omitempty"`     // read to its end; kept so that it is not read again
}

// Checkpoint is all a follower needs to go on after a restart. It covers
// exactly the lines delivered, and marshals to a few kilobytes of JSON.
type Checkpoint struct {
	// Files are the files known, the oldest first. Usually there is one; while
	// a rotated file may still grow there are more.
	Files []Position `json:"files"`
	// Modified is the newest modification time among the files followed. A
	// rotated file that is older and unknown is history from before our time.
	Modified time.Time `json:"modified"`
}

// ErrCheckpoint is wrapped by Open's error when the checkpoint cannot be one
// that a Follower made.
var ErrCheckpoint = errors.New("invalid checkpoint")

func (c *Checkpoint) check() error {
	for i := range c.Files {
		p := &c.Files[i]
		if p.Offset < 0 || len(p.Head) > blockSize {
			return fmt.Errorf("%w: file %d: offset %d, head of %d bytes", ErrCheckpoint, i, p.Offset, len(p.Head))
		}
	}
	return nil
}

// before returns how many bytes before an offset Last covers.
func before(offset int64) int64 { return min(offset, blockSize) }

// likeness is what comparing a file's content with a Position can tell.
type likeness int

const (
	different likeness = iota
	beginning          // as far as it goes the same, but shorter than what was read
	same               // holds everything that was read, and perhaps more
)

// compare tells whether content begins with what was read up to the position.
// No byte proves nothing: an empty file is different from everything, and so is
// everything from a position that has seen none; there the inode has to tell.
func (p *Position) compare(content io.ReaderAt) (likeness, error) {
	if len(p.Head) == 0 {
		return different, nil
	}
	var block [blockSize]byte
	head := block[:len(p.Head)]
	n, err := readAt(content, head, 0)
	switch {
	case err != nil:
		return different, err
	case n == 0 || !bytes.HasPrefix(p.Head, head[:n]):
		return different, nil
	case n < len(head):
		return beginning, nil
	case p.Offset <= int64(len(head)):
		return same, nil
	}
	last := block[:before(p.Offset)]
	n, err = readAt(content, last, p.Offset-int64(len(last)))
	switch {
	case err != nil:
		return different, err
	case n < len(last):
		return beginning, nil
	case fingerprint(last) != p.Last:
		return different, nil
	}
	return same, nil
}

// readAt reads as much of block as there is. The end of the file is no error.
func readAt(content io.ReaderAt, block []byte, offset int64) (int, error) {
	n, err := content.ReadAt(block, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
