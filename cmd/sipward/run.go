package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/daemon"
)

func runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [--config FILE] [--monitor|--enforce]",
		Short: "Watch this machine and keep attackers out",
		Long: `Run in the foreground and log to standard error: watch the SIP ports and the
server's logs, decide, and (in enforce mode) keep attackers out in the kernel.
SIGHUP reads the settings again. SIGTERM ends it and leaves the bans in the
kernel, where they run out by themselves; "sipward stop --clear" removes them.`,
		Args: wants(),
		RunE: runDaemon,
	}
	addSettingsFlags(cmd)
	cmd.Flags().String("record", "", "write the packets judged to a capture `FILE`")
	return daemonVerb(cmd)
}

// addSettingsFlags are the flags that overrule the settings.
func addSettingsFlags(cmd *cobra.Command) {
	cmd.Flags().String("config", "", "settings `FILE` (default "+config.DefaultPath+", if there)")
	cmd.Flags().Bool("monitor", false, "decide but enforce nothing, whatever the settings say")
	cmd.Flags().Bool("enforce", false, "enforce, whatever the settings say")
	cmd.MarkFlagsMutuallyExclusive("monitor", "enforce")
	cmd.Flags().String("state", "", "`DIR` for what must outlive the process, whatever the settings say")
}

// garbage is how much memory may be waiting for the collector, in percent of
// what is in use. Nearly all of that is tables without pointers, which the
// collector need not walk: to run often costs it little, and doubles nothing. The
// start, which fills the table of bans, is over sooner without.
const garbage = 25

func runDaemon(cmd *cobra.Command, _ []string) error {
	ctx, stop := untilInterrupted(cmd)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	stderr := cmd.ErrOrStderr()
	log := slog.New(slog.NewTextHandler(stderr, nil))
	record, err := recordFile(cmd)
	if err != nil {
		return err
	}
	socket, _ := cmd.Flags().GetString("socket")
	o := daemon.Options{
		Load:   func() (*config.Config, error) { return runSettings(cmd) },
		Socket: socket, Hangup: hangup, Log: log, Version: version,
		Ready: func() {
			if os.Getenv("GOGC") == "" { // whoever sets it knows better
				debug.SetGCPercent(garbage)
			}
			fmt.Fprintln(stderr, "sipward: ready")
		},
	}
	if record != nil {
		defer record.Close()
		o.Record = record
	}
	return startError(daemon.Run(ctx, o))
}

// startError puts what keeps a daemon from running into three parts.
func startError(err error) error {
	var held *control.HeldError
	var wrong *config.Error
	switch {
	case errors.As(err, &held):
		return &control.Problem{What: err.Error(), Do: "sipward status", Kind: err}
	case errors.As(err, &wrong):
		return wrongSettings(err)
	case errors.Is(err, fs.ErrPermission):
		return &control.Problem{What: err.Error(), Why: "watching the network and commanding the kernel need root",
			Do: "try again with sudo", Kind: err}
	}
	return err
}

// runSettings reads the settings and lets the flags overrule them.
func runSettings(cmd *cobra.Command) (*config.Config, error) {
	path, _ := cmd.Flags().GetString("config")
	c, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	if monitor, _ := cmd.Flags().GetBool("monitor"); monitor {
		c.Mode = config.Monitor
	}
	if enforce, _ := cmd.Flags().GetBool("enforce"); enforce {
		c.Mode = config.Enforce
	}
	if state, _ := cmd.Flags().GetString("state"); state != "" {
		if c.State, err = filepath.Abs(state); err != nil {
			return nil, fmt.Errorf("find state directory: %w", err)
		}
	}
	return c, nil
}

func recordFile(cmd *cobra.Command) (io.WriteCloser, error) {
	path, _ := cmd.Flags().GetString("record")
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return file, nil
}
