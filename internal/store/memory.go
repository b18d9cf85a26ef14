package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// memoryDirs are where a state directory in memory can be made, the best first.
func memoryDirs() []string { return []string{"/run", "/dev/shm", os.TempDir()} }

// OpenAnyway is Open, except that a directory that cannot be used, on a disk that
// has become read-only or gives errors, must not keep sipward from its work: what
// it holds is copied into memory and used from there until Close, and trouble
// says why. ErrLocked and ErrNewer stay errors.
func OpenAnyway(dir string, now time.Time) (s *Store, trouble, err error) {
	s, err = Open(dir, now)
	if err == nil || errors.Is(err, ErrLocked) || errors.Is(err, ErrNewer) {
		return s, nil, err
	}
	for _, parent := range memoryDirs() {
		memory, failed := os.MkdirTemp(parent, "sipward-state-")
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		copied := copyState(memory, dir)
		if s, failed = Open(memory, now); failed == nil {
			s.memory = memory
			return s, errors.Join(err, copied), nil
		}
		err = errors.Join(err, failed, os.RemoveAll(memory))
	}
	return nil, nil, fmt.Errorf("open state: %w", err)
}

// copyState copies a database that nobody uses, if there is one, with the
// changes that are still in its log.
func copyState(to, from string) error {
	for _, name := range []string{fileName, fileName + "-wal"} {
		source := filepath.Join(from, name)
		if err := copyFile(source, filepath.Join(to, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("copy %s: %w", source, err)
		}
	}
	return nil
}
