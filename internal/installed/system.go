package installed

import (
	"strconv"
	"strings"
)

// System is a distribution, from os-release(5).
type System struct {
	// ID is its name in small letters ("debian"), Like those it is built from.
	ID   string
	Like []string
	// Release is its number ("12", "22.04"); empty where it has none, as
	// Debian's unstable.
	Release string
	// Name is for people.
	Name string
}

// Where os-release(5) may be.
var osRelease = []string{"etc/os-release", "usr/lib/os-release"}

// system reads the first of the two that is there. Without either, the distribution
// is not known, and only versions tell.
func (t *Tree) system() System {
	for _, name := range osRelease {
		if data, err := t.read(name, 64<<10); err == nil {
			return readSystem(string(data))
		}
	}
	return System{}
}

// readSystem reads assignments as a shell would, as far as os-release(5) permits
// them: quotes count, expansions do not exist.
func readSystem(text string) System {
	var s System
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			continue
		}
		if quoted, err := strconv.Unquote(value); err == nil {
			value = quoted
		}
		value = strings.Trim(value, "'")
		if len(value) > 128 {
			continue
		}
		switch key {
		case "ID":
			s.ID = strings.ToLower(value)
		case "ID_LIKE":
			s.Like = strings.Fields(strings.ToLower(value))
		case "VERSION_ID":
			s.Release = value
		case "PRETTY_NAME":
			s.Name = value
		}
	}
	return s
}
