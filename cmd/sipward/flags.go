package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sipward/sipward/internal/answer"
	"github.com/sipward/sipward/internal/config"
)

// forever is how flags spell a time without end.
const forever = "forever"

// span is a flag such as 10m or 7d; 0 is for ever where that makes sense.
type span struct {
	length time.Duration
	// endless permits forever, permanent and 0.
	endless bool
}

// String gives the span as it may be typed.
func (s *span) String() string {
	switch {
	case s.length > 0:
		return config.FormatDuration(s.length)
	case s.endless:
		return forever
	}
	return ""
}

// Set reads what was typed.
func (s *span) Set(text string) error {
	if s.endless && slices.Contains([]string{forever, "permanent", "0"}, strings.ToLower(text)) {
		s.length = 0
		return nil
	}
	d, mistake := config.ParseDuration(text)
	if mistake == nil && d == 0 {
		mistake = &config.Mistake{Word: text, Why: "is no time at all", Do: "write 30s, 10m, 1h30m, 7d or 2w"}
	}
	if mistake != nil {
		return mistake
	}
	s.length = d
	return nil
}

// Type names the value in the help.
func (s *span) Type() string { return "TIME" }

// choice is a flag that takes one of some words.
type choice struct {
	word  string
	words []string
}

// String gives the word.
func (c *choice) String() string { return c.word }

// Set reads what was typed.
func (c *choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		mistake := &config.Mistake{Word: text, Why: "is not known", Do: "known: " + strings.Join(c.words, ", ")}
		if near := config.Nearest(text, c.words); near != "" {
			mistake.Do = "did you mean " + near + "?"
		}
		return mistake
	}
	c.word = text
	return nil
}

// Type names the value in the help: by its words where those are few.
func (c *choice) Type() string {
	if words := strings.Join(c.words, "|"); len(words) <= 16 {
		return words
	}
	return "WORD"
}

// prefixArgument reads an address or a network from the command line.
func prefixArgument(cmd *cobra.Command, text string) (netip.Prefix, error) {
	p, mistake := config.ParsePrefix(text)
	if mistake != nil {
		return p, usageError(fmt.Sprintf("%s cannot read %q", cmd.CommandPath(), mistake.Word), "it "+mistake.Why, mistake.Do)
	}
	return p, nil
}

// newOutput follows the flags and the environment (no-color.org).
func newOutput(cmd *cobra.Command) *answer.Output {
	asJSON, _ := cmd.Flags().GetBool("json") // both flags are on the root
	plain, _ := cmd.Flags().GetBool("no-color")
	o := &answer.Output{W: cmd.OutOrStdout(), JSON: asJSON, Now: time.Now()}
	if f, ok := o.W.(*os.File); ok && !plain && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		o.Colour = term.IsTerminal(int(f.Fd()))
	}
	return o
}
