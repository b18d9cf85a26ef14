package daemon

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sipward/sipward/internal/store"
)

// memoryDirs are where a state directory in memory can be made, the best first.
var memoryDirs = []string{"/run", "/dev/shm", os.TempDir()}

// state is the open store and what had to be done to have one.
type state struct {
	*store.Store
	// memory is the directory that stands in for the one of the settings, empty
	// when that is in use; trouble is why.
	memory  string
	trouble error
}

// openState opens the state directory. One that cannot be used, on a disk that
// has become read-only or gives errors, must not keep sipward from its work:
// what it holds is copied into memory and used from there. Another process that
// uses the directory, and a later version's, stay errors.
func openState(dir string, now time.Time) (state, error) {
	s, err := store.Open(dir, now)
	if err == nil || errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrNewer) {
		return state{Store: s}, err
	}
	for _, parent := range memoryDirs {
		memory, failed := os.MkdirTemp(parent, "sipward-state-")
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		copied := store.Copy(memory, dir)
		if s, failed = store.Open(memory, now); failed == nil {
			return state{s, memory, errors.Join(err, copied)}, nil
		}
		err = errors.Join(err, failed, os.RemoveAll(memory))
	}
	return state{}, fmt.Errorf("open state: %w", err)
}

// Close closes the store. What was in memory only is gone then, as `status` said.
func (s *state) Close() error {
	err := s.Store.Close()
	if s.memory != "" {
		err = errors.Join(err, os.RemoveAll(s.memory))
	}
	return err
}
