package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/advisory"
	"github.com/sipward/sipward/internal/installed"
)

// TestApply types answers at a terminal: nothing but a yes there runs anything,
// and a command that goes wrong is the last one.
func TestApply(t *testing.T) {
	j := judged{
		packages: []installed.Package{{Name: "kamailio", Version: "1", Manager: installed.Dpkg, Siblings: []string{"kamailio"}}},
		records:  []advisory.Record{{Package: "kamailio", Version: "1", State: advisory.Affected}},
	}
	for _, c := range []struct {
		name, typed string
		terminal    bool
		ends        int // the exit code of the package manager
		code        int
		ran         string
	}{
		{"nobody is there", "y\n", false, 0, exitNotConfirmed, ""},
		{"no", "n\n", true, 0, exitNotConfirmed, ""},
		{"only Enter", "\n", true, 0, exitNotConfirmed, ""},
		{"something else", "yikes\n", true, 0, exitNotConfirmed, ""},
		{"yes, and the first command goes wrong", "y\n", true, 3, exitFailed, "update\n"},
		{"yes", "yes\n", true, 0, exitDone, "update\ninstall --only-upgrade kamailio\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			log := filepath.Join(dir, "log")
			script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >> %s\nexit %d\n", log, c.ends)
			if err := os.WriteFile(filepath.Join(dir, "apt-get"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			cmd := advisoriesCommand()
			cmd.SetContext(t.Context())
			var out, said strings.Builder
			cmd.SetOut(&out)
			cmd.SetErr(&said)
			if c.terminal {
				cmd.SetIn(typedAt(t, c.typed))
			} else {
				cmd.SetIn(strings.NewReader(c.typed))
			}
			err := upgrade(cmd, newOutput(cmd), j, true)
			if code := exitCode(err); code != c.code {
				t.Errorf("%v: exit code %d, want %d", err, code, c.code)
			}
			ran, err := os.ReadFile(log)
			if string(ran) != c.ran || (c.ran == "") != errors.Is(err, os.ErrNotExist) {
				t.Errorf("it ran %q, want %q", ran, c.ran)
			}
			if !strings.HasPrefix(out.String(), "apt-get update\napt-get install --only-upgrade kamailio\n") {
				t.Errorf("it printed %q", out.String())
			}
		})
	}
}

// typedAt gives a terminal at which somebody has typed a line.
func typedAt(t *testing.T, line string) *os.File {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	if err := unix.IoctlSetPointerInt(int(near.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(near.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	far, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	if _, err := near.WriteString(line); err != nil {
		t.Fatal(err)
	}
	return far
}
