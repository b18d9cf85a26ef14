package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/answer"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/explain"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/custom"
	"github.com/sipward/sipward/internal/terminal"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain [FILE|-]",
		Short: "Say what each line of a log means",
		Long: `Say for each line of a SIP server's log what it means: whether it is evidence
(hostile), no evidence against anybody (benign), shaped by an attacker
(tampered), perhaps about security but of no known form (near), or something
else (unknown). With - or no argument the log is read from standard input; it
may be gzipped. Needs no daemon and no rights but to read the file.

A form of your own can be read by a pattern, a file with a regular expression
and samples that prove it; --check tells whether it is sound.`,
		Args: wants("[FILE]"),
		RunE: runExplain,
	}
	addLogFlags(cmd)
	cmd.Flags().String("pattern", "", "read lines of no known form by the pattern in `FILE`")
	cmd.Flags().String("check", "", "only check the pattern in `FILE`: exit 0 or 7")
	return cmd
}

func runExplain(cmd *cobra.Command, args []string) error {
	if name, _ := cmd.Flags().GetString("check"); name != "" {
		return checkPattern(newOutput(cmd), name)
	}
	format, clock, err := logFlags(cmd)
	if err != nil {
		return err
	}
	from := cmd.InOrStdin()
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("open log: %w", err)
		}
		defer file.Close()
		from = file
	}
	log, err := logline.NewFile(from, format, clock)
	if err != nil {
		return unreadableLog(err)
	}
	if name, _ := cmd.Flags().GetString("pattern"); name != "" {
		own, err := openPattern(name)
		if err != nil {
			return err
		}
		log.Use(own)
	}
	out := newOutput(cmd)
	if from == cmd.InOrStdin() { // somebody may be typing, or following a log
		return explainLog(out, log)
	}
	buffered := bufio.NewWriterSize(out.W, 1<<16)
	out.W = buffered
	return errors.Join(explainLog(out, log), buffered.Flush())
}

// openPattern reads a pattern; a bad one is told with all its mistakes.
func openPattern(name string) (*custom.Pattern, error) {
	own, err := custom.Open(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &control.Problem{What: "this pattern cannot be used", Why: err.Error(), Kind: control.ErrInvalid}
	}
	return own, err
}

// checkPattern says whether a pattern is sound.
func checkPattern(o *answer.Output, name string) error {
	own, err := openPattern(name)
	if err != nil {
		return err
	}
	if o.JSON {
		return o.Object(map[string]any{"file": name, "ok": true, "samples": own.Samples()})
	}
	o.Printf("ok: %s, proved by %s\n", terminal.Printable(name), answer.Counted(own.Samples(), "sample", "samples"))
	return nil
}

// unreadableLog is input that is there and cannot be read: a directory, half a
// gzip.
func unreadableLog(err error) error {
	return &control.Problem{What: "read log: " + err.Error(), Do: "give a server's log, plain or gzipped", Kind: control.ErrInvalid}
}

func explainLog(o *answer.Output, log *logline.File) error {
	for {
		e, err := log.NextLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadableLog(err)
		}
		x := explain.Of(e)
		if err := o.LogLine(&x); err != nil {
			return err
		}
	}
}
