package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/dissect"
	"github.com/sipward/sipward/internal/sip"
)

func parseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "parse FILE...",
		Short: "Say what is in a SIP message",
		Long: `Say what is in each file, which holds one SIP message exactly as it arrived in
a datagram (- is standard input). Everything is read that some SIP server would
read, even from broken messages; what is wrong is listed as flaws. A message is
ok if RFC 3261 lets a server accept it. Bytes that are no UTF-8 are printed as
\xNN. Needs no daemon and no rights but to read the files.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd.CommandPath()+" wants a file", "", cmd.UseLine())
			}
			return nil
		},
		RunE: runParse,
	}
}

// runParse goes on after a file that cannot be read: the others may be what matters.
func runParse(cmd *cobra.Command, args []string) error {
	out := newOutput(cmd)
	var m sip.Message
	var failed bool
	for i, name := range args {
		data, err := readMessage(cmd.InOrStdin(), name)
		if err != nil {
			printError(cmd.ErrOrStderr(), unreadable(name, err))
			failed = true
			continue
		}
		m.Parse(data)
		if err := out.Message(i, dissect.Of(name, &m)); err != nil {
			return fmt.Errorf("print message: %w", err)
		}
	}
	if failed {
		return &exitError{code: exitFailed} // each file has had its own words
	}
	return nil
}

// readMessage reads a file. What lies beyond a mebibyte is not read: no datagram is longer than 64 KiB, and the reader
// only has to see that there is more.
func readMessage(stdin io.Reader, name string) ([]byte, error) {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	return io.ReadAll(io.LimitReader(from, 1<<20))
}

// unreadable says what, why and what to do.
func unreadable(name string, err error) error {
	p := &control.Problem{What: "cannot read " + name, Why: err.Error(), Do: "name a file that holds one SIP message"}
	var path *fs.PathError
	if errors.As(err, &path) {
		p.Why = path.Err.Error()
	}
	if errors.Is(err, fs.ErrPermission) {
		p.Do = "run it as a user who may read the file"
	}
	return p
}
