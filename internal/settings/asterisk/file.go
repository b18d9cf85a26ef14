package asterisk

import (
	"fmt"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// File is an Asterisk file with all that it includes.
type File struct {
	Path     string // below the root
	Present  bool
	Sections []Section
	// Files are those that were read, this one and what it includes.
	Files []string
	// Unread are files that are there and cannot be read.
	Unread []string
	// Programs are the lines that ask a program for settings. None is run.
	Programs []settings.Place
}

// Blind says why not all of the file is known; "" when it is.
func (f *File) Blind() string {
	switch {
	case len(f.Unread) > 0:
		return fmt.Sprintf("/%s cannot be read.", f.Unread[0])
	case len(f.Programs) > 0:
		return fmt.Sprintf("A program writes settings at %s, and is not run.", f.Programs[0])
	}
	return ""
}

// First is the section of a name that counts where there should be only one; nil
// when there is none. A template serves others only.
func (f *File) First(name string) *Section {
	for i := range f.Sections {
		if s := &f.Sections[i]; !s.Template && strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// Find gives the setting of a key in the first section of a name: the last line
// that has it. The zero value, with the section's place if there is one, says
// that it is not set.
func (f *File) Find(section, key string) Setting {
	if s := f.First(section); s != nil {
		return s.Find(key)
	}
	return Setting{At: settings.Place{File: f.Path}}
}

// Find gives the last setting of a key in the section, or its place alone.
func (s *Section) Find(keys ...string) Setting {
	for i := len(s.Settings) - 1; i >= 0; i-- {
		for _, key := range keys {
			if s.Settings[i].Key == key {
				return s.Settings[i]
			}
		}
	}
	return Setting{At: s.At}
}

// No reads a switch that is off (ast_false): what is neither on nor off leaves
// the default as it is.
func No(value string) bool {
	switch strings.ToLower(value) {
	case "no", "false", "n", "f", "0", "off":
		return true
	}
	return false
}
