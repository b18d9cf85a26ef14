package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/terminal"
)

// TestObject wants JSON that means the same and is harmless on a terminal.
func TestObject(t *testing.T) {
	text := "é 日本 <&> \x00\x1b\x7f\u009b31m \u202e\u2028\ufeff \U000e0041"
	var b strings.Builder
	o := output{w: &b}
	if err := o.object(map[string]string{"why": text}); err != nil {
		t.Fatal(err)
	}
	want := `{"why":"é 日本 <&> \u0000\u001b\u007f\u009b31m \u202e\u2028\ufeff \udb40\udc41"}` + "\n"
	if b.String() != want {
		t.Errorf("\n got %s\nwant %s", b.String(), want)
	}
	var again map[string]string
	if err := json.Unmarshal([]byte(b.String()), &again); err != nil || again["why"] != text {
		t.Errorf("it is read back as %q, %v", again["why"], err)
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 59*time.Minute + 59*time.Second + 999*time.Millisecond: "1h",
		6*time.Hour + 12*time.Minute + 30*time.Second: "6h12m", 49*time.Hour + 30*time.Minute: "2d1h", -time.Minute: "0s",
	} {
		if got := ago(d); got != want {
			t.Errorf("ago(%v) = %s, want %s", d, got, want)
		}
	}
	for span, want := range map[string]string{"6h12m": "6h", "59s": "59s", "forever": "forever"} {
		if got := brief(span); got != want {
			t.Errorf("brief(%s) = %s", span, got)
		}
	}
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s", n, got)
		}
	}
	if got := terminal.Fit("abcdef", 4); got != "abc…" {
		t.Errorf("fit gives %q", got)
	}
}

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
			if utf8.RuneCountInString(line) > columns {
				t.Errorf("%s: %q is wider than %d", cmd.CommandPath(), line, columns)
			}
		}
		if most := 40; len(lines) > most {
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
		if o.colour != c.want || (o.paint(red, "x") != "x") != c.want {
			t.Errorf("%s: colour %v", c.name, o.colour)
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
