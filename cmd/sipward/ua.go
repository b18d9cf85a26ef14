package main

import (
	"bufio"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/terminal"
	"github.com/sipward/sipward/internal/useragent"
)

func uaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ua [STRING...|-]",
		Short: "Say what a User-Agent string gives away",
		Long: `Say for each User-Agent string whether tools of attack are known to write it
(bad), tools of testing (suspect), or neither (ok). With - or no argument the
strings are read from standard input, one a line. The answer is only a hint: a
User-Agent costs its sender one option to change.`,
		RunE: runUA,
	}
}

// uaAnswer is one line of the answer.
type uaAnswer struct {
	UA      string            `json:"ua"`
	Verdict useragent.Verdict `json:"verdict"`
	Token   string            `json:"token,omitempty"`
}

func runUA(cmd *cobra.Command, args []string) error {
	out := newOutput(cmd)
	if len(args) > 0 && !slices.Equal(args, []string{"-"}) {
		for _, ua := range args {
			if err := out.userAgent(ua); err != nil {
				return err
			}
		}
		return nil
	}
	lines := bufio.NewScanner(cmd.InOrStdin())
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := out.userAgent(lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (o *output) userAgent(ua string) error {
	verdict, token := useragent.Judge([]byte(ua))
	if o.json {
		return o.object(uaAnswer{UA: ua, Verdict: verdict, Token: token})
	}
	colour := map[useragent.Verdict]string{
		useragent.Bad: red, useragent.Suspect: yellow, useragent.OK: green,
	}[verdict]
	o.printf("%s  %s\n", o.paint(colour, fmt.Sprintf("%-7s", verdict)), terminal.Fit(terminal.Printable(ua), columns-9))
	return nil
}
