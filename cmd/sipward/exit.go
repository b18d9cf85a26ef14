package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

// The exit codes. They are the same for every verb.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitUnreachable  = 3
	exitNotPermitted = 4
	exitNotFound     = 5
	exitRefused      = 6
	exitInvalid      = 7
	exitNotConfirmed = 8
	exitPartly       = 9
	exitFindings     = 10
	exitDegraded     = 11
	exitInterrupted  = 130
)

// exitError ends the process with a code of its own. Err is nil where the
// answer on standard output has said everything.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// errUsage marks a command line that cannot be meant.
var errUsage = errors.New("wrong usage")

// usageError reports a wrong command line in three parts.
func usageError(what, why, do string) error {
	return &control.Problem{What: what, Why: why, Do: do, Kind: errUsage}
}

// codes gives the exit code for each kind of error.
var codes = []struct {
	kind error
	code int
}{
	{errUsage, exitUsage},
	{control.ErrUnreachable, exitUnreachable},
	{control.ErrNotPermitted, exitNotPermitted},
	{control.ErrNotFound, exitNotFound},
	{control.ErrRefused, exitRefused},
	{control.ErrInvalid, exitInvalid},
	{control.ErrPartly, exitPartly},
	{config.ErrNoFile, exitInvalid},
	{context.Canceled, exitInterrupted},
	{fs.ErrPermission, exitNotPermitted},
}

func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	var own *exitError
	if errors.As(err, &own) {
		return own.code
	}
	var wrong *config.Error
	if errors.As(err, &wrong) {
		return exitInvalid
	}
	for _, c := range codes {
		if errors.Is(err, c.kind) {
			return c.code
		}
	}
	return exitFailed
}

// report tells the human about err on standard error and gives the exit code.
func report(cmd *cobra.Command, err error) int {
	code := exitCode(err)
	var own *exitError
	if errors.As(err, &own) {
		err = own.err
	}
	if err != nil && code != exitInterrupted {
		printError(cmd.ErrOrStderr(), err)
	}
	return code
}

// printError prints what happened, why, and what to do now.
func printError(w io.Writer, err error) {
	var p *control.Problem
	if !errors.As(err, &p) {
		p = &control.Problem{What: err.Error()}
	}
	fmt.Fprintln(w, "sipward: "+terminal.PrintableLines(p.What))
	if p.Why != "" {
		fmt.Fprintln(w, "    why: "+indentLines(terminal.PrintableLines(p.Why)))
	}
	if p.Do != "" {
		fmt.Fprintln(w, "     do: "+indentLines(terminal.PrintableLines(p.Do)))
	}
}

func indentLines(text string) string { return strings.ReplaceAll(text, "\n", "\n         ") }

// untilInterrupted gives a context that ends at SIGINT or SIGTERM, for verbs
// that wait on something. Verbs that only read and print need none: the signal
// ends them by itself.
func untilInterrupted(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}
