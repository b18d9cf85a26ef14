package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/tools/cputime"
)

// replay judges the log with the binary, whole river and all.
func replay(binary, log string) (measured, error) {
	out, m, err := command(binary, "replay", "--summary", "--json", "--tz", "UTC", log)
	if err != nil {
		return m, err
	}
	var summary struct {
		Lines, Bans uint64
	}
	if err := json.Unmarshal(out, &summary); err != nil {
		return m, fmt.Errorf("read summary: %w", err)
	}
	if summary.Bans == 0 {
		return m, errors.New("replay: nobody was banned, so this measures nothing")
	}
	m.lines = summary.Lines
	return m, nil
}

// read reads the log in this process, and drops what the lines say.
func read(log string) (measured, error) {
	began, used := time.Now(), cputime.Used()
	file, err := os.Open(log)
	if err != nil {
		return measured{}, fmt.Errorf("open log: %w", err)
	}
	defer file.Close()
	lines, err := logline.NewFile(file, logline.Auto, logline.Clock{Now: time.Now(), Zone: time.UTC})
	if err != nil {
		return measured{}, fmt.Errorf("open log: %w", err)
	}
	for err == nil {
		_, err = lines.Next()
	}
	if !errors.Is(err, io.EOF) {
		return measured{}, fmt.Errorf("read log: %w", err)
	}
	m := measured{lines: lines.Lines(), wall: time.Since(began), cpu: cputime.Used() - used}
	var process syscall.Rusage // of all that this process has done so far; the log is the largest part
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &process); err != nil {
		return m, fmt.Errorf("ask for own memory: %w", err)
	}
	m.peak = process.Maxrss
	return m, nil
}

// fail2ban runs fail2ban-regex over the log; false when it is not installed.
func fail2ban(log string) (measured, bool, error) {
	if _, err := exec.LookPath("fail2ban-regex"); err != nil {
		return measured{}, false, nil
	}
	out, m, err := command("fail2ban-regex", log, "asterisk")
	if err != nil {
		return m, true, err
	}
	m.lines, err = linesOf(string(out))
	return m, true, err
}

// linesOf finds "Lines: 1234 lines, 0 ignored, 321 matched, 913 missed".
func linesOf(report string) (uint64, error) {
	_, rest, ok := strings.Cut(report, "\nLines: ")
	figure, rest, ok2 := strings.Cut(rest, " lines, ")
	lines, err := strconv.ParseUint(figure, 10, 64)
	if !ok || !ok2 || err != nil {
		return 0, errors.New("read report of fail2ban-regex: it does not say how many lines it read")
	}
	if strings.Contains(rest, " 0 matched") {
		return 0, errors.New("read report of fail2ban-regex: no line matched, so this compares nothing")
	}
	return lines, nil
}

// command runs a program to its end and measures it.
func command(name string, args ...string) ([]byte, measured, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return nil, measured{}, fmt.Errorf("run %s: %w", name, err)
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return out, measured{wall: time.Since(began), cpu: time.Duration(used.Utime.Nano() + used.Stime.Nano()), peak: used.Maxrss}, nil
}
