package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock returns the processor time that the process has used, its garbage collection included. Other processes on the
// machine do not count.
func clock() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic("riverbench: a process without a clock: " + err.Error())
	}
	return time.Duration(t.Nano())
}
