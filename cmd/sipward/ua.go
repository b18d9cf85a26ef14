package main

import (
	"bufio"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/answer"
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

func runUA(cmd *cobra.Command, args []string) error {
	out := newOutput(cmd)
	if len(args) > 0 && !slices.Equal(args, []string{"-"}) {
		for _, ua := range args {
			if err := judgeUA(out, ua); err != nil {
				return err
			}
		}
		return nil
	}
	lines := bufio.NewScanner(cmd.InOrStdin())
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := judgeUA(out, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func judgeUA(out *answer.Output, ua string) error {
	verdict, token := useragent.Judge([]byte(ua))
	return out.UserAgent(ua, verdict, token)
}
