// Package cputime is the clock of the tools that measure: a busy machine does not
// move it.
package cputime

import (
	"time"

	"golang.org/x/sys/unix"
)

// Used returns the processor time that the process has used, its garbage collection included. Other processes on the
// machine do not count.
func Used() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic("cputime: a process without a clock: " + err.Error())
	}
	return time.Duration(t.Nano())
}
