package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/answer"
)

// TestHelpFits holds every verb's help to a terminal, the first to one screen.
func TestHelpFits(t *testing.T) {
	verbs := 0
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		verbs++
		var text strings.Builder
		cmd.SetOut(&text)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
		for _, line := range lines {
			if utf8.RuneCountInString(line) > answer.Columns {
				t.Errorf("%s: %q is wider than %d", cmd.CommandPath(), line, answer.Columns)
			}
		}
		if most := 45; len(lines) > most {
			t.Errorf("%s: %d lines", cmd.CommandPath(), len(lines))
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short text %q", cmd.CommandPath(), cmd.Short)
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(rootCommand())
	if verbs < 15 {
		t.Errorf("only %d verbs", verbs)
	}
}

// TestColour wants colour on a terminal, and only there, and only when wanted.
func TestColour(t *testing.T) {
	terminal := openTerminal(t)
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		name          string
		to            *os.File
		noColor, term string
		flags         []string
		want          bool
	}{
		{"a file", file, "", "xterm", nil, false},
		{"NO_COLOR", terminal, "1", "xterm", nil, false},
		{"a dumb terminal", terminal, "", "dumb", nil, false},
		{"--no-color", terminal, "", "xterm", []string{"--no-color"}, false},
		{"a terminal", terminal, "", "xterm", nil, true},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		cmd := rootCommand()
		cmd.SetOut(c.to)
		if err := cmd.ParseFlags(c.flags); err != nil {
			t.Fatal(err)
		}
		o := newOutput(cmd)
		if o.Colour != c.want || (o.Paint(answer.Red, "x") != "x") != c.want {
			t.Errorf("%s: colour %v", c.name, o.Colour)
		}
	}
}

// openTerminal gives the far side of a new pseudo-terminal (pts(4)).
func openTerminal(t *testing.T) *os.File {
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
	return far
}
