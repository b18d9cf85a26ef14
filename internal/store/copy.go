package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Copy copies a database that nobody uses, if there is one, into another
// directory, with the changes that are still in its log.
func Copy(to, from string) error {
	for _, name := range []string{fileName, fileName + "-wal"} {
		source := filepath.Join(from, name)
		if err := copyFile(source, filepath.Join(to, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("copy %s: %w", source, err)
		}
	}
	return nil
}
