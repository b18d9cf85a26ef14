package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Bounds of what is read. Real files are a thousand times smaller.
const (
	maxFile  = 1 << 20 // bytes of one file
	maxFiles = 256     // files of one pattern
)

// match lists the files of a pattern. A plain name is its own file, so that
// reading it tells what is wrong with it.
func match(files fs.FS, pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}
	}
	names, _ := fs.Glob(files, pattern) // fails for malformed patterns only
	return names[:min(len(names), maxFiles)]
}

// read gives the text of a file, or none if it is not there. Anything but a
// regular file is left alone: opening a FIFO would wait for its writer.
func read(files fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(files, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	f, err := files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // gone meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return text, nil
}

// state is a text that changes when one of the files does: made, removed,
// written or replaced.
func state(files fs.FS, patterns []string) string {
	var b strings.Builder
	for _, pattern := range patterns {
		for _, name := range match(files, pattern) {
			if info, err := fs.Stat(files, name); err == nil {
				fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return b.String()
}

// watchedFiles are the patterns of all files that Posts reads.
func watchedFiles() []string {
	var patterns []string
	for _, s := range services {
		patterns = append(patterns, s.pattern)
	}
	return append(patterns, sessionFiles...)
}
