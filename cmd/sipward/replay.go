package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/answer"
	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/replay"
	"github.com/sipward/sipward/internal/terminal"
)

func replayCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay [--config FILE] [--messages] FILE...",
		Short: "Judge captures and logs: what would have happened?",
		Long: `Judge recorded traffic by its own clock, as fast as the machine can: pcap and
pcapng captures and server logs, plain or gzipped, and dumps of HEP packets.
Several files are merged by time. Nothing is blocked, no daemon and no privilege
is needed, and the same files always give the same verdicts.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd.CommandPath()+" wants FILE", "", cmd.UseLine())
			}
			return nil
		},
		RunE: runReplay,
	}
	cmd.Flags().String("config", "", "settings `FILE` to judge by (default: none are read)")
	cmd.Flags().Bool("messages", false, "print every SIP message too")
	cmd.Flags().Bool("summary", false, "print the summary only")
	addLogFlags(cmd)
	return cmd
}

// replayGarbage is how much garbage a replay lets lie, in percent of what it uses.
const replayGarbage = 15

func runReplay(cmd *cobra.Command, files []string) error {
	settings, err := replaySettings(cmd)
	if err != nil {
		return err
	}
	options, err := replayOptions(cmd, settings)
	if err != nil {
		return err
	}
	out := newOutput(cmd)
	buffered := bufio.NewWriterSize(out.W, 1<<16)
	out.W = buffered
	options.Messages, _ = cmd.Flags().GetBool("messages")
	quiet, _ := cmd.Flags().GetBool("summary")
	if !quiet {
		options.Report = &replayReport{out: out}
	}
	options.Read = new(atomic.Int64)
	// Nearly all of a replay's memory is tables without pointers: to collect often
	// costs little, and to let garbage grow as large as the tables would double it.
	debug.SetGCPercent(replayGarbage)
	stop := terminal.ShowProgress(cmd.ErrOrStderr(), options.Read, sizes(files)*options.Passes())
	summary, err := replay.Run(files, options)
	stop()
	if err != nil {
		buffered.Flush()
		return replayError(err)
	}
	for _, warning := range summary.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "sipward: "+terminal.Printable(warning))
	}
	if err := replaySummary(out, summary); err != nil {
		return err
	}
	return buffered.Flush()
}

// replaySettings reads --config; a replay without it depends on no file.
func replaySettings(cmd *cobra.Command) (*config.Config, error) {
	path, _ := cmd.Flags().GetString("config")
	if path == "" {
		return config.Default(), nil
	}
	return loadConfig(path)
}

func replayOptions(cmd *cobra.Command, c *config.Config) (replay.Options, error) {
	format, clock, err := logFlags(cmd)
	o := replay.Options{Local: c.Local, Format: format, Clock: clock}
	o.Ports, o.Streams = config.Ports(c.Listen)
	for _, l := range c.Listen {
		o.Transports = append(o.Transports, l.Transport)
	}
	o.Never = policy.Named(c.Allow, c.Local, c.Trunks)
	return o, err
}

func replayError(err error) error {
	problem := &control.Problem{What: err.Error(), Kind: control.ErrInvalid}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		problem.Kind = err
	case errors.Is(err, replay.ErrInput):
		problem.Do = "give a pcap or pcapng capture, a server's log, or a dump of HEP packets"
	}
	return problem
}

// replayReport prints what a replay finds, as it finds it.
type replayReport struct {
	out *answer.Output
}

// Message implements replay.Report.
func (r *replayReport) Message(e *event.Event) {
	m := replay.ObjectOfMessage(e)
	if r.out.JSON {
		r.put(m)
		return
	}
	what := m.Method
	if m.Status > 0 {
		what = fmt.Sprintf("%d %s", m.Status, m.Method)
	}
	from, to := net.JoinHostPort(m.Src, fmt.Sprint(m.Sport)), net.JoinHostPort(m.Dst, fmt.Sprint(m.Dport))
	r.out.Printf("%s  %s\n", r.out.Clock(m.Time), terminal.Fit(terminal.Printable(from+" > "+to+"  "+what), answer.Columns-21))
}

// Finding implements replay.Report.
func (r *replayReport) Finding(f *detect.Finding) {
	if r.out.JSON {
		r.put(replay.ObjectOfFinding(f))
	}
}

// Ban implements replay.Report.
func (r *replayReport) Ban(b *ban.Ban) {
	if r.out.JSON {
		r.put(replay.ObjectOfBan(b))
		return
	}
	what := fmt.Sprintf("%s %s for %s, request %d", b.Action, answer.Prefix(b.Prefix), answer.Ago(b.Until.Sub(b.Since)), b.Requests)
	r.out.Printf("%s  %s\n", r.out.Clock(b.Since), r.out.Paint(answer.Red, what))
	r.out.Field("  because", b.Why)
}

// put prints an object; an error on standard output shows at the last flush.
func (r *replayReport) put(v any) { _ = r.out.Object(v) }

func replaySummary(o *answer.Output, s replay.Summary) error {
	if s.Local == nil {
		s.Local = []netip.Addr{}
	}
	if o.JSON {
		return o.Object(replay.SummaryObject{Type: "summary", Summary: s})
	}
	o.Field("read", fmt.Sprintf("%s packets, %s SIP messages, %s log lines, %s skipped",
		answer.Grouped(s.Packets), answer.Grouped(s.Messages), answer.Grouped(s.Lines), answer.Grouped(s.Skipped)))
	o.Field("found", fmt.Sprintf("%s findings, %s from %s",
		answer.Grouped(s.Findings), answer.Counted(int(s.Bans), "ban", "bans"), answer.Counted(s.Sources, "source", "sources")))
	o.Field("our side", fmt.Sprint(s.Local))
	return nil
}

// addLogFlags are the flags of every verb that reads logs.
func addLogFlags(cmd *cobra.Command) {
	words := make([]string, len(logline.Names))
	for i, name := range logline.Names {
		words[i] = string(name)
	}
	cmd.Flags().Var(&choice{word: string(logline.Auto), words: words}, "format", "whose log it is: "+strings.Join(words, ", "))
	cmd.Flags().String("now", "", "reference `TIME` for stamps without a year (default: now)")
	cmd.Flags().String("tz", "", "`ZONE` of stamps without one, as Europe/Berlin (default: local)")
}

// logFlags reads what addLogFlags added.
func logFlags(cmd *cobra.Command) (logline.Format, logline.Clock, error) {
	format := logline.Format(cmd.Flags().Lookup("format").Value.String())
	clock := logline.Clock{Now: time.Now(), Zone: time.Local}
	if text, _ := cmd.Flags().GetString("now"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return format, clock, usageError(fmt.Sprintf("cannot read --now %q", text), "it is no RFC 3339 time", "write it as 2026-11-22T10:00:00Z")
		}
		clock.Now = at
	}
	if text, _ := cmd.Flags().GetString("tz"); text != "" {
		zone, err := time.LoadLocation(text)
		if err != nil {
			return format, clock, usageError(fmt.Sprintf("cannot read --tz %q", text), "no such time zone is known here", "write it as Europe/Berlin or UTC")
		}
		clock.Zone = zone
	}
	return format, clock, nil
}

// sizes adds up the files that can be measured.
func sizes(files []string) int64 {
	var whole int64
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			whole += info.Size()
		}
	}
	return whole
}
